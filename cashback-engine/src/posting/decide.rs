//! Whether a purchase is accepted, and all that it moves: a pure fold over what was read. Each purchase alone;
//! later ones of a batch see what earlier ones changed.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde_json::json;
use shared_kernel::ids::MemberId;
use shared_kernel::money::{Money, Rate};
use shared_kernel::outbox::Event;

use super::card_limits;
use super::check::Checked;
use super::refusal::Refusal;
use super::sale::Sale;
use super::world::{CapKey, Kept, PostingKind, Spending, World};
use crate::days::{available_at, date_in, expires_on, wall_clock};
use crate::enrolments::Standing;
use crate::fraud::watch::{self, NewCase, Suspicion};
use crate::fraud::{Check, FraudAction, FraudCaseId};
use crate::ids::PurchaseId;
use crate::ledger::account::Account;
use crate::lots::{Lot, LotState};
use crate::purchases::{CashbackReason, Judgement, PurchaseRecord, PurchaseStatus};
use crate::rules::Book;
use crate::rules::Terms;
use crate::rules::book::Version;
use crate::rules::evaluate::{Occasion, Room};
use crate::rules::judge::judged;

/// How long an authorised purchase waits for its capture.
pub const AUTHORIZED_DAYS: i64 = 7;

/// Posts one checked purchase into the world.
///
/// # Errors
/// Why it is refused; the world is as before.
pub(crate) fn decide(
    world: &mut World,
    book: &Book,
    sale: &Sale,
    checked: &Checked,
    (id, now): (PurchaseId, DateTime<Utc>),
) -> Result<(), Refusal> {
    let today = date_in(book.zone, now);
    may_redeem(world, sale, today)?;
    let date = date_in(book.zone, sale.occurred_at);
    card_limits::may_redeem(world, &sale.buyer, sale.redeem, date)?;
    let paid = sale.amount - sale.redeem;
    let mut judgement = judge(world, book, sale, checked, paid);
    let suspicions = watch::suspicions(&world.tallies, book, sale, checked, now);
    if !judgement.applied.is_empty() && suspicions.iter().any(|one| one.action == FraudAction::Hold) {
        judgement.check = Some(Check::Held);
    }
    let rate = book.commission_rate(&checked.partner, sale.occurred_at);
    let commission = if sale.capture { commission(paid, rate) } else { Money::ZERO };
    let cashback: Money = judgement.applied.iter().map(|a| Money::from_kopecks(a.given_kopecks)).sum();
    judgement.counted = card_limits::count(world, &sale.buyer, (sale.redeem, cashback.is_positive()), date);
    let mut record = record(sale, checked, (id, now), &judgement, (rate, commission, cashback));
    let kind = if sale.capture { PostingKind::Purchase } else { PostingKind::Authorise };
    world.open(id.0, kind, sale.buyer.member, Some(id), sale.occurred_at);
    redeem(world, sale, id, today);
    if sale.capture {
        world.transfer(Account::AVAILABLE, checked.partner.receivable, sale.redeem);
        accrue(world, book, &mut record, &judgement, now);
        world.transfer(checked.partner.receivable, Account::COMMISSION, commission);
        world.settle_debt(sale.buyer.member, today);
        world.events.push(posted_event(&record, book, now));
        world.raise(book, &record, now);
    } else {
        world.transfer(Account::AVAILABLE, Account::RESERVED, sale.redeem);
    }
    if judgement.is_held() || watch::is_told(&world.tallies, book, sale) {
        suspect(world, &record, &suspicions, &judgement);
    }
    if book.watched.is_on() {
        watch::count(&mut world.tallies, book, sale, checked, now);
    }
    world.purchases.insert(id, Kept { record, fresh: true, changed: false });
    world.posted.push(id);
    Ok(())
}

/// Opens a case for a purchase that struck rules of the fraud watch.
fn suspect(world: &mut World, record: &PurchaseRecord, suspicions: &[Suspicion], judgement: &Judgement) {
    if suspicions.is_empty() {
        return;
    }
    world.cases.push(NewCase {
        id: FraudCaseId::generate(),
        purchase: record.id,
        member: record.member_id,
        card: record.card_id,
        outlet: record.outlet_id,
        posted_by: record.posted_by,
        source: record.source,
        amount: record.amount,
        cashback: record.cashback,
        evidence: Suspicion::evidence(suspicions),
        held: judgement.is_held(),
    });
}

/// `K = round(paid × rate)`.
pub(crate) fn commission(paid: Money, rate: Rate) -> Money {
    paid.portion(i128::from(rate.millionths()), i128::from(Rate::ONE.millionths()))
}

