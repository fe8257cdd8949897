//! Names of members as they may be shown: a name may itself be somebody's data.

/// A name longer than this, or one that looks like data, is written as [`UNNAMED`].
const LONGEST_NAME: usize = 64;

/// So many digits in a row are an identifier, not a part of a name.
const LONGEST_DIGIT_RUN: usize = 5;

/// Stands for a name that may itself be somebody's data: an e-mail address as a key, say.
pub(super) const UNNAMED: &str = "?";

/// A name as it may be shown: letters, digits and a few signs, so it needs no escaping either.
pub(super) fn shown_name(name: &str) -> &str {
    // Nearly every name is nothing but ASCII letters.
    if name.len() <= LONGEST_NAME
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphabetic())
    {
        return name;
    }
    let mut digits = 0;
    let mut letters = 0;
    for letter in name.chars() {
        if letter.is_numeric() {
            digits += 1;
            if digits > LONGEST_DIGIT_RUN {
                return UNNAMED;
            }
            continue;
        }
        digits = 0;
        if letter.is_alphabetic() {
            letters += 1;
        } else if !matches!(letter, '_' | '-' | '.' | ' ' | '$' | ':' | '/') {
            return UNNAMED;
        }
    }
    if letters == 0 || name.len() > LONGEST_NAME { UNNAMED } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_looks_like_data_is_not_shown() {
        for good in ["firstName", "utm source", "$os", "größe", "address.city", "x2"] {
            assert_eq!(shown_name(good), good);
        }
        for bad in [
            "",
            "ada@example.com",
            "203.0.113.77",
            "user_123456",
            "a\"b",
            "a\\",
            "4111 1111",
            "\u{0}x",
            &"x".repeat(65),
        ] {
            assert_eq!(shown_name(bad), UNNAMED, "{bad}");
        }
    }
}
