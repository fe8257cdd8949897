//! From an ODCS file to a [`Contract`], refusing what is not sound.
//!
//! Runs in the build script: a broken contract does not compile.

use super::check::Columns;
use super::column::compile_column;
use super::custom::{Custom, DATASET_KEYS};
use super::model::{Contract, Route};
use super::monitoring;
use super::odcs::{DataContract, SchemaObject};
use super::position::locate;
use super::problem::{ContractError, Problem, Problems, Result, refuse};
use super::quality;
use super::relationship;

/// Compiles the text of one contract file.
///
/// # Errors
/// All problems that can be found independently of each other, each with its line.
pub fn compile(text: &str) -> std::result::Result<Contract, ContractError> {
    let document: DataContract = match serde_norway::from_str(text) {
        Ok(document) => document,
        Err(error) => return Err(ContractError { problems: vec![unreadable(&error)] }),
    };
    let mut problems = Problems::default();
    let contract = compile_document(&document, &mut problems);
    let mut problems = problems.into_vec();
    match contract {
        Some(contract) if problems.is_empty() => Ok(contract),
        _ => {
            locate(text, &mut problems);
            Err(ContractError { problems })
        }
    }
}

/// What is no YAML, or not of the standard's shape.
fn unreadable(error: &serde_norway::Error) -> Problem {
    let text = error.to_string();
    let (what, _) = text.split_once(" at line ").unwrap_or((&text, ""));
    Problem {
        line: error.location().map_or(1, |location| location.line()),
        clause: "file".to_owned(),
        problem: format!(
            "{what}; write it as the Open Data Contract Standard v3.1.0 has it, the README's section Contracts shows one"
        ),
    }
}

fn compile_document(document: &DataContract, problems: &mut Problems) -> Option<Contract> {
    check_header(document, problems);
    if let [object] = document.schema.as_slice() {
        return compile_object(document, object, problems);
    }
    problems.add("schema", "must hold exactly one dataset; give every dataset a file of its own");
    None
}

fn check_header(document: &DataContract, problems: &mut Problems) {
    if document.api_version != "v3.1.0" {
        problems.add("apiVersion", format!("is {}; write v3.1.0", document.api_version));
    }
    if document.kind != "DataContract" {
        problems.add("kind", format!("is {}; write DataContract", document.kind));
    }
    if document.status != "active" {
        problems.add(
            "status",
            format!("is {}; write active, only such a contract ships", document.status),
        );
    }
    let version = semver::Version::parse(&document.version);
    if !version.is_ok_and(|version| version.pre.is_empty() && version.build.is_empty()) {
        problems.add(
            "version",
            format!("is {}; write a semantic version such as 1.0.0", document.version),
        );
    }
    problems.keep(check_name("domain", &document.domain));
}

/// Glue and Athena want lower-case names of letters, digits and underscores.
pub(super) fn check_name(clause: &str, name: &str) -> Result<()> {
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

fn compile_object(
    document: &DataContract,
    object: &SchemaObject,
    problems: &mut Problems,
) -> Option<Contract> {
    let clause = format!("schema.{}", object.name);
    problems.keep(check_name(&format!("{clause}.physicalName"), object.table()));
    let custom = Custom::new(&clause, DATASET_KEYS, object.custom_properties(), problems);
    let route = problems.keep(custom.required::<Route>("route"));
    let deduplicate_by = problems.keep(custom.optional("deduplicateBy")).flatten();
    let look_back_days = problems.keep(custom.optional("lookBackDays")).flatten();
    if custom.has("lookBackDays") && !custom.has("deduplicateBy") {
        let clause = format!("{clause}.customProperties.lookBackDays");
        problems
            .add(clause, "needs deduplicateBy; write the columns that name a row, or leave it out");
    }
    let require_one_of = problems.keep(custom.optional("requireOneOf")).flatten();
    let unknown_members_of = problems.keep(custom.optional("unknownMembersOf")).flatten();
    let evolution = problems.keep(custom.optional("evolution")).flatten();
    let extra_values = problems.keep(custom.optional("extraValues")).flatten();
    let captured_table = problems.keep(custom.optional("capturedTable")).flatten();
    let retired_field_ids = problems.keep(custom.optional("retiredFieldIds")).flatten();
    let latency_minutes = problems.keep(compile_latency(document)).flatten();
    let monitors = monitoring::compile(&clause, object.quality(), problems);
    let mut columns = Vec::with_capacity(object.properties.len());
    let mut checks = quality::compile(&clause, None, object.quality(), problems).checks;
    for property in &object.properties {
        if let Some((mut column, of_column)) = compile_column(&clause, property, problems) {
            let own = (document.domain.as_str(), object.table());
            column.references = relationship::compile(&clause, own, property, &of_column, problems);
            columns.push(column);
            checks.extend(of_column);
        }
    }
    let deduplicate_by: Vec<String> = deduplicate_by.unwrap_or_default();
    let contract = Contract {
        id: document.id.clone(),
        version: document.version.clone(),
        domain: document.domain.clone(),
        table: object.table().to_owned(),
        route: route?,
        columns,
        look_back_days: look_back_days.unwrap_or(u16::from(!deduplicate_by.is_empty())),
        deduplicate_by,
        require_one_of: require_one_of.unwrap_or_default(),
        unknown_members_of: unknown_members_of.unwrap_or_default(),
        evolution: evolution.unwrap_or_default(),
        extra_values,
        captured_table,
        checks,
        latency_minutes,
        monitors,
        owner: owner(document),
        retired_field_ids: retired_field_ids.unwrap_or_default(),
    };
    check_object(&clause, object, &contract, problems);
    Some(contract)
}

/// The team's name. In earlier versions of the standard a team was a list of people, and had none.
fn owner(document: &DataContract) -> Option<String> {
    let team = document.team.as_ref()?.as_object()?;
    Some(team.get("name")?.as_str()?.to_owned())
}

/// What must hold of the columns together and of what names them.
fn check_object(clause: &str, object: &SchemaObject, contract: &Contract, problems: &mut Problems) {
    let columns = Columns { clause, object, sound: &contract.columns };
    columns.check_each(problems);
    columns.check_field_ids(&contract.retired_field_ids, problems);
    columns.check_partition(problems);
    columns.check_key(&contract.deduplicate_by, problems);
    for group in &contract.require_one_of {
        columns.check_names("customProperties.requireOneOf", group, problems);
    }
    columns.check_quality(&contract.checks, problems);
}

/// The promise `latency`, in minutes.
fn compile_latency(document: &DataContract) -> Result<Option<u32>> {
    let promises = document.sla_properties.as_deref().unwrap_or_default();
    let mut promises = promises.iter().filter(|promise| promise.property == "latency");
    let Some(promise) = promises.next() else { return Ok(None) };
    if promises.next().is_some() {
        return refuse("slaProperties.latency", "stands twice; keep one");
    }
    let minutes = match promise.unit.as_deref() {
        Some("m" | "min" | "minutes") => 1,
        Some("h" | "hr" | "hours") => 60,
        Some("d" | "day" | "days") => 24 * 60,
        _ => return refuse("slaProperties.latency.unit", "is none of m, h, d; write one"),
    };
    let value = promise.value.as_u64().and_then(|value| u32::try_from(value).ok());
    match value.and_then(|value| value.checked_mul(minutes)) {
        Some(minutes) if minutes > 0 => Ok(Some(minutes)),
        _ => refuse(
            "slaProperties.latency.value",
            format!("is {}; write a whole number of units, one at least", promise.value),
        ),
    }
}
