//! Organisations from a file. Parents may stand later in the file than their children; what the rows make of the tree is
//! worked out in the `.sql` files next to this one.

use std::io::{self, Read, Seek};

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz};
use shared_kernel::ids::OrganisationId;

use super::columns::Columns;
use super::copy::Rows;
use super::rows::{self, Row};
use super::{Bulk, CELL_SEPARATOR, IMPORT_LOCK, ImportError, Refused, Rejected, Report};
use crate::fields::{self, OrganisationFields, RawOrganisation};
use crate::text::search_key;

/// The columns of an organisations' file.
pub const ORGANISATION_COLUMNS: &[&str] = &COLUMNS;

const COLUMNS: [&str; 6] = ["code", "name", "kind", "parent_code", "inn", "region_code"];

diesel::table! {
    staged_organisations (line) {
        line -> Int8,
        id -> Uuid,
        code -> Text,
        name -> Text,
        search_name -> Text,
        kind -> Text,
        parent_code -> Nullable<Text>,
        inn -> Nullable<Text>,
        region_code -> Nullable<Text>,
        raw -> Text,
    }
}
const STAGED_FIELDS: i16 = 10;

/// What an import of organisations writes. Names are left out of the figures: most of their cost, and no plan hangs on
/// them; autovacuum counts them in its time.
const BULK: Bulk = Bulk {
    tables: "registry.organisations",
    keys: "organisations_code_key",
    figures: "registry.organisations (id, code, parent_id, path)",
};

/// Brings in organisations. A changed parent moves the organisation with everything below it.
///
/// # Errors
/// [`ImportError`]; nothing has changed then.
pub fn organisations<F: Read + Seek>(
    connection: &mut PgConnection,
    file: &mut F,
    refused: &mut Refused<'_>,
    now: DateTime<Utc>,
) -> Result<Report, ImportError> {
    connection.transaction(|connection| {
        super::lock(connection, IMPORT_LOCK)?;
        connection.batch_execute(include_str!("organisations_stage.sql"))?;
        let mut report = stage(connection, file, refused)?;
        connection.batch_execute(include_str!("organisations_compare.sql"))?;
        let refused_before = report.rejected;
        super::tell_refused(connection, refused, &mut report)?;
        if report.rejected > refused_before {
            // Without the refused rows the tree is another; the rows that were in it stay in it.
            connection.batch_execute(include_str!("organisations_tree.sql"))?;
        }
        super::with_bulk_keys(connection, &BULK, |connection| write(connection, &mut report, now))?;
        Ok(report)
    })
}

fn stage<F: Read + Seek>(
    connection: &mut PgConnection,
    file: &mut F,
    refused: &mut Refused<'_>,
) -> Result<Report, ImportError> {
    let mut intake = Intake { columns: None, report: Report::default() };
    super::copy::send(staged_organisations::table, connection, &mut |out| {
        let mut staged = Rows::new(out, STAGED_FIELDS);
        rows::each_row(file, &mut |row| intake.take(row, &mut staged, refused))?;
        Ok(staged.finish()?)
    })?;
    Ok(intake.report)
}

/// Turns rows into staged rows, and tells of those that fail by themselves.
struct Intake {
    columns: Option<Columns<6>>,
    report: Report,
}

impl Intake {
    fn take(
        &mut self,
        row: &Row,
        staged: &mut Rows<'_>,
        refused: &mut Refused<'_>,
    ) -> Result<(), ImportError> {
        let Some(columns) = &self.columns else {
            self.columns = Some(Columns::read(row, &COLUMNS)?);
            return Ok(());
        };
        self.report.read += 1;
        let cells = columns.of(row);
        let checked = match cells {
            None => Err(vec!["wrong_cell_count"]),
            Some([code, name, kind, parent_code, inn, region_code]) => {
                let raw = RawOrganisation { code, name, kind, parent_code, inn, region_code };
                fields::organisation(&raw).map_err(|faults| {
                    let mut reasons: Vec<&'static str> =
                        faults.into_iter().map(|fault| fault.reason).collect();
                    reasons.dedup();
                    reasons
                })
            }
        };
        match checked {
            Ok(fields) => Ok(write_staged(staged, row.line, &fields, &cells.unwrap_or_default())?),
            Err(reasons) => {
                self.report.refuse(&reasons);
                let cells: Vec<&str> = match cells {
                    Some(cells) => cells.to_vec(),
                    None => columns.own(row),
                };
                Ok(refused(Rejected { line: row.line, reasons: &reasons, cells: &cells })?)
            }
        }
    }
}

fn write_staged(
    staged: &mut Rows<'_>,
    line: u64,
    fields: &OrganisationFields,
    cells: &[&str; 6],
) -> io::Result<()> {
    staged.begin()?;
    staged.integer(i64::try_from(line).expect("files have fewer lines than 2⁶³"));
    staged.id(OrganisationId::generate().0);
    staged.text(&fields.code);
    staged.text(&fields.name);
    staged.text(&search_key(&[&fields.name, &fields.code]));
    staged.text(fields.kind.as_str());
    staged.optional(fields.parent_code.as_deref(), Rows::text);
    staged.optional(fields.inn.as_deref(), Rows::text);
    staged.optional(fields.region_code.as_deref(), Rows::text);
    staged.text(&cells.join(CELL_SEPARATOR.encode_utf8(&mut [0; 4])));
    Ok(())
}

fn write(connection: &mut PgConnection, report: &mut Report, now: DateTime<Utc>) -> QueryResult<u64> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        created: i64,
        #[diesel(sql_type = BigInt)]
        updated: i64,
    }
    let counted: Counted = diesel::sql_query(include_str!("organisations_write.sql"))
        .bind::<Timestamptz, _>(now)
        .get_result(connection)?;
    report.created = u64::try_from(counted.created).unwrap_or_default();
    report.updated = u64::try_from(counted.updated).unwrap_or_default();
    report.unchanged = report.read - report.rejected - report.created - report.updated;
    Ok(report.created + report.updated)
}
