//! Each function may do what it does and nothing else: tried with the policies of its deployed role, and read in the template
//! as `CloudFormation` carries it out.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::fmt::Debug;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use end_to_end::deployed::{Assumed, template};
use end_to_end::stack::{Stack, output, unique};
use serde_json::Value;

/// Publishing one message or several: AWS has one action for both, its look-alikes two, and a policy may name only what AWS has.
const PUBLISH: &str = "sns:Publish*";

/// The clients of a role, with the calls that are tried.
struct Tried {
    s3: aws_sdk_s3::Client,
    sqs: aws_sdk_sqs::Client,
    sns: aws_sdk_sns::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    secrets: aws_sdk_secretsmanager::Client,
    _role: Assumed,
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
            _role: role,
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
    assert!(tried.may_not_read("LAKE_BUCKET", &format!("segment/tracks/data/{key}.parquet")).await);
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
async fn lake_commit_sees_no_landed_file_and_no_pseudonym_key() {
    let tried = Tried::with_role_of("LAKE_COMMIT_FUNCTION_NAME").await;
    let key = unique();
    assert!(
        !tried.may_not_read("LAKE_BUCKET", &format!("_requests/segment/tracks/{key}.json")).await,
        "it reads what it is for"
    );
    assert!(tried.may_not_read("LANDING_BUCKET", &format!("segment/{key}")).await);
    assert!(tried.may_not_read("QUARANTINE_BUCKET", &format!("rows/{key}")).await);
    // It reads and writes what it takes to leave repeats out, and removes nothing.
    let data_file = format!("segment/tracks/data/{key}.parquet");
    assert!(!tried.may_not_read("LAKE_BUCKET", &data_file).await);
    assert!(tried.may_not_write("LAKE_BUCKET", &key).await);
    for kept in [
        data_file,
        format!("_requests/segment/tracks/{key}.json"),
        format!("_keys/segment/tracks/{key}"),
        format!("segment/tracks/metadata/{key}.json"),
    ] {
        assert!(tried.may_not_delete("LAKE_BUCKET", &kept).await, "{kept}");
    }
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

/// The resources of a type, by name.
fn of_type<'a>(template: &'a Value, resource_type: &str) -> Vec<(&'a str, &'a Value)> {
    let resources = template["Resources"].as_object().unwrap();
    let of_type = resources.iter().filter(|(_, resource)| resource["Type"] == resource_type);
    let found: Vec<_> = of_type.map(|(name, resource)| (name.as_str(), resource)).collect();
    assert!(!found.is_empty(), "the stack has no {resource_type}");
    found
}

/// One value or a list of them, as IAM takes either.
fn each(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |list| list.iter().collect())
}

/// The statements of a policy, those of either branch of a condition included.
fn statements(document: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    for statement in each(&document["Statement"]) {
        match statement.get("Fn::If") {
            Some(branches) => found
                .extend(each(branches).into_iter().filter(|branch| branch.get("Effect").is_some())),
            None => found.push(statement),
        }
    }
    found
}

/// The logical name that `!Ref` or `!GetAtt` names; of a condition what it is by default, which stands first.
fn referred(value: &Value) -> &str {
    if let Some(branches) = value["Fn::If"].as_array() {
        return referred(&branches[1]);
    }
    let attribute = value["Fn::GetAtt"].as_array().and_then(|parts| parts[0].as_str());
    attribute.or(value["Ref"].as_str()).unwrap_or_else(|| panic!("{value} refers to nothing"))
}

#[test]
fn every_function_has_a_role_of_its_own_that_names_what_it_may() {
    let template = template();
    let mut roles = BTreeSet::new();
    for (name, function) in of_type(&template, "AWS::Lambda::Function") {
        let role = referred(&function["Properties"]["Role"]);
        assert!(roles.insert(role.to_owned()), "{name} shares {role}");
        assert_eq!(function["Properties"]["TracingConfig"]["Mode"], "Active", "{name}");
    }
    for (_, schedule) in of_type(&template, "AWS::Scheduler::Schedule") {
        roles.insert(referred(&schedule["Properties"]["Target"]["RoleArn"]).to_owned());
    }
    for (name, role) in of_type(&template, "AWS::IAM::Role") {
        let trusted = role["Properties"]["AssumeRolePolicyDocument"].to_string();
        let is_of_database = trusted.contains("rds.amazonaws.com");
        assert!(roles.remove(name) || is_of_database, "{name} is no function's");
        assert!(
            role["Properties"].get("ManagedPolicyArns").is_none(),
            "{name} has policies that are not read here"
        );
        for policy in each(&role["Properties"]["Policies"]) {
            for statement in statements(&policy["PolicyDocument"]) {
                let actions: Vec<&str> = each(&statement["Action"])
                    .into_iter()
                    .map(|action| action.as_str().unwrap())
                    .collect();
                assert!(
                    actions.iter().all(|action| !action.contains('*') || *action == PUBLISH),
                    "{name}: {actions:?}"
                );
                let anywhere =
                    each(&statement["Resource"]).into_iter().any(|resource| resource == "*");
                assert!(
                    !anywhere || actions.iter().all(|action| action.starts_with("xray:")),
                    "{name}: {actions:?} on everything"
                );
            }
        }
    }
    assert!(roles.is_empty(), "{roles:?}");
}

