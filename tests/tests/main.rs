//! The tests against the deployed stack, a module a theme.
//!
//! One program: each on its own would link all of AWS's client and Iceberg's once more, which takes longer than the tests.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod alerts;
mod attribution;
mod attribution_state;
mod bad_input;
mod collect;
mod conservation;
mod contract_versions;
mod crashes;
mod data_file;
mod database_capture;
mod databases;
mod delivery;
mod exactly_once;
mod footprint;
mod google_ads;
mod google_ads_pull;
mod held;
mod least_privilege;
mod lineage;
mod look_back;
mod missing_table;
mod observed;
mod one_person;
mod privacy;
mod references;
mod replace_files;
mod replay;
mod samples;
mod supersede;
mod template;
mod watch;
