//! Claims whose till gets known after they were filed, and claims whose sale turns out to be there when they are approved:
//! what arrived without its fiscal receipt meanwhile is the claimed sale.

use cashback_engine::claims::{self, Claim, ClaimFilter, ClaimReason, ClaimStatus};
use cashback_engine::merging;
use cashback_engine::posting::{Refusal, Sale};
use chrono::TimeDelta;
use diesel::Connection;
use shared_kernel::ids::{MemberId, Uuid};

use crate::engine_claim_receipts::sold;
use crate::engine_claims::{approve, approved, claim, programme, register_drive};
use crate::engine_support::Programme;

/// A programme that gives 5 % and knows no drive yet.
fn unknown() -> Programme {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"5"},"hold_days":2"#);
    programme
}

fn now(programme: &mut Programme, claim: &Claim) -> Claim {
    claims::claim(&mut programme.connection, claim.id, &ClaimFilter::default()).unwrap().unwrap()
}

fn assign(programme: &mut Programme, claim: &Claim, outlet: &str) -> Claim {
    let (books, now) = (programme.books.clone(), programme.now);
    programme
        .connection
        .transaction(|connection| claims::assign(connection, &books, claim, outlet, now))
        .unwrap()
}

/// A sale of a day ago without its fiscal receipt.
fn plain(programme: &mut Programme, member: MemberId, name: &str) -> Sale {
    sold(programme, member, "400.00", name, None)
}

#[test]
fn a_sale_that_came_while_nobody_knew_the_till_is_the_claims() {
    for (sale_first, by_finance) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut programme = unknown();
        let member = programme.member();
        let sale = plain(&mut programme, member, "T-1");
        if sale_first {
            programme.post(&sale).unwrap();
        }
        let claimed = claim(&mut programme, member, "400.00", 1);
        assert_eq!(claimed.status, ClaimStatus::Unmatched);
        let bought = programme.post(&sale).unwrap().purchase.id;
        if by_finance {
            assert_eq!(assign(&mut programme, &claimed, "shop-1").status, ClaimStatus::Confirmed);
        } else {
            register_drive(&mut programme);
        }
        let ended = now(&mut programme, &claimed);
        let how = (ended.status, ended.reason, ended.purchase);
        assert_eq!(how, (ClaimStatus::Confirmed, Some(ClaimReason::Arrived), Some(bought)));
        let approval = approved(&mut programme, &ended, None);
        assert_eq!(programme.post(&approval).unwrap_err(), Refusal::ClaimEnded);
        let other = programme.member();
        let theirs = sold(&mut programme, other, "400.00", "T-2", Some(1));
        assert_eq!(
            programme.post(&theirs).unwrap_err(),
            Refusal::FiscalUsed,
            "it is that purchase's receipt"
        );
        assert_eq!(programme.balance(member)[0], "20.00", "5 % of 400.00, once");
        programme.sound();
    }
}

#[test]
fn what_arrived_is_one_claims_alone_and_of_its_own_till() {
    let mut programme = unknown();
    let member = programme.member();
    let both = [1, 2].map(|document| claim(&mut programme, member, "400.00", document));
    let mut elsewhere = plain(&mut programme, member, "T-2");
    elsewhere.outlet = "shop-2".to_owned();
    programme.post(&elsewhere).unwrap();
    let sale = plain(&mut programme, member, "T-1");
    let bought = programme.post(&sale).unwrap().purchase.id;
    register_drive(&mut programme);
    let [first, second] = both.map(|claim| now(&mut programme, &claim));
    assert_eq!((first.status, first.purchase), (ClaimStatus::Confirmed, Some(bought)));
    assert_eq!(second.status, ClaimStatus::Waiting, "one sale is one claim's");
    approve(&mut programme, &second, None);
    assert_eq!(programme.balance(member)[0], "60.00");
    programme.sound();
}

#[test]
fn a_receipt_that_another_has_confirms_no_claim_when_its_till_gets_known() {
    let mut programme = unknown();
    let (member, other) = (programme.member(), programme.member());
    let claimed = claim(&mut programme, member, "400.00", 1);
    let theirs = sold(&mut programme, other, "400.00", "O-1", Some(1));
    programme.post(&theirs).unwrap();
    let own = plain(&mut programme, member, "T-1");
    programme.post(&own).unwrap();
    register_drive(&mut programme);
    let claimed = now(&mut programme, &claimed);
    assert_eq!(claimed.status, ClaimStatus::Waiting, "the night ends it: its receipt is another's");
    let approval = approved(&mut programme, &claimed, None);
    assert_eq!(programme.post(&approval).unwrap_err(), Refusal::FiscalUsed);
    programme.sound();
}

#[test]
fn a_claim_is_confirmed_by_what_its_member_bought_under_another_record() {
    let mut programme = programme();
    let (from, into) = (programme.member(), programme.member());
    let claimed = claim(&mut programme, from, "400.00", 1);
    let sale = plain(&mut programme, into, "T-1");
    let bought = programme.post(&sale).unwrap().purchase.id;
    programme.now += TimeDelta::milliseconds(1);
    let (books, at) = (programme.books.clone(), programme.now);
    programme
        .connection
        .transaction(|connection| merging::merge(connection, &books, (from, into), Uuid::nil(), at))
        .unwrap();
    let claimed = now(&mut programme, &claimed);
    assert_eq!(claimed.status, ClaimStatus::Waiting);
    for receipt in [None, Some("T-9")] {
        let approval = approved(&mut programme, &claimed, receipt);
        match receipt {
            None => {
                let answer = programme.post(&approval).unwrap();
                assert!(answer.replayed && answer.purchase.id == bought, "{answer:?}");
            }
            Some(_) => assert_eq!(programme.post(&approval).unwrap_err(), Refusal::ClaimEnded),
        }
        programme.sound();
    }
    let ended = now(&mut programme, &claimed);
    assert_eq!((ended.status, ended.purchase), (ClaimStatus::Confirmed, Some(bought)));
    assert_eq!(programme.balance(into)[0], "20.00");
    // The receipts that approvals came with are free.
    let other = programme.member();
    let mut fresh = plain(&mut programme, other, "T-9");
    fresh.receipt = claimed.derived_receipt();
    programme.post(&fresh).unwrap();
    programme.sound();
}
