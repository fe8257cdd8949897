//! Reports of Google Ads, dropped as the API answers and as people download them: the rows that come of
//! them, which of them hold, and what becomes of reports that cannot be trusted.

use std::collections::BTreeMap;

use end_to_end::lake::{Row, current_rows_where, pyiceberg_rows};
use end_to_end::quarantine::{input_copy, quarantined_records};
use end_to_end::stack::{Dropped, Stack, gzip, unique, unique_seed, wait_for};
use serde_json::{Value, json};
use shared::run::{Outcome, Run};

const CAMPAIGNS: &str = "google_ads.campaign_daily";
const CLICKS: &str = "google_ads.click_view";

/// A customer that no other test knows.
struct Customer {
    stack: Stack,
    id: String,
}

impl Customer {
    async fn new() -> Self {
        let id = format!("{:010}", unique_seed() % 10_000_000_000);
        Self { stack: Stack::connect().await, id }
    }

    /// Lands the answer of a pull, as the pull does.
    async fn land(&self, report: &str, dates: &str, pulled_at: &str, answer: &Value) -> Dropped {
        let key =
            format!("google-ads/search-stream/{report}/{}/{dates}/{pulled_at}.json.gz", self.id);
        self.stack.drop_object(&key, gzip(answer.to_string().as_bytes())).await
    }

    /// Drops a report, as people and schedulers do.
    async fn drop(&self, name: &str, body: impl Into<Vec<u8>>) -> Dropped {
        let key = format!("google-ads/reports/{}/{}/{name}", self.id, unique());
        self.stack.drop_object(&key, body.into()).await
    }

    async fn run(&self, dropped: &Dropped, dataset: Option<&str>) -> Run {
        let run = wait_for(&format!("the run of {} in {dataset:?}", dropped.key), || {
            self.stack.run_of("google-ads-transform", &dropped.input, dataset)
        })
        .await;
        if let Some(records) = run.records {
            assert!(records.is_conserved(), "{records:?}");
        }
        if let Some(rows) = run.rows {
            assert!(rows.is_conserved(), "{rows:?}");
        }
        run
    }

    /// Waits until so many rows of a report are in a table.
    async fn committed(&self, dropped: &Dropped, dataset: &str, rows: u64) -> Run {
        let run = self.run(dropped, Some(dataset)).await;
        assert_eq!(run.rows.unwrap().committed, rows, "{run:?}");
        self.run(dropped, None).await
    }

    fn rows(&self, table: &str) -> Vec<Row> {
        pyiceberg_rows(table, "customer_id", &self.id)
    }

    /// What holds, by each engine's query, which must agree.
    fn current(&self, table: &str, columns: &[&str]) -> Vec<Vec<String>> {
        let shown = |dialect| {
            let rows = current_rows_where(table, dialect, "customer_id", &self.id);
            let mut shown: Vec<Vec<String>> = rows.iter().map(|row| show(row, columns)).collect();
            shown.sort();
            shown
        };
        let duckdb = shown("duckdb");
        assert_eq!(duckdb, shown("athena"));
        duckdb
    }

    /// A report that must be in quarantine as a whole, with these words.
    async fn refused(&self, name: &str, body: impl Into<Vec<u8>>, words: &str) {
        let body = body.into();
        let dropped = self.drop(name, body.clone()).await;
        let run = self.run(&dropped, None).await;
        assert_eq!(run.outcome, Outcome::Quarantined, "{name}: {run:?}");
        assert!(run.error.as_deref().unwrap().contains(words), "{name}: {:?}", run.error);
        assert_eq!(input_copy(&self.stack, &run).await, body, "{name}");
    }
}

fn show(row: &Row, columns: &[&str]) -> Vec<String> {
    let shown = |column: &&str| match row.get(*column) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    columns.iter().map(shown).collect()
}

fn campaign_row(customer: &str, date: &str, campaign: &str, clicks: u32, micros: &str) -> Value {
    json!({
        "customer": {"resourceName": format!("customers/{customer}"), "id": customer, "currencyCode": "EUR", "timeZone": "Europe/Berlin"},
        "campaign": {"resourceName": "customers/1/campaigns/2", "id": campaign, "name": "Brand, \"new\" [x]", "status": "ENABLED", "advertisingChannelType": "SEARCH"},
        "metrics": {"impressions": "1000", "clicks": clicks.to_string(), "costMicros": micros, "conversions": 1.25, "conversionsValue": 99.99},
        "segments": {"date": date, "device": "MOBILE", "adNetworkType": "SEARCH"},
    })
}

