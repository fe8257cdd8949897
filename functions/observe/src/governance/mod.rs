//! The governance monitor: what broke its contract, and was held or quarantined.
//!
//! Rows that are kept from their table are an incident until their input is settled: released, dropped, or read again
//! with success. That later inputs pass says nothing of them. What an input says of itself alone (a warning, records
//! that nobody takes) is over with the next input that does not say so.
//!
//! What stands of a dataset's inputs, or of a folder's, is an item of the observations table. It is judged as a whole
//! and as of its last change, so it makes no difference which of several inputs is observed first.

mod says;
mod standing;

use chrono::{DateTime, TimeDelta, Utc};
use shared::incident::{self, Context, Finding, IncidentError, Incidents, Monitor};
use shared::observation::key;
use shared::observation::tally::{self, TallyError};
use shared::run::Run;
use shared::state::Store;

pub use says::subject;

use standing::Standing;

/// What resolves an incident.
const RESOLUTION: &str = "its inputs were released, dropped or read again, or a later one passes";

/// What stands of the inputs of a subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Stands {
    /// What is wrong, and since which change it is told so.
    pub findings: Vec<(Finding, DateTime<Utc>)>,
    /// When anything changed last.
    pub as_of: DateTime<Utc>,
}

/// Takes runs in and says what stands then; none where nothing was ever wrong. What is kept from its table is known for
/// so many days.
pub async fn take_in(
    store: &impl Store,
    subject: &str,
    runs: &[&Run],
    retention_days: u32,
    now: DateTime<Utc>,
) -> Result<Option<Stands>, TallyError> {
    let since = now - TimeDelta::days(i64::from(retention_days));
    let take_in = |standing: &mut Standing| {
        let before = standing.clone();
        standing.forget(since);
        for run in runs {
            standing.note(run, now);
        }
        let is_new = *standing != before;
        if is_new {
            standing.change(&before, now);
        }
        is_new
    };
    let standing = tally::change(store, &key::governance(subject), None, take_in).await?;
    Ok(standing.stands())
}

impl Stands {
    /// Opens and updates the incidents of what is wrong, and resolves those of what is not any more.
    pub async fn report(
        &self,
        incidents: &Incidents<impl incident::Store>,
        subject: &str,
        context: &Context,
        now: DateTime<Utc>,
    ) -> Result<u64, IncidentError> {
        let mut causes = Vec::with_capacity(self.findings.len());
        for (finding, since) in &self.findings {
            incidents.report(finding, context, *since, now).await?;
            causes.push(finding.key.cause.clone());
        }
        let monitor = Monitor::Governance;
        incidents.clear_all(subject, monitor, &causes, self.as_of, now, RESOLUTION).await?;
        Ok(self.findings.len() as u64)
    }
}
