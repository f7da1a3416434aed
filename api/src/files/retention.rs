//! Files past their use: an import's and its refused rows, a register's (its rows are in the ledger), and those of plastic
//! that came back from the plant. Whoever asks for a batch's files later has them drawn anew.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use card_issuer::print::{self, BatchId};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::schema::platform::imports;

use crate::app::App;
use crate::print::files as print_files;
use crate::problem::Problem;

/// Files are kept this long after they came or were written: time to mend refused rows.
const KEPT: TimeDelta = TimeDelta::days(30);

/// Removes what is past its use from the data folder; how many files, a batch of plastic being one. Those of imports that
/// still wait stay.
///
/// # Errors
/// The database's or the disk's.
pub fn sweep(app: &App, connection: &mut PgConnection, at: DateTime<Utc>) -> Result<usize, Problem> {
    let waiting: Vec<String> = imports::table
        .filter(imports::status.eq_any(["queued", "running"]))
        .select(imports::path)
        .load(connection)?;
    let waiting: HashSet<PathBuf> = waiting.into_iter().map(PathBuf::from).collect();
    let before = SystemTime::from(at - KEPT);
    let mut removed = 0;
    for folder in ["imports", "registers"] {
        removed += remove_older(&app.settings.data_dir.join(folder), before, &waiting)
            .map_err(|error| Problem::internal(&error))?;
    }
    Ok(removed + sweep_plastic(app, connection, at - KEPT)?)
}

/// The files of plastic that came back before an instant.
fn sweep_plastic(app: &App, connection: &mut PgConnection, before: DateTime<Utc>) -> Result<usize, Problem> {
    let disk = |error: std::io::Error| Problem::internal(&error);
    let lying: Vec<BatchId> = print_files::kept(app).map_err(disk)?;
    let mut removed = 0;
    for batch in print::received_before(connection, &lying, before)? {
        removed += usize::from(print_files::remove(app, batch).map_err(disk)?);
    }
    Ok(removed)
}

fn remove_older(folder: &Path, before: SystemTime, spared: &HashSet<PathBuf>) -> std::io::Result<usize> {
    if !folder.exists() {
        return Ok(0);
    }
    let mut removed = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (path, about) = (entry.path(), entry.metadata()?);
        if about.is_file() && about.modified()? < before && !spared.contains(&path) {
            std::fs::remove_file(&path)?;
            removed += 1;
        }
    }
    Ok(removed)
}
