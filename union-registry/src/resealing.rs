//! Personal data sealed anew under the master key's current version, a page a transaction: whoever is cut off goes on with
//! what is left, since a row says itself under which version it is sealed. Meanwhile both are opened and found.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bytea, Integer, Nullable, Uuid};
use shared_kernel::ids::{MemberId, Uuid as RowId};

use crate::RegistryError;
use crate::sealing::{Column, Sealer};

/// Members that are best sealed anew in one transaction.
pub const PAGE: i64 = 2_000;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Uuid)]
    id: MemberId,
    #[diesel(sql_type = Nullable<Bytea>)]
    phone_sealed: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Bytea>)]
    email_sealed: Option<Vec<u8>>,
}

/// A page of what was to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The last member looked at; the next page begins behind them.
    pub last: MemberId,
    /// How many were sealed anew: without those whose contacts somebody changed that very moment.
    pub resealed: usize,
}

/// Seals the contacts of the next page of members anew that an older version has sealed; `None` when none is left behind
/// `after`.
///
/// # Errors
/// The database's; [`RegistryError::Sealed`] for a value of a version this process doesn't have.
pub fn part(
    connection: &mut PgConnection,
    sealer: &Sealer,
    after: Option<MemberId>,
    limit: i64,
) -> Result<Option<Page>, RegistryError> {
    connection.transaction(|connection| {
        let rows: Vec<Row> = diesel::sql_query(
            "SELECT id, phone_sealed, email_sealed FROM registry.members
             WHERE ($1 IS NULL OR id > $1) AND (get_byte(phone_sealed, 0) < $2 OR get_byte(email_sealed, 0) < $2)
             ORDER BY id LIMIT $3",
        )
        .bind::<Nullable<Uuid>, _>(after)
        .bind::<Integer, _>(i32::from(sealer.current()))
        .bind::<BigInt, _>(limit)
        .load(connection)?;
        let Some(last) = rows.last().map(|row| row.id) else { return Ok(None) };
        let anew = Anew::of(sealer, &rows)?;
        let resealed = anew.write(connection, &rows)?;
        Ok(Some(Page { last, resealed }))
    })
}

/// A page's new values, in the order of its rows.
#[derive(Default)]
struct Anew {
    phones: Vec<Option<Vec<u8>>>,
    phone_hashes: Vec<Option<i64>>,
    emails: Vec<Option<Vec<u8>>>,
    email_hashes: Vec<Option<i64>>,
}

impl Anew {
    fn of(sealer: &Sealer, rows: &[Row]) -> Result<Self, RegistryError> {
        let opened = |column, row: RowId, sealed: &Option<Vec<u8>>| {
            sealed.as_ref().map(|sealed| sealer.open(column, row, sealed)).transpose()
        };
        let mut anew = Self::default();
        for row in rows {
            let phone = opened(Column::MemberPhone, row.id.0, &row.phone_sealed)?;
            let email = opened(Column::MemberEmail, row.id.0, &row.email_sealed)?;
            anew.phones.push(phone.as_ref().map(|value| sealer.seal(Column::MemberPhone, row.id.0, value)));
            anew.phone_hashes.push(phone.as_ref().map(|value| sealer.lookup(Column::MemberPhone, value)));
            anew.emails.push(email.as_ref().map(|value| sealer.seal(Column::MemberEmail, row.id.0, value)));
            anew.email_hashes.push(email.as_ref().map(|value| sealer.lookup(Column::MemberEmail, value)));
        }
        Ok(anew)
    }

    /// Writes them where nothing else was written meanwhile.
    fn write(self, connection: &mut PgConnection, rows: &[Row]) -> QueryResult<usize> {
        let ids: Vec<MemberId> = rows.iter().map(|row| row.id).collect();
        let phones_before: Vec<Option<&[u8]>> = rows.iter().map(|row| row.phone_sealed.as_deref()).collect();
        let emails_before: Vec<Option<&[u8]>> = rows.iter().map(|row| row.email_sealed.as_deref()).collect();
        diesel::sql_query(
            "UPDATE registry.members AS m
             SET phone_sealed = a.phone, phone_hash = a.phone_hash, email_sealed = a.email, email_hash = a.email_hash
             FROM unnest($1, $2, $3, $4, $5, $6, $7)
                 AS a (id, phone, phone_hash, email, email_hash, phone_before, email_before)
             WHERE m.id = a.id AND m.phone_sealed IS NOT DISTINCT FROM a.phone_before
                 AND m.email_sealed IS NOT DISTINCT FROM a.email_before",
        )
        .bind::<Array<Uuid>, _>(ids)
        .bind::<Array<Nullable<Bytea>>, _>(self.phones)
        .bind::<Array<Nullable<BigInt>>, _>(self.phone_hashes)
        .bind::<Array<Nullable<Bytea>>, _>(self.emails)
        .bind::<Array<Nullable<BigInt>>, _>(self.email_hashes)
        .bind::<Array<Nullable<Bytea>>, _>(phones_before)
        .bind::<Array<Nullable<Bytea>>, _>(emails_before)
        .execute(connection)
    }
}
