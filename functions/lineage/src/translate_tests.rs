use std::collections::BTreeSet;

use aws_lambda_events::sqs::SqsEvent;
use serde_json::Value;

use super::*;
use crate::message::dataset_event;

fn deployment() -> Deployment {
    Deployment {
        job_namespace: "tributary".to_owned(),
        catalog: Catalog {
            region: "eu-central-1".to_owned(),
            account: "123456789012".to_owned(),
            database_prefix: String::new(),
        },
        lake_bucket: "lake".to_owned(),
    }
}

/// The event of a sample, as of the contract that there is now.
fn sample(case: &str) -> DatasetEvent {
    let path = format!("{}/../../events/lineage/{case}.json", env!("CARGO_MANIFEST_DIR"));
    let sample: SqsEvent = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut event = dataset_event(sample.records[0].body.as_deref().unwrap()).unwrap();
    event.run.contract_version = None;
    event
}

/// Both events as JSON.
fn events_of(event: &DatasetEvent) -> [Value; 2] {
    run_events(event, &deployment()).map(|event| serde_json::to_value(event).unwrap())
}

/// The names of all members of a JSON object.
fn members(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Every facet in a value, wherever it stands.
fn facets<'a>(value: &'a Value, found: &mut Vec<(&'a str, &'a Value)>) {
    match value {
        Value::Object(object) => {
            for (name, inner) in object {
                if ["facets", "inputFacets", "outputFacets"].contains(&name.as_str()) {
                    let facets = inner.as_object().unwrap();
                    found.extend(facets.iter().map(|(name, facet)| (name.as_str(), facet)));
                }
                facets(inner, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|inner| facets(inner, found)),
        _ => {}
    }
}

#[test]
fn a_run_begins_once_and_ends_once() {
    let run = sample("committed").run;
    for (outcome, end) in [
        (Outcome::Committed, "COMPLETE"),
        (Outcome::Transformed, "COMPLETE"),
        (Outcome::Empty, "COMPLETE"),
        (Outcome::Failed, "FAIL"),
        (Outcome::Quarantined, "FAIL"),
        (Outcome::Held, "FAIL"),
    ] {
        let [start, terminal] = events_of(&DatasetEvent::of(Run { outcome, ..run.clone() }));
        assert_eq!((&start["eventType"], &terminal["eventType"]), (&"START".into(), &end.into()));
        assert_eq!(start["eventTime"], "2026-11-23T10:00:06.250Z");
        assert_eq!(terminal["eventTime"], "2026-11-23T10:00:07.500Z");
        for event in [&start, &terminal] {
            assert_eq!(event["run"]["runId"], run.run_id);
            assert_eq!(event["job"]["name"], "database-transform.shop.orders");
            assert_eq!(event["job"]["namespace"], "tributary");
        }
        let has_message = terminal["run"]["facets"].get("errorMessage").is_some();
        assert_eq!(has_message, end == "FAIL", "{outcome:?}");
        assert!(start["run"]["facets"].get("errorMessage").is_none());
    }
}

#[test]
fn the_same_run_makes_the_same_bytes() {
    for case in ["committed", "held", "quarantined", "computed"] {
        let event = sample(case);
        let bytes = || {
            run_events(&event, &deployment()).map(|event| serde_json::to_string(&event).unwrap())
        };
        assert_eq!(bytes(), bytes());
        assert!(bytes().iter().all(|line| !line.contains('\n')));
    }
}

#[test]
fn every_facet_says_who_made_it_and_by_which_schema() {
    for case in ["committed", "held", "quarantined", "computed"] {
        for event in events_of(&sample(case)) {
            let mut found = Vec::new();
            facets(&event, &mut found);
            assert!(!found.is_empty());
            for (name, facet) in found {
                assert_eq!(facet["_producer"], crate::event::PRODUCER, "{name}");
                let schema = facet["_schemaURL"].as_str().unwrap();
                assert!(schema.starts_with("https://openlineage.io/spec/facets/"), "{name}");
                assert!(schema.contains(".json#/$defs/"), "{name}: {schema}");
            }
        }
    }
}

#[test]
fn what_was_committed_is_counted_and_described() {
    let [start, end] = events_of(&sample("committed"));
    assert_eq!(members(&start["outputs"][0]["facets"]), BTreeSet::new());
    let (input, output) = (&end["inputs"][0], &end["outputs"][0]);
    let folder = "samples/databases/changes/shop";
    assert_eq!(input["name"], folder);
    assert_eq!(input["namespace"], "s3://tributary-landing-000000000000-us-east-1");
    assert_eq!(output["name"], "table/shop/orders");
    assert_eq!(output["namespace"], "arn:aws:glue:eu-central-1:123456789012");
    assert_eq!(input["inputFacets"]["inputStatistics"]["rowCount"], 4);
    let metrics = &input["inputFacets"]["dataQualityMetrics"]["columnMetrics"]["row.total"];
    assert_eq!((&metrics["min"], &metrics["max"]), (&9.9.into(), &59.9.into()));
    let assertion = &input["inputFacets"]["dataQualityAssertions"]["assertions"][0];
    assert_eq!(assertion["column"], "row.customer_id");
    assert_eq!((&assertion["success"], &assertion["severity"]), (&true.into(), &"warn".into()));
    let statistics = &output["outputFacets"]["outputStatistics"];
    assert_eq!((&statistics["rowCount"], &statistics["size"]), (&3.into(), &3553.into()));
    assert_eq!(statistics["fileCount"], 1);
    let metrics = &output["facets"]["dataQualityMetrics"];
    assert_eq!(metrics["rowCount"], 3);
    assert_eq!(metrics["columnMetrics"]["customer_id"]["nullCount"], 1);
    assert!(metrics["columnMetrics"]["_committed_at"].get("min").is_none(), "a time is no number");
    assert_eq!(output["facets"]["version"]["datasetVersion"], "6296970820446519438");
    let symlink = &output["facets"]["symlinks"]["identifiers"][0];
    assert_eq!(
        (&symlink["namespace"], &symlink["name"]),
        (&"s3://lake".into(), &"shop/orders".into())
    );
}

#[test]
fn held_rows_are_in_no_table_and_the_checks_are_named() {
    let [_, end] = events_of(&sample("held"));
    let message = end["run"]["facets"]["errorMessage"]["message"].as_str().unwrap();
    let failed = "customers_are_known: 41.67 percent, must be at most 5";
    assert!(message.ends_with(failed), "{message}");
    let output = &end["outputs"][0];
    let statistics = &output["outputFacets"]["outputStatistics"];
    for name in ["rowCount", "size", "fileCount"] {
        assert_eq!(statistics[name], 0, "{name}");
    }
    assert!(output["facets"].get("dataQualityMetrics").is_none());
    assert!(output["facets"].get("version").is_none());
    let assertion = &end["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"][0];
    assert_eq!((&assertion["success"], &assertion["severity"]), (&false.into(), &"error".into()));
}

#[test]
fn an_input_that_cannot_be_read_has_no_output() {
    let [_, end] = events_of(&sample("quarantined"));
    assert_eq!(end["outputs"], Value::Array(Vec::new()));
    assert_eq!(end["job"]["name"], "segment-transform");
    assert!(end["run"]["facets"].get("parent").is_none());
    let message = &end["run"]["facets"]["errorMessage"]["message"];
    assert_eq!(message, "the input breaks off: unexpected end of file");
}

#[test]
fn masked_columns_say_so_and_no_other() {
    for contract in contracts() {
        let mut event = sample("committed");
        event.run.dataset = Some(contract.dataset());
        if contract.route.source == "attribution" {
            continue;
        }
        let [_, end] = events_of(&event);
        let facets = &end["outputs"][0]["facets"];
        let read: BTreeSet<&str> = end["inputs"][0]["facets"]["schema"]["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| field["name"].as_str().unwrap())
            .collect();
        assert_eq!(facets["schema"]["fields"].as_array().unwrap().len(), contract.columns.len());
        for column in &contract.columns {
            let field = &facets["columnLineage"]["fields"][&column.name];
            if column.sources.is_empty() {
                assert!(field.is_null(), "{}", column.name);
                continue;
            }
            for input in field["inputFields"].as_array().unwrap() {
                assert!(read.contains(input["field"].as_str().unwrap()), "{input}");
                let transformation = &input["transformations"][0];
                assert_eq!(transformation["masking"], column.is_private(), "{}", column.name);
                let is_identity = transformation["subtype"] == "IDENTITY";
                assert!(!(is_identity && column.is_private()), "{}", column.name);
            }
        }
    }
}

#[test]
fn an_answer_of_the_api_has_no_columns_of_downloaded_reports() {
    let mut event = sample("committed");
    event.run.dataset = Some("google_ads.campaign_daily".to_owned());
    for (folder, has_downloaded) in [("search-stream/campaign_daily", false), ("reports", true)] {
        event.run.input.key = format!("google-ads/{folder}/1234567890/a.gz");
        let [_, end] = events_of(&event);
        let lineage = &end["outputs"][0]["facets"]["columnLineage"]["fields"]["clicks"];
        let fields = lineage["inputFields"].as_array().unwrap();
        assert!(fields.iter().any(|field| field["field"] == "metrics.clicks"), "{fields:?}");
        let text = end["inputs"][0]["facets"]["schema"].to_string() + &lineage.to_string();
        assert_eq!(text.contains("\"csv."), has_downloaded, "{folder}");
    }
}

#[test]
fn performance_comes_from_the_tables() {
    let [_, end] = events_of(&sample("computed"));
    assert_eq!(end["inputs"].as_array().unwrap().len(), 8);
    let lineage = &end["outputs"][0]["facets"]["columnLineage"];
    let revenue = &lineage["fields"]["revenue"]["inputFields"][0];
    assert_eq!(revenue["name"], "table/shop/orders");
    assert_eq!(
        (&revenue["field"], &revenue["transformations"][0]["subtype"]),
        (&"total".into(), &"AGGREGATION".into())
    );
    assert!(
        lineage["dataset"]
            .as_array()
            .unwrap()
            .iter()
            .all(|field| { field["transformations"][0]["type"] == "INDIRECT" })
    );
    for input in end["inputs"].as_array().unwrap() {
        assert_eq!(input["facets"]["datasetType"]["datasetType"], "TABLE");
        assert_eq!(members(&input["inputFacets"]), BTreeSet::new());
    }
}

#[test]
fn a_part_names_the_run_of_its_input() {
    let event = sample("committed");
    let [start, end] = events_of(&event);
    for event_json in [start, end] {
        let parent = &event_json["run"]["facets"]["parent"];
        let input = run_id("database-transform", &event.run.input, None);
        assert_eq!(parent["run"]["runId"], input);
        assert_eq!(parent["job"]["name"], "database-transform");
    }
    let released = Run { job: RELEASE.to_owned(), ..event.run };
    let [_, end] = events_of(&DatasetEvent::of(released));
    assert!(end["run"]["facets"].get("parent").is_none());
}

#[test]
fn columns_of_another_version_are_not_the_runs() {
    let mut event = sample("committed");
    event.run.contract_version = Some("0.0.1".to_owned());
    let [_, end] = events_of(&event);
    let facets = &end["outputs"][0]["facets"];
    assert!(facets.get("schema").is_none() && facets.get("columnLineage").is_none());
    assert_eq!(facets["dataQualityMetrics"]["rowCount"], 3, "what was counted stands");
}
