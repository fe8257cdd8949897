//! For how long data was bad: by dataset, by domain, by day.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::future::try_join_all;
use serde::Serialize;
use shared::contract::contracts;
use shared::incident::downtime::{self, Downtime, Period};
use shared::incident::{self, Incident, Incidents};

use crate::error::WatchError;
use crate::order::DowntimeOrder;
use crate::people::period;

/// How many datasets are asked for at once.
const AT_ONCE: usize = 8;

/// Stands for all datasets.
const ALL: &str = "all";

/// For how long data was bad.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DowntimeAnswer {
    /// The beginning of the first day.
    pub from: DateTime<Utc>,
    /// The end of the last, or now.
    pub to: DateTime<Utc>,
    /// Of all datasets together.
    pub total: Option<Downtime>,
    /// By domain.
    pub domains: BTreeMap<String, Downtime>,
    /// By dataset, with each of its days.
    pub datasets: BTreeMap<String, DatasetDowntime>,
    /// By day (UTC), of all datasets together.
    pub days: BTreeMap<NaiveDate, Downtime>,
}

/// Of a dataset.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DatasetDowntime {
    /// Its domain.
    pub domain: String,
    /// In the whole time.
    #[serde(flatten)]
    pub whole: Downtime,
    /// By day (UTC), those with downtime alone.
    pub days: BTreeMap<NaiveDate, Downtime>,
}

/// Reckons the downtime of every dataset that has a contract.
pub async fn reckon(
    incidents: &Incidents<impl incident::Store>,
    order: &DowntimeOrder,
    now: DateTime<Utc>,
) -> Result<DowntimeAnswer, WatchError> {
    let mut domains = BTreeMap::new();
    for contract in contracts() {
        domains.insert(contract.dataset(), contract.domain.clone());
    }
    let (from, to) = period(order.from, order.to, now);
    // What is still to come is neither good nor bad.
    let period = Period { from, to: to.min(now).max(from) };
    let names: Vec<String> = domains.keys().cloned().collect();
    let mut of_datasets = BTreeMap::new();
    for some in names.chunks(AT_ONCE) {
        let asked = some.iter().map(|name| incidents.of_dataset(name, period.from, period.to));
        for (name, found) in some.iter().zip(try_join_all(asked).await?) {
            of_datasets.insert(name.clone(), found);
        }
    }
    Ok(of(&of_datasets, &domains, period))
}

fn of(
    of_datasets: &BTreeMap<String, Vec<Incident>>,
    domains: &BTreeMap<String, String>,
    period: Period,
) -> DowntimeAnswer {
    let all: Vec<Incident> = of_datasets.values().flatten().cloned().collect();
    let together: BTreeMap<String, String> =
        domains.keys().map(|dataset| (dataset.clone(), ALL.to_owned())).collect();
    let in_all = |period| downtime::by_domain(&all, &together, period).remove(ALL);
    let mut datasets = BTreeMap::new();
    for (name, incidents) in of_datasets {
        let mut days = downtime::by_day(incidents, period);
        days.retain(|_, day| day.incidents > 0);
        let whole = downtime::of_dataset(incidents, period);
        let domain = domains.get(name).cloned().unwrap_or_default();
        datasets.insert(name.clone(), DatasetDowntime { domain, whole, days });
    }
    let mut days = BTreeMap::new();
    for day in downtime::by_day(&[], period).into_keys() {
        let whole = Period::day(day);
        let part = Period { from: whole.from.max(period.from), to: whole.to.min(period.to) };
        days.extend(in_all(part).map(|downtime| (day, downtime)));
    }
    DowntimeAnswer {
        from: period.from,
        to: period.to,
        total: in_all(period),
        domains: downtime::by_domain(&all, domains, period),
        datasets,
        days,
    }
}
