//! What a caller is told when what stands behind the collector does not answer: the function runs in the test's own process,
//! in front of a queue that is closed, throttles or fails half-way.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lambda_events::lambda_function_urls::{
    LambdaFunctionUrlRequest, LambdaFunctionUrlResponse,
};
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use lambda_runtime::{Context, LambdaEvent};
use segment_collect::{CachedCredentials, Collector, SecretSource, handle};
use serde_json::json;
use shared::aws::{InboxQueue, SecretError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A secret that is always the same, or never there.
struct Fixed(Option<&'static str>);

#[async_trait]
impl SecretSource for Fixed {
    async fn read(&self) -> Result<String, SecretError> {
        self.0.map(str::to_owned).ok_or_else(|| SecretError::Failed {
            secret: "secret".to_owned(),
            reason: "it is down".to_owned(),
        })
    }
}

fn collector(endpoint: &str, secret: Option<&'static str>) -> Arc<Collector> {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::disabled())
        .build();
    let queue = format!("{endpoint}/000000000000/inbox");
    let inbox = InboxQueue::new(aws_sdk_sqs::Client::from_conf(config), queue);
    let pause = Duration::from_secs(5);
    let credentials = CachedCredentials::new(Box::new(Fixed(secret)), pause * 60, pause);
    Arc::new(Collector::new(credentials, inbox, true))
}

async fn send(collector: &Arc<Collector>, body: &str) -> LambdaFunctionUrlResponse {
    let request: LambdaFunctionUrlRequest = serde_json::from_value(json!({
        "version": "2.0", "rawPath": "/v1/batch", "headers": {"content-type": "text/plain"},
        "requestContext": {"timeEpoch": 0, "http": {"method": "POST", "path": "/v1/batch"}},
        "body": body, "isBase64Encoded": false,
    }))
    .unwrap();
    handle(collector.clone(), LambdaEvent::new(request, Context::default())).await.unwrap()
}

const SECRET: &str = r#"{"write_keys":{"key":"web"}}"#;
const BATCH: &str = r#"{"writeKey":"key","batch":[{"type":"track"}]}"#;

/// An SQS that gives these answers, one a connection.
async fn queue(answers: Vec<(u16, &'static str)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for (status, body) in answers {
            let (stream, _) = listener.accept().await.unwrap();
            answer(stream, status, body).await;
        }
    });
    endpoint
}

async fn answer(mut stream: TcpStream, status: u16, body: &str) {
    let (mut request, mut buffer) = (Vec::new(), vec![0; 65_536]);
    while !is_whole(&request) {
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the request broke off");
        request.extend_from_slice(&buffer[..read]);
    }
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.0\r\nconnection: close"
    );
    let text = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).await.unwrap();
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    length.and_then(|length| length.parse().ok()).is_some_and(|length: usize| body.len() >= length)
}

#[tokio::test]
async fn an_inbox_that_is_down_is_503_and_the_caller_is_told_when_to_try_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let response = send(&collector(&endpoint, Some(SECRET)), BATCH).await;
    assert_eq!(response.status_code, 503);
    assert_eq!(response.headers["retry-after"], "5");
    let body = response.body.unwrap();
    assert!(body.contains("inbox_unavailable") && !body.contains("127.0.0.1"), "{body}");
}

#[tokio::test]
async fn an_inbox_that_throttles_is_429() {
    let throttled = r#"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slower"}"#;
    let endpoint = queue(vec![(400, throttled)]).await;
    let response = send(&collector(&endpoint, Some(SECRET)), BATCH).await;
    assert_eq!(
        (response.status_code, response.headers["retry-after"].to_str().unwrap()),
        (429, "10")
    );
}

#[tokio::test]
async fn what_is_stored_by_half_is_not_accepted() {
    let stored = r#"{"MessageId":"m","MD5OfMessageBody":"d41d8cd98f00b204e9800998ecf8427e"}"#;
    let failed = r#"{"__type":"com.amazonaws.sqs#InternalError","message":"no"}"#;
    let endpoint = queue(vec![(200, stored), (500, failed), (200, stored), (200, stored)]).await;
    let collector = collector(&endpoint, Some(SECRET));
    // With what the server adds to each message, more than one message on the inbox.
    let messages = vec![format!("{{\"a\":\"{}\"}}", "x".repeat(180)); 2_400].join(",");
    let batch = format!("{{\"writeKey\":\"key\",\"batch\":[{messages}]}}");
    assert_eq!(send(&collector, &batch).await.status_code, 503);
    assert_eq!(send(&collector, &batch).await.status_code, 200);
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_503_and_not_401() {
    let response = send(&collector("http://127.0.0.1:9", None), BATCH).await;
    assert_eq!(
        (response.status_code, response.headers["retry-after"].to_str().unwrap()),
        (503, "5")
    );
    let malformed = send(&collector("http://127.0.0.1:9", Some("no json")), BATCH).await;
    assert_eq!(malformed.status_code, 503);
}
