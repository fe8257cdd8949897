use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A secret whose text can be changed, and taken away.
#[derive(Default)]
struct Shelf {
    text: StdMutex<Option<String>>,
    reads: AtomicUsize,
}

#[async_trait]
impl SecretSource for Arc<Shelf> {
    async fn read(&self) -> Result<String, SecretError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.text.lock().unwrap().clone().ok_or_else(|| SecretError::Failed {
            secret: "s".to_owned(),
            reason: "down".to_owned(),
        })
    }
}

impl Shelf {
    fn put(&self, text: &str) {
        *self.text.lock().unwrap() = Some(text.to_owned());
    }

    fn take_away(&self) {
        *self.text.lock().unwrap() = None;
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

fn cached() -> (Arc<Shelf>, CachedCredentials) {
    let shelf = Arc::new(Shelf::default());
    let cache = CachedCredentials::new(
        Box::new(shelf.clone()),
        Duration::from_mins(5),
        Duration::from_secs(10),
    );
    (shelf, cache)
}

async fn source(cache: &CachedCredentials, key: &str) -> Result<Option<String>, CredentialsError> {
    cache.find(|credentials| credentials.source_of(key)).await
}

#[test]
fn the_first_key_and_the_others_are_known() {
    let text = r#"{"write_key":"first","source":"default","write_keys":{"k2":"web"},
        "webhooks":{"hook":{"secret":"s","source":"segment"}}}"#;
    let credentials = Credentials::parse(text).unwrap();
    assert_eq!(credentials.source_of("first").as_deref(), Some("default"));
    assert_eq!(credentials.source_of("k2").as_deref(), Some("web"));
    for unknown in ["", "k", "k22", "FIRST"] {
        assert_eq!(credentials.source_of(unknown), None, "{unknown}");
    }
    assert_eq!(credentials.webhook("hook").unwrap().source, "segment");
    assert!(credentials.webhook("other").is_none());
    assert!(!format!("{credentials:?}").contains("first"));
}

#[test]
fn one_unusable_entry_shuts_nobody_else_out() {
    let text = r#"{"write_keys":{"":"a","k":"../../elsewhere","good":"web"},
        "webhooks":{"h":{"secret":"","source":"web"},"g":{"secret":"s","source":"a/b"}}}"#;
    let credentials = Credentials::parse(text).unwrap();
    assert_eq!(credentials.source_of("good").as_deref(), Some("web"));
    assert_eq!(credentials.source_of("k"), None);
    assert_eq!(credentials.source_of(""), None);
    assert!(credentials.webhook("h").is_none() && credentials.webhook("g").is_none());
}

#[test]
fn an_error_does_not_quote_the_secret() {
    let error = Credentials::parse(r#"{"write_keys": "hunter2"}"#).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_found_without_waiting_for_the_lifetime() {
    let (shelf, cache) = cached();
    shelf.put(r#"{"write_keys":{"old":"web"}}"#);
    assert_eq!(source(&cache, "old").await.unwrap().as_deref(), Some("web"));
    shelf.put(r#"{"write_keys":{"new":"web"}}"#);
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(source(&cache, "new").await.unwrap().as_deref(), Some("web"));
    assert_eq!(source(&cache, "old").await.unwrap(), None, "a removed key ends with the re-read");
    assert_eq!(shelf.reads(), 2);
}

#[tokio::test(start_paused = true)]
async fn strangers_do_not_cause_a_read_each() {
    let (shelf, cache) = cached();
    shelf.put(r#"{"write_keys":{"key":"web"}}"#);
    for stranger in 0..1_000 {
        assert_eq!(source(&cache, &stranger.to_string()).await.unwrap(), None);
    }
    assert_eq!(shelf.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn known_callers_are_served_while_the_secret_cannot_be_read() {
    let (shelf, cache) = cached();
    assert!(source(&cache, "key").await.is_err(), "nothing was ever read");
    shelf.put(r#"{"write_keys":{"key":"web"}}"#);
    assert!(source(&cache, "key").await.unwrap().is_some(), "the next call reads at once");
    shelf.take_away();
    tokio::time::advance(Duration::from_secs(301)).await;
    assert!(source(&cache, "key").await.unwrap().is_some());
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(source(&cache, "stranger").await.is_err(), "perhaps known by now: try again later");
    assert!(source(&cache, "stranger").await.is_err(), "also where no read was tried");
    shelf.put("no json");
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(source(&cache, "key").await.unwrap().is_some(), "a slip of the pen shuts nobody out");
}
