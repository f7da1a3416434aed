//! The reads before deciding: claims of receipts, locks on balances, and the caps, lots and purchases a batch needs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Date, Integer, Nullable, SmallInt, Text, Uuid as SqlUuid};
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::money::Money;

use super::card_limits::{self, CardPeriod};
use super::world::{BudgetUse, CapKey, Kept, Spending, Usage, World};
use crate::balances::Balance;
use crate::enrolments::{Standing, took_part};
use crate::fraud::tally;
use crate::ids::{PurchaseId, RuleId};
use crate::lots::{Lot, LotState};
use crate::purchases::PurchaseRecord;
use crate::rules::terms::CapPeriod;
use crate::schema::ledger::{lots, purchases, spendings};
use crate::statement::statement;
use crate::tiers::{TierTerms, progress};

statement! {
    /// Claims receipts that nobody has yet; beside each the book's revision, and whether any of the members has a claim in
    /// play. Given in the order of their key, so that two batches never wait for each other in a circle.
    ClaimReceipts {
        outlets: Vec<i32> => Array<Integer>,
        receipts: Vec<String> => Array<Text>,
        purchases: Vec<PurchaseId> => Array<SqlUuid>,
        members: Vec<MemberId> => Array<SqlUuid>,
    } -> (SqlUuid, BigInt, Bool),
    "WITH claimed AS (
        INSERT INTO ledger.receipts (outlet_id, receipt, purchase_id)
        SELECT * FROM unnest(?, ?, ?)
        ON CONFLICT (outlet_id, receipt) DO NOTHING
        RETURNING purchase_id)
    SELECT purchase_id, (SELECT revision FROM ledger.programme),
        EXISTS (SELECT FROM unnest(?) AS asked (member_id) CROSS JOIN LATERAL (SELECT FROM ledger.claims AS c
            WHERE c.member_id = asked.member_id AND c.in_play OFFSET 0) AS c)
    FROM claimed"
}

statement! {
    /// Gives up receipts that were claimed for purchases refused after all.
    ReleaseReceipts { purchases: Vec<PurchaseId> => Array<SqlUuid>, outlets: Vec<i32> => Array<Integer>,
        receipts: Vec<String> => Array<Text> },
    "DELETE FROM ledger.receipts AS r USING unnest(?, ?, ?) AS given (purchase_id, outlet_id, receipt)
     WHERE r.outlet_id = given.outlet_id AND r.receipt = given.receipt AND r.purchase_id = given.purchase_id"
}

statement! {
    /// Gives receipts to purchases that are there.
    RenameReceipts { outlets: Vec<i32> => Array<Integer>, receipts: Vec<String> => Array<Text>,
        purchases: Vec<PurchaseId> => Array<SqlUuid> },
    "UPDATE ledger.receipts AS r SET purchase_id = n.purchase_id
     FROM unnest(?, ?, ?) AS n (outlet_id, receipt, purchase_id)
     WHERE r.outlet_id = n.outlet_id AND r.receipt = n.receipt"
}

statement! {
    /// Which purchases these receipts are.
    FindReceipts { outlets: Vec<i32> => Array<Integer>, receipts: Vec<String> => Array<Text> }
        -> (Integer, Text, SqlUuid),
    // By the index row by row, whatever the planner thinks of a table that grew since the statement was prepared.
    "SELECT r.outlet_id, r.receipt, r.purchase_id FROM unnest(?, ?) AS given (outlet_id, receipt)
     CROSS JOIN LATERAL (SELECT * FROM ledger.receipts AS r
        WHERE r.outlet_id = given.outlet_id AND r.receipt = given.receipt OFFSET 0) AS r"
}

statement! {
    /// Locks members' rows in the order of their identifiers.
    LockBalances { members: Vec<MemberId> => Array<SqlUuid> }
        -> (SqlUuid, BigInt, BigInt, BigInt, BigInt, Text, Nullable<Text>, SmallInt),
    "SELECT member_id, pending, available, reserved, debt, standing, tier, claims FROM ledger.balances
     WHERE member_id = ANY(?) ORDER BY member_id FOR NO KEY UPDATE"
}

