//! Refunds in registers that come before what they return: before the sale, before its capture, and beside other sales of
//! its batch.

use std::collections::HashMap;

use cashback_engine::posting::{self, Sale};
use cashback_engine::purchases::{self, PurchaseStatus};
use cashback_engine::reconciliation::{self, Outcome, RegisterMode};
use cashback_engine::refunds::Returned;
use cashback_engine::{PurchaseId, RegisterId, two_step};
use diesel::prelude::*;
use shared_kernel::ids::MemberId;
use shared_kernel::paging::Limit;

use crate::engine_order::{at_once, until_somebody_waits};
use crate::engine_registers::{HEADER, load};
use crate::engine_support::{Programme, money};

/// A register with one refund, which waits.
fn file_back(programme: &mut Programme, receipt: &str, amount: &str, reference: &str) -> RegisterId {
    let at = programme.now.to_rfc3339();
    let file = format!("{HEADER}\nshop-1,{receipt},{at},,{amount},,refund,{reference}\n");
    let (id, outcomes) = load(programme, file.as_bytes(), RegisterMode::Post, &HashMap::new());
    assert_eq!(outcomes.first(), Some(&(Outcome::OnlyTheirs, 1)), "{outcomes:?}");
    let rows = reconciliation::rows(&mut programme.connection, id, None, None, Limit::DEFAULT).unwrap().items;
    assert_eq!(rows.first().unwrap().reason.as_deref(), Some("waits_for_sale"));
    id
}

fn sale(programme: &mut Programme, member: MemberId, (receipt, amount): (&str, &str)) -> Sale {
    let mut sale = programme.sale(member, amount);
    sale.receipt = receipt.to_owned();
    sale
}

fn left(programme: &mut Programme, id: PurchaseId) -> (PurchaseStatus, String) {
    let purchase =
        purchases::purchase(&mut programme.connection, &programme.books, id, None).unwrap().unwrap();
    (purchase.status, (purchase.amount - purchase.refunded).to_string())
}

