//! Objects that nobody has read: what is remembered of them, and what is told.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use shared::incident::{Context, Evidence, Finding, IncidentKey, Monitor, Severity};
use shared::landing::part_read_by_a_transform;
use shared::observation::freshness::span;
use shared::observation::{Judgement, tally};
use shared::state::{Item, ItemKey, Store};

use crate::error::WatchError;
use crate::memory::SUBJECT;

/// Of a folder so many objects are remembered; what is beyond is found again once those were read.
pub const MOST_OF_A_FOLDER: usize = 500;

/// So many folders are remembered.
pub const MOST_FOLDERS: usize = 200;

/// So many keys are named.
const MOST_NAMED: usize = 5;

/// A folder that is not swept any more is forgotten after so long.
const KEPT_DAYS: u32 = 30;

/// What stands before the folder in the parts.
const PART: &str = "unread#";

/// What is wrong with a folder.
pub const CAUSE: &str = "never_read";

/// Objects of a folder that nobody has read, by key, with when each landed.
pub type Objects = BTreeMap<String, DateTime<Utc>>;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    objects: Objects,
}

/// What is remembered of every folder.
pub async fn recall(store: &impl Store) -> Result<BTreeMap<String, Objects>, WatchError> {
    let mut folders = BTreeMap::new();
    for item in store.query(SUBJECT, PART, &format!("{PART}~")).await? {
        let folder = item.key.part.trim_start_matches(PART).to_owned();
        let kept: Kept = Item::read(item)?;
        if !kept.objects.is_empty() {
            folders.insert(folder, kept.objects);
        }
    }
    Ok(folders)
}

/// Remembers what is unread of a folder now; the objects that there was no room for.
pub async fn remember(
    store: &impl Store,
    folder: &str,
    objects: &Objects,
    now: DateTime<Utc>,
) -> Result<Objects, WatchError> {
    let mut by_age: Vec<(&String, &DateTime<Utc>)> = objects.iter().collect();
    by_age.sort_by_key(|(key, landed)| (**landed, (*key).clone()));
    let beyond = by_age.split_off(by_age.len().min(MOST_OF_A_FOLDER));
    let collect = |objects: Vec<(&String, &DateTime<Utc>)>| -> Objects {
        objects.into_iter().map(|(key, landed)| (key.clone(), *landed)).collect()
    };
    let kept = Kept { objects: collect(by_age) };
    let expires_at = tally::expiry(now, KEPT_DAYS);
    let key = ItemKey::new(SUBJECT, format!("{PART}{folder}"));
    tally::change(store, &key, Some(expires_at), |known: &mut Kept| {
        known.clone_from(&kept);
        true
    })
    .await?;
    Ok(collect(beyond))
}

/// What is told of a folder. Objects that have waited for longer than `patience` are grave.
pub fn judge(
    folder: &str,
    objects: &Objects,
    patience: TimeDelta,
    clock: DateTime<Utc>,
) -> Judgement {
    let mut findings = Vec::new();
    if let Some(first) = objects.values().min().copied() {
        let is_grave = clock - first >= patience;
        findings.push(Finding {
            key: IncidentKey::new(folder, Monitor::Delivery, CAUSE),
            severity: if is_grave { Severity::High } else { Severity::Medium },
            since: first,
            summary: summary(folder, objects.len(), clock - first),
            evidence: evidence(folder, objects),
        });
    }
    Judgement { monitor: Monitor::Delivery, findings }
}

fn summary(folder: &str, count: usize, waits: TimeDelta) -> String {
    let objects = if count == 1 { "object has" } else { "objects have" };
    format!(
        "{count} {objects} landed in {folder} and no run has read them, the first for {}",
        span(waits)
    )
}

/// The keys that are named to who asks, and how many there are beyond them.
pub fn named(objects: &Objects) -> Vec<String> {
    let mut named: Vec<String> = objects.keys().take(MOST_NAMED).cloned().collect();
    if objects.len() > MOST_NAMED {
        named.push(format!("and {} more", objects.len() - MOST_NAMED));
    }
    named
}

