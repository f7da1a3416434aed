//! Writes what deciding left in the world: one statement for what every purchase has, one each for what only some
//! have, each row once. What many want comes late: fraud counters, then budgets with the postings.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{
    Array, BigInt, Bool, Date, Integer, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use serde_json::Value;
use shared_kernel::ids::{CardId, MemberId, Uuid};
use shared_kernel::money::Money;
use shared_kernel::outbox;

use super::card_limits;
use super::world::World;
use crate::days::date_in;
use crate::fraud::cases;
use crate::ids::{PostingId, PurchaseId, RuleId};
use crate::lots::{Lot, LotState};
use crate::purchases::{Judgement, PurchaseRecord};
use crate::rules::Book;
use crate::rules::terms::CapPeriod;
use crate::statement::statement;
use crate::tiers::progress;

type Texts = Vec<String>;
type Amounts = Vec<i64>;

statement! {
    /// What every purchase has but its postings, in one round trip.
    WriteBatch {
        ids: Vec<PurchaseId> => Array<SqlUuid>, members: Vec<MemberId> => Array<SqlUuid>,
        outlets: Vec<i32> => Array<Integer>, receipts: Texts => Array<Text>,
        cards: Vec<Option<CardId>> => Array<Nullable<SqlUuid>>, sources: Vec<&'static str> => Array<Text>,
        posted_by: Vec<Uuid> => Array<SqlUuid>, occurred: Vec<DateTime<Utc>> => Array<Timestamptz>,
        booked: Vec<DateTime<Utc>> => Array<Timestamptz>, statuses: Vec<&'static str> => Array<Text>,
        captured: Vec<bool> => Array<Bool>, amounts: Amounts => Array<BigInt>,
        redeemed: Amounts => Array<BigInt>, commissions: Amounts => Array<BigInt>,
        cashback: Amounts => Array<BigInt>, rates: Amounts => Array<BigInt>,
        available_at: Vec<Option<DateTime<Utc>>> => Array<Nullable<Timestamptz>>,
        expires_on: Vec<Option<NaiveDate>> => Array<Nullable<Date>>, terms: Vec<Judgement> => Array<Jsonb>,
        lines: Vec<Option<Value>> => Array<Nullable<Jsonb>>,
        fiscals: Vec<Option<String>> => Array<Nullable<Text>>,
        transfer_postings: Vec<PostingId> => Array<SqlUuid>, transfer_ordinals: Vec<i16> => Array<SmallInt>,
        debits: Vec<i32> => Array<Integer>, credits: Vec<i32> => Array<Integer>,
        transfer_amounts: Amounts => Array<BigInt>,
        transfer_members: Vec<Option<MemberId>> => Array<Nullable<SqlUuid>>,
        lot_members: Vec<MemberId> => Array<SqlUuid>, lot_purchases: Vec<PurchaseId> => Array<SqlUuid>,
        lot_parts: Vec<i16> => Array<SmallInt>, lot_amounts: Amounts => Array<BigInt>,
        lot_remaining: Amounts => Array<BigInt>, lot_expired: Amounts => Array<BigInt>,
        lot_available_at: Vec<DateTime<Utc>> => Array<Timestamptz>,
        lot_expires_on: Vec<Option<NaiveDate>> => Array<Nullable<Date>>,
        lot_released: Vec<bool> => Array<Bool>, lot_held: Vec<bool> => Array<Bool>,
        balance_members: Vec<MemberId> => Array<SqlUuid>, pending: Amounts => Array<BigInt>,
        available: Amounts => Array<BigInt>, reserved: Amounts => Array<BigInt>, debt: Amounts => Array<BigInt>,
    },
    include_str!("write.sql")
}

