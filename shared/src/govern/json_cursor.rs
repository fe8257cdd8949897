//! A place in JSON text, moved over what it stands at.
//!
//! Every byte of a record is looked at once, and what is passed over is checked against the grammar (RFC 8259) on the way;
//! nothing is built and nothing allocated. A parser that hands out lazy values allocates one for every member, which
//! was a third of the time of a transform.

use super::depth::DEEPEST_JSON;

/// The text is no JSON from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotJson;

/// A string as it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quoted {
    /// The first byte behind the opening quote.
    pub start: usize,
    /// The closing quote.
    pub end: usize,
    /// Whether it has escapes.
    pub is_escaped: bool,
}

/// A place in JSON text.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    pub at: usize,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

impl<'a> Cursor<'a> {
    /// At the beginning of a text.
    pub fn new(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), at: 0 }
    }

    /// The byte at the place; none at the end.
    pub fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Passes over white space.
    pub fn skip_white_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
    }

    /// Passes over a byte, which must be there.
    pub fn expect(&mut self, wanted: u8) -> Result<(), NotJson> {
        if self.byte() != Some(wanted) {
            return Err(NotJson);
        }
        self.at += 1;
        Ok(())
    }

    /// Passes over the name of a member and its colon.
    pub fn name(&mut self) -> Result<Quoted, NotJson> {
        let name = self.string()?;
        self.skip_white_space();
        self.expect(b':')?;
        self.skip_white_space();
        Ok(name)
    }

    /// Passes over what stands between members or elements; false where `end` ends them.
    pub fn goes_on(&mut self, end: u8) -> Result<bool, NotJson> {
        self.skip_white_space();
        match self.byte() {
            Some(b',') => {
                self.at += 1;
                self.skip_white_space();
                Ok(true)
            }
            Some(byte) if byte == end => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(NotJson),
        }
    }

    /// Passes over the bracket that opens an object or an array; false where `end` follows at once, and is passed too.
    pub fn opens(&mut self, end: u8) -> bool {
        self.at += 1;
        self.skip_white_space();
        if self.byte() == Some(end) {
            self.at += 1;
            return false;
        }
        true
    }

    /// Passes over any value. `depth` is that of what it stands in.
    pub fn value(&mut self, depth: usize) -> Result<(), NotJson> {
        match self.byte() {
            Some(b'"') => self.string().map(|_| ()),
            Some(b'{') => self.object(deeper(depth)?),
            Some(b'[') => self.array(deeper(depth)?),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), NotJson> {
        if !self.opens(b'}') {
            return Ok(());
        }
        loop {
            self.name()?;
            self.value(depth)?;
            if !self.goes_on(b'}')? {
                return Ok(());
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), NotJson> {
        if !self.opens(b']') {
            return Ok(());
        }
        loop {
            self.value(depth)?;
            if !self.goes_on(b']')? {
                return Ok(());
            }
        }
    }

    fn literal(&mut self, literal: &[u8]) -> Result<(), NotJson> {
        if !self.bytes[self.at..].starts_with(literal) {
            return Err(NotJson);
        }
        self.at += literal.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), NotJson> {
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        if self.at == start { Err(NotJson) } else { Ok(()) }
    }

    /// Passes over a string.
    pub fn string(&mut self) -> Result<Quoted, NotJson> {
        self.expect(b'"')?;
        let start = self.at;
        let mut is_escaped = false;
        loop {
            self.skip_plain();
            match self.byte() {
                Some(b'"') => {
                    let end = self.at;
                    self.at += 1;
                    return Ok(Quoted { start, end, is_escaped });
                }
                Some(b'\\') => {
                    is_escaped = true;
                    self.escape()?;
                }
                // A control character, which must be escaped; or the end.
                _ => return Err(NotJson),
            }
        }
    }

    /// Passes over bytes of a string that mean themselves, eight at a time.
    fn skip_plain(&mut self) {
        while let Some(bytes) = self.bytes[self.at..].first_chunk::<8>() {
            let special = special(u64::from_le_bytes(*bytes));
            if special != 0 {
                self.at += special.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        while self.byte().is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
            self.at += 1;
        }
    }

    fn escape(&mut self) -> Result<(), NotJson> {
        let length = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 2..self.at + 6).ok_or(NotJson)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(NotJson);
                }
                6
            }
            _ => return Err(NotJson),
        };
        self.at += length;
        Ok(())
    }
}

/// One level further in, if that is not too deep.
pub(super) fn deeper(depth: usize) -> Result<usize, NotJson> {
    if depth < DEEPEST_JSON { Ok(depth + 1) } else { Err(NotJson) }
}

/// Which of eight bytes are a quote, a backslash or a control character: the lowest bit that is set is the highest of the
/// first such byte. (Above it bytes may be marked that are none: a difference borrows from the next one.)
fn special(word: u64) -> u64 {
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let quote = zero(word ^ (ONES * u64::from(b'"')));
    let backslash = zero(word ^ (ONES * u64::from(b'\\')));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control) & HIGH_BITS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_special_byte_is_found(bytes in any::<[u8; 8]>()) {
            let expected = bytes.iter().position(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\');
            let found = special(u64::from_le_bytes(bytes));
            let found = (found != 0).then(|| found.trailing_zeros() as usize / 8);
            prop_assert_eq!(found, expected);
        }

        /// Escapes of every kind, cut off and broken anywhere.
        #[test]
        fn strings_agree_with_a_full_parser(text in r#"(\\["\\/bfnrtu0-9a-fx]|[ -~é]|\\u[0-9a-fA-F]{4}){0,12}"#) {
            let quoted = format!("\"{text}\"");
            let mut cursor = Cursor::new(&quoted);
            let is_whole = cursor.string().is_ok() && cursor.at == quoted.len();
            let judge = serde_json::from_str::<serde::de::IgnoredAny>(&quoted).is_ok();
            prop_assert_eq!(is_whole, judge, "{}", quoted);
        }

        #[test]
        fn numbers_agree_with_a_full_parser(text in "-?[0-9]{0,3}(\\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?") {
            let mut cursor = Cursor::new(&text);
            let is_whole = cursor.value(0).is_ok() && cursor.at == text.len();
            prop_assert_eq!(is_whole, serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok(), "{}", text);
        }
    }
}
