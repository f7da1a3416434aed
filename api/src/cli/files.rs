//! The commands that take files, and the one that issues cards in bulk.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use card_issuer::bulk::{self, Announce};
use card_issuer::cards::CardKind;
use card_issuer::numbering;
use diesel::Connection;
use serde::Serialize;
use union_registry::imports::{ImportError, Report};
use union_registry::{members, organisations};

use super::{CardKindArgument, Done, print};
use crate::app::App;
use crate::files::imports::{
    self, CHUNK, FileError, ImportFault, ImportKind, ImportRequest, rejected_beside,
};
use crate::files::registers;

/// All rows taken, some refused, nothing usable.
const TAKEN: u8 = 0;
const SOME_REFUSED: u8 = 1;
const UNUSABLE: u8 = 2;

/// What is printed of an import: its counts, and why the file as a whole was not taken.
#[derive(Serialize)]
struct ImportReport {
    #[serde(flatten)]
    report: Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ImportFault>,
}

/// `import organisations|members|aliases FILE`
pub fn import(app: &Arc<App>, kind: ImportKind, file: PathBuf, notify: bool) -> Done {
    let started = Instant::now();
    let request = ImportRequest {
        kind,
        rejected: rejected_beside(&file),
        file,
        notify,
        within: None,
        by: "program".to_owned(),
    };
    let (report, problem) = match imports::run(app, &request, app.now()) {
        Ok(report) => (report, None),
        Err(FileError::Import(ImportError::File { fault, line })) => {
            eprintln!("line {line}: {fault}; nothing was changed");
            let seconds = started.elapsed().as_secs_f64();
            (Report { seconds, ..Report::default() }, Some(ImportFault::of(&fault, line)))
        }
        Err(error) => return Err(error.into()),
    };
    let code = match report.rejected {
        rejected if rejected == report.read => UNUSABLE,
        0 => TAKEN,
        _ => SOME_REFUSED,
    };
    print(&ImportReport { report, problem })?;
    Ok(ExitCode::from(code))
}

/// `cards issue --kind --organisation`
pub fn issue_cards(app: &Arc<App>, kind: CardKindArgument, organisation: &str) -> Done {
    #[derive(Default, Serialize)]
    struct Report {
        issued: usize,
        skipped: usize,
        seconds: f64,
    }
    let started = Instant::now();
    let mut connection = app.connection()?;
    if organisations::by_code(&mut connection, organisation)?.is_none() {
        eprintln!("there is no organisation {organisation}");
        return Ok(ExitCode::from(UNUSABLE));
    }
    let kind = match kind {
        CardKindArgument::Virtual => CardKind::Virtual,
        CardKindArgument::Plastic => CardKind::Plastic,
    };
    let mut report = Report::default();
    let mut after = None;
    loop {
        // A chunk a transaction: a killed run goes on where it stopped, since who has a card is skipped.
        let members = members::active_ids(&mut connection, organisation, after, CHUNK)?;
        let Some(last) = members.last().copied() else { break };
        let now = app.now();
        let issued = connection.transaction(|connection| {
            bulk::issue_missing(connection, &app.derived.issuer, (kind, Announce::Each), &members, now)
        })?;
        report.issued += issued.issued;
        report.skipped += issued.skipped;
        after = Some(last);
        eprint!("\r{} issued, {} skipped", report.issued, report.skipped);
    }
    eprintln!();
    report.seconds = started.elapsed().as_secs_f64();
    print(&report)?;
    Ok(ExitCode::SUCCESS)
}

/// `cards open-programme`
pub fn open_programme(app: &Arc<App>) -> Done {
    #[derive(Serialize)]
    struct Opened {
        programme: String,
        numbers: i64,
    }
    let mut connection = app.connection()?;
    let programme = numbering::open_next(&mut connection, app.now())?;
    print(&Opened { programme: programme.to_string(), numbers: numbering::NUMBERS })?;
    Ok(ExitCode::SUCCESS)
}

/// `registers load --partner CODE FILE [--mode post|compare] [--history]`
pub fn load_register(app: &Arc<App>, partner: &str, file: &Path, (mode, history): (&str, bool)) -> Done {
    let loaded = registers::load(app, partner, file, (mode, history), &mut |rows| eprint!("\r{rows} rows"))?;
    eprintln!();
    match loaded {
        Ok(report) => {
            print(&report)?;
            Ok(ExitCode::from(if report.has_rejected() { SOME_REFUSED } else { TAKEN }))
        }
        Err(refusal) => {
            print(&refusal)?;
            eprintln!("{refusal}");
            Ok(ExitCode::from(UNUSABLE))
        }
    }
}
