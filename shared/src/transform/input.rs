//! An object that was created, from the news of it to its commit requests.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::format::{Format, Origin};
use super::outcome::StretchOutcome;
use super::references::{ReferenceError, References};
use super::replay;
use super::request::{base_run, commit_request};
use super::stretch::{Ended, Stretch, StretchError, StretchSettings};
use super::{Router, plan};
use crate::aws::{
    Bucket, BucketError, CommitsQueue, Content, Digest, FinishedReading, Ledger, LedgerError,
    ObjectError, Opened, QueueError, open_object,
};
use crate::contract::Contract;
use crate::decode::DecodeError;
use crate::event::{CommitPointer, CommitRequest, ObjectCreated, ReadAgain};
use crate::govern::{Plan, Pseudonymizer};
use crate::lake::{Lake, Nowhere, ObjectStore};
use crate::run::{InputIdentity, Outcome, RecordCounts, Run};

/// What differs between sources.
pub struct Source {
    /// The job's name: the function's.
    pub job: &'static str,
    /// The contracts that apply.
    pub contracts: Vec<&'static Contract>,
    /// Turns an input's bytes into records.
    pub format: Arc<dyn Format>,
    /// Says where a record belongs.
    pub router: Arc<dyn Router>,
    /// Whether an object holds data by its name; what does not is passed by.
    pub holds_data: fn(key: &str) -> bool,
}

/// What a transform works with.
pub struct TransformSettings {
    /// The source.
    pub source: Source,
    /// Reads landing objects.
    pub landing: aws_sdk_s3::Client,
    /// Takes data files and commit requests.
    pub lake: Bucket,
    /// Takes what cannot go on.
    pub quarantine: Bucket,
    /// The Inputs and Runs tables.
    pub ledger: Ledger,
    /// Takes pointers to commit requests.
    pub commits: CommitsQueue,
    /// The key of the pseudonyms.
    pub pseudonymizer: Pseudonymizer,
    /// Prefix of the Glue databases' names.
    pub database_prefix: String,
    /// The tables that columns refer to; needed where a contract looks for rows there.
    pub catalog: Option<Lake>,
}

/// A transform, made once and used for every input.
pub struct Transform {
    settings: TransformSettings,
    plan: Arc<Plan>,
    references: References,
    /// Inputs are read one after the other, and the cache of pseudonyms is worth keeping.
    pseudonymizer: Arc<Mutex<Pseudonymizer>>,
}

/// Why an input could not be transformed.
#[derive(Debug, thiserror::Error)]
pub enum TransformError {
    /// The object cannot be read.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The stretch was given up.
    #[error(transparent)]
    Stretch(#[from] StretchError),
    /// An object cannot be stored.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A request cannot be handed on.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// What columns refer to cannot be looked up.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A request cannot be written as JSON: a defect.
    #[error("commit request for {dataset} cannot be serialised: {source}")]
    Serialise {
        /// The dataset.
        dataset: String,
        /// What serde says.
        source: serde_json::Error,
    },
    /// The thread that reads panicked: a defect.
    #[error("reading s3://{bucket}/{key} panicked")]
    Panicked {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
}

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transformed {
    /// It was read; its datasets' commits are asked for.
    Done {
        /// The counts.
        records: RecordCounts,
        /// Datasets whose rows are held.
        held: u64,
    },
    /// The same bytes were read before.
    Duplicate,
    /// It cannot be read and is in quarantine whole.
    Quarantined(RecordCounts),
    /// It does not exist (any more).
    Gone,
    /// It was read on trial; nothing was written but what would become of it.
    Tried(RecordCounts),
}

/// One attempt at an input.
pub(super) struct Attempt<'a> {
    /// The run as far as it is known.
    pub base: Run,
    /// The order to read it again, where there is one.
    pub again: Option<&'a ReadAgain>,
    /// S3's tag of the object.
    pub entity_tag: String,
    /// Names the input in paths.
    pub input_token: String,
}

/// How far the reading has come, and what was read.
struct Reading {
    stretch: Stretch,
    ended: Ended,
    digest: Digest,
}

impl Transform {
    /// A transform with its settings.
    pub fn new(mut settings: TransformSettings) -> Self {
        let plan = plan(settings.source.router.paths(), &settings.source.contracts);
        let pseudonymizer = std::mem::replace(&mut settings.pseudonymizer, Pseudonymizer::new(b""));
        let catalog = settings.catalog.take();
        let references =
            References::new(catalog, settings.landing.clone(), &settings.database_prefix);
        Self {
            plan: Arc::new(plan),
            references,
            pseudonymizer: Arc::new(Mutex::new(pseudonymizer)),
            settings,
        }
    }

