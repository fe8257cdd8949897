//! From an ODCS file to a [`Contract`], refusing what is not sound.
//!
//! Runs in the build script: a broken contract does not compile.

use serde_json::Value;

use super::custom::Custom;
use super::model::{
    Bound, Column, ColumnType, Contract, Evolution, EvolutionMode, Generated, Normalize,
    PartitionTransform, Privacy, Route,
};
use super::odcs::{DataContract, Property, SchemaObject};

/// The classifications a column may have.
const CLASSIFICATIONS: [&str; 4] = ["public", "internal", "confidential", "restricted"];

/// Why a contract was refused: the clause and the mend.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{clause}: {problem}")]
pub struct ContractError {
    /// The clause at fault: `schema.tracks.properties.user_id.classification`.
    pub clause: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

pub(super) type Result<T> = std::result::Result<T, ContractError>;

pub(super) fn refuse<T>(clause: impl Into<String>, problem: impl Into<String>) -> Result<T> {
    Err(ContractError { clause: clause.into(), problem: problem.into() })
}

/// Compiles the text of one contract file.
pub fn compile(text: &str) -> Result<Contract> {
    let document: DataContract = match serde_norway::from_str(text) {
        Ok(document) => document,
        Err(error) => return refuse("file", error.to_string()),
    };
    check_header(&document)?;
    let [object] = document.schema.as_slice() else {
        return refuse(
            "schema",
            "must hold exactly one dataset; give every dataset a file of its own",
        );
    };
    let contract = compile_object(&document, object)?;
    check_columns(&contract)?;
    check_references(&contract)?;
    Ok(contract)
}

fn check_header(document: &DataContract) -> Result<()> {
    if document.api_version != "v3.1.0" {
        return refuse("apiVersion", format!("is {}; write v3.1.0", document.api_version));
    }
    if document.kind != "DataContract" {
        return refuse("kind", format!("is {}; write DataContract", document.kind));
    }
    if document.status != "active" {
        return refuse("status", format!("is {}; only an active contract ships", document.status));
    }
    if document.version.split('.').count() != 3
        || document.version.split('.').any(|part| part.parse::<u32>().is_err())
    {
        return refuse(
            "version",
            format!("is {}; write a semantic version such as 1.0.0", document.version),
        );
    }
    check_name("domain", &document.domain)
}

/// Glue and Athena want lower-case names of letters, digits and underscores.
fn check_name(clause: &str, name: &str) -> Result<()> {
    let well_formed = !name.is_empty()
        && name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    if well_formed {
        return Ok(());
    }
    refuse(
        clause,
        format!("`{name}` must be snake_case: lower-case letters, digits and underscores"),
    )
}

fn compile_object(document: &DataContract, object: &SchemaObject) -> Result<Contract> {
    let clause = format!("schema.{}", object.name);
    let table = object.physical_name.clone().unwrap_or_else(|| object.name.clone());
    check_name(&format!("{clause}.physicalName"), &table)?;
    let mut custom = Custom::new(&clause, &object.custom_properties)?;
    let route: Route = custom.required("route")?;
    let deduplicate_by: Vec<String> = custom.optional("deduplicateBy")?.unwrap_or_default();
    let look_back_days = custom.optional("lookBackDays")?;
    if look_back_days.is_some() && deduplicate_by.is_empty() {
        return refuse(format!("{clause}.customProperties.lookBackDays"), "needs `deduplicateBy`");
    }
    let require_one_of = custom.optional("requireOneOf")?.unwrap_or_default();
    let unknown_members_of = custom.optional("unknownMembersOf")?.unwrap_or_default();
    let evolution = custom.optional("evolution")?.unwrap_or(Evolution {
        columns: EvolutionMode::DiscardValue,
        types: EvolutionMode::Freeze,
    });
    let captured_table = custom.optional("capturedTable")?;
    custom.finish()?;
    let mut columns = Vec::with_capacity(object.properties.len());
    for property in &object.properties {
        columns.push(compile_column(&clause, property)?);
    }
    Ok(Contract {
        id: document.id.clone(),
        version: document.version.clone(),
        domain: document.domain.clone(),
        table,
        route,
        columns,
        look_back_days: look_back_days.unwrap_or(u16::from(!deduplicate_by.is_empty())),
        deduplicate_by,
        require_one_of,
        unknown_members_of,
        evolution,
        captured_table,
        latency_minutes: compile_latency(document)?,
    })
}

/// The promise `latency`, in minutes.
fn compile_latency(document: &DataContract) -> Result<Option<u32>> {
    let mut promises = document.sla_properties.iter().filter(|sla| sla.property == "latency");
    let Some(promise) = promises.next() else { return Ok(None) };
    if promises.next().is_some() {
        return refuse("slaProperties.latency", "stands twice");
    }
    let minutes = match promise.unit.as_deref() {
        Some("m" | "min" | "minutes") => 1,
        Some("h" | "hr" | "hours") => 60,
        Some("d" | "day" | "days") => 24 * 60,
        _ => return refuse("slaProperties.latency.unit", "is none of m, h, d"),
    };
    let value = promise.value.as_u64().and_then(|value| u32::try_from(value).ok());
    match value.and_then(|value| value.checked_mul(minutes)) {
        Some(minutes) if minutes > 0 => Ok(Some(minutes)),
        _ => refuse(
            "slaProperties.latency.value",
            format!("`{}` is no whole number of units, one at least", promise.value),
        ),
    }
}

fn compile_column(object: &str, property: &Property) -> Result<Column> {
    let clause = format!("{object}.properties.{}", property.name);
    check_name(&clause, &property.name)?;
    let column_type = compile_type(&clause, property)?;
    let mut custom = Custom::new(&clause, &property.custom_properties)?;
    let sources = match custom.optional::<Value>("source")? {
        None => Vec::new(),
        Some(Value::String(path)) => vec![path],
        Some(paths) => custom.parse("source", paths)?,
    };
    let truncate: Option<String> = custom.optional("truncate")?;
    let action: String = custom.required("privacy")?;
    let privacy = compile_privacy(&clause, &action, truncate.as_deref())?;
    let normalize = custom.optional::<Normalize>("normalize")?;
    let column = Column {
        field_id: custom.required("fieldId")?,
        name: property.name.clone(),
        column_type,
        required: property.required,
        sources,
        query_parameter: custom.optional("queryParameter")?,
        generated: custom.optional::<Generated>("generated")?,
        privacy,
        normalize,
        phone_region: compile_phone_region(&clause, normalize, custom.optional("phoneRegion")?)?,
        classification: compile_classification(&clause, property)?,
        partition: compile_partition(&clause, property, custom.optional("partitionTransform")?)?,
        max_length: property.logical_type_options.max_length,
        minimum: compile_bound(
            &clause,
            "minimum",
            column_type,
            property.logical_type_options.minimum.as_ref(),
        )?,
        maximum: compile_bound(
            &clause,
            "maximum",
            column_type,
            property.logical_type_options.maximum.as_ref(),
        )?,
        description: property.description.clone().unwrap_or_default(),
    };
    custom.finish()?;
    if column.sources.is_empty() == column.generated.is_none() {
        return refuse(
            clause,
            "needs either `source` or `generated` in customProperties, and not both",
        );
    }
    Ok(column)
}

fn compile_type(clause: &str, property: &Property) -> Result<ColumnType> {
    let clause = format!("{clause}.physicalType");
    let Some(physical) = property.physical_type.as_deref() else {
        return refuse(clause, "is missing; write the Iceberg type");
    };
    let (column_type, logical) = match physical {
        "string" => (ColumnType::String, "string"),
        "long" => (ColumnType::Long, "integer"),
        "double" => (ColumnType::Double, "number"),
        "boolean" => (ColumnType::Boolean, "boolean"),
        "timestamp" => (ColumnType::Timestamp, "timestamp"),
        "date" => (ColumnType::Date, "date"),
        other => (compile_decimal(&clause, other)?, "number"),
    };
    if property.logical_type.as_deref() != Some(logical) {
        return refuse(clause, format!("{physical} goes with logicalType {logical}"));
    }
    Ok(column_type)
}

fn compile_decimal(clause: &str, text: &str) -> Result<ColumnType> {
    let parts = text.strip_prefix("decimal(").and_then(|rest| rest.strip_suffix(')'));
    let digits = parts.and_then(|inner| inner.split_once(','));
    if let Some((precision, scale)) = digits
        && let (Ok(precision), Ok(scale)) =
            (precision.trim().parse::<u8>(), scale.trim().parse::<u8>())
        && (1..=38).contains(&precision)
        && scale <= precision
    {
        return Ok(ColumnType::Decimal { precision, scale });
    }
    refuse(
        clause,
        format!(
            "`{text}` is none of string, long, double, boolean, timestamp, date, decimal(precision,scale)"
        ),
    )
}

fn compile_privacy(clause: &str, action: &str, truncate: Option<&str>) -> Result<Privacy> {
    let clause = format!("{clause}.customProperties.privacy");
    if action != "truncate" && truncate.is_some() {
        return refuse(clause, "`truncate` is given, so privacy must be truncate");
    }
    match (action, truncate) {
        ("keep", _) => Ok(Privacy::Keep),
        ("hmac", _) => Ok(Privacy::Hmac),
        ("redact", _) => Ok(Privacy::Redact),
        ("drop", _) => Ok(Privacy::Drop),
        ("truncate", Some("ip")) => Ok(Privacy::TruncateIp),
        ("truncate", Some("url")) => Ok(Privacy::TruncateUrl),
        ("truncate", Some("date")) => Ok(Privacy::TruncateDate),
        ("truncate", _) => refuse(clause, "truncate needs a `truncate` property: ip, url or date"),
        (other, _) => {
            refuse(clause, format!("`{other}` is none of keep, hmac, redact, truncate, drop"))
        }
    }
}

fn compile_phone_region(
    clause: &str,
    normalize: Option<Normalize>,
    region: Option<String>,
) -> Result<Option<String>> {
    let is_code = |region: &str| {
        region.len() == 2 && region.bytes().all(|letter| letter.is_ascii_uppercase())
    };
    match region {
        Some(region) if normalize != Some(Normalize::Phone) || !is_code(&region) => refuse(
            format!("{clause}.customProperties.phoneRegion"),
            format!("`{region}` must be an ISO 3166-1 code such as DE beside `normalize: phone`"),
        ),
        region => Ok(region),
    }
}

fn compile_classification(clause: &str, property: &Property) -> Result<String> {
    match property.classification.as_deref() {
        Some(classification) if CLASSIFICATIONS.contains(&classification) => {
            Ok(classification.to_owned())
        }
        Some(other) => refuse(
            format!("{clause}.classification"),
            format!("`{other}` is none of {}", CLASSIFICATIONS.join(", ")),
        ),
        None => refuse(
            format!("{clause}.classification"),
            format!("is missing; every column is one of {}", CLASSIFICATIONS.join(", ")),
        ),
    }
}

fn compile_partition(
    clause: &str,
    property: &Property,
    transform: Option<PartitionTransform>,
) -> Result<Option<PartitionTransform>> {
    if property.partitioned == transform.is_some() {
        return Ok(transform);
    }
    refuse(clause, "`partitioned: true` and the custom property `partitionTransform` go together")
}

fn compile_bound(
    clause: &str,
    side: &str,
    column_type: ColumnType,
    value: Option<&Value>,
) -> Result<Option<Bound>> {
    let Some(value) = value else { return Ok(None) };
    let bound = match (column_type, value) {
        (ColumnType::Timestamp, Value::String(text)) => chrono::DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|instant| Bound::Integer(instant.timestamp_micros())),
        (ColumnType::Date, Value::String(text)) => text
            .parse::<chrono::NaiveDate>()
            .ok()
            .map(|day| Bound::Integer(i64::from(day.to_epoch_days()))),
        (ColumnType::Long, number) => number.as_i64().map(Bound::Integer),
        (ColumnType::Double | ColumnType::Decimal { .. }, number) => {
            number.as_f64().map(Bound::Number)
        }
        _ => None,
    };
    if bound.is_none() {
        return refuse(
            format!("{clause}.logicalTypeOptions.{side}"),
            format!("`{value}` cannot limit a column of this type"),
        );
    }
    Ok(bound)
}

