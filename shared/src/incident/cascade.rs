//! What is grouped under what: bad data upstream makes bad data downstream, and that is one incident.
//!
//! The rule. An open incident explains another if its dataset lies upstream of the other's, and
//! - it is of freshness, volume or governance, and the other of freshness, volume or distribution:
//!   what is late, short or held makes late, short or shifted what is made from it;
//! - or it is of delivery, and the other of freshness or volume: what is stuck arrives nowhere.
//!
//! A change of columns or of lineage is told wherever it shows: each is a change of its own. Of
//! several that explain it, the root is the one that is grouped under nothing itself and whose data
//! became bad first.

use super::{Affected, Incident, Monitor};

/// Whether what a monitor finds upstream explains what another finds downstream.
pub fn explains(upstream: Monitor, downstream: Monitor) -> bool {
    use Monitor::{Delivery, Distribution, Freshness, Governance, Volume};
    match upstream {
        Freshness | Volume | Governance => {
            matches!(downstream, Freshness | Volume | Distribution)
        }
        Delivery => matches!(downstream, Freshness | Volume),
        _ => false,
    }
}

/// Whether an incident is one that another can be grouped under.
pub fn can_be_root(root: &Incident, of: &Incident) -> bool {
    root.is_open()
        && root.root.is_none()
        && root.id != of.id
        && root.key.dataset != of.key.dataset
        && explains(root.key.monitor, of.key.monitor)
}

/// The one of several incidents that another is grouped under.
pub fn choose<'a>(
    candidates: impl IntoIterator<Item = &'a Incident>,
    of: &Incident,
) -> Option<&'a Incident> {
    candidates
        .into_iter()
        .filter(|candidate| can_be_root(candidate, of))
        .min_by(|left, right| (left.since, &left.id).cmp(&(right.since, &right.id)))
}

/// Lists an incident under its root as it is now. Whether the root has changed by that.
pub fn list(root: &mut Incident, member: &Incident) -> bool {
    let entry = Affected {
        id: member.id.clone(),
        key: member.key.clone(),
        occurrence: member.occurrence,
        since: member.since,
        severity: member.severity,
        resolved: !member.is_open(),
    };
    match root.affected.iter().position(|known| known.id == entry.id) {
        Some(place) if root.affected[place] == entry => return false,
        Some(place) => root.affected[place] = entry,
        None if root.affected.len() < Incident::MOST_AFFECTED => root.affected.push(entry),
        None => {
            // What is not listed still makes its root as severe as itself.
            root.affected_more += 1;
            root.severity = root.severity.max(member.severity);
            return true;
        }
    }
    weigh(root);
    true
}

/// Makes an incident as severe as its own finding and the worst that is listed under it.
pub fn weigh(root: &mut Incident) {
    let listed = root.affected.iter().filter(|member| !member.resolved);
    let worst = listed.map(|member| member.severity).max();
    root.severity = worst.map_or(root.found_severity, |worst| worst.max(root.found_severity));
}
