//! What people ask and say of incidents.

use chrono::{DateTime, Days, Utc};

use super::register::pause;
use super::{Batch, Incident, IncidentError, IncidentKey, Incidents, Store, machine};

/// How often what a person says is tried against the findings that come in meanwhile.
const MOST_TRIES: u32 = 8;

impl<S: Store> Incidents<S> {
    /// The incident of an id.
    pub async fn find(&self, id: &str) -> Result<Option<Incident>, IncidentError> {
        Ok(self.store.by_id(id).await?)
    }

    /// The open incidents of a dataset and a cause: at most one a monitor.
    pub async fn find_open(
        &self,
        dataset: &str,
        cause: &str,
    ) -> Result<Vec<Incident>, IncidentError> {
        let mut open = self.store.open_of(dataset).await?;
        open.retain(|incident| incident.key.cause == cause);
        Ok(open)
    }

    /// The last occurrence of a key.
    pub async fn latest(&self, key: &IncidentKey) -> Result<Option<Incident>, IncidentError> {
        Ok(self.store.latest(key).await?)
    }

    /// What is open of a dataset.
    pub async fn open_of(&self, dataset: &str) -> Result<Vec<Incident>, IncidentError> {
        Ok(self.store.open_of(dataset).await?)
    }

    /// Everything that is open, the oldest first. It may be a moment behind.
    pub async fn all_open(&self) -> Result<Vec<Incident>, IncidentError> {
        Ok(self.store.all_open().await?)
    }

    /// Everything of a dataset whose data was bad at some time of a period, without its end.
    pub async fn of_dataset(
        &self,
        dataset: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Incident>, IncidentError> {
        let mut found = self.store.of_dataset(dataset).await?;
        found.retain(|incident| {
            incident.since < to && incident.resolved_at.is_none_or(|resolved| resolved > from)
        });
        Ok(found)
    }

    /// Everything of which it was noticed in a period, without its start, that the data is good again.
    pub async fn closed_between(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Incident>, IncidentError> {
        let mut found = Vec::new();
        let mut day = from.date_naive();
        while day <= to.date_naive() {
            found.extend(self.store.resolved_on(day).await?);
            day = day + Days::new(1);
        }
        found.retain(|incident| incident.closed_at.is_some_and(|at| from < at && at <= to));
        Ok(found)
    }

    /// Takes an incident on in somebody's name. Done before, it changes nothing.
    pub async fn acknowledge(
        &self,
        id: &str,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Incident, IncidentError> {
        self.say(id, |incident| machine::acknowledge(incident, by, now)).await
    }

    /// Tells nothing of an incident until a moment, unless it becomes critical. Done before, it changes
    /// nothing.
    pub async fn mute(
        &self,
        id: &str,
        until: DateTime<Utc>,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Incident, IncidentError> {
        if until <= now {
            return Err(IncidentError::Past { until });
        }
        self.say(id, |incident| machine::mute(incident, until, by, now)).await
    }

    /// Tells of an incident again. Done before, it changes nothing.
    pub async fn unmute(
        &self,
        id: &str,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Incident, IncidentError> {
        self.say(id, |incident| machine::unmute(incident, by, now)).await
    }

    async fn say(
        &self,
        id: &str,
        change: impl Fn(&Incident) -> Option<Incident>,
    ) -> Result<Incident, IncidentError> {
        let not_found = || IncidentError::NotFound { id: id.to_owned() };
        let known = self.store.by_id(id).await?.ok_or_else(not_found)?;
        for attempt in 0..MOST_TRIES {
            // An index gave the first one, which may be a moment behind.
            let stored = self.store.get(&known.key, known.occurrence).await?;
            let stored = stored.ok_or_else(not_found)?;
            if !stored.is_open() {
                return Err(IncidentError::Resolved { id: id.to_owned() });
            }
            let Some(changed) = change(&stored) else {
                return Ok(stored);
            };
            let batch = Batch { puts: vec![changed.clone()], ..Batch::default() };
            if self.store.write(batch).await? {
                return Ok(changed);
            }
            pause(attempt).await;
        }
        Err(IncidentError::Contended { key: known.key })
    }
}
