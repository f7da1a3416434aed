//! Refunds: by amount and by lines, mixed and in any order. [`residual`] is the arithmetic, [`undo`] moves the money.

pub(crate) mod replay;
pub mod residual;
mod undo;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use serde_json::json;
use shared_kernel::money::Money;
use shared_kernel::outbox::Event;

use crate::days::date_in;
use crate::ids::{Mint, PartnerId, PostingId, PurchaseId};
use crate::posting::decide::cap_keys;
use crate::posting::read::{BudgetNeed, Lock, Needs, fill, purchases_by_id};
use crate::posting::world::{PostingKind, RefundRecord, World};
use crate::posting::{Fiscal, FiscalKind, Line, Refusal, is_receipt, line_is_valid, write};
use crate::purchases::{Kept, Purchase, PurchaseRecord, PurchaseStatus, shown};
use crate::rules::{Book, BookCache};
use crate::schema::ledger::refunds;

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Returned {
    /// So much of the purchase's amount.
    Amount(Money),
    /// These lines, or parts of them: found among the purchase's by `sku` and `category`; without a category, any line
    /// of the sku that no other line named better.
    Lines(Vec<Line>),
}

/// A refund to be posted.
#[derive(Debug, Clone)]
pub struct Return {
    /// Of which purchase.
    pub purchase: PurchaseId,
    /// Who asks; another partner's purchase is unknown.
    pub partner: Option<PartnerId>,
    /// What comes back.
    pub what: Returned,
    /// The partner's own reference, unique per purchase for ever.
    pub reference: String,
    /// The return's fiscal receipt.
    pub fiscal: Option<Fiscal>,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
}

/// A refund that is there now.
#[derive(Debug, Clone)]
pub struct Refunded {
    /// The purchase as it is now.
    pub purchase: Purchase,
    /// Whether the refund was there before.
    pub replayed: bool,
}

/// Posts refunds within the caller's transaction, each alone, in the order given; at most
/// [`crate::posting::BATCH_MAX`].
///
/// # Errors
/// The database's; then nothing is posted.
pub fn refund(
    connection: &mut PgConnection,
    books: &BookCache,
    returns: &[Return],
    now: DateTime<Utc>,
) -> QueryResult<Vec<Result<Refunded, Refusal>>> {
    let ids: HashSet<PurchaseId> = returns.iter().map(|asked| asked.purchase).collect();
    let (book, mut world) = locked(connection, books, &ids)?;
    let mut run = Run { known: known(connection, &ids)?, book, mint: Mint::at(now), now };
    let outcomes: Vec<Result<bool, Refusal>> =
        returns.iter().map(|asked| run.one(&mut world, asked)).collect();
    write::write(connection, &world, &run.book, now)?;
    Ok(returns
        .iter()
        .zip(outcomes)
        .map(|(asked, outcome)| {
            outcome.and_then(|replayed| {
                let purchase = show(&world, &run.book, asked.purchase).ok_or(Refusal::PurchaseUnknown)?;
                Ok(Refunded { purchase, replayed })
            })
        })
        .collect())
}

/// Reads and locks purchases with all that changing them may touch: members first, as posting does. Once more when
/// their buyer was merged or what judges them changed while this waited for the locks.
pub(crate) fn locked(
    connection: &mut PgConnection,
    books: &BookCache,
    ids: &HashSet<PurchaseId>,
) -> QueryResult<(Arc<Book>, World)> {
    let list: Vec<PurchaseId> = ids.iter().copied().collect();
    let mut book = books.current(connection)?;
    loop {
        let mut look = World::default();
        purchases_by_id(connection, &mut look, &list, Lock::Look)?;
        let mut needs = Needs { purchases: ids.clone(), ..Needs::default() };
        for kept in look.purchases.values() {
            need(&mut needs, &book, &kept.record);
        }
        let mut world = World::default();
        fill(connection, &mut world, &needs, Lock::Write)?;
        purchases_by_id(connection, &mut world, &list, Lock::Write)?;
        let latest = books.current(connection)?;
        let same_buyers = world.purchases.values().all(|kept| needs.members.contains(&kept.record.member_id));
        if same_buyers && latest.revision == book.revision {
            return Ok((book, world));
        }
        book = latest;
    }
}

fn need(needs: &mut Needs, book: &Book, record: &PurchaseRecord) {
    needs.members.insert(record.member_id);
    needs.spenders.insert(record.member_id);
    let date = date_in(book.zone, record.occurred_at);
    for applied in &record.judgement.applied {
        if let Some(version) = book.version(applied.rule, applied.version) {
            needs.caps.extend(cap_keys(version, record.member_id, date));
            // What may still be captured takes from it, and is not tried again as a queue's batch is: locked first,
            // however much is left. What was posted can only give back.
            if version.counts_budget && record.status == PurchaseStatus::Authorized {
                needs.budgets.insert(version.rule, BudgetNeed::locked());
            }
        }
    }
}

