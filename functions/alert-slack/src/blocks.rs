//! An alert as Slack's blocks: <https://docs.slack.dev/reference/block-kit/blocks>.

use serde_json::{Value, json};
use shared::event::Alert;
use shared::incident::{ChangeKind, Incident, Severity};

/// The text of a section.
const LONGEST_SECTION: usize = 3000;

/// A field of a section.
const LONGEST_FIELD: usize = 2000;

/// The text of a header.
const LONGEST_HEADER: usize = 150;

/// The line that notifications and screen readers show.
const LONGEST_FALLBACK: usize = 300;

const GREEN: &str = "#2eb67d";
const GREY: &str = "#8d8d8d";

/// What is posted for an alert.
pub fn post(alert: &Alert) -> Value {
    let mut blocks = vec![json!({"type": "header", "text": {
        "type": "plain_text", "emoji": false, "text": limited(&alert.subject, LONGEST_HEADER)
    }})];
    match &alert.incident {
        Some(incident) => {
            blocks.push(section(&incident.summary));
            blocks.push(json!({"type": "section", "fields": fields(alert, incident)}));
        }
        None => blocks.push(section(&alert.subject)),
    }
    blocks.push(fixed(&alert.text));
    if let Some(link) = alert.link.as_deref().filter(|link| is_address(link)) {
        blocks.push(json!({"type": "section", "text": {
            "type": "mrkdwn", "text": format!("<{}|Look closer>", escaped(link, LONGEST_SECTION - 16))
        }}));
    }
    blocks.push(json!({"type": "context", "elements": [{
        "type": "plain_text", "emoji": false, "text": format!("notification {}", limited(&alert.notification_id, 100))
    }]}));
    json!({
        "text": escaped(&alert.subject, LONGEST_FALLBACK),
        "attachments": [{"color": color(alert), "blocks": blocks}],
    })
}

/// Whether a text is an address and nothing that ends Slack's notation of one.
fn is_address(link: &str) -> bool {
    link.starts_with("https://") && !link.contains(['|', '<', '>', ' ', '\n'])
}

fn color(alert: &Alert) -> &'static str {
    let Some(change) = &alert.change else {
        return GREY;
    };
    match (change.kind, alert.severity) {
        (ChangeKind::Resolved, _) => GREEN,
        (ChangeKind::Acknowledged | ChangeKind::Muted, _) | (_, Severity::Low) => GREY,
        (_, Severity::Medium) => "#ecb22e",
        (_, Severity::High) => "#e8742c",
        (_, Severity::Critical) => "#e01e5a",
    }
}

fn fields(alert: &Alert, incident: &Incident) -> Vec<Value> {
    let number = |value: Option<f64>| value.map(|value| value.to_string());
    let all = [
        ("Dataset", Some(incident.key.dataset.clone())),
        ("Severity", Some(incident.severity.name().to_owned())),
        ("Change", alert.change.as_ref().map(|change| change.kind.name().to_owned())),
        ("Owner", incident.owner.clone()),
        ("Expected", number(incident.evidence.expected)),
        ("Actual", number(incident.evidence.actual)),
    ];
    let field = |(name, value): (&str, Option<String>)| {
        let value = escaped(&value?, LONGEST_FIELD - 40);
        Some(json!({"type": "mrkdwn", "text": format!("*{name}*\n{value}"), "verbatim": true}))
    };
    all.into_iter().filter_map(field).collect()
}

/// A section.
fn section(text: &str) -> Value {
    of_text(&escaped(text, LONGEST_SECTION))
}

/// A long text as a section that is fixed in width, so that its columns stand under each other. What is too
/// long is cut before what there is to do, which stands at the end.
fn fixed(text: &str) -> Value {
    // Three accents would end it.
    let text = text.replace("```", "'''");
    let most = LONGEST_SECTION - 8;
    let start = text.rfind(&format!("\n{}\n", Alert::WHAT_TO_DO)).unwrap_or(text.len());
    let (facts, orders) = text.split_at(start);
    let orders = escaped(orders, most);
    let room = most.saturating_sub(orders.chars().count());
    of_text(&format!("```{}{orders}```", escaped(facts, room)))
}

fn of_text(text: &str) -> Value {
    // Slack refuses an empty text.
    let text = if text.is_empty() { "-" } else { text };
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}})
}

/// At most so many characters.
fn limited(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(most - 1).collect();
    kept.push('…');
    kept
}

