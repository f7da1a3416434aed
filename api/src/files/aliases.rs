//! Imports of other numbers of cards: `alias,membership_number`. An alias finds the member's own virtual card.

use std::collections::HashMap;
use std::fs::File;

use card_issuer::aliases::{self, Alias};
use card_issuer::cards::{self, CardKind};
use card_issuer::life::CardStatus;
use chrono::{DateTime, Utc};
use diesel::Connection;
use diesel::pg::PgConnection;
use shared_kernel::ids::{CardId, MemberId};
use union_registry::imports::columns::Columns;
use union_registry::imports::rows::{self, Row};
use union_registry::imports::{ImportError, Refused, Rejected, Report};
use union_registry::{members, organisations};

use super::imports::FileError;

/// The columns of a file of aliases.
pub const ALIAS_COLUMNS: &[&str] = &COLUMNS;
const COLUMNS: [&str; 2] = ["alias", "membership_number"];
/// Rows taken at a time.
const CHUNK: usize = 2_000;

/// A row that can be one.
struct Line {
    line: u64,
    alias: Alias,
    cells: [String; 2],
}

/// Takes a file in one transaction. `within` is the subtree whose members it may name.
///
/// # Errors
/// [`FileError`]; nothing has changed then.
pub fn import(
    connection: &mut PgConnection,
    (file, within): (&mut File, Option<&str>),
    by: &str,
    refused: &mut Refused<'_>,
    now: DateTime<Utc>,
) -> Result<Report, FileError> {
    connection.transaction(|connection| {
        let mut intake = Intake { columns: None, report: Report::default(), waiting: Vec::new() };
        let mut failed = None;
        let read = rows::each_row(file, &mut |row| {
            intake.take(row, refused)?;
            if intake.waiting.len() < CHUNK {
                return Ok(());
            }
            let stored = intake.store(connection, (within, by), refused, now);
            stored.map_err(|error| ImportError::Io(std::io::Error::other(stop(&mut failed, error))))
        });
        if let Some(error) = failed {
            return Err(error);
        }
        read?;
        intake.store(connection, (within, by), refused, now)?;
        Ok(intake.report)
    })
}

/// Keeps an error that the reader of rows knows nothing of, and gives the reader a word to stop with.
fn stop(kept: &mut Option<FileError>, error: FileError) -> &'static str {
    *kept = Some(error);
    "the rows could not be stored"
}

struct Intake {
    columns: Option<Columns<2>>,
    report: Report,
    waiting: Vec<Line>,
}

impl Intake {
    fn take(&mut self, row: &Row, refused: &mut Refused<'_>) -> Result<(), ImportError> {
        let Some(columns) = &self.columns else {
            self.columns = Some(Columns::read(row, &COLUMNS)?);
            return Ok(());
        };
        self.report.read += 1;
        let cells = columns.of(row);
        let reason = match cells {
            None => "wrong_cell_count",
            Some([alias, number]) => match Alias::parse(alias) {
                Some(alias) => {
                    let cells = [alias.as_str().to_owned(), number.trim().to_owned()];
                    self.waiting.push(Line { line: row.line, alias, cells });
                    return Ok(());
                }
                None => "invalid_alias",
            },
        };
        let cells: Vec<&str> = row.cells().collect();
        self.report.refuse(&[reason]);
        Ok(refused(Rejected { line: row.line, reasons: &[reason], cells: &cells })?)
    }

    fn store(
        &mut self,
        connection: &mut PgConnection,
        (within, by): (Option<&str>, &str),
        refused: &mut Refused<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), FileError> {
        let lines = std::mem::take(&mut self.waiting);
        let holders = holders(connection, &lines, within)?;
        let members: Vec<MemberId> = holders.values().copied().collect();
        let cards = own_cards(connection, &members)?;
        let mut pairs = Vec::with_capacity(lines.len());
        for line in &lines {
            let [_, number] = &line.cells;
            let member = holders.get(number.as_str());
            let reason = match member.map(|member| cards.get(member)) {
                Some(Some(card)) => {
                    pairs.push((line.alias.clone(), *card));
                    continue;
                }
                Some(None) => "no_card",
                None => "unknown_member",
            };
            self.report.refuse(&[reason]);
            let cells: Vec<&str> = line.cells.iter().map(String::as_str).collect();
            refused(Rejected { line: line.line, reasons: &[reason], cells: &cells })?;
        }
        let mut added = aliases::add(connection, &pairs, by, now)?;
        for pair in &pairs {
            // The same pair twice in the file was there already the second time.
            if added.remove(pair) {
                self.report.created += 1;
            } else {
                self.report.unchanged += 1;
            }
        }
        Ok(())
    }
}

/// The members that lines name, by membership number, within a subtree.
fn holders(
    connection: &mut PgConnection,
    lines: &[Line],
    within: Option<&str>,
) -> Result<HashMap<String, MemberId>, FileError> {
    let numbers: Vec<String> = lines
        .iter()
        .map(|line| {
            let [_, number] = &line.cells;
            number.clone()
        })
        .collect();
    let mut found: HashMap<String, MemberId> =
        members::ids_by_numbers(connection, &numbers).map_err(registry)?.into_iter().collect();
    if let Some(root) = within {
        let ids: Vec<MemberId> = found.values().copied().collect();
        let inside = organisations::members_within(connection, root, &ids).map_err(registry)?;
        found.retain(|_, member| inside.contains(member));
    }
    Ok(found)
}

fn registry(error: union_registry::RegistryError) -> FileError {
    FileError::Unavailable(error.into())
}

/// The living virtual card of each member's own.
fn own_cards(
    connection: &mut PgConnection,
    members: &[MemberId],
) -> Result<HashMap<MemberId, CardId>, FileError> {
    let cards = cards::of_members(connection, members)?;
    Ok(cards
        .into_iter()
        .filter(|card| card.kind == CardKind::Virtual && card.relation.is_none())
        .filter(|card| CardStatus::LIVING.contains(&card.status))
        .map(|card| (card.member_id, card.id))
        .collect())
}
