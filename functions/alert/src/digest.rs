//! The digest of a day: what was of too little severity to be told at once, and what is still open.

use std::fmt::Write as _;

use chrono::{DateTime, Days, NaiveDate, SubsecRound as _, Utc};
use chrono_tz::Tz;
use shared::event::{Alert, Digest, Line};
use shared::incident::{Incident, Severity};

use crate::text::{moment, notification_id, subject_line};
use crate::{AlertError, Alerter};

/// Digests are looked for so many days back: what a clock missed is told by the next.
const MOST_DAYS: u64 = 7;

/// So many incidents a list; the table and the dashboard have them all.
const MOST_LINES: usize = 50;

/// How days are reckoned.
#[derive(Debug, Clone, Default)]
pub struct DigestSettings {
    /// An IANA name; empty for UTC.
    pub time_zone: String,
}

impl DigestSettings {
    /// The day of a moment.
    pub fn day(&self, at: DateTime<Utc>) -> Result<NaiveDate, AlertError> {
        if self.time_zone.is_empty() {
            return Ok(at.date_naive());
        }
        let unknown = |_| AlertError::TimeZone(self.time_zone.clone());
        let zone: Tz = self.time_zone.parse().map_err(unknown)?;
        Ok(at.with_timezone(&zone).date_naive())
    }
}

fn id_of(day: NaiveDate) -> String {
    notification_id(&format!("digest\n{day}"))
}

impl Alerter {
    /// Tells the digest of the day of a moment, once; whether there was anything to tell.
    pub async fn tell_digest(
        &self,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, AlertError> {
        // As it is stored, so that each digest begins where the one before ended.
        let at = at.trunc_subsecs(6);
        let day = self.digest.day(at)?;
        let id = id_of(day);
        if !self.outbox.claim(&id, now).await? {
            return Ok(false);
        }
        match self.publish_digest(id.clone(), day, at).await {
            Ok(told) => {
                // Also where there was nothing to tell: the next digest begins here.
                self.outbox.mark_sent(&id, at).await;
                Ok(told)
            }
            Err(error) => {
                self.outbox.give_back(&id).await;
                Err(error)
            }
        }
    }

    async fn publish_digest(
        &self,
        id: String,
        day: NaiveDate,
        at: DateTime<Utc>,
    ) -> Result<bool, AlertError> {
        let from = self.before(day, at).await?;
        let open = self.incidents.all_open().await?;
        let closed = self.incidents.closed_between(from, at).await?;
        let Some(digest) = digest(&open, &closed, from, at) else {
            return Ok(false);
        };
        self.publisher.publish(&alert(id, day, digest)).await?;
        Ok(true)
    }

    /// The moment of the digest before.
    async fn before(&self, day: NaiveDate, at: DateTime<Utc>) -> Result<DateTime<Utc>, AlertError> {
        for days in 1..=MOST_DAYS {
            if let Some(done) = self.outbox.done_at(&id_of(day - Days::new(days))).await? {
                return Ok(done);
            }
        }
        Ok(at - Days::new(1))
    }
}

/// Whether an incident was gathered and not told at once.
fn is_gathered(incident: &Incident) -> bool {
    let told = incident.told_severity.map_or(incident.severity, |told| told.max(incident.severity));
    told == Severity::Low && incident.root.is_none()
}

/// The digest of a stretch of time, from what is open and what was closed in it; none where there is
/// nothing to tell.
pub fn digest(
    open: &[Incident],
    closed: &[Incident],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Option<Digest> {
    let is_new = |incident: &&Incident| from < incident.opened_at && incident.opened_at <= to;
    let gathered = |incident: &&Incident| is_gathered(incident);
    let mut more = 0;
    let mut lines = |mut chosen: Vec<&Incident>| -> Vec<Line> {
        chosen.sort_by_key(|incident| (std::cmp::Reverse(incident.severity), incident.since));
        more += chosen.len().saturating_sub(MOST_LINES) as u64;
        chosen.into_iter().take(MOST_LINES).map(Line::of).collect()
    };
    let digest = Digest {
        from,
        to,
        opened: lines(open.iter().chain(closed).filter(gathered).filter(is_new).collect()),
        resolved: lines(closed.iter().filter(gathered).collect()),
        // What is grouped is told by its root.
        open: lines(open.iter().filter(|it| it.root.is_none() && !it.is_muted(to)).collect()),
        muted: lines(open.iter().filter(|incident| incident.is_muted(to)).collect()),
        more: 0,
    };
    let is_empty = [&digest.opened, &digest.resolved, &digest.open, &digest.muted]
        .iter()
        .all(|lines| lines.is_empty());
    (!is_empty).then_some(Digest { more, ..digest })
}

/// The message of a digest.
pub fn alert(notification_id: String, day: NaiveDate, digest: Digest) -> Alert {
    let (opened, resolved) = (digest.opened.len(), digest.resolved.len());
    let (open, muted) = (digest.open.len(), digest.muted.len());
    let subject = format!(
        "Data incidents of {day}: {opened} low opened, {resolved} low resolved, {open} open, {muted} muted"
    );
    let mut text = format!("From {} to {}.\n", moment(digest.from), moment(digest.to));
    list(&mut text, "Opened, of low severity", &digest.opened);
    list(&mut text, "Resolved, of low severity", &digest.resolved);
    list(&mut text, "Open", &digest.open);
    list(&mut text, "Muted", &digest.muted);
    if digest.more > 0 {
        let _ = writeln!(text, "\nand {} more", digest.more);
    }
    text.push_str("\nSee all: make incidents\n");
    Alert {
        notification_id,
        severity: Severity::Low,
        subject: subject_line(&subject),
        text,
        link: None,
        change: None,
        missed_changes: 0,
        incident: None,
        digest: Some(digest),
    }
}

fn list(text: &mut String, title: &str, lines: &[Line]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title}");
    for line in lines {
        let _ = write!(
            text,
            "  {:<8} {}: {}, since {}",
            line.severity,
            line.dataset,
            line.summary,
            moment(line.since)
        );
        if let Some(until) = line.muted_until {
            let _ = write!(text, ", muted until {}", moment(until));
        }
        let _ = writeln!(text, " ({})", line.id);
    }
}
