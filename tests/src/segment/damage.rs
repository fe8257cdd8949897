//! What can be wrong with a record, and who refuses it for that.

use super::kind::Kind;

/// A way in which a record is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Damage {
    /// The line ends in the middle.
    NotJson,
    /// JSON, but a list, a text, a number, `true` or `null`.
    NotAnObject,
    /// The type is missing, is not a text, or is one that no dataset takes.
    UnknownType,
    /// Bytes that are no UTF-8, in a member that is a column or in one that is none.
    InvalidUtf8,
    /// Neither `userId` nor `anonymousId`.
    MissingIdentity,
    /// No `messageId`.
    MissingMessageId,
    /// A list or an object where a column wants text, a time or a number, or a text that is no time.
    WrongType,
    /// One of the message's times lies in the year 9999.
    TimestampYear9999,
}

impl Damage {
    /// Every kind of damage.
    pub const ALL: [Self; 8] = [
        Self::NotJson,
        Self::NotAnObject,
        Self::UnknownType,
        Self::InvalidUtf8,
        Self::MissingIdentity,
        Self::MissingMessageId,
        Self::WrongType,
        Self::TimestampYear9999,
    ];

    /// The record cannot be read, or belongs nowhere: it is quarantined before any dataset sees it.
    pub fn is_unroutable(self) -> bool {
        matches!(self, Self::NotJson | Self::NotAnObject | Self::UnknownType | Self::InvalidUtf8)
    }
}

/// The damage done to one record, and in which of its variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Harm {
    pub(super) damage: Damage,
    pub(super) variant: u64,
}

impl Harm {
    /// Whether a dataset that the record is routed to refuses it. An order's broken total is no matter to `tracks`.
    pub(super) fn is_refused_by(self, dataset: &str, kind: Kind) -> bool {
        !self.is_in_total(kind) || dataset == "order_completed"
    }

    /// Half of the orders of a wrong type have it in a column that `order_completed` alone has.
    pub(super) fn is_in_total(self, kind: Kind) -> bool {
        self.damage == Damage::WrongType && kind == Kind::Order && self.variant.is_multiple_of(2)
    }
}
