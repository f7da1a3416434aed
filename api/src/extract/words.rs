//! What serde says of a wrong field, in words for whoever sent it: it speaks of the program's types, which are nobody's
//! business.

use crate::problem::Text;
use crate::words;

/// A message of serde's, without its position, in both languages.
pub(super) fn of_serde(message: &str) -> Text {
    let message = message.rsplit_once(" at line ").map_or(message, |(text, _)| text);
    if message.starts_with("missing field") {
        return Text::new("is missing", "не указано");
    }
    if message.starts_with("unknown field") {
        return Text::new("is unknown", "неизвестное поле");
    }
    if message.starts_with("duplicate field") {
        return Text::new("stands twice", "указано дважды");
    }
    if message.starts_with("unknown variant") {
        return choices(message);
    }
    if let Some(expected) = expected(message) {
        return of_type(expected);
    }
    if is_of_id(message) {
        return Text::new("must be an id", "нужен идентификатор (UUID)");
    }
    if is_of_number(message) {
        return of_type("i64");
    }
    if is_of_date(message) {
        return words::told("must be a date such as 2026-11-21");
    }
    let shown: String = message.chars().filter(|c| !c.is_control()).take(200).collect();
    words::told(shown)
}

/// What serde wanted in place of what there was.
fn expected(message: &str) -> Option<&str> {
    let kinds = ["invalid type: ", "invalid value: ", "invalid length "];
    kinds.iter().find_map(|kind| message.strip_prefix(kind))?.rsplit_once(", expected ").map(|(_, last)| last)
}

fn of_type(expected: &str) -> Text {
    let (en, ru) = match expected {
        text if text.starts_with("struct ") || text.starts_with("internally") || text == "a map" => {
            ("must be an object", "нужен объект")
        }
        "a string" | "a borrowed string" | "string or map" => ("must be a string", "нужна строка"),
        "a boolean" => ("must be true or false", "нужно true или false"),
        "a sequence" => ("must be a list", "нужен список"),
        "a formatted date string" => return words::told("must be a date such as 2026-11-21"),
        text if text.starts_with("a formatted date and time") => {
            return words::told("must be a time with an offset, such as 2026-11-21T14:05:00+03:00");
        }
        text if text.starts_with("a UUID") || text.starts_with("a formatted UUID") => {
            ("must be an id", "нужен идентификатор (UUID)")
        }
        "i16" | "i32" | "i64" | "isize" | "u8" | "u16" | "u32" | "u64" | "usize" | "i8" => {
            ("must be a whole number within bounds", "нужно целое число в допустимых пределах")
        }
        text if text.starts_with("a tuple") || text.starts_with("an array of length") => {
            ("has the wrong number of entries", "не то число значений")
        }
        _ => ("has the wrong type", "не тот тип значения"),
    };
    Text::new(en, ru)
}

/// `unknown variant `x`, expected `a` or `b``: the choices alone.
fn choices(message: &str) -> Text {
    let known: Vec<&str> = message
        .rsplit_once(", expected ")
        .map(|(_, rest)| rest.split('`').skip(1).step_by(2).collect())
        .unwrap_or_default();
    let known = known.join(", ");
    Text::new(format!("must be one of: {known}"), format!("должно быть одним из: {known}"))
}

fn is_of_id(message: &str) -> bool {
    ["UUID parsing failed", "invalid character: ", "invalid length: ", "invalid group "]
        .iter()
        .any(|beginning| message.starts_with(beginning))
}

fn is_of_date(message: &str) -> bool {
    [
        "premature end of input",
        "input contains invalid characters",
        "input is out of range",
        "trailing input",
        "no possible date and time matching input",
        "input is not enough for unique date and time",
    ]
    .contains(&message)
}

/// A parameter that is no number where one is needed: the standard library's words.
fn is_of_number(message: &str) -> bool {
    message.starts_with("invalid digit found")
        || message.starts_with("number too ")
        || message.starts_with("cannot parse integer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_type_of_ours_is_told() {
        let cases = [
            ("missing field `amount` at line 1 column 2", "is missing"),
            ("unknown field `x`, expected one of `a`, `b`", "is unknown"),
            ("duplicate field `x`", "stands twice"),
            ("unknown variant `x`, expected `lost` or `stolen`", "must be one of: lost, stolen"),
            ("unknown variant `, expected `, expected one of `a`, `b`, `c`", "must be one of: a, b, c"),
            ("invalid type: sequence, expected struct PurchaseBody at line 1 column 0", "must be an object"),
            ("invalid type: integer `7`, expected a string", "must be a string"),
            ("invalid type: string \", expected struct X\", expected a boolean", "must be true or false"),
            ("invalid value: integer `-1`, expected u32", "must be a whole number within bounds"),
            ("premature end of input", "must be a date such as 2026-11-21"),
            ("UUID parsing failed: invalid length: expected 32", "must be an id"),
            ("is too large", "is too large"),
        ];
        for (message, expected) in cases {
            assert_eq!(of_serde(message).en, expected, "{message}");
        }
    }
}
