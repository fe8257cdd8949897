//! Messages, one by one.

use std::ops::Range;

use futures_util::{StreamExt, TryStreamExt, stream};
use shared::aws::{Environment, EnvironmentError, load_config, s3_client};
use shared::event::DatasetEvent;
use shared::run::Outcome;
use shared::state::{StateTable, Store};

use crate::counts::Counts;
use crate::facts::Facts;
use crate::learn::Attribution;
use crate::message::{Days, Message, MessageError, Task};
use crate::river::{River, RiverError};
use crate::rounds::AttributionError;
use crate::rows::Dataset;
use crate::rule::{Rule, UnknownModel, list};

/// Rows that are read in one invocation at most; a larger run is read in parts.
const ROWS_AT_ONCE: u64 = 20_000;

/// Data files that are opened at once.
const FILES_AT_ONCE: usize = 8;

/// Why the function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is missing.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The model is none.
    #[error(transparent)]
    Model(#[from] UnknownModel),
}

/// Why a message is not done.
#[derive(Debug, thiserror::Error)]
pub enum AttributeError {
    /// It cannot be understood.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// What it names cannot be read, or its parts not be sent.
    #[error(transparent)]
    River(#[from] RiverError),
    /// What it says cannot be taken in now.
    #[error(transparent)]
    Attribution(#[from] AttributionError),
}

/// Does what messages ask for.
#[derive(Debug)]
pub struct Attributor<S> {
    attribution: Attribution<S>,
    river: River,
}

impl Attributor<StateTable> {
    /// Makes the attributor from the function's environment.
    pub async fn from_environment() -> Result<Self, StartError> {
        let environment = Environment;
        let rule = Rule {
            model: environment.required("ATTRIBUTION_MODEL")?.parse()?,
            window_days: environment.number("ATTRIBUTION_WINDOW_DAYS")?,
            cancelled_statuses: list(&environment.optional("CANCELLED_STATUSES")),
            unpaid_mediums: list(&environment.optional("UNPAID_MEDIUMS")),
        };
        let config = load_config().await;
        let dynamodb = aws_sdk_dynamodb::Client::new(&config);
        let state = StateTable::new(dynamodb.clone(), environment.required("ATTRIBUTION_TABLE")?);
        let river = River {
            s3: s3_client(&config),
            dynamodb,
            runs_table: environment.required("RUNS_TABLE")?,
            sqs: aws_sdk_sqs::Client::new(&config),
            queue_url: environment.required("ATTRIBUTE_QUEUE_URL")?,
        };
        let retention = environment.number("TOUCH_RETENTION_DAYS")?;
        Ok(Self::new(Attribution::new(state, rule, retention), river))
    }
}

impl<S: Store> Attributor<S> {
    /// An attributor.
    pub fn new(attribution: Attribution<S>, river: River) -> Self {
        Self { attribution, river }
    }

    /// Does what a message asks for.
    pub async fn attribute_message(&self, body: &str) -> Result<Counts, AttributeError> {
        match Message::parse(body)? {
            Message::Dataset(event) => self.take_in_run(*event).await,
            Message::Task(task) => self.take_in_part(task).await,
            Message::Recompute(days) => self.recompute(days).await,
        }
    }

    async fn take_in_run(&self, event: DatasetEvent) -> Result<Counts, AttributeError> {
        let run = &event.run;
        let dataset = run.dataset.as_deref().and_then(Dataset::named);
        let Some(dataset) = dataset.filter(|_| run.outcome == Outcome::Committed) else {
            return Ok(Counts { ignored_messages: 1, ..Counts::default() });
        };
        let mut data_files = event.data_files;
        if data_files.len() < event.data_file_count {
            data_files = self.river.data_files(&run.run_id).await?;
        }
        let is_first = run.input.supersedes.is_none() && run.input.replay.is_none();
        let generation = (!is_first).then(|| run.generation());
        let rows = run.rows.map_or(0, |rows| rows.committed);
        if rows > ROWS_AT_ONCE && dataset.is_read_in_parts() {
            return self.send_parts(dataset, data_files, generation).await;
        }
        let parts = data_files.into_iter().map(|data_file| (data_file, 0..u64::MAX)).collect();
        self.take_in(dataset, parts, generation).await
    }

    async fn take_in_part(&self, task: Task) -> Result<Counts, AttributeError> {
        let Some(dataset) = Dataset::named(&task.dataset) else {
            return Err(MessageError::Dataset(task.dataset).into());
        };
        // A report is read as a whole, whatever somebody asks for.
        let is_part = dataset.is_read_in_parts();
        let rows = if is_part { task.from_row..task.to_row } else { 0..u64::MAX };
        self.take_in(dataset, vec![(task.data_file, rows)], task.generation).await
    }

    async fn take_in(
        &self,
        dataset: Dataset,
        parts: Vec<(String, Range<u64>)>,
        generation: Option<String>,
    ) -> Result<Counts, AttributeError> {
        let mut reads = Vec::with_capacity(parts.len());
        for (data_file, rows) in parts {
            reads.push(async move { self.river.facts(dataset, &data_file, rows).await });
        }
        let mut reads = stream::iter(reads).buffer_unordered(FILES_AT_ONCE);
        let mut facts = Facts::default();
        while let Some(more) = reads.try_next().await? {
            facts.extend(more);
        }
        if let Some(generation) = generation {
            facts.read_again(&generation);
        }
        Ok(self.attribution.learn(&facts).await?)
    }

    async fn send_parts(
        &self,
        dataset: Dataset,
        data_files: Vec<String>,
        generation: Option<String>,
    ) -> Result<Counts, AttributeError> {
        let mut reads = Vec::with_capacity(data_files.len());
        for data_file in data_files {
            reads.push(async move {
                let rows = self.river.rows(&data_file).await?;
                Ok::<_, RiverError>((data_file, rows))
            });
        }
        let mut files = stream::iter(reads).buffer_unordered(FILES_AT_ONCE);
        let mut bodies = Vec::new();
        while let Some((data_file, rows)) = files.try_next().await? {
            for from_row in (0..rows).step_by(ROWS_AT_ONCE as usize) {
                let task = Task {
                    dataset: dataset.name().to_owned(),
                    data_file: data_file.clone(),
                    from_row,
                    to_row: rows.min(from_row + ROWS_AT_ONCE),
                    generation: generation.clone(),
                };
                bodies.push(task.into_body()?);
            }
        }
        self.send(bodies).await
    }

    async fn recompute(&self, days: Days) -> Result<Counts, AttributeError> {
        match days.single() {
            Some(date) => Ok(self.attribution.recompute_day(date).await?),
            None => {
                let bodies: Result<Vec<String>, _> = days.each().map(Days::into_body).collect();
                self.send(bodies?).await
            }
        }
    }

    async fn send(&self, bodies: Vec<String>) -> Result<Counts, AttributeError> {
        let tasks = bodies.len() as u64;
        self.river.send(bodies).await?;
        Ok(Counts { tasks, ..Counts::default() })
    }
}
