//! How deep JSON is nested.
//!
//! The parser goes into arrays and objects by recursion, so a record of nothing but brackets would
//! overflow the stack, which no process survives.

use memchr::memchr2_iter;

/// Deeper than this is taken for no JSON. serde's limit is 128; nobody's events come near either.
pub const DEEPEST_JSON: usize = 512;

/// Whether arrays and objects are nested deeper than [`DEEPEST_JSON`].
pub fn is_too_deep(json: &[u8]) -> bool {
    // Brackets in strings are counted too, so this only says of most records that they are not.
    if memchr2_iter(b'[', b'{', json).nth(DEEPEST_JSON).is_none() {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json {
        if in_string {
            (in_string, escaped) = match byte {
                b'"' if !escaped => (false, false),
                b'\\' => (true, !escaped),
                _ => (true, false),
            };
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST_JSON {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_count_where_they_nest() {
        let nested = |depth: usize| format!("{}{}", "[{".repeat(depth), "}]".repeat(depth));
        assert!(!is_too_deep(nested(DEEPEST_JSON / 2).as_bytes()));
        assert!(is_too_deep(nested(DEEPEST_JSON / 2 + 1).as_bytes()));
        assert!(is_too_deep("[".repeat(1_000_000).as_bytes()));
        assert!(!is_too_deep("[],".repeat(10_000).as_bytes()));
        assert!(!is_too_deep(format!("\"\\\"{}\\\\\"", "[".repeat(10_000)).as_bytes()));
        assert!(is_too_deep(format!("\"\\\\\"{}", "[".repeat(10_000)).as_bytes()));
    }
}
