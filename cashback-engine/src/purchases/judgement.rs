//! How rules judged a purchase, frozen with it: what later refunds, captures and the audit go by.

use std::io::Write;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Jsonb;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::CashbackReason;
use crate::fraud::Check;
use crate::ids::RuleId;
use crate::rules::evaluate::{Fraction, Limit, WhyNot};

/// How each rule in force judged a purchase: frozen with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, FromSqlRow, AsExpression)]
#[diesel(sql_type = Jsonb)]
pub struct Judgement {
    /// The rules that applied, in the order they were added up.
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    pub applied: Vec<Applied>,
    /// Those that didn't.
    #[serde(rename = "n", default, skip_serializing_if = "Vec::is_empty")]
    pub declined: Vec<Declined>,
    /// Why there was none, or less.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<CashbackReason>,
    /// How its check by the fraud watch stands, where there is one.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// Whether a family card's limits counted it as one that earns; `None` where the card had none.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<bool>,
}

impl Judgement {
    /// Whether the cashback is held back.
    pub(crate) fn is_held(&self) -> bool {
        self.check == Some(Check::Held)
    }

    /// Why there is none or less, or why it can't be had yet.
    pub(crate) fn told(&self) -> Option<CashbackReason> {
        match self.check {
            Some(Check::Held) => Some(CashbackReason::HeldForCheck),
            Some(Check::Blocked) => Some(CashbackReason::TakenBack),
            Some(Check::Released) | None => self.reason,
        }
    }
}

/// Read and written as its text, without a tree of values between: each purchase carries one.
impl FromSql<Jsonb, Pg> for Judgement {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(read_jsonb(&value)?)
    }
}

/// What a `jsonb` holds; the first byte is the version of its wire format.
pub(crate) fn read_jsonb<T: DeserializeOwned>(value: &PgValue<'_>) -> serde_json::Result<T> {
    serde_json::from_slice(value.as_bytes().get(1..).unwrap_or_default())
}

impl ToSql<Jsonb, Pg> for Judgement {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[1])?;
        serde_json::to_writer(out, self)?;
        Ok(IsNull::No)
    }
}

/// A rule that applied, with its terms then. Amounts are kopecks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The rule.
    #[serde(rename = "r")]
    pub rule: RuleId,
    /// Its version.
    #[serde(rename = "v")]
    pub version: i32,
    /// The exact eligible amount.
    #[serde(rename = "e")]
    pub eligible: Fraction,
    /// What it earned before caps.
    #[serde(rename = "b")]
    pub earned_kopecks: i64,
    /// What was left of its caps, where it has any.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub room_kopecks: Option<i64>,
    /// What it gave.
    #[serde(rename = "g")]
    pub given_kopecks: i64,
    /// The places of the lines it covered; `None` for the whole purchase.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub covered: Option<Vec<u16>>,
    /// What left less than was earned, if anything did.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub trimmed_by: Option<Limit>,
}

/// A rule that did not apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declined {
    /// The rule.
    #[serde(rename = "r")]
    pub rule: RuleId,
    /// Its version.
    #[serde(rename = "v")]
    pub version: i32,
    /// Why.
    #[serde(rename = "w")]
    pub why: WhyNot,
}
