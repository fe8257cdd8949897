//! Which of Segment's messages belong to which dataset.

use shared::contract::Contract;
use shared::govern::{Plan, Scanned, SlotId};
use shared::transform::{Router, plan};

const PATHS: [&str; 2] = ["type", "event"];

/// Routes a message to its type's dataset and, where its event has a dataset of its own, there too.
#[derive(Debug)]
pub struct SegmentRouter {
    type_slot: Option<SlotId>,
    event_slot: Option<SlotId>,
    /// Type, event and position of each dataset.
    routes: Vec<(String, Option<String>)>,
}

impl SegmentRouter {
    /// A router over contracts; the positions that it gives are positions in this list.
    pub fn new(contracts: &[&'static Contract]) -> Self {
        let plan: Plan = plan(&PATHS, contracts);
        let mut routes = Vec::with_capacity(contracts.len());
        for contract in contracts {
            routes.push((contract.route.record_type.clone(), contract.route.event.clone()));
        }
        Self { type_slot: plan.slot("type"), event_slot: plan.slot("event"), routes }
    }
}

impl Router for SegmentRouter {
    fn route(&self, scanned: &Scanned<'_>, datasets: &mut Vec<usize>) {
        let Some(record_type) = self.type_slot.and_then(|slot| scanned.text(slot)) else {
            return;
        };
        let event = self.event_slot.and_then(|slot| scanned.text(slot));
        for (position, (routed_type, routed_event)) in self.routes.iter().enumerate() {
            if *routed_type == record_type
                && (routed_event.is_none() || routed_event.as_deref() == event.as_deref())
            {
                datasets.push(position);
            }
        }
    }

    fn paths(&self) -> &[&str] {
        &PATHS
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::contract::contracts_of;
    use shared::govern::Scanner;

    use super::*;

    fn routed(record: &str) -> Vec<String> {
        let contracts = contracts_of("segment");
        let router = SegmentRouter::new(&contracts);
        let mut scanner = Scanner::new(Arc::new(plan(&PATHS, &contracts)));
        let mut datasets = Vec::new();
        router.route(&scanner.scan(record.as_bytes()).unwrap(), &mut datasets);
        datasets.iter().map(|position| contracts[*position].dataset()).collect()
    }

    #[test]
    fn a_message_goes_to_its_type_and_to_its_event() {
        assert_eq!(routed(r#"{"type":"page"}"#), ["segment.pages"]);
        assert_eq!(routed(r#"{"type":"track","event":"Signed Up"}"#), ["segment.tracks"]);
        assert_eq!(
            routed(r#"{"event":"Order Completed","type":"track"}"#),
            ["segment.order_completed", "segment.tracks"]
        );
        assert_eq!(routed(r#"{"type":"page","event":"Order Completed"}"#), ["segment.pages"]);
    }

    #[test]
    fn an_unknown_type_goes_nowhere() {
        for record in ["{}", r#"{"type":"unheard"}"#, r#"{"type":null}"#, r#"{"type":["track"]}"#] {
            assert!(routed(record).is_empty(), "{record}");
        }
    }
}
