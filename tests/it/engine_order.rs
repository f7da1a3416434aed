//! What comes first: who waits for whom where two touch the same, jobs that run late, and room that can't be given back
//! twice.

use cashback_engine::adjustments::{self, Adjustment, Proposal};
use cashback_engine::fraud::{FraudAction, FraudRule};
use cashback_engine::posting::{self, Fiscal, Posted, Presented, Refusal, Sale, Source};
use cashback_engine::refunds::{self, Return, Returned};
use cashback_engine::schema::ledger::fiscal_receipts;
use cashback_engine::{EngineError, PurchaseId, jobs, merging, purchases, two_step};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use shared_kernel::ids::{MemberId, Uuid};

use crate::engine_claims;
use crate::engine_support::{Programme, money};

const FIVE: &str = r#""earn":{"percent":"5"}"#;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

/// Waits until somebody waits for a lock in this database.
pub fn until_somebody_waits(watcher: &mut PgConnection) {
    until_so_many_wait(watcher, 1);
}

/// Waits until so many wait for locks in this database.
fn until_so_many_wait(watcher: &mut PgConnection, count: i64) {
    harness::until("somebody waits", || {
        let waiting: Count = diesel::sql_query(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .get_result(watcher)
        .unwrap();
        waiting.count >= count
    });
}

fn propose(programme: &mut Programme, debit: &str, credit: &str, amount: &str) -> Adjustment {
    let proposal = Proposal {
        debit: debit.parse().unwrap(),
        credit: credit.parse().unwrap(),
        amount: money(amount),
        life_months: None,
        reason: "a promise".to_owned(),
        evidence: "a letter".to_owned(),
    };
    adjustments::propose(&mut programme.connection, &proposal, Uuid::from_u128(1), programme.now).unwrap()
}

#[test]
fn a_merger_waits_for_a_purchase_of_who_has_no_account() {
    let mut programme = Programme::new();
    programme.rule(FIVE);
    let (double, anna) = (MemberId::generate(), programme.member());
    let sale = programme.sale(double, "100.00");
    let (books, now) = (programme.books.clone(), programme.now);
    let (mut other, mut watcher) = (programme.database.connect(), programme.database.connect());
    let connection = &mut programme.connection;
    let id = std::thread::scope(|scope| {
        let (id, merging) = connection
            .transaction(|connection| -> QueryResult<_> {
                let posted = posting::post(connection, &books, std::slice::from_ref(&sale), now)?.remove(0);
                let books = books.clone();
                let merging = scope.spawn(move || merge(&mut other, &books, (double, anna), now).unwrap());
                until_somebody_waits(&mut watcher);
                assert!(!merging.is_finished());
                Ok((posted.unwrap().purchase.id, merging))
            })
            .unwrap();
        assert_eq!(merging.join().unwrap().purchases, 1);
        id
    });
    let bought = purchases::purchase(&mut programme.connection, &programme.books, id, None).unwrap().unwrap();
    assert_eq!(bought.member, anna);
    programme.now += TimeDelta::seconds(1);
    let mut again = sale;
    again.buyer.member = anna;
    let again = programme.post(&again).unwrap();
    assert!(again.replayed && again.purchase.id == id, "the till asks again and hears of its purchase");
    programme.sound();
}

fn merge(
    connection: &mut PgConnection,
    books: &cashback_engine::rules::BookCache,
    (from, into): (MemberId, MemberId),
    now: DateTime<Utc>,
) -> Result<merging::Merger, EngineError> {
    let now = now + TimeDelta::milliseconds(1);
    connection.transaction(|connection| merging::merge(connection, books, (from, into), Uuid::nil(), now))
}

#[test]
fn a_purchase_of_who_is_being_merged_is_not_posted_under_the_name_that_ends() {
    let mut programme = Programme::new();
    programme.rule(FIVE);
    let (double, anna) = (MemberId::generate(), programme.member());
    let sale = programme.sale(double, "100.00");
    let (books, now) = (programme.books.clone(), programme.now);
    let mut other = programme.database.connect();
    let mut post = |sale: &Sale| {
        other.transaction(|other| posting::post(other, &books, std::slice::from_ref(sale), now))
    };
    let during = programme
        .connection
        .transaction(|connection| -> Result<_, EngineError> {
            merge(connection, &books, (double, anna), now)?;
            Ok(post(&sale))
        })
        .unwrap();
    let is_again = |posted: &QueryResult<Vec<_>>| {
        matches!(posted, Err(Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _)))
    };
    assert!(is_again(&during), "{during:?}");
    let after = post(&sale);
    assert!(is_again(&after), "to be identified anew: {after:?}");
    let mut identified = sale;
    identified.buyer.member = anna;
    assert!(post(&identified).unwrap().remove(0).is_ok());
    programme.sound();
}

