//! The pull of Google Ads reports: the function's own code against endpoints that answer, refuse and
//! break off as Google's do, with the local AWS behind it; and the deployed function.

mod deployed;
mod refusals;
mod scene;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use end_to_end::google_ads::{Answer, Asked, GoogleAds};
use end_to_end::stack::unique;
use google_ads_pull::query::Query;
use google_ads_pull::{Invocation, PullRequest, Summary, Trouble};
use scene::{BOTH, NOON, Scene, at, invocation, pages, pull, signed_in};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn answers_land_as_they_came_and_nothing_is_asked_twice() {
    let scene =
        Scene::set(json!({"client_id": "c", "client_secret": "s", "refresh_token": "usual",
        "login_customer_id": "999-888-7777", "developer_token": "dev"}))
        .await;
    let google = GoogleAds::start(signed_in(|_, _| Answer::pages(&pages()))).await;
    let puller = scene.puller(&google, &["1234567890"], &BOTH);
    let summary = pull(&puller, at(NOON)).await;
    assert_eq!((summary.pulled, summary.rows, summary.failures.len()), (4, 12, 0));
    let landed = scene.landed().await;
    let folders: BTreeSet<&str> =
        landed.keys().map(|key| key.rsplit_once('/').unwrap().0).collect();
    assert_eq!(
        Vec::from_iter(folders),
        [
            "google-ads/search-stream/campaign_daily/1234567890/2026-02-09_2026-03-10",
            "google-ads/search-stream/click_view/1234567890/2026-03-08_2026-03-08",
            "google-ads/search-stream/click_view/1234567890/2026-03-09_2026-03-09",
            "google-ads/search-stream/click_view/1234567890/2026-03-10_2026-03-10",
        ]
    );
    let body = json!(pages()).to_string();
    assert!(landed.values().all(|text| *text == body));
    let reports = google.reports();
    assert_eq!(google.asked().len() - reports.len(), 1, "one token for all");
    for report in &reports {
        assert_eq!(report.path, "/v24/customers/1234567890/googleAds:searchStream");
        assert_eq!(report.bearer, "usual-0");
        assert_eq!(report.login_customer.as_deref(), Some("9998887777"));
        assert_eq!(report.developer_token.as_deref(), Some("dev"));
    }
    assert!(reports[1].query.ends_with("FROM click_view WHERE segments.date = '2026-03-10'"));

    let soon = pull(&puller, at("2026-03-10T15:00:00Z")).await;
    assert_eq!(soon, Summary::default());
    let later = pull(&puller, at("2026-03-10T20:00:00Z")).await;
    // The window, the day itself and the one before; the day before that has settled.
    assert_eq!(later.pulled, 3);
    assert_eq!(scene.landed().await.len(), 7, "no pull takes another's place");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_manager_or_a_developer_token_neither_is_sent() {
    let scene = Scene::signed_in().await;
    let google = GoogleAds::start(signed_in(|_, _| Answer::pages(&[]))).await;
    let summary = pull(&scene.puller(&google, &["1"], &[Query::CampaignDaily]), at(NOON)).await;
    assert_eq!((summary.pulled, summary.rows), (1, 0));
    let landed: Vec<String> = scene.landed().await.into_values().collect();
    assert_eq!(landed, ["[]"]);
    let asked = &google.reports()[0];
    assert_eq!((&asked.login_customer, &asked.developer_token), (&None, &None));
}

/// Pages that gzip cannot make smaller than an upload's part.
fn large_pages() -> Vec<Value> {
    let mut pages = Vec::new();
    for _ in 0..120 {
        let name: String = (0..2_000).map(|_| unique()).collect();
        pages.push(json!({"results": [{"campaign": {"name": name}}]}));
    }
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_off_leaves_nothing_and_is_asked_again() {
    let body = json!(large_pages()).to_string();
    let length = body.len();
    for (what, cut) in [
        // The connection breaks; or a proxy ends it in good order, at whatever byte.
        ("broken", Answer::Broken(body.clone(), length - 1)),
        ("cut short", Answer::Whole(200, body[..length - 1].to_owned())),
        ("html", Answer::Whole(200, "<html>try again</html>".to_owned())),
        ("empty", Answer::Whole(200, String::new())),
    ] {
        let scene = Scene::signed_in().await;
        let whole = Answer::Whole(200, body.clone());
        let google = {
            let cut = cut.clone();
            let script =
                move |_: &Asked, before| if before == 0 { cut.clone() } else { whole.clone() };
            GoogleAds::start(signed_in(script)).await
        };
        let summary = pull(&scene.puller(&google, &["1"], &[Query::CampaignDaily]), at(NOON)).await;
        assert_eq!((summary.pulled, summary.rows), (1, 120), "{what}");
        let landed = scene.landed().await;
        assert_eq!(landed.len(), 1, "{what}");
        assert!(landed.values().all(|text| *text == body), "{what}");
        scene.no_upload_is_left().await;

        let scene = Scene::signed_in().await;
        let google = GoogleAds::start(signed_in(move |_, _| cut.clone())).await;
        let puller = scene.puller(&google, &["1"], &[Query::CampaignDaily]);
        let summary = pull(&puller, at(NOON)).await;
        assert_eq!(summary.count(Trouble::Failed), 1, "{what}: {summary:?}");
        assert_eq!(google.reports().len(), 3, "{what}");
        assert!(scene.landed().await.is_empty(), "{what}");
        scene.no_upload_is_left().await;
        let checkpoint = scene.checkpoint("1", "campaign_daily#window").await;
        assert_eq!(
            (checkpoint["error"].as_str(), checkpoint["failures"].as_str()),
            ("failed", "1")
        );
        assert!(!checkpoint.contains_key("lease_until"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_pulled_stays_when_the_time_is_up() {
    let scene = Scene::signed_in().await;
    let google = GoogleAds::start(signed_in(|asked, before| {
        if asked.query.ends_with("'2026-03-09'") && before == 0 {
            return Answer::Hanging("[{\"results\":[".to_owned());
        }
        Answer::pages(&pages())
    }))
    .await;
    let puller = scene.puller(&google, &["1"], &BOTH);
    // Ten seconds are the least that a report is begun with.
    let short = Invocation::beginning(unique(), at(NOON), Duration::from_secs(12));
    let summary = puller.pull(&PullRequest::default(), &short).await.unwrap();
    assert_eq!((summary.pulled, summary.remaining, summary.failures.len()), (2, 2, 0));
    assert_eq!(scene.landed().await.len(), 2);
    let summary = pull(&puller, at(NOON) + TimeDelta::minutes(1)).await;
    assert_eq!((summary.pulled, summary.remaining), (2, 0));
    assert_eq!(google.reports().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_invocations_at_once_pull_nothing_twice() {
    let scene = Scene::signed_in().await;
    let google = GoogleAds::start(signed_in(|_, _| Answer::pages(&pages()))).await;
    let first = scene.puller(&google, &["1", "2"], &BOTH);
    let second = scene.puller(&google, &["1", "2"], &BOTH);
    let (one, other) = tokio::join!(pull(&first, at(NOON)), pull(&second, at(NOON)));
    assert_eq!(one.pulled + other.pulled, 8);
    assert_eq!((google.reports().len(), scene.landed().await.len()), (8, 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_can_be_asked_for() {
    let scene = Scene::signed_in().await;
    let google = GoogleAds::start(signed_in(|_, _| Answer::pages(&pages()))).await;
    let puller = scene.puller(&google, &["1234567890", "2"], &BOTH);
    let request: PullRequest = serde_json::from_value(json!({
        "customers": ["123-456-7890"], "queries": ["campaign_daily"], "from": "2025-01-01", "to": "2025-01-31"
    }))
    .unwrap();
    for _ in 0..2 {
        let summary = puller.pull(&request, &invocation(at(NOON))).await.unwrap();
        assert_eq!((summary.pulled, summary.failures.len()), (1, 0));
    }
    let asked = google.reports();
    assert_eq!(asked.len(), 2);
    assert!(asked[0].query.ends_with("BETWEEN '2025-01-01' AND '2025-01-31'"));
    let backwards = PullRequest { from: request.to, to: request.from, ..request };
    let refused = puller.pull(&backwards, &invocation(at(NOON))).await.unwrap_err();
    assert!(refused.to_string().contains("later than"));
}
