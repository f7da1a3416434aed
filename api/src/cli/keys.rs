//! The master key's versions from the command line: another one is added, made current, and personal data brought under it.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Subcommand;
use serde::Serialize;

use super::{Done, print};
use crate::app::App;
use crate::auth::keyring::{self, KeyringError};
use crate::keys::{self, KeyError};
use crate::resealing;

/// The master key's versions: add, then start every process anew, use, start anew, reseal.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Which version is current, and which is the newest.
    Show,
    /// Make another version. It is put into DATA_DIR/master.key; where UNIONCARD_KEY holds the key it is printed once, to be
    /// put behind it there with a comma between. Nothing uses it yet.
    Add,
    /// Make the version that was added current, once every process has been started with it.
    Use,
    /// Seal personal data anew under the current version; cut off, it goes on with what is left.
    Reseal,
}

#[derive(Serialize)]
struct Versions {
    current: i16,
    newest: i16,
    /// The new version, where the settings hold the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

#[derive(Serialize)]
struct Resealed {
    version: i16,
    resealed: usize,
    seconds: f64,
}

/// There is a version that isn't current yet; it comes first.
fn waits(added: &KeyError) -> ExitCode {
    eprintln!("{added}");
    ExitCode::from(2)
}

/// `keys show|add|use|reseal`
pub fn run(app: &Arc<App>, command: &Keys) -> Done {
    let (current, newest) = (app.master.current(), app.master.newest());
    match command {
        Keys::Show => print(&Versions { current, newest, key: None })?,
        Keys::Add if newest > current => return Ok(waits(&KeyError::Added(newest))),
        Keys::Add => {
            let key = match keys::add_version(&app.settings, &app.master) {
                Err(added @ KeyError::Added(_)) => return Ok(waits(&added)),
                made => made?,
            };
            print(&Versions { current, newest: newest + 1, key })?;
            eprintln!("start every process anew with it, then: unioncard keys use");
        }
        Keys::Use => {
            let mut connection = app.connection()?;
            let current = match keyring::use_next_version(&mut connection, &app.master, app.now()) {
                Err(KeyringError::MissingVersion(version)) => {
                    eprintln!("version {version} has not been added: unioncard keys add");
                    return Ok(ExitCode::from(2));
                }
                used => used?,
            };
            print(&Versions { current, newest, key: None })?;
            eprintln!("start every process anew, so that it seals with it, then: unioncard keys reseal");
        }
        Keys::Reseal => {
            let started = Instant::now();
            let mut tell = |done: usize| eprint!("\r{done} members");
            let resealed = resealing::reseal(app, &mut *app.connection()?, &mut tell)?;
            eprintln!();
            print(&Resealed { version: current, resealed, seconds: started.elapsed().as_secs_f64() })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
