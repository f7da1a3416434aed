//! A walk over postings with their transfers, in the order of their identifiers: what closes a day and what verifies
//! it read the same stream. A bounded number of rows is in memory.

use std::collections::VecDeque;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use shared_kernel::ids::{MemberId, Uuid};

use super::account::Account;
use crate::ids::{PostingId, PurchaseId};
use crate::statement::statement;

/// How many postings are read at a time.
const POSTINGS: usize = 4_000;
/// How many transfers are read at a time.
const TRANSFERS: usize = 10_000;

statement! {
    /// Postings after one, before another.
    ReadPostings { after: Uuid => SqlUuid, until: Uuid => SqlUuid, limit: i64 => BigInt }
        -> (SqlUuid, Text, Nullable<SqlUuid>, Nullable<SqlUuid>, Timestamptz, Timestamptz, Date, Nullable<BigInt>),
    "SELECT id, kind, member_id, purchase_id, occurred_at, booked_at, booked_on, place FROM ledger.postings
     WHERE id > ? AND id < ? ORDER BY id LIMIT ?"
}

statement! {
    /// Transfers after one, before another.
    ReadTransfers {
        from: Uuid => SqlUuid, after: Uuid => SqlUuid, ordinal: i16 => SmallInt, until: Uuid => SqlUuid,
        limit: i64 => BigInt,
    } -> (SqlUuid, SmallInt, Integer, Integer, BigInt, Nullable<SqlUuid>, Nullable<SqlUuid>),
    "SELECT posting_id, ordinal, debit, credit, amount, member_id, credit_member_id FROM ledger.transfers
     WHERE posting_id >= ? AND (posting_id, ordinal) > (?, ?) AND posting_id < ?
     ORDER BY posting_id, ordinal LIMIT ?"
}

/// A posting as it is stored.
#[derive(Debug, Clone, Queryable)]
pub(crate) struct WalkedPosting {
    pub id: PostingId,
    pub kind: String,
    pub member: Option<MemberId>,
    pub purchase: Option<PurchaseId>,
    pub occurred_at: DateTime<Utc>,
    pub booked_at: DateTime<Utc>,
    pub booked_on: NaiveDate,
    /// Its place in the order of posting.
    pub place: Option<i64>,
}

/// A transfer as it is stored.
#[derive(Debug, Clone, Copy, Queryable)]
pub(crate) struct WalkedTransfer {
    pub posting: PostingId,
    pub ordinal: i16,
    pub debit: Account,
    pub credit: Account,
    pub kopecks: i64,
    pub member: Option<MemberId>,
    /// Whose account is credited, where that is another member.
    pub credit_member: Option<MemberId>,
}

/// A posting with its transfers; without a posting, transfers that stand alone.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub id: PostingId,
    pub posting: Option<WalkedPosting>,
    pub transfers: Vec<WalkedTransfer>,
}

/// The walk over a stretch of identifiers.
#[derive(Debug)]
pub(crate) struct Walk {
    until: Uuid,
    posting: Uuid,
    transfer: (Uuid, i16),
    postings: VecDeque<WalkedPosting>,
    transfers: VecDeque<WalkedTransfer>,
    postings_over: bool,
    transfers_over: bool,
}

impl Walk {
    /// Over all identifiers from the first on, before `until`.
    pub(crate) fn new(from: Uuid, until: Uuid) -> Self {
        // The first identifier of an instant is nobody's: those that are made carry a version.
        Self {
            until,
            posting: from,
            transfer: (from, i16::MAX),
            postings: VecDeque::new(),
            transfers: VecDeque::new(),
            postings_over: false,
            transfers_over: false,
        }
    }

    fn read_postings(&mut self, connection: &mut PgConnection) -> QueryResult<()> {
        if self.postings.is_empty() && !self.postings_over {
            let limit = i64::try_from(POSTINGS).expect("a few thousand");
            let rows: Vec<WalkedPosting> =
                ReadPostings { after: self.posting, until: self.until, limit }.load(connection)?;
            self.postings_over = rows.len() < POSTINGS;
            self.posting = rows.last().map_or(self.posting, |row| row.id.0);
            self.postings.extend(rows);
        }
        Ok(())
    }

    fn read_transfers(&mut self, connection: &mut PgConnection) -> QueryResult<()> {
        if self.transfers.is_empty() && !self.transfers_over {
            let limit = i64::try_from(TRANSFERS).expect("a few thousand");
            let (after, ordinal) = self.transfer;
            let rows: Vec<WalkedTransfer> =
                ReadTransfers { from: after, after, ordinal, until: self.until, limit }.load(connection)?;
            self.transfers_over = rows.len() < TRANSFERS;
            self.transfer = rows.last().map_or(self.transfer, |row| (row.posting.0, row.ordinal));
            self.transfers.extend(rows);
        }
        Ok(())
    }

    /// The next posting, or the transfers that stand alone before it.
    fn next(&mut self, connection: &mut PgConnection) -> QueryResult<Option<Entry>> {
        self.read_postings(connection)?;
        self.read_transfers(connection)?;
        let posting = self.postings.front().map(|posting| posting.id);
        let transfer = self.transfers.front().map(|transfer| transfer.posting);
        let Some(id) = [posting, transfer].into_iter().flatten().min() else { return Ok(None) };
        let posting = if posting == Some(id) { self.postings.pop_front() } else { None };
        let mut transfers = Vec::new();
        while let Some(transfer) = self.transfers.pop_front_if(|transfer| transfer.posting == id) {
            transfers.push(transfer);
            self.read_transfers(connection)?;
        }
        Ok(Some(Entry { id, posting, transfers }))
    }

    /// The next few thousand; empty at the end.
    pub(crate) fn chunk(&mut self, connection: &mut PgConnection) -> QueryResult<Vec<Entry>> {
        let mut entries = Vec::with_capacity(POSTINGS);
        while entries.len() < POSTINGS
            && let Some(entry) = self.next(connection)?
        {
            entries.push(entry);
        }
        Ok(entries)
    }
}
