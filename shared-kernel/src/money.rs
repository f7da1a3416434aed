//! Exact amounts in rubles and exact rates. No float comes near them, nothing is rounded in silence.
//!
//! On the wire an amount is a JSON string (`"1250.00"`), in the database whole kopecks in a `bigint`.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::BigInt;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a text is not an amount or a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// A sign, an exponent, a comma, blanks, non-ASCII digits, leading zeros or anything but `digits[.digits]`.
    #[error("must be a plain decimal such as \"1250.00\": digits, a dot and at most two decimals")]
    Malformed,
    /// More decimals than an amount (2) or a rate (6) has.
    #[error("has too many decimals")]
    TooPrecise,
    /// More than an amount can hold (15 digits before the dot).
    #[error("is too large")]
    TooLarge,
}

/// An amount in rubles, exact to the kopeck; may be negative as a difference, never as an input.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, AsExpression, FromSqlRow)]
#[diesel(sql_type = BigInt)]
pub struct Money(Decimal);

impl Money {
    /// 0.00
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// An amount of whole kopecks.
    pub fn from_kopecks(kopecks: i64) -> Self {
        Self(Decimal::new(kopecks, 2))
    }

    /// The amount in whole kopecks.
    pub fn kopecks(self) -> i64 {
        (self.0 * Decimal::ONE_HUNDRED).to_i64().expect("amounts stay far below i64 kopecks")
    }

    /// The amount in rubles.
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// Whether it is 0.00.
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// Whether it is above 0.00.
    pub fn is_positive(self) -> bool {
        self > Self::ZERO
    }

    /// Whether it is below 0.00.
    pub fn is_negative(self) -> bool {
        self < Self::ZERO
    }

    /// `self × numerator ÷ denominator`, rounded once, half away from zero. The denominator is positive.
    pub fn portion(self, numerator: i128, denominator: i128) -> Self {
        Self::round_fraction(i128::from(self.kopecks()) * numerator, denominator)
    }

    /// `numerator ÷ denominator` kopecks, rounded half away from zero. The denominator is positive.
    pub fn round_fraction(numerator: i128, denominator: i128) -> Self {
        assert!(denominator > 0, "a share is of a positive whole");
        let magnitude = (2 * numerator.abs() + denominator) / (2 * denominator);
        let signed = if numerator < 0 { -magnitude } else { magnitude };
        Self::from_kopecks(i64::try_from(signed).expect("a portion of an amount is an amount"))
    }

    /// Divides the amount by weights so that the parts add up to it: largest remainder, ties to the earlier part.
    /// Weights are not negative; when all are zero every part is zero unless the amount is not, which is the
    /// caller's error and answered by an empty vector.
    pub fn split(self, weights: &[i128]) -> Vec<Self> {
        let whole: i128 = weights.iter().sum();
        if whole == 0 {
            return if self.is_zero() { vec![Self::ZERO; weights.len()] } else { Vec::new() };
        }
        let total = i128::from(self.kopecks());
        let sign = if total < 0 { -1 } else { 1 };
        let mut parts: Vec<(usize, i128, i128)> = weights
            .iter()
            .enumerate()
            .map(|(at, weight)| {
                let product = total.abs() * weight;
                (at, product / whole, product % whole)
            })
            .collect();
        let mut left = total.abs() - parts.iter().map(|(_, part, _)| part).sum::<i128>();
        parts.sort_by(|a, b| b.2.cmp(&a.2).then(a.0.cmp(&b.0)));
        for part in &mut parts {
            if left == 0 {
                break;
            }
            part.1 += 1;
            left -= 1;
        }
        parts.sort_by_key(|(at, _, _)| *at);
        parts
            .into_iter()
            .map(|(_, part, _)| {
                Self::from_kopecks(i64::try_from(sign * part).expect("a part is within the whole"))
            })
            .collect()
    }
}

/// `digits[.digits]`, ASCII, no leading zeros; the count of decimals.
fn plain_decimals(text: &str) -> Result<usize, MoneyError> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || fraction.is_some_and(|f| !digits(f)) || (whole.len() > 1 && whole.starts_with('0')) {
        return Err(MoneyError::Malformed);
    }
    if whole.len() > 15 {
        return Err(MoneyError::TooLarge);
    }
    Ok(fraction.map_or(0, str::len))
}

impl FromStr for Money {
    type Err = MoneyError;

    /// Reads an amount that is not negative, of at most two decimals. Never rounds.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        if plain_decimals(text)? > 2 {
            return Err(MoneyError::TooPrecise);
        }
        let decimal = Decimal::from_str(text).map_err(|_| MoneyError::Malformed)?;
        Ok(Self(decimal))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kopecks = self.kopecks();
        let sign = if kopecks < 0 { "-" } else { "" };
        let magnitude = kopecks.unsigned_abs();
        write!(f, "{sign}{}.{:02}", magnitude / 100, magnitude % 100)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl FromSql<BigInt, Pg> for Money {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <i64 as FromSql<BigInt, Pg>>::from_sql(value).map(Self::from_kopecks)
    }
}

