//! Two members found to be one: the four balances and the lots with their dates move in one posting, debt is paid at
//! once, used cap room adds up. Purchases, redemptions and what leads to a tier follow, so that whatever happens to them
//! later happens to the survivor; what was booked before stays under the name it was booked by.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Uuid as SqlUuid};
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::money::Money;
use shared_kernel::outbox;

use crate::balances::Balance;
use crate::claims;
use crate::days::date_in;
use crate::enrolments::{self, Enrolment, Standing};
use crate::error::EngineError;
use crate::ids::{Mint, PostingId};
use crate::ledger::account::Account;
use crate::posting::entry::{self, Entry, EntryTransfer};
use crate::posting::names;
use crate::posting::read::{Lock, Needs, fill};
use crate::posting::world::{PostingKind, World};
use crate::posting::write;
use crate::rules::BookCache;
use crate::rules::book::Actor;
use crate::schema::ledger::{balances, enrolments as words, merged};
use crate::standing::changed;

/// What a merger moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merger {
    /// The balances that moved.
    pub moved: Balance,
    /// The survivor's afterwards.
    pub after: Balance,
    /// Debt paid at once out of what is available.
    pub debt_paid: Money,
    /// How many lots moved.
    pub lots: usize,
    /// How many purchases moved.
    pub purchases: usize,
    /// How the survivor stands now; `None` when neither ever took part.
    pub standing: Option<Standing>,
    /// The survivor's tier now.
    pub tier: Option<String>,
}

/// The member in whose account a member's money is: their own, unless merged.
///
/// # Errors
/// The database's.
pub fn survivor(connection: &mut PgConnection, member: MemberId) -> QueryResult<MemberId> {
    let into: Option<MemberId> =
        merged::table.find(member).select(merged::into_id).first(connection).optional()?;
    Ok(into.unwrap_or(member))
}

/// The members whose postings are a member's: their own, and those of everybody merged into them.
///
/// # Errors
/// The database's.
pub fn names_of(connection: &mut PgConnection, member: MemberId) -> QueryResult<Vec<MemberId>> {
    let mut names: Vec<MemberId> =
        merged::table.filter(merged::into_id.eq(member)).select(merged::member_id).load(connection)?;
    names.push(member);
    Ok(names)
}

/// Merges one member into another, within the caller's transaction.
///
/// # Errors
/// [`EngineError::State`] when either was merged before, or both are one.
pub fn merge(
    connection: &mut PgConnection,
    books: &BookCache,
    (from, into): (MemberId, MemberId),
    by: Actor,
    now: DateTime<Utc>,
) -> Result<Merger, EngineError> {
    if from == into {
        return Err(EngineError::State("a member can't be merged into themselves"));
    }
    names::hold_alone(connection, (from, into))?;
    let before = locked(connection, (from, into))?;
    let follow = follow(connection, (from, into))?;
    let book = books.current(connection)?;
    let today = date_in(book.zone, now);
    let mut world = World::default();
    let (members, spenders) = (HashSet::from([from, into]), HashSet::from([into]));
    let tiers = book.tiers.clone().map(|terms| (terms, today));
    fill(connection, &mut world, &Needs { members, spenders, tiers, ..Needs::default() }, Lock::Write)?;
    let frozen = [before.from, before.into].into_iter().flatten().any(Standing::is_frozen);
    let survivor = world.member(into);
    survivor.standing = survivor.standing.map(|standing| standing.frozen(frozen));
    let moved = world.member(from).balance;
    let id = Mint::at(now).next();
    let transfers = transfers(&mut world, (from, into), (id, now), today);
    if let Some(terms) = &book.tiers {
        let survivor = world.member(into);
        let deserved = terms.deserved(survivor.progress);
        let held = terms.held(survivor.tier.as_deref());
        survivor.tier = if terms.is_above(deserved, held) { deserved } else { held }.map(str::to_owned);
    }
    let debt_paid = transfers.iter().filter(|t| t.credit == Account::DEBT && t.debit == Account::AVAILABLE);
    let debt_paid = debt_paid.map(|t| t.amount).sum();
    let posting = Some(PostingId(id)).filter(|_| !transfers.is_empty());
    if posting.is_some() {
        let entry = Entry { id: PostingId(id), kind: PostingKind::Merge, member: Some(into), transfers };
        entry::insert(connection, &entry, (now, today))?;
        write::write_members(connection, &world)?;
    }
    let tier = world.member(into).tier.clone();
    let standing = stand(connection, (from, into), (&before, &tier), now)?;
    diesel::update(merged::table.filter(merged::into_id.eq(from)))
        .set(merged::into_id.eq(into))
        .execute(connection)?;
    diesel::insert_into(merged::table)
        .values((
            merged::member_id.eq(from),
            merged::into_id.eq(into),
            merged::posting_id.eq(posting),
            merged::merged_by.eq(by),
            merged::merged_at.eq(now),
        ))
        .execute(connection)?;
    outbox::append(connection, &[changed(into, now)])?;
    let after = world.member(into).balance;
    let (lots, purchases) = follow;
    Ok(Merger { moved, after, debt_paid, lots, purchases, standing, tier })
}

