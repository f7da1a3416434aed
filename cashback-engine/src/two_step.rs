//! Purchases in two steps: authorised (the redemption reserved), then captured or voided; after seven days voided by
//! themselves.

use std::collections::HashSet;

use chrono::{DateTime, Days, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::money::Money;

use crate::days::date_in;
use crate::fraud::Check;
use crate::ids::{Mint, PartnerId, PurchaseId};
use crate::ledger::account::Account;
use crate::lots::DAYS_AFTER_HOLD;
use crate::posting::batch::arrived;
use crate::posting::decide::{accrue, commission, posted_event, room_of};
use crate::posting::read::ClaimFiscals;
use crate::posting::world::{PostingKind, World};
use crate::posting::{Fiscal, Refusal, write};
use crate::purchases::{CashbackReason, Purchase, PurchaseRecord, PurchaseStatus, purchase};
use crate::reconciliation::waiting;
use crate::refunds::{Returned, kept_after, locked, reduce, show};
use crate::rules::evaluate::{capped, trimmed_by};
use crate::rules::{Book, BookCache};
use crate::tiers::progress;

/// Captures an authorised purchase, for all of it or (as if the rest were refunded at once) for less: `captured` is
/// what remains. Capturing what is captured for the same answers again.
///
/// # Errors
/// The database's.
pub fn capture(
    connection: &mut PgConnection,
    books: &BookCache,
    (id, partner): (PurchaseId, Option<PartnerId>),
    captured: Option<&Returned>,
    now: DateTime<Utc>,
) -> QueryResult<Result<Purchase, Refusal>> {
    let (book, mut world) = locked(connection, books, &HashSet::from([id]))?;
    let record = match owned(&world, &book, id, partner) {
        Ok(record) => record,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let rest = match rest(&record, captured) {
        Ok(rest) => rest,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if !record.captured && record.status.is_posted() && record.refunded == rest_amount(rest.as_ref()) {
        return Ok(show(&world, &book, id).ok_or(Refusal::PurchaseUnknown));
    }
    if record.status != PurchaseStatus::Authorized {
        return Ok(Err(Refusal::PurchaseState { status: record.status }));
    }
    if !claim_fiscal(connection, &record)? {
        return Ok(Err(Refusal::FiscalUsed));
    }
    let after = match rest.as_ref().map(|rest| kept_after(&record, rest)).transpose() {
        Ok(after) => after,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut mint = Mint::at(now);
    world.open(mint.next(), PostingKind::Capture, record.member_id, Some(id), record.occurred_at);
    capture_all(&mut world, &book, record, now);
    if let Some(mut after) = after {
        let record = world.purchases.get(&id).map(|kept| kept.record.clone());
        if let Some(record) = record {
            after.kept.rules = record.kept().rules;
            world.open(mint.next(), PostingKind::Refund, record.member_id, Some(id), record.occurred_at);
            reduce(&mut world, &book, &record, after, now);
        }
    }
    progress::raise_buyer(connection, &mut world, &book, id, now)?;
    write::write(connection, &world, &book, now)?;
    let captured = world.purchases.get(&id).and_then(|kept| arrived(&book, &kept.record));
    if !waiting::settle(connection, books, captured.as_slice(), now)?.is_empty() {
        // A refund had come before it.
        return Ok(purchase(connection, books, id, partner)?.ok_or(Refusal::PurchaseUnknown));
    }
    Ok(show(&world, &book, id).ok_or(Refusal::PurchaseUnknown))
}

/// Gives an authorised purchase up; again is answered again.
///
/// # Errors
/// The database's.
pub fn void(
    connection: &mut PgConnection,
    books: &BookCache,
    (id, partner): (PurchaseId, Option<PartnerId>),
    now: DateTime<Utc>,
) -> QueryResult<Result<Purchase, Refusal>> {
    let (book, mut world) = locked(connection, books, &HashSet::from([id]))?;
    let record = match owned(&world, &book, id, partner) {
        Ok(record) => record,
        Err(refusal) => return Ok(Err(refusal)),
    };
    match record.status {
        PurchaseStatus::Authorized => {
            give_up(&mut world, &book, &record, &mut Mint::at(now), now);
            write::write(connection, &world, &book, now)?;
        }
        PurchaseStatus::Voided => {}
        status => return Ok(Err(Refusal::PurchaseState { status })),
    }
    Ok(show(&world, &book, id).ok_or(Refusal::PurchaseUnknown))
}

fn owned(
    world: &World,
    book: &Book,
    id: PurchaseId,
    partner: Option<PartnerId>,
) -> Result<PurchaseRecord, Refusal> {
    let record = world.purchases.get(&id).map(|kept| kept.record.clone()).ok_or(Refusal::PurchaseUnknown)?;
    let owner = book.outlet_by_number(record.outlet_id).map(|outlet| outlet.partner_id);
    if partner.is_none_or(|partner| owner == Some(partner)) {
        Ok(record)
    } else {
        Err(Refusal::PurchaseUnknown)
    }
}

/// What is to be refunded at once so that only `captured` remains.
fn rest(record: &PurchaseRecord, captured: Option<&Returned>) -> Result<Option<Returned>, Refusal> {
    match captured {
        None => Ok(None),
        Some(Returned::Amount(amount)) => {
            if !amount.is_positive() {
                return Err(Refusal::AmountInvalid);
            }
            if *amount > record.amount {
                return Err(Refusal::CaptureTooMuch { most: record.amount });
            }
            Ok(Some(record.amount - *amount).filter(|rest| rest.is_positive()).map(Returned::Amount))
        }
        Some(Returned::Lines(lines)) => {
            // What is captured is taken from a copy; what the copy has left is the rest.
            let kept = kept_after(record, &Returned::Lines(lines.clone()))?.kept;
            let rest: Vec<_> = record
                .lines()
                .unwrap_or_default()
                .into_iter()
                .zip(kept.lines)
                .filter(|(_, left)| *left > 0)
                .map(|(line, left)| crate::posting::Line { amount: Money::from_kopecks(left), ..line })
                .collect();
            Ok(Some(rest).filter(|rest| !rest.is_empty()).map(Returned::Lines))
        }
    }
}

fn rest_amount(rest: Option<&Returned>) -> Money {
    match rest {
        None => Money::ZERO,
        Some(Returned::Amount(amount)) => *amount,
        Some(Returned::Lines(lines)) => lines.iter().map(|line| line.amount).sum(),
    }
}

fn claim_fiscal(connection: &mut PgConnection, record: &PurchaseRecord) -> QueryResult<bool> {
    let Some(fiscal) = record.fiscal.as_deref().and_then(|raw| Fiscal::parse(raw).ok()) else {
        return Ok(true);
    };
    let claimed: Vec<(PurchaseId, String, i64)> = ClaimFiscals {
        drives: vec![fiscal.drive],
        documents: vec![fiscal.document],
        purchases: vec![record.id],
    }
    .load(connection)?;
    Ok(!claimed.is_empty())
}

/// Posts what was authorised: the rules as they judged it then, with the cap room there is now.
fn capture_all(world: &mut World, book: &Book, mut record: PurchaseRecord, now: DateTime<Utc>) {
    let today = date_in(book.zone, now);
    let date = date_in(book.zone, record.occurred_at);
    let mut judgement = record.judgement();
    for applied in &mut judgement.applied {
        let Some(version) = book.version(applied.rule, applied.version) else { continue };
        let room = room_of(world, version, record.member_id, date);
        let announced = Money::from_kopecks(applied.given_kopecks);
        let amount = capped(&version.terms.caps, announced, room.narrowest());
        if amount < announced {
            judgement.reason = Some(CashbackReason::CapReached);
            applied.trimmed_by = trimmed_by(&version.terms.caps, announced, room, amount);
        }
        applied.room_kopecks = room.narrowest().map(Money::kopecks);
        applied.given_kopecks = amount.kopecks();
    }
    judgement.applied.retain(|applied| applied.given_kopecks > 0);
    if judgement.check == Some(Check::Blocked) {
        judgement.applied.clear();
    }
    let receivable = book
        .outlet_by_number(record.outlet_id)
        .and_then(|outlet| book.partner(outlet.partner_id))
        .map(|partner| partner.receivable)
        .expect("a purchase's outlet and partner are never removed");
    world.transfer(Account::RESERVED, receivable, record.redeemed);
    accrue(world, book, &mut record, &judgement, now);
    record.commission = commission(record.amount - record.redeemed, record.commission_rate);
    record.commission_left = record.commission;
    world.transfer(receivable, Account::COMMISSION, record.commission);
    world.settle_debt(record.member_id, today);
    record.cashback = judgement.applied.iter().map(|a| Money::from_kopecks(a.given_kopecks)).sum();
    record.cashback_left = record.cashback;
    record.status = PurchaseStatus::Posted;
    record.terms = serde_json::to_value(&judgement).expect("a judgement holds text and numbers only");
    world.events.push(posted_event(&record, book, now));
    if let Some(kept) = world.purchase(record.id) {
        kept.record = record;
        kept.changed = true;
    }
}

/// Returns what was reserved to its lots; a lot past its date lives thirty days more.
pub(crate) fn give_up(
    world: &mut World,
    book: &Book,
    record: &PurchaseRecord,
    mint: &mut Mint,
    now: DateTime<Utc>,
) {
    let today = world.day_for(record.member_id, date_in(book.zone, now));
    world.open(mint.next(), PostingKind::Void, record.member_id, Some(record.id), record.occurred_at);
    world.transfer(Account::RESERVED, Account::AVAILABLE, record.redeemed);
    let mut expired = Money::ZERO;
    let World { spendings, members, .. } = world;
    let lots = &mut members.entry(record.member_id).or_default().lots;
    for spending in spendings.iter_mut().filter(|spending| spending.purchase == record.id) {
        let Some(lot) = lots.find(spending.lot) else { continue };
        let part = spending.amount - spending.returned;
        spending.returned = spending.amount;
        spending.changed = true;
        if lot.is_past(today) {
            // What was not held of it is over; what was held lives on.
            expired += lot.remaining;
            lot.expired += lot.remaining;
            lot.remaining = Money::ZERO;
            lot.expires_on = today.checked_add_days(Days::new(DAYS_AFTER_HOLD));
        }
        lot.remaining += part;
        lot.change();
    }
    world.transfer(Account::AVAILABLE, Account::BREAKAGE, expired);
    world.settle_debt(record.member_id, today);
    if let Some(kept) = world.purchase(record.id) {
        kept.record.status = PurchaseStatus::Voided;
        kept.record.redeemed_left = Money::ZERO;
        kept.record.cashback_left = Money::ZERO;
        kept.record.commission_left = Money::ZERO;
        kept.changed = true;
    }
}
