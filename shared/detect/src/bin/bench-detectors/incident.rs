//! Incidents that are put into series, and known.

use crate::random::Random;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Zero,
    Outage,
    HalfDay,
    Dip50,
    Dip30,
    Surge50,
    Spike,
    Decline,
    Shift,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Zero,
        Self::Outage,
        Self::HalfDay,
        Self::Dip50,
        Self::Dip30,
        Self::Surge50,
        Self::Spike,
        Self::Decline,
        Self::Shift,
    ];

    /// As in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::Outage => "3 days out",
            Self::HalfDay => "half a day",
            Self::Dip50 => "−50 %",
            Self::Dip30 => "−30 %",
            Self::Surge50 => "+50 %",
            Self::Spike => "×2 to ×10",
            Self::Decline => "decline",
            Self::Shift => "new level",
        }
    }

    /// What the values of each day of an incident are multiplied with.
    pub fn factors(self, random: &mut Random) -> Vec<f64> {
        let days = random.whole(1, 3) as usize;
        match self {
            Self::Zero => vec![0.0],
            Self::Outage => vec![0.0; 3],
            Self::HalfDay => vec![random.between(0.4, 0.6)],
            Self::Dip50 => vec![0.5; days],
            Self::Dip30 => vec![0.7; days],
            Self::Surge50 => vec![1.5; days],
            Self::Spike => vec![random.of_any_size(2.0, 10.0)],
            Self::Decline => {
                let daily = random.between(0.85, 0.92);
                (3..=8).map(|day| f64::powi(daily, day)).collect()
            }
            Self::Shift => Vec::new(),
        }
    }
}
