//! Records of a delimited file (RFC 4180: comma, tab or semicolon) out of a byte stream.

use std::io::{self, Read};

use memchr::{memchr, memchr2};

use super::MAX_RECORD_BYTES;
use super::window::Window;

const QUOTE: u8 = b'"';

/// A record of the input.
#[derive(Debug)]
pub enum Delimited<'a> {
    /// A record with its fields.
    Record(DelimitedRecord<'a>),
    /// A record longer than [`MAX_RECORD_BYTES`]: it was passed over, not held. It is taken to end
    /// with its line, since whether a quote was ever closed cannot be told without holding it.
    TooLong {
        /// Line of its first byte, counted from 1.
        line: u64,
        /// Where it starts in the decoded input.
        offset: u64,
        /// Its length in bytes.
        length: u64,
    },
}

/// The fields of a record, and its bytes as they came.
#[derive(Debug, Clone, Copy)]
pub struct DelimitedRecord<'a> {
    line: u64,
    bytes: &'a [u8],
    unescaped: &'a [u8],
    fields: &'a [FieldSpan],
}

/// A field as it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its bytes, without quotes.
    pub bytes: &'a [u8],
    /// Whether it stood in quotes: a writer's word for "null" never does.
    pub quoted: bool,
}

#[derive(Debug, Clone, Copy)]
struct FieldSpan {
    start: u32,
    end: u32,
    quoted: bool,
    /// Whether the span is one of the unescaped bytes, not of the record's own.
    unescaped: bool,
}

impl<'a> DelimitedRecord<'a> {
    /// Line of the record's first byte, counted from 1. A quoted field may hold line ends.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The record's bytes as they came, without its line end.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How many fields there are; an empty line has one empty field.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether the line is empty.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// A field by its position.
    pub fn field(&self, position: usize) -> Option<Field<'a>> {
        let span = self.fields.get(position)?;
        let source = if span.unescaped { self.unescaped } else { self.bytes };
        Some(Field { bytes: &source[span.start as usize..span.end as usize], quoted: span.quoted })
    }

    /// The fields in their order.
    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let record = *self;
        (0..self.fields.len()).filter_map(move |position| record.field(position))
    }
}

/// Gives the records of a stream one by one from one buffer.
///
/// A quote opens a field only at its start, and a doubled quote inside is one quote. What stands
/// between a closing quote and the next delimiter is kept as it is, and so is a quote inside an
/// unquoted field: neither is RFC 4180, both are met.
pub struct DelimitedReader<R> {
    window: Window<R>,
    delimiter: u8,
    line: u64,
    fields: Vec<FieldSpan>,
    unescaped: Vec<u8>,
}

/// How many bytes a record has, and how many with its line end.
struct Extent {
    record: usize,
    taken: usize,
}

impl<R: Read> DelimitedReader<R> {
    /// Reads records from a decoded stream.
    pub fn new(source: R, delimiter: u8) -> Self {
        let (fields, unescaped) = (Vec::new(), Vec::new());
        Self { window: Window::new(source), delimiter, line: 1, fields, unescaped }
    }

    /// Decoded bytes that were given out or passed over so far.
    pub fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// Takes another delimiter from the next record on: a file may tell its own in its first lines.
    pub fn set_delimiter(&mut self, delimiter: u8) {
        self.delimiter = delimiter;
    }

