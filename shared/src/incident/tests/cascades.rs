//! One root and what lies downstream of it is one incident.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use proptest::prelude::*;

use super::*;
use crate::incident::{Outcome, State};
use Severity::{Critical, High, Medium};

const DATASETS: usize = 51;

/// A graph of datasets in which all are made from the first; each from others with smaller numbers.
#[derive(Debug, Clone)]
struct Graph {
    parents: Vec<BTreeSet<usize>>,
}

fn name(number: usize) -> String {
    format!("domain.d{number:02}")
}

impl Graph {
    fn star() -> Self {
        let parents = |number: usize| if number == 0 { BTreeSet::new() } else { [0].into() };
        Self { parents: (0..DATASETS).map(parents).collect() }
    }

    fn ancestors(&self, number: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut next: Vec<usize> = self.parents[number].iter().copied().collect();
        while let Some(parent) = next.pop() {
            if found.insert(parent) {
                next.extend(&self.parents[parent]);
            }
        }
        found
    }

    fn context(&self, number: usize) -> Context {
        let upstream = self.ancestors(number).into_iter().map(name).collect();
        let below = (0..DATASETS).filter(|other| self.ancestors(*other).contains(&number));
        let downstream = below.map(name).collect();
        Context { domain: "domain".to_owned(), owner: None, upstream, downstream }
    }

    async fn report(
        &self,
        incidents: &Incidents<MemoryStore>,
        number: usize,
        minutes: i64,
    ) -> Reported {
        let context = self.context(number);
        incidents.find_bad_among(&key(&name(number)), Medium, minutes, &context).await
    }
}

fn graph() -> impl Strategy<Value = Graph> {
    let parents = |number: usize| {
        if number == 0 {
            Just(BTreeSet::new()).boxed()
        } else {
            prop::collection::btree_set(0..number, 1..4).boxed()
        }
    };
    (0..DATASETS).map(parents).collect::<Vec<_>>().prop_map(|parents| Graph { parents })
}

