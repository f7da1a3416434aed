//! Why a purchase brought what it brought: every rule in force, applied or not, with the figures it was judged by.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;

use crate::days::{available_at, date_in, expires_on};
use crate::ids::{PurchaseId, RuleId};
use crate::posting::decide::funder_parts;
use crate::purchases::{Applied, CashbackReason, PurchaseRecord, PurchaseStatus};
use crate::rules::book::Version;
use crate::rules::evaluate::WhyNot;
use crate::rules::terms::{Earn, Funder};
use crate::rules::{Book, BookCache};
use crate::schema::ledger::purchases;

/// An explanation, as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Of which purchase.
    pub purchase: PurchaseId,
    /// Whose.
    pub member: MemberId,
    /// How the purchase stands.
    pub status: PurchaseStatus,
    /// Before points.
    pub amount: Money,
    /// Paid with points.
    pub redeemed: Money,
    /// What came back of the amount.
    pub refunded: Money,
    /// Cashback as first given.
    pub given: Money,
    /// What refunds left of it.
    pub left: Money,
    /// Why there was none, or less.
    pub reason: Option<CashbackReason>,
    /// The rules that applied, then those that didn't.
    pub rules: Vec<RuleExplanation>,
}

/// A rule in an explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleExplanation {
    /// The rule.
    pub id: RuleId,
    /// Its version.
    pub version: i32,
    /// What people call it.
    pub name: String,
    /// What it gave; or why nothing.
    pub outcome: Result<AppliedRule, WhyNot>,
}

/// What a rule gave, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedRule {
    /// The eligible amount, to the kopeck.
    pub eligible: Money,
    /// What the rule pays.
    pub earn: Earn,
    /// Before caps, rounded once.
    pub earned: Money,
    /// What was left of its caps then, where it has any.
    pub room: Option<Money>,
    /// What it gave.
    pub given: Money,
    /// What refunds left of that.
    pub left: Money,
    /// Who pays it, and how much of `given` each.
    pub funders: Vec<(Funder, Money)>,
    /// From when it can be spent.
    pub available_at: DateTime<Utc>,
    /// Its last day; `None` for ever.
    pub expires_on: Option<NaiveDate>,
}

/// Explains a purchase.
///
/// # Errors
/// The database's.
pub fn explanation(
    connection: &mut PgConnection,
    books: &BookCache,
    id: PurchaseId,
) -> QueryResult<Option<Explanation>> {
    let record: Option<PurchaseRecord> =
        purchases::table.find(id).select(PurchaseRecord::as_select()).first(connection).optional()?;
    let Some(record) = record else { return Ok(None) };
    let book = books.current(connection)?;
    Ok(Some(explain(&record, &book)))
}

/// Explains a record.
pub(crate) fn explain(record: &PurchaseRecord, book: &Book) -> Explanation {
    let judgement = record.judgement();
    let name = |rule, version| {
        book.version(rule, version).map(|version| version.terms.name.clone()).unwrap_or_default()
    };
    let mut rules = Vec::new();
    // What was given up before it was captured brought nothing, whatever had been announced.
    let voided = record.status == PurchaseStatus::Voided;
    let brought = judgement.applied.iter().zip(record.kept().rules).filter(|_| !voided);
    for (applied, left) in brought {
        if let Some(version) = book.version(applied.rule, applied.version) {
            rules.push(RuleExplanation {
                id: applied.rule,
                version: applied.version,
                name: version.terms.name.clone(),
                outcome: Ok(applied_rule(record, book, version, applied, Money::from_kopecks(left))),
            });
        }
    }
    rules.extend(judgement.declined.iter().map(|declined| RuleExplanation {
        id: declined.rule,
        version: declined.version,
        name: name(declined.rule, declined.version),
        outcome: Err(declined.why),
    }));
    Explanation {
        purchase: record.id,
        member: record.member_id,
        status: record.status,
        amount: record.amount,
        redeemed: record.redeemed,
        refunded: record.refunded,
        given: if voided { Money::ZERO } else { record.cashback },
        left: record.cashback_left,
        reason: judgement.reason,
        rules,
    }
}

fn applied_rule(
    record: &PurchaseRecord,
    book: &Book,
    version: &Version,
    applied: &Applied,
    left: Money,
) -> AppliedRule {
    let date = date_in(book.zone, record.occurred_at);
    let given = Money::from_kopecks(applied.given_kopecks);
    let funders = version.terms.funding.iter().map(|funding| funding.by.clone());
    AppliedRule {
        eligible: applied.eligible.rounded(),
        earn: version.terms.earn.clone(),
        earned: Money::from_kopecks(applied.earned_kopecks),
        room: applied.room_kopecks.map(Money::from_kopecks),
        given,
        left,
        funders: funders.zip(funder_parts(version, given)).collect(),
        available_at: available_at(book.zone, date, version.terms.hold_days),
        expires_on: version.terms.life_months.map(|months| expires_on(date, months)),
    }
}
