//! Imports waiting to be worked off, and their outcome.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::paging::{Limit, Page};
use shared_kernel::schema::platform::imports;
use uuid::Uuid;

use super::imports::{ImportFault, ImportKind, ImportRequest, rejected_beside};
use super::upload::Upload;
use crate::problem::{Language, Problem};
use crate::words;

/// An import.
#[derive(Debug, Clone)]
pub struct Import {
    /// Its id.
    pub id: Uuid,
    /// What the file holds.
    pub kind: String,
    /// The file's name at the sender's.
    pub file_name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Whether new members are mailed.
    pub notify: bool,
    /// The subtree its rows may touch.
    pub within: Option<String>,
    /// The login that sent it.
    pub created_by: Uuid,
    /// `queued`, `running`, `done` or `failed`.
    pub status: String,
    /// The counts, once done.
    pub report: Option<serde_json::Value>,
    /// Why the file as a whole was not taken.
    pub not_taken: Option<NotTaken>,
    /// When it was sent.
    pub created_at: DateTime<Utc>,
}

/// Why a file as a whole was not taken.
#[derive(Debug, Clone)]
pub struct NotTaken {
    /// In English words.
    pub words: String,
    /// Where and how, when the file is at fault.
    pub fault: Option<ImportFault>,
}

impl NotTaken {
    /// The cause in a reader's words.
    pub fn told(&self, language: Language) -> String {
        match &self.fault {
            Some(fault) => fault.told(language),
            None => language.pick(&words::told(self.words.clone())).to_owned(),
        }
    }
}

type Row = (
    Uuid,
    String,
    String,
    String,
    bool,
    Option<String>,
    Uuid,
    String,
    Option<serde_json::Value>,
    Option<String>,
    Option<serde_json::Value>,
    DateTime<Utc>,
);

impl From<Row> for Import {
    fn from(
        (id, kind, file_name, path, notify, within, created_by, status, report, problem, fault, created_at): Row,
    ) -> Self {
        let fault = fault.and_then(|fault| serde_json::from_value(fault).ok());
        let not_taken = problem.map(|words| NotTaken { words, fault });
        Self {
            id,
            kind,
            file_name,
            path: path.into(),
            notify,
            within,
            created_by,
            status,
            report,
            not_taken,
            created_at,
        }
    }
}

const COLUMNS: (
    imports::id,
    imports::kind,
    imports::file_name,
    imports::path,
    imports::notify,
    imports::within,
    imports::created_by,
    imports::status,
    imports::report,
    imports::problem,
    imports::fault,
    imports::created_at,
) = (
    imports::id,
    imports::kind,
    imports::file_name,
    imports::path,
    imports::notify,
    imports::within,
    imports::created_by,
    imports::status,
    imports::report,
    imports::problem,
    imports::fault,
    imports::created_at,
);

/// Puts an upload in the queue.
///
/// # Errors
/// The database's.
pub fn add(
    connection: &mut PgConnection,
    upload: &Upload,
    (kind, notify, within): (ImportKind, bool, Option<String>),
    staff: Uuid,
    now: DateTime<Utc>,
) -> Result<Uuid, Problem> {
    let id = Uuid::now_v7();
    diesel::insert_into(imports::table)
        .values((
            imports::id.eq(id),
            imports::kind.eq(kind.as_str()),
            imports::file_name.eq(&upload.file_name),
            imports::file_hash.eq(upload.hash.as_slice()),
            imports::path.eq(upload.path.to_string_lossy().as_ref()),
            imports::notify.eq(notify),
            imports::within.eq(within),
            imports::status.eq("queued"),
            imports::created_by.eq(staff),
            imports::created_at.eq(now),
        ))
        .execute(connection)?;
    Ok(id)
}

/// An import.
///
/// # Errors
/// The database's.
pub fn find(connection: &mut PgConnection, id: Uuid) -> QueryResult<Option<Import>> {
    let row: Option<Row> = imports::table.find(id).select(COLUMNS).first(connection).optional()?;
    Ok(row.map(Import::from))
}

/// Imports, the newest first; with `within` those into that very subtree alone.
///
/// # Errors
/// The database's.
pub fn list(
    connection: &mut PgConnection,
    within: Option<&str>,
    after: Option<Uuid>,
    limit: Limit,
) -> QueryResult<Page<Import, Uuid>> {
    let mut query =
        imports::table.order(imports::id.desc()).limit(limit.with_lookahead()).select(COLUMNS).into_boxed();
    if let Some(within) = within {
        query = query.filter(imports::within.eq(within));
    }
    if let Some(after) = after {
        query = query.filter(imports::id.lt(after));
    }
    let rows: Vec<Import> = query.load::<Row>(connection)?.into_iter().map(Import::from).collect();
    Ok(Page::from_lookahead(rows, limit, |import| import.id))
}

/// The oldest import that is waiting, or was running when its process ended: nothing of it has changed anything then.
/// The caller holds the lock under which one process works imports off.
///
/// # Errors
/// The database's.
pub fn next(connection: &mut PgConnection) -> QueryResult<Option<Import>> {
    let row: Option<Row> = imports::table
        .filter(imports::status.eq_any(["queued", "running"]))
        .order(imports::id)
        .select(COLUMNS)
        .first(connection)
        .optional()?;
    Ok(row.map(Import::from))
}

/// Marks an import as being worked off; whether it was still to be.
///
/// # Errors
/// The database's.
pub fn begin(connection: &mut PgConnection, id: Uuid) -> QueryResult<bool> {
    let open = imports::table.find(id).filter(imports::status.eq_any(["queued", "running"]));
    Ok(diesel::update(open).set(imports::status.eq("running")).execute(connection)? > 0)
}

/// Records the outcome of an import that is being worked off, once.
///
/// # Errors
/// The database's; [`diesel::NotFound`] where another process has recorded it meanwhile.
pub fn end(
    connection: &mut PgConnection,
    id: Uuid,
    outcome: Result<serde_json::Value, NotTaken>,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let (status, report, problem, fault) = match outcome {
        Ok(report) => ("done", Some(report), None, None),
        Err(NotTaken { words, fault }) => {
            ("failed", None, Some(words), fault.and_then(|fault| serde_json::to_value(fault).ok()))
        }
    };
    let recorded = diesel::update(imports::table.find(id).filter(imports::status.eq("running")))
        .set((
            imports::status.eq(status),
            imports::report.eq(report),
            imports::problem.eq(problem),
            imports::fault.eq(fault),
            imports::finished_at.eq(now),
        ))
        .execute(connection)?;
    if recorded == 0 { Err(diesel::NotFound) } else { Ok(()) }
}

impl Import {
    /// What to do.
    pub fn request(&self) -> Option<ImportRequest> {
        Some(ImportRequest {
            kind: self.kind.parse().ok()?,
            rejected: rejected_beside(&self.path),
            file: self.path.clone(),
            notify: self.notify,
            within: self.within.clone(),
            by: format!("staff:{}", self.created_by),
        })
    }
}
