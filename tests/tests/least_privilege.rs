//! Each function may do what it does and nothing else: tried with the policies of its deployed role. What the template says of
//! roles is read in `template.rs`.

use std::fmt::Debug;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use end_to_end::deployed::Assumed;
use end_to_end::stack::{Stack, output, unique};

/// The clients of a role, with the calls that are tried.
struct Tried {
    s3: aws_sdk_s3::Client,
    sqs: aws_sdk_sqs::Client,
    sns: aws_sdk_sns::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    secrets: aws_sdk_secretsmanager::Client,
    role: Assumed,
}

/// Whether a call was refused for want of permission; the services have different words for it.
fn is_denied<T: Debug, E: ProvideErrorMetadata + Debug>(result: &Result<T, SdkError<E>>) -> bool {
    let code = result.as_ref().err().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    code.contains("AccessDenied") || code.contains("AuthorizationError")
}

impl Tried {
    async fn with_role_of(function: &str) -> Self {
        let role = Assumed::role_of(&Stack::connect().await, &output(function));
        Self {
            s3: shared::aws::s3_client(&role.config),
            sqs: aws_sdk_sqs::Client::new(&role.config),
            sns: aws_sdk_sns::Client::new(&role.config),
            dynamodb: aws_sdk_dynamodb::Client::new(&role.config),
            secrets: aws_sdk_secretsmanager::Client::new(&role.config),
            role,
        }
    }

    async fn may_not_read(&self, bucket: &str, key: &str) -> bool {
        is_denied(&self.s3.get_object().bucket(output(bucket)).key(key).send().await)
    }

    async fn may_not_write(&self, bucket: &str, key: &str) -> bool {
        is_denied(
            &self
                .s3
                .put_object()
                .bucket(output(bucket))
                .key(key)
                .body(ByteStream::from_static(b"x"))
                .send()
                .await,
        )
    }

    async fn may_not_delete(&self, bucket: &str, key: &str) -> bool {
        is_denied(&self.s3.delete_object().bucket(output(bucket)).key(key).send().await)
    }

    /// Whether it may not know of a table, be it there or not.
    async fn may_not_open(&self, database: &str, table: &str) -> bool {
        let glue = aws_sdk_glue::Client::new(&self.role.config);
        is_denied(&glue.get_table().database_name(database).name(table).send().await)
    }

    async fn may_not_send(&self, queue: &str) -> bool {
        let send = self
            .sqs
            .send_message()
            .queue_url(output(queue))
            .message_body("x")
            .message_group_id("x");
        is_denied(&send.message_deduplication_id(unique()).send().await)
    }

    async fn may_not_receive(&self, queue: &str) -> bool {
        is_denied(&self.sqs.receive_message().queue_url(output(queue)).send().await)
    }

    async fn may_not_publish(&self) -> bool {
        // An empty message is refused for that by whoever may publish.
        is_denied(
            &self.sns.publish().topic_arn(output("DATASETS_TOPIC_ARN")).message("").send().await,
        )
    }

    async fn may_not_know_the_key(&self) -> bool {
        is_denied(
            &self.secrets.get_secret_value().secret_id(output("PSEUDONYM_SECRET_ARN")).send().await,
        )
    }

    async fn may_not_read_runs(&self) -> bool {
        let get = self
            .dynamodb
            .get_item()
            .table_name(output("RUNS_TABLE"))
            .key("run_id", AttributeValue::S(unique()));
        is_denied(&get.send().await)
    }

