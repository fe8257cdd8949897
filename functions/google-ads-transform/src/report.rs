//! Reports that people and schedulers download: CSV as the pages of Google Ads and its old API write it.

use std::borrow::Cow;
use std::io::Read;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use shared::contract::ColumnType;
use shared::decode::{Delimited, DelimitedReader, DelimitedRecord};
use shared::govern::{FieldValue, Fields, Plan, Reason, SlotId, parse_date};
use shared::transform::RecordSink;

use crate::ReadError;
use crate::amount::{Style, from_micros, plain, style_of};
use crate::header::{self, Column, Found, Header, Kind};
use crate::key::Known;
use crate::routing::REPORT;
use crate::total::{Amounts, Totals, is_total};

/// Reads a report to its end. `beginning` holds its first lines once more.
pub fn read(
    source: impl Read,
    beginning: &[u8],
    known: &Known,
    pulled_at: DateTime<Utc>,
    records: &mut RecordSink<'_>,
) -> Result<(), ReadError> {
    let plan = records.plan();
    let Some(found) = header::find(beginning, &plan, records.contracts()) else {
        return Err(ReadError::Unknown("no line of it names columns of a report".to_owned()));
    };
    let mut reader = DelimitedReader::new(source, found.delimiter);
    let mut rows = Rows::new(found, beginning, known, pulled_at, &plan);
    let mut fields = Fields::new(plan.clone());
    loop {
        let next = reader.next_record();
        let record = match next {
            Ok(Some(Delimited::Record(record))) => record,
            Ok(Some(Delimited::TooLong { line, offset, length })) => {
                rows.totals.unreadable_row();
                records.too_long(line, offset, length)?;
                continue;
            }
            Ok(None) => break,
            Err(source) => return Err(ReadError::Source { decoded: reader.offset(), source }),
        };
        // Titles and the header are no records: they stand before the first one.
        if record.is_empty() || record.line() <= rows.header_line {
            continue;
        }
        match rows.fill(&record, &mut fields)? {
            Row::Data => records.fields(record.line(), record.bytes(), &fields.scanned())?,
            Row::Total => records.ignore(),
            Row::NotText => {
                rows.totals.unreadable_row();
                records.refuse(record.line(), Reason::WrongType, "utf-8", record.bytes())?;
            }
        }
    }
    records.decoded(reader.offset());
    rows.finish()
}

enum Row {
    Data,
    Total,
    NotText,
}

/// What is known of a report while its rows are read.
struct Rows<'a> {
    header: Header,
    header_line: u64,
    in_micros: bool,
    style: Style,
    /// Whether a number has shown the style; before that it is the language's.
    style_is_sure: bool,
    /// Whether a number was read that the other style reads as another number.
    has_guessed: bool,
    totals: Totals,
    slots: Slots,
    known: &'a Known,
    pulled_at: String,
    /// The day of a report that has no column for it, if it is of one day.
    only_day: Option<String>,
}

struct Slots {
    report: Option<SlotId>,
    source_format: Option<SlotId>,
    source_object: Option<SlotId>,
    pulled_at: Option<SlotId>,
    customer: Option<SlotId>,
    date: Option<SlotId>,
}

impl<'a> Rows<'a> {
    fn new(
        found: Found,
        beginning: &[u8],
        known: &'a Known,
        pulled_at: DateTime<Utc>,
        plan: &Plan,
    ) -> Self {
        let titles = titles(beginning, found.line);
        Self {
            style: found.header.style,
            header: found.header,
            header_line: found.line,
            in_micros: is_of_old_api(&titles),
            style_is_sure: false,
            has_guessed: false,
            totals: Totals::default(),
            slots: Slots {
                report: plan.slot(REPORT),
                source_format: plan.slot("sourceFormat"),
                source_object: plan.slot("sourceObject"),
                pulled_at: plan.slot("pulledAt"),
                customer: plan.slot("customer.id"),
                date: plan.slot("segments.date"),
            },
            known,
            pulled_at: pulled_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            only_day: titles.iter().find_map(only_day),
        }
    }

