//! Advisory locks: what processes over one database agree on by a number, where no row can be locked.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

define_sql_function! {
    /// Whether a lock was free, and is ours now.
    fn pg_try_advisory_lock(key: BigInt) -> Bool;
}

/// Does something under a lock, if nobody else holds it; `None` when somebody does.
///
/// # Errors
/// The work's, or the database's.
pub fn if_free<T, E: From<diesel::result::Error>>(
    connection: &mut PgConnection,
    key: i64,
    work: impl FnOnce(&mut PgConnection) -> Result<T, E>,
) -> Result<Option<T>, E> {
    if !try_lock(connection, key)? {
        return Ok(None);
    }
    let done = work(connection);
    // Whose connection ended has given it back too; why is what the work says.
    let given_back = unlock(connection, key);
    let done = done?;
    given_back?;
    Ok(Some(done))
}

/// Takes a lock if nobody else holds it; whether it was taken. The connection holds it until [`unlock`] or its own end.
///
/// # Errors
/// The database's.
pub fn try_lock(connection: &mut PgConnection, key: i64) -> QueryResult<bool> {
    diesel::select(pg_try_advisory_lock(key)).get_result(connection)
}

/// Waits for a lock; the connection holds it until [`unlock`] or its own end.
///
/// # Errors
/// The database's.
pub fn lock(connection: &mut PgConnection, key: i64) -> QueryResult<()> {
    run(connection, "SELECT pg_advisory_lock($1)", key)
}

/// Gives back a lock that this connection holds.
///
/// # Errors
/// The database's.
pub fn unlock(connection: &mut PgConnection, key: i64) -> QueryResult<()> {
    run(connection, "SELECT pg_advisory_unlock($1)", key)
}

/// Waits for a lock; it is held until the transaction ends.
///
/// # Errors
/// The database's.
pub fn lock_in_transaction(connection: &mut PgConnection, key: i64) -> QueryResult<()> {
    run(connection, "SELECT pg_advisory_xact_lock($1)", key)
}

fn run(connection: &mut PgConnection, statement: &str, key: i64) -> QueryResult<()> {
    diesel::sql_query(statement).bind::<BigInt, _>(key).execute(connection)?;
    Ok(())
}
