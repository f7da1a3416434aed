//! `cards print-batch`: what waits to be printed, as files for a card plant. Batches that an earlier run was cut off in
//! are finished first; a card is claimed once.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use card_issuer::face::Resolution;
use card_issuer::print::{self, BATCH_CARDS_MAX, Batch, BatchId, Origin};
use diesel::Connection;
use diesel::pg::PgConnection;
use serde::Serialize;
use union_registry::organisations;

use super::{BoxError, Done, print as report};
use crate::app::App;
use crate::print::claim;
use crate::print::files::{self, MANIFEST, PrintError, SUMS};

/// Who claims, in a batch's history.
const BY: &str = "command line";
/// Names the batch a folder is for from its first moment on.
const MARK: &str = ".batch";

#[derive(Serialize)]
struct BatchReport {
    id: BatchId,
    number: i64,
    cards: i32,
    folder: PathBuf,
    files: Vec<String>,
}

#[derive(Serialize)]
struct Report {
    batches: Vec<BatchReport>,
    cards: i64,
    seconds: f64,
}

/// `cards print-batch --organisation --out [--dpi 300|600]`
pub fn print_batch(app: &Arc<App>, organisation: &str, out: &Path, dpi: u32) -> Done {
    let started = Instant::now();
    let Some(resolution) = Resolution::of_dpi(dpi) else {
        eprintln!("--dpi is 300 or 600");
        return Ok(ExitCode::from(2));
    };
    let mut connection = app.connection()?;
    let Some(root) = organisations::by_code(&mut connection, organisation)? else {
        eprintln!("there is no organisation {organisation}");
        return Ok(ExitCode::from(2));
    };
    let mut batches = Vec::new();
    for batch in print::unfinished(&mut connection, root.organisation.id)? {
        eprintln!("batch {} is gone on with", batch.number);
        batches.extend(made(app, &mut connection, &batch, out)?);
    }
    loop {
        let now = app.now();
        let claimed = connection.transaction(|connection| {
            let whose = (&root.organisation, Origin::Command, resolution);
            claim::claim(connection, whose, BATCH_CARDS_MAX, BY, now)
        })?;
        let Some(batch) = claimed else { break };
        batches.extend(made(app, &mut connection, &batch, out)?);
    }
    let cards = batches.iter().map(|batch| i64::from(batch.cards)).sum();
    report(&Report { batches, cards, seconds: started.elapsed().as_secs_f64() })?;
    Ok(ExitCode::SUCCESS)
}

/// Makes a batch's files, telling how far it is; `None` when another process is at it.
fn made(
    app: &App,
    connection: &mut PgConnection,
    batch: &Batch,
    out: &Path,
) -> Result<Option<BatchReport>, BoxError> {
    let folder = folder_of(batch, out)?;
    let mut tell = |cards: usize| eprint!("\rbatch {}: {cards} of {}", batch.number, batch.cards);
    match files::complete(app, connection, (batch, &folder), &mut tell) {
        Ok(()) => {}
        Err(PrintError::Busy) => {
            eprintln!("batch {} is being made by another process", batch.number);
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    }
    eprintln!();
    let mut files: Vec<String> = files::listed(&folder)?.into_iter().map(|(name, _)| name).collect();
    files.push(SUMS.to_owned());
    Ok(Some(BatchReport { id: batch.id, number: batch.number, cards: batch.cards, folder, files }))
}

/// The folder itself, or one of the batch's own in it when it belongs to another batch already.
fn folder_of(batch: &Batch, out: &Path) -> io::Result<PathBuf> {
    let own = batch.id.to_string();
    let apart = out.join(format!("batch-{:06}", batch.number));
    let folder = match fs::read_to_string(out.join(MARK)) {
        Ok(mark) if mark == own => out.to_owned(),
        Ok(_) => apart,
        // Files of a batch that came another way.
        Err(_) if out.join(MANIFEST).exists() => apart,
        Err(_) => out.to_owned(),
    };
    crate::files::private_folder(&folder)?;
    io::Write::write_all(&mut crate::files::private_file(&folder.join(MARK))?, own.as_bytes())?;
    Ok(folder)
}
