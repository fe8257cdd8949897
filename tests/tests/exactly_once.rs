//! At-least-once delivery in, exactly-once tables out.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use end_to_end::lake::{pyiceberg_rewrite, pyiceberg_rows, rust_row_count};
use end_to_end::river::{Bed, River, notification};
use end_to_end::stack::{Dropped, Stack, gzip, output, sha256, unique, wait_for};
use shared::aws::{KnownInputs, Listed};
use shared::run::InputIdentity;
use shared::transform::Transformed;

/// A file of `rows` pages.
fn pages(project: &str, rows: usize) -> Vec<u8> {
    let mut lines = Vec::with_capacity(rows);
    for row in 0..rows {
        lines.push(format!(
            r#"{{"type":"page","messageId":"{project}-{row}","anonymousId":"visitor","receivedAt":"2026-03-01T10:00:00Z","projectId":"{project}"}}"#
        ));
    }
    gzip(lines.join("\n").as_bytes())
}

async fn river(stack: &Stack) -> (Bed, River) {
    let bed = Bed::dig(stack).await;
    let river = River::over(stack, &output("AWS_ENDPOINT_URL"), &bed).await;
    (bed, river)
}

/// A key that no notification tells of, so that the deployed functions leave it alone.
async fn drop_quietly(stack: &Stack, body: Vec<u8>) -> Dropped {
    stack.drop_object(&format!("quiet-tests/{}.gz", unique()), body).await
}

/// An upload in parts, and its entity tag.
async fn drop_in_parts(stack: &Stack, key: &str, body: Vec<u8>) -> (Dropped, String) {
    let bucket = output("LANDING_BUCKET");
    let begin = stack.s3.create_multipart_upload().bucket(&bucket).key(key).send().await.unwrap();
    let id = begin.upload_id.unwrap();
    let input = InputIdentity {
        bucket: bucket.clone(),
        key: key.to_owned(),
        version_id: None,
        checksum: sha256(&body),
        supersedes: None,
        replay: None,
    };
    let part = stack.s3.upload_part().bucket(&bucket).key(key).upload_id(&id).part_number(1);
    let part = part.body(ByteStream::from(body)).send().await.unwrap();
    let part = CompletedPart::builder().part_number(1).set_e_tag(part.e_tag).build();
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    let complete = stack.s3.complete_multipart_upload().bucket(&bucket).key(key).upload_id(&id);
    let complete = complete.multipart_upload(parts).send().await.unwrap();
    (Dropped { key: key.to_owned(), input }, complete.e_tag.unwrap())
}

fn table(bed: &Bed) -> String {
    format!("{}segment.pages", bed.database_prefix)
}

