//! Incidents that are written to the deployed table are told: by the topic, in Slack, and in the digest.

mod digest;
mod own;
mod slack;
mod told;
mod untold;

use chrono::{DateTime, Utc};
use end_to_end::stack::{Stack, output, unique};
use serde_json::{Value, json};
use shared::incident::{
    Context, Evidence, Finding, Incident, IncidentKey, IncidentTable, Monitor, Reported, Severity,
};

/// The table of the stack, and a dataset of the test's own.
pub struct Scene {
    pub stack: Stack,
    pub incidents: IncidentTable,
    pub dataset: String,
}

impl Scene {
    pub async fn set() -> Self {
        let stack = Stack::connect().await;
        let table = output("INCIDENTS_TABLE");
        let incidents = IncidentTable::new(stack.dynamodb.clone(), table, 400);
        Self { stack, incidents, dataset: format!("alerts.{}", unique()) }
    }

    pub fn key(&self) -> IncidentKey {
        key(&self.dataset)
    }

    pub async fn report(&self, severity: Severity) -> Reported {
        report(&self.incidents, &self.key(), severity, &Context::default()).await
    }

    pub async fn clear(&self) -> Option<Incident> {
        clear(&self.incidents, &self.key()).await
    }
}

pub fn key(dataset: &str) -> IncidentKey {
    IncidentKey::new(dataset, Monitor::Freshness, "late")
}

pub async fn report(
    incidents: &IncidentTable,
    key: &IncidentKey,
    severity: Severity,
    context: &Context,
) -> Reported {
    let now = Utc::now();
    incidents.report(&finding(key, severity, now), context, now, now).await.unwrap()
}

pub async fn clear(incidents: &IncidentTable, key: &IncidentKey) -> Option<Incident> {
    let now = Utc::now();
    incidents.clear(key, now, now, "it arrived").await.unwrap()
}

pub fn finding(key: &IncidentKey, severity: Severity, now: DateTime<Utc>) -> Finding {
    Finding {
        key: key.clone(),
        severity,
        since: now - chrono::TimeDelta::minutes(5),
        summary: format!("{} is late", key.dataset),
        evidence: Evidence::default(),
    }
}

/// The event of a stream that tells that an incident was inserted.
pub fn inserted(incident: &Incident) -> Value {
    let image: serde_dynamo::Item = serde_dynamo::to_item(incident).unwrap();
    json!({"Records": [{
        "eventID": unique(), "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/incidents/stream/1",
        "dynamodb": {"Keys": {}, "NewImage": image, "SequenceNumber": "1", "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    }]})
}
