//! Logs as JSON lines, and one metrics line an invocation.

use std::time::Instant;

use serde_json::{Map, Value, json};
use tracing_subscriber::EnvFilter;

/// The CloudWatch namespace of Tributary's metrics.
const NAMESPACE: &str = "Tributary";

/// The crates that log at the level of the function.
const CRATES: [&str; 19] = [
    "shared",
    "alert",
    "alert_slack",
    "announce",
    "attribute",
    "database_capture",
    "database_transform",
    "dynamodb_capture",
    "google_ads_pull",
    "google_ads_transform",
    "lake_commit",
    "land",
    "lineage",
    "observe",
    "replay",
    "report",
    "segment_collect",
    "segment_transform",
    "watch",
];

/// Starts structured logging. The level is that of the function's logging configuration.
pub fn start() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").unwrap_or_else(|_| "info".to_owned());
    // The runtime and the SDK could log payloads at their finer levels.
    let ours = CRATES.map(|name| format!(",{name}={level}")).concat();
    let filter = EnvFilter::new(format!("warn{ours}"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_env_filter(filter)
        .with_writer(std::io::stdout)
        .init();
}

/// The metrics of one invocation, written once as a line in CloudWatch's embedded metric format.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
/// One object with one line of metadata is less than what a metrics library would have to be told.
#[derive(Debug)]
pub struct Metrics {
    function: String,
    started: Instant,
    values: Vec<(&'static str, &'static str, f64)>,
}

impl Metrics {
    /// The metrics of an invocation of `function` that begins now.
    pub fn of(function: &str) -> Self {
        Self { function: function.to_owned(), started: Instant::now(), values: Vec::new() }
    }

    /// Adds to a count.
    pub fn count(&mut self, name: &'static str, amount: u64) {
        self.add(name, "Count", amount as f64);
    }

    /// Adds to a number of bytes.
    pub fn bytes(&mut self, name: &'static str, amount: u64) {
        self.add(name, "Bytes", amount as f64);
    }

    fn add(&mut self, name: &'static str, unit: &'static str, amount: f64) {
        match self.values.iter_mut().find(|(known, _, _)| *known == name) {
            Some((_, _, value)) => *value += amount,
            None => self.values.push((name, unit, amount)),
        }
    }

    /// Writes the line.
    pub fn emit(mut self) {
        let milliseconds = self.started.elapsed().as_secs_f64() * 1_000.0;
        self.add("HandlerDuration", "Milliseconds", milliseconds);
        #[allow(clippy::print_stdout)]
        // The line must stand alone in the log, as CloudWatch reads it.
        {
            println!("{}", self.line(chrono::Utc::now().timestamp_millis()));
        }
    }

    fn line(&self, timestamp: i64) -> Value {
        let mut line = Map::new();
        let mut definitions = Vec::new();
        for (name, unit, value) in &self.values {
            definitions.push(json!({"Name": name, "Unit": unit}));
            line.insert((*name).to_owned(), json!(value));
        }
        line.insert("Function".to_owned(), json!(self.function));
        line.insert(
            "_aws".to_owned(),
            json!({"Timestamp": timestamp, "CloudWatchMetrics": [
                {"Namespace": NAMESPACE, "Dimensions": [["Function"]], "Metrics": definitions}
            ]}),
        );
        Value::Object(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_in_the_embedded_metric_format() {
        let mut metrics = Metrics::of("segment-transform");
        metrics.count("Records", 2);
        metrics.count("Records", 3);
        assert_eq!(
            metrics.line(7),
            json!({"Records": 5.0, "Function": "segment-transform", "_aws": {"Timestamp": 7, "CloudWatchMetrics": [
                {"Namespace": "Tributary", "Dimensions": [["Function"]], "Metrics": [{"Name": "Records", "Unit": "Count"}]}
            ]}})
        );
    }
}