    pub(super) fn references(&self) -> &References {
        &self.references
    }

    pub(super) fn lake(&self) -> &Bucket {
        &self.settings.lake
    }

    pub(super) fn quarantine(&self) -> &Bucket {
        &self.settings.quarantine
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.settings.ledger
    }

    pub(super) fn contracts(&self) -> &[&'static Contract] {
        &self.settings.source.contracts
    }

    /// The job's name.
    pub fn job(&self) -> &'static str {
        self.settings.source.job
    }

    /// Whether an object holds data by its name.
    pub fn holds_data(&self, key: &str) -> bool {
        (self.settings.source.holds_data)(key)
    }

    /// Takes an object through the stretch; once more, where an order says so.
    pub async fn run(
        &self,
        object: &ObjectCreated,
        again: Option<&ReadAgain>,
    ) -> Result<Transformed, TransformError> {
        let started_at = Utc::now();
        let opened = open_object(
            &self.settings.landing,
            &object.bucket,
            &object.key,
            object.version_id.as_deref(),
        )
        .await;
        let opened = match opened {
            Ok(opened) => opened,
            Err(error @ ObjectError::NotFound { .. }) => {
                self.note_gone(object, again, started_at, &error).await?;
                return Ok(Transformed::Gone);
            }
            Err(error) => return Err(error.into()),
        };
        let uri = format!("s3://{}/{}", object.bucket, object.key);
        let entity_tag = opened.entity_tag.clone();
        if self.is_known(&uri, again, |content| content.entity_tag == entity_tag).await? {
            return Ok(Transformed::Duplicate);
        }
        let mut input = InputIdentity {
            bucket: object.bucket.clone(),
            key: object.key.clone(),
            version_id: opened.version_id.clone(),
            checksum: String::new(),
            supersedes: None,
            replay: again.map(|again| again.replay.clone()),
        };
        let arrived_at = opened.last_modified.or(object.at).unwrap_or(started_at);
        let settings = self.stretch_settings(&input, &entity_tag, arrived_at, again);
        let input_token = settings.input_token.clone();
        let reading = self.read(opened, settings, &input).await?;
        let checksum = reading.digest.checksum.clone();
        // The same bytes may have come under another tag, or be in the hands of another attempt.
        if self.is_known(&uri, again, |content| content.checksum == checksum).await? {
            if again.is_none() {
                self.settings.ledger.note_entity_tag(&uri, &checksum, &entity_tag).await?;
            }
            return Ok(Transformed::Duplicate);
        }
        let mut known = self.settings.ledger.history(&uri).await?.contents;
        known.retain(|content| content.checksum != checksum);
        input.supersedes = known.pop().map(|content| content.checksum);
        input.checksum = checksum;
        let base = base_run(self.job(), input, arrived_at, started_at);
        let attempt = Attempt { base, again, entity_tag, input_token };
        match reading.ended {
            Ended::Whole => self.hand_on(reading, attempt).await,
            Ended::Damaged(damage) => {
                let read = reading.stretch.records();
                self.quarantine_whole(read, reading.digest, &damage, attempt).await
            }
        }
    }

    /// Whether a content was read before; on an order, whether it was read on the same one. A trial leaves
    /// no trace, and can be had as often as anybody likes.
    async fn is_known(
        &self,
        uri: &str,
        again: Option<&ReadAgain>,
        is_same: impl Fn(&Content) -> bool,
    ) -> Result<bool, LedgerError> {
        let Some(again) = again else {
            return Ok(self.settings.ledger.history(uri).await?.contents.iter().any(is_same));
        };
        if again.is_trial {
            return Ok(false);
        }
        let replays = self.settings.ledger.history(uri).await?.replays;
        Ok(replays.iter().any(|known| known.replay == again.replay && is_same(&known.content)))
    }

    fn stretch_settings(
        &self,
        input: &InputIdentity,
        entity_tag: &str,
        arrived_at: DateTime<Utc>,
        again: Option<&ReadAgain>,
    ) -> StretchSettings {
        let mut token = InputIdentity::path_token(&input.bucket, &input.key, entity_tag);
        if let Some(replay) = &input.replay {
            token = format!("{token}-{replay}");
        }
        let Source { contracts, format, router, .. } = &self.settings.source;
        let source = contracts.first().map_or("unknown", |first| first.route.source.as_str());
        let is_trial = again.is_some_and(|again| again.is_trial);
        let store = |bucket: &Bucket| -> Arc<dyn ObjectStore> {
            if is_trial { Arc::new(Nowhere) } else { Arc::new(bucket.clone()) }
        };
        StretchSettings {
            contracts: contracts.clone(),
            plan: self.plan.clone(),
            format: format.clone(),
            router: router.clone(),
            lake: store(&self.settings.lake),
            quarantine: store(&self.settings.quarantine),
            database_prefix: self.settings.database_prefix.clone(),
            // The same in every attempt: a retry replaces what an earlier one has quarantined.
            quarantine_key: format!("rows/{source}/{}/{token}.ndjson.gz", arrived_at.date_naive()),
            chosen: self.chosen(again),
            counts_statistics: true,
            input_token: token,
            attempt: Uuid::now_v7().simple().to_string(),
            origin: Origin {
                bucket: input.bucket.clone(),
                key: input.key.clone(),
                version_id: input.version_id.clone(),
                arrived_at,
            },
        }
    }

