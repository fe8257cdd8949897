//! Inputs that cannot be read: those that break off, and those that are not there.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::input::{Attempt, Transform, TransformError, Transformed};
use super::replay;
use super::request::base_run;
use crate::aws::{Digest, ObjectError};
use crate::decode::DecodeError;
use crate::event::{ObjectCreated, ReadAgain, ReplayOutcome};
use crate::govern::Reason;
use crate::run::{InputIdentity, Outcome, RecordCounts};

/// What the run of an object says that is not there. Not its key, which the run has elsewhere: this text is told in
/// alerts and in lineage, and what people call their files may be personal.
const GONE: &str = "the object does not exist";

impl Transform {
    /// Keeps an input that breaks off, as it came; nothing of it is committed.
    pub(super) async fn quarantine_whole(
        &self,
        read: RecordCounts,
        digest: Digest,
        damage: &DecodeError,
        attempt: Attempt<'_>,
    ) -> Result<Transformed, TransformError> {
        let Attempt { mut base, again, entity_tag, .. } = attempt;
        // What was read before the damage is not committed either: the whole file is one input.
        let records = RecordCounts {
            records: read.records,
            quarantined: read.records,
            bytes: digest.bytes,
            decoded_bytes: read.decoded_bytes,
            ..RecordCounts::default()
        };
        if let Some(again) = again {
            let result = replay::unreadable(again, ReplayOutcome::Damaged, damage, records);
            self.answer(&result).await?;
            if again.is_trial {
                return Ok(Transformed::Tried(records));
            }
        }
        base.input_copy = Some(self.keep_whole(&base.input, &entity_tag).await?);
        base.records = Some(records);
        base.quarantined_by_reason =
            BTreeMap::from([(Reason::InputDamaged.name().to_owned(), records.records)]);
        base.outcome = Outcome::Quarantined;
        base.error = Some(damage.to_string());
        self.finish(base, again, &entity_tag, Vec::new()).await?;
        Ok(Transformed::Quarantined(records))
    }

    /// Copies the input to quarantine; the copy's URI.
    pub(super) async fn keep_whole(
        &self,
        input: &InputIdentity,
        entity_tag: &str,
    ) -> Result<String, TransformError> {
        let token = InputIdentity::path_token(&input.bucket, &input.key, entity_tag);
        let name = input.key.rsplit('/').next().unwrap_or_default();
        let target = format!("files/{token}/{name}");
        self.quarantine()
            .copy_from(&input.bucket, &input.key, input.version_id.as_deref(), &target)
            .await?;
        Ok(format!("s3://{}/{target}", self.quarantine().name()))
    }

    /// Notes that an object is not there, or tells the order that asked for it.
    pub(super) async fn note_gone(
        &self,
        object: &ObjectCreated,
        again: Option<&ReadAgain>,
        started_at: DateTime<Utc>,
        error: &ObjectError,
    ) -> Result<(), TransformError> {
        if let Some(again) = again {
            let counts = RecordCounts::default();
            let result = replay::unreadable(again, ReplayOutcome::Gone, error, counts);
            return self.answer(&result).await;
        }
        let input = InputIdentity {
            bucket: object.bucket.clone(),
            key: object.key.clone(),
            version_id: object.version_id.clone(),
            checksum: String::new(),
            supersedes: None,
            replay: None,
        };
        let mut run = base_run(self.job(), input, object.at.unwrap_or(started_at), started_at);
        run.outcome = Outcome::Failed;
        run.error = Some(GONE.to_owned());
        run.records = Some(RecordCounts::default());
        self.ledger().note_run(&run).await?;
        Ok(())
    }
}
