//! What was told nobody: SNS was down, or denied it, for longer than the stream tries.
//!
//! The stream tells a change at once. What it gives up is in the failure queue by its position alone;
//! but the incident says how many changes it had, and the Notifications table which of them were
//! published. So by the digest's clock the last change of each incident, open or closed of late, is
//! told if nobody was, once; it says how many before it were not told either.

use chrono::{DateTime, Duration, Utc};
use futures_util::future::try_join_all;
use shared::incident::{Incident, Severity};

use crate::change::Told;
use crate::outbox::OutboxError;
use crate::text::change_id;
use crate::{AlertError, Alerter};

/// For so long a change is the stream's to tell.
const GRACE: Duration = Duration::minutes(15);

/// So far back is looked. The Notifications table remembers for longer, so nothing is told again.
const LOOK_BACK: Duration = Duration::days(14);

/// How many notifications are asked for at once.
const AT_ONCE: usize = 16;

/// So many changes before the last are looked for.
const MOST_EARLIER: usize = 20;

impl Alerter {
    /// Tells the last change of every incident of which that was told nobody; how many there were.
    pub async fn tell_untold(&self, now: DateTime<Utc>) -> Result<u64, AlertError> {
        let mut told = 0;
        for incident in self.untold(now).await? {
            let id = incident.id.clone();
            match self.tell_late(incident, now).await {
                Ok(is_told) => told += u64::from(is_told),
                // It keeps nobody else's from being told.
                Err(error) if is_for_later(&error) => {
                    tracing::warn!(incident = id, error = %error, "not told this time");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(told)
    }

    /// The incidents whose last change was not published, the longest ago first.
    async fn untold(&self, now: DateTime<Utc>) -> Result<Vec<Incident>, AlertError> {
        let mut due = self.incidents.all_open().await?;
        due.extend(self.incidents.closed_between(now - LOOK_BACK, now).await?);
        due.retain(|incident| is_due(incident, now));
        due.sort_by_key(|incident| incident.last_change.as_ref().map(|change| change.at));
        let mut untold = Vec::new();
        for some in due.chunks(AT_ONCE) {
            let ids: Vec<String> =
                some.iter().map(|incident| change_id(&incident.id, incident.change)).collect();
            let done = try_join_all(ids.iter().map(|id| self.outbox.done_at(id))).await?;
            let those = some.iter().zip(done).filter(|(_, done)| done.is_none());
            untold.extend(those.map(|(incident, _)| incident.clone()));
        }
        Ok(untold)
    }

    /// Tells the last change of an incident, and that it stands for those before it; whether this call did.
    async fn tell_late(&self, incident: Incident, now: DateTime<Utc>) -> Result<bool, AlertError> {
        let Some(change) = incident.last_change.clone() else {
            return Ok(false);
        };
        if !self.outbox.claim(&change_id(&incident.id, incident.change), now).await? {
            return Ok(false);
        }
        // Claimed as well, so that the stream does not tell afterwards what was before.
        let mut earlier = Vec::new();
        for number in (1..incident.change).rev().take(MOST_EARLIER) {
            let id = change_id(&incident.id, number);
            if !self.outbox.claim(&id, now).await? {
                break;
            }
            earlier.push(id);
        }
        let missed = earlier.len() as u64;
        let alert = self.wording.alert(Told { incident, change, missed }, now);
        self.publish_claimed(&alert, &earlier, now).await?;
        Ok(true)
    }
}

/// Whether the last change of an incident should have been told by now: it was not gathered for the
/// digest, and the stream has had its time.
pub(crate) fn is_due(incident: &Incident, now: DateTime<Utc>) -> bool {
    // Not how bad it is now: what became worse while it was muted is not told.
    let is_told_at_once = incident.told_severity.is_some_and(|told| told > Severity::Low);
    let is_of_late = |at: DateTime<Utc>| now - LOOK_BACK < at && at <= now - GRACE;
    is_told_at_once && incident.last_change.as_ref().is_some_and(|change| is_of_late(change.at))
}

/// Somebody else is about to tell it, or SNS refuses it: that is in the failure queue already.
fn is_for_later(error: &AlertError) -> bool {
    !error.is_retryable() || matches!(error, AlertError::Outbox(OutboxError::Claimed { .. }))
}
