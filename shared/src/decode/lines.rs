//! Newline-delimited records out of a byte stream.

use std::io::{self, Read};
use std::ops::Range;

use memchr::memchr;

use super::window::Window;

/// The longest record that is held: Segment's own limit is 32 KB, and 1 MiB is what SQS, SNS and
/// Kinesis would take at most. A longer line is passed over as it streams by.
pub const MAX_RECORD_BYTES: usize = 1024 * 1024;

/// A line of the input.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A record, without its line end.
    Record {
        /// Counted from 1.
        number: u64,
        /// The record's bytes.
        bytes: &'a [u8],
    },
    /// A line longer than [`MAX_RECORD_BYTES`]: it was passed over, not held.
    TooLong {
        /// Counted from 1.
        number: u64,
        /// Where it starts in the decoded input.
        offset: u64,
        /// Its length in bytes.
        length: u64,
    },
}

/// Gives the lines of a stream one by one from one buffer; blank lines are passed over.
pub struct LineReader<R> {
    window: Window<R>,
    number: u64,
}

/// Where a line stands in the buffer.
enum Found {
    Line(Range<usize>),
    TooLong { offset: u64, length: u64 },
}

impl<R: Read> LineReader<R> {
    /// Reads lines from a decoded stream.
    pub fn new(source: R) -> Self {
        Self { window: Window::new(source), number: 0 }
    }

    /// Decoded bytes that were given out or passed over so far.
    pub fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// The next line that is not blank; none at the end.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        if self.number == 0 {
            self.window.pass_byte_order_mark()?;
        }
        loop {
            let Some(found) = self.find_line()? else {
                return Ok(None);
            };
            self.number += 1;
            let number = self.number;
            match found {
                Found::TooLong { offset, length } => {
                    return Ok(Some(Line::TooLong { number, offset, length }));
                }
                Found::Line(line) => {
                    if !self.window.bytes(line.clone()).trim_ascii().is_empty() {
                        return Ok(Some(Line::Record { number, bytes: self.window.bytes(line) }));
                    }
                }
            }
        }
    }

    fn find_line(&mut self) -> io::Result<Option<Found>> {
        let mut searched = 0;
        loop {
            if let Some(distance) = memchr(b'\n', &self.window.unread()[searched..]) {
                let line = self.window.take(searched + distance);
                self.window.take(1);
                return Ok(Some(Found::Line(line)));
            }
            searched = self.window.unread().len();
            if searched > MAX_RECORD_BYTES {
                let (offset, length) = self.window.pass_line()?;
                return Ok(Some(Found::TooLong { offset, length }));
            }
            if !self.window.fill()? {
                return Ok((searched > 0).then(|| Found::Line(self.window.take(searched))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;
    use crate::decode::{Compression, open};

    /// Gives its bytes a few at a time, as a network does.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
            let length = target.len().min(self.1).min(self.0.len());
            target[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn lines_of(input: &[u8], step: usize) -> Vec<(u64, Vec<u8>)> {
        let (_, decoded) = open(Dribble(input, step)).unwrap();
        let mut reader = LineReader::new(decoded);
        let mut lines = Vec::new();
        while let Some(line) = reader.next_line().unwrap() {
            if let Line::Record { number, bytes } = line {
                lines.push((number, bytes.to_vec()));
            }
        }
        lines
    }

    fn gzip(input: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(input).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn blank_lines_and_a_byte_order_mark_are_no_records() {
        let lines = lines_of(b"\xef\xbb\xbf{}\n\n  \r\n[]\r\nlast", 3);
        assert_eq!(lines, [(1, b"{}".to_vec()), (4, b"[]\r".to_vec()), (5, b"last".to_vec())]);
    }

    #[test]
    fn a_long_line_is_passed_over_and_its_neighbours_are_read() {
        let long = "x".repeat(3 * MAX_RECORD_BYTES);
        let text = format!("a\n{long}\nb\n");
        let mut reader = LineReader::new(text.as_bytes());
        assert_eq!(reader.next_line().unwrap(), Some(Line::Record { number: 1, bytes: b"a" }));
        let length = long.len() as u64;
        assert_eq!(
            reader.next_line().unwrap(),
            Some(Line::TooLong { number: 2, offset: 2, length })
        );
        assert_eq!(reader.next_line().unwrap(), Some(Line::Record { number: 3, bytes: b"b" }));
        assert_eq!(reader.next_line().unwrap(), None);
        assert!(reader.window.capacity() <= 4 * MAX_RECORD_BYTES);
    }

    #[test]
    fn a_long_last_line_without_an_end_is_passed_over() {
        let text = "x".repeat(2 * MAX_RECORD_BYTES);
        let mut reader = LineReader::new(text.as_bytes());
        assert!(matches!(reader.next_line().unwrap(), Some(Line::TooLong { number: 1, .. })));
        assert_eq!(reader.next_line().unwrap(), None);
    }

    #[test]
    fn a_truncated_gzip_is_an_error_and_no_short_file() {
        let whole = gzip(&b"{\"a\":1}\n".repeat(1000));
        let (compression, decoded) = open(&whole[..whole.len() - 5]).unwrap();
        assert_eq!(compression, Compression::Gzip);
        let mut reader = LineReader::new(decoded);
        let error = loop {
            match reader.next_line() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the truncation went unseen"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    proptest! {
        #[test]
        fn lines_are_the_same_however_they_arrive_and_are_compressed(
            lines in prop::collection::vec("[a-z\"{} ]{0,40}", 0..30),
            step in 1_usize..50,
        ) {
            let text = lines.join("\n");
            let expected: Vec<(u64, Vec<u8>)> = text
                .split('\n')
                .enumerate()
                .filter(|(_, line)| !line.trim().is_empty())
                .map(|(index, line)| (index as u64 + 1, line.as_bytes().to_vec()))
                .collect();
            prop_assert_eq!(&lines_of(text.as_bytes(), step), &expected);
            prop_assert_eq!(&lines_of(&gzip(text.as_bytes()), step), &expected);
            let two_members = [gzip(b"one\n"), gzip(text.as_bytes())].concat();
            prop_assert_eq!(lines_of(&two_members, step).len(), expected.len() + 1);
            let zstandard = zstd::encode_all(text.as_bytes(), 1).unwrap();
            prop_assert_eq!(&lines_of(&zstandard, step), &expected);
        }
    }
}
