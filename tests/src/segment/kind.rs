//! Which messages a file holds, and which datasets they are routed to.

use super::random::Random;

/// What a message is. An order is a track whose event has a dataset of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Track,
    Page,
    Screen,
    Identify,
    Group,
    Alias,
    Order,
}

impl Kind {
    /// The names of the datasets that the message is routed to.
    pub(super) fn datasets(self) -> &'static [&'static str] {
        match self {
            Self::Track => &["tracks"],
            Self::Page => &["pages"],
            Self::Screen => &["screens"],
            Self::Identify => &["identifies"],
            Self::Group => &["groups"],
            Self::Alias => &["aliases"],
            Self::Order => &["tracks", "order_completed"],
        }
    }

    pub(super) fn message_type(self) -> &'static str {
        match self {
            Self::Track | Self::Order => "track",
            Self::Page => "page",
            Self::Screen => "screen",
            Self::Identify => "identify",
            Self::Group => "group",
            Self::Alias => "alias",
        }
    }
}

/// How many of a file's messages are of each type, as weights against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventMix {
    /// Track messages other than orders.
    pub tracks: u32,
    /// Page messages.
    pub pages: u32,
    /// Screen messages.
    pub screens: u32,
    /// Identify messages.
    pub identifies: u32,
    /// Group messages.
    pub groups: u32,
    /// Alias messages.
    pub aliases: u32,
    /// Track messages whose event is `Order Completed`.
    pub orders: u32,
}

impl Default for EventMix {
    fn default() -> Self {
        Self { tracks: 52, pages: 26, screens: 6, identifies: 8, groups: 2, aliases: 2, orders: 4 }
    }
}

impl EventMix {
    /// Track messages alone, none of them an order: one dataset.
    pub fn tracks_only() -> Self {
        Self { tracks: 1, pages: 0, screens: 0, identifies: 0, groups: 0, aliases: 0, orders: 0 }
    }

    pub(super) fn choose(self, random: &mut Random) -> Kind {
        let weights = [
            (Kind::Track, self.tracks),
            (Kind::Page, self.pages),
            (Kind::Screen, self.screens),
            (Kind::Identify, self.identifies),
            (Kind::Group, self.groups),
            (Kind::Alias, self.aliases),
            (Kind::Order, self.orders),
        ];
        let total: u64 = weights.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut left = random.below(total);
        for (kind, weight) in weights {
            if left < u64::from(weight) {
                return kind;
            }
            left -= u64::from(weight);
        }
        Kind::Track
    }
}
