//! A network between a client and the local AWS that fails at a chosen request.
//!
//! It is how a crash between any two steps of a function is tested: the function runs in the test's
//! own process, its requests are counted, and at the chosen one everything stops. Or an answer is
//! lost: AWS has done what was asked, and the client, not knowing, asks again.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// How the network fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not at all.
    None,
    /// From the request with this number on (counted from 0) nothing reaches AWS.
    Cut(usize),
    /// From the first request on whose operation, or method and path, ends so.
    CutAt(&'static str),
    /// AWS does what this request says, but the connection breaks before its answer.
    LostAnswer(usize),
}

/// A proxy on a port of its own.
pub struct Network {
    /// The endpoint for AWS clients.
    pub endpoint: String,
    state: Arc<State>,
}

struct State {
    target: String,
    client: Client<HttpConnector, Full<Bytes>>,
    fault: Fault,
    requests: Mutex<Vec<String>>,
    broken: Notify,
}

impl Network {
    /// Starts a network to `target` that fails as `fault` says.
    pub async fn start(target: String, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let endpoint =
            format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        let client = Client::builder(TokioExecutor::new()).build_http();
        let state = Arc::new(State {
            target,
            client,
            fault,
            requests: Mutex::new(Vec::new()),
            broken: Notify::new(),
        });
        tokio::spawn(accept(listener, state.clone()));
        Self { endpoint, state }
    }

    /// Waits until the network has stopped.
    pub async fn stopped(&self) {
        self.state.broken.notified().await;
    }

    /// The requests that were made: the operation, or method and path.
    pub fn requests(&self) -> Vec<String> {
        self.state.requests.lock().expect("nobody panics while noting a request").clone()
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        let service = service_fn(move |request| forward(state.clone(), request));
        // A client that hangs up is no concern of the network's.
        tokio::spawn(async move {
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn forward(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, AnswerLost> {
    let number = state.note(&request);
    if state.is_cut(number) {
        return state.stop().await;
    }
    let response = state.send(request).await;
    // An error of the service closes the connection.
    if state.fault == Fault::LostAnswer(number) { Err(AnswerLost) } else { Ok(response) }
}

/// The connection breaks instead of an answer.
#[derive(Debug)]
struct AnswerLost;

impl std::fmt::Display for AnswerLost {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the answer was lost")
    }
}

impl std::error::Error for AnswerLost {}

impl State {
    fn is_cut(&self, number: usize) -> bool {
        match self.fault {
            Fault::Cut(at) => number >= at,
            Fault::CutAt(ending) => {
                let requests = self.requests.lock().expect("nobody panics while noting a request");
                requests.iter().any(|request| request.ends_with(ending))
            }
            Fault::None | Fault::LostAnswer(_) => false,
        }
    }

    /// No answer ever comes.
    async fn stop<T>(&self) -> T {
        self.broken.notify_one();
        std::future::pending().await
    }

    /// Notes a request; its number, counted from 0.
    fn note(&self, request: &Request<Incoming>) -> usize {
        let operation =
            request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
        let shown = operation
            .map_or_else(|| format!("{} {}", request.method(), request.uri()), str::to_owned);
        let mut requests = self.requests.lock().expect("nobody panics while noting a request");
        requests.push(shown);
        requests.len() - 1
    }

    async fn send(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri =
            format!("{}{path}", self.target).parse::<Uri>().expect("the target is an address");
        let body = body.collect().await.expect("a request has a body").to_bytes();
        let response = self
            .client
            .request(Request::from_parts(parts, Full::new(body)))
            .await
            .expect("the local AWS answers");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("an answer has a body").to_bytes();
        Response::from_parts(parts, Full::new(body))
    }
}
