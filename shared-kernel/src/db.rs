//! The connection every domain function takes, the pool, and the checks that make a database fit for money.

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool, PooledConnection};
use diesel::sql_types::Text;

/// A pool of PostgreSQL connections.
pub type PgPool = Pool<ConnectionManager<PgConnection>>;
/// A connection out of the pool.
pub type PgPooled = PooledConnection<ConnectionManager<PgConnection>>;

/// A database that must not hold money: a setting that would lose an acknowledged commit is off.
#[derive(Debug, thiserror::Error)]
pub enum DurabilityError {
    /// `fsync`, `full_page_writes` or `synchronous_commit` is off.
    #[error("PostgreSQL's {setting} is {value}: an acknowledged purchase could be lost; refusing to serve")]
    Unsafe {
        /// The setting's name.
        setting: String,
        /// What it is.
        value: String,
    },
    /// The settings could not be read.
    #[error(transparent)]
    Database(#[from] diesel::result::Error),
}

#[derive(Debug)]
struct SessionSettings;

impl CustomizeConnection<PgConnection, diesel::r2d2::Error> for SessionSettings {
    fn on_acquire(&self, connection: &mut PgConnection) -> Result<(), diesel::r2d2::Error> {
        // Compiling a plan takes longer than anything asked here.
        connection
            .batch_execute("SET TIME ZONE 'UTC'; SET jit = off")
            .map_err(diesel::r2d2::Error::QueryError)
    }
}

/// Opens a pool of at most `connections_max` connections.
///
/// # Errors
/// When the first connection cannot be made within ten seconds.
pub fn pool(database_url: &str, connections_max: u32) -> Result<PgPool, diesel::r2d2::PoolError> {
    Pool::builder()
        .max_size(connections_max)
        .min_idle(Some(1))
        .connection_timeout(std::time::Duration::from_secs(10))
        .connection_customizer(Box::new(SessionSettings))
        .build(ConnectionManager::new(database_url))
}

/// A transaction all of whose statements look up rows by their keys. They are prepared once and may be planned while
/// their tables are small, or never counted: what is planned here goes by the index, so that a table that grew since is
/// not scanned for every row. A plan that the same connection has kept from an ordinary transaction stays as it is: a
/// statement that is to go by the index always is run here alone.
///
/// # Errors
/// The work's own, after a rollback, or the database's.
pub fn by_key<T, E: From<diesel::result::Error>>(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, E>,
) -> Result<T, E> {
    // In one message: another round trip would be most of what a single purchase gains.
    AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN; SET LOCAL enable_seqscan = off")?;
    match work(connection) {
        Ok(value) => {
            AnsiTransactionManager::commit_transaction(connection)?;
            Ok(value)
        }
        Err(error) => match AnsiTransactionManager::rollback_transaction(connection) {
            Ok(()) | Err(diesel::result::Error::BrokenTransactionManager) => Err(error),
            Err(rollback) => Err(rollback.into()),
        },
    }
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    setting: String,
}

/// Refuses a database whose settings could lose an acknowledged commit.
///
/// # Errors
/// [`DurabilityError::Unsafe`] naming the setting.
pub fn check_durability(connection: &mut PgConnection) -> Result<(), DurabilityError> {
    let settings: Vec<Setting> = diesel::sql_query(
        "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name",
    )
    .load(connection)?;
    match settings.into_iter().find(|s| s.setting == "off") {
        Some(Setting { name, setting }) => Err(DurabilityError::Unsafe { setting: name, value: setting }),
        None => Ok(()),
    }
}
