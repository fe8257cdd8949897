//! Which dataset is made from which.

use std::collections::BTreeSet;

use crate::contract::contracts;
use crate::incident::Context;
use crate::lineage::upstream_tables_of_dataset;

/// Where a dataset stands among the others, over however many steps.
pub fn context_of(dataset: &str) -> Context {
    let contract = contracts().iter().find(|contract| contract.dataset() == dataset);
    Context {
        domain: dataset.split('.').next().unwrap_or_default().to_owned(),
        owner: contract.and_then(|contract| contract.owner.clone()),
        upstream: reach(dataset, |of| {
            upstream_tables_of_dataset(of).iter().map(|table| (*table).to_owned()).collect()
        }),
        downstream: reach(dataset, readers),
    }
}

/// What lies upstream and downstream of a dataset, in words.
pub fn neighbours(dataset: &str) -> Vec<String> {
    let context = context_of(dataset);
    let mut neighbours = Vec::new();
    for (side, datasets) in [("upstream", context.upstream), ("downstream", context.downstream)] {
        let listed = if datasets.is_empty() { "none".to_owned() } else { datasets.join(", ") };
        neighbours.push(format!("{side}: {listed}"));
    }
    neighbours
}

/// The datasets that are computed from one.
fn readers(of: &str) -> Vec<String> {
    let mut readers = Vec::new();
    for contract in contracts() {
        let dataset = contract.dataset();
        if upstream_tables_of_dataset(&dataset).contains(&of) {
            readers.push(dataset);
        }
    }
    readers
}

/// All that can be reached from a dataset, without itself.
fn reach(from: &str, next: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let mut reached = BTreeSet::new();
    let mut to_visit = next(from);
    while let Some(dataset) = to_visit.pop() {
        if dataset != from && reached.insert(dataset.clone()) {
            to_visit.extend(next(&dataset));
        }
    }
    reached.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn performance_lies_downstream_of_what_it_is_computed_from() {
        let orders = context_of("shop.orders");
        assert_eq!(orders.downstream, ["marketing.campaign_performance"]);
        assert_eq!((orders.domain.as_str(), orders.upstream.len()), ("shop", 0));
        let performance = context_of("marketing.campaign_performance");
        assert!(performance.upstream.contains(&"shop.orders".to_owned()));
        assert!(performance.downstream.is_empty());
        assert!(performance.owner.is_some());
    }
}
