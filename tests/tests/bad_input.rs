//! Bad input on the deployed stack: what cannot be read goes to quarantine, and nothing else is held up by it.

use std::collections::BTreeMap;
use std::io::Write as _;

use aws_sdk_sqs::types::Message;
use end_to_end::ledger::{check_dataset, check_input};
use end_to_end::quarantine::{input_copy, quarantined_records};
use end_to_end::river::notification;
use end_to_end::segment::{EventMix, SegmentGenerator};
use end_to_end::stack::{Dropped, Stack, gzip, output, unique, unique_seed, wait_for};
use flate2::Compression;
use flate2::write::GzEncoder;
use shared::govern::{QuarantineEntry, Reason};
use shared::run::{InputIdentity, Outcome};

/// Bytes of the line that is too long.
const LONG_LINE: u64 = 300_000_000;

fn good(events: u64) -> SegmentGenerator {
    SegmentGenerator::new(unique_seed()).events(events).mix(EventMix::tracks_only())
}

fn key(name: &str) -> String {
    format!("segment/bad-{}/{name}", unique())
}

/// Messages of a queue, which stay where they are.
async fn look_into(stack: &Stack, queue_url: &str) -> Vec<Message> {
    let looked = stack
        .sqs
        .receive_message()
        .queue_url(queue_url)
        .max_number_of_messages(10)
        .visibility_timeout(0)
        .send()
        .await
        .unwrap();
    looked.messages.unwrap_or_default()
}

/// Whether a dead-letter queue holds a message that speaks of a key. It looks without taking anything away.
async fn is_dead(stack: &Stack, queue_url: &str, text: &str) -> bool {
    look_into(stack, queue_url)
        .await
        .iter()
        .any(|message| message.body.as_deref().unwrap_or_default().contains(text))
}

/// Nothing of an input is left over to be tried again or given up on.
async fn assert_settled(stack: &Stack, dropped: &Dropped) {
    for queue in ["SEGMENT_DEAD_LETTER_QUEUE_URL", "COMMITS_DEAD_LETTER_QUEUE_URL"] {
        let folder = dropped.key.split('/').nth(1).unwrap();
        assert!(!is_dead(stack, &output(queue), folder).await, "{} is in {queue}", dropped.key);
    }
}

async fn assert_committed(stack: &Stack, dropped: &Dropped, rows: u64) {
    let run = stack.await_dataset(&dropped.input, "segment.tracks").await;
    assert_eq!(run.rows.unwrap().committed, rows, "{}", dropped.key);
}

fn assert_origin(entry: &QuarantineEntry, dropped: &Dropped) {
    assert_eq!(entry.origin.bucket, dropped.input.bucket);
    assert_eq!(entry.origin.key, dropped.input.key);
    assert_eq!(entry.origin.version_id, dropped.input.version_id);
}

/// Every kind of damage that the generator knows: no JSON, no object, no UTF-8, an unknown type, no identity, no message id,
/// wrong types, the year 9999.
#[tokio::test(flavor = "multi_thread")]
async fn refused_records_are_kept_with_reason_clause_origin_and_bytes() {
    let stack = Stack::connect().await;
    let generator = SegmentGenerator::new(unique_seed())
        .events(2_000)
        .every_damage_share(0.01)
        .duplicate_share(0.02)
        .blank_line_share(0.02);
    let (lines, expected) = generator.file();
    let dropped = stack.drop_object(&key(&generator.key()), gzip(&lines)).await;
    let run = stack.await_input(&dropped.input).await;
    check_input(&run, &expected);
    let lines: Vec<&[u8]> = lines.split(|byte| *byte == b'\n').collect();
    let mut found: BTreeMap<Option<String>, BTreeMap<String, u64>> = BTreeMap::new();
    for entry in quarantined_records(&stack, &run).await {
        assert_origin(&entry, &dropped);
        assert_eq!(
            entry.decode().unwrap(),
            lines[entry.origin.line as usize - 1],
            "line {}",
            entry.origin.line
        );
        let clause_names_contract =
            entry.dataset.as_ref().is_none_or(|dataset| entry.clause.starts_with(dataset));
        assert!(clause_names_contract && !entry.clause.is_empty(), "{}", entry.clause);
        *found
            .entry(entry.dataset.clone())
            .or_default()
            .entry(entry.reason.name().to_owned())
            .or_default() += 1;
    }
    assert_eq!(found.remove(&None), Some(run.quarantined_by_reason.clone()));
    for (table, run) in stack.await_datasets(&dropped.input, expected.datasets.len()).await {
        check_dataset(&run, &expected.datasets[table.as_str()]);
        let quarantined = found.remove(&Some(format!("segment.{table}"))).unwrap_or_default();
        assert_eq!(quarantined, run.quarantined_by_reason, "{table}");
    }
    assert!(found.is_empty(), "{found:?}");
    assert_settled(&stack, &dropped).await;
}