fn receipt(number: u32) -> Fiscal {
    let raw = format!("t=20261110T1200&s=100.00&fn=9287440300634471&i={number}&fp=1&n=1");
    Fiscal::parse(&raw).unwrap()
}

/// Locks a row now or fails.
pub fn at_once(connection: &mut PgConnection, table: &str, column: &str, id: Uuid) {
    let sql = format!("SELECT FROM ledger.{table} WHERE {column} = $1 FOR NO KEY UPDATE NOWAIT");
    diesel::sql_query(sql).bind::<diesel::sql_types::Uuid, _>(id).execute(connection).unwrap();
}

#[test]
fn a_capture_claims_its_fiscal_receipt_before_it_locks_its_buyer() {
    let mut programme = Programme::new();
    programme.rule(FIVE);
    let member = programme.member();
    let mut sale = programme.sale(member, "100.00");
    (sale.fiscal, sale.capture) = (Some(receipt(1)), false);
    let id = programme.post(&sale).unwrap().purchase.id;
    let (books, now, partner) = (programme.books.clone(), programme.now, Some(programme.partner));
    let capture = move |connection: &mut PgConnection, what: Option<Returned>| {
        connection.transaction(|c| two_step::capture(c, &books, (id, partner), what.as_ref(), now)).unwrap()
    };
    // What was claimed for a capture that is refused is given up.
    let too_much = Returned::Amount(money("100.01"));
    let most = money("100.00");
    assert_eq!(capture(&mut programme.connection, Some(too_much)), Err(Refusal::CaptureTooMuch { most }));
    let claimed: i64 = fiscal_receipts::table.count().get_result(&mut programme.connection).unwrap();
    assert_eq!(claimed, 0);
    let (mut other, mut watcher) = (programme.database.connect(), programme.database.connect());
    let connection = &mut programme.connection;
    std::thread::scope(|scope| {
        // As posting: the receipt first, then the buyer. It is given up again.
        let capturing = connection.test_transaction(|connection| -> QueryResult<_> {
            connection.batch_execute(
                "INSERT INTO ledger.fiscal_receipts (drive, document, purchase_id)
                 VALUES ('9287440300634471', 1, ledger.new_id(now()))",
            )?;
            let capturing = scope.spawn(move || capture(&mut other, None));
            until_somebody_waits(&mut watcher);
            at_once(connection, "balances", "member_id", member.0);
            Ok(capturing)
        });
        capturing.join().unwrap().unwrap();
    });
    programme.sound();
}

#[test]
fn an_approval_locks_the_member_before_the_correction() {
    let mut programme = Programme::new();
    let member = programme.member();
    let made = propose(&mut programme, "adjustments:union", &format!("available:{member}"), "5.00");
    let (books, now) = (programme.books.clone(), programme.now);
    let (mut other, mut watcher) = (programme.database.connect(), programme.database.connect());
    let connection = &mut programme.connection;
    std::thread::scope(|scope| {
        // As a merger: the member first, then what is proposed.
        let approving = connection.test_transaction(|connection| -> QueryResult<_> {
            at_once(connection, "balances", "member_id", member.0);
            let approving = scope.spawn(move || {
                adjustments::approve(&mut other, &books, (made.id, None), Uuid::from_u128(2), now)
            });
            until_somebody_waits(&mut watcher);
            at_once(connection, "adjustments", "id", made.id.0);
            Ok(approving)
        });
        approving.join().unwrap().unwrap();
    });
    assert_eq!(programme.balance(member)[1], "5.00");
    programme.sound();
}

