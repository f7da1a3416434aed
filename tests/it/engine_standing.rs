//! How members stand in the programme: leaving, freezing, donating, corrections by two people, mergers and tiers; each
//! of money.md's sentences on them.

use cashback_engine::adjustments::{self, Adjustment, AdjustmentStatus, Proposal};
use cashback_engine::enrolments::{self, Standing};
use cashback_engine::ledger::audit;
use cashback_engine::purchases::CashbackReason;
use cashback_engine::refunds::Returned;
use cashback_engine::tiers::{self, Measure, Span, Tier, TierTerms};
use cashback_engine::{
    EngineError, PostingId, PurchaseId, balances, donations, jobs, merging, standing, two_step,
};
use chrono::{Months, NaiveDate, TimeDelta};
use diesel::prelude::*;
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::money::Money;

use crate::engine_damage::damaged;
use crate::engine_support::{Programme, money};

const PLAIN: &str = r#""earn":{"percent":"10"},"hold_days":14,"life_months":12"#;

pub fn text(amount: [&str; 4]) -> [String; 4] {
    amount.map(str::to_owned)
}

/// The nightly jobs, so many days later.
fn night(programme: &mut Programme, days: i64) {
    programme.now += TimeDelta::days(days);
    let (books, now) = (programme.books.clone(), programme.now);
    let connection = &mut programme.connection;
    jobs::release_holds(connection, &books, now, now).unwrap();
    jobs::pay_debts(connection, &books, now, now).unwrap();
    while tiers::lower(connection, &books, now).unwrap() > 0 {}
    jobs::expire(connection, &books, now, now).unwrap();
}

fn proposal(debit: &str, credit: &str, amount: &str) -> Proposal {
    Proposal {
        debit: debit.parse().unwrap(),
        credit: credit.parse().unwrap(),
        amount: money(amount),
        life_months: Some(12),
        reason: "обещано письмом".to_owned(),
        evidence: "вх. 17 от 09.11.2026".to_owned(),
    }
}

fn propose(programme: &mut Programme, proposal: &Proposal) -> Result<Adjustment, EngineError> {
    adjustments::propose(&mut programme.connection, proposal, Uuid::from_u128(1), programme.now)
}

fn approve(programme: &mut Programme, one: &Adjustment) -> Result<Adjustment, EngineError> {
    let (books, now) = (programme.books.clone(), programme.now);
    let seen = (one.id, Some(one.as_seen.as_str()));
    adjustments::approve(&mut programme.connection, &books, seen, Uuid::from_u128(2), now)
}

pub fn adjust(
    programme: &mut Programme,
    debit: &str,
    credit: &str,
    amount: &str,
) -> Result<Adjustment, EngineError> {
    let made = propose(programme, &proposal(debit, credit, amount))?;
    programme.now += TimeDelta::milliseconds(1);
    approve(programme, &made)
}

fn donate(programme: &mut Programme, member: MemberId, amount: &str) -> Result<PostingId, EngineError> {
    let (books, now) = (programme.books.clone(), programme.now);
    programme
        .connection
        .transaction(|connection| donations::donate(connection, &books, (member, money(amount)), now))
}

fn leave(programme: &mut Programme, member: MemberId) {
    enrolments::leave(&mut programme.connection, member, "2026-1", "page", programme.now).unwrap();
}

fn freeze(programme: &mut Programme, member: MemberId) {
    standing::freeze(&mut programme.connection, member, "проверка", Uuid::from_u128(1), programme.now)
        .unwrap();
}

fn unfreeze(programme: &mut Programme, member: MemberId) {
    let (books, now) = (programme.books.clone(), programme.now);
    let asked = (member, "проверено");
    standing::unfreeze(&mut programme.connection, &books, asked, Uuid::from_u128(1), now).unwrap();
}

fn merge(programme: &mut Programme, from: MemberId, into: MemberId) -> Result<merging::Merger, EngineError> {
    programme.now += TimeDelta::milliseconds(1);
    let (books, now) = (programme.books.clone(), programme.now);
    programme
        .connection
        .transaction(|connection| merging::merge(connection, &books, (from, into), Uuid::from_u128(1), now))
}

fn stands(programme: &mut Programme, member: MemberId) -> Standing {
    enrolments::standing(&mut programme.connection, member).unwrap().unwrap()
}

