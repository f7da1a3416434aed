//! Claims beside registers and mergers: a claimed sale that a file brings, compares or refunds is one purchase, and follows
//! its member.

use std::collections::HashMap;

use cashback_engine::claims::{self, Claim, ClaimFilter, ClaimStatus, drives};
use cashback_engine::fraud::cases::{self, FraudStatus};
use cashback_engine::fraud::settings::{Threshold, set_thresholds, thresholds};
use cashback_engine::fraud::{FraudAction, FraudRule};
use cashback_engine::posting::{Fiscal, Presented, Refusal, Sale, Source};
use cashback_engine::purchases::PurchaseStatus;
use cashback_engine::reconciliation::{Outcome, RegisterMode};
use cashback_engine::refunds::Returned;
use cashback_engine::{PurchaseId, merging};
use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use diesel::prelude::*;
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::paging::Limit;

use crate::engine_registers::{HEADER, load};
use crate::engine_support::{Programme, money};

const DRIVE: &str = "9287440300634471";

/// A programme that gives 5 %, and knows the drive of `shop-1`.
pub fn programme() -> Programme {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"5"},"hold_days":2"#);
    register_drive(&mut programme);
    programme
}

pub fn register_drive(programme: &mut Programme) {
    let (books, by) = (programme.books.clone(), (Uuid::nil(), programme.now));
    let numbers = [DRIVE.to_owned()];
    drives::add(&mut programme.connection, &books, ("shop-1", None), &numbers, by).unwrap();
}

/// The receipt a till in Moscow printed at a moment.
pub fn receipt(at: DateTime<Utc>, sum: &str, document: u32) -> Fiscal {
    let local = at.with_timezone(&FixedOffset::east_opt(3 * 3600).unwrap()).format("%Y%m%dT%H%M");
    Fiscal::parse(&format!("t={local}&s={sum}&fn={DRIVE}&i={document}&fp=1&n=1")).unwrap()
}

/// Files a claim of a purchase a day ago.
pub fn claim(programme: &mut Programme, member: MemberId, sum: &str, document: u32) -> Claim {
    let at = programme.now - TimeDelta::days(1);
    claim_of(programme, member, at, sum, document)
}

/// Files a claim of a purchase at a moment.
pub fn claim_of(
    programme: &mut Programme,
    member: MemberId,
    at: DateTime<Utc>,
    sum: &str,
    document: u32,
) -> Claim {
    let fiscal = receipt(at, sum, document);
    let (books, now) = (programme.books.clone(), programme.now);
    programme
        .connection
        .transaction(|connection| claims::file(connection, &books, member, &fiscal, now))
        .unwrap()
        .unwrap()
}

/// Approves a claim without the till's receipt, or with it.
pub fn approve(programme: &mut Programme, claim: &Claim, receipt: Option<&str>) -> PurchaseId {
    let sale = approved(programme, claim, receipt);
    programme.post(&sale).unwrap().purchase.id
}

/// The sale a claim is, as a program of the partner approves it.
pub fn approved(programme: &mut Programme, claim: &Claim, receipt: Option<&str>) -> Sale {
    let mut sale = programme.sale(claim.member, &claim.amount.to_string());
    sale.receipt = receipt.map_or_else(|| claim.derived_receipt(), str::to_owned);
    sale.occurred_at = claim.occurred_at.unwrap();
    sale.fiscal = Some(Fiscal::parse(&claim.raw).unwrap());
    (sale.source, sale.presented) = (Source::Claim, Presented::BareNumber);
    sale
}

/// Turns one rule of the fraud watch on, with so many purchases as its limit, and the others off.
pub fn watch(programme: &mut Programme, rule: FraudRule, most: i32, action: FraudAction) {
    let mut rules = thresholds(&mut programme.connection).unwrap();
    let most_purchases = (rule != FraudRule::OwnCard).then_some(most);
    for threshold in &mut rules {
        threshold.enabled = threshold.rule == rule;
        if threshold.enabled {
            *threshold = Threshold { action, most_purchases, most_amount: None, ..threshold.clone() };
        }
    }
    let now = programme.now;
    set_thresholds(&mut programme.connection, &rules, Uuid::nil(), now).unwrap();
}

