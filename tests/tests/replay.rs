//! What was refused, and what has landed, read again: on trial, for good, and never twice.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use aws_sdk_sqs::types::QueueAttributeName;
use chrono::{TimeDelta, Utc};
use end_to_end::deployed::invoke;
use end_to_end::lake::{pyiceberg_rows, pyiceberg_table, root};
use end_to_end::river::{Bed, River};
use end_to_end::stack::{Dropped, Stack, gzip, output, unique, wait_for};
use replay::{
    DatasetStatus, LandedOrder, QuarantinedOrder, Reading, ReplaySettings, Replayer,
    SelectionAnswer, Shore, Status,
};
use serde_json::{Value, json};
use shared::aws::{Bucket, CommitsQueue, Ledger, ReplayQueue, s3_client};
use shared::contract::{Contract, compile};
use shared::govern::Scanned;
use shared::run::{InputIdentity, Outcome};
use shared::transform::{JsonLines, Router, Source, Transformed};

const PAGES: &str = "segment.pages";

/// A contract of pages whose names are at most so long.
fn pages(longest_name: usize) -> &'static Contract {
    let file = root().join("shared/contracts/segment/pages.odcs.yaml");
    let text = std::fs::read_to_string(file).unwrap();
    let name = text.find("- name: name\n").expect("pages have names");
    let (before, after) = text.split_at(name);
    let after = after.replacen(
        "customProperties:",
        &format!("logicalTypeOptions: {{maxLength: {longest_name}}}\n        customProperties:"),
        1,
    );
    let contract = compile(&format!("{before}{after}")).expect("the contract compiles");
    Box::leak(Box::new(contract))
}

/// Every record is a page.
struct OnePlace;

impl Router for OnePlace {
    fn route(&self, _: &Scanned<'_>, datasets: &mut Vec<usize>) {
        datasets.push(0);
    }

    fn paths(&self) -> &[&str] {
        &[]
    }
}

fn source(contract: &'static Contract) -> Source {
    Source {
        job: "segment-transform",
        contracts: vec![contract],
        format: Arc::new(JsonLines),
        router: Arc::new(OnePlace),
        holds_data: |key| Path::new(key).extension().is_some_and(|extension| extension == "gz"),
    }
}

/// A landed file that a contract refuses rows of, and what replays it.
struct Landed {
    stack: Stack,
    bed: Bed,
    dropped: Dropped,
    replayer: Replayer,
    queue_url: String,
    prefix: &'static str,
}

impl Landed {
    /// Of nine pages, those with longer names than four characters are refused: five.
    async fn new() -> Self {
        let stack = Stack::connect().await;
        let bed = Bed::dig(&stack).await;
        let prefix: &'static str =
            Box::leak(format!("replay-tests/{}/", unique()).into_boxed_str());
        let mut lines = String::new();
        for length in 1..10 {
            let name = "n".repeat(length);
            writeln!(
                lines,
                "{{\"type\":\"page\",\"messageId\":\"message-{length}\",\"anonymousId\":\"visitor\",\
                 \"receivedAt\":\"2026-03-01T10:00:00Z\",\"name\":\"{name}\"}}"
            )
            .unwrap();
        }
        let dropped = stack.drop_object(&format!("{prefix}a.gz"), gzip(lines.as_bytes())).await;
        let queue = stack.sqs.create_queue().queue_name(format!("replay-{}", unique()));
        let queue = queue.attributes(QueueAttributeName::VisibilityTimeout, "0").send().await;
        let queue_url = queue.unwrap().queue_url.unwrap();
        let s3 = s3_client(&stack.config);
        let replayer = Replayer::new(ReplaySettings {
            ledger: Ledger::new(
                stack.dynamodb.clone(),
                output("INPUTS_TABLE"),
                output("RUNS_TABLE"),
                90,
            ),
            quarantine: Bucket::new(s3.clone(), output("QUARANTINE_BUCKET")),
            lake: Bucket::new(s3.clone(), output("LAKE_BUCKET")),
            landing: Bucket::new(s3, output("LANDING_BUCKET")),
            commits: CommitsQueue::new(stack.sqs.clone(), bed.queue_url.clone()),
            shores: vec![Shore {
                prefix,
                queue: ReplayQueue::new(stack.sqs.clone(), queue_url.clone()),
            }],
        });
        let landed = Self { stack, bed, dropped, replayer, queue_url, prefix };
        let river = landed.river(4).await;
        river.deliver(&landed.dropped).await.unwrap();
        river.commit_all().await.unwrap();
        landed.assert_names(1..5);
        landed
    }

    async fn river(&self, longest_name: usize) -> River {
        let endpoint = output("AWS_ENDPOINT_URL");
        River::of_source(&self.stack, &endpoint, &self.bed, source(pages(longest_name))).await
    }

    async fn quarantined(&self, action: Reading) -> SelectionAnswer {
        let order = QuarantinedOrder {
            dataset: Some(PAGES.to_owned()),
            reason: Some("out_of_range".to_owned()),
            object: Some(self.dropped.input.uri()),
            action,
            ..QuarantinedOrder::default()
        };
        self.replayer.quarantined(&order, Utc::now() + TimeDelta::minutes(5)).await.unwrap()
    }

