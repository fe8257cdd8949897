//! Objects of the landing bucket that are read again: found, handed to their transforms, and followed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::aws::{Listed, Page, ReplayQueue};
use shared::event::{ReadAgain, ReplayOutcome, ReplayResult};
use shared::run::{InputIdentity, RowCounts};
use uuid::{Uuid, Version};

use crate::Replayer;
use crate::held::ReplayError;
use crate::quarantine::by_input;
use crate::selection::{
    LandedOrder, Quarantined, QuarantinedOrder, Reading, Selected, SelectionAnswer, is_within,
};

/// Objects of one part of an order: an answer of Lambda holds 6 MB.
const MOST_OBJECTS: usize = 500;

/// A part of the landing bucket, and the queue of the transform that reads it.
#[derive(Debug)]
pub struct Shore {
    /// What its keys begin with.
    pub prefix: &'static str,
    /// The queue.
    pub queue: ReplayQueue,
}

/// A part of an order, as it is kept beside its results.
#[derive(Debug, Serialize, Deserialize)]
struct Part {
    objects: Vec<Selected>,
}

/// How far an order has come, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Objects that were to be read.
    pub objects: u64,
    /// Objects that were read, or could not be.
    pub done: u64,
    /// Objects that are not there any more.
    pub gone: u64,
    /// Objects that break off.
    pub damaged: u64,
    /// Objects that hold no data by their names.
    pub passed_by: u64,
    /// By dataset; the empty name is for records that no dataset took.
    pub datasets: BTreeMap<String, DatasetStatus>,
    /// Whether the time was up before every result was read.
    pub has_more: bool,
}

/// What came of an order in a dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DatasetStatus {
    /// Rows, or records, that were in quarantine before.
    pub quarantined_before: u64,
    /// Those that are, or would be, now.
    pub quarantined: u64,
    /// By reason.
    pub quarantined_by_reason: BTreeMap<String, u64>,
    /// Rows of the objects, those included that were in the table before.
    pub committed: u64,
    /// Rows that a check holds.
    pub held: u64,
    /// The checks, with the number of objects that failed them.
    pub failed_checks: BTreeMap<String, u64>,
}

impl Replayer {
    /// Carries out an order about what is in quarantine, a part of it.
    pub async fn quarantined(
        &self,
        order: &QuarantinedOrder,
        deadline: DateTime<Utc>,
    ) -> Result<SelectionAnswer, ReplayError> {
        let replay = name_of(order.replay.as_deref())?;
        let prefix = folder(order);
        let Page { objects: listed, is_truncated } =
            self.quarantine.list(&prefix, &order.after).await?;
        let last = listed.last().map(|last| last.key.clone());
        let mut inputs = by_input(listed.into_iter().map(|object| object.key));
        if is_truncated && inputs.len() > 1 {
            // The rest of its objects may be on the next page.
            inputs.pop();
        }
        let mut objects = Vec::new();
        // What is no object of records has been passed by.
        let mut reached = if inputs.is_empty() { last } else { None };
        let mut is_complete = !is_truncated;
        for input in &inputs {
            if objects.len() == MOST_OBJECTS || Utc::now() >= deadline {
                is_complete = false;
                break;
            }
            objects.extend(input.selected(order, &replay, &self.quarantine, &self.ledger).await?);
            reached = input.keys.iter().max().cloned();
        }
        let reached = reached.unwrap_or_else(|| order.after.clone());
        let next = (!is_complete).then_some(reached);
        self.order(order.action, replay, objects, &order.after, next).await
    }

    /// Carries out an order about landed objects, a part of it.
    pub async fn landed(&self, order: &LandedOrder) -> Result<SelectionAnswer, ReplayError> {
        let replay = name_of(order.replay.as_deref())?;
        let Page { objects: listed, is_truncated } =
            self.landing.list(&order.prefix, &order.after).await?;
        let is_last = listed.len() <= MOST_OBJECTS && !is_truncated;
        let listed = &listed[..listed.len().min(MOST_OBJECTS)];
        let next = if is_last { None } else { listed.last().map(|last| last.key.clone()) };
        let mut objects = Vec::new();
        for Listed { key, last_modified, .. } in listed {
            let day = last_modified.map(|at| at.date_naive());
            let is_asked_for = day.is_none_or(|day| is_within(day, order.from, order.to));
            if !is_asked_for || key.ends_with('/') {
                continue;
            }
            let read_again = ReadAgain {
                replay: replay.clone(),
                bucket: self.landing.name().to_owned(),
                key: key.clone(),
                version_id: None,
                datasets: order.datasets.clone(),
                is_trial: false,
            };
            objects.push(Selected { read_again, quarantined: Vec::new() });
        }
        self.order(order.action, replay, objects, &order.after, next).await
    }

    /// Notes what an order is about, and hands it on.
    async fn order(
        &self,
        action: Reading,
        replay: String,
        selected: Vec<Selected>,
        after: &str,
        next: Option<String>,
    ) -> Result<SelectionAnswer, ReplayError> {
        let mut objects = Vec::with_capacity(selected.len());
        let mut unreadable = Vec::new();
        let mut queues = Vec::new();
        for mut one in selected {
            one.read_again.is_trial = action == Reading::Try;
            let key = &one.read_again.key;
            match self.shores.iter().find(|shore| key.starts_with(shore.prefix)) {
                Some(shore) => {
                    queues.push(&shore.queue);
                    objects.push(one);
                }
                None => unreadable.push(key.clone()),
            }
        }
        if action != Reading::List {
            // Before the first is sent: a result without an order could not be read.
            let part = Part { objects };
            self.keep(&part_key(&replay, after), &part).await?;
            for (one, queue) in part.objects.iter().zip(queues) {
                queue.send(one.read_again.clone()).await?;
            }
            objects = part.objects;
        }
        tracing::info!(replay, ?action, objects = objects.len(), "objects to be read again");
        Ok(SelectionAnswer { action, replay, objects, unreadable, next })
    }

