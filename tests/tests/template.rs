//! The template as `CloudFormation` carries it out: roles, keys, buckets, and where failures end. What the local AWS does not check
//! is read here.

use std::collections::BTreeSet;

use end_to_end::deployed::template;
use serde_json::Value;

/// Publishing one message or several: AWS has one action for both, its look-alikes two, and a policy may name only what AWS has.
const PUBLISH: &str = "sns:Publish*";

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
            // Runs and incidents are kept in their tables, so a queue that says which is enough; of captured
            // changes the stream is the only copy, so what failed must be kept itself.
            let kept_in = &template["Resources"][destination]["Type"];
            if ["RunsTable", "IncidentsTable"].contains(&source) {
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

/// Nothing in the code of watch can say that it does not run, so there must be an alarm that missing data raises.
#[test]
fn a_watch_that_stopped_raises_an_alarm() {
    let template = template();
    let alarm = &template["Resources"]["WatchStoppedAlarm"]["Properties"];
    let text = |name: &str| alarm[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| {
        let value = &alarm[name];
        value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_default()
    };
    assert_eq!(
        (text("Namespace").as_str(), text("MetricName").as_str()),
        ("AWS/Lambda", "Invocations")
    );
    assert_eq!(alarm["Dimensions"][0]["Name"], "FunctionName");
    assert_eq!(referred(&alarm["Dimensions"][0]["Value"]), "WatchFunction");
    assert_eq!(
        (text("Statistic").as_str(), text("ComparisonOperator").as_str()),
        ("Sum", "LessThanThreshold")
    );
    assert_eq!(number("Threshold"), 1);
    assert_eq!(text("TreatMissingData"), "breaching");
    // Half an hour, of which the clock strikes every five minutes.
    assert_eq!((number("Period"), number("EvaluationPeriods")), (900, 2));
    assert_eq!(template["Parameters"]["WatchSchedule"]["Default"], "rate(5 minutes)");
    assert_eq!(referred(&alarm["AlarmActions"][0]), "AlarmsTopic");
}

/// attribute hears of the datasets that it reads, of no others, and may read their files.
#[test]
fn attribute_hears_of_what_it_reads() {
    let template = template();
    let policy = &template["Resources"]["AttributeSubscription"]["Properties"]["FilterPolicy"];
    let heard: BTreeSet<&str> =
        each(&policy["dataset"]).into_iter().filter_map(Value::as_str).collect();
    assert_eq!(heard, attribute::Dataset::ALL.map(attribute::Dataset::name).into());
    assert_eq!(each(&policy["outcome"]), ["committed"]);
    let role = template["Resources"]["AttributeRole"].to_string();
    for dataset in heard {
        let files = format!("{}/data/*", dataset.replace('.', "/"));
        assert!(role.contains(&files), "attribute may not read {files}");
    }
}

/// What people wrote is in landing as it came, and in quarantine. Who decodes it reads it, and who sends it through again; whoever
/// operates the stack does by roles that are not of the stack.
#[test]
fn landing_and_quarantine_are_read_by_what_decodes_them_and_by_replay() {
    let template = template();
    let transforms = ["DatabaseTransformRole", "GoogleAdsTransformRole", "SegmentTransformRole"];
    let mut of_landing = BTreeSet::new();
    for (name, role) in of_type(&template, "AWS::IAM::Role") {
        for policy in each(&role["Properties"]["Policies"]) {
            for statement in statements(&policy["PolicyDocument"]) {
                let reads = each(&statement["Action"])
                    .iter()
                    .any(|action| action.as_str().unwrap().starts_with("s3:GetObject"));
                for resource in each(&statement["Resource"]).into_iter().filter(|_| reads) {
                    let resource = resource.to_string();
                    assert!(
                        name == "ReplayRole" || !is_below(&resource, "quarantine"),
                        "{name} reads {resource}"
                    );
                    // The rows of attribution, which its own functions wrote there.
                    if is_below(&resource, "landing") && !resource.contains("/attribution/*") {
                        of_landing.insert(name);
                    }
                }
            }
        }
    }
    of_landing.remove("ReplayRole");
    assert_eq!(of_landing, transforms.into());
    for (name, policy) in of_type(&template, "AWS::S3::BucketPolicy") {
        let statements = statements(&policy["Properties"]["PolicyDocument"]);
        assert!(statements.iter().all(|statement| statement["Effect"] == "Deny"), "{name}");
    }
}

/// Whether a resource is of a bucket, by its logical name or by its own.
fn is_below(resource: &str, bucket: &str) -> bool {
    let (first, rest) = bucket.split_at(1);
    let logical_name = format!("{}{rest}Bucket", first.to_uppercase());
    resource.contains(&logical_name) || resource.contains(&format!("-{bucket}-"))
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