/// A register of `shop-1`: receipt, sum, kind and reference of each row; a day and a minute ago.
fn file(programme: &Programme, rows: &[(&str, &str, &str, &str)]) -> String {
    let at = (programme.now - TimeDelta::days(1) + TimeDelta::minutes(1)).to_rfc3339();
    let mut file = HEADER.to_owned();
    for (receipt, sum, kind, reference) in rows {
        file += &format!("\nshop-1,{receipt},{at},c,{sum},,{kind},{reference}");
    }
    file
}

#[test]
fn a_register_that_is_only_compared_knows_a_claims_purchase() {
    let mut programme = programme();
    let member = programme.member();
    let cards = HashMap::from([("c", member)]);
    let first = claim(&mut programme, member, "400.00", 1);
    let bought = approve(&mut programme, &first, None);
    programme.refund(bought, Returned::Amount(money("50.00")), "back-1").unwrap();
    let waiting = claim(&mut programme, member, "700.00", 2);
    let rows = [
        ("S-1", "400.00", "sale", ""),
        ("S-2", "400.00", "sale", ""),
        ("S-3", "700.00", "sale", ""),
        ("S-1", "50.00", "refund", "back-1"),
    ];
    let file = file(&programme, &rows);
    for _ in 0..2 {
        let (_, outcomes) = load(&mut programme, file.as_bytes(), RegisterMode::Compare, &cards);
        let expected = [(Outcome::Matched, 2), (Outcome::OnlyTheirs, 2)];
        assert_eq!(outcomes, expected, "one sale is the claim's, another coffee and an open claim are not");
        programme.sound();
    }
    // Posting takes the same for the same.
    let (_, outcomes) = load(&mut programme, file.as_bytes(), RegisterMode::Post, &cards);
    assert_eq!(outcomes, [(Outcome::Posted, 2), (Outcome::Matched, 2)]);
    programme.sound();
    let filter = ClaimFilter { member: Some(member), ..ClaimFilter::default() };
    let confirmed = claims::claim(&mut programme.connection, waiting.id, &filter).unwrap().unwrap();
    assert_eq!(confirmed.status, ClaimStatus::Confirmed);
    let (_, outcomes) = load(&mut programme, file.as_bytes(), RegisterMode::Compare, &cards);
    assert_eq!(outcomes, [(Outcome::Matched, 4)]);
    programme.sound();
}

#[test]
fn a_refund_that_waits_for_a_sale_finds_the_purchase_its_claim_became() {
    let mut programme = programme();
    let member = programme.member();
    let cards = HashMap::from([("c", member)]);
    let claimed = claim(&mut programme, member, "400.00", 1);
    approve(&mut programme, &claimed, None);
    let early = file(&programme, &[("S-1", "100.00", "refund", "back-1")]);
    let (_, outcomes) = load(&mut programme, early.as_bytes(), RegisterMode::Post, &cards);
    assert_eq!(outcomes, [(Outcome::OnlyTheirs, 1), (Outcome::OnlyOurs, 1)], "nobody knows its sale");
    let late = file(&programme, &[("S-1", "400.00", "sale", "")]);
    let (_, outcomes) = load(&mut programme, late.as_bytes(), RegisterMode::Post, &cards);
    assert_eq!(outcomes, [(Outcome::Matched, 1), (Outcome::OnlyOurs, 1)], "only ours is the refund");
    assert_eq!(programme.balance(member)[0], "15.00", "the refund that waited was posted with it");
    programme.sound();
}

/// Tables of what was, under the name it was by: nobody renames them.
const HISTORY: [&str; 8] =
    ["postings", "transfers", "balances", "enrolments", "freezes", "merged", "adjustments", "finished_jobs"];

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Rows {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    rows: i64,
}

