//! The incidents of every dataset: what monitors report to, and people ask.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use futures_util::future::try_join_all;

use super::{
    Batch, ChangeKind, Context, Finding, Incident, IncidentKey, Monitor, Store, StoreError,
    cascade, machine,
};

/// How often a write that met another one is tried.
const MOST_TRIES: u32 = 24;

/// The first pause before that, in milliseconds; it grows, and a part of it is chance.
const PAUSE: u64 = 10;

/// The longest pause, in milliseconds.
const LONGEST_PAUSE: u64 = 400;

/// Moments are kept in microseconds, as the table compares them.
const DIGITS: u16 = 6;

/// Incidents in a store.
#[derive(Debug, Clone)]
pub struct Incidents<S> {
    pub(super) store: S,
    pub(super) kept: chrono::Duration,
}

/// Why incidents could not be reported, cleared or asked for.
#[derive(Debug, thiserror::Error)]
pub enum IncidentError {
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Others wrote the incident again and again. A retry helps.
    #[error("incident {key} was written by others {MOST_TRIES} times in a row")]
    Contended {
        /// What it is about.
        key: IncidentKey,
    },
    /// There is no such incident. A retry does not help.
    #[error("there is no incident {id}")]
    NotFound {
        /// The id that was asked for.
        id: String,
    },
    /// It is resolved, so there is nothing to acknowledge or to mute. A retry does not help.
    #[error("incident {id} is resolved")]
    Resolved {
        /// Its id.
        id: String,
    },
    /// A mute would have ended before it began. A retry does not help.
    #[error("a mute until {until} is over")]
    Past {
        /// When it should have ended.
        until: DateTime<Utc>,
    },
}

/// What became of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It opened an incident, or it was due to tell one that nobody was told of before.
    Opened,
    /// It is worse than what was told before.
    Escalated,
    /// It reopened an incident that was resolved a moment ago.
    Reopened,
    /// It is the newest of an incident that was known.
    Updated,
    /// It was grouped under an incident upstream.
    Grouped,
    /// It was known, or something newer was.
    Ignored,
}

/// What became of a finding, and of its incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Reported {
    /// What became of the finding.
    pub outcome: Outcome,
    /// The incident as it is now; none where the data was good since and there was none.
    pub incident: Option<Incident>,
}

impl IncidentError {
    /// Whether a retry may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable,
            Self::Contended { .. } => true,
            Self::NotFound { .. } | Self::Resolved { .. } | Self::Past { .. } => false,
        }
    }
}

