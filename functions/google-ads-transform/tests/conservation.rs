//! Whatever a report holds: each of its rows becomes a row or is in quarantine, and no amount changes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use proptest::prelude::*;
use shared::govern::Pseudonymizer;
use shared::lake::Folder;
use shared::transform::{Ended, Origin, Stretch, StretchOutcome, StretchSettings, plan};

/// What becomes of a report; none where it is refused as a whole.
fn outcome(name: &str, body: &[u8]) -> Option<StretchOutcome> {
    let folder = tempfile::tempdir().unwrap();
    let source = google_ads_transform::source();
    let mut stretch = Stretch::new(StretchSettings {
        plan: Arc::new(plan(source.router.paths(), &source.contracts)),
        format: source.format,
        router: source.router,
        contracts: source.contracts,
        lake: Arc::new(Folder::new(folder.path().join("lake"))),
        quarantine: Arc::new(Folder::new(folder.path().join("quarantine"))),
        database_prefix: String::new(),
        input_token: "input".to_owned(),
        attempt: "attempt".to_owned(),
        quarantine_key: "rows.ndjson.gz".to_owned(),
        chosen: None,
        counts_statistics: true,
        origin: Origin {
            bucket: "landing".to_owned(),
            key: format!("google-ads/reports/123-456-7890/{name}"),
            version_id: None,
            arrived_at: std::time::UNIX_EPOCH.into(),
        },
    });
    match stretch.read(body, &mut Pseudonymizer::new(b"a key for tests that has 32 bytes")).unwrap()
    {
        Ended::Whole => Some(stretch.finish().unwrap()),
        Ended::Damaged(_) => None,
    }
}

fn check(outcome: &StretchOutcome) {
    assert!(outcome.records.is_conserved(), "{:?}", outcome.records);
    for dataset in &outcome.datasets {
        assert!(dataset.rows.is_conserved(), "{:?}", dataset.rows);
    }
}

/// A field as somebody might have written it.
fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("2026-03-01".to_owned()),
        Just("--".to_owned()),
        Just("\"1,234.50\"".to_owned()),
        Just("Total: Campaigns".to_owned()),
        Just("\"never closed".to_owned()),
        (0_u32..5_000).prop_map(|number| number.to_string()),
        "\\PC{0,8}",
    ]
}

fn cents(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_of_any_fields_are_conserved(rows in prop::collection::vec(prop::collection::vec(field(), 0..6), 0..12)) {
        let lines: Vec<String> = rows.iter().map(|fields| fields.join(",")).collect();
        let report = format!("Day,Campaign,Clicks,Cost\n{}", lines.join("\n"));
        if let Some(outcome) = outcome("any.csv", report.as_bytes()) {
            check(&outcome);
        }
    }

    #[test]
    fn a_total_passes_where_it_is_the_sum_and_not_where_a_row_is_gone(
        rows in prop::collection::vec((1_u64..1_000, 0_u64..10_000_000), 1..12), gone in any::<prop::sample::Index>(),
    ) {
        let clicks: u64 = rows.iter().map(|(clicks, _)| clicks).sum();
        let cost: u64 = rows.iter().map(|(_, cost)| cost).sum();
        let total = format!("Total: Campaigns,--,{clicks},{}", cents(cost));
        let lines = |rows: &[(u64, u64)]| {
            let mut lines = String::new();
            for (clicks, cost) in rows {
                lines.extend(["2026-03-01,Brand,", &clicks.to_string(), ",", &cents(*cost), "\n"]);
            }
            lines
        };
        let whole = outcome("whole.csv", format!("Day,Campaign,Clicks,Cost\n{}{total}\n", lines(&rows)).as_bytes());
        let whole = whole.expect("it agrees with its total");
        check(&whole);
        prop_assert_eq!((whole.records.routed, whole.records.ignored), (rows.len() as u64, 1));
        prop_assert_eq!(whole.datasets[0].rows.committed, rows.len() as u64);
        let mut fewer = rows.clone();
        fewer.remove(gone.index(rows.len()));
        let cut = format!("Day,Campaign,Clicks,Cost\n{}{total}\n", lines(&fewer));
        prop_assert!(outcome("cut.csv", cut.as_bytes()).is_none());
    }

    #[test]
    fn answers_of_any_rows_are_conserved(rows in prop::collection::vec(prop_oneof![
        Just(r#"{"segments":{"date":"2026-03-01"},"metrics":{"costMicros":"5"}}"#.to_owned()),
        Just(r#"{"segments":{"date":"2026-03-01"},"metrics":{"costMicros":"1.5"}}"#.to_owned()),
        Just(r#"{"clickView":{"gclid":"EXAMPLE"},"segments":{"date":"2026-03-01"}}"#.to_owned()),
        Just(r#"{"segments":{"date":1}}"#.to_owned()),
        Just("{}".to_owned()),
        Just(r#"{"a":tru}"#.to_owned()),
    ], 0..20)) {
        let answer = format!(r#"[{{"results":[{}],"fieldMask":"x"}}]"#, rows.join(","));
        let outcome = outcome("any.json", answer.as_bytes()).expect("its brackets are whole");
        check(&outcome);
        prop_assert_eq!(outcome.records.records, rows.len() as u64);
    }

    #[test]
    fn any_bytes_are_an_answer_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Some(outcome) = outcome("any", &bytes) {
            check(&outcome);
        }
    }
}
