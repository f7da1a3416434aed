//! Purchases in two steps: authorised (the redemption reserved), then captured or voided; after seven days voided by
//! themselves.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::money::Money;

use crate::claims::arrivals::{self, Arrival};
use crate::days::date_in;
use crate::fraud::Check;
use crate::ids::{Mint, PartnerId, PurchaseId, RuleId};
use crate::ledger::account::Account;
use crate::posting::batch::arrived;
use crate::posting::decide::{AUTHORIZED_DAYS, accrue, commission, posted_event, room_of};
use crate::posting::read::{ClaimFiscals, ReleaseFiscals, RenameReceipts, receipts};
use crate::posting::world::{PostingKind, World};
use crate::posting::{Fiscal, Refusal, write};
use crate::purchases::{
    Captured, CashbackReason, Declined, Judgement, Purchase, PurchaseRecord, PurchaseStatus, purchase,
};
use crate::reconciliation::waiting::{self, Arrived};
use crate::refunds::{After, Origin, Returned, kept_after, locked, reduce, show};
use crate::rules::book::Version;
use crate::rules::evaluate::{Room, capped, trimmed_by, used_up};
use crate::rules::{Book, BookCache};
use crate::schema::ledger::purchases;
use crate::tiers::progress;

/// Captures an authorised purchase, for all of it or (as if the rest were refunded at once) for less: `captured` is
/// what remains. Capturing what is captured for the same answers again. After seven days there is nothing to capture
/// any more, whether or not it was given up yet. Where the sale was claimed meanwhile and the claim approved, what was
/// reserved is given up and the claim's purchase is the answer, also when asked again.
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
    let claimed = claim_fiscal(connection, id)?;
    let held = arrivals::hold(connection, id)?;
    let receipts = (claimed.as_ref(), held.lost());
    let outcome = captured_with(connection, books, (id, partner), (captured, receipts), now)?;
    if let Some((drive, document)) = claimed.filter(|_| outcome.is_err()) {
        ReleaseFiscals { purchases: vec![id], drives: vec![drive], documents: vec![document] }
            .execute(connection)?;
    }
    arrivals::give_back(connection, id, held)?;
    Ok(outcome)
}

/// The drive and document of a fiscal receipt that was claimed for this capture.
type ClaimedFiscal = (String, i64);

fn captured_with(
    connection: &mut PgConnection,
    books: &BookCache,
    (id, partner): (PurchaseId, Option<PartnerId>),
    (captured, (claimed, lost)): (Option<&Returned>, (Option<&ClaimedFiscal>, Vec<ClaimedFiscal>)),
    now: DateTime<Utc>,
) -> QueryResult<Result<Purchase, Refusal>> {
    let (book, mut world) = locked(connection, books, &HashSet::from([id]))?;
    let record = match owned(&world, &book, id, partner) {
        Ok(record) => record,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let part = match part(&record, captured) {
        Ok(part) => part,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if !record.captured
        && record.status.is_posted()
        && record.captured_part() == part.as_ref().and_then(|part| part.kept.captured.clone())
    {
        return Ok(show(&world, &book, id).ok_or(Refusal::PurchaseUnknown));
    }
    if let Some(other) = renamed(connection, &record)? {
        return answer(connection, books, other);
    }
    if let Err(refusal) = may_capture(&record, now) {
        return Ok(Err(refusal));
    }
    let approved = arrivals::read(connection, &mut world)?;
    world.plays.lose(lost);
    if !approved.is_empty() && claimed.is_none() {
        let sold = part.as_ref().and_then(|part| part.kept.captured.as_ref());
        let sold = sold.map_or(record.amount, Captured::amount);
        if let Some(other) = claimed_before(connection, books, (&book, &mut world), (&record, sold), now)? {
            return answer(connection, books, other);
        }
    }
    if record.fiscal.as_deref().and_then(fiscal_of).is_some() && claimed.is_none() {
        return Ok(Err(Refusal::FiscalUsed));
    }
    post(&mut world, &book, record, part, now);
    progress::raise_buyer(connection, &mut world, &book, id, now)?;
    confirm(&mut world, &book, id);
    world.plays.write(connection, now)?;
    write::write(connection, &world, &book, now)?;
    let captured = world.purchases.get(&id).and_then(|kept| arrived(&book, &kept.record));
    if !waiting::settle(connection, books, captured.as_slice(), now)?.is_empty() {
        // A refund had come before it.
        return answer(connection, books, id);
    }
    Ok(show(&world, &book, id).ok_or(Refusal::PurchaseUnknown))
}

fn answer(
    connection: &mut PgConnection,
    books: &BookCache,
    id: PurchaseId,
) -> QueryResult<Result<Purchase, Refusal>> {
    Ok(purchase(connection, books, id, None)?.ok_or(Refusal::PurchaseUnknown))
}

/// The purchase whose receipt this one's became when it was given up for it.
fn renamed(connection: &mut PgConnection, record: &PurchaseRecord) -> QueryResult<Option<PurchaseId>> {
    if record.status != PurchaseStatus::Voided {
        return Ok(None);
    }
    let key = (record.outlet_id, record.receipt.clone());
    let known = receipts(connection, std::slice::from_ref(&key))?;
    Ok(known.get(&key).copied().filter(|id| *id != record.id))
}

/// What of a purchase claims ask about, when so much of it is sold and so much of that paid with points.
fn arrival<'a>(
    book: &Book,
    record: &'a PurchaseRecord,
    fiscal: Option<&'a Fiscal>,
    (sold, redeemed): (Money, Money),
) -> Arrival<'a> {
    let outlet = book.outlet_by_number(record.outlet_id);
    let partner = outlet.and_then(|outlet| book.partner(outlet.partner_id));
    let whole = partner.is_some_and(|partner| partner.fiscal_counts_points);
    Arrival {
        member: record.member_id,
        outlet: record.outlet_id,
        receipt: &record.receipt,
        occurred_at: record.occurred_at,
        amount: sold,
        sum: if whole { sold } else { sold - redeemed },
        fiscal: fiscal.map(|fiscal| (fiscal.drive.as_str(), fiscal.document)),
        approved_by: None,
        redeems: redeemed.is_positive(),
    }
}

