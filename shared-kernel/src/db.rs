//! The connection every domain function takes, the pool, and the checks that make a database fit for money.

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
        diesel::sql_query("SET TIME ZONE 'UTC'")
            .execute(connection)
            .map(|_| ())
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