async fn check_all_are_under_the_root(incidents: &Incidents<MemoryStore>) {
    let root = incidents.now(&key(&name(0))).await;
    assert_eq!(root.affected.len(), DATASETS - 1);
    for number in 1..DATASETS {
        let member = incidents.now(&key(&name(number))).await;
        assert_eq!(member.root, Some(root.as_root()), "{number}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_cascade_whose_root_comes_first_is_told_once(
        graph in graph(),
        order in Just((1..DATASETS).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        block_on(async {
            let incidents = incidents();
            graph.report(&incidents, 0, 10).await;
            for number in &order {
                let reported = graph.report(&incidents, *number, 11).await;
                assert_eq!(reported.outcome, Outcome::Grouped);
                assert_eq!(graph.report(&incidents, *number, 12).await.outcome, Outcome::Updated);
            }
            assert_eq!(incidents.told(), [(key(&name(0)), ChangeKind::Opened)]);
            check_all_are_under_the_root(&incidents).await;
            // Downstream first or last: who was never told is not told to be good.
            for number in order.iter().copied().chain([0]) {
                assert!(incidents.find_good(&key(&name(number)), 20).await.is_some());
            }
            let told = incidents.told();
            assert_eq!(told[1..], [(key(&name(0)), ChangeKind::Resolved)]);
            let root = incidents.now(&key(&name(0))).await;
            assert!(root.affected.iter().all(|member| member.resolved));
        });
    }

    #[test]
    fn a_root_that_comes_last_adopts_all_and_tells_none_of_them_again(
        graph in graph(),
        order in Just((1..DATASETS).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        block_on(async {
            let incidents = incidents();
            for number in &order {
                graph.report(&incidents, *number, 10).await;
            }
            let before = incidents.told().len();
            assert_eq!(graph.report(&incidents, 0, 11).await.outcome, Outcome::Opened);
            check_all_are_under_the_root(&incidents).await;
            for number in &order {
                graph.report(&incidents, *number, 12).await;
            }
            let told = incidents.told();
            assert_eq!(told[before..], [(key(&name(0)), ChangeKind::Opened)]);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_cascade_that_comes_at_once_is_told_once() {
    let (incidents, graph) = (incidents(), Graph::star());
    graph.report(&incidents, 0, 10).await;
    join_all((1..DATASETS).map(|number| graph.report(&incidents, number, 11))).await;
    assert_eq!(incidents.told(), [(key(&name(0)), ChangeKind::Opened)]);
    check_all_are_under_the_root(&incidents).await;
}

#[tokio::test]
async fn who_is_still_bad_after_its_root_was_mended_is_told() {
    let (incidents, graph) = (incidents(), Graph::star());
    graph.report(&incidents, 0, 10).await;
    graph.report(&incidents, 1, 11).await;
    graph.report(&incidents, 2, 11).await;
    incidents.find_good(&key(&name(0)), 20).await;
    // Found before the root was mended, delivered after it: nothing is known of the time since.
    assert_eq!(graph.report(&incidents, 1, 15).await.outcome, Outcome::Updated);
    assert!(incidents.now(&key(&name(1))).await.root.is_some());
    assert_eq!(graph.report(&incidents, 1, 25).await.outcome, Outcome::Opened);
    assert_eq!(incidents.now(&key(&name(1))).await.root, None);
    incidents.find_good(&key(&name(2)), 25).await;
    incidents.find_good(&key(&name(1)), 30).await;
    let kinds: Vec<_> =
        incidents.told().into_iter().map(|(key, kind)| (key.dataset, kind)).collect();
    let told = |number, kind| (name(number), kind);
    assert_eq!(
        kinds,
        [
            told(0, ChangeKind::Opened),
            told(0, ChangeKind::Resolved),
            told(1, ChangeKind::Opened),
            told(1, ChangeKind::Resolved),
        ]
    );
}

#[tokio::test]
async fn a_root_is_as_severe_as_the_worst_under_it() {
    let (incidents, graph) = (incidents(), Graph::star());
    graph.report(&incidents, 0, 10).await;
    let child = key(&name(1));
    incidents.find_bad_among(&child, Critical, 11, &graph.context(1)).await;
    let root = incidents.now(&key(&name(0))).await;
    assert_eq!((root.severity, root.found_severity), (Critical, Medium));
    assert_eq!(incidents.told().len(), 2);
    // Its own next finding does not hide that; the child's end does.
    graph.report(&incidents, 0, 12).await;
    assert_eq!(incidents.now(&key(&name(0))).await.severity, Critical);
    incidents.find_good(&child, 13).await;
    assert_eq!(incidents.now(&key(&name(0))).await.severity, Medium);
    let kinds: Vec<_> = incidents.told().into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, [ChangeKind::Opened, ChangeKind::Escalated]);
}

#[tokio::test]
async fn a_changed_column_downstream_is_told_beside_the_root() {
    let (incidents, graph) = (incidents(), Graph::star());
    graph.report(&incidents, 0, 10).await;
    let schema = IncidentKey::new(name(1), Monitor::Schema, "column_dropped:price");
    let reported = incidents.find_bad_among(&schema, High, 11, &graph.context(1)).await;
    assert_eq!((reported.outcome, incidents.told().len()), (Outcome::Opened, 2));
    // A root that is open again takes its members back; they are not told of that.
    graph.report(&incidents, 1, 11).await;
    incidents.find_good(&key(&name(0)), 12).await;
    graph.report(&incidents, 0, 13).await;
    graph.report(&incidents, 1, 14).await;
    let member = incidents.now(&key(&name(1))).await;
    assert_eq!((member.change, member.state), (0, State::Open));
}

#[tokio::test]
async fn datasets_that_are_made_from_each_other_do_not_hide_one_another() {
    let incidents = incidents();
    let (left, right) = (key("d.left"), key("d.right"));
    let around = |other: &str| context(&[other], &[other]);
    for minutes in [10, 20, 30] {
        let both = [(&left, "d.right"), (&right, "d.left")].into_iter();
        let both = both.map(async |(key, other)| {
            incidents.find_bad_among(key, Medium, minutes, &around(other)).await
        });
        join_all(both).await;
    }
    let open = incidents.all_open().await.unwrap();
    assert!(open.iter().any(|incident| incident.root.is_none() && incident.change > 0));
}
