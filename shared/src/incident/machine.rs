//! What becomes of an incident. Values in, values out; nothing here reads a clock or a table.
//!
//! - A judgement that holds for an earlier moment than the newest that was taken changes nothing. Of
//!   two for the same moment a finding outweighs a clearing, and the worse finding the other. So the
//!   order of deliveries, and how often each comes, make no difference to where an incident ends.
//! - Told are: opened; worse than was told before; acknowledged, muted, unmuted; resolved. The same
//!   finding again is not told, also not of one that was acknowledged. What was never told is not told
//!   to be resolved.
//! - While an incident is muted nothing is told of it, but that it became critical when less was told
//!   before. A mute ends by itself; what is then still bad and was never told is told with the next
//!   finding. A mute that has not ended holds for the next occurrence too.
//! - A finding within [`FLAP`] of the resolution reopens the same occurrence. That is told the first
//!   time, from [`Severity::High`] up, and once it lasts for longer than [`FLAP`]; a reopening that was
//!   not told is not told to be resolved either. A later finding opens the next occurrence.
//! - What is grouped under a root is not told, see [`super::cascade`].

use chrono::{DateTime, Duration, Utc};

use super::{Change, ChangeKind, Context, Finding, Incident, Recurrence, Severity, State, cascade};

/// Data that is bad again so soon was not mended.
pub const FLAP: Duration = Duration::hours(1);

/// For how long occurrences are counted as recurrence.
pub const RECURRENCE: Duration = Duration::days(30);

/// Who acknowledges or mutes says who they are in at most so many characters.
const MOST_NAME_CHARACTERS: usize = 100;