statement! {
    /// The same without locks, for quotes.
    ReadBalances { members: Vec<MemberId> => Array<SqlUuid> }
        -> (SqlUuid, BigInt, BigInt, BigInt, BigInt, Text, Nullable<Text>, SmallInt),
    "SELECT member_id, pending, available, reserved, debt, standing, tier, claims FROM ledger.balances
     WHERE member_id = ANY(?)"
}

statement! {
    /// What is used of members' caps; the members' rows are locked, nobody else changes them.
    ReadCaps {
        members: Vec<MemberId> => Array<SqlUuid>,
        rules: Vec<RuleId> => Array<SqlUuid>,
        spans: Vec<CapPeriod> => Array<Text>,
        periods: Vec<NaiveDate> => Array<Date>,
    } -> (SqlUuid, SqlUuid, Text, Date, BigInt),
    "SELECT c.member_id, c.rule_id, c.span, c.period, c.used
     FROM unnest(?, ?, ?, ?) AS asked (member_id, rule_id, span, period)
     CROSS JOIN LATERAL (SELECT * FROM ledger.cap_usage AS c
        WHERE (c.member_id, c.rule_id, c.span, c.period)
            = (asked.member_id, asked.rule_id, asked.span, asked.period) OFFSET 0) AS c"
}

statement! {
    /// Locks budgets in the order of their rules.
    LockBudgets { rules: Vec<RuleId> => Array<SqlUuid> } -> (SqlUuid, BigInt),
    "SELECT rule_id, used FROM ledger.budget_usage WHERE rule_id = ANY(?) ORDER BY rule_id FOR NO KEY UPDATE"
}

statement! {
    /// The same without locks.
    ReadBudgets { rules: Vec<RuleId> => Array<SqlUuid> } -> (SqlUuid, BigInt),
    "SELECT rule_id, used FROM ledger.budget_usage WHERE rule_id = ANY(?)"
}

statement! {
    /// Claims fiscal receipts; those whose purchase has them now are given back.
    ClaimFiscals {
        drives: Vec<String> => Array<Text>,
        documents: Vec<i64> => Array<BigInt>,
        purchases: Vec<PurchaseId> => Array<SqlUuid>,
    } -> (SqlUuid, Text, BigInt),
    "INSERT INTO ledger.fiscal_receipts (drive, document, purchase_id) SELECT * FROM unnest(?, ?, ?)
     ON CONFLICT (drive, document) DO NOTHING RETURNING purchase_id, drive, document"
}

statement! {
    /// Gives up fiscal receipts of purchases refused after all.
    ReleaseFiscals { purchases: Vec<PurchaseId> => Array<SqlUuid>, drives: Vec<String> => Array<Text>,
        documents: Vec<i64> => Array<BigInt> },
    "DELETE FROM ledger.fiscal_receipts AS f USING unnest(?, ?, ?) AS given (purchase_id, drive, document)
     WHERE f.drive = given.drive AND f.document = given.document AND f.purchase_id = given.purchase_id"
}

type BalanceRow = (MemberId, i64, i64, i64, i64, Standing, Option<String>, i16);

/// Whether what is read will be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    Write,
    Look,
}

/// When a budget is only read, and its row, which everybody wants, locked by the last statement. Otherwise it is locked
/// before deciding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BudgetNeed {
    /// While no more than this is used: what is left is more than all of this can take, and others besides.
    pub ample: Money,
    /// Once this is used: nothing is left that anybody could take.
    pub size: Money,
}

impl BudgetNeed {
    /// Always locked first.
    pub(crate) fn locked() -> Self {
        Self { ample: Money::from_kopecks(-1), size: Money::from_kopecks(i64::MAX) }
    }

    fn is_short(&self, used: Money) -> bool {
        used > self.ample && used < self.size
    }
}

/// What a batch needs to know beyond members' balances.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    pub members: HashSet<MemberId>,
    /// Members whose lots are spent from.
    pub spenders: HashSet<MemberId>,
    pub caps: HashSet<CapKey>,
    /// Budgets that may be taken from.
    pub budgets: HashMap<RuleId, BudgetNeed>,
    /// Days and months of family cards that have limits.
    pub cards: HashSet<CardPeriod>,
    /// Purchases whose own lots and redemption matter.
    pub purchases: HashSet<PurchaseId>,
    /// Whom the fraud watch asks about, and around which day; empty when nothing is watched.
    pub watched: HashSet<(Uuid, NaiveDate)>,
    /// Whom it counts for, on which day: rows that purchases of several members add to.
    pub counted: HashSet<(Uuid, NaiveDate)>,
    /// Over how many days it counts refunds.
    pub watched_days: i32,
    /// Of purchases told late: whose standing when.
    pub words: HashSet<(MemberId, DateTime<Utc>)>,
    /// The tiers that members may reach, and the day that decides; where tiers are set.
    pub tiers: Option<(Arc<TierTerms>, NaiveDate)>,
}

