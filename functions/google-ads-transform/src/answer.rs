//! Answers of the API: each row goes on with what only its surroundings tell.

use std::fmt::Write as _;
use std::io::Read;

use chrono::{DateTime, SecondsFormat, Utc};
use shared::govern::{Reason, ScanError, Scanned, Scanner, SlotId};
use shared::transform::RecordSink;

use crate::ReadError;
use crate::amount::from_micros;
use crate::key::Known;
use crate::results::{ResultReader, ResultRow, ResultsError};
use crate::routing::COST_MICROS;

/// Present in rows of clicks alone.
const CLICK_ID: &str = "clickView.gclid";

/// Reads an answer to its end.
pub fn read(
    source: impl Read,
    known: &Known,
    pulled_at: DateTime<Utc>,
    records: &mut RecordSink<'_>,
) -> Result<(), ReadError> {
    let plan = records.plan();
    let slots = Slots { cost_micros: plan.slot(COST_MICROS), click_id: plan.slot(CLICK_ID) };
    let (mut first, mut second) = (Scanner::new(plan.clone()), Scanner::new(plan));
    let mut results = ResultReader::new(source);
    let mut widened = Vec::new();
    loop {
        let row = match results.next_row() {
            Ok(Some(row)) => row,
            Ok(None) => break,
            Err(ResultsError::Unknown(problem)) => {
                let at = results.offset();
                records.decoded(at);
                return Err(ReadError::Unknown(format!("{problem}, at byte {at}")));
            }
            Err(ResultsError::Source(source)) => {
                return Err(ReadError::Source { decoded: results.offset(), source });
            }
        };
        match row {
            ResultRow::TooLong(number, offset, length) => {
                records.too_long(number, offset, length)?;
            }
            ResultRow::Row(number, bytes) => {
                let widening = match first.scan(bytes) {
                    Ok(scanned) => slots.widening(&scanned, known, pulled_at),
                    Err(error) => {
                        refuse(records, number, error, bytes)?;
                        continue;
                    }
                };
                widen(bytes, &widening, &mut widened);
                match second.scan(&widened) {
                    // In quarantine stands what came, not what was made of it.
                    Ok(scanned) => records.fields(number, bytes, &scanned)?,
                    Err(error) => refuse(records, number, error, bytes)?,
                }
            }
        }
    }
    records.decoded(results.offset());
    Ok(())
}

fn refuse(
    records: &mut RecordSink<'_>,
    number: u64,
    error: ScanError,
    bytes: &[u8],
) -> Result<(), ReadError> {
    let reason = match error {
        ScanError::NotJson => Reason::NotJson,
        ScanError::NotAnObject => Reason::NotAnObject,
    };
    Ok(records.refuse(number, reason, &error.to_string(), bytes)?)
}

struct Slots {
    cost_micros: Option<SlotId>,
    click_id: Option<SlotId>,
}

impl Slots {
    /// The members that a row gets, as JSON, to be put before its own.
    fn widening(&self, scanned: &Scanned<'_>, known: &Known, pulled_at: DateTime<Utc>) -> String {
        let is_click = self.click_id.is_some_and(|slot| scanned.has_value(slot));
        let by_content = if is_click { "click_view" } else { "campaign_daily" };
        let report = known.report.as_deref().unwrap_or(by_content);
        let format = if known.report.is_some() { "search_stream" } else { "search" };
        let pulled_at = pulled_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let mut members = format!(
            "\"report\":{},\"sourceFormat\":\"{format}\",\"sourceObject\":{},\"pulledAt\":\"{pulled_at}\"",
            serde_json::Value::from(report),
            serde_json::Value::from(known.object.as_str()),
        );
        // Before the row's own, which comes later and wins.
        if let Some(customer) = &known.customer {
            let _ = write!(members, ",\"customer\":{{\"id\":\"{customer}\"}}");
        }
        if let Some(micros) = self.cost_micros.and_then(|slot| scanned.text(slot)) {
            // What is no whole number of micros must not be taken for units: the contract refuses this.
            let cost = from_micros(&micros).unwrap_or_else(|| "not in micros".to_owned());
            let _ = write!(members, ",\"metrics\":{{\"cost\":{}}}", serde_json::Value::from(cost));
        }
        members
    }
}

/// Puts members before an object's own.
fn widen(object: &[u8], members: &str, widened: &mut Vec<u8>) {
    let own = object[1..].trim_ascii_start();
    widened.clear();
    widened.push(b'{');
    widened.extend_from_slice(members.as_bytes());
    if own.first() != Some(&b'}') {
        widened.push(b',');
    }
    widened.extend_from_slice(own);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_before_an_objects_own() {
        let mut widened = Vec::new();
        for (object, expected) in
            [("{}", r#"{"x":1}"#), ("{ }", r#"{"x":1}"#), (r#"{ "a":2}"#, r#"{"x":1,"a":2}"#)]
        {
            widen(object.as_bytes(), "\"x\":1", &mut widened);
            assert_eq!(widened, expected.as_bytes());
        }
    }
}
