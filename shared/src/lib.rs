//! What every microservice of Tributary has in common.
//!
//! A record flows through the modules in this order: it is announced ([`event`]), read ([`decode`]),
//! judged by its contracts ([`contract`], [`govern`]), written and committed ([`lake`]), and all of it
//! is counted ([`run`]) and observed ([`observation`]); what is wrong with data is an [`incident`]. [`lineage`]
//! names what was read and written, [`landing`] what lies where it arrives. [`attribution`] is what two functions know together, [`state`] where such
//! things are kept. [`aws`] stands at the edge; [`batch`] and [`telemetry`] are what every
//! handler needs.

pub mod attribution;
pub mod aws;
pub mod batch;
pub mod contract;
pub mod decode;
pub mod event;
pub mod govern;
pub mod incident;
pub mod lake;
pub mod landing;
pub mod lineage;
pub mod observation;
pub mod run;
pub mod state;
pub mod telemetry;
pub mod transform;
