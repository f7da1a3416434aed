//! Donating: a payout that stays inside. What a member can spend goes to the union's aid fund at once.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;
use shared_kernel::outbox;

use crate::days::date_in;
use crate::enrolments::Standing;
use crate::error::{EngineError, Invalid};
use crate::ids::{Mint, PostingId};
use crate::ledger::account::Account;
use crate::posting::read::{Lock, Needs, fill};
use crate::posting::world::{PostingKind, World};
use crate::posting::write;
use crate::rules::BookCache;
use crate::standing::changed;

/// The least a payout may be, but for who left.
pub const LEAST_KOPECKS: i64 = 10_000;

/// Gives to the aid fund, within the caller's transaction. The posting's identifier is the donation's.
///
/// # Errors
/// [`EngineError::Invalid`] for less than the least amount, [`EngineError::Insufficient`], [`EngineError::Frozen`];
/// [`EngineError::State`] for one who has no account.
pub fn donate(
    connection: &mut PgConnection,
    books: &BookCache,
    (member, amount): (MemberId, Money),
    now: DateTime<Utc>,
) -> Result<PostingId, EngineError> {
    let book = books.current(connection)?;
    let today = date_in(book.zone, now);
    let mut world = World::default();
    let (members, spenders) = (HashSet::from([member]), HashSet::from([member]));
    fill(connection, &mut world, &Needs { members, spenders, ..Needs::default() }, Lock::Write)?;
    let giver = world.member(member);
    let least = match giver.standing {
        None => return Err(EngineError::State("the member never took part in the programme")),
        Some(Standing::Merged) => return Err(EngineError::State("the member was merged into another")),
        Some(Standing::Frozen | Standing::FrozenLeft) => return Err(EngineError::Frozen),
        Some(Standing::Left) => Money::from_kopecks(1),
        Some(Standing::Enrolled) => Money::from_kopecks(LEAST_KOPECKS),
    };
    if amount < least {
        return Err(EngineError::Invalid(vec![Invalid::new("/amount", format!("must be at least {least}"))]));
    }
    let available = giver.lots.spendable(today);
    if amount > available {
        return Err(EngineError::Insufficient { available });
    }
    giver.lots.spend(amount, today);
    let id = Mint::at(now).next();
    world.open(id, PostingKind::Donation, member, None, now);
    world.transfer(Account::AVAILABLE, Account::SOLIDARITY, amount);
    write::write(connection, &world, &book, now)?;
    outbox::append(connection, &[changed(member, now)])?;
    Ok(PostingId(id))
}
