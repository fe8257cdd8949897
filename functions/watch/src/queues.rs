//! The queues of the stack: what gave up lies in some, and what waits too long in the others.

use chrono::{DateTime, TimeDelta, Utc};
use shared::contract::contracts;
use shared::incident::{Context, Evidence, Finding, IncidentKey, Monitor, Severity};
use shared::observation::freshness::span;
use shared::observation::{Judgement, graph};

use crate::memory::Waiting;

/// Stands for every source.
const ANY: &str = "*";

/// What waits so many times longer than it may is grave.
const GRAVE: i32 = 4;

/// What a queue is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueKind {
    /// Messages pass through.
    Work,
    /// Messages that a function has given up on; they can be sent back to where they came from.
    DeadLetters,
    /// What Lambda, or the function, says of stream records that it could not take in; they cannot be sent back.
    Failures,
}

/// A queue that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its URL.
    pub url: String,
    /// What it is for.
    pub kind: QueueKind,
    /// The source of the contracts whose rows wait where this queue stands; `*` for all.
    pub source: Option<String>,
}

/// The list of queues is not one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "environment variable {variable} has the entry `{entry}`, expected a queue's URL, or a source, `=` and a queue's URL"
)]
pub struct QueueListError {
    /// The variable.
    pub variable: &'static str,
    /// The entry.
    pub entry: String,
}

/// Reads a list of queues with commas between: URLs, of queues that feed datasets `<source>=<URL>`.
pub fn parse(
    variable: &'static str,
    list: &str,
    kind: QueueKind,
) -> Result<Vec<Queue>, QueueListError> {
    let mut queues = Vec::new();
    for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (source, url) = match entry.split_once('=') {
            Some((source, url)) => (Some(source.to_owned()), url),
            None => (None, entry),
        };
        let is_url = url.starts_with("https://") || url.starts_with("http://");
        if !is_url || source.as_deref() == Some("") {
            return Err(QueueListError { variable, entry: entry.to_owned() });
        }
        queues.push(Queue { url: url.to_owned(), kind, source });
    }
    Ok(queues)
}

