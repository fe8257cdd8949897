//! What a run says of its contract.

use shared::incident::{Evidence, Finding, IncidentKey, Monitor, Severity};
use shared::lineage::input_dataset;
use shared::run::{CheckResult, Outcome, Run};

/// The job that releases or drops what is held: it says nothing new of the rows.
const REPLAY: &str = "replay";

/// That so large a share of an input's records is refused is grave …
const GRAVE_SHARE: f64 = 0.5;

/// … and this is worth a look …
const TOLD_SHARE: f64 = 0.05;

/// … if they are so many. Of fewer only the larger share is told, and is not grave.
const TOLD_RECORDS: u64 = 10;

/// So many reasons are told.
const MOST_REASONS: usize = 5;

/// What a run is about: its dataset, or the folder of the input that was read as a whole.
pub fn subject(run: &Run) -> String {
    match &run.dataset {
        Some(dataset) => dataset.clone(),
        None => input_dataset(&run.input.bucket, &run.input.key).to_string(),
    }
}

/// Why a run's rows are kept from their table; nothing where they are not.
pub(super) fn withheld(run: &Run) -> Vec<Finding> {
    let subject = subject(run);
    let (cause, severity, summary) = match run.outcome {
        Outcome::Held => return held(run),
        Outcome::Quarantined => (
            "input_quarantined",
            Severity::Medium,
            format!("an input of {subject} could not be read and is in quarantine as a whole"),
        ),
        Outcome::Failed => (
            "run_failed",
            Severity::High,
            format!("{} cannot process an input of {subject}", run.job),
        ),
        _ if run.is_failure() => {
            ("left_out", Severity::High, format!("rows of {subject} were left out of their table"))
        }
        _ => return Vec::new(),
    };
    vec![finding(run, cause, severity, summary)]
}

fn held(run: &Run) -> Vec<Finding> {
    let failed: Vec<Finding> = run
        .checks
        .iter()
        .filter(|check| check.holds_rows())
        .map(|check| of_check(run, check))
        .collect();
    if !failed.is_empty() {
        return failed;
    }
    let summary = format!("rows of {} are held", subject(run));
    vec![finding(run, "held", Severity::High, summary)]
}

/// Whether a run is the end of what was kept back of its input. A reading that came too late is none: a later one
/// decides.
pub(super) fn settles(run: &Run) -> bool {
    let is_done = matches!(run.outcome, Outcome::Committed | Outcome::Empty | Outcome::Transformed);
    is_done && run.left_out.is_none()
}

/// Whether an earlier run of the same object may have been kept back.
pub(super) fn reads_again(run: &Run) -> bool {
    run.job == REPLAY || run.input.replay.is_some() || run.input.supersedes.is_some()
}

/// What a run says of itself alone; none where it says neither good nor bad.
pub(super) fn of_itself(run: &Run) -> Option<Vec<Finding>> {
    if run.job == REPLAY {
        return None;
    }
    if run.dataset.is_none() {
        return of_records(run);
    }
    let is_warning = |check: &&CheckResult| !check.passed && !check.holds_rows();
    let warnings: Vec<Finding> =
        run.checks.iter().filter(is_warning).map(|check| of_check(run, check)).collect();
    // A run without rows passes no check that an earlier one failed.
    let had_rows = matches!(run.outcome, Outcome::Committed | Outcome::Held);
    (had_rows || !warnings.is_empty()).then_some(warnings)
}

/// What an input as a whole says of its records: how many of them nobody takes.
fn of_records(run: &Run) -> Option<Vec<Finding>> {
    let is_read = matches!(run.outcome, Outcome::Transformed | Outcome::Empty);
    let records = run.records.filter(|records| is_read && records.records > 0)?;
    let share = records.quarantined as f64 / records.records as f64;
    let are_many = records.quarantined >= TOLD_RECORDS;
    let severity = match (share >= GRAVE_SHARE, are_many) {
        (true, true) => Severity::High,
        (true, false) => Severity::Medium,
        (false, true) if share >= TOLD_SHARE => Severity::Medium,
        (false, _) => return Some(Vec::new()),
    };
    let mut reasons: Vec<(&String, &u64)> = run.quarantined_by_reason.iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    reasons.truncate(MOST_REASONS);
    let names: Vec<&str> = reasons.iter().map(|(reason, _)| reason.as_str()).collect();
    let (refused, all) = (records.quarantined, records.records);
    let (subject, names) = (subject(run), names.join(", "));
    let summary =
        format!("{refused} of {all} records of an input of {subject} are in quarantine: {names}");
    let mut finding = finding(run, "records_quarantined", severity, summary);
    finding.evidence.actual = Some(share);
    finding.evidence.upper = Some(TOLD_SHARE);
    finding.evidence.unit = Some("share".to_owned());
    let of_reason = |(reason, count): &(&String, &u64)| format!("{reason}: {count} records");
    finding.evidence.details.extend(reasons.iter().map(of_reason));
    Some(vec![finding])
}

fn of_check(run: &Run, check: &CheckResult) -> Finding {
    let held = run.rows.map_or(0, |rows| rows.held);
    let (cause, severity) = if check.holds_rows() {
        (format!("check_failed:{}", check.name), Severity::High)
    } else {
        (format!("check_warning:{}", check.name), Severity::Low)
    };
    let summary = if held > 0 {
        format!("{held} rows of {} are held: the check {check}", subject(run))
    } else {
        format!("{} fails a check: {check}", subject(run))
    };
    let mut finding = finding(run, &cause, severity, summary);
    finding.evidence.actual = Some(check.value);
    finding.evidence.unit = Some(check.unit.clone());
    if let Some(column) = &check.column {
        finding.evidence.details.push(format!("column {column}"));
    }
    finding.evidence.details.push(check.expectation.clone());
    finding
}

fn finding(run: &Run, cause: &str, severity: Severity, summary: String) -> Finding {
    // The folder, not the object: what people call their files may be personal.
    let folder = input_dataset(&run.input.bucket, &run.input.key);
    let mut details = vec![format!("an input of {folder}")];
    details.extend(run.error.clone());
    Finding {
        key: IncidentKey::new(subject(run), Monitor::Governance, cause),
        severity,
        since: run.arrived_at,
        summary,
        evidence: Evidence { run_id: Some(run.run_id.clone()), details, ..Evidence::default() },
    }
}