/// Reads what a batch needs, members first: their locks guard all that is theirs.
pub(crate) fn fill(
    connection: &mut PgConnection,
    world: &mut World,
    needs: &Needs,
    lock: Lock,
) -> QueryResult<()> {
    balances(connection, world, needs, lock)?;
    caps(connection, world, needs)?;
    budgets(connection, world, needs, lock)?;
    if let Some((terms, today)) = &needs.tiers {
        for (id, towards) in progress::read(connection, terms, &needs.members, *today)? {
            world.member(id).progress = towards;
        }
    }
    card_limits::read(connection, world, needs.cards.iter().copied())?;
    if !needs.words.is_empty() {
        let asked: Vec<(MemberId, DateTime<Utc>)> = needs.words.iter().copied().collect();
        let words = took_part(connection, &asked)?;
        world.words.extend(asked.into_iter().zip(words));
    }
    if !needs.purchases.is_empty() {
        redemptions(connection, world, &needs.purchases)?;
    }
    lots_of(connection, world, needs)?;
    if needs.watched.is_empty() {
        return Ok(());
    }
    world.tallies.read(connection, needs.watched.iter().copied().collect(), needs.watched_days)
}

fn balances(connection: &mut PgConnection, world: &mut World, needs: &Needs, lock: Lock) -> QueryResult<()> {
    let members: Vec<MemberId> = needs.members.iter().copied().collect();
    let rows: Vec<BalanceRow> = match lock {
        Lock::Write => LockBalances { members }.load(connection)?,
        Lock::Look => ReadBalances { members }.load(connection)?,
    };
    for (id, pending, available, reserved, debt, standing, tier, claims) in rows {
        let member = world.member(id);
        member.balance = Balance {
            pending: Money::from_kopecks(pending),
            available: Money::from_kopecks(available),
            reserved: Money::from_kopecks(reserved),
            debt: Money::from_kopecks(debt),
        };
        member.standing = Some(standing);
        member.tier = tier;
        member.claims = claims;
    }
    Ok(())
}

fn caps(connection: &mut PgConnection, world: &mut World, needs: &Needs) -> QueryResult<()> {
    if needs.caps.is_empty() {
        return Ok(());
    }
    let mut statement = ReadCaps::default();
    for key in &needs.caps {
        statement.members.push(key.member);
        statement.rules.push(key.rule);
        statement.spans.push(key.span);
        statement.periods.push(key.period);
    }
    let rows: Vec<(MemberId, RuleId, CapPeriod, NaiveDate, Money)> = statement.load(connection)?;
    for (member, rule, span, period, used) in rows {
        world.caps.insert(CapKey { member, rule, span, period }, Usage { used, changed: false });
    }
    Ok(())
}

/// Locks in one order, whoever comes with which: what the fraud watch counts, then budgets by their rules. Who locks a
/// budget here that is running short therefore locks the counters first, and the budgets that come before it.
fn budgets(connection: &mut PgConnection, world: &mut World, needs: &Needs, lock: Lock) -> QueryResult<()> {
    if needs.budgets.is_empty() {
        return Ok(());
    }
    let rules = needs.budgets.keys().copied().collect();
    let used: Vec<(RuleId, Money)> = ReadBudgets { rules }.load(connection)?;
    let is_short =
        |(rule, used): &&(RuleId, Money)| needs.budgets.get(rule).is_some_and(|b| b.is_short(*used));
    let last_short = used.iter().filter(is_short).map(|(rule, _)| *rule).max();
    world.budgets.extend(used.into_iter().map(|(rule, used)| (rule, BudgetUse::of(used))));
    let Some(last) = last_short.filter(|_| lock == Lock::Write) else { return Ok(()) };
    tally::lock(connection, needs.counted.iter().copied().collect())?;
    let rules = needs.budgets.keys().copied().filter(|rule| *rule <= last).collect();
    let used: Vec<(RuleId, Money)> = LockBudgets { rules }.load(connection)?;
    world.budgets.extend(used.into_iter().map(|(rule, used)| (rule, BudgetUse::of(used))));
    Ok(())
}

