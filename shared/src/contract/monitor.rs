//! What a contract says of the monitors that watch its dataset: ODCS `quality` of type custom, engine
//! `tributary`, with `implementation: {monitor: volume, …}`. Every setting has a default.
//!
//! Like the model, this file is compiled into the build script as well.

use detect::Settings;
use serde::{Deserialize, Serialize};

/// The settings of all monitors of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Monitors {
    /// How many rows there are.
    pub volume: MonitorSettings,
    /// What the columns hold.
    pub distribution: MonitorSettings,
    /// When data comes.
    pub freshness: MonitorSettings,
}

/// The settings of one monitor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MonitorSettings {
    /// Whether it watches at all.
    pub enabled: bool,
    /// By what time rows are counted; none for event time, where rows have one.
    pub bucket_by: Option<Clock>,
    /// What the detector goes by.
    pub detector: Settings,
}

impl Default for MonitorSettings {
    fn default() -> Self {
        Self { enabled: true, bucket_by: None, detector: Settings::default() }
    }
}

/// By what time rows are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// When what the row tells of happened.
    Event,
    /// When the row's input arrived.
    Arrival,
}

impl Clock {
    /// Its name in contracts, keys and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Arrival => "arrival",
        }
    }
}