/// What was shown, and how much may be redeemed at most, was checked before.
fn may_redeem(world: &mut World, sale: &Sale, today: NaiveDate) -> Result<(), Refusal> {
    if sale.redeem.is_zero() {
        return Ok(());
    }
    let member = world.member(sale.buyer.member);
    if member.standing != Some(Standing::Enrolled) {
        return Err(Refusal::RedeemNotEnrolled);
    }
    let available = member.lots.spendable(today);
    if sale.redeem > available { Err(Refusal::InsufficientPoints { available }) } else { Ok(()) }
}

/// Takes the redeemed part from the lots, and remembers from which.
fn redeem(world: &mut World, sale: &Sale, id: PurchaseId, today: NaiveDate) {
    let member = sale.buyer.member;
    let taken = world.member(member).lots.spend(sale.redeem, today);
    for (ordinal, (lot, amount)) in (0i16..).zip(taken) {
        world.spendings.push(Spending {
            purchase: id,
            ordinal,
            member,
            lot,
            amount,
            returned: Money::ZERO,
            fresh: true,
            changed: false,
        });
    }
}

/// How every version in force judges the purchase.
fn judge(world: &World, book: &Book, sale: &Sale, checked: &Checked, paid: Money) -> Judgement {
    let member = world.members.get(&sale.buyer.member);
    let none = |reason| Judgement { reason: Some(reason), ..Judgement::default() };
    let standing = member.and_then(|member| member.standing);
    let then = world.words.get(&(sale.buyer.member, sale.occurred_at)).copied();
    if let Err(reason) = takes_part(standing, then) {
        return none(reason);
    }
    let occasion = Occasion {
        date: date_in(book.zone, sale.occurred_at),
        wall_clock: wall_clock(checked.outlet.tz(), sale.occurred_at),
        outlet: &sale.outlet,
        amount: sale.amount,
        paid,
        lines: sale.lines.as_deref(),
        excluded: book.excluded_categories(sale.occurred_at),
        audience: &sale.buyer.audience,
        tier: book.tier_held(member.and_then(|member| member.tier.as_deref())),
    };
    if !card_limits::may_earn(world, &sale.buyer, occasion.date) {
        return none(CashbackReason::CardLimit);
    }
    let versions = book.in_force(sale.partner, sale.occurred_at).map(AsRef::as_ref);
    judged(versions, &occasion, |version| room_of(world, version, sale.buyer.member, occasion.date))
}

/// Whether the buyer takes part; of a purchase told late, whether that was so `then`.
fn takes_part(standing: Option<Standing>, then: Option<Option<bool>>) -> Result<(), CashbackReason> {
    match (standing, then) {
        (None, _) | (Some(_), Some(None)) => Err(CashbackReason::NotEnrolled),
        (Some(Standing::Merged), _) | (Some(_), Some(Some(false))) => Err(CashbackReason::LeftProgramme),
        (Some(_), Some(Some(true))) => Ok(()),
        (Some(standing), None) if standing.takes_part() => Ok(()),
        (Some(_), None) => Err(CashbackReason::LeftProgramme),
    }
}

/// Which caps of a member a purchase counts towards: that of any version of the rule.
pub(crate) fn cap_keys(
    version: &Version,
    member: MemberId,
    date: NaiveDate,
) -> impl Iterator<Item = CapKey> + use<'_> {
    let rule = version.rule;
    version.counted_spans.iter().map(move |span| CapKey {
        member,
        rule,
        span: *span,
        period: span.first_day(date),
    })
}

pub(crate) fn room_of(world: &World, version: &Version, member: MemberId, date: NaiveDate) -> Room {
    let caps = &version.terms.caps;
    let left = |cap: Money, used: Option<Money>| (cap - used.unwrap_or_default()).max(Money::ZERO);
    Room {
        member: caps.per_member.map(|(cap, span)| {
            let key = CapKey { member, rule: version.rule, span, period: span.first_day(date) };
            left(cap, world.caps.get(&key).map(|usage| usage.used))
        }),
        budget: caps.budget.map(|cap| left(cap, world.budgets.get(&version.rule).map(|usage| usage.used))),
    }
}

/// Takes room from the caps a rule's cashback counts towards (or gives it back, for a negative amount).
pub(crate) fn use_room(
    world: &mut World,
    version: &Version,
    member: MemberId,
    date: NaiveDate,
    amount: Money,
) {
    for key in cap_keys(version, member, date) {
        world.use_cap(key, amount);
    }
    if version.counts_budget {
        world.use_budget(version.rule, amount, version.terms.caps.budget);
    }
}

