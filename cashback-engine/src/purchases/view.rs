//! A purchase as it is shown: what was first posted beside how it stands now.

use chrono::{DateTime, NaiveDate, Utc};
use shared_kernel::ids::{CardId, MemberId, Uuid};
use shared_kernel::money::Money;

use super::{CashbackReason, CashbackStatus, PurchaseRecord, PurchaseStatus};
use crate::ids::{PartnerId, PurchaseId, RuleId};
use crate::posting::sale::{Line, Source};
use crate::rules::Book;

/// A rule in a purchase's cashback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleShare {
    /// The rule.
    pub id: RuleId,
    /// Its version.
    pub version: i32,
    /// What people call it.
    pub name: String,
    /// What it gave.
    pub given: Money,
    /// What refunds left of that.
    pub left: Money,
}

/// A purchase's cashback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cashback {
    /// As first given.
    pub given: Money,
    /// What refunds left of it.
    pub left: Money,
    /// How it stands now.
    pub status: CashbackStatus,
    /// When (the last part of) it can be spent.
    pub available_at: Option<DateTime<Utc>>,
    /// Until the end of which day (the first part of) it lives.
    pub expires_on: Option<NaiveDate>,
    /// The rules that gave it.
    pub rules: Vec<RuleShare>,
    /// Why there was none, or less.
    pub reason: Option<CashbackReason>,
}

/// A purchase as it is shown. `amount`, `redeemed`, `paid`, `commission` and `cashback.given` are as first posted;
/// `status`, `refunded` and everything named `left` are as of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// The identifier.
    pub id: PurchaseId,
    /// Whose outlet.
    pub partner: PartnerId,
    /// The outlet's code.
    pub outlet: String,
    /// The receipt.
    pub receipt: String,
    /// Who bought; never shown to a partner.
    pub member: MemberId,
    /// With which card.
    pub card: Option<CardId>,
    /// How it stands.
    pub status: PurchaseStatus,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// When it was posted.
    pub booked_at: DateTime<Utc>,
    /// Before points.
    pub amount: Money,
    /// What of `amount` was sold in the end: all of it, unless less was captured.
    pub sold: Money,
    /// What of that was paid with points.
    pub sold_redeemed: Money,
    /// Paid with points.
    pub redeemed: Money,
    /// Paid otherwise.
    pub paid: Money,
    /// Cashback.
    pub cashback: Cashback,
    /// The union's commission.
    pub commission: Money,
    /// What refunds left of the commission.
    pub commission_left: Money,
    /// What refunds left of the redemption.
    pub redeemed_left: Money,
    /// What came back, of `amount`.
    pub refunded: Money,
    /// The lines.
    pub lines: Option<Vec<Line>>,
    /// What refunds by lines left of each, in order.
    pub lines_left: Vec<Money>,
    /// The fiscal receipt's string.
    pub fiscal: Option<String>,
    /// The way it came in.
    pub source: Source,
}

/// Shows a record. `waiting` tells whether a part of its cashback is still held in the return window.
pub(crate) fn shown(record: &PurchaseRecord, book: &Book, waiting: bool) -> Purchase {
    let judgement = &record.judgement;
    let kept = record.kept();
    let kept_of_rules = match record.status {
        // Given up before it gave anything.
        PurchaseStatus::Voided => vec![0; judgement.applied.len()],
        _ => kept.rules,
    };
    let outlet = book.outlet_by_number(record.outlet_id);
    let rules = judgement
        .applied
        .iter()
        .zip(&kept_of_rules)
        .map(|(applied, left)| RuleShare {
            id: applied.rule,
            version: applied.version,
            name: book
                .version(applied.rule, applied.version)
                .map(|version| version.terms.name.clone())
                .unwrap_or_default(),
            given: Money::from_kopecks(applied.given_kopecks),
            left: Money::from_kopecks(*left),
        })
        .collect();
    let status = match record.status {
        _ if record.cashback_left.is_zero() => CashbackStatus::None,
        PurchaseStatus::Voided => CashbackStatus::None,
        _ if judgement.is_held() => CashbackStatus::Held,
        PurchaseStatus::Authorized => CashbackStatus::Pending,
        _ if waiting => CashbackStatus::Pending,
        _ => CashbackStatus::Available,
    };
    Purchase {
        id: record.id,
        partner: outlet.map_or(PartnerId(Uuid::nil()), |outlet| outlet.partner_id),
        outlet: outlet.map(|outlet| outlet.code.clone()).unwrap_or_default(),
        receipt: record.receipt.clone(),
        member: record.member_id,
        card: record.card_id,
        status: record.status,
        occurred_at: record.occurred_at,
        booked_at: record.booked_at,
        amount: record.amount,
        sold: record.sold(),
        sold_redeemed: record.redeemed_of(record.sold()),
        redeemed: record.redeemed,
        paid: record.amount - record.redeemed,
        cashback: Cashback {
            given: record.cashback,
            left: record.cashback_left,
            status,
            available_at: record.available_at,
            expires_on: record.expires_on,
            rules,
            reason: judgement.told(),
        },
        commission: record.commission,
        commission_left: record.commission_left,
        redeemed_left: record.redeemed_left,
        refunded: record.refunded,
        lines: record.lines(),
        lines_left: kept.lines.iter().map(|left| Money::from_kopecks(*left)).collect(),
        fiscal: record.fiscal.clone(),
        source: record.source,
    }
}