/// Files that cannot be read, among files that can, dropped at the same moment.
#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_file_is_kept_whole_and_fails_no_neighbour() {
    let stack = Stack::connect().await;
    let whole = gzip(&good(300).file().0);
    let gzip_cut = whole[..whole.len() * 2 / 3].to_vec();
    let zstd = zstd::encode_all(good(300).file().0.as_slice(), 3).unwrap();
    let zstd_cut = zstd[..zstd.len() / 2].to_vec();
    let folder = unique();
    let mut neighbours = Vec::new();
    let mut damaged = Vec::new();
    for (number, body) in [gzip_cut, zstd_cut].into_iter().enumerate() {
        neighbours.push(
            stack
                .drop_object(
                    &format!("segment/bad-{folder}/good-{number}.gz"),
                    gzip(&good(20).file().0),
                )
                .await,
        );
        damaged.push((
            stack.drop_object(&format!("segment/bad-{folder}/cut-{number}.gz"), body.clone()).await,
            body,
        ));
    }
    for neighbour in &neighbours {
        assert_committed(&stack, neighbour, 20).await;
    }
    for (dropped, body) in &damaged {
        let run = stack.await_input(&dropped.input).await;
        assert_eq!(run.outcome, Outcome::Quarantined);
        assert!(run.records.unwrap().is_conserved());
        assert_eq!(run.records.unwrap().routed, 0);
        assert_eq!(
            run.quarantined_by_reason.keys().map(String::as_str).collect::<Vec<_>>(),
            [Reason::InputDamaged.name()]
        );
        assert!(run.error.unwrap().contains("damaged"));
        assert!(
            input_copy(&stack, &stack.await_input(&dropped.input).await).await == *body,
            "the copy differs"
        );
        assert!(
            stack.run(&dropped.input, Some("segment.tracks")).await.is_none(),
            "nothing of it is committed"
        );
        assert_settled(&stack, dropped).await;
    }
}