#[test]
fn who_left_earns_no_more_but_what_is_pending_is_released_and_given_away_without_a_least_amount() {
    let mut programme = Programme::new();
    programme.rule(PLAIN);
    let member = programme.member();
    programme.buy(member, "500.00");
    assert!(matches!(donate(&mut programme, member, "50.00"), Err(EngineError::Invalid(_))), "least 100.00");
    leave(&mut programme, member);
    let after = programme.buy(member, "500.00").purchase.cashback;
    assert_eq!((after.given, after.reason), (Money::ZERO, Some(CashbackReason::LeftProgramme)));
    night(&mut programme, 15);
    assert_eq!(programme.balance(member), text(["0.00", "50.00", "0.00", "0.00"]));
    let mut redeeming = programme.sale(member, "100.00");
    redeeming.redeem = money("20.00");
    assert!(programme.post(&redeeming).is_err(), "redeems no more");
    assert!(matches!(donate(&mut programme, member, "50.01"), Err(EngineError::Insufficient { .. })));
    donate(&mut programme, member, "49.99").unwrap();
    assert_eq!(programme.balance(member), text(["0.00", "0.01", "0.00", "0.00"]));
    assert_eq!(programme.debited("solidarity", "union"), "-49.99");
    night(&mut programme, 400);
    assert_eq!(programme.balance(member), text(["0.00", "0.00", "0.00", "0.00"]), "until it expires");
    programme.sound();
}

#[test]
fn who_never_took_part_gets_nothing_and_says_so() {
    let mut programme = Programme::new();
    programme.rule(PLAIN);
    let nobody = MemberId::generate();
    let cashback = programme.buy(nobody, "500.00").purchase.cashback;
    assert_eq!((cashback.given, cashback.reason), (Money::ZERO, Some(CashbackReason::NotEnrolled)));
    assert!(matches!(donate(&mut programme, nobody, "100.00"), Err(EngineError::State(_))));
    programme.sound();
}

#[test]
fn frozen_earns_but_neither_spends_nor_expires_and_gets_thirty_days_when_it_is_over() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"hold_days":3,"life_months":1"#);
    let member = programme.member();
    programme.buy(member, "5000.00");
    night(&mut programme, 5);
    freeze(&mut programme, member);
    assert_eq!(programme.buy(member, "100.00").purchase.cashback.given, money("10.00"), "earns");
    let mut redeeming = programme.sale(member, "100.00");
    redeeming.redeem = money("20.00");
    assert!(programme.post(&redeeming).is_err(), "doesn't spend");
    assert!(matches!(donate(&mut programme, member, "100.00"), Err(EngineError::Frozen)), "doesn't withdraw");
    night(&mut programme, 60);
    assert_eq!(programme.balance(member), text(["0.00", "510.00", "0.00", "0.00"]), "nothing expires");
    // Leaving and coming back is no way out.
    leave(&mut programme, member);
    assert_eq!(stands(&mut programme, member), Standing::FrozenLeft);
    assert_eq!(programme.buy(member, "100.00").purchase.cashback.given, Money::ZERO);
    enrolments::enrol(&mut programme.connection, member, "2026-1", "page", programme.now).unwrap();
    assert_eq!(stands(&mut programme, member), Standing::Frozen);
    unfreeze(&mut programme, member);
    assert_eq!(stands(&mut programme, member), Standing::Enrolled);
    night(&mut programme, 30);
    assert_eq!(programme.balance(member)[1], "510.00");
    night(&mut programme, 1);
    assert_eq!(programme.balance(member)[1], "0.00");
    programme.sound();
}

#[test]
fn a_refund_takes_from_a_frozen_members_lots_even_past_their_date() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"hold_days":3,"life_months":1"#);
    let member = programme.member();
    let purchase = programme.buy(member, "1000.00").purchase.id;
    let other = programme.buy(member, "500.00").purchase.id;
    night(&mut programme, 5);
    freeze(&mut programme, member);
    night(&mut programme, 60);
    programme.refund_amount(purchase, "1000.00", "B-1");
    programme.refund_amount(other, "100.00", "B-2");
    assert_eq!(programme.balance(member), text(["0.00", "40.00", "0.00", "0.00"]));
    programme.sound();
}