#[test]
fn buckets_are_private_encrypted_and_outlive_the_stack() {
    let template = template();
    let mut refuse_plain_text = BTreeSet::new();
    for (_, policy) in of_type(&template, "AWS::S3::BucketPolicy") {
        assert_eq!(policy["Condition"], "TlsRequired");
        for statement in statements(&policy["Properties"]["PolicyDocument"]) {
            let is_plain = statement["Condition"]["Bool"]["aws:SecureTransport"] == "false";
            if is_plain
                && statement["Effect"] == "Deny"
                && statement["Principal"] == "*"
                && statement["Action"] == "s3:*"
            {
                refuse_plain_text.insert(referred(&policy["Properties"]["Bucket"]));
            }
        }
    }
    assert_eq!(template["Parameters"]["RequireTls"]["Default"], "true");
    for (name, bucket) in of_type(&template, "AWS::S3::Bucket") {
        let properties = &bucket["Properties"];
        for right in
            ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"]
        {
            let set = &properties["PublicAccessBlockConfiguration"][right];
            assert!(*set == true || set == "true", "{name}: {right} is {set}");
        }
        assert!(properties.get("BucketEncryption").is_some(), "{name}");
        assert!(properties.get("LifecycleConfiguration").is_some(), "{name}");
        assert_ne!(bucket["DeletionPolicy"], "Delete", "{name}");
        assert!(bucket.get("DeletionPolicy").is_some(), "{name}");
        assert!(refuse_plain_text.contains(name), "{name} takes requests without tls");
    }
    for (name, table) in of_type(&template, "AWS::DynamoDB::Table") {
        // It is there to try the capture with, and holds nobody's data.
        if name == "ExampleOrdersTable" {
            continue;
        }
        assert!(table.get("DeletionPolicy").is_some_and(|policy| policy != "Delete"), "{name}");
        assert!(table["Properties"].get("PointInTimeRecoverySpecification").is_some(), "{name}");
        assert!(table["Properties"].get("SSESpecification").is_some(), "{name}");
    }
    for (name, group) in of_type(&template, "AWS::Logs::LogGroup") {
        assert!(group["Properties"].get("RetentionInDays").is_some(), "{name} keeps logs for ever");
    }
}

#[test]
fn what_fails_is_told_apart_and_ends_where_somebody_looks() {
    let template = template();
    for (name, mapping) in of_type(&template, "AWS::Lambda::EventSourceMapping") {
        let properties = &mapping["Properties"];
        let source = referred(&properties["EventSourceArn"]);
        if template["Resources"][source]["Type"] == "AWS::SQS::Queue" {
            assert_eq!(properties["FunctionResponseTypes"][0], "ReportBatchItemFailures", "{name}");
            let redrive = &template["Resources"][source]["Properties"]["RedrivePolicy"];
            assert_eq!(
                template["Resources"][referred(&redrive["deadLetterTargetArn"])]["Type"],
                "AWS::SQS::Queue",
                "{source}"
            );
        } else {
            let bisects = &properties["BisectBatchOnFunctionError"];
            assert!(*bisects == true || bisects == "true", "{name}");
            assert!(
                properties.get("MaximumRetryAttempts").is_some()
                    && properties.get("MaximumRecordAgeInSeconds").is_some(),
                "{name}"
            );
            let destination =
                referred(&properties["DestinationConfig"]["OnFailure"]["Destination"]);
            // Runs are kept in their table, so a queue that says which is enough; of captured changes the
            // stream is the only copy, so what failed must be kept itself.
            let kept_in = &template["Resources"][destination]["Type"];
            if source == "RunsTable" {
                assert_eq!(kept_in, "AWS::SQS::Queue", "{name}");
                assert!(properties["FilterCriteria"].to_string().contains("INSERT"), "{name}");
            } else {
                assert_eq!(kept_in, "AWS::S3::Bucket", "{name}");
            }
        }
    }
    let watched: String = of_type(&template, "AWS::CloudWatch::Alarm")
        .iter()
        .map(|(_, alarm)| alarm["Properties"]["Dimensions"].to_string())
        .collect();
    for (name, queue) in of_type(&template, "AWS::SQS::Queue") {
        assert!(queue["Properties"].get("SqsManagedSseEnabled").is_some(), "{name}");
        assert!(watched.contains(&format!("\"{name}\"")), "no alarm watches {name}");
    }
}

/// With a key of one's own a role needs it for whatever is encrypted with it, by way of that service. The local AWS does not check it.
#[test]
fn every_role_may_use_the_key_of_what_it_reads_and_writes() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    for (name, role) in of_type(&template, "AWS::IAM::Role") {
        for policy in each(&role["Properties"]["Policies"]) {
            let statements = statements(&policy["PolicyDocument"]);
            let granted: String = statements
                .iter()
                .filter(|statement| statement["Sid"] == "UseEncryptionKey")
                .map(ToString::to_string)
                .collect();
            for statement in statements {
                let touched = statement["Resource"].to_string();
                for (resource, described) in resources {
                    let Some(service) = encrypted_by(described) else { continue };
                    let names = [
                        format!("\"{resource}\""),
                        format!("${{{resource}}}"),
                        format!("${{{resource}."),
                    ];
                    if names.iter().any(|name| touched.contains(name)) {
                        let by_way = format!("{service}.${{AWS::Region}}");
                        assert!(
                            granted.contains(&by_way),
                            "{name}: {resource} by way of {service}"
                        );
                    }
                }
            }
        }
    }
}

/// The service that encrypts a resource with the stack's key, where there is one.
fn encrypted_by(resource: &Value) -> Option<&'static str> {
    let service = match resource["Type"].as_str()? {
        "AWS::S3::Bucket" => "s3",
        "AWS::SQS::Queue" => "sqs",
        "AWS::SNS::Topic" => "sns",
        "AWS::DynamoDB::Table" => "dynamodb",
        "AWS::SecretsManager::Secret" => "secretsmanager",
        _ => return None,
    };
    resource["Properties"].to_string().contains("EncryptionKeyArn").then_some(service)
}
