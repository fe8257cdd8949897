//! An alert in plain words: what a person needs at three in the morning, and nothing of a row.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use shared::event::Alert;
use shared::incident::{CLOSED_BY, ChangeKind, Evidence, Incident};
use uuid::Uuid;

use crate::change::Told;

/// UUID namespace of notification ids: a constant of this project, made once with `uuidgen`.
const NOTIFICATIONS: Uuid = Uuid::from_u128(0x91d7_26c3_08be_4f5d_b2c4_6ea1_97f0_3d58);

/// What SNS takes as the subject of a mail.
const LONGEST_SUBJECT: usize = 100;

/// So many names are listed; the table and the dashboard have them all.
const MOST_NAMES: usize = 12;

/// So many sentences of a finding are shown.
const MOST_DETAILS: usize = 12;

/// What the texts name beside the incident.
#[derive(Debug, Clone, Default)]
pub struct Wording {
    /// An address in which `{incident_id}` stands for the incident; empty for none.
    pub link: String,
    /// The function that is told to acknowledge and to mute.
    pub watch_function: String,
}

/// The id of a notification of something: always the same one.
pub fn notification_id(subject: &str) -> String {
    Uuid::new_v5(&NOTIFICATIONS, subject.as_bytes()).to_string()
}

/// The id of the notification of an incident's change, by its number.
pub fn change_id(incident: &str, change: u64) -> String {
    notification_id(&format!("{incident}\n{change}"))
}

/// A line that a mail can have as its subject: printable ASCII, not too long, never empty.
pub fn subject_line(text: &str) -> String {
    let shown = |sign: char| if (' '..='~').contains(&sign) { sign } else { '?' };
    let mut line: String = text.chars().map(shown).collect();
    if line.len() > LONGEST_SUBJECT {
        line.truncate(LONGEST_SUBJECT - 3);
        line.push_str("...");
    }
    line.trim().to_owned()
}

/// A moment, to the second.
pub fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A stretch of time, in its two largest units.
pub fn duration(length: TimeDelta) -> String {
    let minutes = length.num_minutes();
    match minutes {
        ..1 => format!("{} s", length.num_seconds().max(0)),
        1..60 => format!("{minutes} min"),
        60..1440 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} d {} h", minutes / 1440, minutes % 1440 / 60),
    }
}

/// Some names, and how many there are beyond them.
pub fn names(all: &[String], more: u64) -> String {
    let shown: Vec<&str> = all.iter().take(MOST_NAMES).map(String::as_str).collect();
    let left = (all.len() - shown.len()) as u64 + more;
    match (shown.len(), left) {
        (_, 0) => shown.join(", "),
        (0, _) => format!("{left}"),
        _ => format!("{} and {left} more", shown.join(", ")),
    }
}

impl Wording {
    /// The alert of a change.
    pub fn alert(&self, told: Told, now: DateTime<Utc>) -> Alert {
        let severity = told.severity();
        let Told { incident, change, missed } = told;
        let id = &incident.id;
        let link = (!self.link.is_empty()).then(|| self.link.replace("{incident_id}", id));
        let headline = headline(&incident, change.kind);
        let subject = subject_line(&format!(
            "{headline}: {} {} {}",
            incident.key.dataset, incident.key.monitor, incident.key.cause
        ));
        let mut text = format!("{headline}: {}\n\n", incident.summary);
        if missed > 0 {
            let _ =
                writeln!(text, "{missed} earlier changes of it are told by this message alone.\n");
        }
        facts(&mut text, &incident, now);
        evidence(&mut text, &incident.evidence);
        around(&mut text, &incident);
        self.next(&mut text, &incident, link.as_deref());
        Alert {
            notification_id: change_id(id, incident.change),
            severity,
            subject,
            text,
            link,
            change: Some(change),
            missed_changes: missed,
            incident: Some(incident),
            digest: None,
        }
    }