/// Books the cashback of a purchase: transfers by funder, lots by dates, caps; within the posting opened last.
pub(crate) fn accrue(
    world: &mut World,
    book: &Book,
    record: &mut PurchaseRecord,
    judgement: &Judgement,
    now: DateTime<Utc>,
) {
    let date = date_in(book.zone, record.occurred_at);
    let member = record.member_id;
    let mut part = 0i16;
    for applied in &judgement.applied {
        let Some(version) = book.version(applied.rule, applied.version) else { continue };
        let amount = Money::from_kopecks(applied.given_kopecks);
        let (available_at, expires_on) = lot_dates(book.zone, date, &version.terms);
        let released = available_at <= now && !judgement.is_held();
        let account = if released { Account::AVAILABLE } else { Account::PENDING };
        for (funder, share) in version.funders.iter().zip(funder_parts(version, amount)) {
            world.transfer(*funder, account, share);
        }
        use_room(world, version, member, date, amount);
        let lots = &mut world.member(member).lots;
        let same = lots
            .of(record.id)
            .into_iter()
            .find(|lot| (lot.available_at, lot.expires_on) == (available_at, expires_on));
        match same {
            Some(lot) => {
                lot.amount += amount;
                lot.remaining += amount;
            }
            None => {
                lots.0.push(Lot {
                    purchase: record.id,
                    part,
                    amount,
                    remaining: amount,
                    expired: Money::ZERO,
                    available_at,
                    expires_on,
                    released,
                    held: judgement.is_held(),
                    state: LotState::New,
                });
                part += 1;
            }
        }
        record.available_at = record.available_at.max(Some(available_at));
        record.expires_on = [record.expires_on, expires_on].into_iter().flatten().min();
    }
}

/// When cashback earned on a day becomes available, and its last day.
pub(crate) fn lot_dates(zone: Tz, date: NaiveDate, terms: &Terms) -> (DateTime<Utc>, Option<NaiveDate>) {
    let last = terms.life_months.map(|months| expires_on(date, months));
    (available_at(zone, date, terms.hold_days), last)
}

/// Each funder's part of a rule's cashback, in the order of the terms.
pub(crate) fn funder_parts(version: &Version, amount: Money) -> Vec<Money> {
    let weights: Vec<i128> =
        version.terms.funding.iter().map(|funding| i128::from(funding.share.millionths())).collect();
    amount.split(&weights)
}

fn record(
    sale: &Sale,
    checked: &Checked,
    (id, now): (PurchaseId, DateTime<Utc>),
    judgement: &Judgement,
    (commission_rate, commission, cashback): (Rate, Money, Money),
) -> PurchaseRecord {
    let json = |lines: &Vec<super::sale::Line>| {
        serde_json::to_value(lines).expect("lines hold text and amounts only")
    };
    PurchaseRecord {
        id,
        member_id: sale.buyer.member,
        outlet_id: checked.outlet.number,
        receipt: sale.receipt.clone(),
        card_id: sale.buyer.card,
        source: sale.source,
        posted_by: sale.posted_by,
        occurred_at: sale.occurred_at,
        booked_at: now,
        status: if sale.capture { PurchaseStatus::Posted } else { PurchaseStatus::Authorized },
        captured: sale.capture,
        amount: sale.amount,
        redeemed: sale.redeem,
        redeemed_left: sale.redeem,
        commission,
        commission_left: commission,
        cashback,
        cashback_left: cashback,
        refunded: Money::ZERO,
        refunded_by_amount: Money::ZERO,
        commission_rate,
        available_at: None,
        expires_on: None,
        judgement: judgement.clone(),
        lines: sale.lines.as_ref().map(json),
        kept: None,
        fiscal: sale.fiscal.as_ref().map(|fiscal| fiscal.raw.clone()),
    }
}

/// What is told of a purchase: what is posted of it, be it all or what a capture left.
pub(crate) fn posted_event(record: &PurchaseRecord, book: &Book, now: DateTime<Utc>) -> Event {
    let outlet = book.outlet_by_number(record.outlet_id);
    Event {
        kind: "purchase.posted".to_owned(),
        member_id: Some(record.member_id),
        payload: json!({
            "purchase_id": record.id,
            "partner_id": outlet.map(|outlet| outlet.partner_id),
            "outlet": outlet.map(|outlet| outlet.code.as_str()),
            "receipt": record.receipt,
            "amount": record.amount - record.refunded,
            "redeemed": record.redeemed_left,
            "paid": record.amount - record.refunded - record.redeemed_left,
            "cashback": record.cashback_left,
            "commission": record.commission_left,
            "source": record.source,
            "held": record.judgement.is_held(),
        }),
        occurred_at: now,
    }
}
