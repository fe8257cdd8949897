//! Somebody's HTTP endpoint, on a port of its own, with the answers that a test asks for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

/// An answer: the status, what `Retry-After` says if anything, and the body.
#[derive(Debug, Clone)]
pub struct Reply(pub u16, pub Option<u32>, pub &'static str);

/// An endpoint that takes what is posted to it.
pub struct Receiver {
    /// Where it is.
    pub endpoint: String,
    state: Arc<State>,
}

struct State {
    replies: Mutex<VecDeque<Reply>>,
    received: Mutex<Vec<Value>>,
}

impl Receiver {
    /// Starts it. It answers with one reply after the other, and then with 200.
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let replies = Mutex::new(replies.into_iter().collect());
        let state = Arc::new(State { replies, received: Mutex::default() });
        tokio::spawn(accept(listener, state.clone()));
        Self { endpoint: format!("http://{address}"), state }
    }

    /// Adds to what it answers.
    pub fn then(&self, reply: Reply) {
        self.state.replies.lock().expect("nobody panics while adding").push_back(reply);
    }

    /// What was posted so far, refused or not.
    pub fn received(&self) -> Vec<Value> {
        self.state.received.lock().expect("nobody panics while noting a request").clone()
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
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    state.received.lock().expect("nobody panics while noting a request").push(body);
    let reply = state.replies.lock().expect("nobody panics while answering").pop_front();
    let Reply(status, wait, text) = reply.unwrap_or(Reply(200, None, "ok"));
    let mut response = Response::builder().status(status);
    if let Some(wait) = wait {
        response = response.header("retry-after", wait.to_string());
    }
    let body = Full::new(Bytes::from_static(text.as_bytes()));
    Ok(response.body(body).expect("a status and a header make a response"))
}
