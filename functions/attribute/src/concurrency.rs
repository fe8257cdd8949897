//! Many calls under way at once.

use std::future::Future;

use futures_util::{StreamExt, TryStreamExt, stream};

/// Calls to DynamoDB that are under way at once.
const MOST_CALLS: usize = 32;

/// Does everything, many at once; what came of each, in any order. After an error no more is begun.
pub(crate) async fn all<T, E, F>(work: Vec<F>) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    stream::iter(work).buffer_unordered(MOST_CALLS).try_collect().await
}
