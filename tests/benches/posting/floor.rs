//! The floor: the rows of a posting by one call, in copies of the tables, over prepared statements.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text, Uuid as SqlUuid};
use shared_kernel::ids::{MemberId, Uuid};

/// Declares a call of one of `floor.sql`'s functions, prepared once a connection.
macro_rules! call {
    ($name:ident { $($field:ident: $rust:ty => $sql_type:ty),* $(,)? }, $sql:expr) => {
        #[derive(Default)]
        struct $name { $($field: $rust),* }

        impl diesel::query_builder::QueryId for $name {
            type QueryId = $name;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> QueryResult<()> {
                out.push_sql($sql);
                let mut before = "(";
                $(
                    out.push_sql(before);
                    out.push_bind_param::<$sql_type, $rust>(&self.$field)?;
                    before = ", ";
                )*
                debug_assert_eq!(before, ", ");
                out.push_sql(")");
                Ok(())
            }
        }

        impl RunQueryDsl<PgConnection> for $name {}
    };
}

call!(PostBatch {
    ids: Vec<Uuid> => Array<SqlUuid>, members: Vec<Uuid> => Array<SqlUuid>, receipts: Vec<String> => Array<Text>,
    amounts: Vec<i64> => Array<BigInt>, commissions: Vec<i64> => Array<BigInt>,
    cashbacks: Vec<i64> => Array<BigInt>, terms: Vec<String> => Array<Text>, payloads: Vec<String> => Array<Text>,
    balance_members: Vec<Uuid> => Array<SqlUuid>, balance_deltas: Vec<i64> => Array<BigInt>,
}, "SELECT floor.post_batch");

call!(PostOne {
    id: Uuid => SqlUuid, member: Uuid => SqlUuid, receipt: String => Text, amount: i64 => BigInt,
    commission: i64 => BigInt, cashback: i64 => BigInt, terms: String => Text, payload: String => Text,
}, "SELECT floor.post_one");

call!(RunningTransfer { from: String => Text, to: String => Text, amount: i64 => BigInt }, "SELECT floor.running_transfer");

/// What the engine wrote for a purchase, so that the floor's rows are as wide.
#[derive(QueryableByName)]
pub struct Pattern {
    #[diesel(sql_type = Text)]
    terms: String,
    #[diesel(sql_type = Text)]
    payload: String,
}

/// A purchase of the floor.
struct Purchase {
    id: Uuid,
    member: Uuid,
    receipt: String,
    amount: i64,
}

impl Purchase {
    fn new(number: u64, members: &[MemberId]) -> Self {
        Self {
            id: Uuid::now_v7(),
            member: super::programme::member_of(number, members).0,
            receipt: format!("R-{number:09}"),
            amount: super::programme::kopecks_of(number),
        }
    }

    fn commission(&self) -> i64 {
        self.amount / 50
    }

    fn cashback(&self) -> i64 {
        self.amount / 20
    }
}

/// Makes the copies of the tables and the functions; the members' balances with them.
pub fn install(connection: &mut PgConnection) {
    for floor in [include_str!("floor.sql"), include_str!("running.sql")] {
        connection.batch_execute(floor).expect("the floor can be made");
    }
    connection
        .batch_execute("INSERT INTO floor.balances SELECT * FROM ledger.balances; ANALYZE")
        .expect("the balances can be copied");
}

/// What the engine's last purchase looks like.
pub fn pattern(connection: &mut PgConnection) -> Pattern {
    diesel::sql_query(
        "SELECT p.terms::text AS terms, o.payload::text AS payload
         FROM (SELECT terms FROM ledger.purchases ORDER BY id DESC LIMIT 1) AS p,
              (SELECT payload FROM platform.outbox WHERE kind = 'purchase.posted' ORDER BY id DESC LIMIT 1) AS o",
    )
    .get_result(connection)
    .expect("the engine has posted before")
}

/// Writes `batch` purchases in one call.
pub fn post_batch(
    connection: &mut PgConnection,
    pattern: &Pattern,
    members: &[MemberId],
    numbers: std::ops::Range<u64>,
) {
    let mut call = PostBatch::default();
    let mut deltas = BTreeMap::new();
    for number in numbers {
        let purchase = Purchase::new(number, members);
        *deltas.entry(purchase.member).or_insert(0) += purchase.cashback();
        call.ids.push(purchase.id);
        call.members.push(purchase.member);
        call.amounts.push(purchase.amount);
        call.commissions.push(purchase.commission());
        call.cashbacks.push(purchase.cashback());
        call.receipts.push(purchase.receipt);
        call.terms.push(pattern.terms.clone());
        call.payloads.push(pattern.payload.clone());
    }
    (call.balance_members, call.balance_deltas) = deltas.into_iter().unzip();
    call.execute(connection).expect("the floor's rows can be written");
}

/// Writes one purchase.
pub fn post_one(connection: &mut PgConnection, pattern: &Pattern, members: &[MemberId], number: u64) {
    let purchase = Purchase::new(number, members);
    let call = PostOne {
        id: purchase.id,
        member: purchase.member,
        amount: purchase.amount,
        commission: purchase.commission(),
        cashback: purchase.cashback(),
        receipt: purchase.receipt,
        terms: pattern.terms.clone(),
        payload: pattern.payload.clone(),
    };
    call.execute(connection).expect("the floor's rows can be written");
}

/// One transfer between two of the accounts that keep running balances.
pub fn running_transfer(connection: &mut PgConnection, number: u64) {
    let account = |place: u64| format!("account_{}", place % 20_000);
    let (from, to) = (account(number.wrapping_mul(7_919)), account(number.wrapping_mul(104_729) + 1));
    let call = RunningTransfer { from, to, amount: super::programme::kopecks_of(number) };
    call.execute(connection).expect("the floor's rows can be written");
}
