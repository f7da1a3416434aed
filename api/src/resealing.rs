//! Personal data brought under the master key's current version: by `unioncard keys reseal`, and before a file of members is
//! compared with what is stored by its hashes.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::schema::platform::master_key_versions;
use union_registry::resealing::{self, PAGE};

use crate::app::App;
use crate::auth::keyring;
use crate::problem::Problem;

/// Seals anew whatever an older version has sealed, a page a transaction, and notes that nothing is left; how many members.
/// `progress` hears how many so far.
///
/// # Errors
/// 503 in a process that began before the current version was; the database's. What was done stays done.
pub fn reseal(
    app: &App,
    connection: &mut PgConnection,
    progress: &mut dyn FnMut(usize),
) -> Result<usize, Problem> {
    let version = current(app, connection)?;
    let (sealer, mut done) = (&app.derived.sealer, 0);
    loop {
        let mut after = None;
        while let Some(page) = resealing::part(connection, sealer, after, PAGE)? {
            after = Some(page.last);
            done += page.resealed;
            progress(done);
        }
        // A pass that finds nothing is the last one.
        if after.is_none() {
            break;
        }
    }
    diesel::update(master_key_versions::table.find(version))
        .filter(master_key_versions::resealed_at.is_null())
        .set(master_key_versions::resealed_at.eq(app.now()))
        .execute(connection)?;
    Ok(done)
}

/// The same where it has not been done to its end.
///
/// # Errors
/// As [`reseal`].
pub fn finish(app: &App, connection: &mut PgConnection) -> Result<(), Problem> {
    let version = current(app, connection)?;
    let waits = master_key_versions::table
        .find(version)
        .filter(master_key_versions::resealed_at.is_null())
        .count()
        .get_result::<i64>(connection)?;
    if waits > 0 {
        reseal(app, connection, &mut |_| {})?;
    }
    Ok(())
}

/// The current version, once this process is one that knows it.
fn current(app: &App, connection: &mut PgConnection) -> Result<i16, Problem> {
    let version = keyring::current_version(connection)?;
    if version == app.master.current() {
        return Ok(version);
    }
    tracing::warn!("another version of the master key is current: this process has to be started anew");
    Err(Problem::unavailable())
}
