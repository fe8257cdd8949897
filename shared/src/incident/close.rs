//! Closing: somebody ends what no monitor will end.
//!
//! An incident is over once its monitor sees that all is well. Of what nobody judges any more that is
//! never: a dataset whose contract is gone, a folder into which one file came and no other. What is
//! still found to be bad opens again.

use chrono::{DateTime, Duration, Utc};

use super::machine::name;
use super::{Incident, IncidentError, Incidents, Store};

/// What the resolution of an incident begins with that somebody has closed; behind it stands who.
pub const CLOSED_BY: &str = "closed by ";

/// Judgements are told apart by this.
const MOMENT: Duration = Duration::microseconds(1);

impl<S: Store> Incidents<S> {
    /// Ends an incident in somebody's name, however its data is. What holds for an earlier moment and
    /// comes late does not open it again.
    pub async fn close(
        &self,
        id: &str,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Incident, IncidentError> {
        let known = self.find(id).await?;
        let known = known.ok_or_else(|| IncidentError::NotFound { id: id.to_owned() })?;
        // It may have been judged by a clock that is ahead.
        let as_of = now.max(known.judged_at + MOMENT);
        let mut closed = None;
        if known.is_open() {
            let resolution = format!("{CLOSED_BY}{}", name(by));
            closed = self.clear(&known.key, as_of, now, &resolution).await?;
        }
        closed.ok_or_else(|| IncidentError::Resolved { id: id.to_owned() })
    }
}
