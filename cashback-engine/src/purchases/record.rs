//! The record each purchase keeps, and what refunds left of its parts.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use shared_kernel::ids::{CardId, MemberId, Uuid};
use shared_kernel::money::{Money, Rate};

use super::{Judgement, PurchaseStatus};
use crate::ids::PurchaseId;
use crate::posting::sale::{Line, Sale, Source};
use crate::schema::ledger::purchases;

/// What refunds left of a purchase's parts. Amounts are kopecks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Kept {
    /// Of each line, in order; one for the whole where there are no lines.
    #[serde(rename = "l")]
    pub lines: Vec<i64>,
    /// Of each applied rule's cashback, in order.
    #[serde(rename = "r")]
    pub rules: Vec<i64>,
    /// What was captured of an authorised purchase, where it was less than all.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub captured: Option<Captured>,
}

/// What was captured of an authorised purchase, as it was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Captured {
    /// So much.
    Amount(Money),
    /// These lines.
    Lines(Vec<Line>),
}

impl Captured {
    /// What they come to.
    pub(crate) fn amount(&self) -> Money {
        match self {
            Self::Amount(amount) => *amount,
            Self::Lines(lines) => lines.iter().map(|line| line.amount).sum(),
        }
    }
}

/// A purchase as it is stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = purchases)]
pub(crate) struct PurchaseRecord {
    pub id: PurchaseId,
    pub member_id: MemberId,
    pub outlet_id: i32,
    pub receipt: String,
    pub card_id: Option<CardId>,
    pub source: Source,
    pub posted_by: Uuid,
    pub occurred_at: DateTime<Utc>,
    pub booked_at: DateTime<Utc>,
    pub status: PurchaseStatus,
    pub captured: bool,
    pub amount: Money,
    pub redeemed: Money,
    pub redeemed_left: Money,
    pub commission: Money,
    pub commission_left: Money,
    pub cashback: Money,
    pub cashback_left: Money,
    pub refunded: Money,
    pub refunded_by_amount: Money,
    pub commission_rate: Rate,
    pub available_at: Option<DateTime<Utc>>,
    pub expires_on: Option<NaiveDate>,
    #[diesel(column_name = terms)]
    pub judgement: Judgement,
    pub lines: Option<serde_json::Value>,
    pub kept: Option<serde_json::Value>,
    pub fiscal: Option<String>,
}

impl PurchaseRecord {
    pub(crate) fn lines(&self) -> Option<Vec<Line>> {
        self.lines
            .as_ref()
            .map(|lines| serde_json::from_value(lines.clone()).expect("only `posting::write` writes lines"))
    }

    /// What is left of lines and rules: all of them before the first refund.
    pub(crate) fn kept(&self) -> Kept {
        self.kept_by_refunds().unwrap_or_else(|| Kept {
            lines: match self.lines() {
                Some(lines) => lines.iter().map(|line| line.amount.kopecks()).collect(),
                None => vec![self.amount.kopecks()],
            },
            rules: self.judgement.applied.iter().map(|rule| rule.given_kopecks).collect(),
            captured: None,
        })
    }

    /// The same content: member, amount, redeemed, lines, fiscal, capture; in a register row member and amount alone, which
    /// is what was captured of a purchase in two steps. One that is not captured is no claim's sale.
    pub(crate) fn is_same(&self, sale: &Sale) -> bool {
        if sale.source == Source::Claim && !self.status.is_posted() {
            return false;
        }
        let amount = if sale.source.is_register() { self.sold() } else { self.amount };
        let basic = self.member_id == sale.buyer.member && amount == sale.amount;
        if sale.source.is_register() || self.source.is_register() {
            return basic;
        }
        basic
            && self.redeemed == sale.redeem
            && self.captured == sale.capture
            && self.fiscal.as_deref() == sale.fiscal.as_ref().map(|fiscal| fiscal.raw.as_str())
            && self.lines() == sale.lines
    }

    /// As it was before anything came back.
    pub(crate) fn whole(&self) -> Self {
        Self { kept: None, refunded: Money::ZERO, refunded_by_amount: Money::ZERO, ..self.clone() }
    }

    /// What was captured of it, where that was less than all.
    pub(crate) fn captured_part(&self) -> Option<Captured> {
        self.kept_by_refunds()?.captured
    }

    /// What was sold by it in the end: all of it, or what was captured. Later refunds don't change that; SQL says the same
    /// as `ledger.sold`.
    pub(crate) fn sold(&self) -> Money {
        self.captured_part().map_or(self.amount, |captured| captured.amount())
    }

    /// What of the redemption goes with so much of the amount (money.md, "Refund").
    pub(crate) fn redeemed_of(&self, part: Money) -> Money {
        self.redeemed.portion(i128::from(part.kopecks()), i128::from(self.amount.kopecks()))
    }

    /// What refunds left; `None` before the first.
    fn kept_by_refunds(&self) -> Option<Kept> {
        let kept = self.kept.as_ref()?;
        Some(serde_json::from_value(kept.clone()).expect("only refunds write what is kept"))
    }
}