/// How both stood before.
struct Before {
    from: Option<Standing>,
    into: Option<Standing>,
}

/// Locks both rows in order; makes those that are missing, so that who buys meanwhile finds the merger.
fn locked(connection: &mut PgConnection, (from, into): (MemberId, MemberId)) -> Result<Before, EngineError> {
    let rows = |connection: &mut PgConnection| -> QueryResult<Vec<(MemberId, Standing)>> {
        balances::table
            .filter(balances::member_id.eq_any([from, into]))
            .order(balances::member_id)
            .select((balances::member_id, balances::standing))
            .for_no_key_update()
            .load(connection)
    };
    let found = rows(connection)?;
    let standing = |member| found.iter().find(|(id, _)| *id == member).map(|(_, standing)| *standing);
    let before = Before { from: standing(from), into: standing(into) };
    if before.from == Some(Standing::Merged) || before.into == Some(Standing::Merged) {
        return Err(EngineError::State("one of the two was merged before"));
    }
    let missing = if before.from.is_some() { vec![from, into] } else { vec![from] };
    diesel::sql_query(
        "INSERT INTO ledger.balances (member_id, standing)
         SELECT member_id, 'left' FROM unnest($1) AS missing (member_id) ORDER BY member_id
         ON CONFLICT (member_id) DO NOTHING",
    )
    .bind::<Array<SqlUuid>, _>(missing)
    .execute(connection)?;
    rows(connection)?;
    Ok(before)
}