    /// The next record, empty lines included; none at the end.
    pub fn next_record(&mut self) -> io::Result<Option<Delimited<'_>>> {
        if self.window.offset() == 0 {
            self.window.pass_byte_order_mark()?;
        }
        loop {
            if let Some(Extent { record, taken }) = self.parse() {
                let line = self.line;
                let newlines = memchr::memchr_iter(b'\n', &self.window.unread()[..taken]);
                self.line += newlines.count() as u64;
                let bytes = self.window.take(record);
                self.window.take(taken - record);
                return Ok(Some(Delimited::Record(DelimitedRecord {
                    line,
                    bytes: self.window.bytes(bytes),
                    unescaped: &self.unescaped,
                    fields: &self.fields,
                })));
            }
            if self.window.unread().len() > MAX_RECORD_BYTES {
                // The buffer may hold many lines inside a quote that never closes: the first ends it.
                let line = self.line;
                let (offset, length) = self.window.pass_line()?;
                self.line += 1;
                return Ok(Some(Delimited::TooLong { line, offset, length }));
            }
            if !self.window.fill()? && self.window.unread().is_empty() {
                return Ok(None);
            }
        }
    }

    /// Parses the record at the start of the unread part; none when its end is not in the buffer.
    fn parse(&mut self) -> Option<Extent> {
        self.fields.clear();
        self.unescaped.clear();
        let input = self.window.unread();
        if input.is_empty() {
            return None;
        }
        let finished = self.window.is_finished();
        let mut position = 0;
        loop {
            let field = position;
            let quoted = input.get(field) == Some(&QUOTE);
            if quoted {
                position = closing_quote(input, field + 1, finished)?;
            }
            position = match memchr2(self.delimiter, b'\n', &input[position..]) {
                Some(distance) => position + distance,
                None if finished => input.len(),
                None => return None,
            };
            let is_last = input.get(position) != Some(&self.delimiter);
            let mut end = position;
            if is_last && end > field && input[end - 1] == b'\r' {
                end -= 1;
            }
            let span = if quoted {
                unquote(&input[field..end], field, &mut self.unescaped)
            } else {
                FieldSpan { start: field as u32, end: end as u32, quoted, unescaped: false }
            };
            self.fields.push(span);
            if is_last {
                return Some(Extent { record: end, taken: (position + 1).min(input.len()) });
            }
            position += 1;
        }
    }
}

/// The position behind the quote that closes a field; none when the end may still come. A quote
/// that is never closed ends with the input.
fn closing_quote(input: &[u8], mut position: usize, finished: bool) -> Option<usize> {
    loop {
        let Some(distance) = memchr(QUOTE, &input[position..]) else {
            return finished.then_some(input.len());
        };
        position += distance + 1;
        match input.get(position) {
            Some(&QUOTE) => position += 1,
            Some(_) => return Some(position),
            None => return finished.then_some(position),
        }
    }
}

