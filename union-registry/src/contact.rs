//! Phones and e-mail addresses: the one spelling under which each is kept and found.

use unicode_normalization::UnicodeNormalization;

/// Longest address (RFC 5321).
const EMAIL_BYTES_MAX: usize = 254;
/// Longest local part.
const LOCAL_BYTES_MAX: usize = 64;
/// Longest spelling of a phone looked at.
const PHONE_CHARS_MAX: usize = 40;

/// A phone in E.164: eleven digits that begin with 8 or 7, and ten that begin with 9, are Russian (`+7…`); blanks, dashes,
/// dots and brackets are dropped. `None` when it is no phone.
pub fn normalise_phone(text: &str) -> Option<String> {
    let mut digits = String::with_capacity(16);
    let mut international = false;
    for (place, c) in text.trim().chars().enumerate() {
        match c {
            _ if place >= PHONE_CHARS_MAX => return None,
            '0'..='9' => digits.push(c),
            '+' if place == 0 => international = true,
            ' ' | '\u{a0}' | '\u{202f}' | '-' | '\u{2010}'..='\u{2013}' | '(' | ')' | '.' => {}
            _ => return None,
        }
    }
    if !international {
        digits = match (digits.len(), digits.as_bytes()) {
            (10, [b'9', ..]) => format!("7{digits}"),
            (11, [b'8', ..]) => digits.replacen('8', "7", 1),
            (11, [b'7', ..]) => digits,
            // 8 10 is how an international call is dialled from Russia.
            (13.., [b'8', b'1', b'0', ..]) => digits.split_off(3),
            _ => return None,
        };
    }
    let fits = match digits.as_bytes() {
        [b'7', second, ..] => digits.len() == 11 && *second >= b'3',
        [b'0', ..] | [] => false,
        _ => (8..=15).contains(&digits.len()),
    };
    fits.then(|| format!("+{digits}"))
}

/// An address trimmed, composed (NFC) and lower-cased. `None` when it is no address.
pub fn normalise_email(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() > EMAIL_BYTES_MAX {
        return None;
    }
    let address: String = text.nfc().flat_map(char::to_lowercase).collect();
    let (local, domain) = address.split_once('@')?;
    (is_local(local) && is_domain(domain) && address.len() <= EMAIL_BYTES_MAX).then_some(address)
}

fn is_local(local: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || (c.is_ascii() && "!#$%&'*+/=?^_`{|}~-".contains(c));
    local.len() <= LOCAL_BYTES_MAX
        && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(allowed))
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.chars().count())
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let mut labels = domain.rsplit('.');
    let top = labels.next().unwrap_or_default();
    let rest: Vec<&str> = labels.collect();
    is_label(top)
        && top.chars().count() >= 2
        && !top.chars().all(|c| c.is_ascii_digit())
        && !rest.is_empty()
        && rest.into_iter().all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_have_one_spelling() {
        for (typed, kept) in [
            ("+79001234567", "+79001234567"),
            ("8 (900) 123-45-67", "+79001234567"),
            ("9001234567", "+79001234567"),
            ("7 900 123 45 67", "+79001234567"),
            ("8\u{a0}900\u{a0}123\u{2011}45\u{2011}67", "+79001234567"),
            ("8 701 234 56 78", "+77012345678"),
            ("+375 29 123-45-67", "+375291234567"),
            ("8 10 375 29 123 45 67", "+375291234567"),
            ("8 495 123 45 67", "+74951234567"),
        ] {
            assert_eq!(normalise_phone(typed).as_deref(), Some(kept), "{typed}");
        }
        for typed in [
            "",
            "8-800-ПОЗВОНИ",
            "123456",
            "+7900123456",
            "+790012345678",
            "8900123456",
            "7.9E+10",
            "٩٠٠١٢٣٤٥٦٧",
            "+0123456789",
            "+1234567890123456",
            "900+1234567",
            "+71234567890",
        ] {
            assert_eq!(normalise_phone(typed), None, "{typed}");
        }
        assert_eq!(normalise_phone(&"9".repeat(10_000)), None);
    }

    #[test]
    fn addresses_have_one_spelling() {
        for (typed, kept) in [
            ("Member1@Example.ORG ", "member1@example.org"),
            ("почта@пример.рф", "почта@пример.рф"),
            ("и\u{306}@example.org", "й@example.org"),
            ("o'brien+union@mail.example.org", "o'brien+union@mail.example.org"),
        ] {
            assert_eq!(normalise_email(typed).as_deref(), Some(kept), "{typed}");
        }
        for typed in [
            "",
            "почта@@example",
            "a@b",
            "@example.org",
            "a@",
            "a b@example.org",
            "a@example..org",
            ".a@example.org",
            "a@-x.org",
            "a@example.123",
            "a\u{0}@example.org",
            "a@exam\u{202e}ple.org",
            "a\r\nBcc: x@example.org",
            "<a@example.org>",
        ] {
            assert_eq!(normalise_email(typed), None, "{typed:?}");
        }
        assert_eq!(normalise_email(&format!("{}@example.org", "a".repeat(10_000_000))), None);
    }
}
