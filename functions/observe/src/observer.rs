//! Takes runs in, and has the monitors judge the datasets that they are of.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use chrono::{DateTime, TimeDelta, Utc};
use shared::aws::{Environment, EnvironmentError, load_config};
use shared::contract::{Contract, Monitors, contracts};
use shared::incident::{self, Context, DynamoStore, IncidentError, IncidentTable, Incidents};
use shared::observation::tally::TallyError;
use shared::observation::{
    Bucket, DatasetState, Judgement, Metrics, edges, freshness, graph, volume_monitor,
};
use shared::run::Run;
use shared::state::{StateTable, Store, StoreError};

use crate::{distribution, governance, schema};

/// How far back the days of the columns are looked at.
const COLUMN_DAYS: TimeDelta = TimeDelta::days(60);

/// Why a batch was not observed.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// An item of the stream is no run. A retry does not help.
    #[error("stream record {sequence_number} is no run: {source}")]
    NoRun {
        /// The record's sequence number.
        sequence_number: String,
        /// What serde says.
        source: serde_dynamo::Error,
    },
    /// The observations table failed. A retry may help.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The observations table is contended. A retry helps.
    #[error(transparent)]
    Tally(#[from] TallyError),
    /// The Incidents table failed. A retry may help.
    #[error(transparent)]
    Incident(#[from] IncidentError),
}

/// What came of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Observed {
    /// Runs that were taken in.
    pub runs: u64,
    /// Datasets and folders that were judged.
    pub datasets: u64,
    /// What was found.
    pub findings: u64,
}

/// Observes runs.
#[derive(Debug)]
pub struct Observer<S = StateTable, I = DynamoStore> {
    /// The observations table.
    pub store: S,
    /// The incidents.
    pub incidents: Incidents<I>,
    /// How many days a bucket is remembered.
    pub retention_days: u32,
}

impl Observer {
    /// Makes the observer from the function's environment.
    pub async fn from_environment() -> Result<Self, EnvironmentError> {
        let environment = Environment;
        let dynamodb = Client::new(&load_config().await);
        let retention: u32 = environment.number("INCIDENT_RETENTION_DAYS")?;
        Ok(Self {
            store: StateTable::new(dynamodb.clone(), environment.required("OBSERVATIONS_TABLE")?),
            incidents: IncidentTable::new(
                dynamodb,
                environment.required("INCIDENTS_TABLE")?,
                retention,
            ),
            retention_days: environment.number("OBSERVATION_RETENTION_DAYS")?,
        })
    }
}

/// What the runs of a batch have changed of a dataset.
#[derive(Debug, Default)]
struct Changes<'a> {
    state: DatasetState,
    buckets: Vec<Bucket>,
    runs: Vec<&'a Run>,
}

impl<S: Store, I: incident::Store> Observer<S, I> {
    /// Takes runs in and judges what they are of.
    pub async fn observe(
        &self,
        runs: &[Run],
        now: DateTime<Utc>,
    ) -> Result<Observed, ObserveError> {
        let mut changes: BTreeMap<String, Changes<'_>> = BTreeMap::new();
        for run in runs {
            let changes = changes.entry(governance::subject(run)).or_default();
            if let Some(dataset) = &run.dataset {
                // Futures of many layers are boxed: the compiler would not see through them.
                Box::pin(self.take_in(run, dataset, changes, now)).await?;
            }
            changes.runs.push(run);
        }
        let mut observed =
            Observed { runs: runs.len() as u64, datasets: changes.len() as u64, findings: 0 };
        for (subject, changes) in &changes {
            observed.findings += Box::pin(self.judge(subject, changes, now)).await?;
        }
        Ok(observed)
    }