/// The purchase that was posted for this very sale when its claim was approved. What was reserved is given up, and the
/// receipt becomes another name of that purchase; refunds that waited for it are its own.
fn claimed_before(
    connection: &mut PgConnection,
    books: &BookCache,
    (book, world): (&Book, &mut World),
    (record, sold): (&PurchaseRecord, Money),
    now: DateTime<Utc>,
) -> QueryResult<Option<PurchaseId>> {
    let fiscal = record.fiscal.as_deref().and_then(fiscal_of);
    let arrival = arrival(book, record, fiscal.as_ref(), (sold, record.redeemed));
    let Some(other) = world.plays.arrives(&arrival) else { return Ok(None) };
    give_up(world, record, &mut Mint::at(now), date_in(book.zone, now));
    RenameReceipts {
        outlets: vec![record.outlet_id],
        receipts: vec![record.receipt.clone()],
        purchases: vec![other],
    }
    .execute(connection)?;
    world.plays.write(connection, now)?;
    write::write(connection, world, book, now)?;
    let waited = arrived(book, record).map(|sale| Arrived { purchase: other, ..sale });
    waiting::settle(connection, books, waited.as_slice(), now)?;
    Ok(Some(other))
}

/// Confirms the open claim of the sale that was captured, if there is one.
fn confirm(world: &mut World, book: &Book, id: PurchaseId) {
    let Some(record) = world.purchases.get(&id).map(|kept| kept.record.clone()) else { return };
    let fiscal = record.fiscal.as_deref().and_then(fiscal_of);
    let left = (record.amount - record.refunded, record.redeemed_left);
    world.plays.meets(&arrival(book, &record, fiscal.as_ref(), left), (id, true));
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
            give_up(&mut world, &record, &mut Mint::at(now), date_in(book.zone, now));
            write::write(connection, &world, &book, now)?;
        }
        PurchaseStatus::Voided => {}
        status => return Ok(Err(Refusal::PurchaseState { status })),
    }
    Ok(show(&world, &book, id).ok_or(Refusal::PurchaseUnknown))
}