    /// Puts the fields of a row where the contract reads them.
    fn fill(
        &mut self,
        record: &DelimitedRecord<'_>,
        fields: &mut Fields,
    ) -> Result<Row, ReadError> {
        let mut texts = Vec::with_capacity(record.len());
        for field in record.fields() {
            match str::from_utf8(field.bytes) {
                Ok(text) => texts.push(text.trim()),
                Err(_) => return Ok(Row::NotText),
            }
        }
        let is_total = texts.first().is_some_and(|first| is_total(first));
        self.learn_style(&texts)?;
        let amounts = self.set_columns(&texts, is_total, fields);
        if is_total {
            // A total that cannot be read says nothing.
            if let Some(amounts) = amounts {
                self.totals.total(amounts);
            }
            return Ok(Row::Total);
        }
        match amounts {
            Some(amounts) => self.totals.row(amounts),
            None => self.totals.unreadable_row(),
        }
        Ok(Row::Data)
    }

    /// Puts the fields of a row of data where the contract reads them, and gives what is summed up of any row; none
    /// where an amount of it cannot be read.
    fn set_columns(&self, texts: &[&str], is_total: bool, fields: &mut Fields) -> Option<Amounts> {
        self.set_surroundings(fields);
        let mut amounts = Some(Amounts::default());
        for (position, text) in texts.iter().enumerate() {
            match self.header.columns.get(position) {
                Some(Some(_)) if is_none(text) => {}
                Some(Some(column)) => {
                    let read = self.read(*column, text, is_total);
                    if amounts
                        .as_mut()
                        .is_some_and(|amounts| !amounts.take(column.kind, read.as_deref()))
                    {
                        amounts = None;
                    }
                    self.set(*column, text, read.as_deref(), fields);
                }
                Some(None) => {
                    fields.unknown("csv", &self.header.names[position], FieldValue::Text(text));
                }
                // Without a name nothing can be told of it, but that it is there.
                None => fields.unknown("csv", "", FieldValue::Text(text)),
            }
        }
        amounts
    }

    /// What every row of the report has in common.
    fn set_surroundings(&self, fields: &mut Fields) {
        let format = if self.in_micros { "csv_micros" } else { "csv" };
        fields.clear();
        let common = [
            (self.slots.report, Some(self.header.report)),
            (self.slots.source_format, Some(format)),
            (self.slots.source_object, Some(self.known.object.as_str())),
            (self.slots.pulled_at, Some(self.pulled_at.as_str())),
            (self.slots.customer, self.known.customer.as_deref()),
            (self.slots.date, self.only_day.as_deref()),
        ];
        for (slot, text) in common {
            if let (Some(slot), Some(text)) = (slot, text) {
                fields.set_text(slot, text);
            }
        }
    }

    /// A field in the form that its column reads; none where it cannot be read, or needs not be.
    fn read<'t>(&self, column: Column, text: &'t str, is_total: bool) -> Option<Cow<'t, str>> {
        match (column.column_type, column.kind) {
            (_, Kind::Customer) if !text.contains('-') => Some(Cow::Borrowed(text)),
            (_, Kind::Customer) => Some(Cow::Owned(text.replace('-', ""))),
            // The total of a report in micros is in units.
            (_, Kind::Cost) if self.in_micros && !is_total => from_micros(text).map(Cow::Owned),
            (ColumnType::Long | ColumnType::Decimal { .. }, _) => plain(text, self.style),
            (ColumnType::Date, _) => date(text),
            _ => None,
        }
    }

    fn set(&self, column: Column, text: &str, read: Option<&str>, fields: &mut Fields) {
        // What cannot be read goes on as it is, and the contract refuses it.
        match read {
            Some(read) => fields.set_text(column.slot, read),
            None if column.kind == Kind::Cost && self.in_micros => {
                fields.set_text(column.slot, "not in micros");
            }
            None if matches!(column.column_type, ColumnType::Long | ColumnType::Decimal { .. }) => {
                // It must not be read by other rules than these.
                fields.set_text(column.slot, "not an amount");
            }
            None => fields.set_text(column.slot, text),
        }
    }

    /// Learns from the numbers of a row how numbers are written in this report.
    fn learn_style(&mut self, texts: &[&str]) -> Result<(), ReadError> {
        if self.style_is_sure {
            return Ok(());
        }
        for (column, text) in self.header.columns.iter().zip(texts) {
            let is_number = column.is_some_and(|column| {
                matches!(column.column_type, ColumnType::Long | ColumnType::Decimal { .. })
            });
            if !is_number || is_none(text) {
                continue;
            }
            let Some(style) = style_of(text) else {
                self.has_guessed |= text.contains(['.', ',']);
                continue;
            };
            if self.has_guessed && style != self.style {
                return Err(ReadError::Unknown(
                    "its numbers are not written as its language writes them, and earlier rows can be read in two ways".to_owned(),
                ));
            }
            (self.style, self.style_is_sure) = (style, true);
            return Ok(());
        }
        Ok(())
    }

    fn finish(self) -> Result<(), ReadError> {
        match self.totals.contradiction() {
            Some(problem) => Err(ReadError::Unknown(problem)),
            None => Ok(()),
        }
    }
}

