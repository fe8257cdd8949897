//! What every microservice of Tributary has in common.
//!
//! A record flows through the modules in this order: it is announced ([`event`]), read ([`decode`]),
//! judged by its contracts ([`contract`], [`govern`]), written and committed ([`lake`]), and all of it
//! is counted ([`run`]). [`attribution`] is the state that two functions share. [`aws`] stands at the edge; [`batch`] and [`telemetry`] are what every
//! handler needs.

pub mod attribution;
pub mod aws;
pub mod batch;
pub mod contract;
pub mod decode;
pub mod event;
pub mod govern;
pub mod lake;
pub mod run;
pub mod telemetry;
pub mod transform;
