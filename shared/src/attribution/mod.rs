//! The state of attribution: what `attribute` keeps in its DynamoDB table, and `report` reads there.
//!
//! Everything is a keyed item that says what is known of one thing, never a counter: writing it again
//! changes nothing, and what is known is the same in whatever order it came. An item's key is a
//! `subject` and a `part` ([`key`]); its content is one of the types of [`facts`], [`order`],
//! [`advertising`] and [`performance`].
//!
//! A writer first writes what it learned, then computes what follows from all that is there; results
//! are written only over the version that was read before that ([`Store::replace`](crate::state::Store::replace)). So the last
//! writer has always seen everything, without a lock.

pub mod advertising;
pub mod facts;
pub mod key;
pub mod money;
pub mod order;
pub mod performance;
