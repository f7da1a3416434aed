//! The database's one ordered history, compiled in, applied under an advisory lock so that two starting processes
//! don't race.

use diesel::pg::PgConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::advisory;

/// Every migration, in order.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations");

/// The key of the advisory lock held while migrating: "unioncar" in ASCII.
const MIGRATION_LOCK: i64 = 0x756e_696f_6e63_6172;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Applies what is pending; the number applied.
///
/// # Errors
/// The failing migration's error; what was applied before it stays.
pub fn apply(connection: &mut PgConnection) -> Result<usize, BoxError> {
    advisory::lock(connection, MIGRATION_LOCK)?;
    let applied = connection.run_pending_migrations(MIGRATIONS).map(|versions| versions.len());
    advisory::unlock(connection, MIGRATION_LOCK)?;
    applied
}
