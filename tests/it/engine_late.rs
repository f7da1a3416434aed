//! What is told late is judged by its own moment: who took part then, and what a partner was charged then.

use cashback_engine::partners::{self, PartnerChanges};
use cashback_engine::posting::{Fiscal, Presented, Refusal, Source};
use cashback_engine::programme::{self, Changes};
use cashback_engine::purchases::CashbackReason;
use cashback_engine::texts::{Language, reason_text};
use cashback_engine::{enrolments, merging};
use chrono::TimeDelta;
use diesel::Connection;
use shared_kernel::ids::{MemberId, Uuid};

use crate::engine_support::{Programme, line, money};

const FIVE: &str = r#""earn":{"percent":"5"}"#;

/// What a purchase of 100.00 of so long ago brings, and why not more.
fn brings(
    programme: &mut Programme,
    member: MemberId,
    (ago, source): (TimeDelta, Source),
) -> (String, Option<CashbackReason>) {
    let mut sale = programme.sale(member, "100.00");
    (sale.occurred_at, sale.source, sale.presented) = (programme.now - ago, source, Presented::BareNumber);
    let cashback = programme.post(&sale).unwrap().purchase.cashback;
    (cashback.given.to_string(), cashback.reason)
}

fn says(programme: &mut Programme, member: MemberId, enrolled: bool) {
    let (connection, now) = (&mut programme.connection, programme.now);
    if enrolled {
        enrolments::enrol(connection, member, "2026-1", "page", now).unwrap();
    } else {
        enrolments::leave(connection, member, "2026-1", "page", now).unwrap();
    }
}

fn change(programme: &mut Programme, changes: PartnerChanges) {
    partners::change(&mut programme.connection, "shop", &changes, programme.now).unwrap();
}

/// Sets the categories that are excluded besides tobacco and nicotine.
fn exclude(programme: &mut Programme, more: &[&str]) {
    let categories = ["tobacco", "nicotine"].iter().chain(more).map(|name| (*name).to_owned()).collect();
    let changes = Changes { excluded_categories: Some(categories), ..Changes::default() };
    programme::change(&mut programme.connection, &changes, programme.now).unwrap();
}

#[test]
fn excluded_categories_are_those_of_the_purchases_moment() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"5"},"hold_days":0"#);
    let member = programme.member();
    let (hours, days) = (TimeDelta::hours, TimeDelta::days);
    exclude(&mut programme, &["gifts"]);
    programme.now += days(1);
    exclude(&mut programme, &[]);
    // Again the same changes nothing.
    exclude(&mut programme, &[]);
    programme.now += days(1);
    let mut bought = Vec::new();
    for (source, ago, brought) in [
        (Source::Api, days(3), "5.00"),
        (Source::Register, days(2) + hours(1), "5.00"),
        (Source::Api, days(2), "2.00"),
        (Source::Batch, hours(36), "2.00"),
        (Source::Register, hours(36), "2.00"),
        (Source::Till, days(1), "5.00"),
        (Source::Api, TimeDelta::zero(), "5.00"),
    ] {
        let mut sale = programme.sale(member, "100.00");
        (sale.occurred_at, sale.source) = (programme.now - ago, source);
        sale.presented = Presented::BareNumber;
        sale.lines = Some(vec![line("a", "gifts", "60.00"), line("b", "books", "40.00")]);
        let purchase = programme.post(&sale).unwrap().purchase;
        assert_eq!(purchase.cashback.given, money(brought), "{source} {ago}");
        bought.push(purchase.id);
    }
    // A refund judges by what was covered then.
    assert_eq!(programme.refund_amount(bought[2], "50.00", "1").purchase.cashback.left, money("1.00"));
    // Points too: a list that came to be a moment ago doesn't bar what was paid before it.
    programme.now += days(1);
    exclude(&mut programme, &["gifts"]);
    programme.now += TimeDelta::seconds(30);
    let mut sale = programme.sale(member, "100.00");
    sale.lines = Some(vec![line("a", "gifts", "100.00")]);
    sale.redeem = money("10.00");
    assert_eq!(programme.post(&sale).unwrap_err(), Refusal::RedeemTooMuch { most: money("0.00") });
    sale.occurred_at -= TimeDelta::minutes(1);
    programme.post(&sale).unwrap();
    programme.sound();
}

