//! What is told of what, in which words.

use std::collections::HashMap;

use chrono::{DateTime, Duration, TimeZone, Utc};
use serde_json::{Value, json};
use shared::event::Alert;
use shared::incident::{
    CLOSED_BY, ChangeKind, Context, Evidence, Finding, Incident, IncidentKey, LastGoodRun, Monitor,
    Severity, machine,
};

use crate::change::Told;
use crate::message::{MessageError, body};
use crate::text::{Wording, duration, subject_line};
use crate::{AlertError, attributes, digest, untold};

fn at(minutes: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 7, 1, 3, 0, 0).unwrap() + Duration::minutes(minutes)
}

fn finding(dataset: &str, severity: Severity) -> Finding {
    Finding {
        key: IncidentKey::new(dataset, Monitor::Volume, "rows_low"),
        severity,
        since: at(-130),
        summary: format!("{dataset} got far fewer rows than on other days"),
        evidence: Evidence {
            expected: Some(1000.0),
            lower: Some(800.0),
            upper: Some(1200.5),
            actual: Some(12.0),
            unit: Some("rows".to_owned()),
            learnt_from: Some(43),
            bucket: Some("2026-07-01".to_owned()),
            run_id: Some("run-2".to_owned()),
            last_good_run: Some(LastGoodRun { run_id: "run-1".to_owned(), at: at(-1440) }),
            details: vec!["the file came whole".to_owned()],
        },
    }
}

fn incident(dataset: &str, severity: Severity) -> Incident {
    let context = Context {
        domain: "shop".to_owned(),
        owner: Some("shop-data@example.com".to_owned()),
        upstream: Vec::new(),
        downstream: (0..20).map(|number| format!("marts.m{number}")).collect(),
    };
    let mut incident = machine::open(None, &finding(dataset, severity), &context, at(0), at(0));
    machine::tell_if_due(&mut incident, at(0));
    incident
}

fn record(name: &str, old: Option<&Incident>, new: Option<&Incident>) -> Value {
    let json_of = |incident: Option<&Incident>| match incident {
        Some(incident) => {
            let item: serde_dynamo::Item = serde_dynamo::to_item(incident).unwrap();
            serde_json::to_value(item).unwrap()
        }
        None => json!({}),
    };
    json!({"awsRegion": "eu-central-1", "eventID": "1", "eventName": name, "eventSource": "aws:dynamodb",
        "eventVersion": "1.1", "eventSourceARN": "arn", "dynamodb": {
            "Keys": {}, "SequenceNumber": "7", "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES",
            "OldImage": json_of(old), "NewImage": json_of(new)}})
}

fn told(name: &str, old: Option<&Incident>, new: &Incident) -> Option<Told> {
    Told::of(serde_json::from_value(record(name, old, Some(new))).unwrap()).unwrap()
}

fn wording() -> Wording {
    Wording {
        link: "https://data.example.com/incidents/{incident_id}".to_owned(),
        watch_function: "tributary-watch".to_owned(),
    }
}

fn alert_of(old: Option<&Incident>, new: &Incident) -> Alert {
    let name = if old.is_some() { "MODIFY" } else { "INSERT" };
    wording().alert(told(name, old, new).unwrap(), at(5))
}

#[test]
fn what_grows_the_number_of_changes_is_told_and_nothing_else() {
    let opened = incident("shop.orders", Severity::High);
    assert_eq!(told("INSERT", None, &opened).unwrap().change.kind, ChangeKind::Opened);
    let same = machine::judge(
        &opened,
        &finding("shop.orders", Severity::High),
        &Context::default(),
        at(10),
    );
    let same = same.unwrap();
    assert_eq!(told("MODIFY", Some(&opened), &same), None);
    assert_eq!(told("REMOVE", Some(&opened), &same), None);
    let resolved = machine::clear(&same, at(20), at(20), "caught up", Duration::days(1)).unwrap();
    let news = told("MODIFY", Some(&same), &resolved).unwrap();
    assert_eq!((news.change.kind, news.missed), (ChangeKind::Resolved, 0));
    // Versions between were lost: the last one says so.
    let mut earlier = opened.clone();
    earlier.change = 0;
    earlier.last_change = None;
    let jumped = told("MODIFY", Some(&earlier), &resolved).unwrap();
    assert_eq!(jumped.missed, 1);
    assert!(wording().alert(jumped, at(21)).text.contains("1 earlier changes"));
    // Inserted and never told, as what is grouped is.
    assert_eq!(told("INSERT", None, &earlier), None);
}