#[test]
fn a_refund_between_the_two_steps_waits_for_the_capture() {
    for captured in ["1000.00", "600.00"] {
        let mut programme = Programme::new();
        programme.rule(r#""earn":{"percent":"5"}"#);
        let member = programme.member();
        file_back(&mut programme, "two", "100.00", "before");
        let mut asked = sale(&mut programme, member, ("two", "1000.00"));
        asked.capture = false;
        let id = programme.post(&asked).unwrap().purchase.id;
        assert_eq!(left(&mut programme, id), (PurchaseStatus::Authorized, "1000.00".to_owned()));
        file_back(&mut programme, "two", "50.00", "between");
        let part = Returned::Amount(money(captured));
        let part = Some(&part).filter(|_| captured != "1000.00");
        let purchase = programme.capture(id, part).unwrap();
        assert_eq!(purchase.sold, money(captured));
        let remains = (money(captured) - money("150.00")).to_string();
        assert_eq!(left(&mut programme, id), (PurchaseStatus::PartlyRefunded, remains));
        assert_eq!(programme.refund_amount(id, "1.00", "after").purchase.id, id);
        programme.sound();
    }
}

#[test]
fn what_is_given_up_leaves_its_refund_to_the_partner() {
    let mut programme = Programme::new();
    let member = programme.member();
    let mut asked = sale(&mut programme, member, ("two", "1000.00"));
    asked.capture = false;
    let id = programme.post(&asked).unwrap().purchase.id;
    let register = file_back(&mut programme, "two", "50.00", "between");
    let (books, now, partner) = (programme.books.clone(), programme.now, Some(programme.partner));
    let connection = &mut programme.connection;
    two_step::void(connection, &books, (id, partner), now).unwrap().unwrap();
    assert_eq!(left(&mut programme, id).0, PurchaseStatus::Voided);
    let connection = &mut programme.connection;
    let rows = reconciliation::rows(connection, register, None, None, Limit::DEFAULT).unwrap().items;
    let told: Vec<_> = rows.iter().map(|row| (row.outcome, row.reason.as_deref(), row.purchase_id)).collect();
    assert_eq!(told, [(Some(Outcome::OnlyTheirs), Some("waits_for_sale"), None)]);
    programme.sound();
}

#[test]
fn what_follows_a_sale_that_came_back_already_is_judged_after_its_refund() {
    let capped = r#""caps":{"per_member":{"amount":"50.00","period":"month"}}"#;
    // Whose purchase follows: the same buyer's, whose cap it is, or another's under one budget.
    for (caps, another) in [(capped, false), (r#""caps":{"budget":"55.00"}"#, true)] {
        assert_eq!(together(caps, another, true), together(caps, another, false), "{caps}");
    }
}

/// What each of four sales brought, and the balances: in one batch or one at a time.
fn together(caps: &str, another: bool, batched: bool) -> (Vec<String>, [[String; 4]; 2]) {
    let mut programme = Programme::new();
    programme.rule(&format!(r#""earn":{{"percent":"5"}},{caps}"#));
    let (member, other) = (programme.member(), programme.member());
    file_back(&mut programme, "first", "1000.00", "back");
    let second = if another { other } else { member };
    let sales = [
        sale(&mut programme, other, ("before", "100.00")),
        sale(&mut programme, member, ("first", "1000.00")),
        sale(&mut programme, second, ("second", "1000.00")),
        sale(&mut programme, member, ("first", "1000.00")),
    ];
    let posted = if batched {
        programme.post_all(&sales)
    } else {
        sales.iter().map(|sale| programme.post(sale)).collect()
    };
    let posted: Vec<_> = posted.into_iter().map(Result::unwrap).collect();
    assert_eq!(posted.iter().map(|one| one.replayed).collect::<Vec<_>>(), [false, false, false, true]);
    assert_eq!(posted[1].purchase.id, posted[3].purchase.id);
    assert_eq!(posted[1].purchase.status, PurchaseStatus::Refunded, "the answer tells of the refund");
    let given: Vec<String> = posted.iter().map(|one| one.purchase.cashback.given.to_string()).collect();
    assert_eq!(given[2], "50.00", "the room that the refund gave back is there again");
    programme.sound();
    (given, [programme.balance(member), programme.balance(other)])
}

#[test]
fn a_batch_in_parts_waits_for_every_buyer_before_it_holds_what_others_want() {
    let mut programme = Programme::new();
    let rule = programme.rule(r#""earn":{"percent":"5"},"caps":{"budget":"1000.00"}"#);
    let (anna, boris) = (programme.member(), programme.member());
    file_back(&mut programme, "first", "1000.00", "back");
    let sales = [
        sale(&mut programme, anna, ("first", "1000.00")),
        sale(&mut programme, anna, ("second", "1000.00")),
        sale(&mut programme, boris, ("third", "1000.00")),
    ];
    let (books, now) = (programme.books.clone(), programme.now);
    let (mut posting, mut watcher) = (programme.database.connect(), programme.database.connect());
    let connection = &mut programme.connection;
    let posted = std::thread::scope(|scope| {
        let posting = connection
            .transaction(|connection| -> QueryResult<_> {
                at_once(connection, "balances", "member_id", boris.0);
                let posting = scope.spawn(|| posting.transaction(|c| posting::post(c, &books, &sales, now)));
                until_somebody_waits(&mut watcher);
                watcher.transaction(|watcher| -> QueryResult<()> {
                    at_once(watcher, "budget_usage", "rule_id", rule.0);
                    Ok(())
                })?;
                Ok(posting)
            })
            .unwrap();
        posting.join().unwrap().unwrap()
    });
    let given: Vec<String> =
        posted.into_iter().map(|one| one.unwrap().purchase.cashback.given.to_string()).collect();
    assert_eq!(given, ["50.00", "50.00", "50.00"]);
    programme.sound();
}