pub(crate) fn show(world: &World, book: &Book, id: PurchaseId) -> Option<Purchase> {
    let record = &world.purchases.get(&id)?.record;
    let waiting = world.members.get(&record.member_id).is_some_and(|member| {
        member.lots.0.iter().any(|lot| lot.purchase == id && !lot.released && lot.remaining.is_positive())
    });
    Some(shown(record, book, waiting))
}

/// A refund that was posted before, as far as its content goes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Content {
    amount: Money,
    lines: Option<serde_json::Value>,
    fiscal: Option<String>,
}

type Reference = (PurchaseId, String);

fn known(
    connection: &mut PgConnection,
    ids: &HashSet<PurchaseId>,
) -> QueryResult<HashMap<Reference, Content>> {
    type Row = (PurchaseId, String, Money, Option<serde_json::Value>, Option<String>);
    let rows: Vec<Row> = refunds::table
        .filter(refunds::purchase_id.eq_any(ids.iter().copied().collect::<Vec<_>>()))
        .select((refunds::purchase_id, refunds::reference, refunds::amount, refunds::lines, refunds::fiscal))
        .load(connection)?;
    Ok(rows
        .into_iter()
        .map(|(purchase, reference, amount, lines, fiscal)| {
            ((purchase, reference), Content { amount, lines, fiscal })
        })
        .collect())
}

/// One transaction's refunds.
struct Run {
    book: Arc<Book>,
    known: HashMap<Reference, Content>,
    mint: Mint,
    now: DateTime<Utc>,
}

impl Run {
    /// Posts one refund into the world; whether it was there before.
    fn one(&mut self, world: &mut World, asked: &Return) -> Result<bool, Refusal> {
        let record = world.purchases.get(&asked.purchase).map(|kept| kept.record.clone());
        let record = record
            .filter(|record| {
                let owner = self.book.outlet_by_number(record.outlet_id).map(|outlet| outlet.partner_id);
                asked.partner.is_none_or(|partner| owner == Some(partner))
            })
            .ok_or(Refusal::PurchaseUnknown)?;
        if !is_receipt(&asked.reference) {
            return Err(Refusal::ReferenceInvalid);
        }
        let content = content(asked);
        let key = (asked.purchase, asked.reference.clone());
        if let Some(before) = self.known.get(&key) {
            return if *before == content { Ok(true) } else { Err(Refusal::ReferenceConflict) };
        }
        if !record.status.is_posted() {
            return Err(Refusal::PurchaseState { status: record.status });
        }
        if asked.fiscal.as_ref().is_some_and(|fiscal| fiscal.kind != FiscalKind::SaleReturn) {
            return Err(Refusal::FiscalKind);
        }
        apply(world, &self.book, &record, (asked, &content), (self.mint.next(), self.now))?;
        self.known.insert(key, content);
        Ok(false)
    }
}

fn content(asked: &Return) -> Content {
    let (amount, lines) = match &asked.what {
        Returned::Amount(amount) => (*amount, None),
        Returned::Lines(lines) => (
            lines.iter().map(|line| line.amount).sum(),
            Some(serde_json::to_value(lines).expect("lines hold text and amounts only")),
        ),
    };
    Content { amount, lines, fiscal: asked.fiscal.as_ref().map(|fiscal| fiscal.raw.clone()) }
}

/// Opens the refund's posting, takes back what the residual says, and keeps what is left.
fn apply(
    world: &mut World,
    book: &Book,
    record: &PurchaseRecord,
    (asked, content): (&Return, &Content),
    (posting, now): (shared_kernel::ids::Uuid, DateTime<Utc>),
) -> Result<(), Refusal> {
    let after = kept_after(record, &asked.what)?;
    world.open(posting, PostingKind::Refund, record.member_id, Some(record.id), asked.occurred_at);
    world.refunds.push(RefundRecord {
        purchase: record.id,
        reference: asked.reference.clone(),
        member: record.member_id,
        posting: PostingId(posting),
        amount: content.amount,
        lines: content.lines.clone(),
        fiscal: content.fiscal.clone(),
        occurred_at: asked.occurred_at,
        fresh: true,
    });
    reduce(world, book, (record, after), Origin::Spent, now);
    if book.watched.is_on() {
        let day = date_in(book.zone, asked.occurred_at);
        world.tallies.refunded((record.member_id.0, day));
    }
    world.events.push(event(record, book, (&asked.reference, content.amount), now));
    Ok(())
}

fn event(
    record: &PurchaseRecord,
    book: &Book,
    (reference, amount): (&str, Money),
    now: DateTime<Utc>,
) -> Event {
    let outlet = book.outlet_by_number(record.outlet_id);
    Event {
        kind: "purchase.refunded".to_owned(),
        member_id: Some(record.member_id),
        payload: json!({
            "purchase_id": record.id,
            "partner_id": outlet.map(|outlet| outlet.partner_id),
            "outlet": outlet.map(|outlet| outlet.code.as_str()),
            "receipt": record.receipt,
            "reference": reference,
            "amount": amount,
            "refunded": record.refunded + amount,
        }),
        occurred_at: now,
    }
}

