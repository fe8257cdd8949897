//! What becomes of incidents, whatever is delivered late, twice or at once.

mod cascades;
mod close;
mod downtime;
mod life;
mod order;
mod table;

use chrono::{DateTime, Duration, TimeZone, Utc};

use super::{
    Change, ChangeKind, Context, Evidence, Finding, Incident, IncidentKey, Incidents, MemoryStore,
    Monitor, Reported, Severity,
};

/// So many minutes after a midnight.
pub(super) fn at(minutes: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 7, 1, 0, 0, 0).unwrap() + Duration::minutes(minutes)
}

pub(super) fn key(dataset: &str) -> IncidentKey {
    IncidentKey::new(dataset, Monitor::Freshness, "late")
}

pub(super) fn finding(key: &IncidentKey, severity: Severity, minutes: i64) -> Finding {
    Finding {
        key: key.clone(),
        severity,
        since: at(minutes - 5),
        summary: format!("{} is late", key.dataset),
        evidence: Evidence { actual: Some(minutes as f64), ..Evidence::default() },
    }
}

pub(super) fn context(upstream: &[&str], downstream: &[&str]) -> Context {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Context {
        domain: "shop".to_owned(),
        owner: Some("data@example.com".to_owned()),
        upstream: names(upstream),
        downstream: names(downstream),
    }
}

pub(super) fn incidents() -> Incidents<MemoryStore> {
    Incidents::within(MemoryStore::default(), Duration::days(400))
}

impl Incidents<MemoryStore> {
    /// A finding for a minute, reported a second later.
    async fn find_bad(&self, key: &IncidentKey, severity: Severity, minutes: i64) -> Reported {
        self.find_bad_among(key, severity, minutes, &context(&[], &[])).await
    }

    async fn find_bad_among(
        &self,
        key: &IncidentKey,
        severity: Severity,
        minutes: i64,
        context: &Context,
    ) -> Reported {
        let now = at(minutes) + Duration::seconds(1);
        self.report(&finding(key, severity, minutes), context, at(minutes), now).await.unwrap()
    }

    async fn find_good(&self, key: &IncidentKey, minutes: i64) -> Option<Incident> {
        let now = at(minutes) + Duration::seconds(1);
        self.clear(key, at(minutes), now, "it arrived").await.unwrap()
    }

    async fn now(&self, key: &IncidentKey) -> Incident {
        self.latest(key).await.unwrap().unwrap()
    }

    /// What was told, in order: what `alert` makes of the table's stream.
    fn told(&self) -> Vec<(IncidentKey, ChangeKind)> {
        told(&self.store.written()).into_iter().map(|(key, change)| (key, change.kind)).collect()
    }
}

/// The changes that a stream of versions tells; it must grow by one at a time.
pub(super) fn told(written: &[Incident]) -> Vec<(IncidentKey, Change)> {
    let mut known = std::collections::BTreeMap::new();
    let mut told = Vec::new();
    for incident in written {
        let (version, change) =
            known.insert(&incident.id, (incident.version, incident.change)).unwrap_or_default();
        assert_eq!(incident.version, version + 1, "{}", incident.key);
        match incident.change - change {
            0 => {}
            1 => told.push((incident.key.clone(), incident.last_change.clone().unwrap())),
            more => panic!("{} changed by {more}", incident.key),
        }
    }
    told
}

/// Runs with a clock that does not wait.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(work)
}
