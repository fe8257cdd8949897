//! From a property of an ODCS file to a [`Column`].

use serde_json::Value;

use super::compile::check_name;
use super::custom::{COLUMN_KEYS, Custom};
use super::expectation::{Check, Metric};
use super::json_column;
use super::model::{Bound, Column, ColumnType, Generated, Normalize, PartitionTransform, Privacy};
use super::odcs::Property;
use super::problem::{Problems, Result, refuse};
use super::quality;

/// The types a column may have.
const TYPES: &str = "string, long, double, boolean, timestamp, date, decimal(precision,scale)";
/// The classifications a column may have.
const CLASSIFICATIONS: [&str; 4] = ["public", "internal", "confidential", "restricted"];

/// A column, with the checks that stand at it; none where something of it is not sound.
pub(super) fn compile_column(
    object: &str,
    property: &Property,
    problems: &mut Problems,
) -> Option<(Column, Vec<Check>)> {
    let clause = format!("{object}.properties.{}", property.name);
    let custom = Custom::new(&clause, COLUMN_KEYS, property.custom_properties(), problems);
    let options = property.logical_type_options.as_ref();
    let name = problems.keep(check_name(&clause, &property.name));
    let column_type = problems.keep(compile_type(&clause, property));
    let field_id = problems.keep(custom.required("fieldId"));
    let sources = problems.keep(compile_sources(&custom));
    let query_parameter = problems.keep(custom.optional("queryParameter"));
    let generated = problems.keep(custom.optional::<Generated>("generated"));
    let privacy = problems.keep(compile_privacy(&clause, &custom));
    let json = problems.keep(json_column::compile(&clause, property, &custom));
    let normalize = problems.keep(custom.optional::<Normalize>("normalize"));
    let phone_region = problems.keep(compile_phone_region(&clause, &custom));
    let classification = problems.keep(compile_classification(&clause, property));
    let partition = problems.keep(compile_partition(&clause, property, &custom));
    let minimum = options.and_then(|options| options.minimum.as_ref());
    let minimum = problems.keep(compile_bound(&clause, "minimum", column_type, minimum));
    let maximum = options.and_then(|options| options.maximum.as_ref());
    let maximum = problems.keep(compile_bound(&clause, "maximum", column_type, maximum));
    let rules = quality::compile(&clause, Some(&property.name), property.quality(), problems);
    let pattern = options.and_then(|options| options.pattern.clone());
    let in_options = format!("{clause}.logicalTypeOptions");
    problems.keep(quality::check_pattern(&in_options, pattern.as_deref()));
    if custom.has("source") == custom.has("generated") {
        problems.add(
            &clause,
            "needs either source or generated among its customProperties; write one of them",
        );
        return None;
    }
    name?;
    let column = Column {
        field_id: field_id?,
        name: property.name.clone(),
        column_type: column_type?,
        required: property.required.unwrap_or_default(),
        sources: sources?,
        query_parameter: query_parameter?,
        generated: generated?,
        privacy: privacy?,
        json: json?,
        normalize: normalize?,
        phone_region: phone_region?,
        classification: classification?,
        partition: partition?,
        max_length: options.and_then(|options| options.max_length),
        min_length: options.and_then(|options| options.min_length),
        pattern,
        valid: rules.valid,
        unique: property.unique.unwrap_or_default(),
        minimum: minimum?,
        maximum: maximum?,
        references: Vec::new(),
        description: property.description.clone().unwrap_or_default(),
    };
    problems.keep(check_text_rules(&clause, &column, &rules.checks));
    json_column::check(&clause, &column, problems);
    Some((column, rules.checks))
}

/// Only texts have lengths, forms and lists of values.
fn check_text_rules(clause: &str, column: &Column, checks: &[Check]) -> Result<()> {
    let judges_text = column.min_length.is_some()
        || column.pattern.is_some()
        || column.valid.is_some()
        || checks.iter().any(|check| matches!(check.metric, Metric::InvalidValues { .. }));
    if (judges_text || column.max_length.is_some()) && column.json.is_some() {
        return refuse(
            format!("{clause}.logicalType"),
            "is an object or an array; lengths, patterns and lists of values need string",
        );
    }
    if judges_text && column.column_type != ColumnType::String {
        return refuse(
            format!("{clause}.physicalType"),
            format!("is {}; lengths, patterns and lists of values need string", column.column_type),
        );
    }
    Ok(())
}