statement! {
    /// What refunds, captures and voids leave of purchases.
    UpdatePurchases {
        ids: Vec<PurchaseId> => Array<SqlUuid>, statuses: Vec<&'static str> => Array<Text>,
        redeemed_left: Amounts => Array<BigInt>, commissions: Amounts => Array<BigInt>,
        commission_left: Amounts => Array<BigInt>, cashback: Amounts => Array<BigInt>,
        cashback_left: Amounts => Array<BigInt>, refunded: Amounts => Array<BigInt>,
        by_amount: Amounts => Array<BigInt>,
        available_at: Vec<Option<DateTime<Utc>>> => Array<Nullable<Timestamptz>>,
        expires_on: Vec<Option<NaiveDate>> => Array<Nullable<Date>>, terms: Vec<Judgement> => Array<Jsonb>,
        kept: Vec<Option<Value>> => Array<Nullable<Jsonb>>,
    },
    "UPDATE ledger.purchases AS p SET status = n.status, redeemed_left = n.redeemed_left, commission = n.commission,
        commission_left = n.commission_left, cashback = n.cashback, cashback_left = n.cashback_left,
        refunded = n.refunded, refunded_by_amount = n.by_amount, available_at = n.available_at,
        expires_on = n.expires_on, terms = n.terms, kept = n.kept
     FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS n (id, status, redeemed_left, commission, commission_left,
        cashback, cashback_left, refunded, by_amount, available_at, expires_on, terms, kept)
     WHERE p.id = n.id"
}

statement! {
    /// What spending, refunds and expiry leave of lots.
    UpdateLots {
        members: Vec<MemberId> => Array<SqlUuid>, purchases: Vec<PurchaseId> => Array<SqlUuid>,
        parts: Vec<i16> => Array<SmallInt>, remaining: Amounts => Array<BigInt>,
        expired: Amounts => Array<BigInt>, expires_on: Vec<Option<NaiveDate>> => Array<Nullable<Date>>,
        released: Vec<bool> => Array<Bool>, held: Vec<bool> => Array<Bool>,
    },
    "UPDATE ledger.lots AS l SET remaining = n.remaining, expired = n.expired, expires_on = n.expires_on,
        released = n.released, held = n.held
     FROM unnest(?, ?, ?, ?, ?, ?, ?, ?)
        AS n (member_id, purchase_id, part, remaining, expired, expires_on, released, held)
     WHERE l.member_id = n.member_id AND l.purchase_id = n.purchase_id AND l.part = n.part"
}

statement! {
    /// Which lots redemptions took from.
    InsertSpendings {
        members: Vec<MemberId> => Array<SqlUuid>, purchases: Vec<PurchaseId> => Array<SqlUuid>,
        lot_purchases: Vec<PurchaseId> => Array<SqlUuid>, lot_parts: Vec<i16> => Array<SmallInt>,
        ordinals: Vec<i16> => Array<SmallInt>, amounts: Amounts => Array<BigInt>,
        returned: Amounts => Array<BigInt>,
    },
    "INSERT INTO ledger.spendings (member_id, purchase_id, lot_purchase_id, lot_part, ordinal, amount, returned)
     SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?)"
}

statement! {
    /// What refunds gave back to them.
    UpdateSpendings {
        purchases: Vec<PurchaseId> => Array<SqlUuid>, ordinals: Vec<i16> => Array<SmallInt>,
        returned: Amounts => Array<BigInt>,
    },
    "UPDATE ledger.spendings AS s SET returned = n.returned
     FROM unnest(?, ?, ?) AS n (purchase_id, ordinal, returned)
     WHERE s.purchase_id = n.purchase_id AND s.ordinal = n.ordinal"
}

statement! {
    /// Refunds as they were asked for.
    InsertRefunds {
        purchases: Vec<PurchaseId> => Array<SqlUuid>, references: Texts => Array<Text>,
        members: Vec<MemberId> => Array<SqlUuid>, postings: Vec<PostingId> => Array<SqlUuid>,
        amounts: Amounts => Array<BigInt>, lines: Vec<Option<Value>> => Array<Nullable<Jsonb>>,
        fiscals: Vec<Option<String>> => Array<Nullable<Text>>,
        occurred: Vec<DateTime<Utc>> => Array<Timestamptz>, booked: Vec<DateTime<Utc>> => Array<Timestamptz>,
    },
    "INSERT INTO ledger.refunds (purchase_id, reference, member_id, posting_id, amount, lines, fiscal, occurred_at,
        booked_at) SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?)"
}

