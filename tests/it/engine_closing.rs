//! Daily closing: a day that is over is closed once, takes nothing more, and tells whatever was changed in it since.

use std::time::Duration;

use cashback_engine::ledger::{audit, closing, read};
use cashback_engine::posting;
use cashback_engine::refunds::Returned;
use cashback_engine::rules::BookCache;
use cashback_engine::{EngineError, jobs};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};

use crate::engine_damage::damaged;
use crate::engine_support::{Programme, at, money};

fn close(programme: &mut Programme, at: DateTime<Utc>) -> Option<closing::ClosedDay> {
    let (books, now) = (programme.books.clone(), programme.now);
    programme.connection.transaction(|c| closing::close_day(c, &books, at, now)).unwrap()
}

fn close_all(programme: &mut Programme) -> Vec<closing::ClosedDay> {
    let now = programme.now;
    std::iter::from_fn(|| close(programme, now)).collect()
}

/// Every account's balance at an instant.
fn books(programme: &mut Programme, at: DateTime<Utc>) -> Vec<(String, String)> {
    let trial = read::trial_balance(&mut programme.connection, at).unwrap();
    assert!(trial.balanced);
    trial.accounts.iter().map(|a| (a.account.to_string(), a.balance.to_string())).collect()
}

/// Three days with purchases, a redemption, a release and a refund; the instants after each, with what was there then.
type Seen = Vec<(DateTime<Utc>, [String; 4], Vec<(String, String)>)>;

fn three_days(programme: &mut Programme) -> Seen {
    programme.rule(
        r#""earn":{"percent":"10"},"hold_days":0,"funding":[{"by":"partner","share":"0.5"},{"by":"R-1","share":"0.5"}]"#,
    );
    let member = programme.member();
    let mut seen: Seen = Vec::new();
    let look = |programme: &mut Programme, seen: &mut Seen| {
        let balance = programme.balance(member);
        seen.push((programme.now, balance, books(programme, programme.now)));
        programme.now += TimeDelta::milliseconds(7);
    };
    let first = programme.buy(member, "1000.00").purchase;
    look(programme, &mut seen);
    programme.buy(member, "33.33");
    look(programme, &mut seen);
    programme.now += TimeDelta::days(1);
    let (engine_books, now) = (programme.books.clone(), programme.now);
    programme.connection.transaction(|c| jobs::release_holds(c, &engine_books, now, now)).unwrap();
    look(programme, &mut seen);
    programme.now += TimeDelta::days(1);
    let mut sale = programme.sale(member, "100.00");
    sale.redeem = money("50.00");
    programme.post(&sale).unwrap();
    look(programme, &mut seen);
    programme.refund(first.id, Returned::Amount(money("900.00")), "1").unwrap();
    look(programme, &mut seen);
    seen
}

#[test]
fn days_are_closed_in_order_once_and_days_late() {
    let mut programme = Programme::new();
    let now = programme.now;
    assert!(close(&mut programme, now).is_none(), "nothing was ever posted");
    let seen = three_days(&mut programme);
    assert_eq!(close(&mut programme, at("2026-11-10T20:59:59Z")), None, "the first day was not over then");
    let closed = close_all(&mut programme);
    let days: Vec<String> = closed.iter().map(|day| day.day.to_string()).collect();
    assert_eq!(days, ["2026-11-10", "2026-11-11"], "today is not over");
    assert_eq!((closed[0].postings, closed[0].transfers), (2, 6));
    assert!(closed.iter().all(|day| day.hash.len() == 64) && closed[0].hash != closed[1].hash);
    let ahead = programme.now + TimeDelta::days(9);
    assert_eq!(close(&mut programme, ahead), None, "whatever it is asked as of");
    assert_eq!(programme.sound().days, 2);
    // Every balance at every instant is what was seen then, whether its day is closed or not.
    let member = cashback_engine::schema::ledger::balances::table
        .select(cashback_engine::schema::ledger::balances::member_id)
        .first(&mut programme.connection)
        .unwrap();
    for (then, balance, accounts) in &seen {
        let found = read::member_balance(&mut programme.connection, member, *then).unwrap();
        let found = [found.pending, found.available, found.reserved, found.debt].map(|m| m.to_string());
        assert_eq!(&found, balance, "{then}");
        assert_eq!(&books(&mut programme, *then), accounts, "{then}");
    }
    programme.now += TimeDelta::days(40);
    let late = close_all(&mut programme);
    assert_eq!(late.len(), 40, "days without postings are closed too");
    assert_eq!(programme.sound().days, 42);
    let last = seen.last().unwrap();
    assert_eq!(books(&mut programme, last.0), last.2);
    let now = programme.now;
    assert_eq!(books(&mut programme, now), last.2);
}

