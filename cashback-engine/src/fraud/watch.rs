//! Whether a purchase strikes a rule of the fraud watch. Pure: from what was counted before it, in the order of posting.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::{Value, json};
use shared_kernel::ids::{CardId, MemberId, Uuid};
use shared_kernel::money::Money;

use super::settings::Threshold;
use super::tally::{Purchased, Tallies};
use super::{FraudAction, FraudCaseId, FraudRule};
use crate::days::{date_in, wall_clock};
use crate::ids::PurchaseId;
use crate::posting::check::{Checked, counts_as_live};
use crate::posting::sale::{Sale, Source};
use crate::rules::Book;

/// A case to be opened, with the purchase that opens it.
#[derive(Debug, Clone)]
pub(crate) struct NewCase {
    pub id: FraudCaseId,
    pub purchase: PurchaseId,
    pub member: MemberId,
    pub card: Option<CardId>,
    pub outlet: i32,
    pub posted_by: Uuid,
    pub source: Source,
    pub amount: Money,
    pub cashback: Money,
    pub evidence: Value,
    pub held: bool,
}

/// A rule that a purchase strikes: what was seen, and the limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Suspicion {
    pub rule: FraudRule,
    pub action: FraudAction,
    pub seen: Value,
    pub limit: Value,
}

impl Suspicion {
    /// As it is kept with the case.
    pub(crate) fn evidence(suspicions: &[Self]) -> Value {
        suspicions
            .iter()
            .map(|one| json!({ "rule": one.rule, "seen": one.seen, "limit": one.limit }))
            .collect()
    }
}

/// Whether the fraud watch looks at a purchase: what an older system did is past.
fn is_watched(sale: &Sale) -> bool {
    sale.source != Source::History
}

/// Whose limits are those of a card: the one that was shown, since a family's are in different hands; the member's where
/// none was.
fn card(sale: &Sale) -> Uuid {
    sale.buyer.card.map_or(sale.buyer.member.0, |card| card.0)
}

/// The cashier, and when they did it: a claim is approved long after its receipt was printed, and receipts of many days
/// can be approved on one.
fn cashier(sale: &Sale, now: DateTime<Utc>) -> Option<(Uuid, DateTime<Utc>)> {
    let at = if sale.source == Source::Claim { now } else { sale.occurred_at };
    sale.by_hand.then_some((sale.posted_by, at))
}

/// Whom it counts for, and as of when: the card, and the cashier.
fn counted(sale: &Sale, now: DateTime<Utc>) -> impl Iterator<Item = (Uuid, DateTime<Utc>)> {
    let card = Some((card(sale), sale.occurred_at));
    [card, cashier(sale, now)].into_iter().flatten().filter(|_| is_watched(sale))
}

/// Whom it asks about, and around which day: those, and the member, who returns things whichever card bought them. A
/// card's counters are guarded by its member's lock.
pub(crate) fn subjects(
    book: &Book,
    sale: &Sale,
    now: DateTime<Utc>,
) -> impl Iterator<Item = (Uuid, NaiveDate)> {
    let member = (sale.buyer.member.0, date_in(book.zone, sale.occurred_at));
    counted_days(book, sale, now).chain(Some(member).filter(|_| is_watched(sale)))
}

/// Whose counters it adds to, and of which day.
pub(crate) fn counted_days(
    book: &Book,
    sale: &Sale,
    now: DateTime<Utc>,
) -> impl Iterator<Item = (Uuid, NaiveDate)> {
    let zone = book.zone;
    counted(sale, now).map(move |(subject, at)| (subject, date_in(zone, at)))
}

/// Whether it was bought by the number alone. A claim shows no card: its member filed it.
fn is_bare(sale: &Sale, now: DateTime<Utc>) -> bool {
    sale.source != Source::Claim && !counts_as_live(sale, now)
}

/// How many of a card's purchases of a day open cases while nothing is held back.
const WATCHED_MAX: i32 = 100;

/// Whether a purchase that is only watched still opens a case: who bought more today stands in the queue already.
pub(crate) fn is_told(tallies: &Tallies, book: &Book, sale: &Sale) -> bool {
    let day = date_in(book.zone, sale.occurred_at);
    tallies.on(card(sale), day).purchases < WATCHED_MAX
}

/// Counts a purchase that was accepted.
pub(crate) fn count(tallies: &mut Tallies, book: &Book, sale: &Sale, checked: &Checked, now: DateTime<Utc>) {
    let (bare, outlet) = (is_bare(sale, now), checked.outlet.number);
    for (subject, at) in counted(sale, now) {
        let purchase = Purchased { amount: sale.amount, bare, at, outlet };
        tallies.purchased((subject, date_in(book.zone, at)), &purchase);
    }
}

/// The rules a purchase strikes.
pub(crate) fn suspicions(
    tallies: &Tallies,
    book: &Book,
    sale: &Sale,
    checked: &Checked,
    now: DateTime<Utc>,
) -> Vec<Suspicion> {
    if !book.watched.is_on() || !is_watched(sale) {
        return Vec::new();
    }
    let look = Look { tallies, book, sale, checked, day: date_in(book.zone, sale.occurred_at), now };
    book.watched
        .rules()
        .iter()
        .filter_map(|threshold| {
            let (seen, limit) = look.at(threshold)?;
            Some(Suspicion { rule: threshold.rule, action: threshold.action, seen, limit })
        })
        .collect()
}