/// The folder and no key: what people call their files may be personal, and alerts go far.
fn evidence(folder: &str, objects: &Objects) -> Evidence {
    let mut details = vec![
        "they wait in the queue of their transform or lie among its dead letters; else the bucket's notification was lost"
            .to_owned(),
        format!("which they are: make incidents DATASET='{folder}'"),
    ];
    details.push(format!("to have them read: make replay LANDED={} ACTION=run", prefix(folder)));
    Evidence {
        upper: Some(0.0),
        actual: Some(objects.len() as f64),
        unit: Some("objects".to_owned()),
        details,
        ..Evidence::default()
    }
}

/// What the keys of a folder begin with: up to a part that has another name each time.
fn prefix(folder: &str) -> &str {
    let key = folder.trim_start_matches("s3://").split_once('/').map_or("", |(_, key)| key);
    key.split('*').next().unwrap_or(key)
}

/// Where a folder stands. It names no dataset downstream: that one object was lost does not explain that all
/// are late.
pub fn context(objects: &Objects) -> Context {
    let part = objects.keys().find_map(|key| part_read_by_a_transform(key));
    let domain = part.map_or("delivery", |part| part.source).to_owned();
    Context { domain, ..Context::default() }
}

#[cfg(test)]
mod tests {
    use shared::state::MemoryStore;

    use super::*;

    const FOLDER: &str = "s3://landing/segment/segment-logs/web";

    fn moment(minutes: i64) -> DateTime<Utc> {
        "2026-11-20T10:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minutes)
    }

    #[test]
    fn a_folder_tells_how_many_and_names_none_but_to_who_asks() {
        let objects: Objects = (0..7)
            .map(|number| (format!("segment/segment-logs/web/1/{number}.gz"), moment(number)))
            .collect();
        let hour = TimeDelta::hours(1);
        let judgement = judge(FOLDER, &objects, hour, moment(59));
        let finding = &judgement.findings[0];
        assert_eq!((finding.severity, finding.since), (Severity::Medium, moment(0)));
        assert_eq!(finding.evidence.actual, Some(7.0));
        assert!(
            finding.summary.starts_with("7 objects have landed in s3://landing/"),
            "{finding:?}"
        );
        assert!(!format!("{finding:?}").contains(".gz"), "{finding:?}");
        let named = named(&objects);
        assert_eq!((named.len(), named[0].as_str()), (6, "segment/segment-logs/web/1/0.gz"));
        assert_eq!(named[5], "and 2 more");
        assert!(
            finding.evidence.details.last().unwrap().contains("LANDED=segment/segment-logs/web ")
        );
        assert_eq!(judge(FOLDER, &objects, hour, moment(60)).findings[0].severity, Severity::High);
        assert!(judge(FOLDER, &Objects::new(), hour, moment(60)).findings.is_empty());
        assert_eq!(context(&objects).domain, "segment");
    }

    #[test]
    fn an_export_has_a_folder_in_its_name() {
        assert_eq!(
            prefix("s3://landing/databases/snapshots/*/shop/shop.orders"),
            "databases/snapshots/"
        );
    }

    #[tokio::test]
    async fn the_oldest_are_remembered_and_the_rest_is_given_back() {
        let store = MemoryStore::default();
        let count = MOST_OF_A_FOLDER as i64 + 2;
        // The later an object has landed, the earlier its key.
        let key = |number: i64| format!("key-{:04}", count - number);
        let objects: Objects = (0..count).map(|number| (key(number), moment(number))).collect();
        let beyond = remember(&store, FOLDER, &objects, moment(0)).await.unwrap();
        assert_eq!(beyond.values().min().copied(), Some(moment(count - 2)));
        let folders = recall(&store).await.unwrap();
        assert_eq!(folders[FOLDER].len(), MOST_OF_A_FOLDER);
        remember(&store, FOLDER, &Objects::new(), moment(1)).await.unwrap();
        assert!(recall(&store).await.unwrap().is_empty());
    }
}
