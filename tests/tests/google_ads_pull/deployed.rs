//! The deployed function: with its own role, into the river.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use end_to_end::deployed::{Assumed, invoke_twin};
use end_to_end::google_ads::{Answer, GoogleAds};
use end_to_end::lake::pyiceberg_rows;
use end_to_end::stack::{Stack, output, sha256, unique, unique_seed, wait_for};
use serde_json::json;
use shared::run::{InputIdentity, Outcome};

use super::scene::signed_in;

#[tokio::test(flavor = "multi_thread")]
async fn a_pulled_report_flows_into_the_lake() {
    let stack = Stack::connect().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&stack.config);
    let sign_in = json!({"client_id": "c", "client_secret": "s", "refresh_token": "usual"});
    let put = secrets.put_secret_value().secret_id(output("GOOGLE_ADS_SECRET_ARN"));
    put.secret_string(sign_in.to_string()).send().await.unwrap();
    let customer = format!("{:010}", unique_seed() % 10_000_000_000);
    let row = json!({"customer": {"id": customer}, "campaign": {"id": "1"},
        "metrics": {"clicks": "3", "costMicros": "1230000"}, "segments": {"date": "2026-03-01"}});
    let google =
        GoogleAds::start(signed_in(move |_, _| Answer::pages(&[json!({"results": [row]})]))).await;
    let variables = [
        ("CUSTOMERS", customer.clone()),
        ("QUERIES", "campaign_daily".to_owned()),
        ("GOOGLE_ADS_ENDPOINT", google.endpoint.clone()),
        ("TOKEN_ENDPOINT", format!("{}/token", google.endpoint)),
    ];
    let function = output("GOOGLE_ADS_PULL_FUNCTION_NAME");
    let answer = tokio::task::spawn_blocking(move || invoke_twin(&function, "{}", &variables));
    let answer = answer.await.unwrap();
    assert_eq!((&answer["pulled"], &answer["failures"]), (&json!(1), &json!([])), "{answer}");

    let bucket = output("LANDING_BUCKET");
    let prefix = format!("google-ads/search-stream/campaign_daily/{customer}/");
    let [key] = stack.keys(&bucket, &prefix).await.try_into().unwrap();
    let checksum = sha256(&stack.object(&bucket, &key).await.unwrap());
    let input =
        InputIdentity { bucket, key, version_id: None, checksum, supersedes: None, replay: None };
    let dataset = Some("google_ads.campaign_daily");
    let run = wait_for("the run of the pulled report", || {
        stack.run_of("google-ads-transform", &input, dataset)
    })
    .await;
    assert_eq!(run.outcome, Outcome::Committed);
    let rows = pyiceberg_rows("google_ads.campaign_daily", "customer_id", &customer);
    assert_eq!((rows.len(), &rows[0]["cost"]), (1, &json!("1.230000")));
}

#[tokio::test(flavor = "multi_thread")]
async fn its_role_lands_answers_and_knows_its_own_secret_alone() {
    let role = Assumed::role_of(&Stack::connect().await, &output("GOOGLE_ADS_PULL_FUNCTION_NAME"));
    let s3 = shared::aws::s3_client(&role.config);
    let secrets = aws_sdk_secretsmanager::Client::new(&role.config);
    let denied = |code: Option<&str>| code.is_some_and(|code| code.contains("AccessDenied"));
    let key = unique();
    for (bucket, key, allowed) in [
        ("LANDING_BUCKET", format!("google-ads/search-stream/x/{key}/"), true),
        ("LANDING_BUCKET", format!("google-ads/reports/{key}/"), false),
        ("LANDING_BUCKET", format!("segment/{key}/"), false),
        ("LAKE_BUCKET", format!("google_ads/campaign_daily/data/{key}/"), false),
    ] {
        let put =
            s3.put_object().bucket(output(bucket)).key(&key).body(ByteStream::from_static(b"x"));
        let put = put.send().await;
        assert_eq!(put.is_ok(), allowed, "{key}");
        let read = s3.get_object().bucket(output(bucket)).key(&key).send().await.unwrap_err();
        assert!(denied(read.code()), "{key}");
    }
    for (secret, allowed) in [("GOOGLE_ADS_SECRET_ARN", true), ("PSEUDONYM_SECRET_ARN", false)] {
        let read = secrets.get_secret_value().secret_id(output(secret)).send().await;
        assert_eq!(read.is_ok(), allowed, "{secret}");
        let put = secrets.put_secret_value().secret_id(output(secret)).secret_string("{}");
        assert!(denied(put.send().await.unwrap_err().code()), "{secret}");
    }
}
