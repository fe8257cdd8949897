//! What the end-to-end tests work with: generators of source data, the deployed stack, the tables as
//! other engines read them, the stretch without AWS, and a network that fails on command.

#![allow(clippy::expect_used, clippy::missing_panics_doc)] // A test that cannot go on says so and ends.

pub mod deployed;
pub mod google_ads;
pub mod lake;
pub mod ledger;
pub mod month;
pub mod network;
pub mod orders;
pub mod postgresql;
pub mod processor;
pub mod quarantine;
pub mod receiver;
pub mod river;
pub mod search;
pub mod segment;
pub mod stack;
pub mod stretch;
pub mod subscriber;
