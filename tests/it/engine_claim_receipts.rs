//! A claim's fiscal receipt belongs to one purchase, however its sale comes in.

use cashback_engine::claims::{self, ClaimFilter, ClaimRefusal, ClaimStatus};
use cashback_engine::posting::{Presented, Refusal, Sale};
use cashback_engine::refunds::Returned;
use chrono::TimeDelta;
use diesel::Connection;
use shared_kernel::ids::MemberId;

use crate::engine_claims::{approve, claim, claim_of, programme, receipt};
use crate::engine_support::{Programme, money};

/// A sale of a day ago under a receipt of its own; `document` is its fiscal receipt's, where the till sends one.
pub fn sold(
    programme: &mut Programme,
    member: MemberId,
    sum: &str,
    name: &str,
    document: Option<u32>,
) -> Sale {
    let mut sale = programme.sale(member, sum);
    sale.occurred_at -= TimeDelta::days(1);
    sale.receipt = name.to_owned();
    sale.presented = Presented::BareNumber;
    sale.fiscal = document.map(|document| receipt(sale.occurred_at, sum, document));
    sale
}

fn filed(programme: &mut Programme, member: MemberId, sum: &str, document: u32) -> Result<(), ClaimRefusal> {
    let fiscal = receipt(programme.now - TimeDelta::days(1), sum, document);
    let (books, now) = (programme.books.clone(), programme.now);
    programme
        .connection
        .transaction(|connection| claims::file(connection, &books, member, &fiscal, now))
        .unwrap()
        .map(|_| ())
}

#[test]
fn what_was_captured_for_less_is_the_receipts_sale() {
    let mut programme = programme();
    let member = programme.member();
    let mut sale = sold(&mut programme, member, "600.00", "T-1", None);
    sale.capture = false;
    let reserved = programme.post(&sale).unwrap().purchase.id;
    assert_eq!(
        filed(&mut programme, member, "600.00", 1),
        Ok(()),
        "what is only reserved is credited nothing"
    );
    programme.capture(reserved, Some(&Returned::Amount(money("400.00")))).unwrap();
    let refused = filed(&mut programme, member, "400.00", 2).unwrap_err();
    assert!(matches!(refused, ClaimRefusal::Credited(Some(_))), "{refused:?}");
    assert_eq!(programme.balance(member)[0], "20.00", "5 % of 400.00, once");
    programme.sound();
}

#[test]
fn one_sale_twice_in_a_batch_with_its_fiscal_receipt_and_without_is_posted_once() {
    let mut programme = programme();
    let member = programme.member();
    let claimed = claim(&mut programme, member, "400.00", 1);
    let sales = [
        sold(&mut programme, member, "400.00", "T-1", None),
        sold(&mut programme, member, "400.00", "T-2", Some(1)),
    ];
    let posted = programme.post_all(&sales);
    let first = posted[0].as_ref().unwrap().purchase.id;
    assert_eq!(posted[1].as_ref().unwrap_err(), &Refusal::FiscalUsed);
    let filter = ClaimFilter { member: Some(member), ..ClaimFilter::default() };
    let found = claims::claim(&mut programme.connection, claimed.id, &filter).unwrap().unwrap();
    assert_eq!((found.status, found.purchase), (ClaimStatus::Confirmed, Some(first)));
    assert_eq!(programme.balance(member)[0], "20.00");
    programme.sound();
}

#[test]
fn a_receipt_that_another_purchase_has_confirms_no_claim() {
    let mut programme = programme();
    let (member, other) = (programme.member(), programme.member());
    let at = programme.now - TimeDelta::days(1);
    for (capture_later, document, sum) in [(false, 1, "400.00"), (true, 2, "500.00")] {
        let claimed = claim_of(&mut programme, member, at, sum, document);
        let theirs = sold(&mut programme, other, sum, &format!("O-{document}"), Some(document));
        programme.post(&theirs).unwrap();
        let mut own = sold(&mut programme, member, sum, &format!("T-{document}"), None);
        own.capture = !capture_later;
        let id = programme.post(&own).unwrap().purchase.id;
        if capture_later {
            programme.capture(id, None).unwrap();
        }
        let filter = ClaimFilter { member: Some(member), ..ClaimFilter::default() };
        let found = claims::claim(&mut programme.connection, claimed.id, &filter).unwrap().unwrap();
        assert_eq!(found.status, ClaimStatus::Waiting, "the night ends it: its receipt is another's");
        programme.sound();
    }
}

#[test]
fn a_claimed_sale_at_another_outlet_is_not_the_claims() {
    let mut programme = programme();
    let member = programme.member();
    let claimed = claim(&mut programme, member, "400.00", 1);
    approve(&mut programme, &claimed, None);
    let mut elsewhere = sold(&mut programme, member, "400.00", "T-1", Some(1));
    elsewhere.outlet = "shop-2".to_owned();
    assert_eq!(programme.post(&elsewhere).unwrap_err(), Refusal::FiscalUsed);
    assert_eq!(programme.balance(member)[0], "20.00");
    programme.sound();
}
