//! Trying again what somebody else was faster with.

use std::time::Duration;

use shared::state::StoreError;

/// Rounds until one gives up; the queue comes back later.
const MOST_ROUNDS: u32 = 40;

/// Rounds that follow each other at once.
const FAST_ROUNDS: u32 = 4;

/// By how much each later round waits longer, up to ten times.
const PAUSE: Duration = Duration::from_millis(20);

/// Why facts could not be taken in. A retry may help.
#[derive(Debug, thiserror::Error)]
pub enum AttributionError {
    /// The state cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Others wrote the same orders again and again.
    #[error("{orders} orders were written by others again and again; try again later")]
    Contended {
        /// How many orders.
        orders: usize,
    },
}

/// Counts rounds.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    begun: u32,
}

impl Rounds {
    /// Begins a round for so many orders, after a pause if there were many.
    pub(crate) async fn next(&mut self, orders: usize) -> Result<(), AttributionError> {
        if self.begun == MOST_ROUNDS {
            return Err(AttributionError::Contended { orders });
        }
        if self.begun > FAST_ROUNDS {
            tokio::time::sleep(PAUSE * (self.begun - FAST_ROUNDS).min(10)).await;
        }
        self.begun += 1;
        Ok(())
    }
}