fn check_columns(contract: &Contract) -> Result<()> {
    let clause = format!("schema.{}.properties", contract.table);
    for (position, column) in contract.columns.iter().enumerate() {
        let expected = position as i32 + 1;
        if column.field_id != expected {
            return refuse(
                format!("{clause}.{}.customProperties.fieldId", column.name),
                format!(
                    "is {}, expected {expected}: field ids count from 1 in the order of the file, and only grow at its end",
                    column.field_id
                ),
            );
        }
        if contract.columns[..position].iter().any(|earlier| earlier.name == column.name) {
            return refuse(format!("{clause}.{}", column.name), "stands twice");
        }
        if let (Some(_), false) = (column.generated, column.column_type == ColumnType::String) {
            return refuse(format!("{clause}.{}", column.name), "a generated column is a string");
        }
        let needs_text =
            !matches!(column.privacy, Privacy::Keep | Privacy::Drop | Privacy::TruncateDate);
        if needs_text && column.column_type != ColumnType::String {
            return refuse(
                format!("{clause}.{}", column.name),
                "its privacy action needs physicalType string",
            );
        }
    }
    let partitions = contract.columns.iter().filter(|column| column.partition.is_some()).count();
    if partitions != 1 {
        return refuse(
            clause,
            format!("{partitions} columns are partitioned, expected exactly one"),
        );
    }
    Ok(())
}

fn check_references(contract: &Contract) -> Result<()> {
    let object = format!("schema.{}.customProperties", contract.table);
    let groups = contract.require_one_of.iter().map(|group| ("requireOneOf", group));
    let keys = std::iter::once(("deduplicateBy", &contract.deduplicate_by));
    for (property, names) in groups.chain(keys) {
        for name in names {
            if contract.position(name).is_none() {
                return refuse(
                    format!("{object}.{property}"),
                    format!("names `{name}`, which is no column"),
                );
            }
        }
    }
    for name in &contract.deduplicate_by {
        let column = contract.columns.iter().find(|column| column.name == *name);
        let names_rows = |column: &Column| {
            column.required && !matches!(column.privacy, Privacy::Redact | Privacy::Drop)
        };
        if !column.is_some_and(names_rows) {
            return refuse(
                format!("{object}.deduplicateBy"),
                format!(
                    "names `{name}`, which must be required and neither redacted nor dropped: rows without a value would all be one"
                ),
            );
        }
    }
    if let Some((position, _)) = contract.partition_column()
        && !contract.columns[position].required
    {
        return refuse(
            format!("schema.{}.properties.{}", contract.table, contract.columns[position].name),
            "partitions the table, so it must be required",
        );
    }
    Ok(())
}