impl Queue {
    /// Its name, which its incidents are told under.
    pub fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }

    /// Whether a dataset's rows wait where this queue stands.
    pub fn feeds(&self, dataset: &str) -> bool {
        let Some(source) = self.source.as_deref() else { return false };
        let mut contracts = contracts().iter().filter(|contract| contract.dataset() == dataset);
        contracts.any(|contract| source == ANY || contract.route.source == source)
    }

    /// Where it stands among the datasets. A queue that stands explains that what it feeds is late; a dead
    /// letter does not, for the others go on.
    pub fn context(&self) -> Context {
        let mut downstream = Vec::new();
        for contract in contracts() {
            let dataset = contract.dataset();
            if self.feeds(&dataset) {
                downstream.extend(graph::context_of(&dataset).downstream);
                downstream.push(dataset);
            }
        }
        downstream.sort();
        downstream.dedup();
        let domain = self.source.as_deref().filter(|source| *source != ANY);
        Context {
            domain: domain.unwrap_or("delivery").to_owned(),
            downstream,
            ..Context::default()
        }
    }

    /// What is wrong with it at a moment: `messages` are in it, and have been for as long as is remembered.
    pub fn judge(
        &self,
        messages: u64,
        waiting: Option<&Waiting>,
        patience: TimeDelta,
        clock: DateTime<Utc>,
    ) -> Judgement {
        let since = waiting.map_or(clock, |waiting| waiting.since);
        let waits = clock - since;
        let finding = match self.kind {
            _ if messages == 0 => None,
            QueueKind::Work if waits < patience => None,
            QueueKind::Work => Some(self.stands(messages, since, patience, clock)),
            QueueKind::DeadLetters | QueueKind::Failures => Some(self.gave_up(messages, since)),
        };
        Judgement { monitor: Monitor::Delivery, findings: finding.into_iter().collect() }
    }

    fn stands(
        &self,
        messages: u64,
        since: DateTime<Utc>,
        patience: TimeDelta,
        clock: DateTime<Utc>,
    ) -> Finding {
        let waits = clock - since;
        let is_grave = waits >= patience * GRAVE;
        let mut evidence = Self::evidence(messages, vec![self.how_to_look()]);
        evidence.details.push(
            "whether its function fails, is throttled or is switched off: its log and its alarms"
                .to_owned(),
        );
        evidence.upper = Some(patience.num_seconds() as f64);
        evidence.actual = Some(waits.num_seconds() as f64);
        evidence.unit = Some("seconds".to_owned());
        Finding {
            key: IncidentKey::new(self.name(), Monitor::Delivery, "messages_wait"),
            severity: if is_grave { Severity::High } else { Severity::Medium },
            since,
            summary: format!(
                "{messages} messages in {} do not get fewer for {}",
                self.name(),
                span(waits)
            ),
            evidence,
        }
    }

    fn gave_up(&self, messages: u64, since: DateTime<Utc>) -> Finding {
        let name = self.name();
        let (what, then) = match self.kind {
            QueueKind::Failures => (
                "positions in a stream that a function could not take in",
                "each message names a stream and sequence numbers; once they are seen to, delete it or purge the queue".to_owned(),
            ),
            _ => (
                "messages that a function has given up on",
                format!(
                    "once the cause is mended, send them back: aws sqs start-message-move-task --source-arn $(aws sqs get-queue-attributes --queue-url {} --attribute-names QueueArn --query Attributes.QueueArn --output text)",
                    self.url
                ),
            ),
        };
        Finding {
            key: IncidentKey::new(name, Monitor::Delivery, "dead_letters"),
            severity: Severity::High,
            since,
            summary: format!("{name} holds {messages} {what}"),
            evidence: Self::evidence(messages, vec![self.how_to_look(), then]),
        }
    }

    fn how_to_look(&self) -> String {
        format!(
            "look: aws sqs receive-message --queue-url {} --visibility-timeout 1 --max-number-of-messages 10",
            self.url
        )
    }

    fn evidence(messages: u64, details: Vec<String>) -> Evidence {
        Evidence {
            upper: Some(0.0),
            actual: Some(messages as f64),
            unit: Some("messages".to_owned()),
            details,
            ..Evidence::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://sqs.eu-central-1.amazonaws.com/123456789012/tributary-segment";

    fn clock() -> DateTime<Utc> {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }

    fn queue(kind: QueueKind, source: Option<&str>) -> Queue {
        Queue { url: URL.to_owned(), kind, source: source.map(str::to_owned) }
    }

    #[test]
    fn a_list_has_commas_and_may_name_sources() {
        let list = format!("{URL},\n  segment={URL}-2, *=http://localhost:4566/1/commits.fifo");
        let queues = parse("QUEUES", &list, QueueKind::Work).unwrap();
        let names: Vec<&str> = queues.iter().map(Queue::name).collect();
        assert_eq!(names, ["tributary-segment", "tributary-segment-2", "commits.fifo"]);
        assert_eq!(queues[1].source.as_deref(), Some("segment"));
        assert_eq!(parse("QUEUES", "", QueueKind::Work), Ok(Vec::new()));
        for wrong in ["segment", "=https://x/y", "segment=tributary"] {
            let error = parse("QUEUES", wrong, QueueKind::Work).unwrap_err();
            assert_eq!(error.entry, wrong);
        }
    }

    #[test]
    fn a_queue_that_stands_has_what_it_feeds_downstream() {
        let context = queue(QueueKind::Work, Some("segment")).context();
        assert!(context.downstream.contains(&"segment.tracks".to_owned()));
        assert!(context.downstream.contains(&"marketing.campaign_performance".to_owned()));
        assert!(!context.downstream.contains(&"shop.orders".to_owned()));
        assert_eq!(context.domain, "segment");
        let all = queue(QueueKind::Work, Some("*")).context();
        assert!(all.downstream.contains(&"shop.orders".to_owned()));
        assert!(queue(QueueKind::DeadLetters, None).context().downstream.is_empty());
    }

    #[test]
    fn messages_may_wait_for_a_while_and_dead_letters_may_not_be_there() {
        let hour = TimeDelta::hours(1);
        let judge = |kind, messages, minutes: i64| {
            let since = clock() - TimeDelta::minutes(minutes);
            let waiting = Waiting { since, messages, seen_at: clock() };
            let judgement = queue(kind, None).judge(messages, Some(&waiting), hour, clock());
            judgement
                .findings
                .first()
                .map(|finding| (finding.key.cause.clone(), finding.severity, finding.since))
        };
        let since = |minutes| clock() - TimeDelta::minutes(minutes);
        assert_eq!(judge(QueueKind::Work, 5, 59), None);
        let waits = "messages_wait".to_owned();
        assert_eq!(
            judge(QueueKind::Work, 5, 60),
            Some((waits.clone(), Severity::Medium, since(60)))
        );
        assert_eq!(judge(QueueKind::Work, 5, 240), Some((waits, Severity::High, since(240))));
        let dead = "dead_letters".to_owned();
        assert_eq!(judge(QueueKind::DeadLetters, 1, 0), Some((dead, Severity::High, clock())));
        assert_eq!(judge(QueueKind::DeadLetters, 0, 0), None);
    }

    #[test]
    fn only_dead_letters_can_be_sent_back() {
        let details = |kind| {
            let judgement = queue(kind, None).judge(2, None, TimeDelta::hours(1), clock());
            judgement.findings[0].evidence.details.join("\n")
        };
        assert!(details(QueueKind::DeadLetters).contains("start-message-move-task"));
        assert!(!details(QueueKind::Failures).contains("start-message-move-task"));
    }
}
