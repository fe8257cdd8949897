//! How late arrivals were, by a rule that knew only those before each.

use super::predict::{Arrivals, Rule};
use crate::robust::quantile;

/// What a rule missed by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lateness {
    /// How long to wait beyond what the rule expects, in seconds.
    pub wait: i64,
    /// What rules are compared by: the wait, and what was too early.
    pub cost: f64,
}

/// The last arrivals, all of which are tried.
const LAST: usize = 60;
/// The arrivals after the longest breaks, which are tried as well: nights and weekends.
const BREAKS: usize = 20;
/// How many arrivals are looked through for breaks.
const LOOKED_THROUGH: usize = 20_000;

/// How late arrivals were by a rule. None if the rule had nothing to say of them.
pub(crate) fn lateness(arrivals: &Arrivals<'_>, rule: Rule) -> Option<Lateness> {
    let moments = &arrivals.moments;
    let (mut late, mut wrong, mut silent) = (Vec::new(), Vec::new(), 0usize);
    for index in tried(moments) {
        if arrivals.has_excluded(moments[index - 1], moments[index]) {
            continue;
        }
        match arrivals.next(rule, moments[index - 1], index) {
            Some(expected) => {
                late.push((moments[index] - expected).max(0) as f64);
                wrong.push((moments[index] - expected).abs() as f64);
            }
            None => silent += 1,
        }
    }
    if late.is_empty() || (late.len() < 2 && silent > 2) {
        return None;
    }
    let least = (arrivals.typical as f64 * 0.05).max(150.0);
    let wait = wait(&mut late).max(0.0) + least;
    let typical_error = quantile(&mut wrong, 0.9).unwrap_or(0.0);
    Some(Lateness { wait: wait as i64, cost: wait + typical_error })
}

/// How long to wait. The longer the tail of the lateness, the longer beyond what was seen; what happened once in a long time was an incident.
fn wait(late: &mut [f64]) -> f64 {
    let count = late.len();
    let high = quantile(late, 0.95).unwrap_or(0.0);
    let usual = quantile(late, 0.75).unwrap_or(0.0);
    let tail = if usual > 0.0 { high / usual } else { 2.0 };
    let beyond = high * (0.9 * tail - 0.5).clamp(1.1, 2.4);
    late.sort_unstable_by(f64::total_cmp);
    let seen = if count >= 20 { late[count - 2] } else { late[count - 1] };
    beyond.max(seen.min(6.0 * high) * 1.05)
}

/// The indices of the arrivals that are tried.
fn tried(moments: &[i64]) -> Vec<usize> {
    let count = moments.len();
    let from = count.saturating_sub(LAST).max(2);
    let mut indices: Vec<usize> = (from..count).collect();
    let mut breaks: Vec<usize> = (count.saturating_sub(LOOKED_THROUGH).max(2)..from).collect();
    breaks.sort_unstable_by_key(|&index| std::cmp::Reverse(moments[index] - moments[index - 1]));
    indices.extend(breaks.into_iter().take(BREAKS));
    indices
}