impl<S: Store> Incidents<S> {
    /// Incidents in a store, which keeps them for so long after they are resolved.
    pub fn within(store: S, kept: chrono::Duration) -> Self {
        Self { store, kept }
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Takes a finding. `as_of` is the moment that it holds for (when the run ended, when the clock
    /// struck), and the same whenever the finding is repeated; `now` is the clock.
    pub async fn report(
        &self,
        finding: &Finding,
        context: &Context,
        as_of: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Reported, IncidentError> {
        let as_of = as_of.trunc_subsecs(DIGITS);
        for attempt in 0..MOST_TRIES {
            if let Some(reported) = self.try_report(finding, context, as_of, now).await? {
                return Ok(reported);
            }
            pause(attempt).await;
        }
        Err(IncidentError::Contended { key: finding.key.clone() })
    }

    /// None where somebody else has written meanwhile.
    async fn try_report(
        &self,
        finding: &Finding,
        context: &Context,
        as_of: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<Reported>, IncidentError> {
        // In this order: a clearing that is not seen here fails the write.
        let cleared = self.store.cleared_for(&finding.key).await?;
        let latest = self.store.latest(&finding.key).await?;
        let is_late = cleared.is_some_and(|cleared| as_of < cleared);
        let judged =
            if is_late { None } else { Judged::of(latest.as_ref(), finding, context, as_of, now) };
        let Some(Judged { mut incident, step, mut batch }) = judged else {
            return Ok(Some(Reported { outcome: Outcome::Ignored, incident: latest }));
        };
        let was_grouped = step != Step::Opened && incident.root.is_some();
        if let Some(root) = self.group(&mut incident, as_of, now).await? {
            batch.puts.push(root);
        }
        let is_new_root = step != Step::Judged || was_grouped;
        let mut adopted = Vec::new();
        if is_new_root && incident.root.is_none() {
            adopted = self.affected_by(&incident).await?;
            for member in &adopted {
                cascade::list(&mut incident, member);
            }
        }
        let told = machine::tell_if_due(&mut incident, now);
        batch.puts.push(incident.clone());
        if !self.store.write(batch).await? {
            return Ok(None);
        }
        self.adopt(&incident, adopted).await;
        let outcome = outcome(step, was_grouped, told, &incident);
        Ok(Some(Reported { outcome, incident: Some(incident) }))
    }

    /// Puts an incident under its root, if it has one. The root, where it has changed by that.
    async fn group(
        &self,
        incident: &mut Incident,
        as_of: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<Incident>, IncidentError> {
        let mut found = None;
        if let Some(known) = &incident.root {
            found = self.store.get(&known.key, known.occurrence).await?;
            // What was found before the root was resolved says nothing of the time after it.
            if found.as_ref().is_some_and(|root| !root.is_open() && as_of <= root.judged_at) {
                return Ok(None);
            }
            found = found.filter(Incident::is_open);
        }
        if found.is_none() {
            let asked = incident.upstream.iter().filter(|name| **name != incident.key.dataset);
            let open = try_join_all(asked.map(|name| self.store.open_of(name))).await?;
            found = cascade::choose(open.iter().flatten(), incident).cloned();
        }
        let Some(mut root) = found else {
            incident.root = None;
            return Ok(None);
        };
        incident.root = Some(root.as_root());
        if !cascade::list(&mut root, incident) {
            return Ok(None);
        }
        root.version += 1;
        machine::tell_if_due(&mut root, now);
        Ok(Some(root))
    }

    /// What is open downstream of an incident and belongs under it.
    async fn affected_by(&self, root: &Incident) -> Result<Vec<Incident>, IncidentError> {
        if root.downstream.is_empty() {
            return Ok(Vec::new());
        }
        let mut open = self.store.all_open().await?;
        open.retain(|member| {
            root.downstream.contains(&member.key.dataset)
                && member.key.dataset != root.key.dataset
                && cascade::explains(root.key.monitor, member.key.monitor)
        });
        let (free, grouped): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|member| member.root.is_none());
        let of_those = |member: &Incident| {
            member.root.as_ref().is_some_and(|known| {
                known.id == root.id || free.iter().any(|other| other.id == known.id)
            })
        };
        let along: Vec<Incident> = grouped.into_iter().filter(of_those).collect();
        Ok(free.into_iter().chain(along).collect())
    }

    /// Points those that were listed under a root at it. One that fails, or is written by others just
    /// now, looks for its root itself with its next finding.
    async fn adopt(&self, root: &Incident, members: Vec<Incident>) {
        for mut member in members {
            if member.root.as_ref().is_some_and(|known| known.id == root.id) {
                continue;
            }
            member.root = Some(root.as_root());
            member.version += 1;
            let key = member.key.clone();
            let batch = Batch { puts: vec![member], ..Batch::default() };
            if let Err(error) = self.store.write(batch).await {
                tracing::warn!(incident = %key, root = %root.key, error = %error, "not grouped yet");
            }
        }
    }

    /// Takes it that the data of a key is good as of a moment. The incident that this resolves.
    pub async fn clear(
        &self,
        key: &IncidentKey,
        as_of: DateTime<Utc>,
        now: DateTime<Utc>,
        resolution: &str,
    ) -> Result<Option<Incident>, IncidentError> {
        let as_of = as_of.trunc_subsecs(DIGITS);
        self.store.remember_clearing(key, as_of).await?;
        self.resolve(key, as_of, now, resolution).await
    }

    /// Takes it that a monitor has judged all of a dataset as of a moment and found `except` alone,
    /// which were reported before. The incidents that this resolves.
    pub async fn clear_all(
        &self,
        dataset: &str,
        monitor: Monitor,
        except: &[String],
        as_of: DateTime<Utc>,
        now: DateTime<Utc>,
        resolution: &str,
    ) -> Result<Vec<Incident>, IncidentError> {
        let as_of = as_of.trunc_subsecs(DIGITS);
        self.store.remember_clearing(&IncidentKey::new(dataset, monitor, ""), as_of).await?;
        let mut resolved = Vec::new();
        for open in self.store.open_of(dataset).await? {
            if open.key.monitor == monitor && !except.contains(&open.key.cause) {
                resolved.extend(self.resolve(&open.key, as_of, now, resolution).await?);
            }
        }
        Ok(resolved)
    }

    async fn resolve(
        &self,
        key: &IncidentKey,
        as_of: DateTime<Utc>,
        now: DateTime<Utc>,
        resolution: &str,
    ) -> Result<Option<Incident>, IncidentError> {
        for attempt in 0..MOST_TRIES {
            let latest = self.store.latest(key).await?;
            let cleared = latest
                .and_then(|latest| machine::clear(&latest, as_of, now, resolution, self.kept));
            let Some(cleared) = cleared else {
                return Ok(None);
            };
            let mut puts = vec![cleared.clone()];
            puts.extend(self.root_without(&cleared).await?);
            if self.store.write(Batch { puts, ..Batch::default() }).await? {
                return Ok(Some(cleared));
            }
            pause(attempt).await;
        }
        Err(IncidentError::Contended { key: key.clone() })
    }

    /// The open root of an incident that was resolved, where it has changed by that.
    async fn root_without(&self, resolved: &Incident) -> Result<Option<Incident>, IncidentError> {
        let Some(known) = &resolved.root else {
            return Ok(None);
        };
        let root = self.store.get(&known.key, known.occurrence).await?;
        let Some(mut root) = root.filter(Incident::is_open) else {
            return Ok(None);
        };
        let is_listed = root.affected.iter().any(|member| member.id == resolved.id);
        if !is_listed || !cascade::list(&mut root, resolved) {
            return Ok(None);
        }
        root.version += 1;
        Ok(Some(root))
    }
}

/// What a finding makes of the last occurrence of its key, and what must hold when that is written.
struct Judged {
    incident: Incident,
    step: Step,
    batch: Batch,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Opened,
    Reopened,
    Judged,
}

impl Judged {
    fn of(
        latest: Option<&Incident>,
        finding: &Finding,
        context: &Context,
        as_of: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let not_cleared_after = Some((finding.key.clone(), as_of));
        let known = latest.filter(|latest| !machine::is_over(latest, as_of));
        let Some(known) = known else {
            let incident = machine::open(latest, finding, context, as_of, now);
            let batch = Batch { unchanged: latest.cloned(), not_cleared_after, ..Batch::default() };
            return Some(Self { incident, step: Step::Opened, batch });
        };
        let incident = machine::judge(known, finding, context, as_of)?;
        if known.is_open() {
            return Some(Self { incident, step: Step::Judged, batch: Batch::default() });
        }
        let absent = Some((known.key.clone(), known.occurrence + 1));
        let batch = Batch { absent, not_cleared_after, ..Batch::default() };
        Some(Self { incident, step: Step::Reopened, batch })
    }
}

fn outcome(
    step: Step,
    was_grouped: bool,
    told: Option<ChangeKind>,
    incident: &Incident,
) -> Outcome {
    if incident.root.is_some() && !(was_grouped && step == Step::Judged) {
        return Outcome::Grouped;
    }
    match (step, told) {
        (Step::Opened, _) | (Step::Judged, Some(ChangeKind::Opened)) => Outcome::Opened,
        (Step::Reopened, _) | (Step::Judged, Some(ChangeKind::Reopened)) => Outcome::Reopened,
        (Step::Judged, Some(ChangeKind::Escalated)) => Outcome::Escalated,
        (Step::Judged, _) => Outcome::Updated,
    }
}

/// Waits before a write is tried again; those who met wait differently long.
pub(super) async fn pause(attempt: u32) {
    let longest = (PAUSE << attempt.min(6)).min(LONGEST_PAUSE);
    let chance = u64::from(uuid::Uuid::now_v7().as_bytes()[15]) * longest / 256;
    tokio::time::sleep(Duration::from_millis(chance)).await;
}
