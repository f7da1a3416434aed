//! Which till's fiscal drive is at which outlet: how a claimed receipt finds its partner.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::Uuid;

use super::place::Unmatched;
use super::{Claim, ClaimStatus};
use crate::error::{EngineError, Invalid};
use crate::ids::{PartnerId, PurchaseId};
use crate::partners::Outlet;
use crate::rules::{Book, BookCache};
use crate::schema::ledger::{claims, fiscal_drives, fiscal_receipts, purchases};

/// Drives registered at once.
pub const DRIVES_MAX: usize = 1_000;

/// A fiscal drive at an outlet.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = fiscal_drives)]
pub struct FiscalDrive {
    /// Its number: 16 digits, 12 in older ones.
    pub drive: String,
    /// Since when.
    #[diesel(column_name = added_at)]
    pub since: DateTime<Utc>,
}

fn is_drive(text: &str) -> bool {
    matches!(text.len(), 12 | 16) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An outlet by its code; another partner's is none.
fn owned(book: &Book, code: &str, partner: Option<PartnerId>) -> Result<Arc<Outlet>, EngineError> {
    book.outlet(code)
        .filter(|outlet| partner.is_none_or(|partner| outlet.partner_id == partner))
        .cloned()
        .ok_or(EngineError::Unknown("the outlet"))
}

/// Where a drive that nobody registered was seen last: at the outlet whose purchase carried a receipt of it.
fn seen_at(connection: &mut PgConnection, drive: &str) -> QueryResult<Option<i32>> {
    let purchase: Option<PurchaseId> = fiscal_receipts::table
        .filter(fiscal_receipts::drive.eq(drive))
        .order(fiscal_receipts::document.desc())
        .select(fiscal_receipts::purchase_id)
        .first(connection)
        .optional()?;
    match purchase {
        Some(id) => purchases::table.find(id).select(purchases::outlet_id).first(connection).optional(),
        None => Ok(None),
    }
}

/// The outlet of a drive: where it is registered, else where it was seen last.
pub(super) fn outlet_of(
    connection: &mut PgConnection,
    book: &Book,
    drive: &str,
) -> QueryResult<Option<Arc<Outlet>>> {
    let registered: Option<i32> =
        fiscal_drives::table.find(drive).select(fiscal_drives::outlet_id).first(connection).optional()?;
    let number = match registered {
        Some(number) => Some(number),
        None => seen_at(connection, drive)?,
    };
    Ok(number.and_then(|number| book.outlet_by_number(number).cloned()))
}

/// The drives of an outlet.
///
/// # Errors
/// [`EngineError::Unknown`] outlet, also another partner's.
pub fn drives(
    connection: &mut PgConnection,
    books: &BookCache,
    code: &str,
    partner: Option<PartnerId>,
) -> Result<Vec<FiscalDrive>, EngineError> {
    let book = books.current(connection)?;
    let outlet = owned(&book, code, partner)?;
    Ok(fiscal_drives::table
        .filter(fiscal_drives::outlet_id.eq(outlet.number))
        .order(fiscal_drives::drive)
        .select(FiscalDrive::as_select())
        .load(connection)?)
}

/// Registers drives at an outlet, in the caller's transaction; those that are there stay. Claims that waited for one of
/// them find their partner.
///
/// # Errors
/// [`EngineError::Unknown`] outlet; wrong numbers, and those registered at another outlet, with their place.
pub fn add(
    connection: &mut PgConnection,
    books: &BookCache,
    (code, partner): (&str, Option<PartnerId>),
    numbers: &[String],
    (by, now): (Uuid, DateTime<Utc>),
) -> Result<Vec<FiscalDrive>, EngineError> {
    let book = books.current(connection)?;
    let outlet = owned(&book, code, partner)?;
    if numbers.is_empty() || numbers.len() > DRIVES_MAX {
        return Err(EngineError::Invalid(vec![Invalid::new("/drives", "must have 1 to 1000 numbers")]));
    }
    let mut wrong: Vec<Invalid> = numbers
        .iter()
        .enumerate()
        .filter(|(_, number)| !is_drive(number))
        .map(|(place, _)| {
            Invalid::new(format!("/drives/{place}"), "must have 16 digits (12 in older drives)")
        })
        .collect();
    let elsewhere: Vec<String> = fiscal_drives::table
        .filter(fiscal_drives::drive.eq_any(numbers).and(fiscal_drives::outlet_id.ne(outlet.number)))
        .select(fiscal_drives::drive)
        .load(connection)?;
    wrong.extend(
        numbers
            .iter()
            .enumerate()
            .filter(|(_, number)| elsewhere.contains(number))
            .map(|(place, _)| Invalid::new(format!("/drives/{place}"), "is registered at another outlet")),
    );
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    let unique: BTreeSet<&String> = numbers.iter().collect();
    let rows: Vec<_> = unique
        .into_iter()
        .map(|number| {
            (
                fiscal_drives::drive.eq(number),
                fiscal_drives::outlet_id.eq(outlet.number),
                fiscal_drives::added_by.eq(by),
                fiscal_drives::added_at.eq(now),
            )
        })
        .collect();
    diesel::insert_into(fiscal_drives::table).values(rows).on_conflict_do_nothing().execute(connection)?;
    match_claims(connection, (&book, &outlet), numbers, now)?;
    drives(connection, books, code, partner)
}

/// Claims of these drives that waited for an outlet are the partner's to decide from now on, or confirmed by the sale that
/// is there.
fn match_claims(
    connection: &mut PgConnection,
    place: (&Book, &Outlet),
    numbers: &[String],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let unmatched: Vec<Claim> = claims::table
        .filter(claims::status.eq(ClaimStatus::Unmatched).and(claims::drive.eq_any(numbers)))
        .order(claims::id)
        .select(Claim::as_select())
        .load(connection)?;
    if !unmatched.is_empty() {
        Unmatched::lock(connection, &unmatched)?.place(connection, place, now)?;
    }
    Ok(())
}

/// Takes a drive away from an outlet; claims that found their partner by it stay there.
///
/// # Errors
/// [`EngineError::Unknown`] outlet or drive.
pub fn remove(
    connection: &mut PgConnection,
    books: &BookCache,
    (code, partner): (&str, Option<PartnerId>),
    number: &str,
) -> Result<(), EngineError> {
    let book = books.current(connection)?;
    let outlet = owned(&book, code, partner)?;
    let removed = diesel::delete(fiscal_drives::table.find(number))
        .filter(fiscal_drives::outlet_id.eq(outlet.number))
        .execute(connection)?;
    if removed == 0 { Err(EngineError::Unknown("the drive")) } else { Ok(()) }
}