/// How Google writes that there is no value.
fn is_none(text: &str) -> bool {
    matches!(text, "" | "--" | "\u{2014}" | "\u{2013}")
}

/// The lines before the header, and whether each stood in quotes as a whole.
fn titles(beginning: &[u8], header_line: u64) -> Vec<Title> {
    let text = String::from_utf8_lossy(beginning);
    let mut titles = Vec::new();
    for line in text.lines().take(header_line.saturating_sub(1) as usize) {
        let line = line.trim().trim_start_matches('\u{feff}');
        let inner = line.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        if !line.is_empty() {
            titles.push(Title { text: inner.unwrap_or(line).to_owned(), quoted: inner.is_some() });
        }
    }
    titles
}

struct Title {
    text: String,
    quoted: bool,
}

/// Reports of the old API have one line before the header: name and dates in one pair of quotes.
fn is_of_old_api(titles: &[Title]) -> bool {
    match titles {
        [only] => only.quoted && only.text.ends_with(')') && only.text.contains('('),
        _ => false,
    }
}

/// The day of a range of dates that begins and ends with it.
fn only_day(title: &Title) -> Option<String> {
    let range = title.text.rsplit_once('(').map_or(title.text.as_str(), |(_, range)| range);
    let range = range.trim_end_matches(')').trim();
    if let Some(day) = date(range) {
        return Some(day.into_owned());
    }
    let (from, to) = range.split_once(" - ").or_else(|| range.split_once(" \u{2013} "))?;
    let (from, to) = (date(from)?, date(to)?);
    (from == to).then(|| from.into_owned())
}

/// A day as ISO 8601. Days that are written with slashes can be read in two ways, so they are not.
fn date(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim();
    if parse_date(text).is_some() {
        return Some(Cow::Borrowed(text));
    }
    for format in ["%Y-%m-%d", "%d.%m.%Y", "%b %d, %Y", "%B %d, %Y", "%Y%m%d"] {
        if let Ok(day) = NaiveDate::parse_from_str(text, format) {
            return Some(Cow::Owned(day.to_string()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(text: &str, quoted: bool) -> Title {
        Title { text: text.to_owned(), quoted }
    }

    #[test]
    fn dates_that_can_be_read_in_one_way_are() {
        for text in ["2026-03-01", "01.03.2026", "Mar 1, 2026", "March 1, 2026", "20260301"] {
            assert_eq!(date(text).as_deref(), Some("2026-03-01"), "{text}");
        }
        for text in ["3/1/2026", "1 mars 2026", "2026-02-30", "", "2026"] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn a_report_of_one_day_tells_it_in_its_title() {
        let day = |text: &str| only_day(&title(text, true));
        assert_eq!(day("March 1, 2026 - March 1, 2026").as_deref(), Some("2026-03-01"));
        assert_eq!(day("CAMPAIGN_PERFORMANCE_REPORT (Mar 1, 2026-Mar 2, 2026)"), None);
        assert_eq!(day("March 1, 2026 - March 2, 2026"), None);
        assert_eq!(day("Campaign report"), None);
    }

    #[test]
    fn one_quoted_title_is_the_old_apis() {
        let old = title("CAMPAIGN_PERFORMANCE_REPORT (Mar 1, 2026-Mar 2, 2026)", true);
        assert!(is_of_old_api(&[old]));
        assert!(!is_of_old_api(&[]));
        assert!(!is_of_old_api(&[
            title("Campaign report", false),
            title("March 1, 2026 - March 2, 2026", true)
        ]));
        assert!(!is_of_old_api(&[title("Campaign report (weekly)", false)]));
    }
}
