//! The rule: which touches count, which of them are credited, and which orders count at all.

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use shared::attribution::facts::Touch;

/// Whom an order is credited to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// The last paid touch before it.
    Last,
    /// The first in the window.
    First,
    /// Every different click in the window, in equal parts.
    Linear,
}

/// It is the name of no model.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("attribution model `{0}` is none of last, first, linear")]
pub struct UnknownModel(String);

impl FromStr for Model {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<Self, UnknownModel> {
        match name {
            "last" => Ok(Self::Last),
            "first" => Ok(Self::First),
            "linear" => Ok(Self::Linear),
            _ => Err(UnknownModel(name.to_owned())),
        }
    }
}

impl Model {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::First => "first",
            Self::Linear => "linear",
        }
    }
}

/// The rule of attribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Whom an order is credited to.
    pub model: Model,
    /// The look-back window in days.
    pub window_days: u32,
    /// States in which an order does not count, in lower case.
    pub cancelled_statuses: BTreeSet<String>,
    /// Mediums that nobody pays for, in lower case.
    pub unpaid_mediums: BTreeSet<String>,
}

impl Rule {
    /// Whether somebody paid for a touch. Who tags a link and names no medium means an advertisement.
    pub fn is_paid(&self, touch: &Touch) -> bool {
        if touch.gclid.is_some() {
            return true;
        }
        let medium = touch.medium.as_deref().unwrap_or_default().trim().to_lowercase();
        touch.campaign.is_some() && !self.unpaid_mediums.contains(&medium)
    }

    /// Whether an order in a state counts.
    pub fn counts(&self, status: Option<&str>) -> bool {
        let status = status.unwrap_or_default().trim().to_lowercase();
        !self.cancelled_statuses.contains(&status)
    }

    /// Where the window of an order begins; this moment itself is outside.
    pub fn window_start(&self, ordered_at: DateTime<Utc>) -> DateTime<Utc> {
        let window = TimeDelta::days(i64::from(self.window_days));
        ordered_at.checked_sub_signed(window).unwrap_or(DateTime::<Utc>::MIN_UTC)
    }

    /// Whether a moment is in the window of an order.
    pub fn is_in_window(&self, at: DateTime<Utc>, ordered_at: DateTime<Utc>) -> bool {
        self.window_start(ordered_at) < at && at <= ordered_at
    }
}

/// The elements of a list as settings have it: with commas between them, in lower case.
pub fn list(text: &str) -> BTreeSet<String> {
    let elements = text.split(',').map(|element| element.trim().to_lowercase());
    elements.filter(|element| !element.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_trimmed_and_in_lower_case() {
        let expected: BTreeSet<String> = ["email".to_owned(), "sms".to_owned()].into();
        assert_eq!(list(" Email, ,SMS,"), expected);
    }

    #[test]
    fn a_model_has_one_name() {
        for model in [Model::Last, Model::First, Model::Linear] {
            assert_eq!(model.name().parse(), Ok(model));
        }
        assert!("Last".parse::<Model>().is_err());
    }
}
