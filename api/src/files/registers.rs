//! Partners' registers: a file's rows are stored whole, then posted or compared a batch at a time (`rows`). A killed run
//! goes on where it stopped: a row has its outcome in the very transaction that posts it.

mod rows;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use card_issuer::personalisation::guarded;
use cashback_engine::reconciliation::{self, NewRegister, Outcome, RegisterMode, RowView};
use cashback_engine::{EngineError, RegisterId, partners};
use diesel::pg::PgConnection;
use serde::Serialize;
use shared_kernel::money::Money;
use uuid::Uuid;

use self::rows::settle;
use crate::app::App;
use crate::problem::{Language, Problem};
use crate::words;

/// What a register came to.
#[derive(Debug, Serialize)]
pub struct RegisterReport {
    id: RegisterId,
    rows: i64,
    outcomes: BTreeMap<&'static str, i64>,
    theirs: Money,
    ours: Money,
    report: PathBuf,
    seconds: f64,
}

impl RegisterReport {
    /// Whether a row of the file was refused.
    pub fn has_rejected(&self) -> bool {
        self.outcomes.get(Outcome::Rejected.as_str()).is_some_and(|count| *count > 0)
    }
}

/// Why a register as a whole was not taken, with the counts of nothing: nothing is stored then.
#[derive(Debug, Serialize)]
pub struct RegisterRefusal {
    rows: i64,
    outcomes: BTreeMap<&'static str, i64>,
    theirs: Money,
    ours: Money,
    problem: RegisterFault,
}

/// What is wrong with a register's file.
#[derive(Debug, Serialize)]
struct RegisterFault {
    reason: &'static str,
    /// For a person.
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
}

impl RegisterRefusal {
    fn new(reason: &'static str, detail: String, line: Option<u64>) -> Self {
        Self {
            rows: 0,
            outcomes: BTreeMap::new(),
            theirs: Money::ZERO,
            ours: Money::ZERO,
            problem: RegisterFault { reason, detail, line },
        }
    }

    fn of(error: EngineError) -> Result<Self, Problem> {
        match error {
            EngineError::File { reason, detail, line } => {
                Ok(Self::new(reason, words::register_file(reason, &detail).en.into_owned(), line))
            }
            other => Err(other.into()),
        }
    }
}

impl fmt::Display for RegisterRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.detail)?;
        self.problem.line.map_or(Ok(()), |line| write!(f, " (line {line})"))
    }
}

/// Loads a register from a file and writes `FILE.report.csv`, as the command line does.
///
/// # Errors
/// The outer error is the database's or the disk's; the inner one says why the file was not taken.
pub fn load(
    app: &App,
    partner: &str,
    file: &Path,
    (mode, history): (&str, bool),
    progress: &mut dyn FnMut(i64),
) -> Result<Result<RegisterReport, RegisterRefusal>, Problem> {
    let started = Instant::now();
    let mut connection = app.connection()?;
    let Some(partner) = partners::find(&mut connection, partner)? else {
        let detail = format!("there is no partner {partner}");
        return Ok(Err(RegisterRefusal::new("unknown_partner", detail, None)));
    };
    let content = match File::open(file) {
        Ok(content) => BufReader::new(content),
        Err(error) => {
            let detail = format!("{}: {error}", file.display());
            return Ok(Err(RegisterRefusal::new("unreadable", detail, None)));
        }
    };
    let new = NewRegister {
        partner: partner.id,
        file_name: file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        mode: mode.parse::<RegisterMode>().map_err(|error| Problem::internal(&error))?,
        history,
        created_by: Uuid::nil(),
    };
    let id = match reconciliation::create_register(&mut connection, &new, content, app.now()) {
        Ok(id) => id,
        Err(error) => return RegisterRefusal::of(error).map(Err),
    };
    reconciliation::take(&mut connection, id)?;
    let settled = settle(app, &mut connection, id, progress);
    // Whose connection ended has given it back too.
    let given_back = reconciliation::give_back(&mut connection, id);
    settled?;
    given_back?;
    let mut name = file.as_os_str().to_owned();
    name.push(".report.csv");
    let report = PathBuf::from(name);
    write_report(&mut connection, id, &report)?;
    let view = reconciliation::register(&mut connection, id, None)?.ok_or_else(Problem::not_found)?;
    Ok(Ok(RegisterReport {
        id,
        rows: view.rows,
        outcomes: view.outcomes.iter().map(|(outcome, count)| (outcome.as_str(), *count)).collect(),
        theirs: view.amounts.theirs,
        ours: view.amounts.ours,
        report,
        seconds: started.elapsed().as_secs_f64(),
    }))
}

/// Works off one register that waits, or whose process ended; whether there was one.
///
/// # Errors
/// The database's.
pub fn work_off(app: &App) -> Result<bool, Problem> {
    let mut connection = app.connection()?;
    let Some(id) = reconciliation::take_waiting(&mut connection)? else { return Ok(false) };
    let settled = settle(app, &mut connection, id, &mut |_| {});
    let ended = settled.or_else(|problem| given_up(app, &mut connection, id, problem));
    // Whose connection ended has given it back too.
    let given_back = reconciliation::give_back(&mut connection, id);
    ended?;
    given_back?;
    Ok(true)
}

/// Ends a register that can't be worked off, while it is ours; one that the database failed waits for another try.
fn given_up(
    app: &App,
    connection: &mut PgConnection,
    id: RegisterId,
    problem: Problem,
) -> Result<(), Problem> {
    if problem.status().as_u16() == 503 {
        return Err(problem);
    }
    let reason = problem.body(Language::English).detail;
    Ok(reconciliation::fail(connection, id, &reason, app.now())?)
}

/// The report's columns.
const REPORT_COLUMNS: [&str; 11] = [
    "line",
    "outcome",
    "reason",
    "outlet",
    "receipt",
    "occurred_at",
    "amount",
    "our_amount",
    "kind",
    "reference",
    "purchase_id",
];

/// Writes a register's rows with their outcomes as CSV; whole or not at all.
///
/// # Errors
/// The database's or the disk's.
pub fn write_report(connection: &mut PgConnection, id: RegisterId, path: &Path) -> Result<(), Problem> {
    let disk = |error: std::io::Error| Problem::internal(&error);
    let draft = path.with_extension(format!("{}.new", Uuid::now_v7()));
    let mut writer = csv::Writer::from_writer(BufWriter::new(super::private_file(&draft).map_err(disk)?));
    writer.write_record(REPORT_COLUMNS).map_err(|error| Problem::internal(&error))?;
    reconciliation::stream_rows(connection, id, |row| {
        writer.write_record(cells(row)).map_err(|error| Problem::internal(&error))
    })?;
    let mut file = writer.into_inner().map_err(|error| Problem::internal(&error))?;
    file.flush().map_err(disk)?;
    std::fs::rename(&draft, path).map_err(disk)
}

fn cells(row: &RowView) -> [String; 11] {
    fn text(value: Option<impl ToString>) -> String {
        value.map(|value| value.to_string()).unwrap_or_default()
    }
    [
        text(row.line),
        text(row.outcome),
        text(row.reason.as_ref()),
        guarded(&text(row.outlet.as_ref())),
        guarded(&text(row.receipt.as_ref())),
        row.occurred_at.map(|at| at.to_rfc3339()).unwrap_or_default(),
        text(row.amount),
        text(row.our_amount),
        text(row.kind),
        guarded(&text(row.reference.as_ref())),
        text(row.purchase_id),
    ]
}
