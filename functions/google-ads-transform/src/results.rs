//! The rows of an API answer, one by one out of a stream: the elements of `results` in an array of
//! pages (`searchStream`) or in one page (`search`).

use std::io::{self, Read};
use std::ops::Range;

use shared::decode::{MAX_RECORD_BYTES, ResultBrackets, ResultStep};

/// How much is read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// A row of an answer.
#[derive(Debug)]
pub enum ResultRow<'a> {
    /// Its number, counted from 1, and its bytes: a JSON object.
    Row(u64, &'a [u8]),
    /// One that is too long to hold, by its number, offset and length.
    TooLong(u64, u64, u64),
}

/// Why there are no more rows, though the answer is not at its end.
#[derive(Debug)]
pub enum ResultsError {
    /// It is no answer, or an error, or it broke off.
    Unknown(&'static str),
    /// The bytes failed.
    Source(io::Error),
}

/// Gives the rows of an answer one by one from one buffer.
pub struct ResultReader<R> {
    source: R,
    buffer: Vec<u8>,
    /// What is looked at next, and where what was read ends.
    position: usize,
    end: usize,
    /// Bytes of the input before the buffer.
    before: u64,
    /// Where the row that is under way begins: in the buffer, or, of one that is passed over, in the input.
    row: Option<usize>,
    passed_over: Option<u64>,
    rows: u64,
    brackets: ResultBrackets,
}

impl<R: Read> ResultReader<R> {
    /// Reads rows from a decoded stream.
    pub fn new(source: R) -> Self {
        Self {
            source,
            buffer: vec![0; CHUNK_BYTES],
            position: 0,
            end: 0,
            before: 0,
            row: None,
            passed_over: None,
            rows: 0,
            brackets: ResultBrackets::default(),
        }
    }

    /// Decoded bytes that were read so far.
    pub fn offset(&self) -> u64 {
        self.before + self.position as u64
    }

    /// The next row; none at the end of the answer.
    pub fn next_row(&mut self) -> Result<Option<ResultRow<'_>>, ResultsError> {
        loop {
            if let Some(found) = self.look()? {
                return Ok(Some(match found {
                    Found::Row(range) => ResultRow::Row(self.rows, &self.buffer[range]),
                    Found::TooLong(offset, length) => ResultRow::TooLong(self.rows, offset, length),
                }));
            }
            if !self.fill().map_err(ResultsError::Source)? {
                if self.brackets.ended() {
                    return Ok(None);
                }
                return Err(ResultsError::Unknown("the answer breaks off"));
            }
        }
    }

    /// Looks through the buffer for the end of a row.
    fn look(&mut self) -> Result<Option<Found>, ResultsError> {
        while self.position < self.end {
            let here = self.position;
            self.position += 1;
            match self.brackets.step(self.buffer[here]) {
                ResultStep::Inside | ResultStep::PageBegins | ResultStep::PageEnds => {}
                ResultStep::RowBegins => self.row = Some(here),
                ResultStep::RowEnds => {
                    self.rows += 1;
                    if let Some(offset) = self.passed_over.take() {
                        return Ok(Some(Found::TooLong(offset, self.offset() - offset)));
                    }
                    let start = self.row.take().unwrap_or(here);
                    return Ok(Some(Found::Row(start..self.position)));
                }
                ResultStep::ErrorBegins => {
                    return Err(ResultsError::Unknown("the answer is an error of google's"));
                }
                ResultStep::Malformed => {
                    return Err(ResultsError::Unknown(
                        "the answer is not json as google writes it",
                    ));
                }
            }
        }
        Ok(None)
    }

