//! The fraud watch and claims where a family shares one account, and where tills book points as counter-provision.

use cashback_engine::balances;
use cashback_engine::claims::{self, ClaimFilter, ClaimRefusal, ClaimStatus};
use cashback_engine::fraud::cases;
use cashback_engine::fraud::{FraudAction, FraudRule};
use cashback_engine::partners::{self, PartnerChanges};
use cashback_engine::posting::Presented;
use cashback_engine::purchases::CashbackStatus;
use chrono::TimeDelta;
use diesel::Connection;
use shared_kernel::ids::{CardId, MemberId, Uuid};
use shared_kernel::money::Money;
use shared_kernel::paging::Limit;

use crate::engine_claims::{self, receipt};
use crate::engine_support::{Programme, money};

#[test]
fn a_familys_cards_are_watched_each_by_itself() {
    let mut programme = engine_claims::programme();
    let member = programme.member();
    for (rule, presented) in
        [(FraudRule::CardDay, Presented::LiveCode), (FraudRule::BareNumber, Presented::BareNumber)]
    {
        programme.now += TimeDelta::days(1);
        engine_claims::watch(&mut programme, rule, 1, FraudAction::Hold);
        let cards = [CardId::generate(), CardId::generate()];
        let mut held = Vec::new();
        for card in [cards[0], cards[1], cards[0]] {
            let mut sale = programme.sale(member, "100.00");
            (sale.buyer.card, sale.presented) = (Some(card), presented);
            let purchase = programme.post(&sale).unwrap().purchase;
            held.push(purchase.cashback.status == CashbackStatus::Held);
        }
        assert_eq!(held, [false, false, true], "{rule:?}: mother, daughter, mother again");
    }
    programme.sound();
}

/// Whether the cashback of a claim is held back; its receipt was printed so many days ago.
fn claimed_is_held(
    programme: &mut Programme,
    (member, days, document): (MemberId, i64, u32),
    (cashier, sells): (Option<Uuid>, bool),
) -> bool {
    let at = programme.now - TimeDelta::days(days);
    let sum = money("100.00") + Money::from_kopecks(document.into());
    let claim = engine_claims::claim_of(programme, member, at, &sum.to_string(), document);
    let mut sale = engine_claims::approved(programme, &claim, None);
    sale.buyer.audience.sells = sells;
    if let Some(cashier) = cashier {
        (sale.posted_by, sale.by_hand) = (cashier, true);
    }
    programme.post(&sale).unwrap().purchase.cashback.status == CashbackStatus::Held
}

#[test]
fn claims_count_for_their_card_and_for_the_cashier_who_approves_them() {
    let mut programme = engine_claims::programme();
    let members: Vec<MemberId> = (0..4).map(|_| programme.member()).collect();
    let cashier = Uuid::from_u128(7);
    engine_claims::watch(&mut programme, FraudRule::CashierDay, 2, FraudAction::Hold);
    // Receipts of many days and members, approved on one day.
    let held = [(0, 1, 1), (1, 2, 2), (2, 3, 3)].map(|(member, days, document)| {
        claimed_is_held(&mut programme, (members[member], days, document), (Some(cashier), false))
    });
    assert_eq!(held, [false, false, true]);
    let case = cases::cases(&mut programme.connection, None, None, Limit::DEFAULT).unwrap().items.remove(0);
    assert_eq!((case.posted_by, &case.evidence[0]["seen"]["purchases"]), (cashier, &3.into()));
    let by_program = claimed_is_held(&mut programme, (members[3], 1, 4), (None, false));
    assert!(!by_program, "a program is no cashier");
    let mut sale = programme.sale(members[0], "100.00");
    (sale.posted_by, sale.by_hand) = (cashier, true);
    let at_the_till = programme.post(&sale).unwrap().purchase;
    assert_eq!(
        at_the_till.cashback.status,
        CashbackStatus::Held,
        "the till's and the claims' count together"
    );
    programme.now += TimeDelta::days(1);
    assert!(
        !claimed_is_held(&mut programme, (members[1], 3, 5), (Some(cashier), false)),
        "another day of work"
    );

    engine_claims::watch(&mut programme, FraudRule::CardDay, 2, FraudAction::Hold);
    let member = programme.member();
    let held = [(5, 11), (6, 12), (5, 13), (5, 14)]
        .map(|(days, document)| claimed_is_held(&mut programme, (member, days, document), (None, false)));
    assert_eq!(held, [false, false, false, true], "by the day of the receipt");
    programme.sound();
}