#[test]
fn whoever_is_posting_is_waited_for_and_who_comes_later_begins_anew() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"}"#);
    let member = programme.member();
    programme.buy(member, "30.00");
    programme.now = at("2026-11-10T20:59:59.900Z");
    let (first, second) = (programme.sale(member, "10.00"), programme.sale(member, "20.00"));
    let (books, now) = (programme.books.clone(), programme.now);
    let midnight = at("2026-11-10T21:00:00.200Z");
    let closed = std::thread::scope(|scope| {
        let mut other = programme.database.connect();
        let closing = programme
            .connection
            .transaction(|connection| {
                posting::post(connection, &books, &[first], now)?.remove(0).unwrap();
                let books = books.clone();
                let closing = scope.spawn(move || {
                    other.transaction(|c| closing::close_day(c, &books, midnight, midnight)).unwrap()
                });
                std::thread::sleep(Duration::from_millis(300));
                assert!(!closing.is_finished(), "the day stays open until those who post have ended");
                QueryResult::Ok(closing)
            })
            .unwrap();
        closing.join().unwrap().unwrap()
    });
    assert_eq!((closed.postings, closed.day), (2, "2026-11-10".parse().unwrap()));
    let refused =
        programme.connection.transaction(|c| posting::post(c, &books, std::slice::from_ref(&second), now));
    match refused {
        Err(Error::DatabaseError(DatabaseErrorKind::SerializationFailure, info)) => {
            assert_eq!(info.message(), "ledger: 2026-11-10 is closed");
        }
        other => panic!("{other:?}"),
    }
    programme.now = midnight;
    assert!(!programme.post(&second).unwrap().replayed, "a moment later it is tomorrow's");
    programme.sound();
}

#[test]
fn whatever_was_changed_in_a_closed_day_is_found() {
    let mut programme = Programme::new();
    three_days(&mut programme);
    close_all(&mut programme);
    programme.sound();
    let day = "(SELECT end_id FROM ledger.closed_days WHERE day = '2026-11-10')";
    let changed = "a closed day is not what it was";
    for (damage, what) in [
        ("UPDATE ledger.transfers SET amount = amount + 1 WHERE posting_id < $D", changed),
        ("DELETE FROM ledger.transfers WHERE posting_id < $D AND ordinal = 1", changed),
        (
            "INSERT INTO ledger.transfers SELECT posting_id, 90, debit, credit, 1, member_id FROM ledger.transfers
             WHERE posting_id < $D AND ordinal = 0",
            changed,
        ),
        ("UPDATE ledger.transfers SET ordinal = 40 - ordinal WHERE posting_id < $D", changed),
        ("UPDATE ledger.postings SET occurred_at = occurred_at - interval '1 second' WHERE id < $D", changed),
        ("UPDATE ledger.postings SET booked_at = booked_at + interval '1 second' WHERE id < $D", changed),
        ("DELETE FROM ledger.postings WHERE id < $D", changed),
        (
            "INSERT INTO ledger.postings SELECT ledger.new_id('2026-11-10T10:00:00Z'), 'authorise', member_id, NULL,
                occurred_at, booked_at, booked_on FROM ledger.postings WHERE id < $D LIMIT 1",
            changed,
        ),
        ("UPDATE ledger.closed_days SET postings = 1 WHERE day = '2026-11-10'", changed),
        ("UPDATE ledger.closed_days SET hash = sha256(hash) WHERE day = '2026-11-11'", changed),
        ("DELETE FROM ledger.closed_days WHERE day = '2026-11-10'", "closed days do not follow one another"),
        (
            "UPDATE ledger.day_totals SET credit_total = credit_total + 1 WHERE day = '2026-11-11'",
            "a closed day's total is not what its transfers come to",
        ),
        (
            "DELETE FROM ledger.day_totals WHERE day = '2026-11-10'",
            "a closed day's total is not what its transfers come to",
        ),
    ] {
        let report = damaged(&mut programme, &damage.replace("$D", day), audit::verify);
        let found = report.findings.iter().find(|finding| finding.what == what);
        assert_eq!(found.map(|finding| finding.invariant), Some(5), "{damage}: {report:#?}");
    }
    let mut connection = programme.database.connect();
    let refused = connection.batch_execute("UPDATE ledger.closed_days SET closed_at = now()");
    assert!(refused.is_err(), "what is closed is only ever added to");
}

#[test]
fn from_a_closed_day_on_the_chain_stands_for_the_days_before() {
    let mut programme = Programme::new();
    three_days(&mut programme);
    close_all(&mut programme);
    let since = |connection: &mut PgConnection, books: &BookCache| {
        audit::verify_since(connection, books, "2026-11-11".parse().unwrap()).map_err(|error| match error {
            EngineError::Database(error) => error,
            other => panic!("{other}"),
        })
    };
    let books = programme.books.clone();
    let report = since(&mut programme.connection, &books).unwrap();
    assert!(report.ok, "{report:#?}");
    let whole = programme.sound();
    assert!(report.transfers < whole.transfers && report.days < whole.days, "{report:#?}");
    assert_eq!(report.purchases, 2, "the one of today, and the one whose refund is of today");
    let first_day =
        "UPDATE ledger.postings SET occurred_at = occurred_at - interval '1 second' WHERE booked_on = ";
    let before = damaged(&mut programme, &format!("{first_day}'2026-11-10'"), since);
    assert!(before.ok, "what was before is not looked at: {before:#?}");
    for damage in [
        format!("{first_day}'2026-11-11'"),
        "UPDATE ledger.closed_days SET hash = sha256('') WHERE day = '2026-11-10'".to_owned(),
        "UPDATE ledger.day_totals SET debit_total = debit_total + 1 WHERE day = '2026-11-10'".to_owned(),
        "UPDATE ledger.transfers SET amount = amount + 1 WHERE posting_id > (SELECT max(end_id::text)::uuid
            FROM ledger.closed_days) AND debit > 4 AND credit > 4"
            .to_owned(),
    ] {
        let after = damaged(&mut programme, &damage, since);
        assert!(!after.ok, "{damage}: {after:#?}");
    }
    let open = audit::verify_since(&mut programme.connection, &books, "2026-11-12".parse().unwrap());
    assert!(matches!(open, Err(EngineError::Unknown(_))), "a day that is not closed");
}
