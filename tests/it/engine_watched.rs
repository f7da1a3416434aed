//! The fraud watch and claims where a family shares one account, and where tills book points as counter-provision.

use cashback_engine::claims::{self, ClaimFilter, ClaimRefusal, ClaimStatus};
use cashback_engine::fraud::{FraudAction, FraudRule};
use cashback_engine::partners::{self, PartnerChanges};
use cashback_engine::posting::Presented;
use cashback_engine::purchases::CashbackStatus;
use cashback_engine::{balances, ledger};
use chrono::TimeDelta;
use diesel::Connection;
use shared_kernel::ids::CardId;

use crate::engine_claims::{self, receipt};
use crate::engine_support::{Programme, money};

fn sound(programme: &mut Programme) {
    let books = programme.books.clone();
    let report = ledger::audit::verify(&mut programme.connection, &books).unwrap();
    assert!(report.ok, "{report:#?}");
}

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
    sound(&mut programme);
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
    sound(&mut programme);
}