#[test]
fn a_claim_shows_no_number_and_is_held_where_it_is_the_cashiers_own() {
    let mut programme = engine_claims::programme();
    let member = programme.member();
    engine_claims::watch(&mut programme, FraudRule::BareNumber, 0, FraudAction::Hold);
    assert!(!claimed_is_held(&mut programme, (member, 1, 1), (None, false)));
    engine_claims::watch(&mut programme, FraudRule::OwnCard, 0, FraudAction::Hold);
    let cashier = Some(Uuid::from_u128(7));
    assert!(!claimed_is_held(&mut programme, (member, 1, 2), (cashier, false)));
    assert!(claimed_is_held(&mut programme, (member, 1, 3), (cashier, true)));
    programme.sound();
}

#[test]
fn what_is_held_is_told_to_expire_nowhere() {
    let mut programme = engine_claims::programme();
    let (member, other) = (programme.member(), programme.member());
    programme.buy(other, "100.00");
    engine_claims::watch(&mut programme, FraudRule::CardDay, 0, FraudAction::Hold);
    programme.buy(member, "100.00");
    let days = ["2027-11-10".parse().unwrap()];
    let told = balances::expiring_on(&mut programme.connection, &days, None, 10).unwrap();
    assert_eq!(told.iter().map(|told| told.member).collect::<Vec<_>>(), [other]);
    let (books, now) = (programme.books.clone(), programme.now);
    let mut expiring =
        |member| balances::balance(&mut programme.connection, &books, member, now).unwrap().expiring.len();
    assert_eq!((expiring(member), expiring(other)), (0, 1));
}

#[test]
fn a_purchase_with_points_is_its_claims_where_the_receipt_is_of_the_whole_amount() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"hold_days":0"#);
    engine_claims::register_drive(&mut programme);
    let provision = PartnerChanges { fiscal_counts_points: Some(true), ..PartnerChanges::default() };
    partners::change(&mut programme.connection, "shop", &provision, programme.now).unwrap();
    let member = programme.member();
    let mut sale = programme.sale(member, "1000.00");
    (sale.occurred_at, sale.presented) = (programme.now - TimeDelta::days(2), Presented::BareNumber);
    programme.post(&sale).unwrap();
    let with_points = |programme: &mut Programme| {
        let mut sale = programme.sale(member, "200.00");
        sale.redeem = money("20.00");
        programme.post(&sale).map(|posted| posted.purchase.id)
    };
    // Come already: the claim is refused, and names it.
    let bought = with_points(&mut programme).unwrap();
    let fiscal = receipt(programme.now, "200.00", 1);
    let (books, now) = (programme.books.clone(), programme.now);
    let refused = programme
        .connection
        .transaction(|connection| claims::file(connection, &books, member, &fiscal, now))
        .unwrap()
        .unwrap_err();
    assert_eq!(refused, ClaimRefusal::Credited(Some(bought)));
    // Come after the claim: it is confirmed.
    programme.now += TimeDelta::hours(1);
    let (fiscal, now) = (receipt(programme.now, "200.00", 2), programme.now);
    let waits = programme
        .connection
        .transaction(|connection| claims::file(connection, &books, member, &fiscal, now))
        .unwrap()
        .unwrap();
    let arrived = with_points(&mut programme).unwrap();
    let found = claims::claim(&mut programme.connection, waits.id, &ClaimFilter::default()).unwrap().unwrap();
    assert_eq!((found.status, found.purchase), (ClaimStatus::Confirmed, Some(arrived)));
    programme.sound();
}
