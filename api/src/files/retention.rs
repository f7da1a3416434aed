//! Uploads past their use: an import's file and its refused rows, a register's file (its rows are in the ledger).

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::schema::platform::imports;

use crate::app::App;
use crate::problem::Problem;

/// Files are kept this long after they came or were written: time to mend refused rows.
const KEPT: TimeDelta = TimeDelta::days(30);

/// Removes uploads past their use from the data folder; how many files. Those of imports that still wait stay.
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