statement! {
    /// Members' caps, under the members' locks.
    WriteCaps {
        members: Vec<MemberId> => Array<SqlUuid>, rules: Vec<RuleId> => Array<SqlUuid>,
        spans: Vec<CapPeriod> => Array<Text>, periods: Vec<NaiveDate> => Array<Date>,
        used: Amounts => Array<BigInt>,
    },
    "INSERT INTO ledger.cap_usage (member_id, rule_id, span, period, used) SELECT * FROM unnest(?, ?, ?, ?, ?)
     ON CONFLICT (member_id, rule_id, span, period) DO UPDATE SET used = excluded.used"
}

statement! {
    /// What was taken of budgets, their rows locked in the order of rules, and under their locks the postings, which so get
    /// their place in the order of posting. What is used of each budget then.
    WritePostings {
        rules: Vec<RuleId> => Array<SqlUuid>, added: Amounts => Array<BigInt>,
        booked_at: Option<DateTime<Utc>> => Nullable<Timestamptz>, booked_on: Option<NaiveDate> => Nullable<Date>,
        ids: Vec<PostingId> => Array<SqlUuid>, kinds: Vec<&'static str> => Array<Text>,
        members: Vec<MemberId> => Array<SqlUuid>, purchases: Vec<Option<PurchaseId>> => Array<Nullable<SqlUuid>>,
        occurred: Vec<DateTime<Utc>> => Array<Timestamptz>,
    } -> (SqlUuid, BigInt),
    "WITH taken AS (
        SELECT * FROM unnest(?, ?) AS n (rule_id, added)
     ), locked AS MATERIALIZED (
        SELECT rule_id FROM ledger.budget_usage WHERE rule_id IN (SELECT rule_id FROM taken)
        ORDER BY rule_id FOR NO KEY UPDATE
     ), used AS (
        UPDATE ledger.budget_usage AS b SET used = b.used + taken.added
        FROM locked JOIN taken USING (rule_id) WHERE b.rule_id = locked.rule_id
        RETURNING b.rule_id, b.used
     ), posted AS (
        INSERT INTO ledger.postings (id, kind, member_id, purchase_id, occurred_at, booked_at, booked_on)
        SELECT id, kind, member_id, purchase_id, occurred_at, ?, ?
        FROM (SELECT count(*) FROM used) AS first
        CROSS JOIN unnest(?, ?, ?, ?, ?) AS n (id, kind, member_id, purchase_id, occurred_at)
     )
     SELECT rule_id, used FROM used"
}

/// Writes everything that changed.
pub(crate) fn write(
    connection: &mut PgConnection,
    world: &World,
    book: &Book,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    if world.postings.is_empty() && world.purchases.values().all(|kept| !kept.fresh && !kept.changed) {
        return Ok(());
    }
    updated_lots(connection, world)?;
    spendings(connection, world)?;
    refunds(connection, world, now)?;
    updated_purchases(connection, world)?;
    caps(connection, world)?;
    cases::open(connection, &world.cases, now)?;
    progress::write(connection, world, book)?;
    card_limits::write(connection, world)?;
    outbox::append(connection, &world.events)?;
    let mut batch = WriteBatch::default();
    for id in &world.posted {
        if let Some(kept) = world.purchases.get(id) {
            batch.purchase(&kept.record);
        }
    }
    batch.transfers(world);
    batch.lots(world);
    batch.balances(world);
    batch.execute(connection)?;
    world.tallies.write(connection)?;
    postings(connection, world, now, date_in(book.zone, now))
}

/// Writes members' lots and balances alone, where the postings are written otherwise.
pub(crate) fn write_members(connection: &mut PgConnection, world: &World) -> QueryResult<()> {
    updated_lots(connection, world)?;
    let mut batch = WriteBatch::default();
    batch.lots(world);
    batch.balances(world);
    batch.execute(connection)?;
    Ok(())
}