struct Look<'a> {
    tallies: &'a Tallies,
    book: &'a Book,
    sale: &'a Sale,
    checked: &'a Checked,
    day: NaiveDate,
    now: DateTime<Utc>,
}

impl Look<'_> {
    fn at(&self, threshold: &Threshold) -> Option<(Value, Value)> {
        let (sale, card) = (self.sale, card(self.sale));
        let cashier = cashier(sale, self.now);
        match threshold.rule {
            FraudRule::CardDay => {
                let before = self.tallies.on(card, self.day);
                over(threshold, before.purchases + 1, before.amount + sale.amount)
            }
            FraudRule::CashierDay => {
                let (cashier, at) = cashier?;
                let before = self.tallies.on(cashier, date_in(self.book.zone, at));
                over(threshold, before.purchases + 1, before.amount + sale.amount)
            }
            FraudRule::BareNumber if !is_bare(sale, self.now) => None,
            FraudRule::BareNumber => {
                let before = self.tallies.on(card, self.day);
                over(threshold, before.bare + 1, before.bare_amount + sale.amount)
            }
            FraudRule::RefundCycling => {
                let (most, days) = (threshold.most_purchases?, threshold.days?);
                let refunds = self.tallies.refunds(sale.buyer.member.0, self.day, days);
                let struck = (json!({ "refunds": refunds, "days": days }), json!({ "refunds": most }));
                (refunds > most).then_some(struck)
            }
            FraudRule::TwoTowns => self.two_towns(threshold.minutes?),
            FraudRule::ClosingBurst => self.burst(threshold, cashier?),
            FraudRule::OwnCard => {
                (cashier.is_some() && sale.buyer.audience.sells).then(|| (json!({}), json!({})))
            }
        }
    }

    /// Another town less than so many minutes away. Outlets without a town (web shops) are everywhere.
    fn two_towns(&self, minutes: i32) -> Option<(Value, Value)> {
        let here = self.checked.outlet.town.trim();
        if here.is_empty() {
            return None;
        }
        let at = self.sale.occurred_at;
        self.tallies
            .near(card(self.sale), (self.day, at), minutes)
            .into_iter()
            .filter_map(|(moment, outlet)| {
                let outlet = self.book.outlet_by_number(outlet)?;
                let there = outlet.town.trim();
                (!there.is_empty() && there != here).then(|| {
                    let apart = (moment - at).num_seconds().abs() / 60;
                    (apart, json!({ "towns": [there, here], "minutes": apart }))
                })
            })
            .min_by_key(|(apart, _)| *apart)
            .map(|(_, seen)| (seen, json!({ "minutes": minutes })))
    }

    fn burst(&self, threshold: &Threshold, (cashier, at): (Uuid, DateTime<Utc>)) -> Option<(Value, Value)> {
        let (most, minutes) = (threshold.most_purchases?, threshold.minutes?);
        let wall = wall_clock(self.checked.outlet.tz(), at).time();
        if !within(wall, threshold.hours_from?, threshold.hours_until?) {
            return None;
        }
        let day = date_in(self.book.zone, at);
        let near = self.tallies.near(cashier, (day, at), minutes).len() + 1;
        let near = i32::try_from(near).unwrap_or(i32::MAX);
        (near > most).then(|| {
            let limit = json!({ "purchases": most, "minutes": minutes });
            (json!({ "purchases": near, "minutes": minutes }), limit)
        })
    }
}

/// Whether a time of day lies in hours, which may go over midnight.
fn within(time: NaiveTime, from: NaiveTime, until: NaiveTime) -> bool {
    if from < until { from <= time && time < until } else { from <= time || time < until }
}

fn over(threshold: &Threshold, purchases: i32, amount: Money) -> Option<(Value, Value)> {
    let many = threshold.most_purchases.is_some_and(|most| purchases > most);
    let much = threshold.most_amount.is_some_and(|most| amount > most);
    (many || much).then(|| {
        (
            json!({ "purchases": purchases, "amount": amount }),
            json!({ "purchases": threshold.most_purchases, "amount": threshold.most_amount }),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_may_go_over_midnight() {
        let time = |text: &str| text.parse::<NaiveTime>().unwrap();
        let (from, until) = (time("21:00:00"), time("23:00:00"));
        for (at, inside) in [("20:59:59", false), ("21:00:00", true), ("22:59:59", true), ("23:00:00", false)]
        {
            assert_eq!(within(time(at), from, until), inside, "{at}");
        }
        let (from, until) = (time("22:30:00"), time("01:00:00"));
        for (at, inside) in [("22:29:00", false), ("23:30:00", true), ("00:59:59", true), ("01:00:00", false)]
        {
            assert_eq!(within(time(at), from, until), inside, "{at}");
        }
    }
}
