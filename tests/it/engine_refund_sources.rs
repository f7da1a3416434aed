//! Where a refund takes from, and what it moves between funders: money.md's order and its kopecks.

use cashback_engine::adjustments::{self, Proposal};
use cashback_engine::posting::Presented;
use cashback_engine::{PurchaseId, jobs, merging};
use chrono::TimeDelta;
use diesel::prelude::*;
use shared_kernel::ids::{MemberId, Uuid};

use crate::engine_support::{Programme, at, money};

const THREE_FUNDERS: &str = r#""funding":[{"by":"partner","share":"0.428571"},{"by":"R-1","share":"0.428572"},
    {"by":"R-2","share":"0.142857"}]"#;

#[derive(QueryableByName, Debug, PartialEq)]
struct Moved {
    #[diesel(sql_type = diesel::sql_types::Text)]
    from: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    to: String,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    kopecks: i64,
}

/// What a purchase's last refund moved, in order: from which account to which.
fn refunded(programme: &mut Programme, purchase: PurchaseId) -> Vec<(String, String, i64)> {
    diesel::sql_query(
        "SELECT concat_ws(':', d.kind, nullif(d.owner, 'member')) AS from, concat_ws(':', c.kind,
            nullif(c.owner, 'member')) AS to, t.amount AS kopecks
         FROM ledger.transfers t JOIN ledger.accounts d ON d.id = t.debit JOIN ledger.accounts c ON c.id = t.credit
         WHERE t.posting_id = (SELECT posting_id FROM ledger.refunds WHERE purchase_id = $1
            ORDER BY posting_id DESC LIMIT 1) ORDER BY t.ordinal",
    )
    .bind::<diesel::sql_types::Uuid, _>(purchase)
    .load::<Moved>(&mut programme.connection)
    .unwrap()
    .into_iter()
    .map(|moved| (moved.from, moved.to, moved.kopecks))
    .collect()
}

fn moved(expected: &[(&str, &str, i64)]) -> Vec<(String, String, i64)> {
    expected.iter().map(|(from, to, kopecks)| ((*from).to_owned(), (*to).to_owned(), *kopecks)).collect()
}

fn night(programme: &mut Programme, until: &str) {
    programme.now = at(until);
    let (books, now) = (programme.books.clone(), programme.now);
    jobs::release_holds(&mut programme.connection, &books, now, now).unwrap();
    jobs::expire(&mut programme.connection, &books, now, now).unwrap();
}

fn give(programme: &mut Programme, member: MemberId, amount: &str) {
    let proposal = Proposal {
        debit: "adjustments:union".parse().unwrap(),
        credit: format!("available:{member}").parse().unwrap(),
        amount: money(amount),
        life_months: None,
        reason: "a promise".to_owned(),
        evidence: "a letter".to_owned(),
    };
    let (books, now) = (programme.books.clone(), programme.now);
    let connection = &mut programme.connection;
    let made = adjustments::propose(connection, &proposal, Uuid::from_u128(1), now).unwrap();
    adjustments::approve(connection, &books, (made.id, None), Uuid::from_u128(2), now).unwrap();
}

fn nothing_is_left(programme: &mut Programme, member: MemberId) {
    assert_eq!(programme.balance(member), ["0.00"; 4].map(str::to_owned));
    for (kind, owner) in [
        ("receivable", "shop"),
        ("funding", "R-1"),
        ("funding", "R-2"),
        ("commission", "union"),
        ("breakage", "union"),
    ] {
        assert_eq!(programme.debited(kind, owner), "0.00", "{kind}:{owner}");
    }
}

