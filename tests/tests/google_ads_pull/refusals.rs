//! What Google refuses is told as what it is, and stops nothing that it need not stop.

use chrono::TimeDelta;
use end_to_end::google_ads::{Answer, GoogleAds, failure, quota_error};
use google_ads_pull::query::Query;
use google_ads_pull::{PullRequest, Trouble};
use serde_json::json;

use super::scene::{BOTH, NOON, Scene, at, invocation, pages, pull, signed_in};

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_of_hours_is_waited_for_by_the_clock_and_not_in_the_function() {
    for in_array in [false, true] {
        let scene = Scene::signed_in().await;
        let google = GoogleAds::start(signed_in(move |asked, before| {
            let error = quota_error("40591s", "ACCOUNT");
            let first = before == 0 && asked.query.contains("FROM campaign ");
            match (asked.customer(), first, in_array) {
                ("1", true, false) => Answer::refusal(429, "RESOURCE_EXHAUSTED", &error),
                ("1", true, true) => Answer::refusal_in_array(429, "RESOURCE_EXHAUSTED", &error),
                _ => Answer::pages(&pages()),
            }
        }))
        .await;
        let puller = scene.puller(&google, &["1", "2"], &BOTH);
        let summary = pull(&puller, at(NOON)).await;
        assert_eq!((summary.pulled, summary.rescheduled), (4, 1), "{summary:?}");
        assert!(summary.failures.is_empty());
        assert_eq!(google.reports().iter().filter(|asked| asked.customer() == "1").count(), 1);
        let hold = scene.checkpoint("1", "hold").await;
        let not_before = at(&hold["not_before"]);
        assert!(not_before >= at(NOON) + TimeDelta::seconds(40_591));
        assert!(not_before < at(NOON) + TimeDelta::seconds(40_591 + 60));

        let early = pull(&puller, not_before - TimeDelta::hours(10)).await;
        assert_eq!((early.pulled, early.rescheduled), (0, 1));
        let request = PullRequest { customers: vec!["1".to_owned()], ..PullRequest::default() };
        let in_time = puller.pull(&request, &invocation(not_before)).await.unwrap();
        assert_eq!((in_time.pulled, in_time.rescheduled), (4, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_of_everybody_stops_everybody() {
    let scene = Scene::signed_in().await;
    let google = GoogleAds::start(signed_in(|_, _| {
        Answer::refusal(429, "RESOURCE_EXHAUSTED", &quota_error("3600s", "DEVELOPER"))
    }))
    .await;
    let puller = scene.puller(&google, &["1", "2", "3"], &BOTH);
    assert_eq!(pull(&puller, at(NOON)).await.rescheduled, 1);
    pull(&puller, at(NOON) + TimeDelta::minutes(59)).await;
    assert_eq!(google.reports().len(), 1);
    pull(&puller, at(NOON) + TimeDelta::minutes(61)).await;
    assert_eq!(google.reports().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_ended_is_told_and_stops_nobody_else() {
    let secret = |own: &str| {
        json!({"client_id": "c", "client_secret": "s", "refresh_token": "usual",
            "customers": {"111-111-1111": {"refresh_token": own}}})
    };
    let scene = Scene::set(secret("ended")).await;
    let google = GoogleAds::start(|asked, before| match (asked.is_token(), asked.query.as_str()) {
        (true, "ended") => Answer::invalid_grant(),
        (true, name) => Answer::token(&format!("{name}-{before}")),
        _ => Answer::pages(&pages()),
    })
    .await;
    let puller = scene.puller(&google, &["1111111111", "2222222222"], &BOTH);
    let summary = pull(&puller, at(NOON)).await;
    assert_eq!((summary.pulled, summary.count(Trouble::SignInRequired)), (4, 1));
    let failed = &summary.failures[0];
    assert_eq!(failed.customer, "1111111111");
    assert_eq!(
        failed.error,
        "google refuses the sign-in (invalid_grant): sign in again and store the new refresh token"
    );
    assert_eq!(google.asked().iter().filter(|asked| asked.query == "ended").count(), 1);
    let unit = "campaign_daily#window";
    assert_eq!(scene.checkpoint("1111111111", unit).await["error"], "sign_in_required");

    // A person signs in: the next tick finds it, without a deployment.
    scene.sign_in(secret("new")).await;
    let summary = pull(&puller, at(NOON) + TimeDelta::hours(1)).await;
    assert_eq!((summary.pulled, summary.failures.len()), (4, 0));
    assert!(!scene.checkpoint("1111111111", unit).await.contains_key("error"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_signed_in_is_told_so() {
    let scene = Scene::set(json!({})).await;
    let google = GoogleAds::start(|_, _| unreachable!("nobody is asked")).await;
    let summary = pull(&scene.puller(&google, &["1", "2"], &BOTH), at(NOON)).await;
    assert_eq!(summary.count(Trouble::SignInRequired), 2);
    assert!(summary.failures[0].error.ends_with("sign in and store them"));
    assert!(google.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_that_denies_access_stops_nobody_else() {
    let scene = Scene::signed_in().await;
    let google = GoogleAds::start(signed_in(|asked, _| match asked.customer() {
        "1" => Answer::refusal(
            403,
            "PERMISSION_DENIED",
            &json!({"errorCode": {"authorizationError": "USER_PERMISSION_DENIED"}, "message": "User doesn't have permission to access customer."}),
        ),
        _ => Answer::pages(&pages()),
    }))
    .await;
    let summary = pull(&scene.puller(&google, &["1", "2"], &BOTH), at(NOON)).await;
    assert_eq!((summary.pulled, summary.count(Trouble::AccessDenied)), (4, 1));
    assert_eq!(google.reports().iter().filter(|asked| asked.customer() == "1").count(), 1);
    let checkpoint = scene.checkpoint("1", "campaign_daily#window").await;
    assert_eq!(checkpoint["error"], "access_denied");
    assert!(checkpoint["error_text"].contains("authorizationError.USER_PERMISSION_DENIED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_refused_leaves_the_others() {
    let scene = Scene::signed_in().await;
    let google = GoogleAds::start(signed_in(|asked, _| {
        if asked.query.contains("FROM campaign ") {
            let error = json!({"errorCode": {"queryError": "UNRECOGNIZED_FIELD"}, "message": "Unrecognized field."});
            return Answer::refusal_in_array(400, "INVALID_ARGUMENT", &error);
        }
        Answer::pages(&pages())
    }))
    .await;
    let summary = pull(&scene.puller(&google, &["1"], &BOTH), at(NOON)).await;
    assert_eq!((summary.pulled, summary.count(Trouble::RequestRefused)), (3, 1));
    assert_eq!(google.reports().len(), 4, "what is wrong is not asked again at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_tried_again() {
    let scene = Scene::signed_in().await;
    let google = GoogleAds::start(signed_in(|asked, before| {
        let internal = json!({"errorCode": {"internalError": "INTERNAL_ERROR"}, "message": "An internal error."});
        match (asked.customer(), before) {
            ("1", 0) => Answer::refusal(500, "INTERNAL", &internal),
            ("1", 1) => Answer::Whole(502, "<html>Bad Gateway</html>".to_owned()),
            // Google ends a stream that has begun with an error.
            ("2", 0) => Answer::pages(&[pages().remove(0), failure(500, "INTERNAL", &internal)]),
            _ => Answer::pages(&pages()),
        }
    }))
    .await;
    let summary =
        pull(&scene.puller(&google, &["1", "2"], &[Query::CampaignDaily]), at(NOON)).await;
    assert_eq!((summary.pulled, summary.failures.len()), (2, 0));
    assert_eq!(google.reports().len(), 5);
    assert_eq!(scene.landed().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_early_is_renewed_once() {
    let scene = Scene::signed_in().await;
    let google = GoogleAds::start(signed_in(|asked, _| {
        let expired = json!({"errorCode": {"authenticationError": "OAUTH_TOKEN_EXPIRED"}, "message": "OAuth token has expired."});
        let day = asked.query.ends_with("'2026-03-10'") && asked.bearer == "usual-0";
        if day && asked.query.contains("click_view") {
            return Answer::refusal(401, "UNAUTHENTICATED", &expired);
        }
        Answer::pages(&pages())
    }))
    .await;
    let summary = pull(&scene.puller(&google, &["1"], &BOTH), at(NOON)).await;
    assert_eq!((summary.pulled, summary.failures.len()), (4, 0), "{summary:?}");
    assert_eq!(google.asked().iter().filter(|asked| asked.is_token()).count(), 2);
}
