//! What a contract may say about a monitor; every setting has a default, so that none is needed.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// The settings of one monitor of one dataset. Unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// How far a value may stray before it is called an anomaly.
    pub sensitivity: Sensitivity,
    /// Which season the series has.
    pub season: Season,
    /// Whether days at the turn of a month may deviate as they did a month ago.
    pub month_ends: MonthEnds,
    /// Values are not anomalous as long as they and what is expected both lie below this (in the unit of the series).
    pub ignore_below: Option<f64>,
    /// The least value that the contract allows, judged from the first point on.
    pub least: Option<f64>,
    /// The greatest value that the contract allows, judged from the first point on.
    pub most: Option<f64>,
    /// How many points in a row must agree before a new level is taken as lasting. By default 5 of a daily
    /// series and a day's worth of a finer one.
    pub adopt_after: Option<usize>,
    /// Times that are neither judged nor learnt from.
    pub maintenance_windows: Vec<MaintenanceWindow>,
    /// Days (in the time zone) that are neither judged nor learnt from.
    pub holidays: Vec<NaiveDate>,
    /// The time zone of hours, weekdays and holidays, by its IANA name; UTC by default.
    pub time_zone: TimeZone,
}

/// A time zone of the IANA database, UTC by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeZone(pub Tz);

impl Default for TimeZone {
    fn default() -> Self {
        Self(Tz::UTC)
    }
}

/// How wide the interval of what is normal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sensitivity {
    /// 1.5 times as wide as `medium`.
    Low,
    /// About one false alert in 5,000 points.
    #[default]
    Medium,
    /// 0.75 times as wide as `medium`.
    High,
}

impl Sensitivity {
    /// What the width of the interval is multiplied with.
    pub(crate) fn width(self) -> f64 {
        match self {
            Self::Low => 1.5,
            Self::Medium => 1.0,
            Self::High => 0.75,
        }
    }
}

/// The season of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Season {
    /// Whichever predicts the past best.
    #[default]
    Auto,
    /// None.
    None,
    /// By the hour of the day (of series that are finer than daily).
    Day,
    /// By the day of the week, of finer series by the hour of the week.
    Week,
}

/// What is learnt of the last and first three days of months, of daily series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MonthEnds {
    /// They may deviate as the same day did a month ago.
    #[default]
    Auto,
    /// They are days like others.
    None,
}

/// A time in which a series is neither judged nor learnt from: once (`from`, `to`), or every week (`weekday`, `start`, `end`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MaintenanceWindow {
    /// Once.
    Once(OnceWindow),
    /// Every week.
    Weekly(WeeklyWindow),
}

/// A window from one moment to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OnceWindow {
    /// The first moment of the window.
    pub from: DateTime<Utc>,
    /// The first moment after the window.
    pub to: DateTime<Utc>,
}

/// A window that comes every week, in the time zone of the settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WeeklyWindow {
    /// The day it begins on, `Mon` to `Sun` or in full.
    pub weekday: Weekday,
    /// When it begins, `02:00:00`.
    pub start: NaiveTime,
    /// When it ends; not later than `start` means on the next day.
    pub end: NaiveTime,
}

/// What is wrong with settings. No retry helps.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Not JSON, an unknown key, or a value of the wrong type.
    #[error("settings: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// A number that cannot be meant.
    #[error("settings: `{name}` must be {must}")]
    Value {
        /// The key.
        name: &'static str,
        /// What it must be.
        must: &'static str,
    },
}

impl SettingsError {
    /// Whether trying again may help: it never does.
    pub fn is_retryable(&self) -> bool {
        false
    }
}

impl Settings {
    /// Reads settings from JSON and checks them.
    ///
    /// # Errors
    /// Names the key that is unknown or has a value that cannot be meant.
    pub fn from_json(json: &str) -> Result<Self, SettingsError> {
        let settings: Self = serde_json::from_str(json)?;
        settings.check()?;
        Ok(settings)
    }

    /// Checks what the types do not: numbers that are finite, bounds and windows in their order.
    ///
    /// # Errors
    /// Names the setting that cannot be meant.
    pub fn check(&self) -> Result<(), SettingsError> {
        let refuse = |name, must| Err(SettingsError::Value { name, must });
        let is_number = |value: Option<f64>| value.is_none_or(f64::is_finite);
        if !is_number(self.least) {
            return refuse("least", "a finite number");
        }
        if !is_number(self.most) {
            return refuse("most", "a finite number");
        }
        if self.ignore_below.is_some_and(|value| !value.is_finite() || value < 0.0) {
            return refuse("ignoreBelow", "a finite number, not below 0");
        }
        if let (Some(least), Some(most)) = (self.least, self.most)
            && least > most
        {
            return refuse("least", "not above `most`");
        }
        if self.adopt_after.is_some_and(|points| points < 2) {
            return refuse("adoptAfter", "at least 2");
        }
        for window in &self.maintenance_windows {
            if let MaintenanceWindow::Once(OnceWindow { from, to }) = window
                && from >= to
            {
                return refuse("maintenanceWindows", "windows whose `from` is before their `to`");
            }
        }
        Ok(())
    }
}
