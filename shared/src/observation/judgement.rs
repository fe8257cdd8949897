//! What a monitor says of a dataset as it stands.

use chrono::{DateTime, Utc};

use crate::incident::{Context, Finding, IncidentError, Incidents, Monitor, Store};

/// All that a monitor finds; what it does not find any more is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The monitor.
    pub monitor: Monitor,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

impl Judgement {
    /// Opens and updates the incidents of what was found, and resolves those of what is over. `as_of` is when
    /// what was judged was read: a later judgement is not undone by an earlier one.
    pub async fn report(
        &self,
        incidents: &Incidents<impl Store>,
        dataset: &str,
        context: &Context,
        as_of: DateTime<Utc>,
        now: DateTime<Utc>,
        resolution: &str,
    ) -> Result<u64, IncidentError> {
        let mut causes = Vec::with_capacity(self.findings.len());
        for finding in &self.findings {
            incidents.report(finding, context, as_of, now).await?;
            causes.push(finding.key.cause.clone());
        }
        incidents.clear_all(dataset, self.monitor, &causes, as_of, now, resolution).await?;
        Ok(self.findings.len() as u64)
    }
}