/// The span of a quoted field's text: its own bytes where it has no doubled quote and nothing
/// follows its closing quote, else a copy that is put together in `unescaped`.
fn unquote(field: &[u8], offset: usize, unescaped: &mut Vec<u8>) -> FieldSpan {
    let inner = &field[1..];
    let plain = memchr(QUOTE, inner);
    if plain.is_none_or(|quote| quote + 1 == inner.len()) {
        let end = plain.unwrap_or(inner.len());
        let start = offset + 1;
        let (start, end) = (start as u32, (start + end) as u32);
        return FieldSpan { start, end, quoted: true, unescaped: false };
    }
    let start = unescaped.len() as u32;
    let mut rest = inner;
    while let Some(quote) = memchr(QUOTE, rest) {
        unescaped.extend_from_slice(&rest[..quote]);
        rest = &rest[quote + 1..];
        if rest.first() != Some(&QUOTE) {
            break;
        }
        unescaped.push(QUOTE);
        rest = &rest[1..];
    }
    unescaped.extend_from_slice(rest);
    FieldSpan { start, end: unescaped.len() as u32, quoted: true, unescaped: true }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives at most so many bytes at once, so that records lie across reads.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(buffer.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    type Shown = Vec<(String, bool)>;

    fn records(input: &[u8], delimiter: u8, step: usize) -> Vec<(u64, Shown)> {
        let mut reader = DelimitedReader::new(Drip(input, step), delimiter);
        let mut found = Vec::new();
        while let Some(record) = reader.next_record().unwrap() {
            let Delimited::Record(record) = record else { panic!("too long") };
            let shown = |field: Field<'_>| {
                (String::from_utf8_lossy(field.bytes).into_owned(), field.quoted)
            };
            found.push((record.line(), record.fields().map(shown).collect()));
        }
        assert_eq!(reader.offset(), input.len() as u64);
        found
    }

    fn texts(input: &str) -> Vec<Vec<String>> {
        let found = records(input.as_bytes(), b',', 7);
        let texts = |(_, fields): (u64, Shown)| fields.into_iter().map(|(text, _)| text).collect();
        found.into_iter().map(texts).collect()
    }

    #[test]
    fn quotes_line_ends_and_doubled_quotes() {
        let input = "\u{feff}a,\"b\"\r\n1,\"x, \"\"y\"\"\r\nz\"\n\n\"NULL\",NULL";
        let found = records(input.as_bytes(), b',', 3);
        let expected: Vec<(u64, Vec<(&str, bool)>)> = vec![
            (1, vec![("a", false), ("b", true)]),
            (2, vec![("1", false), ("x, \"y\"\r\nz", true)]),
            (4, vec![("", false)]),
            (5, vec![("NULL", true), ("NULL", false)]),
        ];
        for (found, expected) in found.iter().zip(&expected) {
            let fields: Vec<_> =
                found.1.iter().map(|(text, quoted)| (text.as_str(), *quoted)).collect();
            assert_eq!((found.0, &fields), (expected.0, &expected.1));
        }
        assert_eq!(found.len(), expected.len());
    }

    #[test]
    fn what_is_not_quite_rfc_4180_loses_nothing() {
        assert_eq!(texts("a\"b,\"c\"d,e\n"), [["a\"b", "cd", "e"]]);
        assert_eq!(texts("\"never closed,x\ny"), [["never closed,x\ny"]]);
        assert_eq!(texts("a,\n,"), [["a", ""], ["", ""]]);
        assert!(texts("").is_empty());
    }

    #[test]
    fn a_record_too_long_is_passed_over() {
        let long = "x".repeat(3 * MAX_RECORD_BYTES);
        let input = format!("a,b\n\"{long}\nc,d\n");
        let mut reader = DelimitedReader::new(input.as_bytes(), b',');
        assert!(matches!(reader.next_record().unwrap(), Some(Delimited::Record(_))));
        let expected = (2, 4, long.len() as u64 + 1);
        match reader.next_record().unwrap() {
            Some(Delimited::TooLong { line, offset, length }) => {
                assert_eq!((line, offset, length), expected);
            }
            other => panic!("{other:?}"),
        }
        match reader.next_record().unwrap() {
            Some(Delimited::Record(record)) => {
                assert_eq!((record.line(), record.bytes()), (3, b"c,d".as_slice()));
            }
            other => panic!("{other:?}"),
        }
        assert!(reader.next_record().unwrap().is_none());
    }

    proptest! {
        /// What a writer of RFC 4180 has written is read as it was, wherever the reads are cut.
        #[test]
        fn written_records_are_read_back(
            rows in prop::collection::vec(prop::collection::vec(("[a-z,;\"\r\n\u{e9}]{0,6}", any::<bool>()), 1..4), 1..6),
            step in 1_usize..9,
        ) {
            let mut written = String::new();
            let mut expected: Vec<Shown> = Vec::new();
            for row in &rows {
                let mut shown = Vec::new();
                for (text, quoted) in row {
                    let quoted = *quoted || text.contains([';', '"', '\r', '\n']) || text.is_empty();
                    if !shown.is_empty() {
                        written.push(';');
                    }
                    if quoted {
                        written.extend(["\"", &text.replace('"', "\"\""), "\""]);
                    } else {
                        written.push_str(text);
                    }
                    shown.push((text.clone(), quoted));
                }
                written.push_str("\r\n");
                expected.push(shown);
            }
            let found: Vec<Shown> = records(written.as_bytes(), b';', step).into_iter().map(|(_, fields)| fields).collect();
            prop_assert_eq!(found, expected);
        }

        /// Nothing makes it stop early or panic.
        #[test]
        fn any_bytes_are_read_to_their_end(input in prop::collection::vec(prop::sample::select(b"a,\"\n\r\xff".to_vec()), 0..60), step in 1_usize..9) {
            records(&input, b',', step);
        }
    }
}
