//! A family card's own limits: how many purchases a day or month earn, how much it may pay with points. What is used is
//! kept beside the ledger for such cards alone, guarded by the member's row. A refund gives no room back: a limit is
//! what the card may do, not what remains of it.

use chrono::NaiveDate;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date, Integer, Text, Uuid as SqlUuid};
use shared_kernel::ids::{CardId, MemberId};
use shared_kernel::money::Money;

use super::refusal::Refusal;
use super::sale::{Buyer, CardLimits};
use super::world::World;
use crate::rules::terms::CapPeriod;
use crate::statement::statement;

statement! {
    /// What cards have used; their members' rows are locked, nobody else changes it.
    ReadCardUsage {
        cards: Vec<CardId> => Array<SqlUuid>, spans: Vec<CapPeriod> => Array<Text>,
        periods: Vec<NaiveDate> => Array<Date>,
    } -> (SqlUuid, Text, Date, Integer, BigInt),
    "SELECT u.card_id, u.span, u.period, u.earned, u.redeemed
     FROM unnest(?, ?, ?) AS asked (card_id, span, period)
     JOIN ledger.card_usage AS u USING (card_id, span, period)"
}

statement! {
    /// What they have used now.
    WriteCardUsage {
        cards: Vec<CardId> => Array<SqlUuid>, members: Vec<MemberId> => Array<SqlUuid>,
        spans: Vec<CapPeriod> => Array<Text>, periods: Vec<NaiveDate> => Array<Date>,
        earned: Vec<i32> => Array<Integer>, redeemed: Vec<i64> => Array<BigInt>,
    },
    "INSERT INTO ledger.card_usage (card_id, member_id, span, period, earned, redeemed)
     SELECT * FROM unnest(?, ?, ?, ?, ?, ?)
     ON CONFLICT (card_id, span, period) DO UPDATE SET earned = EXCLUDED.earned, redeemed = EXCLUDED.redeemed"
}

/// A card's day or month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CardPeriod {
    pub card: CardId,
    pub member: MemberId,
    pub span: CapPeriod,
    pub period: NaiveDate,
}

/// What a card has used in it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CardUsage {
    pub earned: i32,
    pub redeemed: Money,
    pub changed: bool,
}

/// The day and the month a purchase counts in, for a card that has limits, and what they allow.
pub(crate) fn periods(
    buyer: &Buyer,
    date: NaiveDate,
) -> impl Iterator<Item = (CardPeriod, Option<i32>, Option<Money>)> + use<> {
    let CardLimits { earn_per_day, earn_per_month, redeem_per_day, redeem_per_month } =
        buyer.limits.unwrap_or_default();
    let member = buyer.member;
    let card = buyer.card.filter(|_| buyer.limits.is_some());
    card.into_iter().flat_map(move |card| {
        let of = |span: CapPeriod| CardPeriod { card, member, span, period: span.first_day(date) };
        [
            (of(CapPeriod::Day), earn_per_day, redeem_per_day),
            (of(CapPeriod::Month), earn_per_month, redeem_per_month),
        ]
    })
}

/// Whether a redemption fits the card's limits.
pub(crate) fn may_redeem(
    world: &World,
    buyer: &Buyer,
    redeem: Money,
    date: NaiveDate,
) -> Result<(), Refusal> {
    for (period, _, most) in periods(buyer, date) {
        let used = world.cards.get(&period).map(|usage| usage.redeemed).unwrap_or_default();
        let left = most.map(|most| (most - used).max(Money::ZERO));
        if let Some(left) = left.filter(|left| redeem > *left) {
            return Err(Refusal::CardLimit { left });
        }
    }
    Ok(())
}

/// What a card may still pay with points on a day, where it has a limit; read without a lock, to be told.
///
/// # Errors
/// The database's.
pub fn left_to_redeem(
    connection: &mut PgConnection,
    buyer: &Buyer,
    date: NaiveDate,
) -> QueryResult<Option<Money>> {
    let limited: Vec<(CardPeriod, Money)> =
        periods(buyer, date).filter_map(|(period, _, most)| Some((period, most?))).collect();
    if limited.is_empty() {
        return Ok(None);
    }
    let mut statement = ReadCardUsage::default();
    for (period, _) in &limited {
        statement.cards.push(period.card);
        statement.spans.push(period.span);
        statement.periods.push(period.period);
    }
    let rows: Vec<(CardId, CapPeriod, NaiveDate, i32, Money)> = statement.load(connection)?;
    let left = |(asked, most): &(CardPeriod, Money)| {
        let used = rows.iter().find(|(_, span, ..)| *span == asked.span).map(|(.., redeemed)| *redeemed);
        (*most - used.unwrap_or_default()).max(Money::ZERO)
    };
    Ok(limited.iter().map(left).min())
}

/// Whether one more purchase may earn.
pub(crate) fn may_earn(world: &World, buyer: &Buyer, date: NaiveDate) -> bool {
    periods(buyer, date).all(|(period, most, _)| {
        let used = world.cards.get(&period).map_or(0, |usage| usage.earned);
        most.is_none_or(|most| used < most)
    })
}

/// Counts an accepted purchase; whether as one that earns, where the card has limits.
pub(crate) fn count(
    world: &mut World,
    buyer: &Buyer,
    (redeem, earns): (Money, bool),
    date: NaiveDate,
) -> Option<bool> {
    let mut counted = None;
    for (period, ..) in periods(buyer, date) {
        counted = Some(earns);
        let usage = world.cards.entry(period).or_default();
        usage.earned += i32::from(earns);
        usage.redeemed += redeem;
        usage.changed = true;
    }
    counted
}

/// Reads what the batch's cards have used.
pub(crate) fn read(
    connection: &mut PgConnection,
    world: &mut World,
    asked: impl Iterator<Item = CardPeriod>,
) -> QueryResult<()> {
    let mut statement = ReadCardUsage::default();
    let mut members = std::collections::HashMap::new();
    for period in asked {
        statement.cards.push(period.card);
        statement.spans.push(period.span);
        statement.periods.push(period.period);
        members.insert(period.card, period.member);
    }
    if statement.cards.is_empty() {
        return Ok(());
    }
    let rows: Vec<(CardId, CapPeriod, NaiveDate, i32, Money)> = statement.load(connection)?;
    for (card, span, period, earned, redeemed) in rows {
        let Some(member) = members.get(&card).copied() else { continue };
        let usage = CardUsage { earned, redeemed, changed: false };
        world.cards.insert(CardPeriod { card, member, span, period }, usage);
    }
    Ok(())
}

/// Writes what they have used now.
pub(crate) fn write(connection: &mut PgConnection, world: &World) -> QueryResult<()> {
    let mut statement = WriteCardUsage::default();
    for (period, usage) in world.cards.iter().filter(|(_, usage)| usage.changed) {
        statement.cards.push(period.card);
        statement.members.push(period.member);
        statement.spans.push(period.span);
        statement.periods.push(period.period);
        statement.earned.push(usage.earned);
        statement.redeemed.push(usage.redeemed.kopecks());
    }
    if !statement.cards.is_empty() {
        statement.execute(connection)?;
    }
    Ok(())
}
