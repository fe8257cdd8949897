//! The facets that are written, each as its own schema has it. The addresses of the schemas, with their
//! versions, are those of the classes in the package `openlineage-python`, which a test reads them with.

mod columns;
mod dataset;
mod quality;
mod run;

use serde::Serialize;

use crate::event::PRODUCER;

pub use columns::{ColumnLineage, ColumnLineageField, InputField, Transformation};
pub use dataset::{
    DataSource, DatasetType, DatasetVersion, InputDatasetFacets, OutputDatasetFacets, Schema,
    SchemaField, Storage, Symlink, Symlinks,
};
pub use quality::{
    Assertion, ColumnMetrics, DataQualityAssertions, InputDataQualityMetrics, InputFacets,
    InputStatistics, OutputDataQualityMetrics, OutputFacets, OutputStatistics, RowMetrics,
};
pub use run::{
    ErrorMessage, JobFacets, JobType, NominalTime, ParentRun, ProcessingEngine, RunFacets,
};

/// What a facet holds beside the two members that all have.
pub trait FacetBody {
    /// Where the schema of the facet is.
    const SCHEMA_URL: &'static str;
}

/// A facet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facet<T> {
    /// Always [`PRODUCER`].
    #[serde(rename = "_producer")]
    pub producer: &'static str,
    /// The schema of its type.
    #[serde(rename = "_schemaURL")]
    pub schema_url: &'static str,
    /// What it says.
    #[serde(flatten)]
    pub body: T,
}

impl<T: FacetBody> From<T> for Facet<T> {
    fn from(body: T) -> Self {
        Self { producer: PRODUCER, schema_url: T::SCHEMA_URL, body }
    }
}