/// The incident that a finding opens; nothing is told of it yet.
pub fn open(
    previous: Option<&Incident>,
    finding: &Finding,
    context: &Context,
    as_of: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Incident {
    let occurrence = previous.map_or(1, |previous| previous.occurrence + 1);
    let muted = previous.filter(|previous| previous.is_muted(now));
    Incident {
        id: finding.key.id(occurrence),
        key: finding.key.clone(),
        occurrence,
        state: State::Open,
        severity: finding.severity,
        found_severity: finding.severity,
        worst_severity: finding.severity,
        told_severity: None,
        domain: domain(finding, context),
        owner: context.owner.clone(),
        since: finding.since.min(as_of).min(now),
        opened_at: now,
        judged_at: as_of,
        acknowledged_at: None,
        acknowledged_by: None,
        resolved_at: None,
        closed_at: None,
        resolution: None,
        muted_until: muted.and_then(|previous| previous.muted_until),
        muted_by: muted.and_then(|previous| previous.muted_by.clone()),
        reopened_at: None,
        reopenings: 0,
        is_flapping: false,
        summary: finding.summary.clone(),
        evidence: finding.evidence.clone(),
        upstream: context.upstream.clone(),
        downstream: context.downstream.clone(),
        affected: Vec::new(),
        affected_more: 0,
        root: None,
        recurrence: previous.map(|previous| recurrence(previous, now)).unwrap_or_default(),
        change: 0,
        last_change: None,
        version: 1,
        expires_at: None,
    }
}

fn domain(finding: &Finding, context: &Context) -> String {
    if context.domain.is_empty() { finding.key.domain().to_owned() } else { context.domain.clone() }
}

fn recurrence(previous: &Incident, now: DateTime<Utc>) -> Recurrence {
    let mut opened = previous.recurrence.opened.clone();
    opened.push(previous.opened_at);
    opened.retain(|at| now - *at <= RECURRENCE);
    let beyond = opened.len().saturating_sub(Recurrence::MOST);
    opened.drain(..beyond);
    Recurrence { count: opened.len() as u32, last: Some(previous.id.clone()), opened }
}

/// An incident after another finding; none if that changes nothing.
///
/// One that was resolved is reopened; whether the finding opens the next occurrence instead is for
/// [`is_over`] to say.
pub fn judge(
    incident: &Incident,
    finding: &Finding,
    context: &Context,
    as_of: DateTime<Utc>,
) -> Option<Incident> {
    let is_known = as_of == incident.judged_at && finding.severity <= incident.found_severity;
    if as_of < incident.judged_at || (incident.is_open() && is_known) {
        return None;
    }
    let mut judged = incident.clone();
    if !incident.is_open() {
        reopen(&mut judged, as_of);
    }
    judged.found_severity = finding.severity;
    judged.worst_severity = judged.worst_severity.max(finding.severity);
    judged.since = judged.since.min(finding.since);
    judged.summary.clone_from(&finding.summary);
    judged.evidence = finding.evidence.clone();
    judged.domain = domain(finding, context);
    judged.owner.clone_from(&context.owner);
    judged.upstream.clone_from(&context.upstream);
    judged.downstream.clone_from(&context.downstream);
    judged.judged_at = as_of;
    judged.version += 1;
    cascade::weigh(&mut judged);
    Some(judged)
}

/// Whether a finding for a moment opens the next occurrence of an incident that was resolved.
pub fn is_over(incident: &Incident, as_of: DateTime<Utc>) -> bool {
    !incident.is_open() && as_of - incident.judged_at >= FLAP
}

fn reopen(incident: &mut Incident, as_of: DateTime<Utc>) {
    incident.state = State::Open;
    incident.acknowledged_at = None;
    incident.acknowledged_by = None;
    incident.resolved_at = None;
    incident.closed_at = None;
    incident.resolution = None;
    incident.expires_at = None;
    incident.reopened_at = Some(as_of);
    incident.reopenings += 1;
    incident.is_flapping = true;
}

/// Counts the change that is due to be told after a finding, if one is.
pub fn tell_if_due(incident: &mut Incident, now: DateTime<Utc>) -> Option<ChangeKind> {
    let kind = due(incident, now)?;
    tell(incident, kind, now, None);
    Some(kind)
}

fn due(incident: &Incident, now: DateTime<Utc>) -> Option<ChangeKind> {
    if !incident.is_open() || incident.root.is_some() {
        return None;
    }
    let is_worse = incident.told_severity.is_none_or(|told| incident.severity > told);
    let breaks_mute = is_worse && incident.severity == Severity::Critical;
    if incident.is_muted(now) && !breaks_mute {
        return None;
    }
    if incident.told_severity.is_none() {
        return Some(ChangeKind::Opened);
    }
    if incident.is_flapping {
        return is_loud(incident, is_worse).then_some(ChangeKind::Reopened);
    }
    is_worse.then_some(ChangeKind::Escalated)
}

/// Whether a reopening is told.
fn is_loud(incident: &Incident, is_worse: bool) -> bool {
    let lasts = incident.reopened_at.is_some_and(|at| incident.judged_at - at >= FLAP);
    incident.reopenings == 1 || incident.severity >= Severity::High || is_worse || lasts
}

fn tell(incident: &mut Incident, kind: ChangeKind, now: DateTime<Utc>, by: Option<String>) {
    incident.change += 1;
    incident.last_change = Some(Change { kind, at: now, by });
    if matches!(kind, ChangeKind::Opened | ChangeKind::Escalated | ChangeKind::Reopened) {
        incident.told_severity = Some(
            incident.told_severity.map_or(incident.severity, |told| told.max(incident.severity)),
        );
        incident.is_flapping = false;
    }
}

/// An incident after its data was seen to be good; none if that changes nothing.
///
/// `kept` is for how long the table keeps it from then on.
pub fn clear(
    incident: &Incident,
    as_of: DateTime<Utc>,
    now: DateTime<Utc>,
    resolution: &str,
    kept: Duration,
) -> Option<Incident> {
    if !incident.is_open() || as_of <= incident.judged_at {
        return None;
    }
    let mut cleared = incident.clone();
    let is_told =
        incident.told_severity.is_some() && !incident.is_flapping && !incident.is_muted(now);
    cleared.state = State::Resolved;
    cleared.judged_at = as_of;
    cleared.resolved_at = Some(as_of.max(incident.opened_at));
    cleared.closed_at = Some(now);
    cleared.resolution = Some(resolution.to_owned());
    cleared.is_flapping = false;
    cleared.expires_at = Some((now + kept).timestamp());
    cleared.version += 1;
    if is_told {
        tell(&mut cleared, ChangeKind::Resolved, now, None);
    }
    Some(cleared)
}

/// An incident that somebody takes on; none if it was taken on before, or is resolved.
pub fn acknowledge(incident: &Incident, by: &str, now: DateTime<Utc>) -> Option<Incident> {
    if incident.state != State::Open {
        return None;
    }
    let mut taken = incident.clone();
    taken.state = State::Acknowledged;
    taken.acknowledged_at = Some(now);
    taken.acknowledged_by = Some(name(by));
    taken.version += 1;
    tell_of_person(&mut taken, ChangeKind::Acknowledged, by, now, incident.is_muted(now));
    Some(taken)
}

/// An incident of which nothing is told until a moment; none if that is so already, or it is resolved.
pub fn mute(
    incident: &Incident,
    until: DateTime<Utc>,
    by: &str,
    now: DateTime<Utc>,
) -> Option<Incident> {
    if !incident.is_open() || until <= now || incident.muted_until == Some(until) {
        return None;
    }
    let mut muted = incident.clone();
    muted.muted_until = Some(until);
    muted.muted_by = Some(name(by));
    muted.version += 1;
    tell_of_person(&mut muted, ChangeKind::Muted, by, now, incident.is_muted(now));
    Some(muted)
}

/// An incident of which things are told again; none if they are.
///
/// What was due meanwhile is told in place of the unmuting.
pub fn unmute(incident: &Incident, by: &str, now: DateTime<Utc>) -> Option<Incident> {
    if !incident.is_muted(now) {
        return None;
    }
    let mut unmuted = incident.clone();
    unmuted.muted_until = None;
    unmuted.muted_by = None;
    unmuted.version += 1;
    if tell_if_due(&mut unmuted, now).is_none() {
        tell_of_person(&mut unmuted, ChangeKind::Unmuted, by, now, false);
    }
    Some(unmuted)
}

/// What people do is told of what people know of.
fn tell_of_person(
    incident: &mut Incident,
    kind: ChangeKind,
    by: &str,
    now: DateTime<Utc>,
    is_muted: bool,
) {
    if incident.told_severity.is_some() && !is_muted {
        tell(incident, kind, now, Some(name(by)));
    }
}

/// Somebody, in their own words.
pub(super) fn name(by: &str) -> String {
    let shown = by.chars().filter(|character| !character.is_control());
    shown.take(MOST_NAME_CHARACTERS).collect()
}
