//! Statements that look up by key do so by the index, also in tables that were empty when they were planned; the
//! transactions that see to it end as others do; and what compares whole sets doesn't do it pair by pair.

use std::collections::BTreeMap;

use cashback_engine::posting::{self, Sale};
use cashback_engine::reconciliation::{self, Outcome, RegisterMode};
use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Text};
use shared_kernel::db::by_key;

use crate::engine_registers::{self, HEADER};
use crate::engine_support::Programme;

#[derive(QueryableByName)]
struct Scans {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    scans: i64,
}

#[derive(QueryableByName)]
struct Shown {
    #[diesel(sql_type = Text)]
    value: String,
}

/// How often each of the tables that grow with every purchase was read from one end to the other.
fn scans(connection: &mut PgConnection) -> BTreeMap<String, i64> {
    connection.batch_execute("SELECT pg_stat_force_next_flush(); SELECT 1").unwrap();
    let rows: Vec<Scans> = diesel::sql_query(
        "SELECT relname::text AS name, seq_scan AS scans FROM pg_stat_user_tables
         WHERE schemaname = 'ledger' AND relname ~
            '^(receipts|balances|lots|cap_usage|budget_usage|fraud_counters|purchases|postings|transfers)'",
    )
    .load(connection)
    .unwrap();
    rows.into_iter().map(|row| (row.name, row.scans)).collect()
}

fn seqscan(connection: &mut PgConnection) -> String {
    diesel::sql_query("SELECT current_setting('enable_seqscan') AS value")
        .get_result::<Shown>(connection)
        .unwrap()
        .value
}

#[test]
fn posting_reads_no_table_whole_that_was_counted_when_it_was_empty() {
    let mut programme = Programme::new();
    programme.rule(
        r#""earn":{"percent":"5"},"caps":{"per_member":{"amount":"500.00","period":"day"},"budget":"9000.00"}"#,
    );
    let members: Vec<_> = (0..40).map(|_| programme.member()).collect();
    programme.connection.batch_execute("ANALYZE").unwrap();
    let before = scans(&mut programme.connection);
    assert!(before.len() > 8, "{before:?}");
    let (books, now) = (programme.books.clone(), programme.now);
    let sales = |programme: &mut Programme| -> Vec<Sale> {
        members.iter().map(|member| programme.sale(*member, "100.00")).collect()
    };
    for _ in 0..8 {
        let sales = sales(&mut programme);
        let posted = by_key(&mut programme.connection, |c| posting::post(c, &books, &sales, now)).unwrap();
        assert!(posted.iter().all(Result::is_ok));
    }
    assert_eq!(scans(&mut programme.connection), before);
    // What it is there against.
    let sales = sales(&mut programme);
    let mut other = programme.database.connect();
    other.transaction(|c| posting::post(c, &books, &sales, now)).unwrap();
    drop(scans(&mut other));
    assert_ne!(
        scans(&mut programme.connection),
        before,
        "an ordinary transaction scans what it thinks is empty"
    );
}

#[test]
fn a_register_of_thousands_over_a_table_of_tens_of_thousands_is_not_compared_pair_by_pair() {
    const OURS: i64 = 30_000;
    const THEIRS: i64 = 6_000;
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"5"}"#);
    let member = programme.member();
    let pattern = programme.buy(member, "100.00").purchase;
    let copies = format!(
        "INSERT INTO ledger.purchases SELECT (jsonb_populate_record(p, jsonb_build_object('id', ledger.new_id(p.booked_at),
            'receipt', 'O-' || n, 'occurred_at', p.occurred_at - n % 20 * interval '1 day'))).*
         FROM ledger.purchases AS p, generate_series(1, {OURS}) AS n WHERE p.id = '{}'",
        pattern.id
    );
    programme.connection.batch_execute(&copies).unwrap();
    let mut file = HEADER.to_owned();
    for row in 0..THEIRS {
        let at = (pattern.occurred_at - TimeDelta::days(row % 20)).to_rfc3339();
        file += &format!("\nshop-1,T-{row},{at},c,100.00,,sale,");
    }
    let id = engine_registers::create(&mut programme, file.as_bytes(), RegisterMode::Compare).unwrap();
    let now = programme.now;
    let connection = &mut programme.connection;
    // A hundred times what it takes, and a tenth of what pairs would.
    connection
        .batch_execute(
            "UPDATE ledger.register_rows SET outcome = 'only_theirs'; SET statement_timeout = '10s'",
        )
        .unwrap();
    assert!(reconciliation::finish(connection, id, now).unwrap());
    let view = reconciliation::register(connection, id, None).unwrap().unwrap();
    assert_eq!(view.outcomes.get(&Outcome::OnlyTheirs), Some(&THEIRS));
    assert_eq!(view.outcomes.get(&Outcome::OnlyOurs), Some(&(OURS + 1)));
}

#[test]
fn a_transaction_by_key_ends_as_others_do() {
    let mut programme = Programme::new();
    let connection = &mut programme.connection;
    connection.batch_execute("CREATE TABLE kept (one integer)").unwrap();
    let count = |connection: &mut PgConnection| {
        diesel::sql_query("SELECT count(*)::text AS value FROM kept")
            .get_result::<Shown>(connection)
            .unwrap()
            .value
    };
    let done = by_key(connection, |connection| {
        connection.batch_execute("INSERT INTO kept VALUES (1)")?;
        Ok::<_, Error>(seqscan(connection))
    });
    assert_eq!(done.unwrap(), "off");
    assert_eq!((seqscan(connection), count(connection)), ("on".to_owned(), "1".to_owned()));
    let failed = by_key(connection, |connection| {
        connection.batch_execute("INSERT INTO kept VALUES (2)")?;
        Err::<(), _>(Error::RollbackTransaction)
    });
    assert_eq!(failed, Err(Error::RollbackTransaction));
    let broken = by_key(connection, |connection| connection.batch_execute("INSERT INTO nowhere VALUES (1)"));
    assert!(matches!(broken, Err(Error::DatabaseError(..))), "{broken:?}");
    assert_eq!((seqscan(connection), count(connection)), ("on".to_owned(), "1".to_owned()));
    let within = connection.transaction(|connection| by_key(connection, |_| Ok::<_, Error>(())));
    assert_eq!(within, Err(Error::AlreadyInTransaction));
}
