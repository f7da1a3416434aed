//! Takes back what a refund undoes, in money.md's order: the redeemed part returns to its lots; then cashback comes
//! from this purchase's `pending`, its own lots, `breakage` for what of it expired, other lots in the order of
//! spending, and the rest is debt.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use shared_kernel::money::Money;

use super::Origin;
use super::residual::Residual;
use crate::days::date_in;
use crate::ledger::account::Account;
use crate::posting::decide::{funder_parts, use_room};
use crate::posting::world::World;
use crate::purchases::PurchaseRecord;
use crate::rules::Book;

/// Moves the difference between a purchase and what is left of it, in the posting opened last.
pub(crate) fn undo(
    world: &mut World,
    book: &Book,
    record: &PurchaseRecord,
    (residual, origin): (&Residual, Origin),
    today: NaiveDate,
) {
    let today = world.day_for(record.member_id, today);
    let receivable = receivable(book, record);
    let returned = record.redeemed_left - residual.redeemed;
    world.transfer(receivable, Account::AVAILABLE, returned);
    return_redeemed(world, record, (returned, origin), today);
    let taken = funders_less(world, book, record, residual);
    take_back(world, record, taken, today);
    world.transfer(Account::COMMISSION, receivable, record.commission_left - residual.commission);
    world.settle_debt(record.member_id, today);
}

fn receivable(book: &Book, record: &PurchaseRecord) -> Account {
    book.outlet_by_number(record.outlet_id)
        .and_then(|outlet| book.partner(outlet.partner_id))
        .map(|partner| partner.receivable)
        .expect("a purchase's outlet and partner are never removed")
}

/// The redeemed part goes back to the lots it came from, those spent last first; past its date it expires at once,
/// unless it was held.
fn return_redeemed(
    world: &mut World,
    record: &PurchaseRecord,
    (amount, origin): (Money, Origin),
    today: NaiveDate,
) {
    if amount.is_zero() {
        return;
    }
    let mut left = amount;
    let mut expired = Money::ZERO;
    let World { spendings, members, .. } = world;
    let lots = &mut members.entry(record.member_id).or_default().lots;
    let own = spendings.iter_mut().filter(|spending| spending.purchase == record.id);
    let mut own: Vec<_> = own.collect();
    own.sort_by_key(|spending| std::cmp::Reverse(spending.ordinal));
    for spending in own {
        let part = (spending.amount - spending.returned).min(left);
        let Some(lot) = lots.find(spending.lot).filter(|_| part.is_positive()) else { continue };
        spending.returned += part;
        spending.changed = true;
        left -= part;
        expired += match origin {
            Origin::Spent => lot.take_back(part, today),
            Origin::Held => lot.take_back_held(part, today),
        };
    }
    world.transfer(Account::AVAILABLE, Account::BREAKAGE, expired);
}

/// What each funder gets back (above 0.00) or gives more (below), and the caps' room.
fn funders_less(
    world: &mut World,
    book: &Book,
    record: &PurchaseRecord,
    residual: &Residual,
) -> BTreeMap<Account, Money> {
    let date = date_in(book.zone, record.occurred_at);
    let kept = record.kept();
    let mut less: BTreeMap<Account, Money> = BTreeMap::new();
    for ((applied, before), after) in record.judgement.applied.iter().zip(kept.rules).zip(&residual.rules) {
        let before = Money::from_kopecks(before);
        let Some(version) = book.version(applied.rule, applied.version) else { continue };
        let parts = funder_parts(version, before).into_iter().zip(funder_parts(version, *after));
        for (funder, (was, is)) in version.funders.iter().zip(parts) {
            *less.entry(*funder).or_default() += was - is;
        }
        if before != *after {
            use_room(world, version, record.member_id, date, *after - before);
        }
    }
    less
}

/// Credits the funders who get back: from funders whose part grew, then from the member in order.
fn take_back(world: &mut World, record: &PurchaseRecord, less: BTreeMap<Account, Money>, today: NaiveDate) {
    let amount: Money = less.values().copied().sum();
    let mut sources: Vec<(Account, Money)> = less
        .iter()
        .filter(|(_, part)| part.is_negative())
        .map(|(funder, part)| (*funder, Money::ZERO - *part))
        .collect();
    sources.extend(from_member(world, record, amount, today));
    let mut sources = sources.into_iter();
    let mut source = sources.next();
    for (funder, part) in less.into_iter().filter(|(_, part)| part.is_positive()) {
        let mut due = part;
        while let Some((account, left)) = source.filter(|_| due.is_positive()) {
            let moved = left.min(due);
            world.transfer(account, funder, moved);
            due -= moved;
            source = if moved == left { sources.next() } else { Some((account, left - moved)) };
        }
    }
}

/// Takes an amount from the member's lots in order; from which accounts it comes.
fn from_member(
    world: &mut World,
    record: &PurchaseRecord,
    amount: Money,
    today: NaiveDate,
) -> Vec<(Account, Money)> {
    let mut left = amount;
    let mut sources = Vec::new();
    let lots = &mut world.member(record.member_id).lots;
    for (account, released) in [(Account::PENDING, false), (Account::AVAILABLE, true)] {
        for lot in lots.of(record.id).into_iter().filter(|lot| lot.released == released) {
            let part = lot.remaining.min(left);
            lot.remaining -= part;
            lot.change();
            left -= part;
            sources.push((account, part));
        }
    }
    for lot in lots.of(record.id) {
        let part = lot.expired.min(left);
        lot.expired -= part;
        lot.change();
        left -= part;
        sources.push((Account::BREAKAGE, part));
    }
    let others: Money = lots.spend(left, today).into_iter().map(|(_, part)| part).sum();
    sources.push((Account::AVAILABLE, others));
    sources.push((Account::DEBT, left - others));
    sources.into_iter().filter(|(_, part)| part.is_positive()).collect()
}
