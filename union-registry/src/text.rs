//! Text from outside: what is taken, and the key under which names are found.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Longest name of a person, in characters.
pub const PERSON_NAME_CHARS_MAX: usize = 100;
/// Longest name of an organisation.
pub const ORGANISATION_NAME_CHARS_MAX: usize = 500;
/// Longest position.
pub const POSITION_CHARS_MAX: usize = 200;
/// Longest code or membership number.
pub const CODE_CHARS_MAX: usize = 64;
/// Marks that may stand on one letter.
const COMBINING_MAX: usize = 4;

/// Text that is not taken: control, bidirectional or invisible characters, heaps of combining marks, too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAllowed;

/// Trims, joins runs of blanks into one and composes (NFC). Everything visible is taken, `=1+1` and `<b>` included.
///
/// # Errors
/// [`NotAllowed`].
pub fn clean(text: &str, chars_max: usize) -> Result<String, NotAllowed> {
    // A character is at most four bytes and composes from few: anything far beyond is not looked at.
    if text.len() > chars_max * 16 {
        return Err(NotAllowed);
    }
    let composed = composed(text);
    let mut clean = String::with_capacity(composed.len());
    let (mut chars, mut marks) = (0_usize, 0_usize);
    let mut blank_due = false;
    for c in composed.trim().chars() {
        if c == '\t' || is_refused(c) {
            return Err(NotAllowed);
        }
        if c.is_whitespace() {
            blank_due = true;
            continue;
        }
        if std::mem::take(&mut blank_due) {
            clean.push(' ');
            chars += 1;
        }
        marks = if unicode_normalization::char::is_combining_mark(c) { marks + 1 } else { 0 };
        chars += 1;
        if marks > COMBINING_MAX || chars > chars_max {
            return Err(NotAllowed);
        }
        clean.push(c);
    }
    Ok(clean)
}

/// A text with its marks and letters as one (NFC).
fn composed(text: &str) -> Cow<'_, str> {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        IsNormalized::No | IsNormalized::Maybe => Cow::Owned(text.nfc().collect()),
    }
}

/// Characters that no text of ours holds: controls, bidirectional marks and overrides, zero-width and other invisible
/// ones, line separators, private use and non-characters.
fn is_refused(c: char) -> bool {
    if c < '\u{7f}' {
        return c.is_control();
    }
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffd}' | '\u{e000}'..='\u{f8ff}'
            | '\u{e0000}'..='\u{e007f}' | '\u{f0000}'..)
        || u32::from(c) & 0xfffe == 0xfffe
        || matches!(c, '\u{fdd0}'..='\u{fdef}')
}

/// The key of what somebody looks for, however it is spelled: names are kept composed, a query may be anything.
pub(crate) fn sought_key(text: &str) -> String {
    search_key(&[&composed(text)])
}

/// The key under which names are found: lower-cased, ё as е, hyphens as blanks, one blank between words. The parts are
/// [`clean`]ed.
pub fn search_key(parts: &[&str]) -> String {
    let mut key = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    let words = parts
        .iter()
        .flat_map(|part| part.split(|c: char| c.is_whitespace() || c == '-' || c == '‐' || c == '‑'));
    for word in words.filter(|word| !word.is_empty()) {
        if !key.is_empty() {
            key.push(' ');
        }
        key.extend(word.chars().flat_map(char::to_lowercase).map(|c| if c == 'ё' { 'е' } else { c }));
    }
    key
}

/// The words of a search as a PostgreSQL `tsquery` in which each is the beginning of a word; every character is
/// literal. `None` when there are no words.
pub(crate) fn prefix_query(text: &str) -> Option<String> {
    /// Words looked at, so that a query stays small.
    const WORDS_MAX: usize = 8;
    let key = sought_key(text);
    let words: Vec<String> = key
        .split(' ')
        .filter(|word| !word.is_empty())
        .take(WORDS_MAX)
        .map(|word| format!("'{}':*", word.replace('\\', "\\\\").replace('\'', "''")))
        .collect();
    (!words.is_empty()).then(|| words.join(" & "))
}

/// Makes `%`, `_` and `\` of a text literal in a `LIKE` pattern.
pub(crate) fn like_literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            literal.push('\\');
        }
        literal.push(c);
    }
    literal
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_every_kind_are_taken() {
        for (typed, kept) in [
            ("O'Brien", "O'Brien"),
            ("Анна-Мария", "Анна-Мария"),
            ("  Мамед   Оглы ", "Мамед Оглы"),
            ("Я", "Я"),
            ("и\u{306}од", "йод"),
            ("<script>{{7*7}}", "<script>{{7*7}}"),
            ("=1+1", "=1+1"),
            ("Анна\u{a0}Мария", "Анна Мария"),
        ] {
            assert_eq!(clean(typed, 100).as_deref(), Ok(kept), "{typed}");
        }
        assert_eq!(clean(" \u{a0} ", 100).as_deref(), Ok(""));
    }

    #[test]
    fn invisible_and_endless_text_is_refused() {
        for typed in [
            "а\u{0}б",
            "а\nб",
            "а\tб",
            "а\u{202e}б",
            "а\u{200b}б",
            "а\u{feff}б",
            "а\u{85}б",
            "а\u{ffff}б",
            "а\u{e000}",
        ] {
            assert_eq!(clean(typed, 100), Err(NotAllowed), "{typed:?}");
        }
        assert_eq!(clean(&format!("а{}", "\u{300}".repeat(1_000)), 5_000), Err(NotAllowed));
        assert_eq!(clean(&"а".repeat(101), 100), Err(NotAllowed));
        assert_eq!(clean(&"а".repeat(10_000_000), 100), Err(NotAllowed));
    }

    #[test]
    fn searches_are_literal_and_know_e_for_yo() {
        assert_eq!(search_key(&["Фёдоров-Попов", "Пётр", ""]), "федоров попов петр");
        assert_eq!(prefix_query("ФЁД пет").as_deref(), Some("'фед':* & 'пет':*"));
        assert_eq!(prefix_query("o'br\\").as_deref(), Some("'o''br\\\\':*"));
        assert_eq!(prefix_query(" - "), None);
        assert_eq!(like_literal("50%_\\"), "50\\%\\_\\\\");
    }

    proptest! {
        #[test]
        fn what_is_taken_is_taken_again_unchanged(text in "\\PC{0,40}") {
            if let Ok(kept) = clean(&text, 100) {
                prop_assert_eq!(clean(&kept, 100), Ok(kept.clone()));
                prop_assert!(!kept.contains('\0') && kept.trim() == kept);
            }
        }
    }
}