type SpendingRow = (MemberId, PurchaseId, PurchaseId, i16, i16, Money, Money);

fn redemptions(
    connection: &mut PgConnection,
    world: &mut World,
    of: &HashSet<PurchaseId>,
) -> QueryResult<()> {
    let rows: Vec<SpendingRow> = spendings::table
        .filter(spendings::purchase_id.eq_any(of.iter().copied().collect::<Vec<_>>()))
        .order((spendings::purchase_id, spendings::ordinal))
        .select((
            spendings::member_id,
            spendings::purchase_id,
            spendings::lot_purchase_id,
            spendings::lot_part,
            spendings::ordinal,
            spendings::amount,
            spendings::returned,
        ))
        .load(connection)?;
    for (member, purchase, lot_purchase, lot_part, ordinal, amount, returned) in rows {
        world.spendings.push(Spending {
            purchase,
            ordinal,
            member,
            lot: (lot_purchase, lot_part),
            amount,
            returned,
            fresh: false,
            changed: false,
        });
    }
    Ok(())
}

type LotRow = (
    MemberId,
    PurchaseId,
    i16,
    Money,
    Money,
    Money,
    chrono::DateTime<chrono::Utc>,
    Option<NaiveDate>,
    bool,
    bool,
);

/// The lots that can be spent, those of the purchases asked for, and those their redemptions came from.
fn lots_of(connection: &mut PgConnection, world: &mut World, needs: &Needs) -> QueryResult<()> {
    if needs.spenders.is_empty() {
        return Ok(());
    }
    let mut named: HashSet<PurchaseId> = needs.purchases.clone();
    named.extend(world.spendings.iter().map(|spending| spending.lot.0));
    let rows: Vec<LotRow> = lots::table
        .filter(lots::member_id.eq_any(needs.spenders.iter().copied().collect::<Vec<_>>()))
        .filter(lots::remaining.gt(0).or(lots::purchase_id.eq_any(named.into_iter().collect::<Vec<_>>())))
        .select((
            lots::member_id,
            lots::purchase_id,
            lots::part,
            lots::amount,
            lots::remaining,
            lots::expired,
            lots::available_at,
            lots::expires_on,
            lots::released,
            lots::held,
        ))
        .load(connection)?;
    for (member, purchase, part, amount, remaining, expired, available_at, expires_on, released, held) in rows
    {
        world.member(member).lots.0.push(Lot {
            purchase,
            part,
            amount,
            remaining,
            expired,
            available_at,
            expires_on,
            released,
            held,
            state: LotState::Stored,
        });
    }
    Ok(())
}

/// Reads purchases into the world; with a lock when they will be changed.
pub(crate) fn purchases_by_id(
    connection: &mut PgConnection,
    world: &mut World,
    ids: &[PurchaseId],
    lock: Lock,
) -> QueryResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let query = purchases::table
        .filter(purchases::id.eq_any(ids.to_vec()))
        .order(purchases::id)
        .select(PurchaseRecord::as_select());
    let records: Vec<PurchaseRecord> = match lock {
        Lock::Write => query.for_no_key_update().load(connection)?,
        Lock::Look => query.load(connection)?,
    };
    for record in records {
        world.counted.insert(record.id, progress::counted(&record));
        world.purchases.insert(record.id, Kept { record, fresh: false, changed: false });
    }
    Ok(())
}

/// Which purchases these receipts are, where they are known.
pub(crate) fn receipts(
    connection: &mut PgConnection,
    keys: &[(i32, String)],
) -> QueryResult<HashMap<(i32, String), PurchaseId>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let (outlets, receipts) = keys.iter().cloned().unzip();
    let rows: Vec<(i32, String, PurchaseId)> = FindReceipts { outlets, receipts }.load(connection)?;
    Ok(rows.into_iter().map(|(outlet, receipt, id)| ((outlet, receipt), id)).collect())
}