    /// Makes room, keeping the row that is under way, and reads on; false at the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        if let Some(start) = self.row
            && self.end - start > MAX_RECORD_BYTES
        {
            self.passed_over = Some(self.before + start as u64);
            self.row = None;
        }
        let kept = self.row.unwrap_or(self.position);
        self.buffer.copy_within(kept..self.end, 0);
        self.before += kept as u64;
        self.end -= kept;
        self.position -= kept;
        self.row = self.row.map(|_| 0);
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() + CHUNK_BYTES, 0);
        }
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(read) => {
                    self.end += read;
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

enum Found {
    Row(Range<usize>),
    TooLong(u64, u64),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// Gives at most so many bytes at once, so that rows lie across reads.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(buffer.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn rows(input: &[u8], step: usize) -> Result<Vec<Value>, ResultsError> {
        let mut reader = ResultReader::new(Drip(input, step));
        let mut found = Vec::new();
        while let Some(row) = reader.next_row()? {
            let ResultRow::Row(number, bytes) = row else { panic!("too long") };
            found.push(serde_json::from_slice(bytes).unwrap());
            assert_eq!(number, found.len() as u64);
        }
        assert_eq!(reader.offset(), input.len() as u64);
        Ok(found)
    }

    #[test]
    fn a_page_and_an_array_of_pages_have_the_same_rows() {
        let [first, second] = [json!({"a": {"b": [{"results": []}]}}), json!({"c": "}]\\\""})];
        let page = json!({"fieldMask": "results", "results": [first, second], "nextPageToken": "t", "summaryRow": {"results": [{}]}});
        for answer in [page.clone(), json!([page])] {
            assert_eq!(
                rows(answer.to_string().as_bytes(), 3).unwrap(),
                [first.clone(), second.clone()]
            );
        }
        for empty in ["[]", "{}", " [ {} ] ", "[{\"results\":[]}]"] {
            assert!(rows(empty.as_bytes(), 1).unwrap().is_empty(), "{empty}");
        }
    }

    #[test]
    fn an_error_and_what_is_no_answer_are_refused() {
        let error = json!([{"results": [{}]}, {"error": {"code": 500}}]).to_string();
        assert!(
            matches!(rows(error.as_bytes(), 5), Err(ResultsError::Unknown(problem)) if problem.contains("error"))
        );
        for answer in
            ["[1]", "[[]]", "[{}", "[{]}", "[] []", "{\"results\":[[]]}", "[{\"results\":[{}]", ","]
        {
            assert!(
                matches!(rows(answer.as_bytes(), 2), Err(ResultsError::Unknown(_))),
                "{answer}"
            );
        }
    }

    #[test]
    fn a_row_too_long_is_passed_over() {
        let answer =
            json!([{"results": [{"a": 1}, {"b": "x".repeat(3 * MAX_RECORD_BYTES)}, {"c": 2}]}])
                .to_string();
        let mut reader = ResultReader::new(answer.as_bytes());
        assert!(matches!(reader.next_row().unwrap(), Some(ResultRow::Row(1, b"{\"a\":1}"))));
        let expected = (answer.find("{\"b\"").unwrap() as u64, 3 * MAX_RECORD_BYTES as u64 + 8);
        match reader.next_row().unwrap() {
            Some(ResultRow::TooLong(2, offset, length)) => assert_eq!((offset, length), expected),
            other => panic!("{other:?}"),
        }
        assert!(matches!(reader.next_row().unwrap(), Some(ResultRow::Row(3, b"{\"c\":2}"))));
        assert!(reader.next_row().unwrap().is_none());
    }

    proptest! {
        #[test]
        fn written_rows_are_read_back_and_no_prefix_passes(
            names in prop::collection::vec("\\PC{0,12}", 1..6), step in 1_usize..9, at in any::<prop::sample::Index>(),
        ) {
            let written: Vec<Value> = names.iter().map(|name| json!({"campaign": {"name": name, "{": [name, {"}": 1}]}})).collect();
            let answer = json!([{"results": written}]).to_string();
            prop_assert_eq!(rows(answer.as_bytes(), step).unwrap(), written);
            let cut = at.index(answer.len());
            prop_assert!(rows(&answer.as_bytes()[..cut], step).is_err());
        }

        #[test]
        fn any_bytes_are_an_answer_and_never_a_panic(input in prop::collection::vec(prop::sample::select(b"[]{}\",:\\results".to_vec()), 0..60)) {
            let mut reader = ResultReader::new(input.as_slice());
            while let Ok(Some(_)) = reader.next_row() {}
        }
    }
}