/// One line of 300 MB between two good ones, in a file of 300 KB.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_300_mb_is_passed_by_and_its_neighbours_are_taken() {
    let stack = Stack::connect().await;
    let (before, after) = (good(3).file().0, good(2).file().0);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&before).unwrap();
    let piece = vec![b'x'; 1_000_000];
    for _ in 0..LONG_LINE / piece.len() as u64 {
        encoder.write_all(&piece).unwrap();
    }
    encoder.write_all(b"\n").unwrap();
    encoder.write_all(&after).unwrap();
    let body = encoder.finish().unwrap();
    let dropped = stack.drop_object(&key("long.gz"), body.clone()).await;
    assert_committed(&stack, &dropped, 5).await;
    let run = stack.await_input(&dropped.input).await;
    let records = run.records.unwrap();
    assert_eq!((records.records, records.routed, records.quarantined), (6, 5, 1));
    assert_eq!(run.quarantined_by_reason, BTreeMap::from([(Reason::TooLong.name().to_owned(), 1)]));
    assert!(input_copy(&stack, &run).await == body, "the copy of the whole input differs");
    // The record's own entry says where in that copy it stands.
    let folder = dropped.key.split('/').nth(1).unwrap().to_owned();
    let [entry] =
        <[QuarantineEntry; 1]>::try_from(quarantined_records(&stack, &run).await).unwrap();
    assert_origin(&entry, &dropped);
    assert_eq!(
        (entry.origin.line, entry.origin.offset, entry.origin.length),
        (4, Some(before.len() as u64), Some(LONG_LINE))
    );
    assert_eq!((entry.reason, entry.record), (Reason::TooLong, None));
    assert!(!is_dead(&stack, &output("SEGMENT_DEAD_LETTER_QUEUE_URL"), &folder).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_nothing_in_it_is_a_run_all_the_same() {
    let stack = Stack::connect().await;
    let bodies = [Vec::new(), gzip(b""), gzip(b"\n  \n\r\n"), b"\xef\xbb\xbf".to_vec()];
    for (number, body) in bodies.into_iter().enumerate() {
        let bytes = body.len() as u64;
        let dropped = stack.drop_object(&key(&format!("empty-{number}.gz")), body).await;
        let run = stack.await_input(&dropped.input).await;
        assert_eq!(run.outcome, Outcome::Empty, "{number}");
        let records = run.records.unwrap();
        assert_eq!(
            (records.records, records.routed, records.quarantined, records.bytes),
            (0, 0, 0, bytes),
            "{number}"
        );
        assert_eq!(run.quarantine, None);
        assert_settled(&stack, &dropped).await;
    }
}

/// What is gone does not come back: it is noted, and not tried until it is given up on.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_gone_is_noted_and_not_tried_again() {
    let stack = Stack::connect().await;
    let queue = output("SEGMENT_QUEUE_URL");
    let dropped = stack.drop_object(&key("deleted.gz"), gzip(&good(2).file().0)).await;
    assert_committed(&stack, &dropped, 2).await;
    stack
        .s3
        .delete_object()
        .bucket(&dropped.input.bucket)
        .key(&dropped.key)
        .set_version_id(dropped.input.version_id.clone())
        .send()
        .await
        .unwrap();
    let mut never = dropped.clone();
    never.key = key("never there.gz");
    never.input.key.clone_from(&never.key);
    never.input.version_id = None;
    for gone in [dropped, never] {
        stack
            .sqs
            .send_message()
            .queue_url(&queue)
            .message_body(notification(&gone))
            .send()
            .await
            .unwrap();
        // Of what was never read there is no checksum.
        let unread = InputIdentity { checksum: String::new(), ..gone.input.clone() };
        let run = stack.await_input(&unread).await;
        assert_eq!(run.outcome, Outcome::Failed);
        // It is told in alerts and in lineage, and a key may be personal.
        assert_eq!(run.error.as_deref(), Some("the object does not exist"));
        assert!(run.records.unwrap().is_conserved());
        assert_settled(&stack, &gone).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_with_spaces_signs_and_unicode_are_read_and_kept() {
    let stack = Stack::connect().await;
    let whole = gzip(&good(50).file().0);
    for name in [
        "two  spaces and + plus.gz",
        "100%25 % percent %2B.gz",
        "größe/日本語 🍷/ä&b=c;d@e,f.gz",
        "a:b'(c)!*?.gz",
    ] {
        let good_file = stack.drop_object(&key(name), gzip(&good(4).file().0)).await;
        let cut = whole[..whole.len() / 2].to_vec();
        let cut_file = stack.drop_object(&key(name), cut.clone()).await;
        assert_committed(&stack, &good_file, 4).await;
        let run = stack.await_input(&cut_file.input).await;
        assert_eq!(run.input.key, cut_file.key);
        assert_eq!(run.outcome, Outcome::Quarantined, "{name}");
        assert!(input_copy(&stack, &run).await == cut, "{name}: the copy differs");
    }
}

/// A message that cannot be understood is tried as often as the queue allows, and meanwhile nobody waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_no_event_ends_among_the_dead_letters() {
    let stack = Stack::connect().await;
    let (queue, dead_letters) =
        (output("SEGMENT_QUEUE_URL"), output("SEGMENT_DEAD_LETTER_QUEUE_URL"));
    let mark = unique();
    let garbage = format!("this is no event {mark}");
    stack.sqs.send_message().queue_url(&queue).message_body(&garbage).send().await.unwrap();
    let dropped = stack.drop_object(&key("beside garbage.gz"), gzip(&good(6).file().0)).await;
    assert_committed(&stack, &dropped, 6).await;
    wait_for("the garbage in the dead-letter queue", || async {
        take_away(&stack, &dead_letters, &garbage).await.then_some(())
    })
    .await;
}

/// Takes a message out of a queue; whether it was there.
async fn take_away(stack: &Stack, queue_url: &str, body: &str) -> bool {
    for message in look_into(stack, queue_url).await {
        if message.body.as_deref() == Some(body) {
            stack
                .sqs
                .delete_message()
                .queue_url(queue_url)
                .receipt_handle(message.receipt_handle.unwrap())
                .send()
                .await
                .unwrap();
            return true;
        }
    }
    false
}
