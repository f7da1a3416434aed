//! Purchases found: by identifier, by receipt, and those that wait for their capture.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::MemberId;
use shared_kernel::paging::{self, Page};

use super::{Purchase, PurchaseRecord, PurchaseStatus, shown};
use crate::ids::{PartnerId, PurchaseId};
use crate::posting::sale::ReceiptKey;
use crate::rules::BookCache;
use crate::schema::ledger::{lots, outlets, purchases, receipts};

/// Which of these purchases have cashback still inside the return window.
pub(crate) fn waiting(
    connection: &mut PgConnection,
    of: &[(MemberId, PurchaseId)],
) -> QueryResult<HashSet<PurchaseId>> {
    let members: Vec<MemberId> = of.iter().map(|(member, _)| *member).collect();
    let ids: Vec<PurchaseId> = of.iter().map(|(_, purchase)| *purchase).collect();
    let rows: Vec<PurchaseId> = lots::table
        .filter(lots::member_id.eq_any(members).and(lots::purchase_id.eq_any(ids)))
        .filter(lots::released.eq(false).and(lots::remaining.gt(0)))
        .select(lots::purchase_id)
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

/// The first last day among what is left of each of these purchases' cashback: later than it was given for, where what was
/// held or frozen lived on.
pub(crate) fn last_days(
    connection: &mut PgConnection,
    of: &[(MemberId, PurchaseId)],
) -> QueryResult<HashMap<PurchaseId, NaiveDate>> {
    let members: Vec<MemberId> = of.iter().map(|(member, _)| *member).collect();
    let ids: Vec<PurchaseId> = of.iter().map(|(_, purchase)| *purchase).collect();
    lots::table
        .filter(lots::member_id.eq_any(members).and(lots::purchase_id.eq_any(ids)))
        .filter(lots::remaining.gt(0).and(lots::expires_on.is_not_null()))
        .order((lots::purchase_id, lots::expires_on))
        .distinct_on(lots::purchase_id)
        .select((lots::purchase_id, lots::expires_on.assume_not_null()))
        .load(connection)
        .map(|rows: Vec<(PurchaseId, NaiveDate)>| rows.into_iter().collect())
}

fn show_one(
    connection: &mut PgConnection,
    books: &BookCache,
    record: Option<PurchaseRecord>,
    partner: Option<PartnerId>,
) -> QueryResult<Option<Purchase>> {
    let Some(record) = record else { return Ok(None) };
    let book = books.current(connection)?;
    let of = [(record.member_id, record.id)];
    let waiting = waiting(connection, &of)?;
    let mut purchase = shown(&record, &book, waiting.contains(&record.id));
    if let Some(lives_on) = last_days(connection, &of)?.get(&record.id) {
        purchase.cashback.expires_on = Some(*lives_on);
    }
    Ok(Some(purchase).filter(|purchase| partner.is_none_or(|partner| purchase.partner == partner)))
}

/// A purchase; another partner's is none.
///
/// # Errors
/// The database's.
pub fn purchase(
    connection: &mut PgConnection,
    books: &BookCache,
    id: PurchaseId,
    partner: Option<PartnerId>,
) -> QueryResult<Option<Purchase>> {
    let record =
        purchases::table.find(id).select(PurchaseRecord::as_select()).first(connection).optional()?;
    show_one(connection, books, record, partner)
}

/// Purchases by their identifiers; those that aren't there are absent.
///
/// # Errors
/// The database's.
pub fn by_ids(
    connection: &mut PgConnection,
    books: &BookCache,
    ids: &[PurchaseId],
) -> QueryResult<HashMap<PurchaseId, Purchase>> {
    let records: Vec<PurchaseRecord> = purchases::table
        .filter(purchases::id.eq_any(ids))
        .select(PurchaseRecord::as_select())
        .load(connection)?;
    let book = books.current(connection)?;
    let of: Vec<(MemberId, PurchaseId)> =
        records.iter().map(|record| (record.member_id, record.id)).collect();
    let waiting = waiting(connection, &of)?;
    Ok(records.iter().map(|record| (record.id, shown(record, &book, waiting.contains(&record.id)))).collect())
}

/// A purchase by its receipt; another partner's is none.
///
/// # Errors
/// The database's.
pub fn purchase_by_receipt(
    connection: &mut PgConnection,
    books: &BookCache,
    key: &ReceiptKey,
    partner: Option<PartnerId>,
) -> QueryResult<Option<Purchase>> {
    let id: Option<PurchaseId> = receipts::table
        .inner_join(outlets::table.on(outlets::id.eq(receipts::outlet_id)))
        .filter(outlets::code.eq(&key.outlet).and(receipts::receipt.eq(&key.receipt)))
        .select(receipts::purchase_id)
        .first(connection)
        .optional()?;
    match id {
        Some(id) => purchase(connection, books, id, partner),
        None => Ok(None),
    }
}

/// Purchases that are authorised and neither captured nor given up, the newest first: of a partner, at some of its
/// outlets or (none named) all of them.
///
/// # Errors
/// The database's.
pub fn authorized(
    connection: &mut PgConnection,
    books: &BookCache,
    (partner, codes): (Option<PartnerId>, &[String]),
    after: Option<PurchaseId>,
    limit: paging::Limit,
) -> QueryResult<Page<Purchase, PurchaseId>> {
    let mut query = purchases::table.filter(purchases::status.eq(PurchaseStatus::Authorized)).into_boxed();
    if partner.is_some() || !codes.is_empty() {
        let mut at = outlets::table.select(outlets::id).into_boxed();
        if let Some(partner) = partner {
            at = at.filter(outlets::partner_id.eq(partner));
        }
        if !codes.is_empty() {
            at = at.filter(outlets::code.eq_any(codes));
        }
        let numbers: Vec<i32> = at.load(connection)?;
        query = query.filter(purchases::outlet_id.eq_any(numbers));
    }
    if let Some(after) = after {
        query = query.filter(purchases::id.lt(after));
    }
    let records: Vec<PurchaseRecord> = query
        .order(purchases::id.desc())
        .limit(limit.with_lookahead())
        .select(PurchaseRecord::as_select())
        .load(connection)?;
    let book = books.current(connection)?;
    let page = Page::from_lookahead(records, limit, |record| record.id);
    Ok(page.map(|record| shown(&record, &book, false)))
}
