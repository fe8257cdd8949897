//! How much of a text was looked at: what tests hold to be linear in its length, without a clock.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts bytes that were looked at, in tests alone.
#[inline]
pub(super) fn count(bytes: usize) {
    #[cfg(test)]
    STEPS.with(|steps| steps.set(steps.get() + bytes + 1));
    #[cfg(not(test))]
    let _ = bytes;
}

/// The bytes that were looked at while something was done.
#[cfg(test)]
pub(super) fn of(done: impl FnOnce()) -> usize {
    STEPS.with(|steps| steps.set(0));
    done();
    STEPS.with(std::cell::Cell::get)
}
