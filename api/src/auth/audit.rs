//! The audit log: who did what, as a chain of keyed hashes, so that an edited, removed or reordered row is found.

use chrono::{DateTime, Utc};
use diesel::Connection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::advisory;
use shared_kernel::ids::MemberId;
use shared_kernel::schema::platform::{audit_log, master_key_versions};

use super::secrets;
use crate::keys::MasterKey;

/// The advisory lock that puts entries in a row: "auditlog" in ASCII.
const AUDIT_LOCK: i64 = 0x6175_6469_746c_6f67;

/// The keys of the chain, by version of the master key.
pub struct AuditLog {
    keys: Vec<[u8; 32]>,
}

/// From which entry on which key holds.
struct Eras<'a> {
    keys: &'a [[u8; 32]],
    /// Versions from 2 on with their first entry, in order.
    later: Vec<(i16, i64)>,
}

impl Eras<'_> {
    /// The key of an entry.
    fn key(&self, entry: i64) -> QueryResult<&[u8; 32]> {
        let version = self.later.iter().rfind(|(_, from)| *from <= entry).map_or(1, |(version, _)| *version);
        let place = usize::try_from(version).ok().and_then(|version| version.checked_sub(1));
        let missing =
            "the audit log goes on under a version of the master key that this process doesn't have";
        place
            .and_then(|place| self.keys.get(place))
            .ok_or_else(|| diesel::result::Error::QueryBuilderError(missing.into()))
    }
}

/// One row as it is stored.
#[derive(Debug, Queryable, Insertable)]
#[diesel(table_name = audit_log)]
struct Row {
    id: i64,
    at: DateTime<Utc>,
    actor: String,
    action: String,
    subject: String,
    hash: Vec<u8>,
}

/// The chain is broken: this row was changed, or one before it removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// The first row that doesn't fit.
    pub id: i64,
}

impl AuditLog {
    /// The log under this master key.
    pub fn new(master: &MasterKey) -> Self {
        Self { keys: master.derive_all("audit log") }
    }

    fn eras(&self, connection: &mut PgConnection) -> QueryResult<Eras<'_>> {
        let later = master_key_versions::table
            .select((master_key_versions::version, master_key_versions::audit_from))
            .order(master_key_versions::version)
            .load(connection)?;
        Ok(Eras { keys: &self.keys, later })
    }

    /// Where the next entry will stand, in a transaction that no other entry comes before the end of.
    ///
    /// # Errors
    /// The database's.
    pub fn next_place(connection: &mut PgConnection) -> QueryResult<i64> {
        lock(connection)?;
        let last: Option<i64> = audit_log::table.select(diesel::dsl::max(audit_log::id)).first(connection)?;
        Ok(last.unwrap_or(0) + 1)
    }

    /// Appends an entry in the caller's transaction, or in one of its own. `actor` and `subject` are ids, never
    /// personal data.
    ///
    /// # Errors
    /// The database's.
    pub fn append(
        &self,
        connection: &mut PgConnection,
        at: DateTime<Utc>,
        actor: &str,
        action: &str,
        subject: &str,
    ) -> QueryResult<()> {
        connection.transaction(|connection| {
            lock(connection)?;
            let last: Option<(i64, Vec<u8>)> = audit_log::table
                .select((audit_log::id, audit_log::hash))
                .order(audit_log::id.desc())
                .first(connection)
                .optional()?;
            let (id, previous) = last.map_or((1, Vec::new()), |(id, hash)| (id + 1, hash));
            let mut row = Row {
                id,
                at,
                actor: actor.to_owned(),
                action: action.to_owned(),
                subject: subject.to_owned(),
                hash: Vec::new(),
            };
            row.hash = link(self.eras(connection)?.key(id)?, &row, &previous).to_vec();
            diesel::insert_into(audit_log::table).values(row).execute(connection).map(|_| ())
        })
    }

    /// Appends that people were shown in a list: one entry with the ids of all of them, none for an empty page.
    ///
    /// # Errors
    /// The database's.
    pub fn listed(
        &self,
        connection: &mut PgConnection,
        at: DateTime<Utc>,
        actor: &str,
        shown: impl Iterator<Item = MemberId>,
    ) -> QueryResult<()> {
        let shown: Vec<String> = shown.map(|member| member.to_string()).collect();
        if shown.is_empty() {
            return Ok(());
        }
        self.append(connection, at, actor, "member.listed", &shown.join(" "))
    }

    /// Walks the whole chain in bounded memory; the number of entries, or where it breaks.
    ///
    /// # Errors
    /// The database's.
    pub fn verify(&self, connection: &mut PgConnection) -> QueryResult<Result<i64, Broken>> {
        const ROWS_MAX: i64 = 1_000;
        let (mut count, mut previous) = (0, Vec::new());
        let eras = self.eras(connection)?;
        loop {
            let rows: Vec<Row> = audit_log::table
                .filter(audit_log::id.gt(count))
                .order(audit_log::id)
                .limit(ROWS_MAX)
                .load(connection)?;
            if rows.is_empty() {
                return Ok(Ok(count));
            }
            for row in rows {
                if row.id != count + 1 || !secrets::same(&row.hash, &link(eras.key(row.id)?, &row, &previous))
                {
                    return Ok(Err(Broken { id: row.id }));
                }
                (count, previous) = (row.id, row.hash);
            }
        }
    }
}

/// No other entry is made until this transaction ends.
fn lock(connection: &mut PgConnection) -> QueryResult<()> {
    advisory::lock_in_transaction(connection, AUDIT_LOCK)
}

fn link(key: &[u8; 32], row: &Row, previous: &[u8]) -> [u8; 32] {
    let (id, at) = (row.id.to_be_bytes(), row.at.timestamp_micros().to_be_bytes());
    secrets::keyed_hash(
        key,
        &[previous, &id, &at, row.actor.as_bytes(), row.action.as_bytes(), row.subject.as_bytes()],
    )
}
