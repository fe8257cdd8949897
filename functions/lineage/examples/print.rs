//! Prints the OpenLineage events of messages, a JSON object a line: `cargo run --example print <file> …`, where
//! a file is a sample of `events/lineage`.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use aws_lambda_events::sqs::SqsEvent;
use lineage::{Deployment, dataset_event, run_events};
use shared::lineage::Catalog;

fn main() {
    let deployment = Deployment {
        job_namespace: "tributary".to_owned(),
        catalog: Catalog {
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            database_prefix: String::new(),
        },
        lake_bucket: "tributary-lake-000000000000-us-east-1".to_owned(),
    };
    for path in std::env::args().skip(1) {
        let sample: SqsEvent =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for message in sample.records {
            let Ok(event) = dataset_event(&message.body.unwrap_or_default()) else { continue };
            for run_event in run_events(&event, &deployment) {
                println!("{}", serde_json::to_string(&run_event).unwrap());
            }
        }
    }
}
