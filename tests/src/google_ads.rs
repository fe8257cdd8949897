//! Google's two endpoints, on a port of their own: the token endpoint and `searchStream`, with the
//! answers, refusals and broken streams that a test asks for.

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// An answer's body goes out in pieces of this many bytes.
const PIECE: usize = 16 * 1024;

/// A request to either endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The path: it names version and customer, or it is `/token`.
    pub path: String,
    /// The query, or of the token endpoint the refresh token.
    pub query: String,
    /// The access token.
    pub bearer: String,
    /// The manager account, if one was named.
    pub login_customer: Option<String>,
    /// The developer token, if one was sent.
    pub developer_token: Option<String>,
}

impl Asked {
    /// The customer's digits.
    pub fn customer(&self) -> &str {
        self.path.split('/').nth(3).unwrap_or_default()
    }

    /// Whether it goes to the token endpoint.
    pub fn is_token(&self) -> bool {
        self.path == "/token"
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Status and body.
    Whole(u16, String),
    /// The body is cut off after so many bytes, and the connection breaks.
    Broken(String, usize),
    /// The body never comes to its end.
    Hanging(String),
}

impl Answer {
    /// An access token.
    pub fn token(token: &str) -> Self {
        let body = json!({"access_token": token, "expires_in": 3599, "token_type": "Bearer"});
        Self::Whole(200, body.to_string())
    }

    /// The token endpoint's refusal of a sign-in.
    pub fn invalid_grant() -> Self {
        let body = json!({"error": "invalid_grant", "error_description": "Token has been expired or revoked."});
        Self::Whole(400, body.to_string())
    }

    /// The pages of a stream.
    pub fn pages(pages: &[Value]) -> Self {
        Self::Whole(200, json!(pages).to_string())
    }

    /// A refusal, as an object.
    pub fn refusal(status: u16, name: &str, error: &Value) -> Self {
        Self::Whole(status, failure(status, name, error).to_string())
    }

    /// A refusal, as a stream answers: inside an array.
    pub fn refusal_in_array(status: u16, name: &str, error: &Value) -> Self {
        Self::Whole(status, json!([failure(status, name, error)]).to_string())
    }
}

/// The body of a refusal.
pub fn failure(status: u16, name: &str, error: &Value) -> Value {
    json!({"error": {"code": status, "message": "Request had errors.", "status": name, "details": [{
        "@type": "type.googleapis.com/google.ads.googleads.v24.errors.GoogleAdsFailure",
        "errors": [error], "requestId": "example-request-id"
    }]}})
}

/// The error of a quota that is used up.
pub fn quota_error(retry_delay: &str, scope: &str) -> Value {
    json!({"errorCode": {"quotaError": "RESOURCE_EXHAUSTED"}, "message": "Too many requests. Retry in 40591 seconds.",
        "details": {"quotaErrorDetails": {"rateScope": scope, "rateName": "Number of operations for explorer access", "retryDelay": retry_delay}}})
}

type Script = dyn Fn(&Asked, usize) -> Answer + Send + Sync;

/// The endpoints.
pub struct GoogleAds {
    /// Where they are.
    pub endpoint: String,
    state: Arc<State>,
}

struct State {
    script: Box<Script>,
    asked: Mutex<Vec<Asked>>,
}

impl GoogleAds {
    /// Starts them. The script is given a request, and how many equal ones there were before, but for
    /// their access tokens.
    pub async fn start(script: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let endpoint =
            format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        let state = Arc::new(State { script: Box::new(script), asked: Mutex::default() });
        tokio::spawn(accept(listener, state.clone()));
        Self { endpoint, state }
    }

    /// What was asked so far, in its order.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().expect("nobody panics while noting a request").clone()
    }

    /// The reports that were asked for.
    pub fn reports(&self) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| !asked.is_token()).collect()
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        let service = service_fn(move |request| answer(state.clone(), request));
        // A client that hangs up is no concern of the server's.
        tokio::spawn(async move {
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

type Body = http_body_util::combinators::BoxBody<Bytes, io::Error>;

async fn answer(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Body>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let header = |name: &str| {
        parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let path = parts.uri.path().to_owned();
    let body = body.collect().await?.to_bytes();
    let asked = Asked {
        query: if path == "/token" { refresh_token(&body) } else { query(&body) },
        bearer: header("authorization")
            .and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned))
            .unwrap_or_default(),
        login_customer: header("login-customer-id"),
        developer_token: header("developer-token"),
        path,
    };
    let before = {
        let mut log = state.asked.lock().expect("nobody panics while noting a request");
        let same = |known: &&Asked| known.path == asked.path && known.query == asked.query;
        let before = log.iter().filter(same).count();
        log.push(asked.clone());
        before
    };
    Ok(respond((state.script)(&asked, before)))
}

fn query(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["query"].as_str().unwrap_or_default().to_owned()
}

fn refresh_token(body: &[u8]) -> String {
    let found = url::form_urlencoded::parse(body).find(|(name, _)| name == "refresh_token");
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn respond(answer: Answer) -> Response<Body> {
    let (status, body, end) = match answer {
        Answer::Whole(status, body) => (status, body, None),
        Answer::Broken(body, length) => {
            let cut = body[..length].to_owned();
            (200, cut, Some(End::Breaks))
        }
        Answer::Hanging(body) => (200, body, Some(End::Hangs)),
    };
    let body = Bytes::from(body);
    let mut frames = Vec::new();
    for start in (0..body.len()).step_by(PIECE) {
        let piece = body.slice(start..body.len().min(start + PIECE));
        frames.push(Ok(Frame::data(piece)));
    }
    let frames = futures::stream::iter(frames);
    let body: Body = match end {
        None => BodyExt::boxed(StreamBody::new(frames)),
        Some(end) => {
            let rest = futures::stream::once(end.come());
            BodyExt::boxed(StreamBody::new(futures::StreamExt::chain(frames, rest)))
        }
    };
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(body)
        .expect("a status and a header make a response")
}

/// How an answer ends that does not come to its end.
#[derive(Clone, Copy)]
enum End {
    Breaks,
    Hangs,
}

impl End {
    async fn come(self) -> Result<Frame<Bytes>, io::Error> {
        match self {
            Self::Breaks => Err(io::ErrorKind::ConnectionReset.into()),
            Self::Hangs => std::future::pending().await,
        }
    }
}
