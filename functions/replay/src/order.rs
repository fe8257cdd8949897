//! What is asked for, and what is answered.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use shared::aws::ReadingState;

use crate::reread::Status;
use crate::selection::{LandedOrder, QuarantinedOrder, SelectionAnswer, StatusOrder};

/// An operator's order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// About rows that a check keeps from their table.
    Held(HeldOrder),
    /// About objects of which records or rows are in quarantine.
    Quarantined(QuarantinedOrder),
    /// About objects as they landed.
    Landed(LandedOrder),
    /// About an order: how far it has come.
    Status(StatusOrder),
}

/// What an order is answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// What is held, and what became of it.
    Held(HeldAnswers),
    /// The objects that are read again.
    Selection(SelectionAnswer),
    /// How far an order has come.
    Status(Status),
}

/// Which held rows, and what to do with them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOrder {
    /// The dataset: `google_ads.campaign_daily`.
    pub dataset: String,
    /// The first UTC day on which they were held; none for the earliest.
    #[serde(default)]
    pub from: Option<NaiveDate>,
    /// The last; none for the latest.
    #[serde(default)]
    pub to: Option<NaiveDate>,
    /// Those of inputs whose URI begins with this alone.
    #[serde(default)]
    pub object: Option<String>,
    /// Those of one run alone.
    #[serde(default)]
    pub run_id: Option<String>,
    /// What to do.
    #[serde(default)]
    pub action: Action,
}

/// What to do with held rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Say what there is.
    #[default]
    List,
    /// Commit them, whatever the check says.
    Release,
    /// Leave them out for good. Their copies expire with the rest of quarantine.
    Drop,
}

/// What is held, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldAnswers {
    /// What was asked for.
    pub action: Action,
    /// What the order was about.
    pub held: Vec<HeldAnswer>,
    /// Rows that the action was about: those that are held still where it is to list.
    pub rows: u64,
    /// Whether there is more: the time was up. The same order goes on.
    pub has_more: bool,
}

/// Rows of one input that were held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldAnswer {
    /// The run that held them.
    pub run_id: String,
    /// The input's URI.
    pub object: String,
    /// When the input arrived.
    pub arrived_at: DateTime<Utc>,
    /// When they were held.
    pub held_at: DateTime<Utc>,
    /// How many.
    pub rows: u64,
    /// The checks that failed.
    pub reason: String,
    /// `held`, `committing` (released), `committed`, `dropped`, or `superseded` by a later reading.
    pub state: ReadingState,
}

impl HeldOrder {
    /// Whether an input is one that the order is about.
    pub fn is_about(&self, run_id: &str, object: &str) -> bool {
        self.run_id.as_deref().is_none_or(|asked| asked == run_id)
            && self.object.as_deref().is_none_or(|prefix| object.starts_with(prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_without_an_action_lists() {
        let order = r#"{"held": {"dataset": "shop.orders", "from": "2026-11-01"}}"#;
        let Order::Held(order) = serde_json::from_str(order).unwrap() else { panic!("{order}") };
        assert_eq!(order.action, Action::List);
        assert!(order.is_about("1", "s3://landing/a"));
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        for order in [
            "{}",
            r#"{"held": {}}"#,
            r#"{"held": {"dataset": "shop.orders", "action": "destroy"}}"#,
            r#"{"held": {"dataset": "shop.orders", "form": "2026-11-01"}}"#,
            r#"{"heald": {"dataset": "shop.orders"}}"#,
            r#"{"quarantined": {"datasets": ["shop.orders"]}}"#,
            r#"{"landed": {}}"#,
        ] {
            assert!(serde_json::from_str::<Order>(order).is_err(), "{order}");
        }
    }

    #[test]
    fn an_order_may_be_about_some_inputs_alone() {
        let order = r#"{"held": {"dataset": "d", "object": "s3://landing/a", "run_id": "1"}}"#;
        let Order::Held(order) = serde_json::from_str(order).unwrap() else { panic!("{order}") };
        assert!(order.is_about("1", "s3://landing/abc"));
        assert!(!order.is_about("2", "s3://landing/abc"));
        assert!(!order.is_about("1", "s3://landing/b"));
    }
}
