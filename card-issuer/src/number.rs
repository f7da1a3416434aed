//! The card number: `9643`, two digits of the programme, nine digits that can't be guessed or counted through, a Luhn
//! digit. Nothing about the member or the organisation is in it.

use std::fmt;
use std::str::FromStr;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// National numbers (ISO/IEC 7812 major industry 9) of Russia (ISO 3166-1 643).
pub const PREFIX: &str = "9643";
/// Digits in a number.
pub const DIGITS: usize = 16;
/// Longest text taken for a number: sixteen digits with a separator after each.
const TEXT_CHARS_MAX: usize = 32;

/// Why a text is no card number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NumberError {
    /// Something other than ASCII digits, blanks and dashes.
    #[error("a card number has digits only")]
    NotDigits,
    /// Not 16 digits.
    #[error("a card number has 16 digits")]
    WrongLength,
    /// 16 digits that are no number of this union.
    #[error("a card number begins with 9643")]
    WrongPrefix,
    /// A typing mistake: the last digit doesn't fit.
    #[error("the card number's check digit is wrong")]
    WrongCheckDigit,
}

/// A well-formed card number. That it was ever issued is another matter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct CardNumber([u8; DIGITS]);

impl CardNumber {
    /// Reads a number as people type it: blanks, no-break blanks and dashes between digits are dropped.
    ///
    /// # Errors
    /// [`NumberError`], the first that applies in its order.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let digits = bare_digits(text, TEXT_CHARS_MAX).ok_or(NumberError::NotDigits)?;
        let digits: [u8; DIGITS] = digits.try_into().map_err(|_| NumberError::WrongLength)?;
        if !digits.starts_with(PREFIX.as_bytes()) {
            return Err(NumberError::WrongPrefix);
        }
        let (body, check) = digits.split_at(DIGITS - 1);
        if check != [luhn_digit(body)] {
            return Err(NumberError::WrongCheckDigit);
        }
        Ok(Self(digits))
    }

    /// Joins the prefix, the programme's two digits and nine body digits, and adds the check digit.
    pub(crate) fn assemble(programme: &[u8; 2], body: &[u8; 9]) -> Self {
        let mut digits = [b'0'; DIGITS];
        let parts = PREFIX.as_bytes().iter().chain(programme).chain(body);
        digits.iter_mut().zip(parts).for_each(|(digit, part)| *digit = *part);
        let check = luhn_digit(digits.split_at(DIGITS - 1).0);
        if let Some(last) = digits.last_mut() {
            *last = check;
        }
        Self(digits)
    }

    /// The sixteen bare digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a card number is ASCII digits")
    }

    /// Grouped by four for reading: `9643 0112 3456 7890`.
    pub fn grouped(&self) -> String {
        let groups: Vec<&str> =
            self.0.chunks(4).map(|group| std::str::from_utf8(group).expect("ASCII digits")).collect();
        groups.join(" ")
    }

    /// The number as an EAN-13 for tills that read nothing else: `2`, the programme's two digits and the body's nine,
    /// and a check digit. Its prefix lies in 20 to 29, restricted circulation: partners keep `2` and the programme's
    /// digits free of goods they weigh themselves.
    pub fn ean13(&self) -> String {
        let body: Vec<u8> = std::iter::once(b'2').chain(self.0.iter().skip(4).take(11).copied()).collect();
        let check = ean_digit(&body);
        body.into_iter().chain([check]).map(char::from).collect()
    }

    /// The number an EAN-13 was made of; `None` for any other text.
    pub fn of_ean13(text: &str) -> Option<Self> {
        let digits = bare_digits(text, TEXT_CHARS_MAX)?;
        let (body, check) = digits.split_at_checked(12)?;
        if check != [ean_digit(body)] {
            return None;
        }
        let (programme, rest) = body.strip_prefix(b"2")?.split_at_checked(2)?;
        Some(Self::assemble(programme.try_into().ok()?, rest.try_into().ok()?))
    }

    /// The form for logs and screens that must not show it: `9643********0126`.
    pub fn masked(&self) -> String {
        let text = self.as_str();
        let (head, rest) = text.split_at(4);
        let (_, tail) = rest.split_at(8);
        format!("{head}********{tail}")
    }
}

/// Drops blanks, no-break blanks and dashes; `None` when anything else but ASCII digits is there or it is too long.
pub(crate) fn bare_digits(text: &str, chars_max: usize) -> Option<Vec<u8>> {
    let mut digits = Vec::with_capacity(DIGITS);
    for (place, c) in text.chars().enumerate() {
        match c {
            _ if place >= chars_max => return None,
            '0'..='9' => digits.push(u8::try_from(c).ok()?),
            ' ' | '\u{a0}' | '\u{202f}' | '-' | '\u{2010}' | '\u{2011}' | '\u{2013}' => {}
            _ => return None,
        }
    }
    Some(digits)
}

