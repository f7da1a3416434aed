//! Posts an approved correction. What a member is given becomes a lot with a life and pays debt first; what is taken
//! comes from lots in the order of spending, never more than there is.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgConnection;
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;
use shared_kernel::outbox;

use super::{Adjustment, AdjustmentKind, one};
use crate::days::{available_at, date_in, expires_on};
use crate::enrolments::Standing;
use crate::error::EngineError;
use crate::ids::{Mint, PostingId, PurchaseId};
use crate::ledger::account::{Account, lock};
use crate::ledger::read::balance_of;
use crate::lots::{Lot, LotState};
use crate::posting::entry::{self, Entry, EntryTransfer};
use crate::posting::read::{Lock, Needs, fill};
use crate::posting::world::{PostingKind, World};
use crate::posting::write;
use crate::rules::{Book, BookCache};
use crate::standing::changed;

/// How long what is given into `pending` is held: as long as cashback is unless its rule says otherwise.
const HOLD_DAYS: u16 = 14;

impl AdjustmentKind {
    fn posting(self) -> PostingKind {
        match self {
            Self::Adjustment => PostingKind::Adjustment,
            Self::WriteOff => PostingKind::WriteOff,
        }
    }
}

pub(super) fn post(
    connection: &mut PgConnection,
    books: &BookCache,
    adjustment: &Adjustment,
    seen: Option<&str>,
    now: DateTime<Utc>,
) -> Result<PostingId, EngineError> {
    let book = books.current(connection)?;
    let id = PostingId(Mint::at(now).next());
    let Some(member) = adjustment.member else {
        check_seen(adjustment, seen)?;
        plain(connection, adjustment, id, (now, date_in(book.zone, now)))?;
        return Ok(id);
    };
    let mut world = World::default();
    let (members, spenders) = (HashSet::from([member]), HashSet::from([member]));
    fill(connection, &mut world, &Needs { members, spenders, ..Needs::default() }, Lock::Write)?;
    // Looked at once more: nothing changes under the member's lock.
    let locked = one(connection, adjustment.id)?;
    check_seen(&locked, seen)?;
    if world.member(member).standing.is_none_or(|standing| standing == Standing::Merged) {
        return Err(EngineError::Changed);
    }
    apply(&mut world, &book, &locked, (member, id), now)?;
    write::write(connection, &world, &book, now)?;
    outbox::append(connection, &[changed(member, now)])?;
    Ok(id)
}

fn check_seen(adjustment: &Adjustment, seen: Option<&str>) -> Result<(), EngineError> {
    match seen {
        Some(seen) if seen != adjustment.as_seen => Err(EngineError::Changed),
        _ => Ok(()),
    }
}

/// A correction that concerns no member.
fn plain(
    connection: &mut PgConnection,
    adjustment: &Adjustment,
    id: PostingId,
    at: (DateTime<Utc>, NaiveDate),
) -> Result<(), EngineError> {
    let (debit, credit) = adjustment.numbers;
    let amount = adjustment.amount;
    // Two corrections of one account are posted one after the other.
    lock(connection, &[debit, credit])?;
    if adjustment.kind == AdjustmentKind::WriteOff {
        enough(balance_of(connection, credit)?.max(Money::ZERO), amount)?;
    }
    let transfers = vec![EntryTransfer { debit, credit, amount, member: None, credit_member: None }];
    let entry = Entry { id, kind: adjustment.kind.posting(), member: None, transfers };
    Ok(entry::insert(connection, &entry, at)?)
}

fn apply(
    world: &mut World,
    book: &Book,
    adjustment: &Adjustment,
    (member, id): (MemberId, PostingId),
    now: DateTime<Utc>,
) -> Result<(), EngineError> {
    let (debit, credit) = adjustment.numbers;
    let amount = adjustment.amount;
    let today = date_in(book.zone, now);
    match (debit, credit) {
        (Account::AVAILABLE, _) => {
            let day = world.day_for(member, today);
            let lots = &mut world.member(member).lots;
            enough(lots.spendable(day), amount)?;
            lots.spend(amount, day);
        }
        (Account::PENDING, _) => take_pending(world, member, amount)?,
        (_, Account::DEBT) => enough(world.member(member).balance.debt, amount)?,
        (_, Account::PENDING | Account::AVAILABLE) => {
            let lot = given(book, adjustment, id, now);
            world.member(member).lots.0.push(lot);
        }
        _ => {}
    }
    world.open(id.0, adjustment.kind.posting(), member, None, now);
    world.transfer(debit, credit, amount);
    world.settle_debt(member, today);
    Ok(())
}

fn enough(available: Money, amount: Money) -> Result<(), EngineError> {
    if amount > available { Err(EngineError::Insufficient { available }) } else { Ok(()) }
}

/// From what is held, first what expires first.
fn take_pending(world: &mut World, member: MemberId, amount: Money) -> Result<(), EngineError> {
    let mut held: Vec<&mut Lot> =
        world.member(member).lots.0.iter_mut().filter(|lot| !lot.released).collect();
    enough(held.iter().map(|lot| lot.remaining).sum(), amount)?;
    held.sort_by_key(|lot| (lot.expires_on.is_none(), lot.expires_on, lot.key()));
    let mut left = amount;
    for lot in held {
        let part = lot.remaining.min(left);
        lot.remaining -= part;
        lot.change();
        left -= part;
    }
    Ok(())
}

/// The lot a member is given, under the posting's own identifier.
fn given(book: &Book, adjustment: &Adjustment, id: PostingId, now: DateTime<Utc>) -> Lot {
    let today = date_in(book.zone, now);
    let released = adjustment.numbers.1 == Account::AVAILABLE;
    Lot {
        purchase: PurchaseId(id.0),
        part: 0,
        amount: adjustment.amount,
        remaining: adjustment.amount,
        expired: Money::ZERO,
        available_at: if released { now } else { available_at(book.zone, today, HOLD_DAYS) },
        expires_on: adjustment.life_months.map(|months| expires_on(today, months)),
        released,
        state: LotState::New,
    }
}
