//! What each column is made from, as contracts say it.

use std::fmt::Write as _;

use shared::contract::{Column, Contract, JsonShape, Normalize, Privacy};
use shared::lineage::{ATTRIBUTION_COLUMNS, Catalog, DatasetName, Derivation};

use crate::facet::{ColumnLineage, ColumnLineageField, InputField, Transformation};

/// The folder of what `google-ads-pull` lands.
const ANSWERS: &str = "google-ads/search-stream/";

/// What paths begin with that name a column of a downloaded report, in one of its languages.
const DOWNLOADED: &str = "csv.";

/// The columns of what is read from records: each path that the contract looks at is a field. A column that
/// the transform makes of what no contract names comes from no field.
pub(crate) fn from_record(contract: &Contract, folder: &DatasetName) -> ColumnLineage {
    let mut lineage = ColumnLineage::default();
    for column in &contract.columns {
        let paths = paths(column, folder);
        if paths.is_empty() {
            continue;
        }
        let transformation = transformation(column, paths.len());
        let mut field = ColumnLineageField::default();
        for path in paths {
            field.input_fields.push(input(folder, path, transformation.clone()));
        }
        lineage.fields.insert(column.name.clone(), field);
    }
    lineage.dataset = deduplication(contract, folder);
    lineage
}

/// The paths of a column that records of a folder can have: what the Google Ads API answers has no columns of
/// the reports that people download.
pub(crate) fn paths<'a>(column: &'a Column, folder: &DatasetName) -> Vec<&'a str> {
    let is_answer = folder.name.starts_with(ANSWERS);
    let mut paths = Vec::with_capacity(column.sources.len());
    for path in &column.sources {
        if !(is_answer && path.starts_with(DOWNLOADED)) {
            paths.push(path.as_str());
        }
    }
    paths
}

/// The columns of campaign performance, which is computed from tables. Whatever was personal in them was
/// replaced before it came there.
pub(crate) fn from_tables(contract: &Contract, catalog: &Catalog) -> ColumnLineage {
    let mut lineage = ColumnLineage::default();
    for derived in ATTRIBUTION_COLUMNS {
        let table = catalog.table(derived.from.dataset);
        let field = input(&table, derived.from.column, of_derivation(derived.derivation));
        match derived.column {
            Some(column) if contract.position(column).is_some() => {
                lineage.fields.entry(column.to_owned()).or_default().input_fields.push(field);
            }
            Some(_) => {}
            None => lineage.dataset.push(field),
        }
    }
    lineage
}

/// Rows whose key was seen before are left out, so its columns decide over whole rows.
fn deduplication(contract: &Contract, folder: &DatasetName) -> Vec<InputField> {
    let mut fields = Vec::new();
    for name in &contract.deduplicate_by {
        let Some(position) = contract.position(name) else {
            continue;
        };
        for path in paths(&contract.columns[position], folder) {
            fields.push(input(
                folder,
                path,
                Transformation {
                    transformation_type: "INDIRECT",
                    subtype: "FILTER",
                    description: "rows whose key was seen before are left out".to_owned(),
                    masking: false,
                },
            ));
        }
    }
    fields
}

fn input(dataset: &DatasetName, field: &str, transformation: Transformation) -> InputField {
    InputField {
        dataset: dataset.clone(),
        field: field.to_owned(),
        transformations: vec![transformation],
    }
}

fn of_derivation(derivation: Derivation) -> Transformation {
    let (subtype, description) = match derivation {
        Derivation::Identity => ("IDENTITY", "as it is"),
        Derivation::Transformation => ("TRANSFORMATION", "computed from the row"),
        Derivation::Aggregation => ("AGGREGATION", "summed over a day, a currency and a campaign"),
        Derivation::Join => ("JOIN", "tells which touches and orders are of the same person"),
        Derivation::Filter => ("FILTER", "tells which rows count"),
    };
    Transformation {
        transformation_type: if derivation.is_direct() { "DIRECT" } else { "INDIRECT" },
        subtype,
        description: description.to_owned(),
        masking: false,
    }
}

/// What is done with a value on its way into a column.
fn transformation(column: &Column, paths: usize) -> Transformation {
    let mut steps = Vec::new();
    if let Some(parameter) = &column.query_parameter {
        steps.push(format!("query parameter {parameter} of the address"));
    }
    if let Some(json) = column.json {
        let shape = match json.shape {
            JsonShape::Object => "object",
            JsonShape::Array => "array",
        };
        steps.push(format!("the {shape} as compact JSON"));
    }
    steps.extend(column.normalize.map(|normalize| normalization(normalize).to_owned()));
    steps.extend(privacy(column.privacy).map(str::to_owned));
    let is_identity = steps.is_empty();
    let mut description =
        if is_identity { "as it comes".to_owned() } else { steps.join(", then ") };
    if paths > 1 {
        let _ = write!(description, "; the first of {paths} that has a value");
    }
    Transformation {
        transformation_type: "DIRECT",
        subtype: if is_identity { "IDENTITY" } else { "TRANSFORMATION" },
        description,
        masking: column.is_private(),
    }
}

fn normalization(normalize: Normalize) -> &'static str {
    match normalize {
        Normalize::Trim => "trimmed",
        Normalize::Email => "e-mail address in lower case",
        Normalize::Phone => "phone number as E.164",
    }
}

fn privacy(privacy: Privacy) -> Option<&'static str> {
    match privacy {
        Privacy::Keep => None,
        Privacy::Scan => Some("e-mail addresses, phone, card and IP numbers in it replaced"),
        Privacy::Hmac => Some("replaced by its keyed SHA-256"),
        Privacy::Redact => Some("replaced by [redacted]"),
        Privacy::Drop => Some("never written"),
        Privacy::TruncateIp => Some("IPv4 cut to /24, IPv6 to /48"),
        Privacy::TruncateUrl => Some("address without query and fragment"),
        Privacy::TruncateDate => Some("first day of the month"),
    }
}
