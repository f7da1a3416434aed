//! Why a purchase brought what it brought: every rule in force, applied or not, with the figures it was judged by.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::money::{Money, Rate};

use crate::days::{available_at, date_in, expires_on, wall_clock};
use crate::ids::{PurchaseId, RuleId};
use crate::partners::Outlet;
use crate::posting::Line;
use crate::posting::decide::funder_parts;
use crate::purchases::{Applied, CashbackReason, Judgement, PurchaseRecord, PurchaseStatus};
use crate::rules::book::Version;
use crate::rules::evaluate::{self, Fraction, Limit, WhyNot, covered};
use crate::rules::terms::{Earn, Funder, Terms};
use crate::rules::{Book, BookCache};
use crate::schema::ledger::purchases;

/// An explanation, as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// How the purchase stands.
    pub status: PurchaseStatus,
    /// Before points.
    pub amount: Money,
    /// Paid with points.
    pub redeemed: Money,
    /// What of the amount was sold in the end: all of it, unless less was captured.
    pub sold: Money,
    /// What came back of the amount, what was not captured included.
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
    /// What it says.
    pub terms: Terms,
    /// What it gave; or why nothing.
    pub outcome: Result<AppliedRule, DeclinedRule>,
}

/// What a rule gave, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedRule {
    /// What of the purchase's amount it covered.
    pub covered: Money,
    /// The eligible amount, to the kopeck.
    pub eligible: Money,
    /// Whether that is exact.
    pub eligible_is_exact: bool,
    /// The percentage that held, where it is one.
    pub rate: Option<Rate>,
    /// The full steps reached, where it pays by steps.
    pub steps: Option<i64>,
    /// Before caps, rounded once.
    pub earned: Money,
    /// Whether that took rounding.
    pub rounded: bool,
    /// What left less than that, if anything did.
    pub trimmed_by: Option<Limit>,
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

/// Why a rule gave nothing, with what it was judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclinedRule {
    /// Why.
    pub why: WhyNot,
    /// What of the purchase's amount it covers.
    pub covered: Money,
    /// What would have been the eligible amount, to the kopeck.
    pub eligible: Money,
    /// The purchase's date in the programme's zone.
    pub date: NaiveDate,
    /// What the clock at the outlet showed.
    pub wall_clock: NaiveDateTime,
}

impl Explanation {
    /// The organisations that are named in it, by code.
    pub fn organisations(&self) -> BTreeSet<&str> {
        self.rules.iter().flat_map(|rule| rule.terms.organisations()).collect()
    }
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
    let lines = record.lines();
    let shopping = Shopping {
        book,
        outlet: book.outlet_by_number(record.outlet_id).map(AsRef::as_ref),
        occurred_at: record.occurred_at,
        amount: record.amount,
        paid: record.amount - record.redeemed,
        lines: lines.as_deref(),
    };
    // What was given up before it was captured brought nothing, whatever had been announced.
    let voided = record.status == PurchaseStatus::Voided;
    let mut judgement = record.judgement.clone();
    if voided {
        judgement.applied.clear();
    }
    let version = |rule, version| book.version(rule, version).map(AsRef::as_ref);
    Explanation {
        status: record.status,
        amount: record.amount,
        redeemed: record.redeemed,
        sold: record.sold(),
        refunded: record.refunded,
        given: if voided { Money::ZERO } else { record.cashback },
        left: record.cashback_left,
        reason: judgement.told(),
        rules: shopping.rules(&judgement, &record.kept().rules, version),
    }
}

/// A purchase as far as its explanation needs it.
pub(crate) struct Shopping<'a> {
    pub book: &'a Book,
    pub outlet: Option<&'a Outlet>,
    pub occurred_at: DateTime<Utc>,
    pub amount: Money,
    pub paid: Money,
    pub lines: Option<&'a [Line]>,
}

impl Shopping<'_> {
    /// Every rule of a judgement; `left` is what refunds left of each that applied, in kopecks.
    pub(crate) fn rules<'v>(
        &self,
        judgement: &Judgement,
        left: &[i64],
        version: impl Fn(RuleId, i32) -> Option<&'v Version>,
    ) -> Vec<RuleExplanation> {
        let applied = judgement.applied.iter().zip(left).filter_map(|(applied, left)| {
            let version = version(applied.rule, applied.version)?;
            Some(explained(version, Ok(self.applied(version, applied, Money::from_kopecks(*left)))))
        });
        let declined = judgement.declined.iter().filter_map(|declined| {
            let version = version(declined.rule, declined.version)?;
            Some(explained(version, Err(self.declined(&version.terms, declined.why))))
        });
        applied.chain(declined).collect()
    }

    fn applied(&self, version: &Version, applied: &Applied, left: Money) -> AppliedRule {
        let date = date_in(self.book.zone, self.occurred_at);
        let terms = &version.terms;
        let given = Money::from_kopecks(applied.given_kopecks);
        let funders = terms.funding.iter().map(|funding| funding.by.clone());
        let rate = evaluate::rate(&terms.earn, applied.eligible);
        AppliedRule {
            covered: match (&applied.covered, self.lines) {
                (Some(places), Some(lines)) => {
                    places.iter().filter_map(|at| lines.get(usize::from(*at))).map(|line| line.amount).sum()
                }
                _ => self.amount,
            },
            eligible: applied.eligible.rounded(),
            eligible_is_exact: applied.eligible.compare(applied.eligible.rounded()).is_eq(),
            rate,
            steps: match &terms.earn {
                Earn::Step { per, .. } => Some(applied.eligible.full_steps(*per)),
                _ => None,
            },
            earned: Money::from_kopecks(applied.earned_kopecks),
            rounded: rate.is_some_and(|rate| !applied.eligible.is_whole_at(rate)),
            trimmed_by: applied.trimmed_by,
            room: applied.room_kopecks.map(Money::from_kopecks),
            given,
            left,
            funders: funders.zip(funder_parts(version, given)).collect(),
            available_at: available_at(self.book.zone, date, terms.hold_days),
            expires_on: terms.life_months.map(|months| expires_on(date, months)),
        }
    }

    fn declined(&self, terms: &Terms, why: WhyNot) -> DeclinedRule {
        let excluded = self.book.excluded_categories(self.occurred_at);
        let covered = covered(&terms.when, self.amount, self.lines, excluded);
        DeclinedRule {
            why,
            covered,
            eligible: Fraction::share(self.paid, covered, self.amount).rounded(),
            date: date_in(self.book.zone, self.occurred_at),
            wall_clock: wall_clock(self.outlet.map_or(self.book.zone, Outlet::tz), self.occurred_at),
        }
    }
}

fn explained(version: &Version, outcome: Result<AppliedRule, DeclinedRule>) -> RuleExplanation {
    RuleExplanation { id: version.rule, version: version.version, terms: version.terms.clone(), outcome }
}
