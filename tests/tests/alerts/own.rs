//! Tables, a topic and a failure queue of a test's own, where nobody else's incidents are.

use std::sync::Arc;

use alert::{AlertError, Alerter, DigestSettings, FailureQueue, Outbox, Publisher, Wording};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    LocalSecondaryIndex, Projection, ProjectionType, ScalarAttributeType,
};
use aws_sdk_sns::config::retry::RetryConfig;
use end_to_end::stack::{Stack, unique};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::Value;
use shared::incident::IncidentTable;

fn element(name: &str, key_type: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(key_type).build().unwrap()
}

fn attribute(name: &str) -> AttributeDefinition {
    let attribute = AttributeDefinition::builder().attribute_name(name);
    attribute.attribute_type(ScalarAttributeType::S).build().unwrap()
}

/// A table of incidents as the template makes it, and one of notifications.
async fn tables(stack: &Stack) -> (String, String) {
    let (incidents, notifications) =
        (format!("incidents-{}", unique()), format!("notifications-{}", unique()));
    let all = Projection::builder().projection_type(ProjectionType::All).build();
    let keys = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let open_of_dataset = LocalSecondaryIndex::builder()
        .index_name("open-of-dataset")
        .key_schema(element("dataset", KeyType::Hash))
        .key_schema(element("open_since", KeyType::Range))
        .projection(all.clone());
    let by_state = GlobalSecondaryIndex::builder()
        .index_name("by-state")
        .key_schema(element("state_partition", KeyType::Hash))
        .key_schema(element("opened_at", KeyType::Range))
        .projection(all);
    let by_id = GlobalSecondaryIndex::builder()
        .index_name("by-id")
        .key_schema(element("id", KeyType::Hash))
        .projection(keys);
    let names = ["dataset", "incident", "open_since", "state_partition", "opened_at", "id"];
    let create = stack.dynamodb.create_table().billing_mode(BillingMode::PayPerRequest);
    let made = create
        .clone()
        .table_name(&incidents)
        .set_attribute_definitions(Some(names.map(attribute).into()))
        .key_schema(element("dataset", KeyType::Hash))
        .key_schema(element("incident", KeyType::Range))
        .local_secondary_indexes(open_of_dataset.build().unwrap())
        .global_secondary_indexes(by_state.build().unwrap())
        .global_secondary_indexes(by_id.build().unwrap());
    made.send().await.unwrap();
    let made = create
        .table_name(&notifications)
        .attribute_definitions(attribute("notification_id"))
        .key_schema(element("notification_id", KeyType::Hash));
    made.send().await.unwrap();
    (incidents, notifications)
}

/// What belongs to one test.
pub struct Own {
    pub stack: Stack,
    pub incidents: IncidentTable,
    pub topic: String,
    /// The failure queue.
    pub failures: String,
    incidents_table: String,
    notifications_table: String,
}

impl Own {
    pub async fn set() -> Self {
        let stack = Stack::connect().await;
        let (incidents_table, notifications_table) = tables(&stack).await;
        let sns = aws_sdk_sns::Client::new(&stack.config);
        let topic = sns.create_topic().name(format!("alerts-{}", unique())).send().await.unwrap();
        let name = format!("failures-{}", unique());
        let queue = stack.sqs.create_queue().queue_name(name).send().await.unwrap();
        Self {
            incidents: IncidentTable::new(stack.dynamodb.clone(), incidents_table.clone(), 400),
            topic: topic.topic_arn.unwrap(),
            failures: queue.queue_url.unwrap(),
            stack,
            incidents_table,
            notifications_table,
        }
    }

    pub fn outbox(&self) -> Outbox {
        Outbox::new(self.stack.dynamodb.clone(), self.notifications_table.clone())
    }

    /// An alerter that publishes through a client.
    pub fn alerter(&self, sns: aws_sdk_sns::Client) -> Alerter {
        Alerter::new(
            IncidentTable::new(self.stack.dynamodb.clone(), self.incidents_table.clone(), 400),
            self.outbox(),
            Publisher::new(sns, self.topic.clone()),
            FailureQueue::new(self.stack.sqs.clone(), self.failures.clone()),
            Wording::default(),
            DigestSettings { time_zone: "Europe/Berlin".to_owned() },
        )
    }

    /// SNS.
    pub fn sns(&self) -> aws_sdk_sns::Client {
        aws_sdk_sns::Client::new(&self.stack.config)
    }

    /// SNS, which does not answer.
    pub fn silent_sns(&self) -> aws_sdk_sns::Client {
        let config = aws_sdk_sns::config::Builder::from(&self.stack.config)
            .endpoint_url("http://127.0.0.1:1")
            .retry_config(RetryConfig::disabled());
        aws_sdk_sns::Client::from_conf(config.build())
    }

    /// Invokes an alerter, as Lambda does.
    pub async fn invoke(&self, sns: aws_sdk_sns::Client, event: Value) -> Result<(), AlertError> {
        let event = LambdaEvent::new(event, Context::default());
        alert::handle(Arc::new(self.alerter(sns)), event).await
    }
}