/// The Luhn check digit (ISO/IEC 7812-1 annex B) of ASCII digits, as an ASCII digit.
pub fn luhn_digit(body: &[u8]) -> u8 {
    let sum: u32 = body
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit.saturating_sub(b'0'));
            match place % 2 {
                0 if value > 4 => value * 2 - 9,
                0 => value * 2,
                _ => value,
            }
        })
        .sum();
    b'0' + u8::try_from((10 - sum % 10) % 10).expect("a digit")
}

/// The check digit of an EAN-13 (weights 1 and 3 from the left) for its first twelve ASCII digits.
fn ean_digit(body: &[u8]) -> u8 {
    let weighted = body.iter().zip([1_u32, 3].into_iter().cycle());
    let sum: u32 = weighted.map(|(digit, weight)| u32::from(digit.saturating_sub(b'0')) * weight).sum();
    b'0' + u8::try_from((10 - sum % 10) % 10).expect("a digit")
}

impl fmt::Display for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CardNumber {
    /// Masked: a debug print ends up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl FromStr for CardNumber {
    type Err = NumberError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for CardNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for CardNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl FromSql<Text, Pg> for CardNumber {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<Text, Pg>>::from_sql(value)?;
        Ok(Self::parse(&text)?)
    }
}

impl ToSql<Text, Pg> for CardNumber {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <str as ToSql<Text, Pg>>::to_sql(self.as_str(), out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VECTORS: &str = include_str!("../../tests/data/vectors/luhn.json");

    #[test]
    fn luhn_vectors() {
        let vectors: serde_json::Value = serde_json::from_str(VECTORS).unwrap();
        let texts = |key: &str| vectors[key].as_array().unwrap().clone();
        for case in texts("check_digit") {
            let digit = luhn_digit(case["body"].as_str().unwrap().as_bytes());
            assert_eq!(char::from(digit).to_string(), case["digit"].as_str().unwrap(), "{case}");
        }
        for (key, right) in [("valid", true), ("invalid", false)] {
            for case in texts(key) {
                let (body, check) = case.as_str().unwrap().split_at(case.as_str().unwrap().len() - 1);
                assert_eq!(char::from(luhn_digit(body.as_bytes())).to_string() == check, right, "{case}");
            }
        }
        assert_eq!(luhn_digit(b"964300000000000"), b'4');
    }

    #[test]
    fn reads_what_people_type_and_says_what_is_wrong() {
        let number = CardNumber::parse("9643000000000004").unwrap();
        for typed in [
            "9643 0000 0000 0004",
            "9643\u{a0}0000\u{a0}0000\u{a0}0004",
            "9643-0000-0000-0004",
            " 9643000000000004 ",
        ] {
            assert_eq!(CardNumber::parse(typed), Ok(number), "{typed}");
        }
        for (text, error) in [
            ("", NumberError::WrongLength),
            ("964300000000000", NumberError::WrongLength),
            ("96430000000000040", NumberError::WrongLength),
            ("9643000000000005", NumberError::WrongCheckDigit),
            ("4111111111111111", NumberError::WrongPrefix),
            ("964300000000000٤", NumberError::NotDigits),
            ("https://e.org/96", NumberError::NotDigits),
            ("9643000000000004\n", NumberError::NotDigits),
        ] {
            assert_eq!(CardNumber::parse(text), Err(error), "{text}");
        }
        assert_eq!(CardNumber::parse(&"9".repeat(4_096)), Err(NumberError::NotDigits));
        assert_eq!(number.grouped(), "9643 0000 0000 0004");
        assert_eq!(number.masked(), "9643********0004");
        assert_eq!(format!("{number:?}"), "9643********0004", "a debug print never shows the number");
    }

    #[test]
    fn ean_check_digits() {
        for valid in ["2000000000015", "2900000000018", "2200123456786", "4690123456783"] {
            let (body, check) = valid.split_at(12);
            assert_eq!([ean_digit(body.as_bytes())], check.as_bytes(), "{valid}");
        }
        assert_eq!(CardNumber::of_ean13("4690123456783"), None, "somebody's goods");
    }

    proptest! {
        #[test]
        fn an_ean_leads_back_to_its_number(programme in "[0-9]{2}", body in "[0-9]{9}") {
            let programme = programme.as_bytes().try_into().unwrap();
            let number = CardNumber::assemble(programme, body.as_bytes().try_into().unwrap());
            let ean = number.ean13();
            prop_assert_eq!(ean.len(), 13);
            prop_assert!(ean.starts_with('2'));
            prop_assert_eq!(CardNumber::of_ean13(&ean), Some(number));
            prop_assert_eq!(CardNumber::parse(&ean), Err(NumberError::WrongLength));
        }

        #[test]
        fn one_wrong_digit_is_always_found(body in "[0-9]{9}", place in 4_usize..16, other in 1_u8..10) {
            let number = CardNumber::assemble(b"01", body.as_bytes().try_into().unwrap());
            prop_assert_eq!(CardNumber::parse(number.as_str()), Ok(number));
            let mut digits = number.as_str().to_owned().into_bytes();
            digits[place] = b'0' + (digits[place] - b'0' + other) % 10;
            let changed = String::from_utf8(digits).unwrap();
            prop_assert_eq!(CardNumber::parse(&changed), Err(NumberError::WrongCheckDigit));
        }
    }
}