fn refunded(programme: &mut Programme, purchase: PurchaseId) -> QueryResult<()> {
    let asked = Return {
        purchase,
        partner: Some(programme.partner),
        what: Returned::Amount(money("60.00")),
        reference: "1".to_owned(),
        fiscal: None,
        occurred_at: programme.now,
    };
    let (books, now) = (programme.books.clone(), programme.now);
    let done = programme
        .connection
        .transaction(|connection| refunds::refund(connection, &books, std::slice::from_ref(&asked), now))?;
    done.into_iter().for_each(|refunded| drop(refunded.unwrap()));
    Ok(())
}

#[test]
fn room_that_is_not_there_to_be_given_back_stops_the_refund() {
    for (table, cap) in [
        ("cap_usage", r#""per_member":{"amount":"50.00","period":"month"}"#),
        ("budget_usage", r#""budget":"50.00""#),
    ] {
        let mut programme = Programme::new();
        programme.rule(&format!(r#""earn":{{"percent":"10"}},"caps":{{{cap}}}"#));
        let member = programme.member();
        let id = programme.buy(member, "100.00").purchase.id;
        // As if it had been given back before.
        let used = |programme: &mut Programme, kopecks: i64| {
            let set = format!("UPDATE ledger.{table} SET used = {kopecks}");
            programme.connection.batch_execute(&set).unwrap();
        };
        used(&mut programme, 500);
        let refused = refunded(&mut programme, id);
        let check = DatabaseErrorKind::CheckViolation;
        assert!(matches!(&refused, Err(Error::DatabaseError(kind, _)) if *kind == check), "{refused:?}");
        assert_eq!(programme.balance(member)[0], "10.00", "nothing moved");
        used(&mut programme, 1_000);
        refunded(&mut programme, id).unwrap();
        assert_eq!(programme.balance(member)[0], "4.00");
        programme.sound();
    }
}

/// Balances, and what expired, of a debtor whose nights were so many days after the purchase.
fn after_nights(nights: &[i64]) -> ([String; 4], String) {
    let mut programme = Programme::new();
    for (amount, hold, life) in [("10.00", 5, "1"), ("20.00", 5, "12"), ("50.00", 20, "1")] {
        programme.rule(&format!(
            r#""earn":{{"fixed":"{amount}"}},"stacking":"additive","hold_days":{hold},"life_months":{life}"#
        ));
    }
    let member = programme.member();
    programme.buy(member, "1000.00");
    let made = propose(&mut programme, &format!("debt:{member}"), "adjustments:union", "45.00");
    let (books, now) = (programme.books.clone(), programme.now);
    let approver = Uuid::from_u128(2);
    adjustments::approve(&mut programme.connection, &books, (made.id, None), approver, now).unwrap();
    for days in nights {
        programme.now = now + TimeDelta::days(*days);
        let at = programme.now;
        let connection = &mut programme.connection;
        while jobs::release_holds(connection, &books, at, at).unwrap() > 0 {}
        while jobs::expire(connection, &books, at, at).unwrap() > 0 {}
    }
    programme.sound();
    (programme.balance(member), programme.debited("breakage", "union"))
}

#[test]
fn a_release_that_runs_late_pays_debt_as_it_would_have_in_time() {
    // 10.00 and 20.00 pay on the sixth day, 15.00 of the 50.00 later; what is left of those expires with their month.
    let in_time = after_nights(&[6, 21, 60]);
    assert_eq!(in_time, (["0.00"; 4].map(str::to_owned), "-35.00".to_owned()));
    assert_eq!(after_nights(&[60]), in_time, "days late");
    assert_eq!(after_nights(&[6, 60]), in_time);
    assert_eq!(after_nights(&[7, 7, 22, 22, 60, 60]), in_time);
}

#[test]
fn a_budget_that_others_emptied_meanwhile_is_not_overdrawn() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"caps":{"budget":"1000.00"}"#);
    let (anna, boris) = (programme.member(), programme.member());
    let (large, small) = (programme.sale(anna, "9900.00"), programme.sale(boris, "300.00"));
    let (books, now) = (programme.books.clone(), programme.now);
    let (mut other, mut watcher) = (programme.database.connect(), programme.database.connect());
    let connection = &mut programme.connection;
    let refused = std::thread::scope(|scope| {
        let posting = connection
            .transaction(|connection| -> QueryResult<_> {
                posting::post(connection, &books, std::slice::from_ref(&large), now)?.remove(0).unwrap();
                let (books, small) = (books.clone(), &small);
                let posting = scope.spawn(move || {
                    other.transaction(|c| posting::post(c, &books, std::slice::from_ref(small), now))
                });
                until_somebody_waits(&mut watcher);
                Ok(posting)
            })
            .unwrap();
        posting.join().unwrap()
    });
    match refused {
        Err(Error::DatabaseError(DatabaseErrorKind::SerializationFailure, info)) => {
            assert_eq!(info.message(), "a budget was used up meanwhile");
        }
        other => panic!("{other:?}"),
    }
    let trimmed = programme.post(&small).unwrap().purchase;
    assert_eq!(trimmed.cashback.given, money("10.00"), "what is left, judged anew");
    programme.sound();
}

#[test]
fn sales_and_refunds_at_one_till_under_a_budget_never_wait_in_a_circle() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"caps":{"budget":"400.00"}"#);
    programme.rule(r#""earn":{"percent":"1"},"caps":{"budget":"5000.00"},"stacking":"additive""#);
    engine_claims::watch(&mut programme, FraudRule::CashierDay, 100_000, FraudAction::Hold);
    let cashier = Uuid::from_u128(7);
    let rounds: Vec<Vec<Sale>> = (0..4)
        .map(|_| {
            let member = programme.member();
            let sale = |_| Sale {
                source: Source::Till,
                posted_by: cashier,
                by_hand: true,
                ..programme.sale(member, "100.00")
            };
            (0..25).map(sale).collect()
        })
        .collect();
    let (books, now) = (programme.books.clone(), programme.now);
    std::thread::scope(|scope| {
        for (mut connection, sales) in rounds.into_iter().map(|sales| (programme.database.connect(), sales)) {
            let books = books.clone();
            scope.spawn(move || {
                for sale in &sales {
                    let posted = serialized(|| {
                        connection.transaction(|c| posting::post(c, &books, std::slice::from_ref(sale), now))
                    });
                    let purchase = posted.into_iter().next().unwrap().unwrap().purchase.id;
                    let back = Return {
                        purchase,
                        partner: None,
                        reference: "1".to_owned(),
                        what: Returned::Amount(money("60.00")),
                        fiscal: None,
                        occurred_at: now,
                    };
                    let refunded = serialized(|| {
                        connection
                            .transaction(|c| refunds::refund(c, &books, std::slice::from_ref(&back), now))
                    });
                    assert!(refunded.iter().all(Result::is_ok), "{refunded:?}");
                }
            });
        }
    });
    programme.sound();
}

type Answer = QueryResult<Result<Posted, Refusal>>;

/// Posts two sales at once: each comes as far as it can while a row is held, the first before the second.
fn both_behind(
    programme: &mut Programme,
    (table, column, id): (&str, &str, Uuid),
    sales: [&Sale; 2],
) -> [Answer; 2] {
    let (books, now) = (programme.books.clone(), programme.now);
    let (mut one, mut two) = (programme.database.connect(), programme.database.connect());
    let mut watcher = programme.database.connect();
    let post = |connection: &mut PgConnection, sale: &Sale| -> Answer {
        let mut posted = connection
            .transaction(|connection| posting::post(connection, &books, std::slice::from_ref(sale), now))?;
        Ok(posted.remove(0))
    };
    let post = &post;
    let connection = &mut programme.connection;
    std::thread::scope(|scope| {
        let both = connection
            .transaction(|connection| -> QueryResult<_> {
                at_once(connection, table, column, id);
                let first = scope.spawn(move || post(&mut one, sales[0]));
                until_so_many_wait(&mut watcher, 1);
                let second = scope.spawn(move || post(&mut two, sales[1]));
                until_so_many_wait(&mut watcher, 2);
                Ok([first, second])
            })
            .unwrap();
        both.map(|posting| posting.join().unwrap())
    })
}

#[test]
fn nobody_waits_for_a_budget_that_is_spent() {
    let mut programme = Programme::new();
    let rule = programme.rule(r#""earn":{"percent":"10"},"caps":{"budget":"10.00"}"#);
    let (anna, boris) = (programme.member(), programme.member());
    programme.buy(anna, "100.00");
    let sale = programme.sale(boris, "100.00");
    let (books, now) = (programme.books.clone(), programme.now);
    let mut other = programme.database.connect();
    other.batch_execute("SET lock_timeout = '10s'").unwrap();
    let posted = programme
        .connection
        .transaction(|connection| {
            at_once(connection, "budget_usage", "rule_id", rule.0);
            other.transaction(|other| posting::post(other, &books, std::slice::from_ref(&sale), now))
        })
        .unwrap();
    assert_eq!(posted.into_iter().next().unwrap().unwrap().purchase.cashback.given, money("0.00"));
    programme.sound();
}

#[test]
fn the_first_sales_of_a_cashiers_day_under_a_full_budget_wait_in_no_circle() {
    let mut programme = Programme::new();
    let rule = programme.rule(r#""earn":{"percent":"10"},"caps":{"budget":"100.00"}"#);
    engine_claims::watch(&mut programme, FraudRule::CashierDay, 100_000, FraudAction::Hold);
    let (anna, boris) = (programme.member(), programme.member());
    let mut sale = |member, amount| Sale {
        source: Source::Till,
        posted_by: Uuid::from_u128(7),
        ..programme.sale(member, amount)
    };
    // For the one the budget may not last and is locked first; for the other it surely does, and is locked last.
    let (large, small) = (sale(anna, "60.00"), sale(boris, "10.00"));
    for posted in both_behind(&mut programme, ("budget_usage", "rule_id", rule.0), [&large, &small]) {
        posted.unwrap().unwrap();
    }
    programme.sound();
}

#[test]
fn a_claimed_sale_that_comes_twice_at_once_waits_in_no_circle() {
    let mut programme = engine_claims::programme();
    let member = programme.member();
    let claimed = engine_claims::claim(&mut programme, member, "400.00", 1);
    let mut sale = |fiscal, source| Sale {
        occurred_at: claimed.occurred_at.unwrap(),
        presented: Presented::BareNumber,
        fiscal,
        source,
        ..programme.sale(member, "400.00")
    };
    let told = sale(Some(Fiscal::parse(&claimed.raw).unwrap()), Source::Api);
    let row = sale(None, Source::Register);
    // Another coffee of that minute: the sale may be either's, and becomes the first's alone.
    engine_claims::claim(&mut programme, member, "400.00", 2);
    let [posted, late] =
        both_behind(&mut programme, ("balances", "member_id", member.0), [&row, &told]).map(Result::unwrap);
    let credited: Vec<(i64, PurchaseId)> = fiscal_receipts::table
        .select((fiscal_receipts::document, fiscal_receipts::purchase_id))
        .load(&mut programme.connection)
        .unwrap();
    assert_eq!(credited, [(1, posted.unwrap().purchase.id)]);
    assert_eq!(late.unwrap_err(), Refusal::FiscalUsed);
    programme.sound();
}

/// Tries again what another transaction came before; a circle of locks, or anything else, is no such thing.
fn serialized<T>(mut attempt: impl FnMut() -> QueryResult<T>) -> T {
    for _ in 0..100 {
        match attempt() {
            Ok(done) => return done,
            Err(Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("a hundred others came before");
}