/// One path, or several of which the first that has a value counts.
fn compile_sources(custom: &Custom<'_>) -> Result<Vec<String>> {
    match custom.optional::<Value>("source")? {
        None => Ok(Vec::new()),
        Some(Value::String(path)) => Ok(vec![path]),
        Some(paths) => custom.parse("source", paths),
    }
}

fn compile_type(clause: &str, property: &Property) -> Result<ColumnType> {
    let clause = format!("{clause}.physicalType");
    let Some(physical) = property.physical_type.as_deref() else {
        return refuse(clause, format!("is missing; write one of {TYPES}"));
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
    let is_json = physical == "string" && json_column::shape(property).is_some();
    if property.logical_type.as_deref() != Some(logical) && !is_json {
        return refuse(
            clause,
            format!(
                "is {physical}, which goes with another logicalType; write `logicalType: {logical}`"
            ),
        );
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
    refuse(clause, format!("`{text}` is none of {TYPES}"))
}

fn compile_privacy(clause: &str, custom: &Custom<'_>) -> Result<Privacy> {
    let truncate: Option<String> = custom.optional("truncate")?;
    let action: String = custom.required("privacy")?;
    let clause = format!("{clause}.customProperties.privacy");
    if action != "truncate" && truncate.is_some() {
        return refuse(
            clause,
            format!("is {action}, but truncate is given; write `truncate`, or leave that out"),
        );
    }
    match (action.as_str(), truncate.as_deref()) {
        ("keep", _) => Ok(Privacy::Keep),
        ("scan", _) => Ok(Privacy::Scan),
        ("hmac", _) => Ok(Privacy::Hmac),
        ("redact", _) => Ok(Privacy::Redact),
        ("drop", _) => Ok(Privacy::Drop),
        ("truncate", Some("ip")) => Ok(Privacy::TruncateIp),
        ("truncate", Some("url")) => Ok(Privacy::TruncateUrl),
        ("truncate", Some("date")) => Ok(Privacy::TruncateDate),
        ("truncate", _) => refuse(
            clause,
            "is truncate; write {property: truncate, value: …} too, with ip, url or date",
        ),
        (other, _) => {
            refuse(clause, format!("`{other}` is none of keep, scan, hmac, redact, truncate, drop"))
        }
    }
}

fn compile_phone_region(clause: &str, custom: &Custom<'_>) -> Result<Option<String>> {
    let normalize = custom.optional::<Normalize>("normalize").ok().flatten();
    let is_code = |region: &str| {
        region.len() == 2 && region.bytes().all(|letter| letter.is_ascii_uppercase())
    };
    match custom.optional::<String>("phoneRegion")? {
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
    custom: &Custom<'_>,
) -> Result<Option<PartitionTransform>> {
    let transform = custom.optional("partitionTransform")?;
    if property.partitioned.unwrap_or_default() == transform.is_some() {
        return Ok(transform);
    }
    refuse(
        clause,
        "`partitioned: true` and the custom property partitionTransform go together; write both or none",
    )
}

fn compile_bound(
    clause: &str,
    side: &str,
    column_type: Option<ColumnType>,
    value: Option<&Value>,
) -> Result<Option<Bound>> {
    let (Some(column_type), Some(value)) = (column_type, value) else { return Ok(None) };
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
            format!(
                "is {value}, which cannot limit a column of type {column_type}; write {}",
                bound_example(column_type)
            ),
        );
    }
    Ok(bound)
}

/// A limit of a type, to be written instead of one that is none.
fn bound_example(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Timestamp => "a time such as \"2000-01-01T00:00:00Z\"",
        ColumnType::Date => "a date such as \"2000-01-01\"",
        ColumnType::Long => "a whole number",
        ColumnType::Double | ColumnType::Decimal { .. } => "a number",
        ColumnType::String => "maxLength instead",
        ColumnType::Boolean => "none",
    }
}