#[test]
fn the_same_change_has_the_same_id_and_another_another() {
    let opened = incident("shop.orders", Severity::High);
    let resolved = machine::clear(&opened, at(20), at(20), "good", Duration::days(1)).unwrap();
    let first = alert_of(None, &opened);
    let again = wording().alert(told("INSERT", None, &opened).unwrap(), at(500));
    assert_eq!(first.notification_id, again.notification_id);
    assert_ne!(first.notification_id, alert_of(Some(&opened), &resolved).notification_id);
}

#[test]
fn a_person_finds_all_of_it_in_the_text() {
    let text = alert_of(None, &incident("shop.orders", Severity::High)).text;
    let id = IncidentKey::new("shop.orders", Monitor::Volume, "rows_low").id(1);
    for expected in [
        "HIGH: shop.orders got far fewer rows",
        "Bad since    2026-07-01T00:50:00Z (2 h 15 min)",
        "Expected     1000 rows, normal from 800 to 1200.5",
        "Actual       12 rows",
        "Learnt from  43 points",
        "Last good    2026-06-30T03:00:00Z, run run-1",
        "Owner        shop-data@example.com",
        "marts.m11 and 8 more",
        "the file came whole",
        &format!("https://data.example.com/incidents/{id}"),
        &format!("make incidents ACK={id}"),
        &format!(
            r#"--function-name tributary-watch --cli-binary-format raw-in-base64-out --payload '{{"acknowledge": {{"id": "{id}", "by": "your name"}}}}'"#
        ),
        &format!("make incidents MUTE={id} HOURS=8"),
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
}

#[test]
fn what_is_resolved_asks_for_nothing_and_goes_where_the_worst_went() {
    let opened = incident("shop.orders", Severity::High);
    let better = machine::judge(
        &opened,
        &finding("shop.orders", Severity::Low),
        &Context::default(),
        at(10),
    );
    let resolved =
        machine::clear(&better.unwrap(), at(20), at(20), "caught up", Duration::days(1)).unwrap();
    let alert = alert_of(Some(&opened), &resolved);
    assert_eq!((resolved.severity, alert.severity), (Severity::Low, Severity::High));
    assert!(alert.text.contains("Good again   2026-07-01T03:20:00Z caught up"), "{}", alert.text);
    assert!(!alert.text.contains("Mute it"));
    assert_eq!(alert.subject, "RESOLVED: shop.orders volume rows_low");
}

#[test]
fn what_a_person_has_ended_is_not_called_good() {
    let opened = incident("shop.orders", Severity::High);
    let resolution = format!("{CLOSED_BY}ada");
    let ended = machine::clear(&opened, at(20), at(20), &resolution, Duration::days(1)).unwrap();
    let alert = alert_of(Some(&opened), &ended);
    assert!(
        alert.text.contains("Ended        2026-07-01T03:20:00Z closed by ada"),
        "{}",
        alert.text
    );
    assert!(alert.subject.starts_with("RESOLVED: "));
}

#[test]
fn the_clock_looks_for_what_the_stream_had_time_to_tell() {
    let is_due = |incident: &Incident, minutes| untold::is_due(incident, at(minutes));
    let high = incident("shop.orders", Severity::High);
    assert!(!is_due(&high, 14) && is_due(&high, 15), "the stream comes first");
    let days = 14 * 24 * 60;
    assert!(is_due(&high, days - 1) && !is_due(&high, days), "it is remembered for longer");
    let low = incident("shop.orders", Severity::Low);
    assert!(!is_due(&low, 60), "the digest has it");
    // It became worse while it was muted, of which nothing is told.
    let muted = Incident { severity: Severity::High, muted_until: Some(at(500)), ..low };
    assert!(!is_due(&muted, 60));
    let never = Incident { told_severity: None, last_change: None, change: 0, ..high };
    assert!(!is_due(&never, 60), "what is grouped is told by its root");
}

#[test]
fn what_no_retry_helps_is_told_apart() {
    let publish = |is_retryable| {
        let (id, topic, reason) = ("id".to_owned(), "topic".to_owned(), "no".to_owned());
        AlertError::from(MessageError::Publish { id, topic, reason, is_retryable })
    };
    assert!(publish(true).is_retryable() && !publish(false).is_retryable());
    let mut broken = record("INSERT", None, None);
    broken["dynamodb"]["NewImage"] = json!({"occurrence": {"S": "first"}});
    let error = Told::of(serde_json::from_value(broken).unwrap()).unwrap_err();
    assert!(!AlertError::from(error).is_retryable());
}

#[test]
fn a_subject_is_a_line_that_a_mail_can_have() {
    assert_eq!(subject_line("HIGH: a\nb\u{7}ü"), "HIGH: a?b??");
    let long = subject_line(&"x".repeat(500));
    assert_eq!((long.len(), long.ends_with("...")), (100, true));
    assert_eq!(duration(Duration::seconds(59)), "59 s");
    assert_eq!(duration(Duration::minutes(60 * 49)), "2 d 1 h");
}

#[test]
fn subscribers_filter_by_what_it_is_about() {
    let alert = alert_of(None, &incident("shop.orders", Severity::High));
    let attributes: HashMap<_, _> = attributes::attributes(&alert).into_iter().collect();
    let expected = [
        ("severity", "high"),
        ("change", "opened"),
        ("state", "open"),
        ("monitor", "volume"),
        ("dataset", "shop.orders"),
        ("domain", "shop"),
        ("owner", "shop-data@example.com"),
    ];
    assert_eq!(attributes, expected.map(|(name, value)| (name, value.to_owned())).into());
}

#[test]
fn a_message_of_many_fits_into_what_sns_takes() {
    let mut root = incident("shop.orders", Severity::High);
    let member = incident(&"d".repeat(200), Severity::Medium);
    for number in 0..Incident::MOST_AFFECTED + 5 {
        let member = Incident { id: number.to_string(), ..member.clone() };
        shared::incident::cascade::list(&mut root, &member);
    }
    root.evidence.details = vec!["x".repeat(1000); 400];
    let text = body(&alert_of(None, &root)).unwrap();
    assert!(text.len() < 256 * 1024);
    let texts: Value = serde_json::from_str(&text).unwrap();
    let machine: Alert = serde_json::from_str(texts["default"].as_str().unwrap()).unwrap();
    assert_eq!(machine.incident.unwrap().affected_more as usize, Incident::MOST_AFFECTED + 5);
    assert!(texts["email"].as_str().unwrap().contains("and 193 more"));
}

#[test]
fn a_digest_names_what_was_not_told_and_what_is_open() {
    let low = incident("shop.low", Severity::Low);
    let old = Incident { opened_at: at(-2000), ..incident("shop.old", Severity::Low) };
    let high = incident("shop.high", Severity::High);
    let mut muted = incident("shop.muted", Severity::Medium);
    muted.muted_until = Some(at(5000));
    let mut grouped = incident("shop.grouped", Severity::Low);
    grouped.root = Some(high.as_root());
    let gone = incident("shop.gone", Severity::Low);
    let gone = machine::clear(&gone, at(30), at(30), "good", Duration::days(1)).unwrap();
    let known = machine::clear(&high, at(30), at(30), "good", Duration::days(1)).unwrap();

    let (from, to) = (at(-60), at(600));
    let open = [low, old, high, muted, grouped];
    let found = digest::digest(&open, &[gone, known], from, to).unwrap();
    let datasets = |lines: &[shared::event::Line]| -> Vec<String> {
        lines.iter().map(|line| line.dataset.clone()).collect()
    };
    assert_eq!(datasets(&found.opened), ["shop.low", "shop.gone"]);
    assert_eq!(datasets(&found.resolved), ["shop.gone"]);
    assert_eq!(datasets(&found.open), ["shop.high", "shop.low", "shop.old"]);
    assert_eq!(datasets(&found.muted), ["shop.muted"]);
    let alert = digest::alert("id".to_owned(), to.date_naive(), found);
    assert_eq!(
        alert.subject,
        "Data incidents of 2026-07-01: 2 low opened, 1 low resolved, 3 open, 1 muted"
    );
    assert!(alert.text.contains("shop.muted got far fewer"), "{}", alert.text);
    assert_eq!(digest::digest(&[], &[], from, to), None);
}