impl WriteBatch {
    fn purchase(&mut self, record: &PurchaseRecord) {
        self.ids.push(record.id);
        self.members.push(record.member_id);
        self.outlets.push(record.outlet_id);
        self.receipts.push(record.receipt.clone());
        self.cards.push(record.card_id);
        self.sources.push(record.source.as_str());
        self.posted_by.push(record.posted_by);
        self.occurred.push(record.occurred_at);
        self.booked.push(record.booked_at);
        self.statuses.push(record.status.as_str());
        self.captured.push(record.captured);
        self.amounts.push(record.amount.kopecks());
        self.redeemed.push(record.redeemed.kopecks());
        self.commissions.push(record.commission.kopecks());
        self.cashback.push(record.cashback.kopecks());
        self.rates.push(record.commission_rate.millionths());
        self.available_at.push(record.available_at);
        self.expires_on.push(record.expires_on);
        self.terms.push(record.judgement.clone());
        self.lines.push(record.lines.clone());
        self.fiscals.push(record.fiscal.clone());
    }

    fn transfers(&mut self, world: &World) {
        for posting in &world.postings {
            for (ordinal, transfer) in (0i16..).zip(&posting.transfers) {
                let whose = transfer.debit.is_members() || transfer.credit.is_members();
                self.transfer_postings.push(posting.id);
                self.transfer_ordinals.push(ordinal);
                self.debits.push(transfer.debit.0);
                self.credits.push(transfer.credit.0);
                self.transfer_amounts.push(transfer.amount.kopecks());
                self.transfer_members.push(whose.then_some(posting.member));
            }
        }
    }

    fn lots(&mut self, world: &World) {
        for (member, lot) in lots_in(world, LotState::New) {
            self.lot_members.push(member);
            self.lot_purchases.push(lot.purchase);
            self.lot_parts.push(lot.part);
            self.lot_amounts.push(lot.amount.kopecks());
            self.lot_remaining.push(lot.remaining.kopecks());
            self.lot_expired.push(lot.expired.kopecks());
            self.lot_available_at.push(lot.available_at);
            self.lot_expires_on.push(lot.expires_on);
            self.lot_released.push(lot.released);
            self.lot_held.push(lot.held);
        }
    }

    fn balances(&mut self, world: &World) {
        for (id, member) in world.members.iter().filter(|(_, member)| member.changed) {
            self.balance_members.push(*id);
            self.pending.push(member.balance.pending.kopecks());
            self.available.push(member.balance.available.kopecks());
            self.reserved.push(member.balance.reserved.kopecks());
            self.debt.push(member.balance.debt.kopecks());
        }
    }
}

fn lots_in(world: &World, state: LotState) -> impl Iterator<Item = (MemberId, &Lot)> {
    world
        .members
        .iter()
        .flat_map(|(id, member)| member.lots.0.iter().map(move |lot| (*id, lot)))
        .filter(move |(_, lot)| lot.state == state)
}

fn updated_lots(connection: &mut PgConnection, world: &World) -> QueryResult<()> {
    let mut statement = UpdateLots::default();
    for (member, lot) in lots_in(world, LotState::Changed) {
        statement.members.push(member);
        statement.purchases.push(lot.purchase);
        statement.parts.push(lot.part);
        statement.remaining.push(lot.remaining.kopecks());
        statement.expired.push(lot.expired.kopecks());
        statement.expires_on.push(lot.expires_on);
        statement.released.push(lot.released);
        statement.held.push(lot.held);
    }
    if !statement.members.is_empty() {
        statement.execute(connection)?;
    }
    Ok(())
}

fn spendings(connection: &mut PgConnection, world: &World) -> QueryResult<()> {
    let mut fresh = InsertSpendings::default();
    let mut changed = UpdateSpendings::default();
    for spending in &world.spendings {
        if spending.fresh {
            fresh.members.push(spending.member);
            fresh.purchases.push(spending.purchase);
            fresh.lot_purchases.push(spending.lot.0);
            fresh.lot_parts.push(spending.lot.1);
            fresh.ordinals.push(spending.ordinal);
            fresh.amounts.push(spending.amount.kopecks());
            fresh.returned.push(spending.returned.kopecks());
        } else if spending.changed {
            changed.purchases.push(spending.purchase);
            changed.ordinals.push(spending.ordinal);
            changed.returned.push(spending.returned.kopecks());
        }
    }
    if !fresh.members.is_empty() {
        fresh.execute(connection)?;
    }
    if !changed.purchases.is_empty() {
        changed.execute(connection)?;
    }
    Ok(())
}