    /// Reads the object on a thread that may block.
    async fn read(
        &self,
        opened: Opened,
        settings: StretchSettings,
        input: &InputIdentity,
    ) -> Result<Reading, TransformError> {
        let mut pseudonymizer = self.pseudonymizer.clone().lock_owned().await;
        let reading = blocking(input, move || {
            let mut stretch = Stretch::new(settings);
            let mut reader = opened.reader;
            let ended = stretch.read(&mut reader, &mut pseudonymizer)?;
            match reader.finish() {
                Some(digest) => Ok(Reading { stretch, ended, digest }),
                None => Err(StretchError::Decode(DecodeError::Source {
                    decoded: 0,
                    source: std::io::Error::other("the input broke off"),
                })),
            }
        });
        Ok(reading.await??)
    }

    async fn hand_on(
        &self,
        reading: Reading,
        attempt: Attempt<'_>,
    ) -> Result<Transformed, TransformError> {
        let Attempt { mut base, again, entity_tag, input_token } = attempt;
        let bytes = reading.digest.bytes;
        let mut outcome: StretchOutcome =
            blocking(&base.input, move || reading.stretch.finish()).await??;
        let records = RecordCounts { bytes, ..outcome.records };
        self.look_up_references(&mut outcome.datasets).await?;
        if let Some(again) = again {
            let result = replay::read(again, records, &outcome);
            self.answer(&result).await?;
            if again.is_trial {
                return Ok(Transformed::Tried(records));
            }
        }
        if outcome.has_too_long {
            base.input_copy = Some(self.keep_whole(&base.input, &entity_tag).await?);
        }
        base.records = Some(records);
        let routed_to = outcome.datasets.iter().map(|dataset| dataset.contract.dataset()).collect();
        outcome.datasets.extend(self.left_without_rows(&base, again, &outcome).await?);
        base.quarantined_by_reason = outcome.reasons;
        base.quarantine = outcome.quarantine;
        let mut held = 0;
        for dataset in outcome.datasets {
            let is_held = dataset.is_held();
            let request = commit_request(dataset, &base, &self.settings.database_prefix);
            if is_held {
                held += 1;
                self.hold(request, &input_token).await?;
            } else {
                self.request_commit(request).await?;
            }
        }
        base.outcome = if records.routed > 0 { Outcome::Transformed } else { Outcome::Empty };
        self.finish(base, again, &entity_tag, routed_to).await?;
        Ok(Transformed::Done { records, held })
    }

    pub(super) async fn finish(
        &self,
        mut base: Run,
        again: Option<&ReadAgain>,
        entity_tag: &str,
        routed_to: Vec<String>,
    ) -> Result<(), LedgerError> {
        base.finished_at = Utc::now();
        let chosen = again.map(|again| again.datasets.as_slice()).unwrap_or_default();
        let finished = FinishedReading { entity_tag, chosen, routed_to };
        self.settings.ledger.finish_input(&base, finished).await?;
        Ok(())
    }

    /// Stores the request of a dataset and tells the commits queue where it is.
    async fn request_commit(&self, request: CommitRequest) -> Result<(), TransformError> {
        let body = serde_json::to_vec(&request).map_err(|source| TransformError::Serialise {
            dataset: request.dataset.clone(),
            source,
        })?;
        let key = request.key();
        self.settings.lake.put(&key, "application/json", body).await?;
        let pointer = CommitPointer { bucket: self.settings.lake.name().to_owned(), key };
        let table = format!("{}.{}", request.database, request.table);
        self.settings.commits.send(&table, &request.request_id, &pointer).await?;
        Ok(())
    }
}

/// Runs work on a thread that may block.
async fn blocking<T: Send + 'static>(
    input: &InputIdentity,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, TransformError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done),
        Err(_) => {
            Err(TransformError::Panicked { bucket: input.bucket.clone(), key: input.key.clone() })
        }
    }
}
