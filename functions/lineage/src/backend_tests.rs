use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::*;

/// A backend on a port of its own that answers each connection with the next status; what it heard.
fn listening(statuses: &'static [u16]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (heard, requests) = channel();
    thread::spawn(move || {
        for status in statuses {
            answer(&listener.accept().unwrap().0, *status, &heard);
        }
    });
    (url, requests)
}

fn answer(mut stream: &TcpStream, status: u16, heard: &Sender<String>) {
    let mut reader = BufReader::new(stream);
    let (mut request, mut length) = (String::new(), 0);
    while !request.ends_with("\r\n\r\n") {
        let start = request.len();
        reader.read_line(&mut request).unwrap();
        let line = request[start..].to_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    request.push_str(&String::from_utf8(body).unwrap());
    heard.send(request).unwrap();
    let location = "location: http://127.0.0.1:1/elsewhere";
    let head = format!("HTTP/1.1 {status} Said\r\n{location}\r\nconnection: close");
    write!(stream, "{head}\r\ncontent-length: 0\r\n\r\n").unwrap();
}

#[test]
fn only_what_may_pass_is_tried_again() {
    let backend = Backend::new("http://127.0.0.1:5000/", None).unwrap();
    assert_eq!(backend.url, "http://127.0.0.1:5000/api/v1/lineage");
    let judge = |status| backend.judge(StatusCode::from_u16(status).unwrap());
    for status in [200, 201, 204] {
        assert!(judge(status).is_ok(), "{status}");
    }
    for status in [429, 500, 502, 503, 504] {
        assert!(judge(status).unwrap_err().is_retryable(), "{status}");
    }
    for status in [301, 400, 401, 403, 404, 413, 422] {
        let error = judge(status).unwrap_err();
        assert!(!error.is_retryable(), "{status}");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
    }
}

#[tokio::test]
async fn an_event_is_posted_and_its_answer_told_apart() {
    let (url, requests) = listening(&[201, 503, 400, 302]);
    let backend = Backend::new(&url, None).unwrap();
    backend.send("{\"a\":1}".to_owned()).await.unwrap();
    let request = requests.recv().unwrap();
    assert!(request.starts_with("POST /api/v1/lineage HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
    let request = request.to_lowercase();
    assert!(request.contains("content-type: application/json"), "{request}");
    assert!(!request.contains("authorization"), "{request}");
    let again = || async { backend.send("{}".to_owned()).await.unwrap_err() };
    assert!(matches!(again().await, BackendError::Busy { status: 503, .. }));
    assert!(matches!(again().await, BackendError::Refused { status: 400, .. }));
    assert!(matches!(again().await, BackendError::Refused { status: 302, .. }), "not followed");
}

#[tokio::test]
async fn a_backend_that_is_not_there_may_come_back() {
    // Nobody listens there, and nobody else is given that port meanwhile.
    let backend = Backend::new("http://127.0.0.1:1", None).unwrap();
    let error = backend.send("{}".to_owned()).await.unwrap_err();
    assert!(matches!(error, BackendError::Unreachable { .. }), "{error}");
    assert!(error.is_retryable());
}