fn refunds(connection: &mut PgConnection, world: &World, now: DateTime<Utc>) -> QueryResult<()> {
    let mut statement = InsertRefunds::default();
    for refund in world.refunds.iter().filter(|refund| refund.fresh) {
        statement.purchases.push(refund.purchase);
        statement.references.push(refund.reference.clone());
        statement.members.push(refund.member);
        statement.postings.push(refund.posting);
        statement.amounts.push(refund.amount.kopecks());
        statement.lines.push(refund.lines.clone());
        statement.fiscals.push(refund.fiscal.clone());
        statement.occurred.push(refund.occurred_at);
        statement.booked.push(now);
    }
    if !statement.purchases.is_empty() {
        statement.execute(connection)?;
    }
    Ok(())
}

fn updated_purchases(connection: &mut PgConnection, world: &World) -> QueryResult<()> {
    let mut statement = UpdatePurchases::default();
    for kept in world.purchases.values().filter(|kept| kept.changed && !kept.fresh) {
        let record = &kept.record;
        statement.ids.push(record.id);
        statement.statuses.push(record.status.as_str());
        statement.redeemed_left.push(record.redeemed_left.kopecks());
        statement.commissions.push(record.commission.kopecks());
        statement.commission_left.push(record.commission_left.kopecks());
        statement.cashback.push(record.cashback.kopecks());
        statement.cashback_left.push(record.cashback_left.kopecks());
        statement.refunded.push(record.refunded.kopecks());
        statement.by_amount.push(record.refunded_by_amount.kopecks());
        statement.available_at.push(record.available_at);
        statement.expires_on.push(record.expires_on);
        statement.terms.push(record.judgement.clone());
        statement.kept.push(record.kept.clone());
    }
    if !statement.ids.is_empty() {
        statement.execute(connection)?;
    }
    Ok(())
}

fn caps(connection: &mut PgConnection, world: &World) -> QueryResult<()> {
    let mut caps = WriteCaps::default();
    for (key, usage) in world.caps.iter().filter(|(_, usage)| usage.changed) {
        caps.members.push(key.member);
        caps.rules.push(key.rule);
        caps.spans.push(key.span);
        caps.periods.push(key.period);
        caps.used.push(usage.used.kopecks());
    }
    if !caps.members.is_empty() {
        caps.execute(connection)?;
    }
    Ok(())
}

/// Budgets are rows that everybody wants, and so come last, with the postings whose order they guard. One that others
/// emptied since it was read fails the batch, which is judged anew.
fn postings(
    connection: &mut PgConnection,
    world: &World,
    now: DateTime<Utc>,
    today: NaiveDate,
) -> QueryResult<()> {
    let mut statement =
        WritePostings { booked_at: Some(now), booked_on: Some(today), ..WritePostings::default() };
    for (rule, usage) in world.budgets.iter().filter(|(_, usage)| !usage.added.is_zero()) {
        statement.rules.push(*rule);
        statement.added.push(usage.added.kopecks());
    }
    for posting in &world.postings {
        statement.ids.push(posting.id);
        statement.kinds.push(posting.kind.as_str());
        statement.members.push(posting.member);
        statement.purchases.push(posting.purchase);
        statement.occurred.push(posting.occurred_at);
    }
    let used: Vec<(RuleId, Money)> = statement.load(connection)?;
    let taken = |rule, used: Money| {
        let here = world.budgets.get(rule)?;
        here.spare.map(|spare| used - here.used > spare)
    };
    if used.iter().any(|(rule, used)| taken(rule, *used) == Some(true)) {
        return Err(meanwhile("a budget was used up meanwhile"));
    }
    Ok(())
}

/// What others did since it was read fails the batch; the caller's next attempt knows of it.
pub(super) fn meanwhile(why: &str) -> Error {
    Error::DatabaseError(DatabaseErrorKind::SerializationFailure, Box::new(why.to_owned()))
}
