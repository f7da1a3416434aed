//! Sales of a register that is only compared, whose receipts we don't know since a claim was approved without them: what
//! posting would answer with the claim's purchase, comparing matches with it.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use shared_kernel::ids::MemberId;

use super::outcome::PendingRow;
use crate::claims::APART_MAX;
use crate::ids::{PurchaseId, RegisterId};
use crate::posting::{Buyer, ReceiptKey};
use crate::rules::Book;
use crate::statement::statement;

statement! {
    /// The purchases of approved claims that may be these sales, in the order in which posting would take them.
    FindClaimed {
        apart: i64 => BigInt, places: Vec<i64> => Array<BigInt>, outlets: Vec<i32> => Array<Integer>,
        members: Vec<MemberId> => Array<SqlUuid>, amounts: Vec<i64> => Array<BigInt>,
        moments: Vec<DateTime<Utc>> => Array<Timestamptz>,
    } -> (BigInt, SqlUuid),
    "WITH given AS (SELECT make_interval(secs => ?) AS apart)
     SELECT n.place, c.purchase_id
     FROM unnest(?, ?, ?, ?, ?) AS n (place, outlet_id, member_id, amount, moment) CROSS JOIN given
     JOIN ledger.claims AS c ON c.member_id = n.member_id AND c.in_play AND c.status = 'approved'
        AND c.outlet_id = n.outlet_id AND c.amount = n.amount
        AND c.occurred_at BETWEEN n.moment - given.apart AND n.moment + given.apart
     ORDER BY n.place, c.id"
}

statement! {
    /// Which of these purchases other sales of the register are already.
    FindTaken { register: Option<RegisterId> => Nullable<SqlUuid>, purchases: Vec<PurchaseId> => Array<SqlUuid> }
        -> SqlUuid,
    "SELECT purchase_id FROM ledger.register_rows
     WHERE register_id = ? AND outcome = 'matched' AND kind = 'sale' AND purchase_id = ANY(?)"
}

statement! {
    /// The purchases that sales of the register were found to be, where some purchase at their outlets was claimed.
    FindSales {
        register: Option<RegisterId> => Nullable<SqlUuid>, outlets: Vec<String> => Array<Text>,
        receipts: Vec<String> => Array<Text>,
    } -> (Text, Text, SqlUuid),
    "SELECT r.outlet, r.receipt, r.purchase_id FROM ledger.register_rows AS r
     WHERE r.register_id = ? AND r.outcome = 'matched' AND r.kind = 'sale'
        AND (r.outlet, r.receipt) IN (SELECT * FROM unnest(?, ?))
        AND EXISTS (SELECT FROM ledger.claims AS c WHERE c.purchase_id = r.purchase_id AND c.in_play)"
}

/// A sale whose receipt nobody knows, and whose it is.
pub(super) type Unknown<'a> = (&'a PendingRow, &'a Buyer);

/// The purchases that claims became of these sales, by the rows' places; each purchase is one sale.
pub(super) fn purchases_of(
    connection: &mut PgConnection,
    book: &Book,
    register: RegisterId,
    unknown: &[Unknown<'_>],
) -> QueryResult<HashMap<i64, PurchaseId>> {
    let mut find = FindClaimed { apart: APART_MAX.num_seconds(), ..FindClaimed::default() };
    for (row, buyer) in unknown {
        let Some(outlet) = book.outlet(&row.outlet) else { continue };
        find.places.push(row.place);
        find.outlets.push(outlet.number);
        find.members.push(buyer.member);
        find.amounts.push(row.amount.kopecks());
        find.moments.push(row.occurred_at);
    }
    let candidates: Vec<(i64, PurchaseId)> =
        if find.places.is_empty() { Vec::new() } else { find.load(connection)? };
    if candidates.is_empty() {
        return Ok(HashMap::new());
    }
    let purchases: Vec<PurchaseId> = candidates.iter().map(|(_, purchase)| *purchase).collect();
    let taken: Vec<PurchaseId> = FindTaken { register: Some(register), purchases }.load(connection)?;
    let mut taken: HashSet<PurchaseId> = taken.into_iter().collect();
    let mut found = HashMap::new();
    for (place, purchase) in candidates {
        if !found.contains_key(&place) && taken.insert(purchase) {
            found.insert(place, purchase);
        }
    }
    Ok(found)
}

/// The purchases of sales that stand in this register under receipts we don't know.
pub(super) fn sales_of(
    connection: &mut PgConnection,
    register: RegisterId,
    keys: &[ReceiptKey],
) -> QueryResult<Vec<(ReceiptKey, PurchaseId)>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut find = FindSales { register: Some(register), ..FindSales::default() };
    for key in keys {
        find.outlets.push(key.outlet.clone());
        find.receipts.push(key.receipt.clone());
    }
    let rows: Vec<(String, String, PurchaseId)> = find.load(connection)?;
    Ok(rows.into_iter().map(|(outlet, receipt, id)| (ReceiptKey { outlet, receipt }, id)).collect())
}
