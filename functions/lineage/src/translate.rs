//! From a run to its events: values in, values out.

use shared::contract::{Contract, contracts};
use shared::event::DatasetEvent;
use shared::lineage::Catalog;
use shared::run::{CheckResult, Outcome, Run, run_id};

use crate::datasets;
use crate::event::{EventType, Job, RunEvent, RunReference};
use crate::facet::{
    ErrorMessage, JobFacets, JobType, NominalTime, ParentRun, ProcessingEngine, RunFacets,
};

/// The job that commits rows which a person has released: there is no run of an input around it.
const RELEASE: &str = "replay";

/// What the names of this deployment are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The namespace of the jobs.
    pub job_namespace: String,
    /// Where the tables are.
    pub catalog: Catalog,
    /// The bucket of the tables' files.
    pub lake_bucket: String,
}

/// The two events of a run.
///
/// A run whose rows are held is a FAIL: what it was to write is not in the table, so nothing downstream may
/// take it for done, and ABORT is for what somebody stopped. Its message names the checks. When the rows are
/// released later, that is a run of its own, and it completes.
pub fn run_events(event: &DatasetEvent, deployment: &Deployment) -> [RunEvent; 2] {
    let run = &event.run;
    let mut start = RunEvent::new(
        EventType::Start,
        run.started_at,
        reference(run, deployment, None),
        job(run, deployment),
    );
    let mut end = RunEvent::new(
        end_type(run.outcome),
        run.finished_at,
        reference(run, deployment, error_message(run)),
        job(run, deployment),
    );
    let contract = contract_of(run);
    start.inputs = datasets::named_inputs(run, deployment);
    start.outputs = datasets::named_outputs(run, deployment);
    end.inputs = datasets::inputs(run, contract, deployment);
    end.outputs = datasets::outputs(event, contract, deployment);
    [start, end]
}

fn end_type(outcome: Outcome) -> EventType {
    match outcome {
        Outcome::Committed | Outcome::Transformed | Outcome::Empty => EventType::Complete,
        Outcome::Failed | Outcome::Quarantined | Outcome::Held => EventType::Fail,
    }
}

/// The contract of the run's dataset, in the version that the run kept to: a message may have waited while
/// another was deployed, and columns of that one are none of the run's.
fn contract_of(run: &Run) -> Option<&'static Contract> {
    let dataset = run.dataset.as_deref()?;
    let contract = contracts().iter().find(|contract| contract.dataset() == dataset)?;
    let version = run.contract_version.as_ref();
    version.is_none_or(|version| *version == contract.version).then_some(contract)
}

fn reference(
    run: &Run,
    deployment: &Deployment,
    error: Option<ErrorMessage>,
) -> RunReference<RunFacets> {
    let facets = RunFacets {
        nominal_time: Some(NominalTime { nominal_start_time: run.arrived_at }.into()),
        parent: parent(run, deployment).map(Into::into),
        processing_engine: Some(
            ProcessingEngine { name: "tributary", version: env!("CARGO_PKG_VERSION") }.into(),
        ),
        error_message: error.map(Into::into),
    };
    RunReference { run_id: run.run_id.clone(), facets: Some(facets) }
}

/// A job is a microservice and, where one input goes to several tables, the table: otherwise a job would read
/// and write something else in each of its runs, and a backend shows what the last one did.
fn job(run: &Run, deployment: &Deployment) -> Job<JobFacets> {
    let (name, job_type) = match &run.dataset {
        Some(dataset) => (format!("{}.{dataset}", run.job), "TASK"),
        None => (run.job.clone(), "JOB"),
    };
    let job_type = JobType { processing_type: "BATCH", integration: "TRIBUTARY", job_type };
    Job {
        namespace: deployment.job_namespace.clone(),
        name,
        facets: Some(JobFacets { job_type: Some(job_type.into()) }),
    }
}

fn parent(run: &Run, deployment: &Deployment) -> Option<ParentRun> {
    if run.dataset.is_none() || run.job == RELEASE {
        return None;
    }
    Some(ParentRun {
        run: RunReference { run_id: run_id(&run.job, &run.input, None), facets: None },
        job: Job {
            namespace: deployment.job_namespace.clone(),
            name: run.job.clone(),
            facets: None,
        },
    })
}

fn error_message(run: &Run) -> Option<ErrorMessage> {
    let message = match run.outcome {
        Outcome::Committed | Outcome::Transformed | Outcome::Empty => return None,
        Outcome::Held => held_message(run),
        Outcome::Quarantined => run.error.clone().unwrap_or_else(|| {
            "the input cannot be read and is in quarantine as it came".to_owned()
        }),
        Outcome::Failed => run.error.clone().unwrap_or_else(|| "the run failed".to_owned()),
    };
    Some(ErrorMessage { message, programming_language: "RUST" })
}

fn held_message(run: &Run) -> String {
    let failed: Vec<String> =
        run.checks.iter().filter(|check| check.holds_rows()).map(CheckResult::to_string).collect();
    let failed = if failed.is_empty() {
        run.error.clone().unwrap_or_else(|| "not named".to_owned())
    } else {
        failed.join("; ")
    };
    format!("rows are held, for checks of their contract failed: {failed}")
}

#[cfg(test)]
#[path = "translate_tests.rs"]
mod tests;