impl ToSql<BigInt, Pg> for Money {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let kopecks = self.kopecks();
        <i64 as ToSql<BigInt, Pg>>::to_sql(&kopecks, &mut out.reborrow())
    }
}

/// A share or percentage, exact to six decimals, not negative; kept in the database as millionths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, AsExpression, FromSqlRow)]
#[diesel(sql_type = BigInt)]
pub struct Rate(i64);

impl Rate {
    /// A million millionths.
    pub const ONE: Self = Self(1_000_000);
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// A rate of so many millionths.
    pub const fn from_millionths(millionths: i64) -> Self {
        Self(millionths)
    }

    /// The rate in millionths.
    pub const fn millionths(self) -> i64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = MoneyError;

    /// Reads a plain decimal of at most six decimals, such as `0.02` or `5`.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        if plain_decimals(text)? > 6 {
            return Err(MoneyError::TooPrecise);
        }
        let decimal = Decimal::from_str(text).map_err(|_| MoneyError::Malformed)?;
        (decimal * Decimal::from(1_000_000))
            .to_i64()
            .filter(|m| *m <= 1_000_000_000_000)
            .map(Self)
            .ok_or(MoneyError::TooLarge)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Decimal::new(self.0, 6).normalize(), f)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl FromSql<BigInt, Pg> for Rate {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <i64 as FromSql<BigInt, Pg>>::from_sql(value).map(Self)
    }
}

impl ToSql<BigInt, Pg> for Rate {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <i64 as ToSql<BigInt, Pg>>::to_sql(&self.0, &mut out.reborrow())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_what_is_no_plain_amount() {
        for text in [
            "",
            "-1",
            "-0",
            "+5",
            "1e2",
            "1_000",
            "1,50",
            "1\u{a0}000",
            "٣",
            "NaN",
            "null",
            "01",
            "1.",
            ".5",
            " 1",
            "1 ",
            "0x10",
            "1.2.3",
            "inf",
        ] {
            assert_eq!(text.parse::<Money>(), Err(MoneyError::Malformed), "{text}");
        }
        assert_eq!("1.005".parse::<Money>(), Err(MoneyError::TooPrecise));
        assert_eq!("1234567890123456789".parse::<Money>(), Err(MoneyError::TooLarge));
        assert_eq!("9".repeat(100_000).parse::<Money>(), Err(MoneyError::TooLarge));
        assert!(serde_json::from_str::<Money>("1.0").is_err(), "a JSON number is a float to most readers");
    }

    #[test]
    fn writes_two_decimals_always() {
        assert_eq!("1250".parse::<Money>().unwrap().to_string(), "1250.00");
        assert_eq!("0.5".parse::<Money>().unwrap().to_string(), "0.50");
        assert_eq!(Money::from_kopecks(-5).to_string(), "-0.05");
        assert_eq!(serde_json::to_string(&Money::from_kopecks(12_345)).unwrap(), "\"123.45\"");
    }

    #[test]
    fn rounds_half_away_from_zero_once() {
        assert_eq!(Money::from_kopecks(5).portion(1, 10), Money::from_kopecks(1));
        assert_eq!(Money::from_kopecks(-5).portion(1, 10), Money::from_kopecks(-1));
        assert_eq!(Money::from_kopecks(4).portion(1, 10), Money::ZERO);
    }

    #[test]
    fn splits_by_largest_remainder_ties_to_the_earlier() {
        assert_eq!(Money::from_kopecks(5).split(&[1, 1]), [Money::from_kopecks(3), Money::from_kopecks(2)]);
        let parts = Money::from_kopecks(100).split(&[1, 1, 1]);
        assert_eq!(parts, [34, 33, 33].map(Money::from_kopecks));
    }

    #[test]
    fn rates_keep_six_decimals() {
        assert_eq!("0.000001".parse::<Rate>().unwrap().millionths(), 1);
        assert_eq!("5".parse::<Rate>().unwrap().to_string(), "5");
        assert_eq!("0.0000001".parse::<Rate>(), Err(MoneyError::TooPrecise));
    }

    proptest! {
        #[test]
        fn parts_add_up_and_stray_less_than_a_kopeck(kopecks in -1_000_000_000i64..1_000_000_000, weights in prop::collection::vec(0i128..1_000_000, 1..9)) {
            prop_assume!(weights.iter().sum::<i128>() > 0);
            let amount = Money::from_kopecks(kopecks);
            let parts = amount.split(&weights);
            prop_assert_eq!(parts.iter().copied().sum::<Money>(), amount);
            let whole: i128 = weights.iter().sum();
            for (part, weight) in parts.iter().zip(&weights) {
                prop_assert!((i128::from(part.kopecks()) * whole - i128::from(kopecks) * weight).abs() < whole);
            }
        }

        #[test]
        fn text_round_trips(kopecks in 0i64..1_000_000_000_000) {
            let amount = Money::from_kopecks(kopecks);
            prop_assert_eq!(amount.to_string().parse::<Money>().unwrap(), amount);
            prop_assert_eq!(amount.kopecks(), kopecks);
        }
    }
}