#[test]
fn who_joined_since_earns_nothing_and_who_left_since_earns() {
    let mut programme = Programme::new();
    programme.rule(FIVE);
    let (hours, days) = (TimeDelta::hours, TimeDelta::days);
    let none = |reason| ("0.00".to_owned(), Some(reason));
    let five = ("5.00".to_owned(), None);
    let member = MemberId::generate();
    let never = none(CashbackReason::NotEnrolled);
    assert_eq!(brings(&mut programme, member, (hours(1), Source::Api)), never);
    says(&mut programme, member, true);
    programme.now += TimeDelta::minutes(10);
    assert_eq!(
        brings(&mut programme, member, (TimeDelta::minutes(15), Source::Till)),
        five,
        "joined in the course of the sale"
    );
    programme.now += days(2);
    for (source, ago, brought) in [
        (Source::Api, days(3), &never),
        (Source::Batch, days(3), &never),
        (Source::Register, days(40), &never),
        (Source::Register, days(1), &five),
        (Source::Api, hours(5), &five),
        (Source::History, days(300), &five),
    ] {
        assert_eq!(&brings(&mut programme, member, (ago, source)), brought, "{source} {ago}");
    }
    says(&mut programme, member, false);
    let gone = none(CashbackReason::LeftProgramme);
    assert_eq!(brings(&mut programme, member, (TimeDelta::zero(), Source::Api)), gone);
    assert_eq!(brings(&mut programme, member, (hours(5), Source::Api)), five, "took part then");
    assert_eq!(brings(&mut programme, member, (days(3), Source::Register)), never);
    programme.now += days(1);
    assert_eq!(brings(&mut programme, member, (hours(20), Source::Api)), gone);
    says(&mut programme, member, true);
    assert_eq!(brings(&mut programme, member, (hours(20), Source::Api)), gone, "joined again only now");
    assert!(
        reason_text(CashbackReason::NotEnrolled, Language::English).contains("at the time of the purchase")
    );
    programme.sound();
}

#[test]
fn of_two_merged_members_either_took_part() {
    let mut programme = Programme::new();
    programme.rule(FIVE);
    let (from, into) = (programme.member(), MemberId::generate());
    let (books, now) = (programme.books.clone(), programme.now);
    programme
        .connection
        .transaction(|connection| merging::merge(connection, &books, (from, into), Uuid::nil(), now))
        .unwrap();
    programme.now += TimeDelta::days(1);
    let five = ("5.00".to_owned(), None);
    assert_eq!(brings(&mut programme, into, (TimeDelta::days(3), Source::Api)), five);
    programme.sound();
}

#[test]
fn commission_is_charged_at_the_rate_of_the_purchases_moment() {
    let mut programme = Programme::new();
    programme.rule(FIVE);
    let member = programme.member();
    let charged = |programme: &mut Programme, ago: i64| {
        let mut sale = programme.sale(member, "100.00");
        (sale.occurred_at, sale.presented) = (programme.now - TimeDelta::days(ago), Presented::BareNumber);
        let purchase = programme.post(&sale).unwrap().purchase;
        programme.refund_amount(purchase.id, "50.00", "1");
        purchase.commission.to_string()
    };
    for rate in ["0.05", "0.01"] {
        programme.now += TimeDelta::days(2);
        change(
            &mut programme,
            PartnerChanges { commission_rate: rate.parse().ok(), ..PartnerChanges::default() },
        );
    }
    let charged: Vec<String> = [0, 1, 3, 9].map(|ago| charged(&mut programme, ago)).to_vec();
    assert_eq!(charged, ["1.00", "5.00", "3.00", "3.00"]);
    programme.sound();
}

#[test]
fn where_tills_book_points_as_counter_provision_the_fiscal_receipt_is_of_the_whole_amount() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"hold_days":0"#);
    let member = programme.member();
    let mut sale = programme.sale(member, "1000.00");
    (sale.occurred_at, sale.presented) = (programme.now - TimeDelta::days(2), Presented::BareNumber);
    programme.post(&sale).unwrap();
    let provision = PartnerChanges { fiscal_counts_points: Some(true), ..PartnerChanges::default() };
    change(&mut programme, provision);
    let bought = |programme: &mut Programme, sum: &str, number: u32| {
        let raw = format!("t=20261110T1200&s={sum}&fn=9287440300634471&i={number}&fp=3730902192&n=1");
        let mut sale = programme.sale(member, "100.00");
        (sale.redeem, sale.fiscal) = (money("20.00"), Some(Fiscal::parse(&raw).unwrap()));
        programme.post(&sale).map(|posted| posted.purchase.paid.to_string())
    };
    let expected = money("100.00");
    assert_eq!(bought(&mut programme, "80.00", 1).unwrap_err(), Refusal::FiscalMismatch { expected });
    assert_eq!(bought(&mut programme, "100.00", 1).unwrap(), "80.00");
    // From the next purchase on as it was.
    change(&mut programme, PartnerChanges { fiscal_counts_points: Some(false), ..provision });
    let expected = money("80.00");
    assert_eq!(bought(&mut programme, "100.00", 2).unwrap_err(), Refusal::FiscalMismatch { expected });
    assert_eq!(bought(&mut programme, "80.00", 2).unwrap(), "80.00");
    let least = PartnerChanges {
        redeem_least: Some(money("30.00")),
        redeem_share: "0.25".parse().ok(),
        ..PartnerChanges::default()
    };
    change(&mut programme, least);
    let least = money("30.00");
    assert_eq!(bought(&mut programme, "80.00", 3).unwrap_err(), Refusal::RedeemTooLittle { least });
    programme.sound();
}
