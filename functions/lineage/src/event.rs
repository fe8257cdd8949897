//! OpenLineage's core model, as far as it is written here:
//! <https://openlineage.io/spec/2-0-2/OpenLineage.json>.

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::lineage::DatasetName;

use crate::facet::RunFacets;
use crate::facet::{InputDatasetFacets, InputFacets, JobFacets, OutputDatasetFacets, OutputFacets};

/// Who says it, and in which version: what `producer` and `_producer` hold.
pub const PRODUCER: &str = concat!("urn:tributary:lineage:", env!("CARGO_PKG_VERSION"));

/// The schema that an event keeps to.
const RUN_EVENT_SCHEMA: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

/// A state of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunEvent {
    /// The state.
    pub event_type: EventType,
    /// Since when it holds.
    pub event_time: DateTime<Utc>,
    /// The run.
    pub run: RunReference<RunFacets>,
    /// The job that it is a run of.
    pub job: Job<JobFacets>,
    /// What it reads.
    pub inputs: Vec<InputDataset>,
    /// What it writes.
    pub outputs: Vec<OutputDataset>,
    /// Always [`PRODUCER`].
    pub producer: &'static str,
    /// The schema of this type.
    #[serde(rename = "schemaURL")]
    pub schema_url: &'static str,
}

impl RunEvent {
    /// An event without datasets.
    pub fn new(
        event_type: EventType,
        event_time: DateTime<Utc>,
        run: RunReference<RunFacets>,
        job: Job<JobFacets>,
    ) -> Self {
        Self {
            event_type,
            event_time,
            run,
            job,
            inputs: Vec::new(),
            outputs: Vec::new(),
            producer: PRODUCER,
            schema_url: RUN_EVENT_SCHEMA,
        }
    }
}

/// The states that are told of: one START and one other a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EventType {
    /// It began.
    Start,
    /// It did what it is for.
    Complete,
    /// What it was to write is not there.
    Fail,
}

/// A run, with facets where it is the event's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReference<F> {
    /// A UUID.
    pub run_id: String,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facets: Option<F>,
}

/// A job, with facets where it is the event's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Job<F> {
    /// The deployment.
    pub namespace: String,
    /// The microservice, and the dataset where it is a part of its work.
    pub name: String,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facets: Option<F>,
}

/// A dataset and facets that hold for it, whoever uses it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dataset<F> {
    /// Its name.
    #[serde(flatten)]
    pub name: DatasetName,
    /// More about it.
    pub facets: F,
}

/// A dataset that a run reads.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InputDataset {
    /// The dataset.
    #[serde(flatten)]
    pub dataset: Dataset<InputDatasetFacets>,
    /// What this run has read of it.
    pub input_facets: InputFacets,
}

/// A dataset that a run writes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputDataset {
    /// The dataset.
    #[serde(flatten)]
    pub dataset: Dataset<OutputDatasetFacets>,
    /// What this run has written of it.
    pub output_facets: OutputFacets,
}
