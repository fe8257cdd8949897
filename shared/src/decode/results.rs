//! Answers that come in pages: the elements of `results`, in one page or in an array of pages.

/// Brackets deeper than this are no answer.
const DEEPEST: usize = 64;

/// What a byte of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultStep {
    /// Nothing begins or ends with it.
    Inside,
    /// A page begins with it.
    PageBegins,
    /// A row begins with it.
    RowBegins,
    /// A row ends with it.
    RowEnds,
    /// The page turns out to be an error: its member `error` comes next.
    ErrorBegins,
    /// A page ends with it.
    PageEnds,
    /// The answer is no JSON, or none of pages.
    Malformed,
}

/// Follows the brackets of an answer byte by byte and builds nothing: the answer may be gigabytes long.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // They are independent of each other; an enum would hold their product.
pub struct ResultBrackets {
    open: Vec<u8>,
    /// How many brackets a page's members are in: one, or two where pages stand in an array.
    page_depth: usize,
    in_string: bool,
    escaped: bool,
    awaits_name: bool,
    reads_name: bool,
    name: Vec<u8>,
    ended: bool,
}

impl ResultBrackets {
    /// Whether the answer has come to its end.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Whether the answer is an array of pages, as streams are.
    pub fn is_array(&self) -> bool {
        self.page_depth == 2
    }

    /// Follows the next byte.
    pub fn step(&mut self, byte: u8) -> ResultStep {
        if self.in_string {
            return self.step_in_string(byte);
        }
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => ResultStep::Inside,
            _ if self.ended => ResultStep::Malformed,
            b'[' | b'{' => self.opened(byte),
            b']' | b'}' => self.closed(byte),
            b'"' if self.in_page() => {
                self.in_string = true;
                if self.awaits_name {
                    self.awaits_name = false;
                    self.reads_name = true;
                    self.name.clear();
                }
                ResultStep::Inside
            }
            b',' => {
                self.awaits_name = self.open.len() == self.page_depth;
                if self.open.is_empty() { ResultStep::Malformed } else { ResultStep::Inside }
            }
            // What stands between brackets is left to whoever reads the row.
            _ if self.in_page() => ResultStep::Inside,
            _ => ResultStep::Malformed,
        }
    }

    fn in_page(&self) -> bool {
        self.page_depth > 0 && self.open.len() >= self.page_depth
    }

    fn step_in_string(&mut self, byte: u8) -> ResultStep {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => {
                self.in_string = false;
                let named = std::mem::take(&mut self.reads_name);
                if named && self.name == b"error" {
                    return ResultStep::ErrorBegins;
                }
            }
            _ if self.reads_name && self.name.len() < 16 => self.name.push(byte),
            _ => {}
        }
        ResultStep::Inside
    }

    fn opened(&mut self, bracket: u8) -> ResultStep {
        if self.open.is_empty() {
            self.page_depth = if bracket == b'[' { 2 } else { 1 };
        }
        let begins_page = self.open.len() + 1 == self.page_depth;
        if (begins_page && bracket != b'{') || self.open.len() >= DEEPEST {
            return ResultStep::Malformed;
        }
        if begins_page {
            self.name.clear();
        }
        let begins_row = self.is_in_results() && self.open.len() == self.page_depth + 1;
        self.open.push(bracket);
        self.awaits_name = begins_page;
        match (begins_page, begins_row, bracket) {
            (true, ..) => ResultStep::PageBegins,
            (_, true, b'{') => ResultStep::RowBegins,
            (_, true, _) => ResultStep::Malformed,
            _ => ResultStep::Inside,
        }
    }

    fn closed(&mut self, bracket: u8) -> ResultStep {
        let expected = if bracket == b']' { b'[' } else { b'{' };
        if self.open.pop() != Some(expected) {
            return ResultStep::Malformed;
        }
        self.ended = self.open.is_empty();
        if bracket == b'}' && self.is_in_results() && self.open.len() == self.page_depth + 1 {
            return ResultStep::RowEnds;
        }
        if self.open.len() + 1 == self.page_depth {
            ResultStep::PageEnds
        } else {
            ResultStep::Inside
        }
    }

    fn is_in_results(&self) -> bool {
        self.name == b"results" && self.open.get(self.page_depth) == Some(&b'[')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(answer: &str) -> (Vec<ResultStep>, bool) {
        let mut brackets = ResultBrackets::default();
        let mut steps: Vec<ResultStep> = answer.bytes().map(|byte| brackets.step(byte)).collect();
        steps.retain(|step| *step != ResultStep::Inside);
        (steps, brackets.ended())
    }

    #[test]
    fn pages_rows_and_errors_begin_and_end() {
        use ResultStep::{ErrorBegins, PageBegins, PageEnds, RowBegins, RowEnds};
        let page = r#"{"fieldMask":"results","results":[{"a":[{}]},{}],"x":{"results":[{}]}}"#;
        let steps_of_page = [PageBegins, RowBegins, RowEnds, RowBegins, RowEnds, PageEnds];
        assert_eq!(steps(page), (steps_of_page.to_vec(), true));
        assert_eq!(steps(&format!("[{page}")), (steps_of_page.to_vec(), false));
        let error = r#"[{"error":{"results":[{}]}}]"#;
        assert_eq!(steps(error), (vec![PageBegins, ErrorBegins, PageEnds], true));
        assert_eq!(steps("[] "), (Vec::new(), true));
        for answer in ["1", "[1]", "[{]", "[] []", r#"{"results":[[]]}"#, ","] {
            assert!(steps(answer).0.contains(&ResultStep::Malformed), "{answer}");
        }
    }
}
