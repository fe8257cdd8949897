//! Whether rows make their table is for the contract to say.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sqs::types::Message;
use end_to_end::orders::{Orders, Partitioning, Version, orders};
use end_to_end::river::{Bed, River};
use end_to_end::stack::{Dropped, Stack, gzip, output, unique};
use shared::event::{CommitPointer, CommitRequest, MissingTable};
use shared::run::Outcome;

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_not_there_is_made_only_where_the_contract_lets_it() {
    let tables = Orders::new(Partitioning::Day).await;
    let file = tables.file(Version::First, orders(0..3, 0, 10)).await;
    let mut request = tables.request("request", Version::First, &[&file]);

    request.schema.missing_table = MissingTable::Discard;
    assert!(tables.lake.open(&[&request]).await.unwrap().is_none());
    request.schema.missing_table = MissingTable::Refuse;
    let refused = tables.lake.open(&[&request]).await.unwrap_err();
    assert!(!refused.is_retryable());
    let text = refused.to_string();
    assert!(text.contains(&tables.table()) && text.contains("dataset shop.orders"), "{text}");
    let there = tables.lake.open_existing(&tables.database, "orders").await.unwrap();
    assert!(there.is_none(), "neither has made it");

    let mut first = request.clone();
    first.schema.missing_table = MissingTable::Create;
    assert!(tables.lake.open(&[&first]).await.unwrap().is_some());
    // Once somebody has made it, what was refused goes through.
    for missing_table in [MissingTable::Refuse, MissingTable::Discard] {
        request.schema.missing_table = missing_table;
        assert!(tables.lake.open(&[&request]).await.unwrap().is_some());
    }
}

/// Changes a request as if its contract had said so.
async fn say(stack: &Stack, message: &Message, missing_table: MissingTable) {
    let pointer: CommitPointer = serde_json::from_str(message.body.as_deref().unwrap()).unwrap();
    let request = stack.object(&pointer.bucket, &pointer.key).await.unwrap();
    let mut request: CommitRequest = serde_json::from_slice(&request).unwrap();
    assert_eq!(
        request.schema.missing_table,
        MissingTable::Create,
        "as contracts have it that ship"
    );
    request.schema.missing_table = missing_table;
    let body = ByteStream::from(serde_json::to_vec(&request).unwrap());
    let put = stack.s3.put_object().bucket(pointer.bucket).key(pointer.key).body(body);
    put.send().await.unwrap();
}

/// A river, and a file of three pages that is to be committed.
async fn three_pages(missing_table: MissingTable) -> (Stack, River, Dropped) {
    let stack = Stack::connect().await;
    let bed = Bed::dig(&stack).await;
    let river = River::over(&stack, &output("AWS_ENDPOINT_URL"), &bed).await;
    let page = |number: usize| {
        format!(
            r#"{{"type":"page","messageId":"message-{number}","anonymousId":"visitor","receivedAt":"2026-03-01T10:00:00Z"}}"#
        )
    };
    let lines = [page(1), page(2), page(3)].join("\n");
    let key = format!("missing-table-tests/{}.gz", unique());
    let dropped = stack.drop_object(&key, gzip(lines.as_bytes())).await;
    river.deliver(&dropped).await.unwrap();
    let messages = river.receive().await;
    let [message] = &messages[..] else { panic!("one request: {messages:?}") };
    say(&stack, message, missing_table).await;
    (stack, river, dropped)
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_make_no_table_are_discarded_and_counted() {
    let (stack, river, dropped) = three_pages(MissingTable::Discard).await;
    assert_eq!(river.commit_all().await.unwrap(), 1);
    let run = stack.await_dataset(&dropped.input, "segment.pages").await;
    assert_eq!((run.outcome, run.snapshot_id), (Outcome::Empty, None));
    let rows = run.rows.unwrap();
    assert_eq!((rows.routed, rows.committed, rows.discarded), (3, 0, 3));
    assert!(rows.is_conserved() && run.data_files.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_commit_stays_to_be_done() {
    let (stack, river, dropped) = three_pages(MissingTable::Refuse).await;
    let refused = river.commit_all().await.unwrap_err().to_string();
    assert!(refused.contains("segment.pages") && refused.contains("evolution.tables"), "{refused}");
    assert!(stack.run(&dropped.input, Some("segment.pages")).await.is_none());
    assert_eq!(river.receive().await.len(), 1, "until the queue gives it up");
}