#[test]
fn a_correction_is_two_peoples_work_and_becomes_a_lot_with_a_life() {
    let mut programme = Programme::new();
    programme.rule(PLAIN);
    let member = programme.member();
    let account = format!("available:{member}");
    let made = propose(&mut programme, &proposal("adjustments:union", &account, "70.00")).unwrap();
    assert_eq!(programme.balance(member)[1], "0.00", "nothing before another approves it");
    let (books, now) = (programme.books.clone(), programme.now);
    let own = adjustments::approve(&mut programme.connection, &books, (made.id, None), made.proposed_by, now);
    assert!(matches!(own, Err(EngineError::SamePerson)));
    let posted = approve(&mut programme, &made).unwrap();
    assert_eq!(posted.status, AdjustmentStatus::Approved);
    assert_eq!(programme.balance(member), text(["0.00", "70.00", "0.00", "0.00"]));
    assert!(matches!(approve(&mut programme, &made), Err(EngineError::State(_))), "once");
    night(&mut programme, 364);
    assert_eq!(programme.balance(member)[1], "70.00");
    night(&mut programme, 2);
    assert_eq!(programme.balance(member)[1], "0.00", "its life is over");
    assert_eq!(programme.debited("breakage", "union"), "-70.00");
    assert_eq!(programme.debited("adjustments", "union"), "70.00");
    programme.sound();
}

#[test]
fn a_correction_looked_at_before_something_changed_is_refused() {
    let mut programme = Programme::new();
    programme.rule(PLAIN);
    let member = programme.member();
    let made =
        propose(&mut programme, &proposal("adjustments:union", &format!("available:{member}"), "1.00"))
            .unwrap();
    programme.buy(member, "100.00");
    assert!(matches!(approve(&mut programme, &made), Err(EngineError::Changed)));
    let again = adjustments::one(&mut programme.connection, made.id).unwrap();
    approve(&mut programme, &again).unwrap();
    programme.sound();
}

#[test]
fn a_credit_pays_debt_first_and_a_debit_never_goes_below_zero() {
    let mut programme = Programme::new();
    programme.rule(PLAIN);
    let member = programme.member();
    let [available, pending, debt] = ["available", "pending", "debt"].map(|kind| format!("{kind}:{member}"));
    // Debt is raised by a debit: `debt` stands on that side.
    adjust(&mut programme, &debt, "adjustments:union", "30.00").unwrap();
    assert_eq!(programme.balance(member)[3], "30.00");
    adjust(&mut programme, "adjustments:union", &available, "50.00").unwrap();
    assert_eq!(programme.balance(member), text(["0.00", "20.00", "0.00", "0.00"]));
    for (account, amount) in [(&available, "20.01"), (&pending, "0.01")] {
        let refused = adjust(&mut programme, account, "adjustments:union", amount);
        assert!(matches!(refused, Err(EngineError::Insufficient { .. })), "{account}");
    }
    let refused = adjust(&mut programme, "adjustments:union", &debt, "0.01");
    assert!(matches!(refused, Err(EngineError::Insufficient { .. })), "there is no debt");
    adjust(&mut programme, "adjustments:union", &pending, "10.00").unwrap();
    adjust(&mut programme, &pending, "adjustments:union", "4.00").unwrap();
    adjust(&mut programme, &debt, "adjustments:union", "25.00").unwrap();
    assert_eq!(
        programme.balance(member),
        text(["6.00", "0.00", "0.00", "5.00"]),
        "paid out of what there was"
    );
    night(&mut programme, 15);
    assert_eq!(programme.balance(member), text(["0.00", "1.00", "0.00", "0.00"]), "held as cashback is");
    programme.sound();
}