fn may_capture(record: &PurchaseRecord, now: DateTime<Utc>) -> Result<(), Refusal> {
    match record.status {
        PurchaseStatus::Authorized if now < record.booked_at + TimeDelta::days(AUTHORIZED_DAYS) => Ok(()),
        PurchaseStatus::Authorized => Err(Refusal::PurchaseState { status: PurchaseStatus::Voided }),
        status => Err(Refusal::PurchaseState { status }),
    }
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

/// What the capture of a purchase for less left of it; `None` where it was for all.
pub(crate) fn left_out(record: &PurchaseRecord) -> Result<Option<After>, Refusal> {
    let captured = record.captured_part().map(|captured| match captured {
        Captured::Amount(amount) => Returned::Amount(amount),
        Captured::Lines(lines) => Returned::Lines(lines),
    });
    part(record, captured.as_ref())
}

/// Checks what is to be captured; `None` for all of it.
fn part(record: &PurchaseRecord, captured: Option<&Returned>) -> Result<Option<After>, Refusal> {
    let Some(captured) = captured else { return Ok(None) };
    let whole = record.whole();
    let mut kept = whole.kept();
    let by_amount = match captured {
        Returned::Amount(amount) => {
            if !amount.is_positive() {
                return Err(Refusal::AmountInvalid);
            }
            if *amount > record.amount {
                return Err(Refusal::CaptureTooMuch { most: record.amount });
            }
            kept.captured = Some(Captured::Amount(*amount));
            record.amount - *amount
        }
        Returned::Lines(lines) => {
            // Taken from a copy, at their places; what the copy has left is not captured.
            let rest = kept_after(&whole, captured)?.kept.lines;
            kept.lines.iter_mut().zip(rest).for_each(|(line, rest)| *line -= rest);
            kept.captured = Some(Captured::Lines(lines.clone()));
            Money::ZERO
        }
    };
    let left = Money::from_kopecks(kept.lines.iter().sum()) - by_amount;
    Ok(Some(After { kept, by_amount }).filter(|_| left < record.amount))
}

/// Posts what is captured into the world: all of it, then without what is not captured.
fn post(world: &mut World, book: &Book, record: PurchaseRecord, part: Option<After>, now: DateTime<Utc>) {
    let (id, member, occurred_at) = (record.id, record.member_id, record.occurred_at);
    let mut mint = Mint::at(now);
    world.open(mint.next(), PostingKind::Capture, member, Some(id), occurred_at);
    let mut record = capture_all(world, book, record, now);
    if let Some(mut after) = part {
        after.kept.rules = record.kept().rules;
        world.open(mint.next(), PostingKind::Refund, member, Some(id), occurred_at);
        reduce(world, book, (&record, after), Origin::Held, now);
        if let Some(kept) = world.purchases.get(&id) {
            record = kept.record.clone();
        }
    }
    world.events.push(posted_event(&record, book, now));
}

/// Claims the fiscal receipt of an authorised purchase, before anything is locked: as posting does. `None` where it has
/// none, or somebody has it already.
fn claim_fiscal(connection: &mut PgConnection, id: PurchaseId) -> QueryResult<Option<ClaimedFiscal>> {
    let raw: Option<Option<String>> = purchases::table
        .find(id)
        .filter(purchases::status.eq(PurchaseStatus::Authorized))
        .select(purchases::fiscal)
        .first(connection)
        .optional()?;
    let Some(fiscal) = raw.flatten().as_deref().and_then(fiscal_of) else { return Ok(None) };
    let claimed: Vec<(PurchaseId, String, i64)> =
        ClaimFiscals { drives: vec![fiscal.drive], documents: vec![fiscal.document], purchases: vec![id] }
            .load(connection)?;
    Ok(claimed.into_iter().next().map(|(_, drive, document)| (drive, document)))
}

fn fiscal_of(raw: &str) -> Option<Fiscal> {
    Fiscal::parse(raw).ok()
}

/// Posts what was authorised: the rules as they judged it then, with the cap room there is now.
fn capture_all(
    world: &mut World,
    book: &Book,
    mut record: PurchaseRecord,
    now: DateTime<Utc>,
) -> PurchaseRecord {
    let today = date_in(book.zone, now);
    let date = date_in(book.zone, record.occurred_at);
    let find = |rule, version| book.version(rule, version).map(AsRef::as_ref);
    let room = |version: &Version| room_of(world, version, record.member_id, date);
    let mut judgement = with_room(record.judgement.clone(), find, room);
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
    record.judgement = judgement;
    if let Some(kept) = world.purchase(record.id) {
        kept.record = record.clone();
        kept.changed = true;
    }
    record
}

/// What the rules that applied give with the cap room there is now; who finds none left says so. Pure; a capture and its
/// simulation call it alike.
pub(crate) fn with_room<'v>(
    mut judgement: Judgement,
    find: impl Fn(RuleId, i32) -> Option<&'v Version>,
    room: impl Fn(&Version) -> Room,
) -> Judgement {
    for mut applied in std::mem::take(&mut judgement.applied) {
        let Some(version) = find(applied.rule, applied.version) else { continue };
        let room = room(version);
        let announced = Money::from_kopecks(applied.given_kopecks);
        let amount = capped(&version.terms.caps, announced, room.narrowest());
        if amount < announced {
            judgement.reason = Some(CashbackReason::CapReached);
            applied.trimmed_by = trimmed_by(&version.terms.caps, announced, room, amount);
        }
        if amount.is_zero() {
            let (rule, version) = (applied.rule, applied.version);
            judgement.declined.push(Declined { rule, version, why: used_up(room) });
            continue;
        }
        applied.room_kopecks = room.narrowest().map(Money::kopecks);
        applied.given_kopecks = amount.kopecks();
        judgement.applied.push(applied);
    }
    judgement
}

/// Returns what was reserved to its lots; a lot past its date lives thirty days more.
pub(crate) fn give_up(world: &mut World, record: &PurchaseRecord, mint: &mut Mint, today: NaiveDate) {
    let today = world.day_for(record.member_id, today);
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
        expired += lot.take_back_held(part, today);
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
