//! What a run reads and writes, with facets.

use std::collections::BTreeSet;

use shared::contract::{Contract, contracts_of};
use shared::event::DatasetEvent;
use shared::lineage::{DatasetName, run_inputs, run_output};
use shared::run::{Outcome, Run};

use crate::columns;
use crate::event::{Dataset, InputDataset, OutputDataset};
use crate::facet::{
    DataSource, DatasetType, DatasetVersion, InputDatasetFacets, InputFacets, OutputDatasetFacets,
    OutputFacets, Schema, SchemaField, Storage, Symlink, Symlinks,
};
use crate::quality;
use crate::translate::Deployment;

/// The inputs by name alone.
pub(crate) fn named_inputs(run: &Run, deployment: &Deployment) -> Vec<InputDataset> {
    run_inputs(run, &deployment.catalog).into_iter().map(input).collect()
}

/// The output by name alone.
pub(crate) fn named_outputs(run: &Run, deployment: &Deployment) -> Vec<OutputDataset> {
    run_output(run, &deployment.catalog).into_iter().map(output).collect()
}

/// The inputs with what is known of them. What was counted is of the one object that was read: it stands at
/// its folder, and nowhere where tables were read.
pub(crate) fn inputs(
    run: &Run,
    contract: Option<&Contract>,
    deployment: &Deployment,
) -> Vec<InputDataset> {
    let mut inputs = named_inputs(run, deployment);
    for input in &mut inputs {
        let is_folder = input.dataset.name.namespace.starts_with("s3://");
        input.dataset.facets = InputDatasetFacets {
            data_source: Some(data_source(&input.dataset.name).into()),
            dataset_type: Some(
                DatasetType { dataset_type: if is_folder { "FILE" } else { "TABLE" } }.into(),
            ),
            schema: contract
                .filter(|_| is_folder)
                .map(|contract| record_schema(contract, &input.dataset.name).into()),
        };
        if is_folder {
            input.input_facets = InputFacets {
                input_statistics: quality::input_statistics(run).map(Into::into),
                data_quality_metrics: quality::input_metrics(run, contract).map(Into::into),
                data_quality_assertions: quality::assertions(run, contract).map(Into::into),
            };
        }
    }
    inputs
}

/// The output with what is known of it. A run whose rows did not come to the table names it too: it is what
/// the run was to write, and the statistics say that nothing was.
pub(crate) fn outputs(
    event: &DatasetEvent,
    contract: Option<&Contract>,
    deployment: &Deployment,
) -> Vec<OutputDataset> {
    let run = &event.run;
    let mut outputs = named_outputs(run, deployment);
    for output in &mut outputs {
        let dataset = run.dataset.as_deref().unwrap_or_default();
        let location = deployment.catalog.location(&deployment.lake_bucket, dataset);
        let is_committed = run.outcome == Outcome::Committed;
        output.dataset.facets = OutputDatasetFacets {
            data_source: Some(data_source(&output.dataset.name).into()),
            dataset_type: Some(DatasetType { dataset_type: "TABLE" }.into()),
            schema: contract.map(|contract| table_schema(contract).into()),
            column_lineage: contract.map(|contract| lineage(run, contract, deployment).into()),
            data_quality_metrics: quality::output_metrics(event).map(Into::into),
            storage: Some(Storage { storage_layer: "iceberg", file_format: "parquet" }.into()),
            symlinks: Some(symlinks(location).into()),
            version: run
                .snapshot_id
                .filter(|_| is_committed)
                .map(|snapshot| DatasetVersion { dataset_version: snapshot.to_string() }.into()),
        };
        output.output_facets =
            OutputFacets { output_statistics: Some(quality::output_statistics(event).into()) };
    }
    outputs
}

fn lineage(run: &Run, contract: &Contract, deployment: &Deployment) -> crate::facet::ColumnLineage {
    let folders: Vec<DatasetName> = run_inputs(run, &deployment.catalog);
    match folders.as_slice() {
        [folder] => columns::from_record(contract, folder),
        _ => columns::from_tables(contract, &deployment.catalog),
    }
}

fn input(name: DatasetName) -> InputDataset {
    let dataset = Dataset { name, facets: InputDatasetFacets::default() };
    InputDataset { dataset, input_facets: InputFacets::default() }
}

fn output(name: DatasetName) -> OutputDataset {
    let dataset = Dataset { name, facets: OutputDatasetFacets::default() };
    OutputDataset { dataset, output_facets: OutputFacets::default() }
}

fn data_source(name: &DatasetName) -> DataSource {
    DataSource { name: name.namespace.clone(), uri: name.namespace.clone() }
}

fn symlinks(location: DatasetName) -> Symlinks {
    let DatasetName { namespace, name } = location;
    Symlinks { identifiers: vec![Symlink { namespace, name, identifier_type: "LOCATION" }] }
}

fn table_schema(contract: &Contract) -> Schema {
    let mut fields = Vec::with_capacity(contract.columns.len());
    for (position, column) in contract.columns.iter().enumerate() {
        fields.push(SchemaField {
            name: column.name.clone(),
            field_type: Some(column.column_type.to_string()),
            description: Some(column.description.clone()),
            ordinal_position: Some(position + 1),
        });
    }
    Schema { fields }
}

/// The paths that contracts look at in records of this source. Of all its contracts, not of this dataset's
/// alone: the same folder goes to several tables, and has one schema.
fn record_schema(contract: &Contract, folder: &DatasetName) -> Schema {
    let mut paths = BTreeSet::new();
    for contract in contracts_of(&contract.route.source) {
        for column in &contract.columns {
            paths.extend(columns::paths(column, folder));
        }
    }
    let mut fields = Vec::with_capacity(paths.len());
    for path in paths {
        let name = path.to_owned();
        fields.push(SchemaField {
            name,
            field_type: None,
            description: None,
            ordinal_position: None,
        });
    }
    Schema { fields }
}
