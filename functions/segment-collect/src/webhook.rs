//! The body of Segment's webhook destination: one message, or, batched, an array of them.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use ring::hmac;
use subtle::ConstantTimeEq;

use crate::line::{Envelope, Sender};
use crate::refusal::Refusal;
use crate::tracking::{Body, Lines};

/// The bytes of a body that Segment signs: all of them, or of an array those of the first element.
///
/// The elements behind it are not signed by anybody, so arrays are accepted only where the deployer
/// has said so.
pub fn signed_part<'a>(body: &Body<'a>, text: &'a str, arrays: bool) -> Result<&'a str, Refusal> {
    if !body.raw().starts_with('[') {
        return Ok(text);
    }
    if !arrays {
        return Err(Refusal::Arrays);
    }
    // An empty array has nothing that is signed.
    Body::elements(body.raw())?.first().copied().ok_or(Refusal::Signature)
}

/// Whether a signature is the lower-case hex of the HMAC-SHA1 of the signed bytes.
pub fn is_signed(signed: &str, secret: &str, signature: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let mut expected = String::with_capacity(40);
    for byte in hmac::sign(&key, signed.as_bytes()).as_ref() {
        // Writing to a string does not fail.
        let _ = write!(expected, "{byte:02x}");
    }
    expected.as_bytes().ct_eq(signature.as_bytes()).into()
}

/// The lines of a body.
pub fn lines(body: &Body<'_>, received_at: DateTime<Utc>) -> Result<Lines, Refusal> {
    let envelope =
        Envelope { received_at, sender: Sender::Segment, message_type: None, common: Vec::new() };
    let mut lines = Lines::default();
    if body.raw().starts_with('[') {
        for raw in Body::elements(body.raw())? {
            lines.append(&envelope, raw);
        }
    } else {
        lines.append(&envelope, body.raw());
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2202, test case 2.
    const SIGNED: &str = "what do ya want for nothing?";
    const SIGNATURE: &str = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";

    #[test]
    fn the_signature_is_hmac_sha1_in_lower_case_hex() {
        assert!(is_signed(SIGNED, "Jefe", SIGNATURE));
        assert!(!is_signed(SIGNED, "jefe", SIGNATURE));
        assert!(!is_signed("what do ya want for nothing", "Jefe", SIGNATURE));
        for other in ["", &SIGNATURE[..39], &SIGNATURE.to_uppercase()] {
            assert!(!is_signed(SIGNED, "Jefe", other), "{other}");
        }
    }

    #[test]
    fn of_an_array_the_first_elements_own_bytes_are_signed() {
        let text = " [ {\"a\" : 1.0 },{\"b\":2}]";
        let body = Body::parse(text).unwrap();
        assert_eq!(signed_part(&body, text, true).unwrap(), "{\"a\" : 1.0 }");
        assert!(matches!(signed_part(&body, text, false), Err(Refusal::Arrays)));
        let empty = Body::parse("[]").unwrap();
        assert!(matches!(signed_part(&empty, "[]", true), Err(Refusal::Signature)));
        let single = " {\"a\":1}\n";
        let body = Body::parse(single).unwrap();
        assert_eq!(signed_part(&body, single, false).unwrap(), single);
    }

    #[test]
    fn an_array_is_a_line_an_element() {
        let text = r#"[{"messageId":"1","receivedAt":"2026-11-23T00:00:00Z"},{"messageId":"2","receivedAt":"2026-11-23T00:00:00Z"}]"#;
        let lines = lines(&Body::parse(text).unwrap(), Utc::now()).unwrap();
        assert_eq!(lines.count, 2);
        let expected = text[1..text.len() - 1].replace("},{", "}\n{") + "\n";
        assert_eq!(String::from_utf8(lines.bytes).unwrap(), expected);
    }
}
