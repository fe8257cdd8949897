//! How long this thread has computed, for measurements.

use std::io;

/// What this thread has computed so far in seconds, as Linux counts it: neither what it waits for nor what others on the machine do
/// is in it.
///
/// # Errors
/// Where the system does not tell.
pub fn processor_seconds() -> io::Result<f64> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = statistics.split_whitespace().next().unwrap_or_default();
    let nanoseconds: f64 = nanoseconds.parse().map_err(io::Error::other)?;
    Ok(nanoseconds / 1e9)
}
