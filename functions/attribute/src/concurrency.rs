//! Many calls under way at once.

use std::future::Future;

use futures_util::{StreamExt, TryStreamExt, stream};
use shared::state::{Item, ItemKey, Store, StoreError};

/// Calls to DynamoDB that are under way at once. Five invocations with batches of 25 items stay within the
/// 4,000 writes a second that a new table takes at once.
const MOST_CALLS: usize = 12;

/// Items that are written, or looked for, in one piece of work.
pub(crate) const ITEMS_AT_ONCE: usize = 200;

/// Does everything, many at once; what came of each, in any order. After an error no more is begun.
pub(crate) async fn all<T, E, F>(work: Vec<F>) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    stream::iter(work).buffer_unordered(MOST_CALLS).try_collect().await
}

/// Those of some items that there are, in any order.
pub(crate) async fn read_all<S: Store>(
    store: &S,
    keys: Vec<ItemKey>,
) -> Result<Vec<Item>, StoreError> {
    let reads = keys.chunks(ITEMS_AT_ONCE).map(|chunk| store.get_all(chunk)).collect();
    Ok(all::<Vec<Item>, _, _>(reads).await?.into_iter().flatten().collect())
}