fn answer(rows: &[Value]) -> Value {
    let pages: Vec<Value> = rows
        .chunks(2)
        .map(|rows| json!({"results": rows, "fieldMask": "customer.id,campaign.id", "requestId": "example"}))
        .collect();
    json!(pages)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_pull_of_a_day_supersedes_the_earlier_ones() {
    let customer = Customer::new().await;
    let row =
        |date, campaign, clicks, micros| campaign_row(&customer.id, date, campaign, clicks, micros);
    let window = "2026-03-01_2026-03-02";
    let first = answer(&[
        row("2026-03-01", "1", 10, "2500000000"),
        row("2026-03-01", "2", 5, "1"),
        row("2026-03-02", "1", 1, "-1500000"),
    ]);
    let first = customer.land("campaign_daily", window, "20260303T060000000Z", &first).await;
    let run = customer.committed(&first, CAMPAIGNS, 3).await;
    assert_eq!((run.outcome, run.records.unwrap().routed), (Outcome::Transformed, 3));

    let rows = customer.rows(CAMPAIGNS);
    let brand = rows.iter().find(|row| row["clicks"] == 10).unwrap();
    for (column, value) in [
        ("date", "2026-03-01"),
        ("cost", "2500.000000"),
        ("conversions", "1.250000"),
        ("conversions_value", "99.990000"),
        ("currency_code", "EUR"),
        ("campaign_name", "Brand, \"new\" [x]"),
        ("device", "MOBILE"),
        ("pulled_at", "2026-03-03 06:00:00"),
        ("source_format", "search_stream"),
        ("source_object", &first.key),
    ] {
        assert_eq!(brand[column], value, "{column}");
    }
    assert!(!brand.contains_key("extra"), "{:?}", brand.get("extra"));

    // Of the first day a campaign is gone; of the second nothing was asked for.
    let second = answer(&[row("2026-03-01", "1", 12, "2600000000")]);
    let second = customer
        .land("campaign_daily", "2026-03-01_2026-03-01", "20260304T060000000Z", &second)
        .await;
    customer.committed(&second, CAMPAIGNS, 1).await;
    // What was pulled before, and came late, changes nothing.
    let late = answer(&[row("2026-03-01", "1", 1, "7"), row("2026-03-02", "1", 1, "7")]);
    let late = customer.land("campaign_daily", window, "20260302T060000000Z", &late).await;
    customer.committed(&late, CAMPAIGNS, 2).await;

    let current = customer.current(CAMPAIGNS, &["date", "campaign_id", "clicks", "cost"]);
    assert_eq!(
        current,
        [["2026-03-01", "1", "12", "2600.000000"], ["2026-03-02", "1", "1", "-1.500000"]]
    );
    assert_eq!(customer.rows(CAMPAIGNS).len(), 6, "no pull takes another's place");
}

#[tokio::test(flavor = "multi_thread")]
async fn clicks_keep_their_ids_and_repeats_hold_once() {
    let customer = Customer::new().await;
    let click = |gclid: &str| {
        json!({"clickView": {"resourceName": "r", "gclid": gclid, "adGroupAd": "customers/1/adGroupAds/2~3", "keywordInfo": {"text": "shoes", "matchType": "EXACT"}, "pageNumber": 1},
            "campaign": {"id": "7", "name": "Brand"}, "adGroup": {"id": 8, "name": "Shoes"}, "customer": {"id": customer.id},
            "metrics": {"clicks": "1"}, "segments": {"date": "2026-03-01", "clickType": "URL_CLICKS"}})
    };
    let day = "2026-03-01_2026-03-01";
    let first = answer(&[click("EXAMPLE-a"), click("EXAMPLE-b"), click("EXAMPLE-a")]);
    let first = customer.land("click_view", day, "20260302T000000000Z", &first).await;
    customer.committed(&first, CLICKS, 2).await;
    let again = answer(&[click("EXAMPLE-a"), click("EXAMPLE-b"), click("EXAMPLE-c")]);
    let again = customer.land("click_view", day, "20260303T000000000Z", &again).await;
    customer.committed(&again, CLICKS, 3).await;
    let current =
        customer.current(CLICKS, &["gclid", "campaign_id", "ad_group_id", "keyword_text"]);
    assert_eq!(
        current,
        ["a", "b", "c"]
            .map(|name| [&format!("EXAMPLE-{name}"), "7", "8", "shoes"].map(str::to_owned))
    );

    // A page of `search` is told from its content, and its customer from the folder.
    let page = json!({"results": [{"clickView": {"gclid": "EXAMPLE-d"}, "segments": {"date": "2026-03-02"}}], "nextPageToken": "t", "fieldMask": "x"});
    let page = customer.drop("page.json", page.to_string()).await;
    customer.committed(&page, CLICKS, 1).await;
    let rows = customer.rows(CLICKS);
    let row = rows.iter().find(|row| row["gclid"] == "EXAMPLE-d").unwrap();
    assert_eq!(row["source_format"], "search");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_answer_is_a_run() {
    let customer = Customer::new().await;
    for answer in [json!([]), json!([{"results": [], "fieldMask": "x", "requestId": unique()}])] {
        let dropped =
            customer.land("campaign_daily", "2026-03-01_2026-03-01", &unique(), &answer).await;
        assert_eq!(customer.run(&dropped, None).await.outcome, Outcome::Empty);
    }
}

/// The same two rows and their total, as the pages of Google Ads write them in some language.
fn utf_16(text: &str) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xfe];
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn downloaded_reports_are_read_in_whatever_form_they_come() {
    let english = "Campaign report\n\"March 1, 2026 - March 2, 2026\"\n\
        Campaign status,Campaign,Campaign ID,Day,Currency code,Cost,Impr.,Clicks,CTR,Search impr. share\n\
        Enabled,\"Brand, new\",11,2026-03-01,EUR,\"1,012.40\",\"1,000\",10,1.00%,< 10%\n\
        Enabled,Shoes,12,2026-03-02,EUR,0.60, --,5,--,45.5%\n\
        Total: Campaigns, --,--,--,EUR,\"1,013.00\",\"1,000\",15,1.50%,--\n\
        Total: Account, --,--,--,EUR,\"9,013.00\",\"7,000\",99,1.50%,--\n";
    let german = "Kampagnenbericht\r\n\"1. März 2026 – 2. März 2026\"\r\n\
        Kampagnenstatus\tKampagne\tKampagnen-ID\tTag\tWährungscode\tKosten\tImpr.\tKlicks\tAnteil an mögl. Impr. im Suchnetzwerk\r\n\
        Aktiv\tBrand, new\t11\t01.03.2026\tEUR\t1.012,40 €\t1.000\t10\t< 10 %\r\n\
        Aktiv\tShoes\t12\t02.03.2026\tEUR\t0,60 €\t --\t5\t45,5 %\r\n\
        Gesamt: Kampagnen\t --\t --\t --\tEUR\t1.013,00 €\t1.000\t15\t --\r\n";
    let french = "État de la campagne;Campagne;ID de campagne;Jour;Code de devise;Coût;Impr.;Clics;Taux d'impr. Réseau de Recherche\n\
        Activée;\"Brand, new\";11;2026-03-01;EUR;1\u{202f}012,40;1\u{202f}000;10;< 10 %\n\
        Activée;Shoes;12;2026-03-02;EUR;0,60; --;5;45,5 %\n\
        Total : Campagnes;;;;EUR;1\u{202f}013,00;1\u{202f}000;15;\n";
    for (name, body, format, ignored) in [
        ("english.csv", english.as_bytes().to_vec(), "csv", 2),
        ("english.csv.gz", gzip(english.replace('€', "").as_bytes()), "csv", 2),
        ("german.csv", utf_16(german), "csv", 1),
        ("french.csv", french.as_bytes().to_vec(), "csv", 1),
    ] {
        let customer = Customer::new().await;
        let dropped = customer.drop(name, body).await;
        let run = customer.committed(&dropped, CAMPAIGNS, 2).await;
        let records = run.records.unwrap();
        assert_eq!(
            (records.records, records.routed, records.ignored),
            (2 + ignored, 2, ignored),
            "{name}"
        );
        let columns = [
            "date",
            "campaign_id",
            "campaign_name",
            "currency_code",
            "cost",
            "impressions",
            "clicks",
            "search_impression_share",
            "source_format",
        ];
        assert_eq!(
            customer.current(CAMPAIGNS, &columns),
            [
                [
                    "2026-03-01",
                    "11",
                    "Brand, new",
                    "EUR",
                    "1012.400000",
                    "1000",
                    "10",
                    "0.099900",
                    format
                ],
                ["2026-03-02", "12", "Shoes", "EUR", "0.600000", "", "5", "0.455000", format],
            ],
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_of_the_old_api_are_in_micros_and_their_total_is_not() {
    let customer = Customer::new().await;
    let report = "\"CAMPAIGN_PERFORMANCE_REPORT (Mar 1, 2026-Mar 2, 2026)\"\n\
        Day,Campaign ID,Campaign,Impressions,Clicks,Cost\n\
        2026-03-01,11,Brand,1000,10,1012400000\n\
        2026-03-02,11,Brand,0,0,600000\n\
        Total, --, --,1000,10,1013.00\n";
    let dropped = customer.drop("old.csv", report).await;
    let run = customer.committed(&dropped, CAMPAIGNS, 2).await;
    assert_eq!(run.records.unwrap().ignored, 1);
    let columns = ["date", "cost", "source_format"];
    assert_eq!(
        customer.current(CAMPAIGNS, &columns),
        [["2026-03-01", "1012.400000", "csv_micros"], ["2026-03-02", "0.600000", "csv_micros"]]
    );
    // An amount in units among micros is not taken for either.
    let mut mixed = vec!["2026-03-10,11,Brand,1000,10,0.60".to_owned()];
    mixed.extend((11..30).map(|day| format!("2026-03-{day},11,Brand,1000,10,600000")));
    let head: Vec<&str> = report.lines().take(2).collect();
    let mixed = format!("{}\n{}\n", head.join("\n"), mixed.join("\n"));
    let dropped = customer.drop("mixed.csv", mixed).await;
    customer.committed(&dropped, CAMPAIGNS, 19).await;
    let rejected = customer.run(&dropped, Some(CAMPAIGNS)).await;
    assert_eq!(rejected.quarantined_by_reason, BTreeMap::from([("wrong_type".to_owned(), 1)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_row_goes_to_quarantine_alone() {
    let customer = Customer::new().await;
    let report = "Day,Campaign,Clicks,Cost\n\
        2026-03-01,Brand,10,1.50\n\
        2026-03-01,Shoes,many,1.50\n\
        3/1/2026,Hats,10,1.50\n\
        ,Scarves,10,1.50\n";
    let good: Vec<String> =
        (1..40).map(|clicks| format!("2026-03-01,Gloves,{clicks},1.50\n")).collect();
    let good = good.concat();
    let dropped = customer.drop("rows.csv", format!("{report}{good}")).await;
    let run = customer.committed(&dropped, CAMPAIGNS, 40).await;
    let rejected = customer.run(&dropped, Some(CAMPAIGNS)).await;
    assert_eq!(
        rejected.quarantined_by_reason,
        BTreeMap::from([("required_value_missing".to_owned(), 1), ("wrong_type".to_owned(), 2)])
    );
    let entries = quarantined_records(&customer.stack, &run).await;
    let lines: Vec<u64> = entries.iter().map(|entry| entry.origin.line).collect();
    assert_eq!(lines, [3, 4, 5]);

    let mut rows = vec![campaign_row(&customer.id, "2026-03-05", "1", 1, "1"); 11];
    rows[1]["metrics"]["costMicros"] = json!("1.5");
    let dropped =
        customer.land("campaign_daily", "2026-03-05_2026-03-05", &unique(), &answer(&rows)).await;
    customer.committed(&dropped, CAMPAIGNS, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_contradicts_itself_is_kept_out_as_a_whole() {
    let customer = Customer::new().await;
    let head = "Day,Campaign,Clicks,Cost\n2026-03-01,Brand,10,1.50\n";
    customer
        .refused("total.csv", format!("{head}Total: Campaigns,--,11,1.50\n"), "rows are missing")
        .await;
    customer
        .refused(
            "styles.csv",
            "Day,Campaign,Impr.,Cost\n2026-03-01,Brand,\"1,234\",1\n2026-03-01,Shoes,5,\"0,50\"\n",
            "in two ways",
        )
        .await;
    customer.refused("page.html", "<html><body>Sign in</body></html>", "no line of it").await;
    let whole = answer(&[campaign_row(&customer.id, "2026-03-01", "1", 1, "1")]).to_string();
    customer.refused("cut.json", &whole[..whole.len() - 1], "breaks off").await;
    customer
        .refused(
            "error.json",
            r#"[{"error":{"code":500,"status":"INTERNAL"}}]"#,
            "error of google's",
        )
        .await;
    let packed = gzip(whole.as_bytes());
    customer.refused("cut.json.gz", &packed[..packed.len() - 9], "damaged").await;
    // Nobody says whose it is.
    let dropped = customer
        .stack
        .drop_object(&format!("google-ads/reports/{}.csv", unique()), head.into())
        .await;
    let run = customer.run(&dropped, Some(CAMPAIGNS)).await;
    assert_eq!(run.outcome, Outcome::Held, "its contract wants most rows to be readable");
    assert_eq!(
        run.quarantined_by_reason,
        BTreeMap::from([("required_value_missing".to_owned(), 1)])
    );
    assert!(customer.rows(CAMPAIGNS).is_empty());
}