/// What a refund leaves of the lines, and how much was refunded by amount.
#[derive(Debug, Clone)]
pub(crate) struct After {
    pub kept: Kept,
    pub by_amount: Money,
}

/// Checks what comes back against what is left.
pub(crate) fn kept_after(record: &PurchaseRecord, what: &Returned) -> Result<After, Refusal> {
    let mut kept = record.kept();
    let left = record.amount - record.refunded;
    let mut by_amount = record.refunded_by_amount;
    match what {
        Returned::Amount(amount) => {
            if !amount.is_positive() {
                return Err(Refusal::AmountInvalid);
            }
            if *amount > left {
                return Err(Refusal::RefundTooMuch { left });
            }
            by_amount += *amount;
        }
        Returned::Lines(lines) => {
            take_lines(record, lines, &mut kept)?;
            if lines.iter().map(|line| line.amount).sum::<Money>() > left {
                return Err(Refusal::RefundTooMuch { left });
            }
        }
    }
    Ok(After { kept, by_amount })
}

/// Finds each returned line among the purchase's, the earlier first, and takes it from what is left of them. Lines of
/// the very sku and category come first, for all that is returned; only what is wanted beyond them by lines that name no
/// category is taken from the others of their sku, which rules may cover otherwise.
fn take_lines(record: &PurchaseRecord, returned: &[Line], kept: &mut Kept) -> Result<(), Refusal> {
    let Some(lines) = record.lines() else { return Err(Refusal::RefundLineUnknown { line: 0 }) };
    if returned.is_empty() {
        return Err(Refusal::AmountInvalid);
    }
    for (place, asked) in returned.iter().enumerate() {
        line_is_valid(asked).map_err(|field| Refusal::LineInvalid { line: place, field })?;
    }
    let mut wanted: Vec<i64> = returned.iter().map(|asked| asked.amount.kopecks()).collect();
    for any_category in [false, true] {
        for (asked, wanted) in returned.iter().zip(&mut wanted) {
            for (line, left) in lines.iter().zip(kept.lines.iter_mut()) {
                let category = line.category == asked.category || (any_category && asked.category.is_none());
                if line.sku == asked.sku && category {
                    let part = (*wanted).min(*left);
                    *left -= part;
                    *wanted -= part;
                }
            }
        }
    }
    match wanted.iter().position(|wanted| *wanted > 0) {
        Some(place) => Err(Refusal::RefundLineUnknown { line: place }),
        None => Ok(()),
    }
}

/// Where the redeemed part was that a refund returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It was spent: what returns past its date expires at once.
    Spent,
    /// It was held until this capture for less: past its date it lives on, as when all of it is given up.
    Held,
}

/// Brings a posted purchase down to what is left of it, in the posting opened last.
pub(crate) fn reduce(
    world: &mut World,
    book: &Book,
    (record, after): (&PurchaseRecord, After),
    origin: Origin,
    now: DateTime<Utc>,
) {
    let today = date_in(book.zone, now);
    let residual = residual::residual(record, &after, |applied| {
        book.version(applied.rule, applied.version).map(|version| &version.terms)
    });
    undo::undo(world, book, record, (&residual, origin), today);
    if let Some(purchase) = world.purchase(record.id) {
        leave(&mut purchase.record, after, &residual);
        purchase.changed = true;
    }
}

/// Takes what is left of a purchase's cashback back to its funders, in the posting opened last; the purchase itself, its
/// redemption and commission stay.
pub(crate) fn claw_back(world: &mut World, book: &Book, record: &PurchaseRecord, now: DateTime<Utc>) {
    let mut kept = record.kept();
    let nothing = residual::Residual {
        left: record.amount - record.refunded,
        redeemed: record.redeemed_left,
        commission: record.commission_left,
        rules: vec![Money::ZERO; kept.rules.len()],
    };
    undo::undo(world, book, record, (&nothing, Origin::Spent), date_in(book.zone, now));
    kept.rules.fill(0);
    if let Some(purchase) = world.purchase(record.id) {
        purchase.record.cashback_left = Money::ZERO;
        purchase.record.kept = Some(serde_json::to_value(&kept).expect("amounts are numbers"));
        purchase.changed = true;
    }
}

/// Writes down what is left of a purchase.
fn leave(record: &mut PurchaseRecord, after: After, residual: &residual::Residual) {
    let mut kept = after.kept;
    kept.rules = residual.rules.iter().map(|amount| amount.kopecks()).collect();
    record.redeemed_left = residual.redeemed;
    record.commission_left = residual.commission;
    record.cashback_left = residual.rules.iter().copied().sum();
    record.refunded = record.amount - residual.left;
    record.refunded_by_amount = after.by_amount;
    record.kept = Some(serde_json::to_value(&kept).expect("amounts are numbers"));
    record.status =
        if residual.left.is_zero() { PurchaseStatus::Refunded } else { PurchaseStatus::PartlyRefunded };
}

#[cfg(test)]
mod tests;
