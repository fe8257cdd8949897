//! Watch: data downtime by the clock, and what is asked of incidents.
//!
//! Input: a clock, or whoever asks ([`Order`]); what `observe` has learnt of each dataset
//! ([`shared::observation`]), the queues' depths, what has landed and what was read. Output: incidents
//! ([`shared::incident`]), and answers.
//!
//! `observe` judges when something comes. What does not come is for the clock to notice: a dataset that is
//! late although nothing runs, a bucket that closed empty, an edge that fell silent, a message that nobody
//! takes, an object that nobody has read. Each tick looks at what stands by then, so a tick that fails or
//! comes twice, or two that meet, make no difference to where an incident ends.

mod datasets;
pub mod downtime;
mod error;
pub mod landed;
pub mod memory;
pub mod open;
pub mod order;
pub mod people;
pub mod queue_depth;
pub mod queues;
pub mod stretch;
mod sweeper;
mod tick;
pub mod unread;
mod watcher;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use lambda_runtime::LambdaEvent;
use serde::Serialize;
use shared::aws::{Bucket, Environment, EnvironmentError, KnownInputs, load_config, s3_client};
use shared::contract::contracts;
use shared::incident::{DynamoStore, IncidentTable};
use shared::observation::graph;
use shared::state::StateTable;
use shared::telemetry::Metrics;

use crate::landed::LandingBucket;
use crate::queue_depth::Sqs;
use crate::queues::{Queue, QueueKind};

pub use downtime::DowntimeAnswer;
pub use error::{StartError, WatchError};
pub use order::Order;
pub use people::{Listing, Said};
pub use sweeper::{SweepAnswer, SweepSettings, Sweeper};
pub use tick::Tick;
pub use watcher::{WatchSettings, Watched, Watcher};

/// The function's name in metrics.
pub const JOB: &str = "watch";

/// The variables that list queues, and what their queues are for.
const QUEUE_LISTS: [(&str, QueueKind); 3] = [
    ("QUEUES", QueueKind::Work),
    ("DEAD_LETTER_QUEUES", QueueKind::DeadLetters),
    ("FAILURE_QUEUES", QueueKind::Failures),
];

/// A sweep stops so long before the time is up, to write down how far it has come.
const RESERVE: TimeDelta = TimeDelta::seconds(30);

/// The function.
#[derive(Debug)]
pub struct Watch {
    /// Looks at the clock.
    pub watcher: Watcher<StateTable, DynamoStore, Sqs>,
    /// Sweeps the landing bucket.
    pub sweeper: Sweeper<StateTable, DynamoStore, LandingBucket>,
}

/// What an order is answered with.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// What a tick has seen.
    Watched(Watched),
    /// What a sweep has seen.
    Swept(SweepAnswer),
    /// Incidents.
    Incidents(Listing),
    /// What somebody's word has done.
    Said(Said),
    /// For how long data was bad.
    Downtime(DowntimeAnswer),
}

impl Watch {
    /// Makes the function from its environment.
    pub async fn from_environment() -> Result<Self, StartError> {
        let environment = Environment;
        let config = load_config().await;
        let dynamodb = aws_sdk_dynamodb::Client::new(&config);
        let store = StateTable::new(dynamodb.clone(), environment.required("OBSERVATIONS_TABLE")?);
        let incidents = IncidentTable::new(
            dynamodb.clone(),
            environment.required("INCIDENTS_TABLE")?,
            environment.number("INCIDENT_RETENTION_DAYS")?,
        );
        let patience = TimeDelta::seconds(i64::from(environment.number("OLDEST_MESSAGE_SECONDS")?));
        Ok(Self {
            watcher: Watcher {
                store: store.clone(),
                incidents: incidents.clone(),
                depth: Sqs { client: aws_sdk_sqs::Client::new(&config) },
                settings: WatchSettings {
                    queues: queues_of(environment)?,
                    patience,
                    retention_days: environment.number("OBSERVATION_RETENTION_DAYS")?,
                    context_of: graph::context_of,
                    is_known,
                },
            },
            sweeper: Sweeper {
                store,
                incidents,
                landed: LandingBucket {
                    bucket: Bucket::new(
                        s3_client(&config),
                        environment.required("LANDING_BUCKET")?,
                    ),
                    inputs: KnownInputs::new(dynamodb, environment.required("INPUTS_TABLE")?),
                },
                settings: SweepSettings {
                    grace: minutes(environment, "SWEEP_GRACE_MINUTES")?,
                    look_back: minutes(environment, "SWEEP_LOOK_BACK_MINUTES")?,
                    patience,
                },
            },
        })
    }

