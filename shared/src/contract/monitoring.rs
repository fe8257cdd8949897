//! From ODCS `quality` to the settings of monitors.

use serde_json::{Map, Value};

use super::monitor::{Clock, MonitorSettings, Monitors};
use super::odcs::Quality;
use super::problem::{Problems, Result, refuse};

/// The settings that the rules of a dataset give.
pub(super) fn compile(clause: &str, rules: &[Quality], problems: &mut Problems) -> Monitors {
    let mut monitors = Monitors::default();
    let mut set = Vec::new();
    for (position, rule) in rules.iter().enumerate() {
        let Some(implementation) = settings_of(rule) else { continue };
        let named = rule.name.clone().unwrap_or_else(|| position.to_string());
        let clause = format!("{clause}.quality.{named}.implementation");
        problems.keep(compile_one(&clause, implementation, &mut set, &mut monitors));
    }
    monitors
}

/// What a rule says of a monitor; none where it is a check.
pub(super) fn settings_of(rule: &Quality) -> Option<&Map<String, Value>> {
    let is_ours =
        rule.kind.as_deref() == Some("custom") && rule.engine.as_deref() == Some("tributary");
    let implementation = rule.implementation.as_ref().filter(|_| is_ours)?.as_object()?;
    implementation.contains_key("monitor").then_some(implementation)
}

fn compile_one(
    clause: &str,
    implementation: &Map<String, Value>,
    set: &mut Vec<String>,
    monitors: &mut Monitors,
) -> Result<()> {
    let mut members = implementation.clone();
    let name = members.remove("monitor").unwrap_or_default();
    let name = name.as_str().unwrap_or_default().to_owned();
    let settings = match name.as_str() {
        "volume" => &mut monitors.volume,
        "distribution" => &mut monitors.distribution,
        "freshness" => &mut monitors.freshness,
        _ => {
            return refuse(
                format!("{clause}.monitor"),
                format!("`{name}` is none of volume, distribution, freshness"),
            );
        }
    };
    if set.contains(&name) {
        return refuse(clause, format!("is the second for {name}; make one of them"));
    }
    set.push(name);
    *settings = read(clause, members)?;
    Ok(())
}

fn read(clause: &str, mut members: Map<String, Value>) -> Result<MonitorSettings> {
    let enabled = match members.remove("enabled") {
        None => true,
        Some(Value::Bool(enabled)) => enabled,
        Some(other) => {
            return refuse(
                format!("{clause}.enabled"),
                format!("`{other}` is none of true, false"),
            );
        }
    };
    let bucket_by = match members.remove("bucketBy") {
        None => None,
        Some(value) => match serde_json::from_value::<Clock>(value.clone()) {
            Ok(clock) => Some(clock),
            Err(_) => {
                return refuse(
                    format!("{clause}.bucketBy"),
                    format!("`{value}` is none of event, arrival"),
                );
            }
        },
    };
    match detect::Settings::from_json(&Value::Object(members).to_string()) {
        Ok(detector) => Ok(MonitorSettings { enabled, bucket_by, detector }),
        Err(error) => refuse(clause, error.to_string()),
    }
}