/// A text of at most so many characters with the three signs escaped that mean something to Slack:
/// <https://docs.slack.dev/messaging/formatting-message-text#escaping>. No escape is cut.
fn escaped(text: &str, most: usize) -> String {
    let mut written = String::new();
    let mut length = 0;
    for sign in text.chars() {
        let mut buffer = [0; 4];
        let sign = match sign {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            other => other.encode_utf8(&mut buffer),
        };
        length += sign.chars().count();
        if length > most.saturating_sub(1) {
            written.push('…');
            return written;
        }
        written.push_str(sign);
    }
    written
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;
    use shared::incident::{Change, Context, Evidence, Finding, IncidentKey, Monitor, machine};

    use super::*;

    fn alert(summary: &str, kind: ChangeKind) -> Alert {
        let at = DateTime::<Utc>::UNIX_EPOCH;
        let finding = Finding {
            key: IncidentKey::new("shop.orders", Monitor::Volume, "rows_low"),
            severity: Severity::High,
            since: at,
            summary: summary.to_owned(),
            evidence: Evidence { actual: Some(3.0), ..Evidence::default() },
        };
        let incident = machine::open(None, &finding, &Context::default(), at, at);
        Alert {
            notification_id: "id".to_owned(),
            severity: Severity::High,
            subject: format!("HIGH: {summary}"),
            text: summary.to_owned(),
            link: Some("https://data.example.com/?a=1&b=2".to_owned()),
            change: Some(Change { kind, at, by: None }),
            missed_changes: 0,
            incident: Some(incident),
            digest: None,
        }
    }

    fn texts(value: &Value) -> Vec<(String, usize)> {
        let mut found = Vec::new();
        match value {
            Value::Object(members) => {
                if let Some(Value::String(text)) = members.get("text") {
                    let most = match members.get("type").and_then(Value::as_str) {
                        Some("plain_text") => LONGEST_HEADER,
                        _ => LONGEST_SECTION,
                    };
                    found.push((text.clone(), most));
                }
                found.extend(members.values().flat_map(texts));
            }
            Value::Array(members) => found.extend(members.iter().flat_map(texts)),
            _ => {}
        }
        found
    }

    #[test]
    fn nobody_is_called_by_the_name_of_a_column() {
        let post = post(&alert("<!channel> & <@U1>", ChangeKind::Opened));
        let blocks = &post["attachments"][0]["blocks"];
        assert_eq!(blocks[1]["text"]["text"], "&lt;!channel&gt; &amp; &lt;@U1&gt;");
        assert_eq!(blocks[0]["text"]["text"], "HIGH: <!channel> & <@U1>");
        assert_eq!(post["text"], "HIGH: &lt;!channel&gt; &amp; &lt;@U1&gt;");
        let all = post.to_string();
        assert!(all.contains("<https://data.example.com/?a=1&amp;b=2|Look closer>"), "{all}");
    }

    #[test]
    fn what_is_too_long_is_cut_before_what_there_is_to_do() {
        let list = "marts.sales & more\n".repeat(300);
        let orders = "\nWhat to do\nTake it on   make incidents ACK=1 <or>\n";
        let text = format!("HIGH: late\n{list}{orders}");
        let alert = Alert { text, ..alert("late", ChangeKind::Opened) };
        let post = post(&alert);
        let shown = post["attachments"][0]["blocks"][3]["text"]["text"].as_str().unwrap();
        assert!(shown.starts_with("```HIGH: late\nmarts.sales &amp; more\n"), "{shown}");
        let end = "…\nWhat to do\nTake it on   make incidents ACK=1 &lt;or&gt;\n```";
        assert!(shown.ends_with(end), "{shown}");
        let length = shown.chars().count();
        assert!((LONGEST_SECTION - 30..=LONGEST_SECTION).contains(&length), "{length}");
    }

    #[test]
    fn what_is_resolved_is_green() {
        let color = |kind| post(&alert("x", kind))["attachments"][0]["color"].clone();
        assert_eq!(color(ChangeKind::Resolved), GREEN);
        assert_eq!(color(ChangeKind::Opened), "#e8742c");
    }

    proptest! {
        #[test]
        fn every_text_is_within_its_limit_and_no_escape_is_cut(
            summary in prop::collection::vec(prop::sample::select(vec!["&", "<", "x", "ü", "```", "\n"]), 0..4000),
        ) {
            let post = post(&alert(&summary.concat(), ChangeKind::Opened));
            for (text, most) in texts(&post) {
                prop_assert!(!text.is_empty());
                prop_assert!(text.chars().count() <= most, "{} > {most}", text.chars().count());
                let unescaped = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
                prop_assert!(most == LONGEST_HEADER || !unescaped.contains('&'));
            }
        }
    }
}
