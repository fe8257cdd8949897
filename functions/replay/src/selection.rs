//! Which landed objects to read again: by what is quarantined of them, or by their keys.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shared::event::ReadAgain;

/// What to do with objects that an order is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// Say which there are.
    #[default]
    List,
    /// Read them, and tell what would become of them: nothing is written but that.
    Try,
    /// Read them again: what they give their tables takes the place of what they gave before.
    Run,
}

/// Objects of which records or rows are in quarantine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuarantinedOrder {
    /// Of this dataset alone: `shop.orders`.
    #[serde(default)]
    pub dataset: Option<String>,
    /// For this reason alone: `wrong_type`.
    #[serde(default)]
    pub reason: Option<String>,
    /// The first UTC day on which the objects arrived; none for the earliest.
    #[serde(default)]
    pub from: Option<NaiveDate>,
    /// The last; none for the latest.
    #[serde(default)]
    pub to: Option<NaiveDate>,
    /// Of objects whose URI begins with this alone.
    #[serde(default)]
    pub object: Option<String>,
    /// What to do.
    #[serde(default)]
    pub action: Reading,
    /// Names the order, for the rest of one that was begun; a new one without it.
    #[serde(default)]
    pub replay: Option<String>,
    /// Where the part before has ended.
    #[serde(default)]
    pub after: String,
}

/// Objects as they landed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LandedOrder {
    /// What their keys in the landing bucket begin with: `segment/2026-11-20/`.
    pub prefix: String,
    /// The datasets that they are read for; all without.
    #[serde(default)]
    pub datasets: Vec<String>,
    /// The first UTC day on which the objects arrived; none for the earliest.
    #[serde(default)]
    pub from: Option<NaiveDate>,
    /// The last; none for the latest.
    #[serde(default)]
    pub to: Option<NaiveDate>,
    /// What to do.
    #[serde(default)]
    pub action: Reading,
    /// Names the order, for the rest of one that was begun; a new one without it.
    #[serde(default)]
    pub replay: Option<String>,
    /// Where the part before has ended.
    #[serde(default)]
    pub after: String,
}

/// How far an order has come.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusOrder {
    /// The order.
    pub replay: String,
}

/// Rows of an object, or records that no dataset took, which are in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Quarantined {
    /// The dataset whose contract refused them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Why.
    pub reason: String,
    /// How many.
    pub rows: u64,
    /// How often they were read again and refused.
    pub tries: u64,
}

/// An object that an order is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selected {
    /// What is asked for.
    pub read_again: ReadAgain,
    /// What is in quarantine of what is read again.
    #[serde(default)]
    pub quarantined: Vec<Quarantined>,
}

/// What an order was about, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SelectionAnswer {
    /// What was asked for.
    pub action: Reading,
    /// The order, under which its results are found.
    pub replay: String,
    /// The objects.
    pub objects: Vec<Selected>,
    /// Objects that cannot be read again: no transform reads their part of the landing bucket.
    pub unreadable: Vec<String>,
    /// Where the next part begins, where there is more: the same order with `replay` and this as `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Whether a day lies in a range with open ends.
pub fn is_within(day: NaiveDate, from: Option<NaiveDate>, to: Option<NaiveDate>) -> bool {
    from.is_none_or(|from| day >= from) && to.is_none_or(|to| day <= to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_range_belong_to_it() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
        assert!(is_within(day(20), None, None));
        assert!(is_within(day(20), Some(day(20)), Some(day(20))));
        assert!(!is_within(day(20), Some(day(21)), None));
        assert!(!is_within(day(20), None, Some(day(19))));
    }

    #[test]
    fn an_order_without_an_action_only_lists() {
        let order: QuarantinedOrder = serde_json::from_str("{}").unwrap();
        assert_eq!(order.action, Reading::List);
        assert!(serde_json::from_str::<LandedOrder>("{}").is_err(), "everything is no prefix");
    }
}
