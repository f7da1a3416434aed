//! A draft judged on a sample purchase beside the partner's other rules; nothing is stored.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use shared_kernel::ids::Uuid;
use shared_kernel::money::Money;

use super::book::Version;
use super::draft::{self, RuleDraft};
use super::evaluate::{Occasion, Room};
use super::judge::judged;
use super::simulate::drafted;
use super::store::checked;
use crate::days::{date_in, wall_clock};
use crate::error::{EngineError, Invalid};
use crate::explanation::{Explanation, Shopping};
use crate::ids::RuleId;
use crate::posting::sale::AMOUNT_MAX_KOPECKS;
use crate::posting::{Audience, Line, line_is_valid};
use crate::purchases::PurchaseStatus;
use crate::rules::BookCache;

/// A purchase that might be.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Where; one of the rule's outlets unless said.
    pub outlet: Option<String>,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// Before points.
    pub amount: Money,
    /// The part paid with points.
    pub redeem: Money,
    /// The lines, adding up to the amount.
    pub lines: Option<Vec<Line>>,
    /// Who buys.
    pub audience: Audience,
    /// Of which tier.
    pub tier: Option<String>,
}

/// The identifier a draft that is no version of a stored rule has in a preview.
pub const NEW_RULE: RuleId = RuleId(Uuid::nil());

/// Judges a sample by a draft (version 0 in the answer), in place of the rule it replaces where there is one, beside
/// the partner's rules in force then. Caps are as if nothing was used of them.
///
/// # Errors
/// Every wrong field, of the draft as `/rule/…`, of the sample as `/sample/…`.
pub fn preview(
    connection: &mut PgConnection,
    books: &BookCache,
    (draft, replaces): (&RuleDraft, Option<RuleId>),
    sample: &Sample,
) -> Result<Explanation, EngineError> {
    let (partner, terms) = checked(connection, draft).map_err(|error| draft::within(error, "/rule"))?;
    let book = books.current(connection)?;
    let code = sample.outlet.as_ref().or(terms.when.outlets.first());
    let outlet = match code {
        Some(code) => Some(
            book.outlet(code)
                .filter(|outlet| outlet.partner_id == partner)
                .ok_or_else(|| wrong("/sample/outlet", "is none of the partner's outlets"))?,
        ),
        None => None,
    };
    check(sample)?;
    let draft = drafted(replaces.unwrap_or(NEW_RULE), (partner, i64::MAX), terms, sample.occurred_at);
    let others = book.in_force(partner, sample.occurred_at).map(AsRef::as_ref);
    let mut versions: Vec<&Version> = others.filter(|version| Some(version.rule) != replaces).collect();
    versions.push(&draft);
    let occasion = Occasion {
        date: date_in(book.zone, sample.occurred_at),
        wall_clock: wall_clock(outlet.map_or(book.zone, |outlet| outlet.tz()), sample.occurred_at),
        outlet: outlet.map_or("", |outlet| outlet.code.as_str()),
        amount: sample.amount,
        paid: sample.amount - sample.redeem,
        lines: sample.lines.as_deref(),
        excluded: book.excluded_categories(sample.occurred_at),
        audience: &sample.audience,
        tier: sample.tier.as_deref(),
    };
    let judgement = judged(versions.iter().copied(), &occasion, |version| Room {
        member: version.terms.caps.per_member.map(|(amount, _)| amount),
        budget: version.terms.caps.budget,
    });
    let given: Vec<i64> = judgement.applied.iter().map(|applied| applied.given_kopecks).collect();
    let sum = Money::from_kopecks(given.iter().sum());
    let shopping = Shopping {
        book: &book,
        outlet: outlet.map(AsRef::as_ref),
        occurred_at: sample.occurred_at,
        amount: sample.amount,
        paid: occasion.paid,
        lines: occasion.lines,
    };
    let version = |rule, number| versions.iter().copied().find(|v| (v.rule, v.version) == (rule, number));
    Ok(Explanation {
        status: PurchaseStatus::Posted,
        amount: sample.amount,
        redeemed: sample.redeem,
        sold: sample.amount,
        refunded: Money::ZERO,
        given: sum,
        left: sum,
        reason: judgement.reason,
        rules: shopping.rules(&judgement, &given, version),
    })
}

fn wrong(pointer: &str, message: &str) -> EngineError {
    EngineError::Invalid(vec![Invalid::new(pointer, message)])
}

fn check(sample: &Sample) -> Result<(), EngineError> {
    if !(1..=AMOUNT_MAX_KOPECKS).contains(&sample.amount.kopecks()) {
        return Err(wrong("/sample/amount", "must be above 0.00 and at most 10000000.00"));
    }
    if sample.redeem > sample.amount {
        return Err(wrong("/sample/redeem", "must not be above the amount"));
    }
    let Some(lines) = &sample.lines else { return Ok(()) };
    if let Some(at) = lines.iter().position(|line| line_is_valid(line).is_err()) {
        return Err(wrong(&format!("/sample/lines/{at}"), "is wrong"));
    }
    if lines.iter().map(|line| line.amount).sum::<Money>() != sample.amount {
        return Err(wrong("/sample/lines", "must add up to the amount"));
    }
    Ok(())
}