    /// Rows in quarantine, and how often they were tried before; none for nothing.
    async fn open(&self) -> Option<(u64, u64)> {
        let answer = self.quarantined(Reading::List).await;
        let [one] = &answer.objects[..] else { return None };
        let [rows] = &one.quarantined[..] else { panic!("{:?}", one.quarantined) };
        Some((rows.rows, rows.tries))
    }

    /// Hands what is ordered to a transform with a contract, twice, and what that asks for to the committer.
    async fn take(&self, longest_name: usize) -> Vec<Transformed> {
        let river = self.river(longest_name).await;
        let received = self.stack.sqs.receive_message().queue_url(&self.queue_url).send().await;
        let [message] = &received.unwrap().messages.unwrap()[..] else { panic!("one message") };
        let body = message.body.as_deref().unwrap();
        let mut outcomes = river.take(body).await.unwrap();
        outcomes.extend(river.take(body).await.unwrap());
        let delete = self.stack.sqs.delete_message().queue_url(&self.queue_url);
        delete.receipt_handle(message.receipt_handle.as_deref().unwrap()).send().await.unwrap();
        river.commit_all().await.unwrap();
        outcomes
    }

    async fn status(&self, replay: &str) -> Status {
        self.replayer.status(replay, Utc::now() + TimeDelta::minutes(5)).await.unwrap()
    }

    /// The pages with names of these lengths are in the table, each once.
    fn assert_names(&self, lengths: impl IntoIterator<Item = usize>) {
        let rows = pyiceberg_table(&format!("{}{PAGES}", self.bed.database_prefix));
        let found: BTreeSet<usize> =
            rows.iter().map(|row| row["name"].as_str().unwrap().len()).collect();
        let expected: BTreeSet<usize> = lengths.into_iter().collect();
        assert_eq!((found, rows.len()), (expected.clone(), expected.len()));
    }

    fn input(&self, replay: &str) -> InputIdentity {
        InputIdentity { replay: Some(replay.to_owned()), ..self.dropped.input.clone() }
    }
}

fn counts(status: &Status) -> (u64, u64, u64) {
    let DatasetStatus { quarantined_before, quarantined, committed, .. } = status.datasets[PAGES];
    (quarantined_before, quarantined, committed)
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_rows_are_tried_and_then_pass_once() {
    let landed = Landed::new().await;
    assert_eq!(landed.open().await, Some((5, 0)));

    // A trial with the mended contract tells how many would pass, as often as it is asked.
    let tried = landed.quarantined(Reading::Try).await;
    assert_eq!((tried.objects.len(), tried.unreadable.len()), (1, 0));
    let outcomes = landed.take(7).await;
    assert!(matches!(outcomes[..], [Transformed::Tried(_), Transformed::Tried(_)]), "{outcomes:?}");
    let status = landed.status(&tried.replay).await;
    assert_eq!((status.objects, status.done), (1, 1));
    assert_eq!(counts(&status), (5, 2, 7), "before, still refused, rows for the table");
    landed.assert_names(1..5);
    assert_eq!(landed.open().await, Some((5, 0)), "a trial leaves no trace");

    // For good. The same order delivered again changes nothing.
    let ordered = landed.quarantined(Reading::Run).await;
    assert_ne!(ordered.replay, tried.replay);
    let outcomes = landed.take(7).await;
    assert!(
        matches!(outcomes[..], [Transformed::Done { .. }, Transformed::Duplicate]),
        "{outcomes:?}"
    );
    landed.assert_names(1..8);
    assert_eq!(counts(&landed.status(&ordered.replay).await), (5, 2, 7));
    let first = landed.stack.run(&landed.dropped.input, Some(PAGES)).await.unwrap();
    let run = landed.stack.run(&landed.input(&ordered.replay), Some(PAGES)).await.unwrap();
    assert_eq!((run.outcome, run.superseded_runs), (Outcome::Committed, vec![first.run_id]));
    assert!(run.rows.unwrap().is_conserved());

    // What failed again keeps its history: it was tried once, and both verdicts are there.
    assert_eq!(landed.open().await, Some((2, 1)));
    let history = run.quarantine.unwrap();
    let first = first.quarantine.unwrap();
    assert!(history.starts_with(first.trim_end_matches(".ndjson.gz")), "{history} beside {first}");
    for uri in [&first, &history] {
        let (bucket, key) = uri.strip_prefix("s3://").unwrap().split_once('/').unwrap();
        assert!(landed.stack.object(bucket, key).await.is_some(), "{uri}");
    }

    // The rest passes with the next mend, and then there is nothing left.
    landed.quarantined(Reading::Run).await;
    landed.take(9).await;
    landed.assert_names(1..10);
    assert_eq!(landed.open().await, None);
    assert!(landed.quarantined(Reading::Run).await.objects.is_empty());
}

/// A contract that became stricter, and a range of landing that is run again under it.
#[tokio::test(flavor = "multi_thread")]
async fn a_range_of_landing_is_run_again_without_doubling() {
    let landed = Landed::new().await;
    let order = |action| LandedOrder {
        prefix: landed.prefix.to_owned(),
        datasets: Vec::new(),
        from: Some(Utc::now().date_naive() - TimeDelta::days(1)),
        to: None,
        action,
        replay: None,
        after: String::new(),
    };
    for (longest, expected) in [(6, 1..7), (2, 1..3), (6, 1..7)] {
        let answer = landed.replayer.landed(&order(Reading::Run)).await.unwrap();
        assert_eq!((answer.objects.len(), answer.next), (1, None));
        landed.take(longest).await;
        landed.assert_names(expected.clone());
        let status = landed.status(&answer.replay).await;
        assert_eq!(counts(&status), (0, 9 - longest as u64, longest as u64));
    }
    // Nothing landed so late.
    let late = LandedOrder {
        from: Some(Utc::now().date_naive() + TimeDelta::days(2)),
        ..order(Reading::Run)
    };
    assert!(landed.replayer.landed(&late).await.unwrap().objects.is_empty());
}

/// Other bytes have come since: what was refused of the first is not asked for any more, and an order that is
/// on its way for them comes too late.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_for_bytes_that_were_replaced_comes_too_late() {
    let landed = Landed::new().await;
    let ordered = landed.quarantined(Reading::Run).await;
    let line = r#"{"type":"page","messageId":"other","anonymousId":"visitor","receivedAt":"2026-03-01T10:00:00Z","name":"n"}"#;
    // S3 tells when an object came by the second.
    let first = landed.stack.run(&landed.dropped.input, Some(PAGES)).await.unwrap();
    wait_for("the next second", || async {
        (Utc::now() > first.arrived_at + TimeDelta::milliseconds(1_050)).then_some(())
    })
    .await;
    let later = landed.stack.drop_object(&landed.dropped.key, gzip(line.as_bytes())).await;
    let river = landed.river(4).await;
    river.deliver(&later).await.unwrap();
    river.commit_all().await.unwrap();
    landed.assert_names([1]);
    landed.take(9).await;
    landed.assert_names([1]);
    let run = landed.stack.run(&landed.input(&ordered.replay), Some(PAGES)).await.unwrap();
    assert_eq!((run.outcome, run.rows.unwrap().discarded), (Outcome::Empty, 9));
    assert_eq!(landed.open().await, None);
}