/// Each row that names the one names the other from now on; how many lots and purchases.
fn follow(connection: &mut PgConnection, (from, into): (MemberId, MemberId)) -> QueryResult<(usize, usize)> {
    let names = names_of(connection, from)?;
    let mut run = |sql: &str| {
        diesel::sql_query(sql).bind::<SqlUuid, _>(from).bind::<SqlUuid, _>(into).execute(connection)
    };
    let lots = run("UPDATE ledger.lots SET member_id = $2 WHERE member_id = $1")?;
    run("INSERT INTO ledger.cap_usage AS c (member_id, rule_id, span, period, used)
         SELECT $2, rule_id, span, period, used FROM ledger.cap_usage WHERE member_id = $1
         ON CONFLICT (member_id, rule_id, span, period) DO UPDATE SET used = c.used + excluded.used")?;
    run("DELETE FROM ledger.cap_usage WHERE member_id = $1 AND $2 IS NOT NULL")?;
    run("INSERT INTO ledger.tier_progress AS p (member_id, month, purchases, cashback)
         SELECT $2, month, purchases, cashback FROM ledger.tier_progress WHERE member_id = $1
         ON CONFLICT (member_id, month) DO UPDATE
            SET purchases = p.purchases + excluded.purchases, cashback = p.cashback + excluded.cashback")?;
    run("DELETE FROM ledger.tier_progress WHERE member_id = $1 AND $2 IS NOT NULL")?;
    run("UPDATE ledger.card_usage SET member_id = $2 WHERE member_id = $1")?;
    run("UPDATE ledger.adjustments SET member_id = $2 WHERE member_id = $1 AND status = 'proposed'")?;
    let purchases = diesel::sql_query(
        "WITH theirs AS (
            UPDATE ledger.purchases SET member_id = $2 WHERE member_id = $1 AND id IN (
                SELECT purchase_id FROM ledger.postings
                WHERE member_id = ANY($3) AND kind IN ('purchase', 'authorise'))
            RETURNING id
         ), spent AS (
            UPDATE ledger.spendings AS s SET member_id = $2 FROM theirs WHERE s.purchase_id = theirs.id
         ), refunded AS (
            UPDATE ledger.refunds AS r SET member_id = $2 FROM theirs WHERE r.purchase_id = theirs.id
         )
         SELECT id FROM theirs",
    )
    .bind::<SqlUuid, _>(from)
    .bind::<SqlUuid, _>(into)
    .bind::<Array<SqlUuid>, _>(names)
    .execute(connection)?;
    claims::follow(connection, from, into)?;
    Ok((lots, purchases))
}

/// Moves each of the one's accounts to the same of the other, and pays debt at once.
fn transfers(
    world: &mut World,
    (from, into): (MemberId, MemberId),
    (id, now): (Uuid, DateTime<Utc>),
    today: chrono::NaiveDate,
) -> Vec<EntryTransfer> {
    let moved = std::mem::take(&mut world.member(from).balance);
    world.member(from).changed = true;
    let survivor = world.member(into);
    survivor.changed = true;
    survivor.balance.pending += moved.pending;
    survivor.balance.available += moved.available;
    survivor.balance.reserved += moved.reserved;
    survivor.balance.debt += moved.debt;
    let over = |account, amount, (debited, credited)| EntryTransfer {
        debit: account,
        credit: account,
        amount,
        member: Some(debited),
        credit_member: Some(credited),
    };
    let mut transfers = vec![
        over(Account::PENDING, moved.pending, (from, into)),
        over(Account::AVAILABLE, moved.available, (from, into)),
        over(Account::RESERVED, moved.reserved, (from, into)),
        // Debt stands on the debit side: the survivor's is debited.
        over(Account::DEBT, moved.debt, (into, from)),
    ];
    transfers.retain(|transfer| transfer.amount.is_positive());
    world.open(id, PostingKind::Merge, into, None, now);
    world.settle_debt(into, today);
    let settled = std::mem::take(&mut world.postings).into_iter().flat_map(|posting| posting.transfers);
    transfers.extend(settled.map(|transfer| EntryTransfer {
        debit: transfer.debit,
        credit: transfer.credit,
        amount: transfer.amount,
        member: Some(into),
        credit_member: None,
    }));
    transfers
}

/// How the survivor stands: frozen when either was, taking part when that is the word of the two that counts.
fn stand(
    connection: &mut PgConnection,
    (from, into): (MemberId, MemberId),
    (before, tier): (&Before, &Option<String>),
    now: DateTime<Utc>,
) -> QueryResult<Option<Standing>> {
    diesel::update(balances::table.find(from))
        .set((balances::standing.eq(Standing::Merged), balances::tier.eq(None::<String>)))
        .execute(connection)?;
    if before.from.is_none() && before.into.is_none() {
        return Ok(None);
    }
    let theirs = enrolments::state(connection, from)?;
    let own = enrolments::state(connection, into)?;
    let last = Enrolment::of_two(theirs, own.clone());
    let enrolled = last.as_ref().is_some_and(|word| word.enrolled);
    let frozen = [before.from, before.into].into_iter().flatten().any(Standing::is_frozen);
    let standing = if enrolled { Standing::Enrolled } else { Standing::Left }.frozen(frozen);
    diesel::update(balances::table.find(into))
        .set((balances::standing.eq(standing), balances::tier.eq(tier)))
        .execute(connection)?;
    if let Some(word) = last.filter(|word| own.as_ref().map(|own| own.enrolled) != Some(word.enrolled)) {
        diesel::insert_into(words::table)
            .values((
                words::member_id.eq(into),
                words::kind.eq(if word.enrolled { "enrolled" } else { "left" }),
                words::offer_version.eq(word.offer_version),
                words::channel.eq("merge"),
                words::at.eq(now),
            ))
            .execute(connection)?;
    }
    diesel::sql_query(
        "UPDATE ledger.freezes AS f SET
            member_id = CASE WHEN own.id IS NULL THEN $2 ELSE f.member_id END,
            end_reason = CASE WHEN own.id IS NULL THEN NULL ELSE 'merged' END,
            ended_by = CASE WHEN own.id IS NULL THEN NULL ELSE own.frozen_by END,
            ended_at = CASE WHEN own.id IS NULL THEN NULL ELSE $3 END
         FROM (SELECT 1) AS one LEFT JOIN ledger.freezes AS own ON own.member_id = $2 AND own.ended_at IS NULL
         WHERE f.member_id = $1 AND f.ended_at IS NULL",
    )
    .bind::<SqlUuid, _>(from)
    .bind::<SqlUuid, _>(into)
    .bind::<diesel::sql_types::Timestamptz, _>(now)
    .execute(connection)?;
    Ok(Some(standing))
}