#[test]
fn what_cannot_be_collected_is_written_off_and_any_other_account_corrected() {
    let mut programme = Programme::new();
    programme.rule(PLAIN);
    let member = programme.member();
    let debt = format!("debt:{member}");
    adjust(&mut programme, &debt, "adjustments:union", "30.00").unwrap();
    let written_off = adjust(&mut programme, "losses:union", &debt, "30.00").unwrap();
    assert_eq!(written_off.kind, adjustments::AdjustmentKind::WriteOff);
    assert_eq!(programme.balance(member)[3], "0.00");
    programme.buy(member, "1000.00");
    adjust(&mut programme, "losses:union", "receivable:shop", "130.00").unwrap();
    assert_eq!(programme.debited("losses", "union"), "160.00");
    let all = programme.debited("receivable", "shop");
    assert_eq!(all, "0.00", "100.00 cashback and 30.00 commission, written off");
    programme.buy(member, "1000.00");
    let refused = adjust(&mut programme, "losses:union", "receivable:shop", "130.01").unwrap_err();
    let owed = money("130.00");
    assert!(matches!(refused, EngineError::Insufficient { available } if available == owed), "{refused:?}");
    adjust(&mut programme, "losses:union", "receivable:shop", "100.00").unwrap();
    for other in ["receivable:shop", "funding:R-1", "breakage:union", "bank:union", "suspense:union"] {
        adjust(&mut programme, "adjustments:union", other, "5.00").unwrap();
        adjust(&mut programme, other, "adjustments:union", "5.00").unwrap();
    }
    for (debit, credit) in [
        ("losses:union", "breakage:union"),
        ("receivable:shop", "breakage:union"),
        ("adjustments:union", "adjustments:union"),
        ("adjustments:union", "payouts:union"),
        ("adjustments:union", "receivable:nobody"),
        ("adjustments:union", "member:available"),
        ("adjustments:union", &format!("reserved:{member}")),
    ] {
        let refused = propose(&mut programme, &proposal(debit, credit, "1.00"));
        assert!(matches!(refused, Err(EngineError::Invalid(_))), "{debit} -> {credit}");
    }
    programme.sound();
}

#[test]
fn heirs_are_paid_by_an_approved_correction() {
    let mut programme = Programme::new();
    programme.rule(PLAIN);
    let member = programme.member();
    programme.buy(member, "2000.00");
    night(&mut programme, 15);
    leave(&mut programme, member);
    adjust(&mut programme, &format!("available:{member}"), "adjustments:union", "200.00").unwrap();
    adjust(&mut programme, "adjustments:union", "bank:union", "200.00").unwrap();
    assert_eq!(programme.balance(member), text(["0.00", "0.00", "0.00", "0.00"]));
    assert_eq!(programme.debited("adjustments", "union"), "0.00");
    programme.sound();
}

#[derive(QueryableByName)]
struct Dated {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    remaining: i64,
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Date>)]
    expires_on: Option<NaiveDate>,
}

fn lots(programme: &mut Programme, member: MemberId) -> Vec<(i64, Option<NaiveDate>)> {
    diesel::sql_query(
        "SELECT remaining, expires_on FROM ledger.lots WHERE member_id = $1 AND remaining > 0 ORDER BY expires_on, 1",
    )
    .bind::<diesel::sql_types::Uuid, _>(member)
    .load::<Dated>(&mut programme.connection)
    .unwrap()
    .into_iter()
    .map(|lot| (lot.remaining, lot.expires_on))
    .collect()
}

#[test]
fn a_merger_moves_balances_and_lots_with_their_dates_and_later_refunds_act_on_the_survivor() {
    let mut programme = Programme::new();
    programme.rule(PLAIN);
    let (from, into) = (programme.member(), programme.member());
    let bought = programme.buy(from, "1000.00").purchase.id;
    let mut spent = programme.sale(from, "1000.00");
    night(&mut programme, 15);
    programme.buy(from, "300.00");
    spent.redeem = money("20.00");
    spent.occurred_at = programme.now;
    let spent = programme.post(&spent).unwrap().purchase.id;
    programme.buy(into, "500.00");
    let mut dates = lots(&mut programme, from);
    dates.extend(lots(&mut programme, into));
    dates.sort();
    let merged = merge(&mut programme, from, into).unwrap();
    assert_eq!((merged.moved.available.to_string(), merged.purchases), ("80.00".to_owned(), 3));
    assert_eq!(programme.balance(from), text(["0.00", "0.00", "0.00", "0.00"]));
    assert_eq!(programme.balance(into), text(["178.00", "80.00", "0.00", "0.00"]));
    let mut after = lots(&mut programme, into);
    after.sort();
    assert_eq!(after, dates, "with their own dates");
    programme.sound();

    programme.refund_amount(bought, "1000.00", "B-1");
    assert_eq!(
        programme.balance(into),
        text(["178.00", "0.00", "0.00", "20.00"]),
        "of his, the rest is debt"
    );
    programme.refund_amount(spent, "1000.00", "B-2");
    assert_eq!(programme.balance(from), text(["0.00", "0.00", "0.00", "0.00"]));
    assert_eq!(
        programme.balance(into),
        text(["80.00", "0.00", "0.00", "0.00"]),
        "redeemed part came back and paid it"
    );
    assert!(matches!(merge(&mut programme, from, into), Err(EngineError::State(_))), "once");
    assert_eq!(merging::survivor(&mut programme.connection, from).unwrap(), into);
    programme.sound();
}

