//! A posting beside purchases, written as it is: one that concerns no member, or two. What the world holds of members'
//! lots and balances is written with it.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Date, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;

use super::world::PostingKind;
use crate::ids::PostingId;
use crate::ledger::account::Account;
use crate::statement::statement;

/// A posting and its transfers.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub id: PostingId,
    pub kind: PostingKind,
    pub member: Option<MemberId>,
    pub transfers: Vec<EntryTransfer>,
}

/// A transfer: whose account is debited, and whose is credited where that is another member.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntryTransfer {
    pub debit: Account,
    pub credit: Account,
    pub amount: Money,
    pub member: Option<MemberId>,
    pub credit_member: Option<MemberId>,
}

statement! {
    /// The posting and its transfers.
    InsertEntry {
        id: Option<PostingId> => Nullable<SqlUuid>, kind: &'static str => Text,
        member: Option<MemberId> => Nullable<SqlUuid>, occurred_at: Option<DateTime<Utc>> => Nullable<Timestamptz>,
        booked_at: Option<DateTime<Utc>> => Nullable<Timestamptz>, booked_on: Option<NaiveDate> => Nullable<Date>,
        postings: Vec<PostingId> => Array<SqlUuid>, ordinals: Vec<i16> => Array<SmallInt>,
        debits: Vec<i32> => Array<Integer>, credits: Vec<i32> => Array<Integer>,
        amounts: Vec<i64> => Array<BigInt>, members: Vec<Option<MemberId>> => Array<Nullable<SqlUuid>>,
        credit_members: Vec<Option<MemberId>> => Array<Nullable<SqlUuid>>,
    },
    "WITH posting AS (
        INSERT INTO ledger.postings (id, kind, member_id, occurred_at, booked_at, booked_on) VALUES (?, ?, ?, ?, ?, ?)
     )
     INSERT INTO ledger.transfers (posting_id, ordinal, debit, credit, amount, member_id, credit_member_id)
     SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?)"
}

/// Writes an entry of now.
pub(crate) fn insert(
    connection: &mut PgConnection,
    entry: &Entry,
    (now, today): (DateTime<Utc>, NaiveDate),
) -> QueryResult<()> {
    let mut statement = InsertEntry {
        id: Some(entry.id),
        kind: entry.kind.as_str(),
        member: entry.member,
        occurred_at: Some(now),
        booked_at: Some(now),
        booked_on: Some(today),
        ..InsertEntry::default()
    };
    for (ordinal, transfer) in (0i16..).zip(&entry.transfers) {
        statement.postings.push(entry.id);
        statement.ordinals.push(ordinal);
        statement.debits.push(transfer.debit.0);
        statement.credits.push(transfer.credit.0);
        statement.amounts.push(transfer.amount.kopecks());
        statement.members.push(transfer.member);
        statement.credit_members.push(transfer.credit_member);
    }
    statement.execute(connection)?;
    Ok(())
}
