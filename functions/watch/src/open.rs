//! What is open when a tick begins: one question for all, so that what is good and was good costs nothing.

use std::collections::BTreeSet;

use shared::incident::{Incident, Monitor};

/// What is open, by dataset and monitor.
#[derive(Debug, Clone, Default)]
pub struct Open {
    /// How many incidents.
    pub incidents: u64,
    subjects: BTreeSet<(String, Monitor)>,
}

impl Open {
    /// The open ones of some incidents. The table may be a moment behind: what is missed is cleared with the
    /// next tick.
    pub fn of(incidents: &[Incident]) -> Self {
        let mut open = Self::default();
        for incident in incidents.iter().filter(|incident| incident.is_open()) {
            open.incidents += 1;
            open.subjects.insert((incident.key.dataset.clone(), incident.key.monitor));
        }
        open
    }

    /// Whether something is open of a dataset and a monitor.
    pub fn has(&self, dataset: &str, monitor: Monitor) -> bool {
        self.subjects.contains(&(dataset.to_owned(), monitor))
    }
}