#[test]
fn a_merger_pays_debt_at_once_and_adds_used_cap_room() {
    let mut programme = Programme::new();
    let capped = r#""earn":{"percent":"10"},"caps":{"per_member":{"amount":"60.00","period":"month"}}"#;
    programme.rule(capped);
    let (from, into) = (programme.member(), programme.member());
    programme.buy(from, "400.00");
    programme.buy(into, "500.00");
    adjust(&mut programme, &format!("debt:{from}"), "adjustments:union", "30.00").unwrap();
    adjust(&mut programme, "adjustments:union", &format!("available:{into}"), "20.00").unwrap();
    let merged = merge(&mut programme, from, into).unwrap();
    assert_eq!(merged.debt_paid, money("20.00"));
    assert_eq!(programme.balance(into), text(["90.00", "0.00", "0.00", "10.00"]));
    let cashback = programme.buy(into, "100.00").purchase.cashback;
    assert_eq!(
        (cashback.given, cashback.reason),
        (Money::ZERO, Some(CashbackReason::CapReached)),
        "90 of 60 used"
    );
    programme.sound();
}

#[test]
fn what_was_authorised_before_a_merger_is_captured_for_the_survivor() {
    let mut programme = Programme::new();
    programme.rule(PLAIN);
    let (from, into) = (programme.member(), programme.member());
    programme.buy(from, "1000.00");
    night(&mut programme, 15);
    let mut sale = programme.sale(from, "200.00");
    (sale.redeem, sale.capture) = (money("100.00"), false);
    let authorised: PurchaseId = programme.post(&sale).unwrap().purchase.id;
    freeze(&mut programme, from);
    merge(&mut programme, from, into).unwrap();
    assert_eq!(programme.balance(into), text(["0.00", "0.00", "100.00", "0.00"]));
    assert_eq!(stands(&mut programme, into), Standing::Frozen, "frozen when either was");
    let (books, now) = (programme.books.clone(), programme.now);
    two_step::capture(&mut programme.connection, &books, (authorised, None), None, now).unwrap().unwrap();
    assert_eq!(programme.balance(into), text(["10.00", "0.00", "0.00", "0.00"]));
    unfreeze(&mut programme, into);
    programme.sound();
}

#[test]
fn mergers_follow_one_another_and_who_never_took_part_brings_purchases_alone() {
    let mut programme = Programme::new();
    programme.rule(PLAIN);
    let (first, second, nobody) = (programme.member(), programme.member(), MemberId::generate());
    let third = MemberId::generate();
    let bought = programme.buy(first, "1000.00").purchase.id;
    programme.buy(nobody, "70.00");
    merge(&mut programme, first, second).unwrap();
    let merged = merge(&mut programme, second, third).unwrap();
    assert_eq!((merged.purchases, merged.standing), (1, Some(Standing::Enrolled)));
    assert_eq!(merge(&mut programme, nobody, third).unwrap().purchases, 1);
    assert_eq!(programme.balance(third), text(["100.00", "0.00", "0.00", "0.00"]));
    assert_eq!(merging::survivor(&mut programme.connection, first).unwrap(), third);
    programme.refund(bought, Returned::Amount(money("1000.00")), "B-1").unwrap();
    assert_eq!(programme.balance(third), text(["0.00", "0.00", "0.00", "0.00"]));
    programme.sound();
}

fn tier_terms(measure: Measure, span: Span, months: u32) -> TierTerms {
    let tier = |name: &str, from: &str| Tier { name: name.to_owned(), from: money(from) };
    let tiers = vec![tier("bronze", "0.00"), tier("silver", "1000.00"), tier("gold", "3000.00")];
    TierTerms { measure, span, months, tiers }
}

