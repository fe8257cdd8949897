//! What a pull works with: a bucket, a table and a secret that no other test knows.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};
use chrono::{DateTime, TimeDelta, Utc};
use end_to_end::google_ads::{Answer, Asked, GoogleAds};
use end_to_end::stack::{Stack, unique, wait_for};
use flate2::bufread::MultiGzDecoder;
use google_ads_pull::api::{Endpoints, GoogleAds as Api};
use google_ads_pull::checkpoint::Checkpoints;
use google_ads_pull::plan::Schedule;
use google_ads_pull::query::Query;
use google_ads_pull::{Invocation, PullRequest, Puller, PullerSettings, Summary};
use serde_json::{Value, json};
use shared::aws::Bucket;

pub const NOON: &str = "2026-03-10T13:00:00Z";

/// A bucket, a table and a secret that no other test knows.
pub struct Scene {
    pub stack: Stack,
    pub secrets: aws_sdk_secretsmanager::Client,
    pub name: String,
    pub secret: String,
}

impl Scene {
    pub async fn set(secret: Value) -> Self {
        let stack = Stack::connect().await;
        let name = format!("test-{}", unique());
        stack.s3.create_bucket().bucket(&name).send().await.unwrap();
        create_table(&stack, &name).await;
        let secrets = aws_sdk_secretsmanager::Client::new(&stack.config);
        let created =
            secrets.create_secret().name(&name).secret_string(secret.to_string()).send().await;
        let secret = created.unwrap().arn.unwrap();
        Self { stack, secrets, name, secret }
    }

    pub async fn signed_in() -> Self {
        Self::set(
            json!({"client_id": "client", "client_secret": "hidden", "refresh_token": "usual"}),
        )
        .await
    }

    pub async fn sign_in(&self, secret: Value) {
        let put = self.secrets.put_secret_value().secret_id(&self.secret);
        put.secret_string(secret.to_string()).send().await.unwrap();
    }

    pub fn puller(&self, google: &GoogleAds, customers: &[&str], queries: &[Query]) -> Puller {
        let dynamodb = aws_sdk_dynamodb::Client::new(&self.stack.config);
        Puller::new(PullerSettings {
            api: Api::new(Endpoints {
                api: google.endpoint.clone(),
                version: "v24".to_owned(),
                token: format!("{}/token", google.endpoint),
            })
            .unwrap(),
            secrets: self.secrets.clone(),
            secret: self.secret.clone(),
            landing: Arc::new(Bucket::new(self.stack.s3.clone(), self.name.clone())),
            checkpoints: Checkpoints::new(dynamodb, self.name.clone()),
            customers: customers.iter().map(|customer| (*customer).to_owned()).collect(),
            login_customer: None,
            schedule: Schedule {
                queries: queries.to_vec(),
                window_days: 30,
                click_days: 3,
                recent_click_days: 1,
                refresh: TimeDelta::hours(6),
            },
            attempts: 3,
            pause: Duration::from_millis(1),
        })
    }

    /// Keys and contents of what has landed.
    pub async fn landed(&self) -> BTreeMap<String, String> {
        let mut landed = BTreeMap::new();
        for key in self.stack.keys(&self.name, "").await {
            let object = self.stack.object(&self.name, &key).await.unwrap();
            let mut text = String::new();
            MultiGzDecoder::new(object.as_slice()).read_to_string(&mut text).unwrap();
            landed.insert(key, text);
        }
        landed
    }

    pub async fn no_upload_is_left(&self) {
        wait_for("the end of unfinished uploads", || async {
            let listed =
                self.stack.s3.list_multipart_uploads().bucket(&self.name).send().await.unwrap();
            listed.uploads().is_empty().then_some(())
        })
        .await;
    }

    /// The checkpoint of a customer's unit.
    pub async fn checkpoint(&self, customer: &str, unit: &str) -> BTreeMap<String, String> {
        let get = self.stack.dynamodb.get_item().table_name(&self.name).consistent_read(true);
        let get = get.key("customer", AttributeValue::S(customer.to_owned()));
        let item = get.key("unit", AttributeValue::S(unit.to_owned())).send().await.unwrap().item;
        let mut checkpoint = BTreeMap::new();
        for (name, value) in item.unwrap_or_default() {
            if let AttributeValue::S(text) | AttributeValue::N(text) = value {
                checkpoint.insert(name, text);
            }
        }
        checkpoint
    }
}

pub async fn create_table(stack: &Stack, name: &str) {
    let mut create =
        stack.dynamodb.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for (attribute, key_type) in [("customer", KeyType::Hash), ("unit", KeyType::Range)] {
        let definition = AttributeDefinition::builder()
            .attribute_name(attribute)
            .attribute_type(ScalarAttributeType::S);
        let element = KeySchemaElement::builder().attribute_name(attribute).key_type(key_type);
        create = create
            .attribute_definitions(definition.build().unwrap())
            .key_schema(element.build().unwrap());
    }
    create.send().await.unwrap();
}

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// An invocation that begins at a moment and has a minute.
pub fn invocation(began: DateTime<Utc>) -> Invocation {
    Invocation::beginning(unique(), began, Duration::from_mins(1))
}

pub async fn pull(puller: &Puller, began: DateTime<Utc>) -> Summary {
    puller.pull(&PullRequest::default(), &invocation(began)).await.unwrap()
}

pub fn pages() -> Vec<Value> {
    vec![
        json!({"results": [{"campaign": {"id": "1", "name": "Brand \"[x]\""}}], "fieldMask": "campaign.id", "requestId": "a"}),
        json!({"results": [{"campaign": {"id": "2"}}, {"campaign": {"id": "3"}}], "fieldMask": "campaign.id", "requestId": "a"}),
    ]
}

/// Answers every token request with a token named after the sign-in, and reports as the script says.
pub fn signed_in(
    report: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static,
) -> impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static {
    move |asked, before| {
        if asked.is_token() {
            return Answer::token(&format!("{}-{before}", asked.query));
        }
        report(asked, before)
    }
}

pub const BOTH: [Query; 2] = [Query::CampaignDaily, Query::ClickView];
