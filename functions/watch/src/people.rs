//! What people ask and say of incidents.

use std::cmp::Reverse;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use serde::Serialize;
use shared::incident::{
    self, Affected, Evidence, Incident, IncidentError, IncidentKey, Incidents, Monitor, Recurrence,
    Root, Severity, State,
};
use shared::state::Store;

use crate::error::WatchError;
use crate::order::{IncidentsOrder, MuteOrder, PersonOrder, Wanted};
use crate::unread;

/// So many incidents are listed; an answer of Lambda's holds six megabytes.
const MOST_LISTED: usize = 500;

/// So many of what is grouped under an incident are listed with it.
const MOST_AFFECTED: usize = 20;

/// So many days are looked back on where no first day is given.
const DAYS: u64 = 30;

/// Incidents.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listing {
    /// The gravest first, of these the oldest.
    pub incidents: Vec<Shown>,
    /// How many there were no room for.
    pub more: u64,
}

/// An incident, as far as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// Its id.
    pub id: String,
    /// `dataset`, `monitor` and `cause`.
    #[serde(flatten)]
    pub key: IncidentKey,
    /// How bad it is.
    pub severity: Severity,
    /// Where it stands.
    pub state: State,
    /// The domain of the dataset.
    pub domain: String,
    /// Who answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When the data became bad.
    pub since: DateTime<Utc>,
    /// When that was noticed.
    pub opened_at: DateTime<Utc>,
    /// When it was good again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<DateTime<Utc>>,
    /// What resolved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
    /// Who has taken it on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
    /// Until when nothing is told of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<DateTime<Utc>>,
    /// What is wrong.
    pub summary: String,
    /// What the newest finding goes by.
    pub evidence: Evidence,
    /// What is grouped under it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub affected: Vec<Affected>,
    /// How many more are.
    pub affected_more: u64,
    /// What it is grouped under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Root>,
    /// Its earlier occurrences.
    pub recurrence: Recurrence,
    /// The objects that nobody has read, where it is of those. They stand in no alert.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<String>,
}

impl Shown {
    fn is_of_unread_objects(&self) -> bool {
        let is_open = self.state != State::Resolved;
        is_open && self.key.monitor == Monitor::Delivery && self.key.cause == unread::CAUSE
    }
}

impl From<Incident> for Shown {
    fn from(incident: Incident) -> Self {
        let mut affected = incident.affected;
        let beyond = affected.len().saturating_sub(MOST_AFFECTED) as u64;
        affected.truncate(MOST_AFFECTED);
        Self {
            id: incident.id,
            key: incident.key,
            severity: incident.severity,
            state: incident.state,
            domain: incident.domain,
            owner: incident.owner,
            since: incident.since,
            opened_at: incident.opened_at,
            resolved_at: incident.resolved_at,
            resolution: incident.resolution,
            acknowledged_by: incident.acknowledged_by,
            muted_until: incident.muted_until,
            summary: incident.summary,
            evidence: incident.evidence,
            affected,
            affected_more: beyond + u64::from(incident.affected_more),
            root: incident.root,
            recurrence: incident.recurrence,
            objects: Vec::new(),
        }
    }
}

/// What somebody's word has done: the incident, or why it is refused. That is no failure of the function.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// The incident as it is now.
    Incident(Box<Shown>),
    /// Why nothing was done.
    Refused(String),
}

/// Lists incidents.
pub async fn list(
    incidents: &Incidents<impl incident::Store>,
    order: &IncidentsOrder,
    now: DateTime<Utc>,
) -> Result<Listing, WatchError> {
    let (from, to) = period(order.from, order.to, now);
    let dataset = order.dataset.as_deref();
    let mut found = match (order.state, dataset) {
        (Wanted::Open, None) => incidents.all_open().await?,
        (Wanted::Open, Some(dataset)) => incidents.open_of(dataset).await?,
        (Wanted::All, Some(dataset)) => incidents.of_dataset(dataset, from, to).await?,
        (Wanted::All, None) => {
            let mut all = incidents.all_open().await?;
            // What was closed later was open then.
            all.extend(incidents.closed_between(from, now.max(to)).await?);
            all
        }
    };
    if order.from.is_some() || order.to.is_some() || order.state == Wanted::All {
        found.retain(|incident| {
            incident.since < to && incident.resolved_at.is_none_or(|resolved| resolved > from)
        });
    }
    found.sort_by_key(|incident| (!incident.is_open(), Reverse(incident.severity), incident.since));
    // The index may tell of one twice while it changes.
    found.dedup_by(|one, other| one.id == other.id);
    let more = found.len().saturating_sub(MOST_LISTED) as u64;
    found.truncate(MOST_LISTED);
    Ok(Listing { incidents: found.into_iter().map(Shown::from).collect(), more })
}

/// Names the objects that nobody has read, where incidents are of those.
pub async fn name_objects(store: &impl Store, listing: &mut Listing) -> Result<(), WatchError> {
    if !listing.incidents.iter().any(Shown::is_of_unread_objects) {
        return Ok(());
    }
    let folders = unread::recall(store).await?;
    for shown in listing.incidents.iter_mut().filter(|shown| shown.is_of_unread_objects()) {
        shown.objects = folders.get(&shown.key.dataset).map(unread::named).unwrap_or_default();
    }
    Ok(())
}

/// The beginning of the first day, and the end of the last.
pub fn period(
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    now: DateTime<Utc>,
) -> (DateTime<Utc>, DateTime<Utc>) {
    let last = to.unwrap_or(now.date_naive());
    let first = from.unwrap_or(last - Days::new(DAYS - 1));
    let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    (midnight(first), midnight(last) + Days::new(1))
}

/// Takes an incident on in somebody's name.
pub async fn acknowledge(
    incidents: &Incidents<impl incident::Store>,
    order: &PersonOrder,
    now: DateTime<Utc>,
) -> Result<Said, WatchError> {
    said(incidents.acknowledge(&order.id, &order.by, now).await)
}

/// Tells nothing of an incident for a while.
pub async fn mute(
    incidents: &Incidents<impl incident::Store>,
    order: &MuteOrder,
    now: DateTime<Utc>,
) -> Result<Said, WatchError> {
    let Some(until) = order.end(now) else {
        return Ok(Said::Refused("a mute needs either until or hours".to_owned()));
    };
    said(incidents.mute(&order.id, until, &order.by, now).await)
}

/// Tells of an incident again.
pub async fn unmute(
    incidents: &Incidents<impl incident::Store>,
    order: &PersonOrder,
    now: DateTime<Utc>,
) -> Result<Said, WatchError> {
    said(incidents.unmute(&order.id, &order.by, now).await)
}

/// Ends an incident in somebody's name.
pub async fn close(
    incidents: &Incidents<impl incident::Store>,
    order: &PersonOrder,
    now: DateTime<Utc>,
) -> Result<Said, WatchError> {
    said(incidents.close(&order.id, &order.by, now).await)
}

fn said(result: Result<Incident, IncidentError>) -> Result<Said, WatchError> {
    match result {
        Ok(incident) => Ok(Said::Incident(Box::new(incident.into()))),
        Err(error) if error.is_retryable() => Err(error.into()),
        Err(error @ IncidentError::Store(_)) => Err(error.into()),
        Err(error) => Ok(Said::Refused(error.to_string())),
    }
}