    fn metrics(&self) -> Metrics<'_, S> {
        Metrics { store: &self.store, retention_days: self.retention_days }
    }

    async fn take_in(
        &self,
        run: &Run,
        dataset: &str,
        changes: &mut Changes<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), ObserveError> {
        let contract = contract_of(dataset);
        changes.buckets.extend(self.metrics().record(run, now).await?);
        let settings = monitors_of(contract).freshness;
        let retention = self.retention_days;
        changes.state = freshness::take_in(&self.store, run, dataset, &settings, retention).await?;
        edges::take_in(&self.store, run, dataset, contract, retention).await?;
        Ok(())
    }

    async fn judge(
        &self,
        subject: &str,
        changes: &Changes<'_>,
        now: DateTime<Utc>,
    ) -> Result<u64, ObserveError> {
        let context = graph::context_of(subject);
        let mut findings = Box::pin(self.judge_governance(subject, changes, &context, now)).await?;
        if changes.runs.iter().all(|run| run.dataset.is_none()) {
            return Ok(findings);
        }
        findings += Box::pin(self.judge_schema(subject, changes, &context, now)).await?;
        let judged = Box::pin(self.judge_metrics(subject, changes, now)).await?;
        for (judgement, resolution) in judged {
            findings +=
                judgement.report(&self.incidents, subject, &context, now, now, resolution).await?;
        }
        Ok(findings)
    }

    /// What follows from what stands in the observations table by now.
    async fn judge_metrics(
        &self,
        dataset: &str,
        changes: &Changes<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<(Judgement, &'static str)>, ObserveError> {
        let contract = contract_of(dataset);
        let monitors = monitors_of(contract);
        let state = &changes.state;
        let metrics = self.metrics();
        let mut judgements = Vec::new();
        let promised = contract.and_then(|contract| contract.latency_minutes);
        // Who is late is found by who looks at the clock: what is observed may lag behind it. Here it only ends.
        let fresh = freshness::judge(state, &monitors.freshness, promised, now)
            .filter(|judgement| judgement.findings.is_empty());
        judgements.extend(fresh.map(|judgement| (judgement, "data has come")));
        let volume =
            volume_monitor::judge(&metrics, state, &monitors.volume, &changes.buckets, now);
        judgements.extend(volume.await?.map(|judgement| (judgement, "the volume is usual again")));
        let known = edges::of_dataset(&self.store, dataset).await?;
        let neighbours = graph::neighbours(dataset);
        let lineage = edges::judge(dataset, &known, &neighbours, now);
        judgements.push((lineage, "the edge is as it was, or belongs to the dataset by now"));
        if monitors.distribution.enabled {
            let days = self.metrics().columns(dataset, now - COLUMN_DAYS, now).await?;
            let judged = distribution::judge(dataset, &days, &monitors.distribution.detector);
            if let Some(judged) = judged {
                self.metrics().keep_anomalies(dataset, judged.day, &judged.anomalies).await?;
                judgements.push((judged.judgement, "the column is as usual again"));
            }
        }
        Ok(judgements)
    }
}

impl<S: Store, I: incident::Store> Observer<S, I> {
    async fn judge_governance(
        &self,
        subject: &str,
        changes: &Changes<'_>,
        context: &Context,
        now: DateTime<Utc>,
    ) -> Result<u64, ObserveError> {
        let retention = self.retention_days;
        let stands =
            governance::take_in(&self.store, subject, &changes.runs, retention, now).await?;
        let Some(stands) = stands else { return Ok(0) };
        Ok(stands.report(&self.incidents, subject, context, now).await?)
    }

    async fn judge_schema(
        &self,
        dataset: &str,
        changes: &Changes<'_>,
        context: &Context,
        now: DateTime<Utc>,
    ) -> Result<u64, ObserveError> {
        let Some(contract) = contract_of(dataset) else { return Ok(0) };
        let judged = schema::take_in(&self.store, dataset, &changes.runs, contract).await?;
        let Some(judgement) = judged else { return Ok(0) };
        let resolution = "the schema is as it was, or this is how it is by now";
        Ok(judgement.report(&self.incidents, dataset, context, now, now, resolution).await?)
    }
}

fn contract_of(dataset: &str) -> Option<&'static Contract> {
    contracts().iter().find(|contract| contract.dataset() == dataset)
}

fn monitors_of(contract: Option<&Contract>) -> Monitors {
    contract.map(|contract| contract.monitors.clone()).unwrap_or_default()
}
