//! Which table's changes belong to which dataset.

use shared::contract::Contract;
use shared::govern::{Plan, Scanned, SlotId};
use shared::transform::{Router, plan};

/// Where a change names its table.
pub(crate) const TABLE: &str = "table";

const PATHS: [&str; 1] = [TABLE];

/// Routes a change to the datasets of its table.
#[derive(Debug)]
pub struct TableRouter {
    slot: Option<SlotId>,
    tables: Vec<String>,
}

impl TableRouter {
    /// A router over contracts; the positions that it gives are positions in this list.
    pub fn new(contracts: &[&'static Contract]) -> Self {
        let plan: Plan = plan(&PATHS, contracts);
        let tables = contracts.iter().map(|contract| contract.route.record_type.clone()).collect();
        Self { slot: plan.slot(TABLE), tables }
    }
}

impl Router for TableRouter {
    fn route(&self, scanned: &Scanned<'_>, datasets: &mut Vec<usize>) {
        let Some(table) = self.slot.and_then(|slot| scanned.text(slot)) else {
            return;
        };
        for (position, routed) in self.tables.iter().enumerate() {
            if *routed == table {
                datasets.push(position);
            }
        }
    }

    fn paths(&self) -> &[&str] {
        &PATHS
    }
}