fn set_tiers(programme: &mut Programme, terms: &TierTerms) {
    let now = programme.now;
    let draft = tiers::draft(&mut programme.connection, terms, Uuid::from_u128(1), now).unwrap();
    let own = tiers::approve(&mut programme.connection, draft.version, Uuid::from_u128(1), now);
    assert!(matches!(own, Err(EngineError::SamePerson)));
    tiers::approve(&mut programme.connection, draft.version, Uuid::from_u128(2), now).unwrap();
}

fn tier(programme: &mut Programme, member: MemberId) -> String {
    let (books, now) = (programme.books.clone(), programme.now);
    let found = tiers::of_member(&mut programme.connection, &books, member, now).unwrap().unwrap();
    found.tier.unwrap_or_default()
}

#[test]
fn a_tier_is_raised_at_once_by_the_purchase_that_reaches_it_and_lowered_at_the_periods_end() {
    let mut programme = Programme::new();
    programme.rule(PLAIN);
    programme.rule(r#""earn":{"percent":"1"},"stacking":"additive","when":{"members":{"tier":"silver"}}"#);
    let member = programme.member();
    set_tiers(&mut programme, &tier_terms(Measure::Purchases, Span::Calendar, 3));
    assert_eq!(tier(&mut programme, member), "bronze", "everybody's");
    // In one batch the second sees what the first reached.
    let sales = [programme.sale(member, "1000.00"), programme.sale(member, "100.00")];
    let posted = programme.post_all(&sales);
    let given: Vec<String> =
        posted.into_iter().map(|posted| posted.unwrap().purchase.cashback.given.to_string()).collect();
    assert_eq!(given, ["100.00", "11.00"], "the purchase that reaches a tier is judged by the one before");
    assert_eq!(tier(&mut programme, member), "silver");
    night(&mut programme, 52);
    assert_eq!(programme.now.date_naive(), "2027-01-01".parse().unwrap());
    assert_eq!(tier(&mut programme, member), "silver", "what a period earned is held through the next");
    night(&mut programme, 89);
    assert_eq!(tier(&mut programme, member), "silver", "to its last day");
    night(&mut programme, 1);
    assert_eq!(tier(&mut programme, member), "bronze");
    programme.sound();
}

#[test]
fn refunds_count_back_and_lower_at_the_periods_end_alone() {
    let mut programme = Programme::new();
    programme.rule(PLAIN);
    let member = programme.member();
    set_tiers(&mut programme, &tier_terms(Measure::Purchases, Span::Rolling, 2));
    night(&mut programme, 1);
    let purchase = programme.buy(member, "3000.00").purchase.id;
    assert_eq!(tier(&mut programme, member), "gold");
    programme.refund_amount(purchase, "2500.00", "B-1");
    night(&mut programme, 1);
    assert_eq!(tier(&mut programme, member), "gold");
    let (books, now) = (programme.books.clone(), programme.now);
    let found = tiers::of_member(&mut programme.connection, &books, member, now).unwrap().unwrap();
    assert_eq!((found.reached, found.next), (money("500.00"), None));
    programme.sound();
    night(&mut programme, 25);
    assert_eq!(tier(&mut programme, member), "bronze", "December: 500.00 in two months");
    programme.sound();
}

#[test]
fn tiers_by_cashback_count_what_was_there_before_they_were_set_and_what_is_captured() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"50"}"#);
    let (member, other) = (programme.member(), programme.member());
    programme.buy(member, "2000.00");
    let mut sale = programme.sale(other, "8000.00");
    sale.capture = false;
    let authorised = programme.post(&sale).unwrap().purchase.id;
    set_tiers(&mut programme, &tier_terms(Measure::Cashback, Span::Calendar, 12));
    night(&mut programme, 1);
    assert_eq!(tier(&mut programme, member), "silver", "the night after they were approved");
    assert_eq!(tier(&mut programme, other), "bronze", "nothing is posted");
    let (books, now) = (programme.books.clone(), programme.now);
    let part = Returned::Amount(money("2000.00"));
    two_step::capture(&mut programme.connection, &books, (authorised, None), Some(&part), now)
        .unwrap()
        .unwrap();
    assert_eq!(tier(&mut programme, other), "silver", "by what was captured, not by what was announced");
    programme.sound();

    merge(&mut programme, other, member).unwrap();
    let found = {
        let (books, now) = (programme.books.clone(), programme.now);
        tiers::of_member(&mut programme.connection, &books, member, now).unwrap().unwrap()
    };
    assert_eq!((found.reached, found.next), (money("2000.00"), Some(("gold".to_owned(), money("1000.00")))));
    programme.buy(member, "2000.00");
    assert_eq!(tier(&mut programme, member), "gold");
    programme.sound();
    set_tiers(
        &mut programme,
        &TierTerms { tiers: Vec::new(), ..tier_terms(Measure::Cashback, Span::Calendar, 12) },
    );
    let (books, now) = (programme.books.clone(), programme.now + Months::new(1));
    assert_eq!(tiers::of_member(&mut programme.connection, &books, member, now).unwrap(), None);
    programme.buy(member, "10.00");
    programme.sound();
}

