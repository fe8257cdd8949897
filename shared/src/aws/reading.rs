//! The ledger's part about what an object gave a dataset, each time that it was read.
//!
//! An item a reading and dataset, `dataset#<checksum>#<dataset>`, or `dataset#<checksum>@<order>#<dataset>`
//! where it was read again on an order: absent, then `committing` with the request that does it, then
//! `committed` with the snapshot and the files. Or `held`, with where the rows are kept, until they are
//! released or `dropped`; and `superseded` once a later reading of the object has taken its place. The last
//! step of a commit and the run's insert are one transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use serde::{Deserialize, Serialize};

use super::explain;
use super::ledger::{Item, Ledger, LedgerError, text};
use crate::event::CommitPointer;
use crate::run::{InputIdentity, Run};

/// The data files of a reading are listed in its item up to so many bytes: an item holds 400 KB.
const MOST_FILE_BYTES: usize = 200_000;

/// A transaction has at most 100 items, of which two are the commit's own.
const MOST_TOGETHER: usize = 98;

/// How far a reading has come in a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadingState {
    /// A request is to commit it, or is doing so.
    Committing,
    /// Its rows are in the table.
    Committed,
    /// A check keeps its rows from the table.
    Held,
    /// Its held rows were left out for good.
    Dropped,
    /// A later reading of the object has taken its place.
    Superseded,
}

impl ReadingState {
    /// As it is written in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Self::Committing => "committing",
            Self::Committed => "committed",
            Self::Held => "held",
            Self::Dropped => "dropped",
            Self::Superseded => "superseded",
        }
    }

    /// Whether its rows are in the table, or may still come there.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Committing | Self::Committed | Self::Held)
    }
}

/// What a reading of an object gave a dataset, and how far that has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Names it among the object's.
    #[serde(default)]
    pub part: String,
    /// How far it has come.
    pub state: ReadingState,
    /// Orders the readings of an object: see [`Run::generation`].
    #[serde(default)]
    pub generation: String,
    request_bucket: String,
    request_key: String,
    /// The files in the table; none where they are too many to be listed here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_files: Option<Vec<String>>,
    /// The run that told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
}

impl Reading {
    fn new(run: &Run, dataset: &str, state: ReadingState, request: &CommitPointer) -> Self {
        Self {
            part: part(&run.input, dataset),
            state,
            generation: run.generation(),
            request_bucket: request.bucket.clone(),
            request_key: request.key.clone(),
            data_files: None,
            run_id: None,
        }
    }

    /// Whether it is what an input gave a dataset.
    pub fn is_of(&self, input: &InputIdentity, dataset: &str) -> bool {
        self.part == part(input, dataset)
    }

    /// Whether it is what a reading, by its name, gave a dataset: see [`InputIdentity::reading`].
    pub fn is_named(&self, reading: &str, dataset: &str) -> bool {
        self.part == named(reading, dataset)
    }

    /// The request that commits it, in the form that it was committed in; or where held rows are kept.
    pub fn request(&self) -> CommitPointer {
        CommitPointer { bucket: self.request_bucket.clone(), key: self.request_key.clone() }
    }

    /// The dataset.
    pub fn dataset(&self) -> &str {
        self.part.rsplit('#').next().unwrap_or_default()
    }
}

/// Who carries a commit out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// This request does.
    ByThis,
    /// An earlier request does; it is to be finished instead.
    ByEarlier(CommitPointer),
    /// There is nothing to do: it is done, its rows are held, or another reading took its place.
    Done(ReadingState),
}

impl Ledger {
    /// Claims the commit of what a run read for a dataset for a request.
    pub async fn begin_commit(
        &self,
        run: &Run,
        dataset: &str,
        request: &CommitPointer,
    ) -> Result<Begun, LedgerError> {
        let uri = run.input.uri();
        let item = self.reading_item(run, dataset, ReadingState::Committing, request)?;
        let put = self
            .client
            .put_item()
            .table_name(&self.inputs_table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#part)")
            .expression_attribute_names("#part", "part")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match put {
            Ok(_) => return Ok(Begun::ByThis),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) => {}
            Err(error) => return Err(self.inputs_failed("PutItem", &uri, explain(&error))),
        }
        Ok(match self.reading(&run.input, dataset).await? {
            Some(reading) if reading.state != ReadingState::Committing => {
                Begun::Done(reading.state)
            }
            Some(reading) if reading.request() != *request => Begun::ByEarlier(reading.request()),
            _ => Begun::ByThis,
        })
    }