    async fn may_not_forget_inputs(&self) -> bool {
        let delete = self.dynamodb.delete_item().table_name(output("INPUTS_TABLE"));
        let delete = delete
            .key("input", AttributeValue::S(unique()))
            .key("part", AttributeValue::S(unique()));
        is_denied(&delete.send().await)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn segment_transform_reads_its_landing_prefix_and_only_adds_to_the_lake() {
    let tried = Tried::with_role_of("SEGMENT_TRANSFORM_FUNCTION_NAME").await;
    let key = unique();
    assert!(
        !tried.may_not_read("LANDING_BUCKET", &format!("segment/{key}")).await,
        "it reads what it is for"
    );
    assert!(!tried.may_not_know_the_key().await, "it makes pseudonyms");
    assert!(tried.may_not_read("LANDING_BUCKET", &format!("google-ads/{key}")).await);
    assert!(tried.may_not_write("LANDING_BUCKET", &format!("segment/{key}")).await);
    assert!(tried.may_not_delete("LANDING_BUCKET", &format!("segment/{key}")).await);
    // Rows that are held are copied to quarantine; what is there it never sees again.
    assert!(
        !tried.may_not_read("LAKE_BUCKET", &format!("segment/tracks/data/{key}.parquet")).await
    );
    assert!(tried.may_not_read("QUARANTINE_BUCKET", &format!("held/{key}")).await);
    assert!(
        tried.may_not_read("LAKE_BUCKET", &format!("segment/tracks/metadata/{key}.json")).await
    );
    assert!(
        tried.may_not_delete("LAKE_BUCKET", &format!("segment/tracks/data/{key}.parquet")).await
    );
    assert!(
        tried.may_not_write("LAKE_BUCKET", &format!("segment/tracks/metadata/{key}.json")).await
    );
    assert!(
        tried.may_not_delete("LAKE_BUCKET", &format!("_requests/segment/tracks/{key}.json")).await
    );
    assert!(tried.may_not_read("QUARANTINE_BUCKET", &format!("rows/{key}")).await);
    assert!(tried.may_not_delete("QUARANTINE_BUCKET", &format!("rows/{key}")).await);
    assert!(tried.may_not_write("QUARANTINE_BUCKET", &key).await);
    assert!(tried.may_not_receive("COMMITS_QUEUE_URL").await);
    assert!(tried.may_not_publish().await);
    assert!(tried.may_not_read_runs().await);
    assert!(tried.may_not_forget_inputs().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn database_transform_reads_the_one_table_that_orders_refer_to() {
    let tried = Tried::with_role_of("DATABASE_TRANSFORM_FUNCTION_NAME").await;
    assert!(!tried.may_not_open("shop", "customers").await, "it looks for customers");
    assert!(tried.may_not_open("segment", "tracks").await);
    let key = unique();
    let customers = format!("shop/customers/metadata/{key}.json");
    assert!(!tried.may_not_read("LAKE_BUCKET", &customers).await, "it reads what it is for");
    assert!(!tried.may_not_read("LAKE_BUCKET", &format!("shop/customers/data/{key}")).await);
    assert!(tried.may_not_write("LAKE_BUCKET", &customers).await);
    assert!(tried.may_not_read("LAKE_BUCKET", &format!("shop/orders/metadata/{key}.json")).await);
    assert!(tried.may_not_read("LANDING_BUCKET", &format!("segment/{key}")).await);
    assert!(tried.may_not_delete("LAKE_BUCKET", &format!("shop/customers/data/{key}")).await);
    assert!(tried.may_not_publish().await);
    assert!(tried.may_not_read_runs().await);
    assert!(tried.may_not_forget_inputs().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn lake_commit_sees_no_landed_file_and_no_pseudonym_key() {
    let tried = Tried::with_role_of("LAKE_COMMIT_FUNCTION_NAME").await;
    let key = unique();
    assert!(
        !tried.may_not_read("LAKE_BUCKET", &format!("_requests/segment/tracks/{key}.json")).await,
        "it reads what it is for"
    );
    assert!(tried.may_not_read("LANDING_BUCKET", &format!("segment/{key}")).await);
    assert!(tried.may_not_read("QUARANTINE_BUCKET", &format!("rows/{key}")).await);
    // It reads and writes what it takes to leave repeats out, and removes nothing but metadata that nothing names.
    let data_file = format!("segment/tracks/data/{key}.parquet");
    assert!(!tried.may_not_read("LAKE_BUCKET", &data_file).await);
    assert!(tried.may_not_write("LAKE_BUCKET", &key).await);
    for kept in [
        data_file,
        format!("_requests/segment/tracks/{key}.json"),
        format!("_keys/segment/tracks/{key}"),
        format!("segment/tracks/metadata/manifest-{key}.avro"),
    ] {
        assert!(tried.may_not_delete("LAKE_BUCKET", &kept).await, "{kept}");
    }
    let version = format!("segment/tracks/metadata/{key}.metadata.json");
    assert!(!tried.may_not_delete("LAKE_BUCKET", &version).await);
    assert!(tried.may_not_know_the_key().await);
    assert!(tried.may_not_send("COMMITS_QUEUE_URL").await);
    assert!(tried.may_not_receive("SEGMENT_QUEUE_URL").await);
    assert!(tried.may_not_publish().await);
    assert!(tried.may_not_read_runs().await);
    assert!(tried.may_not_forget_inputs().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn announce_publishes_and_sees_no_data() {
    let tried = Tried::with_role_of("ANNOUNCE_FUNCTION_NAME").await;
    let key = unique();
    assert!(!tried.may_not_publish().await, "it does what it is for");
    for (bucket, key) in [
        ("LANDING_BUCKET", format!("segment/{key}")),
        ("LAKE_BUCKET", format!("segment/tracks/data/{key}")),
        ("QUARANTINE_BUCKET", format!("rows/{key}")),
    ] {
        assert!(tried.may_not_read(bucket, &key).await, "{bucket}");
        assert!(tried.may_not_write(bucket, &key).await, "{bucket}");
    }
    assert!(tried.may_not_know_the_key().await);
    assert!(tried.may_not_send("COMMITS_QUEUE_URL").await);
    assert!(tried.may_not_receive("SEGMENT_QUEUE_URL").await);
    assert!(tried.may_not_read_runs().await);
    assert!(tried.may_not_forget_inputs().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn lineage_only_adds_events_and_sees_no_data() {
    let tried = Tried::with_role_of("LINEAGE_FUNCTION_NAME").await;
    let key = unique();
    let events = format!("openlineage/2026-11-23/{key}.ndjson");
    assert!(!tried.may_not_write("REPORTS_BUCKET", &events).await, "it does what it is for");
    assert!(tried.may_not_read("REPORTS_BUCKET", &events).await);
    assert!(tried.may_not_delete("REPORTS_BUCKET", &events).await);
    assert!(tried.may_not_write("REPORTS_BUCKET", &format!("campaign-performance/{key}")).await);
    for (bucket, key) in [
        ("LANDING_BUCKET", format!("segment/{key}")),
        ("LAKE_BUCKET", format!("segment/tracks/data/{key}")),
        ("QUARANTINE_BUCKET", format!("rows/{key}")),
    ] {
        assert!(tried.may_not_read(bucket, &key).await, "{bucket}");
        assert!(tried.may_not_write(bucket, &key).await, "{bucket}");
    }
    assert!(tried.may_not_know_the_key().await);
    assert!(tried.may_not_send("LINEAGE_QUEUE_URL").await);
    assert!(tried.may_not_receive("LINEAGE_DEAD_LETTER_QUEUE_URL").await);
    assert!(tried.may_not_receive("ATTRIBUTE_QUEUE_URL").await);
    assert!(tried.may_not_publish().await);
    assert!(tried.may_not_read_runs().await);
    assert!(tried.may_not_forget_inputs().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn segment_collect_only_puts_on_the_inbox() {
    let tried = Tried::with_role_of("SEGMENT_COLLECT_FUNCTION_NAME").await;
    let key = unique();
    let secret = tried.secrets.get_secret_value().secret_id(output("SEGMENT_SECRET_ARN"));
    assert!(!is_denied(&secret.send().await), "it knows who may call");
    let change = tried.secrets.put_secret_value().secret_id(output("SEGMENT_SECRET_ARN"));
    assert!(is_denied(&change.secret_string("{}").send().await));
    assert!(tried.may_not_know_the_key().await);
    assert!(tried.may_not_receive("INBOX_QUEUE_URL").await);
    assert!(tried.may_not_send("SEGMENT_QUEUE_URL").await);
    assert!(tried.may_not_send("INBOX_DEAD_LETTER_QUEUE_URL").await);
    for bucket in ["LANDING_BUCKET", "LAKE_BUCKET", "QUARANTINE_BUCKET"] {
        assert!(tried.may_not_read(bucket, &key).await, "{bucket}");
        assert!(
            tried.may_not_write(bucket, &format!("segment/segment-logs/{key}")).await,
            "{bucket}"
        );
    }
    assert!(tried.may_not_read_runs().await);
    assert!(tried.may_not_publish().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn land_only_adds_to_landing_where_requests_belong() {
    let tried = Tried::with_role_of("LAND_FUNCTION_NAME").await;
    let key = unique();
    let dummy = "segment/segment-logs/dummy-object.txt"; // which segment-transform passes by
    assert!(!tried.may_not_write("LANDING_BUCKET", dummy).await, "it writes what it is for");
    assert!(tried.may_not_receive("INBOX_DEAD_LETTER_QUEUE_URL").await);
    for folder in ["segment", "google-ads", "databases", "samples"] {
        assert!(
            tried.may_not_write("LANDING_BUCKET", &format!("{folder}/{key}")).await,
            "{folder}"
        );
    }
    for folder in ["segment/segment-logs", "databases/changes"] {
        assert!(tried.may_not_read("LANDING_BUCKET", &format!("{folder}/{key}")).await, "{folder}");
        assert!(
            tried.may_not_delete("LANDING_BUCKET", &format!("{folder}/{key}")).await,
            "{folder}"
        );
    }
    assert!(tried.may_not_write("LAKE_BUCKET", &format!("segment/tracks/data/{key}")).await);
    assert!(tried.may_not_send("INBOX_QUEUE_URL").await);
    assert!(tried.may_not_know_the_key().await);
    assert!(tried.may_not_read_runs().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_reads_what_is_kept_aside_and_only_adds_to_the_lake() {
    let tried = Tried::with_role_of("REPLAY_FUNCTION_NAME").await;
    let key = unique();
    assert!(!tried.may_not_read("QUARANTINE_BUCKET", &format!("held/{key}")).await, "it may");
    assert!(!tried.may_not_write("LAKE_BUCKET", &format!("segment/tracks/data/{key}")).await);
    assert!(!tried.may_not_read("QUARANTINE_BUCKET", &format!("rows/{key}")).await, "it may");
    assert!(tried.may_not_read("QUARANTINE_BUCKET", &format!("files/{key}")).await);
    let (part, result) = (format!("replays/{key}/parts/1"), format!("replays/{key}/results/1"));
    assert!(!tried.may_not_write("QUARANTINE_BUCKET", &part).await, "it notes orders");
    assert!(tried.may_not_write("QUARANTINE_BUCKET", &result).await, "the transforms answer");
    assert!(tried.may_not_send("INBOX_QUEUE_URL").await);
    assert!(tried.may_not_write("QUARANTINE_BUCKET", &format!("held/{key}")).await);
    assert!(tried.may_not_delete("QUARANTINE_BUCKET", &format!("held/{key}")).await);
    assert!(tried.may_not_read("LANDING_BUCKET", &format!("segment/{key}")).await);
    assert!(tried.may_not_write("LAKE_BUCKET", &format!("segment/tracks/metadata/{key}")).await);
    assert!(tried.may_not_delete("LAKE_BUCKET", &format!("segment/tracks/data/{key}")).await);
    assert!(tried.may_not_know_the_key().await);
    assert!(tried.may_not_publish().await);
    assert!(tried.may_not_forget_inputs().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn observe_keeps_observations_and_sees_no_data() {
    let tried = Tried::with_role_of("OBSERVE_FUNCTION_NAME").await;
    let text = || AttributeValue::S(unique());
    for (table, key, sort) in
        [("OBSERVATIONS_TABLE", "subject", "part"), ("INCIDENTS_TABLE", "dataset", "incident")]
    {
        let get = tried.dynamodb.get_item().table_name(output(table));
        assert!(!is_denied(&get.key(key, text()).key(sort, text()).send().await), "{table}");
        let delete = tried.dynamodb.delete_item().table_name(output(table));
        assert!(is_denied(&delete.key(key, text()).key(sort, text()).send().await), "{table}");
    }
    for bucket in ["LANDING_BUCKET", "LAKE_BUCKET", "QUARANTINE_BUCKET"] {
        assert!(tried.may_not_read(bucket, &unique()).await, "{bucket}");
    }
    assert!(tried.may_not_know_the_key().await);
    assert!(tried.may_not_publish().await);
    assert!(tried.may_not_send("COMMITS_QUEUE_URL").await);
    assert!(tried.may_not_read_runs().await);
    assert!(tried.may_not_forget_inputs().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_counts_and_lists_and_takes_nothing() {
    let tried = Tried::with_role_of("WATCH_FUNCTION_NAME").await;
    let key = unique();
    let count = tried.sqs.get_queue_attributes().queue_url(output("SEGMENT_DEAD_LETTER_QUEUE_URL"));
    assert!(!is_denied(&count.send().await), "it counts messages");
    assert!(tried.may_not_receive("SEGMENT_DEAD_LETTER_QUEUE_URL").await);
    assert!(tried.may_not_send("INBOX_QUEUE_URL").await);
    let list = tried.s3.list_objects_v2().bucket(output("LANDING_BUCKET")).prefix(&key);
    assert!(!is_denied(&list.send().await), "it lists what has landed");
    for bucket in ["LANDING_BUCKET", "QUARANTINE_BUCKET", "LAKE_BUCKET"] {
        assert!(tried.may_not_read(bucket, &format!("segment/{key}")).await, "{bucket}");
        assert!(tried.may_not_write(bucket, &format!("segment/{key}")).await, "{bucket}");
        assert!(tried.may_not_delete(bucket, &format!("segment/{key}")).await, "{bucket}");
    }
    assert!(tried.may_not_know_the_key().await);
    assert!(tried.may_not_publish().await);
    assert!(tried.may_not_read_runs().await);
    assert!(tried.may_not_forget_inputs().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn alert_tells_of_incidents_and_changes_none() {
    let tried = Tried::with_role_of("ALERT_FUNCTION_NAME").await;
    let text = || AttributeValue::S(unique());
    let get = tried.dynamodb.get_item().table_name(output("NOTIFICATIONS_TABLE"));
    assert!(!is_denied(&get.key("notification_id", text()).send().await), "it knows what it told");
    let publish = tried.sns.publish().topic_arn(output("ALERTS_TOPIC_ARN")).message("");
    assert!(!is_denied(&publish.send().await), "it does what it is for");
    let put = tried.dynamodb.put_item().table_name(output("INCIDENTS_TABLE"));
    assert!(is_denied(&put.item("dataset", text()).item("incident", text()).send().await));
    let forget = tried.dynamodb.delete_item().table_name(output("NOTIFICATIONS_TABLE"));
    assert!(is_denied(&forget.key("notification_id", text()).send().await));
    let webhook = tried.secrets.get_secret_value().secret_id(output("SLACK_SECRET_ARN"));
    assert!(is_denied(&webhook.send().await));
    assert!(tried.may_not_send("SLACK_QUEUE_URL").await, "the topic does");
    assert!(tried.may_not_publish().await, "the datasets topic is announce's");
    assert!(tried.may_not_know_the_key().await);
    assert!(tried.may_not_read_runs().await);
    assert!(tried.may_not_forget_inputs().await);
    assert!(tried.may_not_read("LAKE_BUCKET", &unique()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn alert_slack_knows_its_queue_and_its_webhook_alone() {
    let tried = Tried::with_role_of("ALERT_SLACK_FUNCTION_NAME").await;
    let webhook = tried.secrets.get_secret_value().secret_id(output("SLACK_SECRET_ARN"));
    assert!(!is_denied(&webhook.send().await), "it knows where to post");
    let change = tried.secrets.put_secret_value().secret_id(output("SLACK_SECRET_ARN"));
    assert!(is_denied(&change.secret_string("{}").send().await));
    assert!(tried.may_not_send("SLACK_QUEUE_URL").await);
    assert!(tried.may_not_receive("SLACK_DEAD_LETTER_QUEUE_URL").await);
    let publish = tried.sns.publish().topic_arn(output("ALERTS_TOPIC_ARN")).message("");
    assert!(is_denied(&publish.send().await));
    let text = || AttributeValue::S(unique());
    let get = tried.dynamodb.get_item().table_name(output("INCIDENTS_TABLE"));
    assert!(is_denied(&get.key("dataset", text()).key("incident", text()).send().await));
    assert!(tried.may_not_know_the_key().await);
    assert!(tried.may_not_read_runs().await);
    assert!(tried.may_not_read("LAKE_BUCKET", &unique()).await);
}