/// Damage to what is of members' standing, and what must be found.
pub const DAMAGE: &[(&str, &str)] = &[
    ("UPDATE ledger.adjustments SET amount = amount + 1", "an adjustment is not its posting"),
    ("DELETE FROM ledger.adjustments", "an adjustment is not its posting"),
    ("UPDATE ledger.tier_progress SET purchases = purchases + 1", "towards a tier"),
    ("DELETE FROM ledger.tier_progress", "towards a tier"),
    ("DELETE FROM ledger.tier_settings", "settings is missing"),
    ("UPDATE ledger.tier_settings SET version = version + 1", "settings is missing"),
    ("UPDATE ledger.tier_settings SET terms = '{}'", "can't be read"),
    (
        "UPDATE ledger.freezes SET ended_at = frozen_at, ended_by = frozen_by, end_reason = 'x'",
        "frozen without a reason",
    ),
    ("DELETE FROM ledger.freezes", "frozen without a reason"),
    (
        "UPDATE ledger.balances SET standing = 'left' WHERE member_id IN (SELECT member_id FROM ledger.merged)",
        "merged into another",
    ),
    ("DELETE FROM ledger.merged", "nothing says into whom"),
    ("UPDATE ledger.merged SET posting_id = ledger.new_id(now())", "none of its posting"),
    ("UPDATE ledger.merged SET into_id = member_id, member_id = into_id", "merged into another"),
];

#[test]
fn verify_finds_what_is_damaged() {
    let mut programme = Programme::new();
    programme.rule(PLAIN);
    let (member, other) = (programme.member(), programme.member());
    set_tiers(&mut programme, &tier_terms(Measure::Purchases, Span::Calendar, 12));
    programme.buy(member, "1000.00");
    adjust(&mut programme, "adjustments:union", &format!("available:{member}"), "20.00").unwrap();
    merge(&mut programme, other, member).unwrap();
    freeze(&mut programme, member);
    programme.sound();
    for (damage, expected) in DAMAGE {
        let report = damaged(&mut programme, damage, audit::verify);
        assert!(report.findings.iter().any(|found| found.what.contains(expected)), "{damage}: {report:#?}");
    }
    programme.sound();
}

#[test]
fn who_left_while_frozen_hears_of_no_expiry() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"hold_days":1,"life_months":1"#);
    let (member, frozen, left) = (programme.member(), programme.member(), programme.member());
    for member in [member, frozen, left] {
        programme.buy(member, "100.00");
    }
    freeze(&mut programme, frozen);
    freeze(&mut programme, left);
    leave(&mut programme, left);
    assert_eq!(stands(&mut programme, left), Standing::FrozenLeft);
    let days = ["2026-12-10".parse().unwrap()];
    let told = balances::expiring_on(&mut programme.connection, &days, None, 10).unwrap();
    assert_eq!(told.iter().map(|told| told.member).collect::<Vec<_>>(), [member]);
    programme.sound();
}

#[test]
fn a_debtors_lots_that_hold_nothing_are_due_for_nothing() {
    let mut programme = Programme::new();
    programme.rule(PLAIN);
    let member = programme.member();
    let id = programme.buy(member, "100.00").purchase.id;
    programme.refund_amount(id, "100.00", "1");
    adjust(&mut programme, &format!("debt:{member}"), "adjustments:union", "30.00").unwrap();
    night(&mut programme, 20);
    let finished: i64 = cashback_engine::schema::ledger::finished_jobs::table
        .filter(cashback_engine::schema::ledger::finished_jobs::job.eq("release-holds"))
        .count()
        .get_result(&mut programme.connection)
        .unwrap();
    assert_eq!(finished, 1, "it found nothing to do");
    programme.sound();
}