/// On the deployed stack: roles, queues, and the orders as an operator gives them.
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_reads_a_landed_file_again() {
    let stack = Stack::connect().await;
    let project = unique();
    let page = |id: usize, more: &str| {
        format!(
            r#"{{"type":"page","messageId":"{project}-{id}","anonymousId":"visitor","receivedAt":"2026-03-01T10:00:00Z","projectId":"{project}"{more}}}"#
        )
    };
    let text = [page(1, ""), page(2, ""), page(3, r#","sentAt":"yesterday""#)].join("\n");
    let key = format!("segment/replay-tests/{project}.gz");
    let dropped = stack.drop_object(&key, gzip(text.as_bytes())).await;
    let first = stack.await_dataset(&dropped.input, PAGES).await;
    assert_eq!(first.rows.unwrap().quarantined, 1);

    let uri = dropped.input.uri();
    let quarantined =
        |action: &str| json!({"quarantined": {"dataset": PAGES, "object": uri, "action": action}});
    let order = |order: Value| invoke(&output("REPLAY_FUNCTION_NAME"), &order);
    let listed = order(quarantined("list"));
    assert_eq!(listed["objects"][0]["quarantined"][0]["reason"], "wrong_type", "{listed}");
    assert!(listed["next"].is_null(), "{listed}");
    let tried = followed(&order(quarantined("try"))).await;
    assert_eq!(tried["datasets"][PAGES]["quarantined"], 1, "no contract was mended");
    assert_eq!(tried["datasets"][PAGES]["quarantined_before"], 1);

    let answer = order(json!({"landed": {"prefix": key, "action": "run"}}));
    followed(&answer).await;
    let replay = answer["replay"].as_str().unwrap();
    let again = InputIdentity { replay: Some(replay.to_owned()), ..dropped.input.clone() };
    let run = stack.await_dataset(&again, PAGES).await;
    assert_eq!((run.outcome, run.superseded_runs), (Outcome::Committed, vec![first.run_id]));
    assert_eq!(pyiceberg_rows(PAGES, "project_id", &project).len(), 2);
    assert_eq!(order(quarantined("list"))["objects"][0]["quarantined"][0]["tries"], 1);
}

/// How far an order has come, once every object was read.
async fn followed(answer: &Value) -> Value {
    assert_eq!(answer["objects"].as_array().unwrap().len(), 1, "{answer}");
    wait_for("the order", || async {
        let order = json!({"status": {"replay": answer["replay"]}});
        let status = invoke(&output("REPLAY_FUNCTION_NAME"), &order);
        (status["done"] == status["objects"]).then_some(status)
    })
    .await
}