    async fn keep(&self, key: &str, part: &Part) -> Result<(), ReplayError> {
        let body = serde_json::to_vec(part).map_err(|error| malformed(key, &error))?;
        Ok(self.quarantine.put(key, "application/json", body).await?)
    }

    /// How far an order has come.
    pub async fn status(
        &self,
        replay: &str,
        deadline: DateTime<Utc>,
    ) -> Result<Status, ReplayError> {
        let mut status = Status::default();
        for key in self.keys(&parts_folder(replay)).await? {
            let Some(body) = self.quarantine.get(&key).await? else { continue };
            let part: Part =
                serde_json::from_slice(&body).map_err(|error| malformed(&key, &error))?;
            status.objects += part.objects.len() as u64;
            for one in part.objects.iter().flat_map(|one| &one.quarantined) {
                status.was_quarantined(one);
            }
        }
        for key in self.keys(&ReplayResult::folder(replay)).await? {
            if Utc::now() >= deadline {
                status.has_more = true;
                break;
            }
            let Some(body) = self.quarantine.get(&key).await? else { continue };
            let result = serde_json::from_slice(&body).map_err(|error| malformed(&key, &error))?;
            status.add(result);
        }
        Ok(status)
    }

    async fn keys(&self, folder: &str) -> Result<Vec<String>, ReplayError> {
        let mut keys: Vec<String> = Vec::new();
        loop {
            let after = keys.last().map_or("", String::as_str);
            let page = self.quarantine.list(folder, after).await?;
            keys.extend(page.objects.into_iter().map(|object| object.key));
            if !page.is_truncated {
                return Ok(keys);
            }
        }
    }
}

impl Status {
    fn was_quarantined(&mut self, one: &Quarantined) {
        let dataset = one.dataset.clone().unwrap_or_default();
        self.datasets.entry(dataset).or_default().quarantined_before += one.rows;
    }

    fn add(&mut self, result: ReplayResult) {
        self.done += 1;
        match result.outcome {
            ReplayOutcome::Gone => self.gone += 1,
            ReplayOutcome::Damaged => self.damaged += 1,
            ReplayOutcome::PassedBy => self.passed_by += 1,
            ReplayOutcome::Read => {}
        }
        if result.records.quarantined > 0 {
            let unrouted = self.datasets.entry(String::new()).or_default();
            unrouted.quarantined += result.records.quarantined;
            add_reasons(&mut unrouted.quarantined_by_reason, result.quarantined_by_reason);
        }
        for read in result.datasets {
            let dataset = self.datasets.entry(read.dataset).or_default();
            let RowCounts { committed, quarantined, .. } = read.rows;
            dataset.quarantined += quarantined;
            add_reasons(&mut dataset.quarantined_by_reason, read.quarantined_by_reason);
            if read.failed_checks.is_empty() {
                dataset.committed += committed;
            } else {
                dataset.held += committed;
                for check in read.failed_checks {
                    *dataset.failed_checks.entry(check).or_insert(0) += 1;
                }
            }
        }
    }
}

fn add_reasons(sum: &mut BTreeMap<String, u64>, reasons: BTreeMap<String, u64>) {
    for (reason, count) in reasons {
        *sum.entry(reason).or_insert(0) += count;
    }
}

/// The folder of quarantine objects that an order can be about.
fn folder(order: &QuarantinedOrder) -> String {
    let contracts = shared::contract::contracts();
    let asked = order.dataset.as_deref();
    let contract = contracts.iter().find(|contract| Some(contract.dataset().as_str()) == asked);
    match contract {
        Some(contract) => format!("rows/{}/", contract.route.source),
        None => "rows/".to_owned(),
    }
}

/// The name of an order: the one given, or a new one. Later orders must sort behind earlier ones.
fn name_of(given: Option<&str>) -> Result<String, ReplayError> {
    let now = Uuid::now_v7().simple().to_string();
    let Some(given) = given else { return Ok(now) };
    let is_name = Uuid::try_parse(given).is_ok_and(|id| {
        id.get_version() == Some(Version::SortRand) && id.simple().to_string() == given
    });
    if is_name && *given <= *now {
        return Ok(given.to_owned());
    }
    Err(ReplayError::Name { name: given.to_owned() })
}

fn parts_folder(replay: &str) -> String {
    format!("replays/{replay}/parts/")
}

/// The same part has the same key, however often it is asked for.
fn part_key(replay: &str, after: &str) -> String {
    format!("{}{}.json", parts_folder(replay), InputIdentity::path_token(replay, after, ""))
}

fn malformed(key: &str, error: &serde_json::Error) -> ReplayError {
    ReplayError::Malformed { key: key.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_a_name_that_sorts_by_its_time() {
        let first = name_of(None).unwrap();
        assert_eq!(name_of(Some(&first)).unwrap(), first);
        assert!(first < name_of(None).unwrap());
        let random = "3f2504e04f8941d39a0c0305e82c3301";
        let late = "ffffffffffff7fff8fffffffffffffff";
        for name in ["fix-march", "", random, late, &first.to_uppercase(), &format!("{first}0")] {
            assert!(name_of(Some(name)).is_err(), "{name}");
        }
    }
}
