//! Imports of organisations, members and other numbers of cards. A new member's virtual card is issued in the same transaction.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use card_issuer::bulk::{self, Announce};
use card_issuer::cards::CardKind;
use chrono::{DateTime, Utc};
use diesel::Connection;
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use shared_kernel::text_enum;
use union_registry::imports::{
    self, FileFault, ImportError, MEMBER_COLUMNS, ORGANISATION_COLUMNS, Rejected, Report, rejected,
};

use super::aliases;
use crate::app::App;
use crate::auth::contacts;
use crate::problem::{Language, Problem};
use crate::{resealing, words};

text_enum! {
    /// What a file holds.
    ImportKind {
        /// Organisations.
        Organisations => "organisations",
        /// Members.
        Members => "members",
        /// Other numbers of cards.
        Aliases => "aliases",
    }
}

/// How to take a file.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// What it holds.
    pub kind: ImportKind,
    /// Where it is.
    pub file: PathBuf,
    /// Where to write the refused rows.
    pub rejected: PathBuf,
    /// Whether to mail the new members.
    pub notify: bool,
    /// The subtree its rows may touch; all of the union unless said.
    pub within: Option<String>,
    /// Who brings it in: a login's key, or `program`.
    pub by: String,
}

/// Why an import ended without a report; nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file, or the database under it.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A card could not be issued.
    #[error(transparent)]
    Card(#[from] card_issuer::CardError),
    /// The database.
    #[error(transparent)]
    Database(#[from] diesel::result::Error),
    /// No connection.
    #[error("{0}")]
    Unavailable(Problem),
    /// The file can't be opened, or the refused rows not be written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Why a file as a whole was not taken, for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportFault {
    /// A stable word.
    pub reason: String,
    /// In English words.
    pub detail: String,
    /// The line it shows at.
    pub line: u64,
}

impl FileError {
    /// The problem it is where the file is not at fault; 503 where the same may go well in a moment.
    pub fn into_problem(self) -> Problem {
        match self {
            Self::Import(ImportError::Database(error)) | Self::Database(error) => error.into(),
            Self::Card(error) => error.into(),
            Self::Unavailable(problem) => problem,
            Self::Import(error) => Problem::internal(&error),
            Self::Io(error) => Problem::internal(&error),
        }
    }
}

impl ImportFault {
    /// A file's fault at a line.
    pub fn of(fault: &FileFault, line: u64) -> Self {
        Self { reason: fault.slug().to_owned(), detail: fault.to_string(), line }
    }

    /// The fault in a reader's words.
    pub fn told(&self, language: Language) -> String {
        let words = words::told(self.detail.clone());
        match language {
            Language::English => format!("line {}: {}", self.line, words.en),
            Language::Russian => format!("строка {}: {}", self.line, words.ru),
        }
    }
}

/// Writes down what an import came to, in the transaction that does it.
pub type Record<'a> = dyn FnMut(&mut PgConnection, &Report) -> Result<(), FileError> + 'a;

/// Takes a file in one transaction and writes its refused rows beside it.
///
/// # Errors
/// [`FileError`]; nothing has changed then.
pub fn run(app: &App, request: &ImportRequest, now: DateTime<Utc>) -> Result<Report, FileError> {
    run_recorded(app, request, &mut |_, _| Ok(()), now)
}

/// The same; what `record` writes is there if and only if what the file brought is. The refused rows lie in their place
/// before the commit, so that whoever reads the record finds them.
///
/// # Errors
/// [`FileError`]; nothing has changed then.
pub fn run_recorded(
    app: &App,
    request: &ImportRequest,
    record: &mut Record<'_>,
    now: DateTime<Utc>,
) -> Result<Report, FileError> {
    let started = Instant::now();
    let mut connection = app.connection().map_err(FileError::Unavailable)?;
    if request.kind == ImportKind::Members {
        resealing::finish(app, &mut connection).map_err(FileError::Unavailable)?;
    }
    let draft = request.rejected.with_extension("csv.new");
    let taken = connection.transaction(|connection| {
        let mut writer =
            rejected::Writer::new(BufWriter::new(super::private_file(&draft)?), columns(request.kind));
        let mut report = take(app, connection, request, &mut |row: Rejected<'_>| writer.write(row), now)?;
        writer.finish()?.flush()?;
        put_in_place(&draft, &request.rejected, report.rejected > 0)?;
        report.seconds = started.elapsed().as_secs_f64();
        record(connection, &report)?;
        Ok(report)
    });
    if taken.is_err() {
        remove_if_there(&draft)?;
    }
    taken
}

fn columns(kind: ImportKind) -> &'static [&'static str] {
    match kind {
        ImportKind::Organisations => ORGANISATION_COLUMNS,
        ImportKind::Members => MEMBER_COLUMNS,
        ImportKind::Aliases => aliases::ALIAS_COLUMNS,
    }
}

/// The refused rows take the place of those of an earlier run; without any there is no file.
fn put_in_place(draft: &Path, place: &Path, some: bool) -> std::io::Result<()> {
    if some {
        return std::fs::rename(draft, place);
    }
    std::fs::remove_file(draft)?;
    remove_if_there(place)
}

fn remove_if_there(file: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn take(
    app: &App,
    connection: &mut PgConnection,
    request: &ImportRequest,
    refused: &mut imports::Refused<'_>,
    now: DateTime<Utc>,
) -> Result<Report, FileError> {
    let mut file = File::open(&request.file)?;
    match request.kind {
        ImportKind::Organisations => Ok(imports::organisations(connection, &mut file, refused, now)?),
        ImportKind::Aliases => {
            let within = request.within.as_deref();
            aliases::import(connection, (&mut file, within), &request.by, refused, now)
        }
        ImportKind::Members => connection.transaction(|connection| {
            let (report, created) = imports::members(
                connection,
                (&app.derived.sealer, request.within.as_deref()),
                &mut file,
                refused,
                now,
            )?;
            contacts::changed_by_file(connection, now)?;
            let announce = if request.notify { Announce::Each } else { Announce::Nothing };
            let mut after = None;
            loop {
                let members = imports::created(connection, &created, after, CHUNK)?;
                let Some(last) = members.last().copied() else { return Ok(report) };
                bulk::issue_missing(
                    connection,
                    &app.derived.issuer,
                    (CardKind::Virtual, announce),
                    &members,
                    now,
                )?;
                after = Some(last);
            }
        }),
    }
}

/// Members whose cards are issued at a time.
pub const CHUNK: i64 = 5_000;

/// Where the refused rows of a file go: beside it.
pub fn rejected_beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".rejected.csv");
    PathBuf::from(name)
}
