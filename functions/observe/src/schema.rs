//! The schema monitor: takes runs in one after the other, and says which changes last.

use serde::{Deserialize, Serialize};
use shared::contract::Contract;
use shared::incident::{Evidence, Finding, IncidentKey, Monitor, Severity};
use shared::observation::schema::{self, KnownChange, SchemaSeverity, SchemaSnapshot};
use shared::observation::tally::{self, TallyError};
use shared::observation::{Judgement, key};
use shared::run::Run;
use shared::state::Store;

/// What is known of a schema, as it is kept: as text, for keys of maps that are numbers are none in DynamoDB.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Kept {
    snapshot: String,
}

impl Kept {
    fn read(&self) -> SchemaSnapshot {
        // What an earlier version has written and this one cannot read is learnt anew.
        serde_json::from_str(&self.snapshot).unwrap_or_default()
    }
}

/// Takes runs in and says which changes of the dataset's schema last; none where no run says anything.
///
/// It is said of what is kept, not of what is new: who has died between keeping and telling tells it then.
pub async fn take_in(
    store: &impl Store,
    dataset: &str,
    runs: &[&Run],
    contract: &Contract,
) -> Result<Option<Judgement>, TallyError> {
    let mut in_order = runs.to_vec();
    in_order.sort_by(|one, other| {
        (one.arrived_at, &one.run_id).cmp(&(other.arrived_at, &other.run_id))
    });
    let kept = tally::change(store, &key::schema(dataset), None, |kept: &mut Kept| {
        let before = kept.read();
        let mut known = before.clone();
        for run in &in_order {
            known = schema::observe(&known, run, contract).0;
        }
        let is_new = known != before;
        if is_new {
            kept.snapshot = serde_json::to_string(&known).unwrap_or_default();
        }
        is_new
    })
    .await?;
    let known = kept.read();
    if known.runs == 0 {
        return Ok(None);
    }
    let findings =
        known.changes.iter().map(|(cause, change)| finding(dataset, cause, change)).collect();
    Ok(Some(Judgement { monitor: Monitor::Schema, findings }))
}

fn finding(dataset: &str, cause: &str, change: &KnownChange) -> Finding {
    Finding {
        key: IncidentKey::new(dataset, Monitor::Schema, cause),
        severity: severity(change.severity),
        since: change.since,
        summary: format!("{dataset}: {}", change.text),
        evidence: Evidence { details: vec![change.impact.clone()], ..Evidence::default() },
    }
}

fn severity(severity: SchemaSeverity) -> Severity {
    match severity {
        SchemaSeverity::Low => Severity::Low,
        SchemaSeverity::Medium => Severity::Medium,
        SchemaSeverity::High => Severity::High,
        SchemaSeverity::Critical => Severity::Critical,
    }
}