/// On the deployed stack: S3's own notification, and the same one five times more.
#[tokio::test(flavor = "multi_thread")]
async fn a_notification_delivered_six_times_is_one_input() {
    let stack = Stack::connect().await;
    let project = unique();
    let dropped =
        stack.drop_object(&format!("segment/tests/{project}.gz"), pages(&project, 3)).await;
    let queue = output("SEGMENT_QUEUE_URL");
    for _ in 0..5 {
        stack
            .sqs
            .send_message()
            .queue_url(&queue)
            .message_body(notification(&dropped))
            .send()
            .await
            .unwrap();
    }
    stack.await_dataset(&dropped.input, "segment.pages").await;
    // The same bytes under the same key again, which S3 tells as well.
    stack.drop_object(&dropped.key, pages(&project, 3)).await;
    // A later file shows that whatever came before it in the table's group is done.
    let later = unique();
    let marker = stack.drop_object(&format!("segment/tests/{later}.gz"), pages(&later, 1)).await;
    stack.await_dataset(&marker.input, "segment.pages").await;
    wait_for("an empty queue", || async { (stack.queue_depth(&queue).await == 0).then_some(()) })
        .await;
    wait_for("an empty commits queue", || async {
        (stack.queue_depth(&output("COMMITS_QUEUE_URL")).await == 0).then_some(())
    })
    .await;
    assert_eq!(pyiceberg_rows("segment.pages", "project_id", &project).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_are_the_same_input_however_they_come() {
    let stack = Stack::connect().await;
    let (bed, river) = river(&stack).await;
    let body = pages("one", 3);
    let dropped = drop_quietly(&stack, body.clone()).await;
    assert!(matches!(river.deliver(&dropped).await.unwrap()[..], [Transformed::Done { .. }]));
    assert_eq!(river.deliver(&dropped).await.unwrap(), [Transformed::Duplicate]);
    // Again under the same key: another version, the same content.
    let again = stack.drop_object(&dropped.key, body.clone()).await;
    assert_eq!(river.deliver(&again).await.unwrap(), [Transformed::Duplicate]);
    // And in parts, which S3 tags otherwise. Who looks for objects that nobody read knows that tag from then on.
    let (in_parts, tag) = drop_in_parts(&stack, &dropped.key, body).await;
    let listed = Listed {
        key: dropped.key.clone(),
        last_modified: Some("2100-01-01T00:00:00Z".parse().unwrap()),
        entity_tag: Some(tag),
    };
    let known = KnownInputs::new(stack.dynamodb.clone(), output("INPUTS_TABLE"));
    assert!(!known.have_read(&dropped.input.uri(), &listed).await.unwrap());
    assert_eq!(river.deliver(&in_parts).await.unwrap(), [Transformed::Duplicate]);
    assert!(known.have_read(&dropped.input.uri(), &listed).await.unwrap());
    assert_eq!(river.commit_all().await.unwrap(), 1);
    assert_eq!(rust_row_count(&table(&bed)).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_under_the_same_key_are_a_new_input() {
    let stack = Stack::connect().await;
    let (bed, river) = river(&stack).await;
    let first = drop_quietly(&stack, pages("first", 3)).await;
    river.deliver(&first).await.unwrap();
    let second = stack.drop_object(&first.key, pages("second", 2)).await;
    river.deliver(&second).await.unwrap();
    river.commit_all().await.unwrap();
    let run = stack.run(&second.input, Some("segment.pages")).await.unwrap();
    assert_eq!(run.input.supersedes, Some(first.input.checksum));
    assert_eq!(rust_row_count(&table(&bed)).await, 2, "in the place of the first");
}

/// Two attempts at one input at the same moment: both write files and ask for a commit.
#[tokio::test(flavor = "multi_thread")]
async fn an_input_in_two_batches_at_once_is_committed_once() {
    let stack = Stack::connect().await;
    let (bed, river) = river(&stack).await;
    let dropped = drop_quietly(&stack, pages("one", 3)).await;
    let (one, other) = tokio::join!(river.deliver(&dropped), river.deliver(&dropped));
    assert!(one.is_ok() && other.is_ok());
    assert_eq!(river.commit_all().await.unwrap(), 1);
    assert_eq!(rust_row_count(&table(&bed)).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_request_delivered_twice_is_done_once() {
    let stack = Stack::connect().await;
    let (bed, river) = river(&stack).await;
    let dropped = drop_quietly(&stack, pages("one", 3)).await;
    river.deliver(&dropped).await.unwrap();
    let messages = river.receive().await;
    assert_eq!(messages.len(), 1);
    let twice = [messages.clone(), messages.clone()].concat();
    assert_eq!(river.commit(&twice).await.unwrap(), 1);
    assert_eq!(river.commit(&messages).await.unwrap(), 0);
    assert_eq!(rust_row_count(&table(&bed)).await, 3);
}

/// Two committers, two inputs of one table, the same moment: Glue lets one of them be first.
#[tokio::test(flavor = "multi_thread")]
async fn two_inputs_committed_at_the_same_moment_are_both_there() {
    let stack = Stack::connect().await;
    let (bed, river) = river(&stack).await;
    let other = River::over(&stack, &output("AWS_ENDPOINT_URL"), &bed).await;
    for round in 0..5 {
        let one = drop_quietly(&stack, pages(&format!("one{round}"), 3)).await;
        river.deliver(&one).await.unwrap();
        let first = river.receive().await;
        for message in &first {
            river.delete(message).await;
        }
        let two = drop_quietly(&stack, pages(&format!("two{round}"), 2)).await;
        river.deliver(&two).await.unwrap();
        let second = river.receive().await;
        for message in &second {
            river.delete(message).await;
        }
        // The same request in both hands as well, as after a visibility time-out.
        let both = [first.clone(), second.clone()].concat();
        let (mine, theirs) = tokio::join!(river.commit(&both), other.commit(&second));
        assert_eq!(mine.unwrap() + theirs.unwrap(), 2, "round {round}");
        assert_eq!(rust_row_count(&table(&bed)).await, 5 * (round + 1));
    }
}

/// Compaction by another engine changes every file, so nothing may depend on finding them.
#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_after_compaction_is_still_a_duplicate() {
    let stack = Stack::connect().await;
    let (bed, river) = river(&stack).await;
    let dropped = drop_quietly(&stack, pages("one", 3)).await;
    river.deliver(&dropped).await.unwrap();
    let messages = river.receive().await;
    river.commit(&messages).await.unwrap();
    pyiceberg_rewrite(&table(&bed));
    assert_eq!(river.deliver(&dropped).await.unwrap(), [Transformed::Duplicate]);
    assert_eq!(river.commit(&messages).await.unwrap(), 0);
    assert_eq!(rust_row_count(&table(&bed)).await, 3);
    // And the table takes new rows after it.
    let next = drop_quietly(&stack, pages("two", 2)).await;
    river.deliver(&next).await.unwrap();
    river.commit_all().await.unwrap();
    assert_eq!(pyiceberg_rows(&table(&bed), "project_id", "two").len(), 2);
    assert_eq!(rust_row_count(&table(&bed)).await, 5);
}

/// The ledger forgot a commit that the table holds: the snapshot's summary remembers it, also after
/// compaction.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_ledger_and_then_compaction() {
    use end_to_end::network::{Fault, Network};

    let stack = Stack::connect().await;
    let (bed, river) = river(&stack).await;
    let first = drop_quietly(&stack, pages("first", 3)).await;
    river.deliver(&first).await.unwrap();
    river.commit_all().await.unwrap();
    let second = drop_quietly(&stack, pages("second", 3)).await;
    river.deliver(&second).await.unwrap();
    let messages = river.receive().await;
    // The ledger's transaction is the last request of a commit.
    let fault = Fault::CutAt("TransactWriteItems");
    let network = Network::start(output("AWS_ENDPOINT_URL"), fault).await;
    let doomed = River::over(&stack, &network.endpoint, &bed).await;
    tokio::select! {
        done = doomed.commit(&messages) => panic!("the crash did not come: {done:?}"),
        () = network.stopped() => {}
    }
    assert_eq!(
        rust_row_count(&table(&bed)).await,
        6,
        "the append went through before the crash: {:?}",
        network.requests()
    );
    assert!(stack.run(&second.input, Some("segment.pages")).await.is_none());
    pyiceberg_rewrite(&table(&bed));
    assert_eq!(river.commit(&messages).await.unwrap(), 1);
    assert!(stack.run(&second.input, Some("segment.pages")).await.is_some());
    assert_eq!(rust_row_count(&table(&bed)).await, 6);
}
