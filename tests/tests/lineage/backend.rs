//! A lineage backend on a port of its own, with the statuses that a test asks for.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Method and path.
    pub request: String,
    /// The header, empty where there was none.
    pub authorization: String,
    /// The body.
    pub event: Value,
}

type Script = dyn Fn(usize) -> u16 + Send + Sync;

/// The backend.
pub struct Listener {
    /// Its address.
    pub endpoint: String,
    state: Arc<State>,
}

struct State {
    script: Box<Script>,
    heard: Mutex<Vec<Heard>>,
}

impl Listener {
    /// Starts it. The script says with which status a request is answered, given how many were before it.
    pub async fn start(script: impl Fn(usize) -> u16 + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State { script: Box::new(script), heard: Mutex::default() });
        tokio::spawn(accept(listener, state.clone()));
        Self { endpoint, state }
    }

    /// What was heard so far, refused or not.
    pub fn heard(&self) -> Vec<Heard> {
        self.state.heard.lock().unwrap().clone()
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

async fn answer(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Empty<Bytes>>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let authorization = parts.headers.get("authorization");
    let authorization =
        authorization.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let body = body.collect().await?.to_bytes();
    let heard = Heard {
        request: format!("{} {}", parts.method, parts.uri.path()),
        authorization,
        event: serde_json::from_slice(&body).unwrap(),
    };
    let before = {
        let mut log = state.heard.lock().unwrap();
        log.push(heard);
        log.len() - 1
    };
    let response = Response::builder().status((state.script)(before)).body(Empty::new());
    Ok(response.unwrap())
}
