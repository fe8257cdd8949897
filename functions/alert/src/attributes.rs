//! What subscribers filter by.

use shared::event::Alert;

/// Name and value of a message's attributes.
pub fn attributes(alert: &Alert) -> Vec<(&'static str, String)> {
    let mut attributes = vec![("severity", alert.severity.name().to_owned())];
    let change = alert.change.as_ref().map_or("digest", |change| change.kind.name());
    attributes.push(("change", change.to_owned()));
    if let Some(incident) = &alert.incident {
        attributes.push(("state", incident.state.name().to_owned()));
        attributes.push(("monitor", incident.key.monitor.name().to_owned()));
        attributes.push(("dataset", incident.key.dataset.clone()));
        attributes.push(("domain", incident.domain.clone()));
        attributes.push(("owner", incident.owner.clone().unwrap_or_default()));
    }
    // SNS refuses a message with an empty attribute.
    attributes.retain(|(_, value)| !value.is_empty());
    attributes
}