    fn next(&self, text: &mut String, incident: &Incident, link: Option<&str>) {
        let _ = writeln!(text, "\n{}", Alert::WHAT_TO_DO);
        if let Some(link) = link {
            row(text, "Look closer", link);
        }
        row(text, "See all", "make incidents");
        if !incident.is_open() {
            return;
        }
        let order = |order: &str| {
            format!(
                "aws lambda invoke --function-name {} --cli-binary-format raw-in-base64-out --payload '{order}' /dev/stdout",
                self.watch_function
            )
        };
        let id = &incident.id;
        row(text, "Take it on", &format!("make incidents ACK={id}"));
        row(
            text,
            "  or",
            &order(&format!(r#"{{"acknowledge": {{"id": "{id}", "by": "your name"}}}}"#)),
        );
        row(text, "Mute it", &format!("make incidents MUTE={id} HOURS=8"));
        row(
            text,
            "  or",
            &order(&format!(r#"{{"mute": {{"id": "{id}", "hours": 8, "by": "your name"}}}}"#)),
        );
    }
}

fn headline(incident: &Incident, kind: ChangeKind) -> String {
    let severity = incident.severity.name().to_uppercase();
    match kind {
        ChangeKind::Resolved => "RESOLVED".to_owned(),
        ChangeKind::Opened => severity,
        ChangeKind::Escalated => format!("{severity}, worse than before"),
        ChangeKind::Reopened => format!("{severity}, back again"),
        ChangeKind::Acknowledged => format!("{severity}, acknowledged"),
        ChangeKind::Muted => format!("{severity}, muted"),
        ChangeKind::Unmuted => format!("{severity}, no longer muted"),
    }
}

fn row(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "{name:<13}{value}");
}

fn facts(text: &mut String, incident: &Incident, now: DateTime<Utc>) {
    row(text, "Dataset", &incident.key.dataset);
    row(text, "Monitor", &format!("{}: {}", incident.key.monitor, incident.key.cause));
    row(text, "Owner", incident.owner.as_deref().unwrap_or("nobody is named in the contract"));
    let end = incident.resolved_at.unwrap_or(now);
    let since = moment(incident.since);
    row(text, "Bad since", &format!("{since} ({})", duration(end - incident.since)));
    row(text, "Noticed", &moment(incident.opened_at));
    if let Some(resolved) = incident.resolved_at {
        let resolution = incident.resolution.as_deref().unwrap_or_default();
        // What a person ends need not be good.
        let name = if resolution.starts_with(CLOSED_BY) { "Ended" } else { "Good again" };
        row(text, name, &format!("{} {resolution}", moment(resolved)));
    }
    if let Some(at) = incident.acknowledged_at {
        let by = incident.acknowledged_by.as_deref().unwrap_or_default();
        row(text, "Taken on", &format!("{} by {by}", moment(at)));
    }
    if let Some(until) = incident.muted_until.filter(|until| *until > now) {
        let by = incident.muted_by.as_deref().unwrap_or_default();
        row(text, "Muted until", &format!("{} by {by}", moment(until)));
    }
}

fn evidence(text: &mut String, evidence: &Evidence) {
    let unit = evidence.unit.as_deref().map(|unit| format!(" {unit}")).unwrap_or_default();
    let interval = match (evidence.lower, evidence.upper) {
        (Some(lower), Some(upper)) => format!("normal from {lower} to {upper}"),
        (Some(lower), None) => format!("normal from {lower}"),
        (None, Some(upper)) => format!("normal to {upper}"),
        (None, None) => String::new(),
    };
    match (evidence.expected, interval.is_empty()) {
        (Some(expected), true) => row(text, "Expected", &format!("{expected}{unit}")),
        (Some(expected), false) => {
            row(text, "Expected", &format!("{expected}{unit}, {interval}"));
        }
        (None, false) => row(text, "Expected", &format!("{interval}{unit}")),
        (None, true) => {}
    }
    if let Some(actual) = evidence.actual {
        row(text, "Actual", &format!("{actual}{unit}"));
    }
    if let Some(points) = evidence.learnt_from {
        row(text, "Learnt from", &format!("{points} points"));
    }
    if let Some(bucket) = &evidence.bucket {
        row(text, "Of", bucket);
    }
    if let Some(run) = &evidence.run_id {
        row(text, "Run", run);
    }
    if let Some(good) = &evidence.last_good_run {
        row(text, "Last good", &format!("{}, run {}", moment(good.at), good.run_id));
    }
    for detail in evidence.details.iter().take(MOST_DETAILS) {
        row(text, "", detail);
    }
    if evidence.details.len() > MOST_DETAILS {
        row(text, "", &format!("and {} more", evidence.details.len() - MOST_DETAILS));
    }
}

fn around(text: &mut String, incident: &Incident) {
    let affected: Vec<String> = incident
        .affected
        .iter()
        .filter(|member| !member.resolved)
        .map(|member| format!("{} ({})", member.key.dataset, member.key.monitor))
        .collect();
    let more = u64::from(incident.affected_more);
    if !affected.is_empty() || more > 0 {
        row(text, "Affected", &names(&affected, more));
    }
    let downstream = &incident.downstream;
    let below = if downstream.is_empty() { "nothing".to_owned() } else { names(downstream, 0) };
    row(text, "Downstream", &below);
    if let Some(last) = &incident.recurrence.last {
        let count = incident.recurrence.count;
        row(text, "Recurrence", &format!("{count} in the 30 days before; the last was {last}"));
    }
    if incident.reopenings > 0 {
        row(text, "Reopened", &format!("{} times", incident.reopenings));
    }
    row(text, "Incident", &incident.id);
}