#[test]
fn a_funder_whose_part_grows_pays_the_others() {
    let mut programme = Programme::new();
    programme.rule(&format!(r#""earn":{{"percent":"1"}},{THREE_FUNDERS}"#));
    let member = programme.member();
    let id = programme.buy(member, "11.00").purchase.id;
    let paid = |programme: &mut Programme| {
        ["R-1", "R-2"].map(|organisation| programme.debited("funding", organisation))
    };
    assert_eq!(paid(&mut programme), ["0.05", "0.01"], "0.11 in three parts: 5, 5 and 1");
    programme.refund_amount(id, "1.00", "1");
    assert_eq!(paid(&mut programme), ["0.04", "0.02"], "0.10 in three parts: 4, 4 and 2");
    assert_eq!(programme.balance(member)[0], "0.10");
    let expected = [
        ("funding:R-2", "receivable:shop", 1),
        ("pending", "funding:R-1", 1),
        ("commission:union", "receivable:shop", 3),
    ];
    assert_eq!(refunded(&mut programme, id), moved(&expected));
    programme.sound();
    programme.refund_amount(id, "10.00", "2");
    nothing_is_left(&mut programme, member);
    programme.sound();
}

#[test]
fn a_refund_takes_from_pending_its_own_lot_breakage_other_lots_and_then_makes_debt() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"hold_days":60"#);
    for (amount, life) in [("50.00", 12), ("20.00", 1)] {
        programme.rule(&format!(
            r#""earn":{{"fixed":"{amount}"}},"stacking":"additive","hold_days":0,"life_months":{life},
               "when":{{"least_amount":"500.00"}}"#
        ));
    }
    let member = programme.member();
    let id = programme.buy(member, "1000.00").purchase.id;
    night(&mut programme, "2026-12-11T09:00:00Z");
    assert_eq!(programme.balance(member), ["100.00", "50.00", "0.00", "0.00"].map(str::to_owned));
    assert_eq!(programme.debited("breakage", "union"), "-20.00");
    let mut sale = programme.sale(member, "80.00");
    sale.redeem = money("40.00");
    programme.post(&sale).unwrap();
    give(&mut programme, member, "5.00");
    assert_eq!(programme.balance(member), ["104.00", "15.00", "0.00", "0.00"].map(str::to_owned));
    programme.refund_amount(id, "1000.00", "1");
    let expected = [
        ("pending", "receivable:shop", 10_000),
        ("available", "receivable:shop", 1_000),
        ("breakage:union", "receivable:shop", 2_000),
        ("available", "receivable:shop", 500),
        ("debt", "receivable:shop", 3_500),
        ("commission:union", "receivable:shop", 3_000),
    ];
    assert_eq!(refunded(&mut programme, id), moved(&expected));
    assert_eq!(programme.balance(member), ["4.00", "0.00", "0.00", "35.00"].map(str::to_owned));
    programme.sound();
}

#[test]
fn what_expired_of_several_funders_comes_back_to_nothing_everywhere() {
    let mut programme = Programme::new();
    programme.rule(&format!(r#""earn":{{"percent":"10"}},"hold_days":0,"life_months":1,{THREE_FUNDERS}"#));
    let member = programme.member();
    let id = programme.buy(member, "33.33").purchase.id;
    night(&mut programme, "2026-12-11T09:00:00Z");
    assert_eq!(programme.debited("breakage", "union"), "-3.33");
    for reference in ["1", "2", "3"] {
        programme.refund_amount(id, "11.11", reference);
        programme.sound();
    }
    nothing_is_left(&mut programme, member);
}

#[test]
fn a_purchase_of_who_was_merged_is_refunded_out_of_breakage() {
    let mut programme = Programme::new();
    programme.rule(&format!(r#""earn":{{"percent":"10"}},"hold_days":0,"life_months":1,{THREE_FUNDERS}"#));
    let (from, into) = (programme.member(), programme.member());
    let mut sale = programme.sale(from, "100.00");
    (sale.occurred_at, sale.presented) = (programme.now - TimeDelta::days(2), Presented::BareNumber);
    let id = programme.post(&sale).unwrap().purchase.id;
    programme.now += TimeDelta::milliseconds(1);
    let (books, now) = (programme.books.clone(), programme.now);
    programme
        .connection
        .transaction(|connection| merging::merge(connection, &books, (from, into), Uuid::nil(), now))
        .unwrap();
    night(&mut programme, "2026-12-11T09:00:00Z");
    assert_eq!(programme.debited("breakage", "union"), "-10.00");
    programme.refund_amount(id, "100.00", "1");
    nothing_is_left(&mut programme, into);
    programme.sound();
}
