//! Rules over time and together: versions that take over, caps over all of them, and limits that say so.

use std::time::Duration;

use cashback_engine::EngineError;
use cashback_engine::explanation::explanation;
use cashback_engine::purchases::CashbackReason;
use cashback_engine::rules::evaluate::{Limit, WhyNot};
use cashback_engine::rules::{RuleDraft, RuleFilter, RuleStatus, listing, store};
use cashback_engine::{PurchaseId, RuleId, two_step};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::Connection;
use shared_kernel::ids::Uuid;
use shared_kernel::paging::Limit as PageLimit;

use crate::engine_support::{Programme, at, line, money};

fn draft(fields: &str) -> RuleDraft {
    serde_json::from_str(&format!(r#"{{"name":"rule","partner":"shop",{fields}}}"#)).unwrap()
}

/// Drafts and approves a further version.
fn next_version(programme: &mut Programme, rule: RuleId, fields: &str, now: DateTime<Utc>) -> i32 {
    let connection = &mut programme.connection;
    let version = store::add(connection, rule, &draft(fields), Uuid::new_v4(), now).unwrap().version;
    store::approve(connection, rule, version, Uuid::new_v4(), now).unwrap();
    version
}

fn statuses(programme: &mut Programme, rule: RuleId, now: DateTime<Utc>) -> Vec<RuleStatus> {
    let versions = listing::versions(&mut programme.connection, rule, now).unwrap();
    versions.iter().map(|version| version.status).collect()
}

/// What each rule of a purchase was trimmed by.
fn limits(programme: &mut Programme, purchase: PurchaseId) -> Vec<Option<Limit>> {
    let books = programme.books.clone();
    let why = explanation(&mut programme.connection, &books, purchase).unwrap().unwrap();
    why.rules.iter().filter_map(|rule| Some(rule.outcome.as_ref().ok()?.trimmed_by)).collect()
}

fn why_not(programme: &mut Programme, purchase: PurchaseId) -> Vec<WhyNot> {
    let books = programme.books.clone();
    let why = explanation(&mut programme.connection, &books, purchase).unwrap().unwrap();
    why.rules.iter().filter_map(|rule| Some(rule.outcome.as_ref().err()?.why)).collect()
}

#[test]
fn a_scheduled_version_takes_over_on_its_first_day_and_not_before() {
    let mut programme = Programme::new();
    let rule = programme.rule(r#""earn":{"percent":"5"}"#);
    let now = programme.now;
    next_version(&mut programme, rule, r#""earn":{"percent":"10"},"when":{"from":"2026-11-12"}"#, now);
    assert_eq!(statuses(&mut programme, rule, now), [RuleStatus::Active, RuleStatus::Scheduled]);
    let member = programme.member();
    assert_eq!(programme.buy(member, "100.00").purchase.cashback.given, money("5.00"), "no gap until then");
    // The last moment of the day before, and the first of the day, in Moscow.
    programme.now = at("2026-11-11T20:59:59Z");
    let last = programme.buy(member, "100.00").purchase;
    assert_eq!(last.cashback.given, money("5.00"));
    assert_eq!(why_not(&mut programme, last.id), [], "what has not begun is no reason");
    programme.now = at("2026-11-11T21:00:00Z");
    assert_eq!(programme.buy(member, "100.00").purchase.cashback.given, money("10.00"));
    let on = programme.now;
    assert_eq!(statuses(&mut programme, rule, on), [RuleStatus::Ended, RuleStatus::Active]);
    // A purchase that comes in late is judged by what was in force when it happened.
    let mut late = programme.sale(member, "100.00");
    late.occurred_at = at("2026-11-10T10:00:00Z");
    assert_eq!(programme.post(&late).unwrap().purchase.cashback.given, money("5.00"));
    programme.sound();
}

#[test]
fn two_versions_approved_at_one_instant_are_never_both_in_force() {
    let mut programme = Programme::new();
    let rule = programme.rule(r#""earn":{"percent":"5"},"stacking":"additive""#);
    let long_ago = programme.now - TimeDelta::days(365);
    next_version(&mut programme, rule, r#""earn":{"percent":"7"},"stacking":"additive""#, long_ago);
    let member = programme.member();
    assert_eq!(programme.buy(member, "100.00").purchase.cashback.given, money("7.00"));
}

#[test]
fn who_comes_late_is_told_and_a_month_later_nobody_is() {
    let mut programme = Programme::new();
    programme.now = at("2026-11-12T12:00:00Z");
    programme.rule(r#""earn":{"percent":"5"},"when":{"until":"2026-11-12"}"#);
    programme.rule(r#""earn":{"percent":"9"},"when":{"from":"2027-01-01"}"#);
    let member = programme.member();
    let mut told = |moment: &str| {
        programme.now = at(moment);
        let id = programme.buy(member, "100.00").purchase.id;
        explanation(&mut programme.connection, &programme.books, id).unwrap().unwrap()
    };
    let on_the_day = told("2026-11-12T20:59:00Z");
    assert!(on_the_day.rules[0].outcome.is_ok());
    assert_eq!(on_the_day.rules.len(), 1, "what is to come is nobody's business yet");
    let late = told("2026-12-13T20:59:00Z");
    assert!(late.rules[0].outcome.is_err(), "31 days late");
    assert_eq!(late.reason, Some(CashbackReason::NoRuleApplied));
    let later = told("2026-12-13T21:00:00Z");
    assert!(later.rules.is_empty());
    assert_eq!(later.reason, Some(CashbackReason::NoRule));
    programme.sound();
}

#[test]
fn statuses_follow_the_clock() {
    let mut programme = Programme::new();
    let now = programme.now;
    let fields = r#""earn":{"percent":"5"},"when":{"from":"2026-11-12","until":"2026-11-13"}"#;
    let connection = &mut programme.connection;
    let rule = store::create(connection, &draft(fields), Uuid::new_v4(), now).unwrap();
    assert_eq!(rule.status, RuleStatus::Draft);
    let approved = store::approve(connection, rule.id, 1, Uuid::new_v4(), now).unwrap();
    assert_eq!(approved.status, RuleStatus::Scheduled);
    for (moment, status) in [
        ("2026-11-11T20:59:59Z", RuleStatus::Scheduled),
        ("2026-11-11T21:00:00Z", RuleStatus::Active),
        ("2026-11-13T20:59:59Z", RuleStatus::Active),
        ("2026-11-13T21:00:00Z", RuleStatus::Ended),
    ] {
        assert_eq!(statuses(&mut programme, rule.id, at(moment)), [status], "{moment}");
        let filter = RuleFilter { status: Some(status), ..RuleFilter::default() };
        let connection = &mut programme.connection;
        let found = listing::list(connection, &filter, None, PageLimit::DEFAULT, at(moment)).unwrap();
        assert_eq!(found.items.len(), 1, "{moment}");
    }
    let connection = &mut programme.connection;
    let other = store::create(connection, &draft(r#""earn":{"percent":"1"}"#), Uuid::new_v4(), now).unwrap();
    let ended = store::end(connection, other.id, Uuid::new_v4(), now).unwrap();
    assert_eq!((ended.status, ended.ended_at), (RuleStatus::Ended, Some(now)), "a draft can be given up");
    let again = store::approve(connection, other.id, 1, Uuid::new_v4(), now);
    assert!(matches!(again, Err(EngineError::State(_))));
}

#[test]
fn caps_and_budgets_count_over_all_versions_also_those_without_any() {
    let mut programme = Programme::new();
    let capped = r#""earn":{"percent":"10"},"caps":{"per_member":{"amount":"30.00","period":"month"},"budget":"100.00"}"#;
    let rule = programme.rule(capped);
    let member = programme.member();
    assert_eq!(programme.buy(member, "100.00").purchase.cashback.given, money("10.00"));
    let later = |programme: &mut Programme| {
        programme.now += TimeDelta::minutes(1);
        programme.now
    };
    let now = later(&mut programme);
    next_version(&mut programme, rule, r#""earn":{"percent":"10"}"#, now);
    later(&mut programme);
    let free = programme.buy(member, "150.00").purchase;
    assert_eq!(free.cashback.given, money("15.00"), "this version has no cap");
    programme.sound();
    let now = later(&mut programme);
    next_version(&mut programme, rule, capped, now);
    later(&mut programme);
    let trimmed = programme.buy(member, "100.00").purchase;
    assert_eq!(trimmed.cashback.given, money("5.00"), "30.00 less 10.00 and 15.00");
    assert_eq!(trimmed.cashback.reason, Some(CashbackReason::CapReached));
    assert_eq!(limits(&mut programme, trimmed.id), [Some(Limit::PerMember)]);
    // Room given back by a purchase of any version.
    programme.refund_amount(free.id, "50.00", "1");
    let after = programme.buy(member, "100.00").purchase;
    assert_eq!(after.cashback.given, money("5.00"));
    programme.sound();
}

#[test]
fn a_cap_that_a_later_version_brings_starts_with_what_was_given_before() {
    let mut programme = Programme::new();
    let rule = programme.rule(r#""earn":{"percent":"10"}"#);
    let member = programme.member();
    programme.buy(member, "100.00");
    programme.now += TimeDelta::minutes(1);
    let now = programme.now;
    let scheduled = r#""earn":{"percent":"10"},"caps":{"budget":"25.00"},"when":{"from":"2026-11-11"}"#;
    next_version(&mut programme, rule, scheduled, now);
    programme.now += TimeDelta::minutes(1);
    programme.buy(member, "100.00");
    programme.sound();
    programme.now = at("2026-11-11T09:00:00Z");
    let last = programme.buy(member, "100.00").purchase;
    assert_eq!(last.cashback.given, money("5.00"), "counted since the first version, also while it waited");
    assert_eq!(limits(&mut programme, last.id), [Some(Limit::Budget)]);
    let none = programme.buy(member, "100.00").purchase;
    assert_eq!(none.cashback.reason, Some(CashbackReason::CapReached));
    assert_eq!(why_not(&mut programme, none.id), [WhyNot::BudgetSpent]);
    programme.sound();
}

#[test]
fn a_full_version_and_one_with_room_meet_in_one_batch() {
    let mut programme = Programme::new();
    let capped = |budget: &str| format!(r#""earn":{{"percent":"10"}},"caps":{{"budget":"{budget}"}}"#);
    let rule = programme.rule(&capped("25.00"));
    let member = programme.member();
    programme.buy(member, "200.00");
    let late = programme.sale(member, "100.00");
    programme.now += TimeDelta::minutes(1);
    let now = programme.now;
    next_version(&mut programme, rule, &capped("1000.00"), now);
    programme.now += TimeDelta::minutes(1);
    let sale = programme.sale(member, "1000.00");
    let given: Vec<_> = programme
        .post_all(&[late, sale])
        .into_iter()
        .map(|posted| posted.unwrap().purchase.cashback.given)
        .collect();
    assert_eq!(given, [money("5.00"), money("100.00")], "each has the room of its own version");
    programme.sound();
}

#[test]
fn every_limit_says_so() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"caps":{"per_purchase":"8.00","per_member":{"amount":"500.00","period":"day"}}"#);
    let member = programme.member();
    let posted = programme.buy(member, "100.00").purchase;
    assert_eq!(
        (posted.cashback.given, posted.cashback.reason),
        (money("8.00"), Some(CashbackReason::CapReached))
    );
    assert_eq!(limits(&mut programme, posted.id), [Some(Limit::PerPurchase)]);
    programme.rule(r#""earn":{"fixed":"95.00"},"stacking":"additive","priority":1"#);
    let posted = programme.buy(member, "100.00").purchase;
    assert_eq!(posted.cashback.given, money("100.00"));
    assert_eq!(limits(&mut programme, posted.id), [Some(Limit::PerPurchase), Some(Limit::Paid)]);
    programme.rule(r#""earn":{"fixed":"1.00"},"stacking":"additive""#);
    let posted = programme.buy(member, "100.00").purchase;
    assert_eq!(posted.cashback.given, money("100.00"));
    assert_eq!(why_not(&mut programme, posted.id), [WhyNot::PaidReached]);
    let whole = programme.buy(member, "10000.00").purchase;
    assert_eq!(whole.cashback.given, money("104.00"));
    programme.sound();
}

#[test]
fn hours_past_midnight_and_days_are_the_outlets_own() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"fixed":"1.00"},"when":{"days":["sat"],"hours":["22:00","06:00"]}"#);
    let member = programme.member();
    programme.now = at("2026-11-15T09:00:00Z");
    // Vladivostok is seven hours ahead of Moscow. 14 November 2026 is a Saturday.
    for (outlet, moment, applies) in [
        ("shop-1", "2026-11-13T20:59:00Z", false),
        ("shop-1", "2026-11-13T21:00:00Z", true),
        ("shop-1", "2026-11-14T02:59:00Z", true),
        ("shop-1", "2026-11-14T03:00:00Z", false),
        ("shop-1", "2026-11-14T19:00:00Z", true),
        ("shop-1", "2026-11-14T21:00:00Z", false),
        ("shop-2", "2026-11-13T13:59:00Z", false),
        ("shop-2", "2026-11-13T14:00:00Z", true),
        ("shop-2", "2026-11-13T19:59:00Z", true),
        ("shop-2", "2026-11-13T20:00:00Z", false),
        ("shop-2", "2026-11-14T12:00:00Z", true),
    ] {
        let mut sale = programme.sale(member, "100.00");
        sale.outlet = outlet.to_owned();
        sale.occurred_at = at(moment);
        let posted = programme.post(&sale).unwrap().purchase;
        assert_eq!(posted.cashback.given.is_positive(), applies, "{outlet} {moment}");
    }
}

#[test]
fn shared_funding_is_split_to_the_kopeck_by_organisations_of_any_level() {
    let mut programme = Programme::new();
    programme.rule(
        r#""earn":{"percent":"10"},"when":{"except_categories":["toys"]},
        "funding":[{"by":"partner","share":"0.333333"},{"by":"C-000","share":"0.333333"},{"by":"P-1","share":"0.333334"}]"#,
    );
    let member = programme.member();
    let mut sale = programme.sale(member, "110.00");
    sale.lines = Some(vec![line("a", "books", "100.10"), line("b", "toys", "9.90")]);
    let posted = programme.post(&sale).unwrap().purchase;
    assert_eq!(posted.cashback.given, money("10.01"));
    let parts = ["C-000", "P-1"].map(|code| programme.debited("funding", code));
    let partner = money(&programme.debited("receivable", "shop")) - posted.commission;
    let sum = parts.iter().map(|part| money(part)).sum::<shared_kernel::money::Money>() + partner;
    assert_eq!((sum, &parts), (money("10.01"), &["3.33".to_owned(), "3.34".to_owned()]));
    programme.sound();
}

#[test]
fn a_draft_judges_nothing_and_its_drafter_does_not_approve_it() {
    let mut programme = Programme::new();
    let now = programme.now;
    let drafter = Uuid::new_v4();
    let fields = draft(r#""earn":{"percent":"5"}"#);
    let rule = store::create(&mut programme.connection, &fields, drafter, now).unwrap();
    let member = programme.member();
    let posted = programme.buy(member, "100.00").purchase;
    assert_eq!(posted.cashback.reason, Some(CashbackReason::NoRule));
    let own = programme.connection.transaction(|c| store::approve(c, rule.id, 1, drafter, now));
    assert!(matches!(own, Err(EngineError::SamePerson)));
}

#[test]
fn a_version_that_brings_a_cap_waits_for_captures_and_they_for_it() {
    for cap in [r#""per_member":{"amount":"50.00","period":"month"}"#, r#""budget":"50.00""#] {
        let mut programme = Programme::new();
        let rule = programme.rule(r#""earn":{"percent":"10"}"#);
        let member = programme.member();
        let mut sale = programme.sale(member, "100.00");
        sale.capture = false;
        let id = programme.post(&sale).unwrap().purchase.id;
        let (now, books, partner) = (programme.now, programme.books.clone(), Some(programme.partner));
        let capped = draft(&format!(r#""earn":{{"percent":"10"}},"caps":{{{cap}}}"#));
        let (connection, mut other) = (&mut programme.connection, programme.database.connect());
        store::add(connection, rule, &capped, Uuid::new_v4(), now).unwrap();
        std::thread::scope(|scope| {
            let capturing = connection
                .transaction(|connection| -> Result<_, EngineError> {
                    store::approve(connection, rule, 2, Uuid::new_v4(), now)?;
                    // Reads the books while the approval is not yet to be seen.
                    let capturing = scope.spawn(move || {
                        other.transaction(|c| two_step::capture(c, &books, (id, partner), None, now)).unwrap()
                    });
                    std::thread::sleep(Duration::from_millis(300));
                    assert!(!capturing.is_finished());
                    Ok(capturing)
                })
                .unwrap();
            capturing.join().unwrap().unwrap();
        });
        programme.sound();
        assert_eq!(programme.buy(member, "1000.00").purchase.cashback.given, money("40.00"), "10.00 is used");
        programme.sound();
    }
}
