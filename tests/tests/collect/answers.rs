//! Every answer that a caller can get.

use std::fmt::Write;

use end_to_end::deployed::template;
use end_to_end::stack::wait_for;
use end_to_end::stack::{gzip, output};
use reqwest::Method;
use ring::hmac;
use serde_json::{Value, json};

use super::source::{Source, told};

fn message(id: &str) -> Value {
    json!({"messageId": id, "userId": "user-1", "event": "Test Event", "context": {}})
}

fn signature(secret: &str, signed: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let mut text = String::new();
    for byte in hmac::sign(&key, signed.as_bytes()).as_ref() {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_says_why_and_lands_nowhere() {
    let source = Source::register().await;
    let (huge, large) = ("x".repeat(1024 * 1024 + 1), "x".repeat(32 * 1024));
    let stranger = source.anonymous("v1/track").basic_auth("stranger", Some(""));
    let refused = [
        (source.anonymous("v1/track").body("{}"), 401, "unknown_write_key"),
        (stranger.body("{}"), 401, "unknown_write_key"),
        (source.anonymous("v1/t").body(r#"{"writeKey":"stranger"}"#), 401, "unknown_write_key"),
        (source.post("v1/track").body("no json"), 400, "not_json"),
        (source.post("v1/batch").body("{}"), 400, "no_batch"),
        (source.post("v1/track").body(json!({ "a": large }).to_string()), 400, "message_too_large"),
        (source.post("v1/track").body(huge), 413, "body_too_large"),
        (source.batch(&json!({"batch": vec![1; 2_501]})), 400, "too_many_messages"),
        (
            source.post("v1/track").header("content-encoding", "br").body("{}"),
            415,
            "unsupported_encoding",
        ),
        (source.post("v1/nothing").body("{}"), 404, "no_such_path"),
        (
            source.post("v1/webhook/unknown").header("x-signature", "0").body("{}"),
            401,
            "unknown_signature",
        ),
    ];
    for (request, status, code) in refused {
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["access-control-allow-origin"], "*", "{code}");
        let (got, body) = told(response).await;
        assert_eq!((got, body["code"].as_str()), (status, Some(code)), "{body}");
        assert!(body["message"].is_string() && body["success"] == false, "{body}");
    }
    let get = source.http.get(format!("{}v1/track", output("SEGMENT_COLLECT_URL")));
    assert_eq!(get.send().await.unwrap().status(), 405);
    // What comes after all of these is the only thing that lands.
    assert_eq!(told(source.batch(&json!({"batch": [7]})).send().await.unwrap()).await.0, 200);
    let landed = source.landed(1).await;
    assert_eq!((landed.len(), &landed[0].lines), (1, &vec![json!(7)]));
    source.forget().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_of_sending_is_understood() {
    let source = Source::register().await;
    let key = &source.write_key;
    // As the browser library does it: no header, and a content type that needs no preflight.
    let browser =
        json!({"writeKey": key, "messageId": "browser", "anonymousId": "a", "event": "E"});
    let batch = json!({"writeKey": key, "sentAt": "2026-11-23T00:00:00Z", "batch": [
        {"type": "track", "messageId": "in-batch", "userId": "u", "event": "E"}]});
    let packed = gzip(batch.to_string().replace("in-batch", "in-gzip").as_bytes());
    let sent = [
        source.anonymous("v1/t").header("content-type", "text/plain").body(browser.to_string()),
        source.anonymous("v1/b").header("content-type", "text/plain").body(batch.to_string()),
        source.post("v1/import").body(batch.to_string().replace("in-batch", "imported")),
        source
            .post("v1/batch")
            .header("content-type", "application/octet-stream")
            .header("content-encoding", "gzip")
            .body(packed),
        source.post("v1/page").body(message("page").to_string()),
    ];
    for request in sent {
        let (status, body) = told(request.send().await.unwrap()).await;
        assert_eq!((status, body), (200, json!({"success": true})));
    }
    let landed = source.landed(5).await;
    let mut lines: Vec<&Value> = landed.iter().flat_map(|object| &object.lines).collect();
    lines.sort_by_key(|line| line["messageId"].as_str());
    let found: Vec<_> =
        lines.iter().map(|line| (line["messageId"].as_str(), line["type"].as_str())).collect();
    let expected = [
        ("browser", "track"),
        ("imported", "track"),
        ("in-batch", "track"),
        ("in-gzip", "track"),
        ("page", "page"),
    ];
    assert_eq!(found, expected.map(|(id, kind)| (Some(id), Some(kind))));
    assert!(lines.iter().all(|line| line["receivedAt"].is_string()));
    source.forget().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_may_send_from_anywhere() {
    let source = Source::register().await;
    let url = format!("{}v1/t", output("SEGMENT_COLLECT_URL"));
    let preflight =
        source.http.request(Method::OPTIONS, url).header("origin", "https://shop.example");
    let response = preflight
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 204);
    let header = |name: &str| -> Vec<String> {
        let values = response.headers().get_all(name).iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect()
    };
    // Once: browsers refuse a header that comes twice.
    assert_eq!(header("access-control-allow-origin"), ["*"]);
    assert_eq!(header("access-control-allow-methods"), ["POST, OPTIONS"]);
    assert!(header("access-control-allow-headers")[0].contains("authorization, content-type"));
    source.forget().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_known_by_its_signature() {
    let source = Source::register().await;
    let path = format!("v1/webhook/{}", source.name);
    let body = format!(r#"{{"messageId" : "hook-{}", "type":"track", "n": 1.50}}"#, source.name);
    let post = |signature: &str, body: &str| {
        let request = source.anonymous(&path).header("content-type", "application/json");
        request.header("x-signature", signature).body(body.to_owned()).send()
    };
    let good = signature(&source.webhook_secret, &body);
    assert_eq!(told(post("", &body).await.unwrap()).await.0, 401);
    assert_eq!(told(post(&good.to_uppercase(), &body).await.unwrap()).await.0, 401);
    assert_eq!(told(post(&good, &format!("{body} ")).await.unwrap()).await.0, 401);
    let unsigned = source.anonymous(&path).body(body.clone()).send().await.unwrap();
    assert_eq!(unsigned.status(), 401);
    let array = format!("[{body},{{}}]");
    let refused = wait_for("the webhook to be known", || async {
        let (status, told) = told(post(&good, &array).await.unwrap()).await;
        (status != 401).then(|| (status, told["code"].clone()))
    });
    assert_eq!(refused.await, (400, json!("arrays_not_accepted")));
    // Another instance of the function may not have looked for new webhooks yet, and refuses until it has.
    let accepted = wait_for("the webhook to be accepted", || async {
        let answer = told(post(&good, &body).await.unwrap()).await;
        (answer.0 != 401).then_some(answer)
    });
    assert_eq!(accepted.await, (200, json!({"success": true})));
    let landed = source.landed(1).await;
    assert_eq!(landed.len(), 1);
    assert_eq!(landed[0].lines[0]["messageId"], format!("hook-{}", source.name));
    source.forget().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_comes_and_goes_without_a_deployment() {
    // That it comes is how every source here is registered.
    let source = Source::register().await;
    let other = Source::register().await;
    source.forget().await;
    // Somebody unknown makes the function look again; then the key that was taken away is gone.
    wait_for("the old write key to be refused", || async {
        let stranger = other.anonymous("v1/track").basic_auth("stranger", Some("")).body("{}");
        assert_eq!(stranger.send().await.unwrap().status(), 401);
        let asked = source.batch(&json!({"batch": []})).send().await.unwrap();
        (asked.status() == 401).then_some(())
    })
    .await;
    let asked = other.batch(&json!({"batch": []})).send().await.unwrap();
    assert_eq!(asked.status(), 200);
    other.forget().await;
}

#[test]
fn the_function_url_lets_everybody_in_as_aws_asks_for_it() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let url = resources.values().find(|resource| {
        resource["Type"] == "AWS::Lambda::Url"
            && resource["Properties"]["TargetFunctionArn"]["Ref"] == "SegmentCollectFunction"
    });
    let properties = &url.unwrap()["Properties"];
    assert_eq!(properties["AuthType"], "NONE");
    assert!(properties.get("Cors").is_none(), "the function answers preflights itself");
    let permissions: Vec<&Value> = resources
        .values()
        .filter(|resource| {
            resource["Type"] == "AWS::Lambda::Permission"
                && resource["Properties"]["FunctionName"]["Ref"] == "SegmentCollectFunction"
        })
        .map(|resource| &resource["Properties"])
        .collect();
    let has = |action: &str, name: &str, value: Value| {
        permissions.iter().any(|permission| {
            permission["Action"] == action
                && permission["Principal"] == "*"
                && permission[name] == value
        })
    };
    assert!(has("lambda:InvokeFunctionUrl", "FunctionUrlAuthType", json!("NONE")));
    assert!(has("lambda:InvokeFunction", "InvokedViaFunctionUrl", json!(true)));
    assert_eq!(permissions.len(), 2);
}
