//! Newline-delimited records out of a byte stream.

use std::io::{self, Read};

use memchr::memchr;

/// The longest record that is held: Segment's own limit is 32 KB, and 1 MiB is what SQS, SNS and
/// Kinesis would take at most. A longer line is passed over as it streams by.
pub const MAX_RECORD_BYTES: usize = 1024 * 1024;

/// How much is read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// UTF-8 byte order mark, which some writers put in front.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

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
    source: R,
    buffer: Vec<u8>,
    /// The unread part of the buffer.
    start: usize,
    end: usize,
    /// Bytes of the input before `start`.
    offset: u64,
    number: u64,
    finished: bool,
}

/// Where a line stands in the buffer.
enum Found {
    Line { start: usize, end: usize },
    TooLong { offset: u64, length: u64 },
}

impl<R: Read> LineReader<R> {
    /// Reads lines from a decoded stream.
    pub fn new(source: R) -> Self {
        Self {
            source,
            buffer: vec![0; CHUNK_BYTES],
            start: 0,
            end: 0,
            offset: 0,
            number: 0,
            finished: false,
        }
    }

    /// Decoded bytes that were given out or passed over so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next line that is not blank; none at the end.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            let Some(found) = self.find_line()? else {
                return Ok(None);
            };
            self.number += 1;
            match found {
                Found::TooLong { offset, length } => {
                    return Ok(Some(Line::TooLong { number: self.number, offset, length }));
                }
                Found::Line { mut start, end } => {
                    if self.number == 1 && self.buffer[start..end].starts_with(BYTE_ORDER_MARK) {
                        start += BYTE_ORDER_MARK.len();
                    }
                    if !self.buffer[start..end].trim_ascii().is_empty() {
                        return Ok(Some(Line::Record {
                            number: self.number,
                            bytes: &self.buffer[start..end],
                        }));
                    }
                }
            }
        }
    }

    fn find_line(&mut self) -> io::Result<Option<Found>> {
        let mut searched = 0;
        loop {
            if let Some(position) = memchr(b'\n', &self.buffer[self.start + searched..self.end]) {
                let start = self.start;
                let end = start + searched + position;
                self.advance(end + 1 - start);
                return Ok(Some(Found::Line { start, end }));
            }
            searched = self.end - self.start;
            if searched > MAX_RECORD_BYTES {
                return self.pass_over().map(Some);
            }
            if self.finished || !self.fill()? {
                if searched == 0 {
                    return Ok(None);
                }
                let (start, end) = (self.start, self.end);
                self.advance(end - start);
                return Ok(Some(Found::Line { start, end }));
            }
        }
    }

    /// Reads on to the end of a line that is too long to hold.
    fn pass_over(&mut self) -> io::Result<Found> {
        let offset = self.offset;
        loop {
            let line_end = memchr(b'\n', &self.buffer[self.start..self.end]);
            let length = line_end.unwrap_or(self.end - self.start);
            self.advance(length);
            if line_end.is_some() || !self.fill()? {
                let length = self.offset - offset;
                self.advance(usize::from(line_end.is_some()));
                return Ok(Found::TooLong { offset, length });
            }
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.start += bytes;
        self.offset += bytes as u64;
    }

    /// Makes room behind the unread part and reads into it; false at the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.finished = true;
                    return Ok(false);
                }
                Ok(read) => {
                    self.end += read;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
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
        assert!(reader.buffer.len() <= 4 * MAX_RECORD_BYTES);
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
