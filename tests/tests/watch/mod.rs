//! What does not come is noticed by the clock: late data, dead letters, objects that nobody read. And what people ask and say of it.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use end_to_end::deployed::{invoke, invoke_twin};
use end_to_end::stack::{Dropped, Stack, output, unique, wait_for};
use serde_json::{Value, json};
use shared::lineage::input_dataset;
use shared::observation::{dataset, key};
use shared::state::{StateTable, Store};

/// What the deployed function answers.
fn ask(order: &Value) -> Value {
    invoke(&output("WATCH_FUNCTION_NAME"), order)
}

/// The incidents of a dataset, a queue or a folder, resolved ones too.
fn incidents_of(dataset: &str) -> Vec<Value> {
    let answer = ask(&json!({"incidents": {"state": "all", "dataset": dataset}}));
    answer["incidents"].as_array().unwrap().clone()
}

/// A dataset that no other test knows.
struct Late {
    store: StateTable,
    dataset: String,
}

impl Late {
    async fn new() -> Self {
        let stack = Stack::connect().await;
        let store = StateTable::new(stack.dynamodb.clone(), output("OBSERVATIONS_TABLE"));
        Self { store, dataset: format!("watch_tests.t{}", unique()) }
    }

    /// Inputs came every day for two weeks, the last one so long ago.
    async fn arrived(&self, ago: TimeDelta) {
        let last = Utc::now() - ago;
        let arrivals: Vec<DateTime<Utc>> = (0..14).map(|day| last - TimeDelta::days(day)).collect();
        let deadline = detect::cadence(&arrivals, last, &detect::Settings::default());
        assert!(deadline.is_some(), "two weeks teach a cadence");
        dataset::change(&self.store, &self.dataset, |state| {
            state.first_arrival = arrivals.last().copied();
            state.last_arrival = Some(last);
            state.deadline = deadline;
            true
        })
        .await
        .unwrap();
    }

    fn watch(&self) -> Value {
        ask(&json!({"watch": {"datasets": [self.dataset]}}))
    }

