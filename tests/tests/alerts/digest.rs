//! The digest: in tables of the test's own, where nobody else's incidents are; and of the deployed function.

use alert::{Alerter, DigestSettings, Outbox, Publisher, Wording};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    LocalSecondaryIndex, Projection, ProjectionType, ScalarAttributeType,
};
use chrono::{Days, TimeDelta, Utc};
use end_to_end::deployed::invoke;
use end_to_end::stack::{Stack, output, unique, unique_seed};
use end_to_end::subscriber::Subscriber;
use serde_json::{Value, json};
use shared::event::{Alert, Line};
use shared::incident::{Context, IncidentTable, Severity};

use super::{Scene, clear, key, report};

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

fn datasets(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.dataset.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_low_is_told_once_a_day_with_what_is_open() {
    let stack = Stack::connect().await;
    let (incidents_table, notifications_table) = tables(&stack).await;
    let sns = aws_sdk_sns::Client::new(&stack.config);
    let topic = sns.create_topic().name(format!("digest-{}", unique())).send().await.unwrap();
    let topic = topic.topic_arn.unwrap();
    let subscriber =
        Subscriber::to_topic(&stack, topic.clone(), json!({"change": ["digest"]})).await;
    let alerter = || {
        Alerter::new(
            IncidentTable::new(stack.dynamodb.clone(), incidents_table.clone(), 400),
            Outbox::new(stack.dynamodb.clone(), notifications_table.clone()),
            Publisher::new(sns.clone(), topic.clone()),
            Wording::default(),
            DigestSettings { time_zone: "Europe/Berlin".to_owned() },
        )
    };
    let incidents = IncidentTable::new(stack.dynamodb.clone(), incidents_table.clone(), 400);
    let now = Utc::now();
    let nothing = alerter().tell_digest(now - Days::new(1), now).await.unwrap();
    assert!(!nothing, "there is nothing to tell");

    for (dataset, severity) in
        [("d.low", Severity::Low), ("d.gone", Severity::Low), ("d.high", Severity::High)]
    {
        report(&incidents, &key(dataset), severity, &Context::default()).await;
    }
    clear(&incidents, &key("d.gone")).await.unwrap();
    let at = Utc::now() + TimeDelta::seconds(1);
    assert!(alerter().tell_digest(at, now).await.unwrap());
    assert!(!alerter().tell_digest(at, now).await.unwrap(), "the clock may strike twice");
    // The next day: nothing new, but both are still open.
    assert!(alerter().tell_digest(at + Days::new(1), now).await.unwrap());

    subscriber.messages_with("notification_id", 2).await;
    let mut told: Vec<Alert> =
        subscriber.bodies().await.iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    told.sort_by_key(|alert| alert.digest.as_ref().map(|digest| digest.to));
    assert_eq!(told.len(), 2);
    let first = told[0].digest.as_ref().unwrap();
    let mut opened = datasets(&first.opened);
    opened.sort_unstable();
    assert_eq!(opened, ["d.gone", "d.low"]);
    assert_eq!(datasets(&first.resolved), ["d.gone"]);
    assert_eq!(datasets(&first.open), ["d.high", "d.low"]);
    let second = told[1].digest.as_ref().unwrap();
    assert_eq!((second.from, second.opened.len(), second.open.len()), (first.to, 0, 2));
    subscriber.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deployed_function_tells_a_digest_once() {
    let scene = Scene::set().await;
    scene.report(Severity::High).await;
    // A day that nobody else asks for.
    let at = Utc::now() + Days::new(1_000 + unique_seed() % 300_000);
    let filter = json!({"change": ["digest"]});
    let subscriber = Subscriber::to_topic(&scene.stack, output("ALERTS_TOPIC_ARN"), filter).await;
    let event = json!({"digest": {"at": at.to_rfc3339()}});
    for _ in 0..2 {
        let (function, event) = (output("ALERT_FUNCTION_NAME"), event.clone());
        let answer = tokio::task::spawn_blocking(move || invoke(&function, &event)).await.unwrap();
        assert_eq!(answer, Value::Null);
    }
    let day = at.date_naive().to_string();
    subscriber.messages_with(&day, 1).await;
    let bodies = subscriber.bodies().await;
    assert_eq!(bodies.iter().filter(|body| body.contains(&day)).count(), 1);
    scene.clear().await.unwrap();
    subscriber.leave().await;
}