    /// How far a reading has come in a dataset; none where nobody has asked for a commit or held its rows.
    pub async fn reading(
        &self,
        input: &InputIdentity,
        dataset: &str,
    ) -> Result<Option<Reading>, LedgerError> {
        let uri = input.uri();
        let get = self.client.get_item().table_name(&self.inputs_table).consistent_read(true);
        let item = match get.set_key(Some(reading_key(input, dataset))).send().await {
            Ok(output) => output.item,
            Err(error) => return Err(self.inputs_failed("GetItem", &uri, explain(&error))),
        };
        let Some(item) = item else { return Ok(None) };
        let reading = serde_dynamo::from_item(item);
        reading.map(Some).map_err(|error| self.inputs_failed("GetItem", &uri, error.to_string()))
    }

    /// Marks a commit as `done`, earlier readings as superseded, and inserts the run; all or nothing. False
    /// when it was done before.
    pub async fn finish_commit(
        &self,
        run: &Run,
        dataset: &str,
        request: &CommitPointer,
        done: ReadingState,
        earlier: &[Reading],
    ) -> Result<bool, LedgerError> {
        let uri = run.input.uri();
        let (together, before) = earlier.split_at(earlier.len().min(MOST_TOGETHER));
        for reading in before {
            let marked = self.transact(&uri, vec![self.superseded(&uri, reading)?]).await?;
            tracing::debug!(input = uri, part = reading.part, marked, "superseded");
        }
        let snapshot = run
            .snapshot_id
            .map_or(AttributeValue::Null(true), |id| AttributeValue::N(id.to_string()));
        let update = Update::builder()
            .table_name(&self.inputs_table)
            .set_key(Some(reading_key(&run.input, dataset)))
            .update_expression(
                "SET #state = :done, snapshot_id = :snapshot, data_files = :files, run_id = :run",
            )
            .condition_expression("#state = :committing AND request_key = :request")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":done", text(done.name()))
            .expression_attribute_values(":committing", text(ReadingState::Committing.name()))
            .expression_attribute_values(":request", text(&request.key))
            .expression_attribute_values(":files", listed(&run.data_files))
            .expression_attribute_values(":snapshot", snapshot)
            .expression_attribute_values(":run", text(&run.run_id))
            .build();
        let update = update
            .map_err(|error| self.inputs_failed("TransactWriteItems", &uri, error.to_string()))?;
        let mut items =
            vec![TransactWriteItem::builder().update(update).build(), self.insert_run(run)?];
        for reading in together {
            items.push(self.superseded(&uri, reading)?);
        }
        self.transact(&uri, items).await
    }

    /// Notes that the rows of an input for a dataset are held, with their run, both or neither; false when
    /// it was noted before. `held` is where the request is that was not made.
    pub async fn hold(
        &self,
        run: &Run,
        dataset: &str,
        held: &CommitPointer,
    ) -> Result<bool, LedgerError> {
        let uri = run.input.uri();
        let item = self.reading_item(run, dataset, ReadingState::Held, held)?;
        let put = self.put_new_input(&uri, item)?;
        let insert = self.insert_run(run)?;
        self.transact(&uri, vec![put, insert]).await
    }

    fn superseded(&self, uri: &str, reading: &Reading) -> Result<TransactWriteItem, LedgerError> {
        let key = HashMap::from([
            ("input".to_owned(), text(uri)),
            ("part".to_owned(), text(&reading.part)),
        ]);
        let update = Update::builder()
            .table_name(&self.inputs_table)
            .set_key(Some(key))
            .update_expression("SET #state = :superseded")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":superseded", text(ReadingState::Superseded.name()))
            .build();
        match update {
            Ok(update) => Ok(TransactWriteItem::builder().update(update).build()),
            Err(error) => Err(self.inputs_failed("TransactWriteItems", uri, error.to_string())),
        }
    }

    fn reading_item(
        &self,
        run: &Run,
        dataset: &str,
        state: ReadingState,
        request: &CommitPointer,
    ) -> Result<Item, LedgerError> {
        let uri = run.input.uri();
        let mut item = self.item(&uri, &Reading::new(run, dataset, state, request))?;
        item.extend(reading_key(&run.input, dataset));
        Ok(item)
    }
}

fn part(input: &InputIdentity, dataset: &str) -> String {
    named(&input.reading(), dataset)
}

fn named(reading: &str, dataset: &str) -> String {
    format!("dataset#{reading}#{dataset}")
}

pub(super) fn reading_key(input: &InputIdentity, dataset: &str) -> Item {
    HashMap::from([
        ("input".to_owned(), text(&input.uri())),
        ("part".to_owned(), text(&part(input, dataset))),
    ])
}

/// The files as a list; nothing where they are too many.
fn listed(files: &[String]) -> AttributeValue {
    if files.iter().map(|file| file.len() + 3).sum::<usize>() > MOST_FILE_BYTES {
        return AttributeValue::Null(true);
    }
    AttributeValue::L(files.iter().map(|file| text(file)).collect())
}
