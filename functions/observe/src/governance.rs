//! The governance monitor: what broke its contract, and was held or quarantined.

use chrono::{DateTime, Utc};
use shared::incident::{Evidence, Finding, IncidentKey, Monitor, Severity};
use shared::lineage::input_dataset;
use shared::observation::Judgement;
use shared::run::{CheckResult, Outcome, Run};

/// What a run is about: its dataset, or the folder of the input that was read as a whole.
pub fn subject(run: &Run) -> String {
    match &run.dataset {
        Some(dataset) => dataset.clone(),
        None => input_dataset(&run.input.bucket, &run.input.key).to_string(),
    }
}

/// What a run says of its contract; none where it says nothing that an earlier run may have said otherwise.
pub fn judge(run: &Run) -> Option<Judgement> {
    let mut findings = Vec::new();
    for check in run.checks.iter().filter(|check| !check.passed) {
        findings.push(of_check(run, check));
    }
    match run.outcome {
        Outcome::Quarantined => findings.push(finding(
            run,
            "input_quarantined",
            Severity::Medium,
            format!(
                "an input of {} could not be read and is in quarantine as a whole",
                subject(run)
            ),
        )),
        Outcome::Failed => findings.push(finding(
            run,
            "run_failed",
            Severity::High,
            format!("{} cannot process an input of {}", run.job, subject(run)),
        )),
        Outcome::Held if findings.is_empty() => findings.push(finding(
            run,
            "held",
            Severity::High,
            format!("rows of {} are held", subject(run)),
        )),
        _ if run.is_failure() && findings.is_empty() => findings.push(finding(
            run,
            "left_out",
            Severity::High,
            format!("rows of {} were left out of their table", subject(run)),
        )),
        _ => {}
    }
    // A run without rows passes no check that an earlier one failed.
    let says_something = match run.outcome {
        Outcome::Empty => !findings.is_empty(),
        Outcome::Committed => true,
        _ => run.dataset.is_none() || !run.checks.is_empty() || !findings.is_empty(),
    };
    says_something.then_some(Judgement { monitor: Monitor::Governance, findings })
}

/// What a run's judgement is as of: when its outcome stood, the same however often the run is delivered. What is
/// read again or released has arrived long ago, and says all the same how things are now.
pub fn as_of(run: &Run) -> DateTime<Utc> {
    run.finished_at
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
