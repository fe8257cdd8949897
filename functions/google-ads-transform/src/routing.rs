//! Which dataset a row belongs to.

use shared::contract::Contract;
use shared::govern::{Plan, Scanned, SlotId};
use shared::transform::{Router, plan};

/// Where a row says which report it is of.
pub const REPORT: &str = "report";

/// The API's cost, which is in the column `cost` in units of the currency.
pub const COST_MICROS: &str = "metrics.costMicros";

/// What is read beside the columns, or comes unasked and says nothing new.
const PATHS: [&str; 7] = [
    REPORT,
    COST_MICROS,
    "adGroup.resourceName",
    "campaign.resourceName",
    "clickView.resourceName",
    "customer.resourceName",
    "metrics.resourceName",
];

/// Routes a row to the dataset of its report.
#[derive(Debug)]
pub struct ReportRouter {
    slot: Option<SlotId>,
    /// The report of each dataset.
    reports: Vec<String>,
}

impl ReportRouter {
    /// A router over contracts; the positions that it gives are positions in this list.
    pub fn new(contracts: &[&'static Contract]) -> Self {
        let plan: Plan = plan(&PATHS, contracts);
        let reports = contracts.iter().map(|contract| contract.route.record_type.clone()).collect();
        Self { slot: plan.slot(REPORT), reports }
    }
}

impl Router for ReportRouter {
    fn route(&self, scanned: &Scanned<'_>, datasets: &mut Vec<usize>) {
        let Some(report) = self.slot.and_then(|slot| scanned.text(slot)) else {
            return;
        };
        datasets.extend(self.reports.iter().position(|known| **known == *report));
    }

    fn paths(&self) -> &[&str] {
        &PATHS
    }
}
