//! State in keyed items: what `attribute`, `report`, `observe` and `watch` keep in their DynamoDB tables.
//!
//! An item's key is a `subject` and a `part` of it; its content is whatever the writer's types say. Items
//! are written again without harm, or only over the version that was read before
//! ([`Store::replace`]): so the last writer has always seen everything, without a lock.

mod memory;
mod store;
mod table;

pub use memory::MemoryStore;
pub use store::{Amendment, Item, ItemKey, Replacement, Store, StoreError};
pub use table::StateTable;