/// The ledger's tables that name members, and how many rows name this one.
fn naming(programme: &mut Programme, member: MemberId) -> Vec<(String, i64)> {
    let tables: Vec<Named> = diesel::sql_query(
        "SELECT c.relname::text AS name FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
         WHERE c.relnamespace = 'ledger'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
            AND a.attname IN ('member_id', 'subject') AND a.attnum > 0 ORDER BY 1",
    )
    .load(&mut programme.connection)
    .unwrap();
    let column = |table: &str| if table == "fraud_counters" { "subject" } else { "member_id" };
    tables
        .into_iter()
        .filter(|table| !HISTORY.contains(&table.name.as_str()))
        .map(|Named { name }| {
            let sql = format!("SELECT count(*) AS rows FROM ledger.{name} WHERE {} = $1", column(&name));
            let found: Rows = diesel::sql_query(sql)
                .bind::<diesel::sql_types::Uuid, _>(member)
                .get_result(&mut programme.connection)
                .unwrap();
            (name, found.rows)
        })
        .collect()
}

#[test]
fn every_table_follows_a_merged_member() {
    let mut programme = programme();
    programme.rule(r#""earn":{"fixed":"1.00"},"stacking":"additive","caps":{"per_member":{"amount":"9.00","period":"day"}}"#);
    let (from, into) = (programme.member(), programme.member());
    watch(&mut programme, FraudRule::CardDay, 0, FraudAction::Hold);
    for member in [from, into] {
        let bought = programme.buy(member, "100.00").purchase.id;
        programme.refund(bought, Returned::Amount(money("10.00")), "back").unwrap();
    }
    let open = claim(&mut programme, from, "400.00", 1);
    let approved = claim(&mut programme, from, "500.00", 2);
    let purchase = approve(&mut programme, &approved, None);
    let before = naming(&mut programme, from);
    for table in ["claims", "fraud_cases", "fraud_counters", "lots", "purchases", "cap_usage"] {
        assert!(before.iter().any(|(name, rows)| name == table && *rows > 0), "{table}: {before:?}");
    }
    let (books, now) = (programme.books.clone(), programme.now + TimeDelta::milliseconds(1));
    programme.now = now;
    programme
        .connection
        .transaction(|connection| merging::merge(connection, &books, (from, into), Uuid::nil(), now))
        .unwrap();
    let left: Vec<_> = naming(&mut programme, from).into_iter().filter(|(_, rows)| *rows > 0).collect();
    assert_eq!(left, [], "named by who is no more");
    programme.sound();

    // The survivor's sale is the one that was claimed, before and after the approval.
    let open = Claim { member: into, ..open };
    let confirmed = approve(&mut programme, &open, Some("S-1"));
    let mut sale = programme.sale(into, "500.00");
    (sale.occurred_at, sale.presented) = (programme.now - TimeDelta::days(1), Presented::BareNumber);
    let arrived = programme.post(&sale).unwrap();
    assert!(arrived.replayed && arrived.purchase.id == purchase && confirmed != purchase);
    let held =
        cases::cases(&mut programme.connection, Some(FraudStatus::Held), None, Limit::DEFAULT).unwrap();
    assert!(held.items.len() == 4 && held.items.iter().all(|case| case.member == into), "{held:?}");
    // What both bought today counts together.
    watch(&mut programme, FraudRule::CardDay, 2, FraudAction::Hold);
    programme.buy(into, "100.00");
    let held =
        cases::cases(&mut programme.connection, Some(FraudStatus::Held), None, Limit::DEFAULT).unwrap();
    assert_eq!(held.items[0].evidence[0]["seen"]["purchases"], 3);
    programme.sound();
}

/// Reserves a sale of a day ago; `document` is its fiscal receipt's, where the till sends one.
fn reserve(programme: &mut Programme, member: MemberId, sum: &str, document: Option<u32>) -> PurchaseId {
    let mut sale = programme.sale(member, sum);
    sale.occurred_at -= TimeDelta::days(1);
    sale.receipt = format!("T-{sum}");
    (sale.capture, sale.presented) = (false, Presented::BareNumber);
    sale.fiscal = document.map(|document| receipt(sale.occurred_at, sum, document));
    programme.post(&sale).unwrap().purchase.id
}

fn status(programme: &mut Programme, claim: &Claim) -> (ClaimStatus, Option<PurchaseId>) {
    let filter = ClaimFilter { member: Some(claim.member), ..ClaimFilter::default() };
    let found = claims::claim(&mut programme.connection, claim.id, &filter).unwrap().unwrap();
    (found.status, found.purchase)
}

#[test]
fn a_capture_after_its_claims_approval_is_the_claims_purchase() {
    let mut programme = programme();
    let member = programme.member();
    let cards = HashMap::from([("c", member)]);
    for (sum, document, fiscal) in [("400.00", 1, None), ("700.00", 2, Some(2))] {
        let claimed = claim(&mut programme, member, sum, document);
        let reserved = reserve(&mut programme, member, sum, fiscal);
        let bought = approve(&mut programme, &claimed, None);
        let captured = programme.capture(reserved, None).unwrap();
        assert_eq!((captured.id, captured.status), (bought, PurchaseStatus::Posted));
        assert_eq!(programme.capture(reserved, None).unwrap(), captured, "again, the same");
        programme.sound();
        // The till's receipt is the claim's purchase from now on.
        let mut same = programme.sale(member, sum);
        (same.receipt, same.source) = (format!("T-{sum}"), Source::Register);
        let known = programme.post(&same).unwrap();
        assert_eq!((known.purchase.id, known.replayed), (bought, true));
    }
    assert_eq!(programme.balance(member)[0], "55.00", "5 % of each once");
    let file = file(&programme, &[("T-400.00", "400.00", "sale", ""), ("T-700.00", "700.00", "sale", "")]);
    for mode in [RegisterMode::Compare, RegisterMode::Post] {
        let (_, outcomes) = load(&mut programme, file.as_bytes(), mode, &cards);
        assert_eq!(outcomes, [(Outcome::Matched, 2)]);
    }
    programme.sound();
}

#[test]
fn a_capture_for_another_sum_or_with_points_is_a_purchase_of_its_own() {
    let mut programme = programme();
    let member = programme.member();
    let claimed = claim(&mut programme, member, "400.00", 1);
    approve(&mut programme, &claimed, None);
    let reserved = reserve(&mut programme, member, "500.00", None);
    let part = Returned::Amount(money("300.00"));
    let captured = programme.capture(reserved, Some(&part)).unwrap();
    assert_eq!((captured.id, captured.sold), (reserved, money("300.00")));
    let reserved = reserve(&mut programme, member, "600.00", None);
    let part = Returned::Amount(money("400.00"));
    let captured = programme.capture(reserved, Some(&part)).unwrap();
    assert_ne!(captured.id, reserved, "what is captured of it is the claimed sale");
    assert_eq!(programme.balance(member)[0], "35.00");
    programme.sound();
}

#[test]
fn a_capture_confirms_the_open_claim_of_its_sale() {
    let mut programme = programme();
    let member = programme.member();
    for (sum, document, fiscal) in [("400.00", 1, None), ("700.00", 2, Some(2))] {
        let claimed = claim(&mut programme, member, sum, document);
        let other = claim(&mut programme, member, "999.00", document + 10);
        let reserved = reserve(&mut programme, member, sum, fiscal);
        let mut named = programme.sale(member, sum);
        (named.receipt, named.occurred_at) = (format!("T-{sum}"), claimed.occurred_at.unwrap());
        named.fiscal = Some(Fiscal::parse(&claimed.raw).unwrap());
        (named.source, named.presented) = (Source::Claim, Presented::BareNumber);
        let refused = programme.post(&named).unwrap_err();
        assert_eq!(refused, Refusal::ReceiptConflict { purchase: reserved }, "it waits for its capture");
        assert_eq!(status(&mut programme, &claimed), (ClaimStatus::Waiting, None));
        assert_eq!(programme.capture(reserved, None).unwrap().id, reserved);
        assert_eq!(status(&mut programme, &claimed), (ClaimStatus::Confirmed, Some(reserved)));
        assert_eq!(status(&mut programme, &other).0, ClaimStatus::Waiting, "another sum");
        programme.sound();
        let mut late = programme.sale(member, sum);
        (late.receipt, late.occurred_at) = (claimed.derived_receipt(), claimed.occurred_at.unwrap());
        late.fiscal = Some(Fiscal::parse(&claimed.raw).unwrap());
        (late.source, late.presented) = (Source::Claim, Presented::BareNumber);
        assert!(programme.post(&late).is_err(), "a confirmed claim can't be approved");
    }
    assert_eq!(programme.balance(member)[0], "55.00");
    programme.sound();
}