    async fn forget(self) {
        self.store.delete_all(vec![key::dataset(&self.dataset)]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_is_late_with_nothing_running_and_people_answer_for_it() {
    let late = Late::new().await;
    late.arrived(TimeDelta::days(5)).await;
    let watched = late.watch();
    assert_eq!((&watched["datasets"], &watched["late"]), (&json!(1), &json!(1)));
    late.watch();
    let [incident] = incidents_of(&late.dataset).try_into().expect("one incident");
    assert_eq!((&incident["cause"], &incident["state"]), (&json!("late"), &json!("open")));
    let id = incident["id"].as_str().unwrap();
    // The index of ids may be a moment behind.
    let taken = wait_for("the incident by its id", || async {
        let said = ask(&json!({"acknowledge": {"id": id, "by": "the tests"}}));
        said.get("incident").cloned()
    })
    .await;
    assert_eq!(taken["acknowledged_by"], "the tests");
    let muted = ask(&json!({"mute": {"id": id, "hours": 8, "by": "the tests"}}));
    let until: DateTime<Utc> = muted["incident"]["muted_until"].as_str().unwrap().parse().unwrap();
    assert!(until > Utc::now() + TimeDelta::hours(7));
    let unmuted = ask(&json!({"unmute": {"id": id, "by": "the tests"}}));
    assert!(unmuted["incident"].get("muted_until").is_none(), "{unmuted}");
    // Data comes: it is resolved, and there is nothing to take on any more.
    late.arrived(TimeDelta::zero()).await;
    assert_eq!(late.watch()["late"], 0);
    let [incident] = incidents_of(&late.dataset).try_into().expect("one incident");
    assert_eq!(incident["state"], "resolved");
    let said = ask(&json!({"acknowledge": {"id": id, "by": "the tests"}}));
    assert!(said["refused"].as_str().unwrap().contains("resolved"), "{said}");
    late.forget().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_closes_what_nothing_else_ends() {
    let late = Late::new().await;
    late.arrived(TimeDelta::days(5)).await;
    assert_eq!(late.watch()["late"], 1);
    let [incident] = incidents_of(&late.dataset).try_into().expect("one incident");
    let order = json!({"close": {"id": incident["id"], "by": "the tests"}});
    // The index of ids may be a moment behind.
    let closed =
        wait_for("the incident by its id", || async { ask(&order).get("incident").cloned() });
    let closed = closed.await;
    assert_eq!(
        (&closed["state"], &closed["resolution"]),
        (&json!("resolved"), &json!("closed by the tests"))
    );
    assert_eq!(incidents_of(&late.dataset)[0]["state"], "resolved");
    assert!(ask(&order)["refused"].as_str().unwrap().contains("resolved"));
    late.forget().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_clock_sees_what_will_be_late() {
    let late = Late::new().await;
    late.arrived(TimeDelta::hours(1)).await;
    assert_eq!(late.watch()["late"], 0);
    let in_five_days = Utc::now() + TimeDelta::days(5);
    let order = json!({"watch": {"datasets": [late.dataset], "as_of": in_five_days}});
    // Whoever else looks at the true clock in between takes it back.
    wait_for("the incident to be seen", || async {
        assert_eq!(ask(&order)["late"], 1);
        (incidents_of(&late.dataset)[0]["state"] == "open").then_some(())
    })
    .await;
    assert_eq!(late.watch()["late"], 0, "the true clock takes that back");
    assert_eq!(incidents_of(&late.dataset)[0]["state"], "resolved");
    late.forget().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_an_incident_until_it_is_gone() {
    let stack = Stack::connect().await;
    let inbox = output("INBOX_QUEUE_URL");
    let prefix = inbox.rsplit('/').next().unwrap().trim_end_matches("-inbox");
    let name = format!("{prefix}-watch-tests-{}", unique());
    let made = stack.sqs.create_queue().queue_name(&name).send().await.unwrap();
    let url = made.queue_url.unwrap();
    // The role of watch, and its code; a queue of the test's own, so that nobody else's letters are in it.
    let tick = || {
        let variables = [
            ("QUEUES", String::new()),
            ("DEAD_LETTER_QUEUES", url.clone()),
            ("FAILURE_QUEUES", String::new()),
        ];
        invoke_twin(&output("WATCH_FUNCTION_NAME"), r#"{"watch": {}}"#, &variables)
    };
    assert_eq!(tick()["dead_letters"], 0);
    assert!(incidents_of(&name).is_empty());
    stack.sqs.send_message().queue_url(&url).message_body("x").send().await.unwrap();
    wait_for("the letter to be counted", || async { (tick()["dead_letters"] == 1).then_some(()) })
        .await;
    let [incident] = incidents_of(&name).try_into().expect("one incident");
    assert_eq!(
        (&incident["cause"], &incident["severity"], &incident["state"]),
        (&json!("dead_letters"), &json!("high"), &json!("open"))
    );
    assert!(incident["evidence"]["details"].to_string().contains("start-message-move-task"));
    stack.sqs.purge_queue().queue_url(&url).send().await.unwrap();
    wait_for("the incident to be resolved", || async {
        tick();
        (incidents_of(&name)[0]["state"] == "resolved").then_some(())
    })
    .await;
    stack.sqs.delete_queue().queue_url(&url).send().await.unwrap();
}

/// Has the ledger forget what was dropped, as if its notification had never come.
async fn forget_input(stack: &Stack, dropped: &Dropped) {
    let query = stack
        .dynamodb
        .query()
        .table_name(output("INPUTS_TABLE"))
        .consistent_read(true)
        .key_condition_expression("#input = :input")
        .expression_attribute_names("#input", "input")
        .expression_attribute_values(":input", AttributeValue::S(dropped.input.uri()));
    let mut items = query.send().await.unwrap().items.unwrap_or_default();
    // Other bytes that were read under its key stay known.
    items.retain(|item| item["part"].as_s().unwrap().contains(&dropped.input.checksum));
    assert!(!items.is_empty(), "it was read");
    for mut item in items {
        let delete = stack.dynamodb.delete_item().table_name(output("INPUTS_TABLE"));
        let delete = delete.key("input", item.remove("input").unwrap());
        delete.key("part", item.remove("part").unwrap()).send().await.unwrap();
    }
}

/// Drops a report with so many clicks, and waits until it was read.
async fn drop_report(stack: &Stack, prefix: &str, clicks: u32) -> Dropped {
    let report = format!("Day,Campaign,Clicks,Cost\n2026-03-01,Brand,{clicks},1.50\n");
    let dropped = stack.drop_object(&format!("{prefix}report.csv"), report.into()).await;
    // Which of the two is noted first is a matter of luck.
    for dataset in [Some("google_ads.campaign_daily"), None] {
        wait_for("the run of the report", || {
            stack.run_of("google-ads-transform", &dropped.input, dataset)
        })
        .await;
    }
    dropped
}

#[tokio::test(flavor = "multi_thread")]
async fn corrected_bytes_that_nobody_read_are_found() {
    let stack = Stack::connect().await;
    let prefix = format!("google-ads/reports/watch-tests-{}/", unique());
    drop_report(&stack, &prefix, 1).await;
    // S3 tells arrivals apart by the second.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let corrected = drop_report(&stack, &prefix, 2).await;
    let in_twenty_minutes = Utc::now() + TimeDelta::minutes(20);
    let sweep = || ask(&json!({"sweep": {"prefix": prefix, "as_of": in_twenty_minutes}}));
    assert_eq!(sweep()["unread"], 0);
    forget_input(&stack, &corrected).await;
    assert_eq!(sweep()["unread"], 1, "that others were read under its key says nothing of these");
    let delete = stack.s3.delete_object().bucket(&corrected.input.bucket).key(&corrected.key);
    delete.send().await.unwrap();
    assert_eq!(sweep()["unread"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_nobody_read_is_found() {
    let stack = Stack::connect().await;
    let prefix = format!("google-ads/reports/watch-tests-{}/", unique());
    let dropped = drop_report(&stack, &prefix, 1).await;
    let folder = input_dataset(&dropped.input.bucket, &dropped.key).to_string();
    let in_twenty_minutes = Utc::now() + TimeDelta::minutes(20);
    let sweep = || ask(&json!({"sweep": {"prefix": prefix, "as_of": in_twenty_minutes}}));
    let counts = |swept: &Value| (swept["objects"].clone(), swept["unread"].clone());
    assert_eq!(counts(&sweep()), (json!(1), json!(0)));
    forget_input(&stack, &dropped).await;
    assert_eq!(counts(&sweep()), (json!(1), json!(1)));
    let [incident] = incidents_of(&folder).try_into().expect("one incident");
    assert_eq!((&incident["cause"], &incident["state"]), (&json!("never_read"), &json!("open")));
    // What people call their files may be personal: it is named to who asks, and stands in no alert.
    assert_eq!(incident["objects"], json!([dropped.key]));
    assert!(!incident["evidence"].to_string().contains("report.csv"), "{incident}");
    let delete = stack.s3.delete_object().bucket(&dropped.input.bucket).key(&dropped.key);
    delete.send().await.unwrap();
    assert_eq!(counts(&sweep()), (json!(0), json!(0)));
    assert_eq!(incidents_of(&folder)[0]["state"], "resolved");
}

#[tokio::test(flavor = "multi_thread")]
async fn downtime_is_told_of_every_dataset_with_a_contract() {
    let answer = ask(&json!({"downtime": {}}));
    for contract in shared::contract::contracts() {
        let dataset = &answer["datasets"][contract.dataset()];
        assert_eq!(dataset["domain"], contract.domain.as_str(), "{answer}");
        let attainment = dataset["attainment"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&attainment), "{dataset}");
        assert!(answer["domains"][&contract.domain]["incidents"].is_u64());
    }
    assert_eq!(answer["days"].as_object().unwrap().len(), 30);
    let refused = ask(&json!({"mute": {"id": "nobody", "by": "the tests"}}));
    assert!(refused["refused"].is_string(), "{refused}");
}
