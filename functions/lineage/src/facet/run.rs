//! Facets of runs and jobs.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Facet, FacetBody};
use crate::event::{Job, RunReference};

/// What is said of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunFacets {
    /// When it was due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nominal_time: Option<Facet<NominalTime>>,
    /// What it is a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Facet<ParentRun>>,
    /// What it ran on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processing_engine: Option<Facet<ProcessingEngine>>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<Facet<ErrorMessage>>,
}

/// When a run was due. What waits for files is due when one arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NominalTime {
    /// The arrival of the input.
    pub nominal_start_time: DateTime<Utc>,
}

impl FacetBody for NominalTime {
    const SCHEMA_URL: &'static str = "https://openlineage.io/spec/facets/1-0-1/NominalTimeRunFacet.json#/$defs/NominalTimeRunFacet";
}

/// The run of the input as a whole, of which this is the part that went to one dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParentRun {
    /// The run.
    pub run: RunReference<()>,
    /// Its job.
    pub job: Job<()>,
}

impl FacetBody for ParentRun {
    const SCHEMA_URL: &'static str =
        "https://openlineage.io/spec/facets/1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet";
}

/// What a run ran on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessingEngine {
    /// `tributary`.
    pub name: &'static str,
    /// The version of the function that exports, which is deployed with all others.
    pub version: &'static str,
}

impl FacetBody for ProcessingEngine {
    const SCHEMA_URL: &'static str = "https://openlineage.io/spec/facets/1-1-1/ProcessingEngineRunFacet.json#/$defs/ProcessingEngineRunFacet";
}

/// Why a run failed. It holds no value of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorMessage {
    /// For people.
    pub message: String,
    /// `RUST`.
    pub programming_language: &'static str,
}

impl FacetBody for ErrorMessage {
    const SCHEMA_URL: &'static str = "https://openlineage.io/spec/facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet";
}

/// What is said of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobFacets {
    /// Its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_type: Option<Facet<JobType>>,
}

/// The kind of a job: each run takes one input to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobType {
    /// `BATCH`.
    pub processing_type: &'static str,
    /// `TRIBUTARY`.
    pub integration: &'static str,
    /// `JOB` for an input as a whole, `TASK` for the part that went to a dataset.
    pub job_type: &'static str,
}

impl FacetBody for JobType {
    const SCHEMA_URL: &'static str =
        "https://openlineage.io/spec/facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet";
}