    /// Carries an order out, as far as it comes by a deadline.
    pub async fn carry_out(
        &self,
        order: &Order,
        now: DateTime<Utc>,
        deadline: DateTime<Utc>,
    ) -> Result<Answer, WatchError> {
        let incidents = &self.watcher.incidents;
        Ok(match order {
            Order::Watch(order) => Answer::Watched(self.watcher.watch(order, now).await?),
            Order::Sweep(order) => Answer::Swept(self.sweeper.sweep(order, now, deadline).await?),
            Order::Incidents(order) => {
                let mut listing = people::list(incidents, order, now).await?;
                people::name_objects(&self.sweeper.store, &mut listing).await?;
                Answer::Incidents(listing)
            }
            Order::Acknowledge(order) => {
                Answer::Said(people::acknowledge(incidents, order, now).await?)
            }
            Order::Mute(order) => Answer::Said(people::mute(incidents, order, now).await?),
            Order::Unmute(order) => Answer::Said(people::unmute(incidents, order, now).await?),
            Order::Close(order) => Answer::Said(people::close(incidents, order, now).await?),
            Order::Downtime(order) => {
                Answer::Downtime(downtime::reckon(incidents, order, now).await?)
            }
        })
    }
}

/// Whether a dataset has a contract.
fn is_known(dataset: &str) -> bool {
    contracts().iter().any(|contract| contract.dataset() == dataset)
}

fn queues_of(environment: Environment) -> Result<Vec<Queue>, StartError> {
    let mut queues = Vec::new();
    for (variable, kind) in QUEUE_LISTS {
        queues.extend(queues::parse(variable, &environment.optional(variable), kind)?);
    }
    Ok(queues)
}

fn minutes(environment: Environment, name: &'static str) -> Result<TimeDelta, EnvironmentError> {
    Ok(TimeDelta::minutes(i64::from(environment.number(name)?)))
}

/// Handles an order.
pub async fn handle(watch: Arc<Watch>, event: LambdaEvent<Order>) -> Result<Answer, WatchError> {
    let mut metrics = Metrics::of(JOB);
    let deadline = DateTime::<Utc>::from(event.context.deadline()) - RESERVE;
    let answered = watch.carry_out(&event.payload, Utc::now(), deadline).await;
    match &answered {
        Ok(answer) => count(&mut metrics, answer),
        Err(error) => {
            metrics.count("FailedInvocations", 1);
            tracing::error!(error = %error, "the order is not carried out, or in part");
        }
    }
    metrics.emit();
    answered
}

fn count(metrics: &mut Metrics, answer: &Answer) {
    match answer {
        Answer::Watched(watched) => {
            metrics.count("WatchedDatasets", watched.datasets);
            metrics.count("LateDatasets", watched.late);
            metrics.count("OpenIncidents", watched.open_incidents);
            metrics.count("DeadLetters", watched.dead_letters);
            metrics.count("WaitingQueues", watched.waiting_queues);
        }
        Answer::Swept(swept) => {
            metrics.count("SweptObjects", swept.objects);
            metrics.count("UnreadObjects", swept.unread);
        }
        Answer::Incidents(_) | Answer::Said(_) | Answer::Downtime(_) => {}
    }
}
