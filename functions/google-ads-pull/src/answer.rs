//! The answer of `searchStream` as its bytes stream past.
//!
//! The answer is one JSON array that may be gigabytes long, and it may break off anywhere: a proxy
//! hangs up, or Google ends it with an element that is an error. So its brackets are followed byte by
//! byte, nothing is built, and only an answer that came to its end may be kept.

use shared::decode::{ResultBrackets, ResultStep};

/// An error element is kept up to this length; it is what Google says, a few kilobytes.
const LONGEST_FAILURE: usize = 64 * 1024;

/// Why an answer must not be kept.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It broke off. A retry may help.
    #[error("the answer breaks off after {bytes} bytes")]
    Truncated {
        /// How far it came.
        bytes: u64,
    },
    /// It is no JSON array of objects. A retry may help, where a proxy has answered in Google's place.
    #[error("the answer is no json array: byte {offset} is out of place")]
    Malformed {
        /// Where it goes wrong.
        offset: u64,
    },
    /// An element of it is an error.
    #[error("the answer holds an error")]
    Failure(Vec<u8>),
}

/// What a whole answer held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AnswerCounts {
    /// Elements of the array.
    pub pages: u64,
    /// Elements of the pages' `results`.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Follows an answer.
#[derive(Debug, Default)]
pub struct AnswerScanner {
    counts: AnswerCounts,
    brackets: ResultBrackets,
    /// The page that is being read, as long as it may be an error.
    page: Option<Vec<u8>>,
    malformed: Option<u64>,
    failure: Option<Vec<u8>>,
    is_error: bool,
}

impl AnswerScanner {
    /// Follows the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.malformed.is_none() {
                self.step(*byte);
            }
            self.counts.bytes += 1;
        }
    }

    /// Says whether the answer is whole, once there are no more bytes.
    pub fn finish(self) -> Result<AnswerCounts, AnswerError> {
        if let Some(failure) = self.failure {
            return Err(AnswerError::Failure(failure));
        }
        if let Some(offset) = self.malformed {
            return Err(AnswerError::Malformed { offset });
        }
        if !self.brackets.ended() {
            return Err(AnswerError::Truncated { bytes: self.counts.bytes });
        }
        if !self.brackets.is_array() {
            return Err(AnswerError::Malformed { offset: 0 });
        }
        Ok(self.counts)
    }

    fn step(&mut self, byte: u8) {
        let step = self.brackets.step(byte);
        if step == ResultStep::PageBegins {
            self.counts.pages += 1;
            self.page = Some(Vec::new());
        }
        if let Some(page) = &mut self.page
            && page.len() < LONGEST_FAILURE
        {
            page.push(byte);
        }
        match step {
            ResultStep::RowBegins => {
                self.counts.rows += 1;
                // A page with rows is no error: nothing of it is kept.
                self.page = None;
            }
            ResultStep::ErrorBegins => self.is_error = true,
            ResultStep::PageEnds => {
                let page = self.page.take();
                if std::mem::take(&mut self.is_error) {
                    self.failure = Some(page.unwrap_or_default());
                }
            }
            ResultStep::Malformed => self.malformed = Some(self.counts.bytes),
            ResultStep::Inside | ResultStep::PageBegins | ResultStep::RowEnds => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn scan(bytes: &[u8]) -> Result<AnswerCounts, AnswerError> {
        let mut scanner = AnswerScanner::default();
        scanner.feed(bytes);
        scanner.finish()
    }

    #[test]
    fn pages_and_rows_are_counted() {
        let answer = json!([
            {"results": [{"campaign": {"name": "a \"]}\" {results"}}, {"metrics": {"list": [{}, {}]}}], "fieldMask": "a,b", "requestId": "r"},
            {"fieldMask": "results", "results": [{}], "summaryRow": {"metrics": {"clicks": "1"}}},
        ]);
        let counts = scan(answer.to_string().as_bytes()).unwrap();
        assert_eq!((counts.pages, counts.rows), (2, 3));
        assert_eq!(scan(b" [\n]\n").unwrap().rows, 0);
    }

    #[test]
    fn an_error_among_the_pages_is_found() {
        let error = json!({"error": {"code": 500, "details": [{"errors": [{"message": "m"}]}]}});
        let answer = json!([{"results": [{"error": "no error"}]}, error]).to_string();
        let Err(AnswerError::Failure(found)) = scan(answer.as_bytes()) else { panic!() };
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&found).unwrap(), error);
        assert!(scan(json!([{"results": [{"error": "no error"}]}]).to_string().as_bytes()).is_ok());
    }

    #[test]
    fn what_is_no_array_of_objects_is_refused() {
        for answer in ["{}", "[1]", "[[]]", "<html>", "[{]}", "[] []", "\"text\"", "[]]", "[\"x\"]"]
        {
            assert!(
                matches!(scan(answer.as_bytes()), Err(AnswerError::Malformed { .. })),
                "{answer}"
            );
        }
        assert_eq!(scan(b""), Err(AnswerError::Truncated { bytes: 0 }));
        assert!(scan(&b"[{".repeat(100)).is_err());
    }

    proptest! {
        /// Cut anywhere, into whatever chunks: only the whole answer passes.
        #[test]
        fn no_prefix_passes(names in prop::collection::vec("\\PC{0,12}", 1..6), at in any::<prop::sample::Index>(), chunk in 1_usize..9) {
            let rows: Vec<_> = names.iter().map(|name| json!({"campaign": {"name": name, "[": [name, {"]": 1}]}})).collect();
            let answer = json!([{"results": rows, "fieldMask": "x"}, {"results": rows}]).to_string();
            let mut scanner = AnswerScanner::default();
            for part in answer.as_bytes().chunks(chunk) {
                scanner.feed(part);
            }
            prop_assert_eq!(scanner.finish().unwrap().rows, 2 * rows.len() as u64);
            let cut = at.index(answer.len());
            prop_assert_eq!(scan(&answer.as_bytes()[..cut]), Err(AnswerError::Truncated { bytes: cut as u64 }));
        }

        #[test]
        fn any_bytes_are_an_answer_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = scan(&bytes);
        }
    }
}
