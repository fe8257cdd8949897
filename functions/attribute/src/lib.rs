//! Attribution of orders.
//!
//! Input: messages of the `datasets` topic about runs of the datasets in [`Dataset`], and what the
//! function sends itself ([`Message`]). Output: items of the attribution table
//! ([`shared::attribution`]). It computes for each order whom its revenue is credited to ([`rule`],
//! [`attribution`]), again whenever something new is known that may bear on it.
//!
//! Messages come in any order, more than once, in parts, and to several invocations at the same time.
//! That the outcome is the same nevertheless rests on three things.
//!
//! **Facts commute.** An item that says what is known ([`shared::attribution::facts`]) is the same
//! whoever writes it, or the newest of several stays. Changes of an order are merged column by column,
//! by their sequence ([`order`]).
//!
//! **The order of writes.** Whoever takes in facts ([`Attribution::learn`])
//! 1. writes them. Of an order first its merged state, then the ways to it from its customer and its
//!    click id;
//! 2. then looks for the orders that they may bear on, by all links that there are by now ([`identity`]);
//! 3. then computes each of these: reads the order's state with its version, then links, touches and
//!    clicks, and writes the result only over that version, together with the item of the order's day.
//!
//! So of two writers, one finds what the other has written: if a touch's writer does not find the way to
//! an order, the order's writer has not written it yet, and reads touches later. Who is overtaken in
//! step 3 begins it again. And who has written begins it once more: it may have overtaken somebody who
//! knew more and saw nothing to change. An order is done when a whole reading changes nothing. A writer
//! that dies on its way is repeated by the queue, and every step can be.
//!
//! **Marks come first.** Before anything of a day changes, the day is marked as one that must be
//! reported again ([`marks`]).
//!
//! Two things depend on what was known earlier, and are meant to. A touch that was credited stays
//! credited when its item has expired, as long as the order is the same customer's. And who is linked to
//! so many others that the links mean nothing is left out from then on; what had been credited through
//! them before stays.

pub mod attribution;
pub mod columns;
pub mod facts;
pub mod identity;
pub mod marks;
pub mod order;
pub mod reports;
pub mod rule;

mod advertising;
mod attributor;
mod changes;
mod concurrency;
mod counts;
mod learn;
mod links;
mod message;
mod recompute;
mod river;
mod rounds;
mod rows;
mod touches;

use std::sync::Arc;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::LambdaEvent;
use shared::batch::{self, Deadline, Failures};
use shared::state::Store;
use shared::telemetry::Metrics;

pub use attributor::{AttributeError, Attributor, StartError};
pub use counts::Counts;
pub use facts::Facts;
pub use learn::Attribution;
pub use message::{Days, Message, MessageError, Task};
pub use river::{River, RiverError};
pub use rounds::AttributionError;
pub use rows::Dataset;

/// The function's name in metrics.
pub const JOB: &str = "attribute";

/// Handles a batch of messages; those that are not done go back to the queue.
pub async fn handle<S: Store + 'static>(
    attributor: Arc<Attributor<S>>,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    let deadline = Deadline::of(&event.context);
    let mut metrics = Metrics::of(JOB);
    let mut failures = Failures::default();
    let mut counts = Counts::default();
    for message in event.payload.records {
        let (message_id, body) = batch::parts(message);
        let attributor = attributor.clone();
        let attributed =
            batch::isolate(deadline, async move { attributor.attribute_message(&body).await });
        match attributed.await {
            Ok(more) => counts += more,
            Err(error) => failures.give_back(&message_id, &error),
        }
    }
    counts.tell(&mut metrics);
    metrics.count("FailedMessages", failures.len() as u64);
    metrics.emit();
    Ok(failures.into_response())
}
