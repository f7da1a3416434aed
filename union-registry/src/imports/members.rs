//! Members from a file. What the rows mean beside what is stored is in the `.sql` files next to this one.

use std::collections::HashMap;
use std::io::{self, Read, Seek};

use chrono::{DateTime, NaiveDate, Utc};
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Bytea, Date, Nullable, Text, Timestamptz, Uuid};
use shared_kernel::ids::{MemberId, OrganisationId, Uuid as RowId};

use super::columns::Columns;
use super::copy::Rows;
use super::rows::{self, Row};
use super::{Bulk, CELL_SEPARATOR, IMPORT_LOCK, ImportError, Refused, Rejected, Report};
use crate::day_of;
use crate::fields::{self, MemberFields, RawMember};
use crate::schema::registry::{members as table, organisations};
use crate::sealing::{Column, Sealer};
use crate::text::search_key;

/// The columns of a members' file.
pub const MEMBER_COLUMNS: &[&str] = &COLUMNS;

const COLUMNS: [&str; 13] = [
    "membership_number",
    "organisation_code",
    "last_name",
    "first_name",
    "middle_name",
    "sex",
    "birth_date",
    "phone",
    "email",
    "category",
    "position",
    "joined_on",
    "consent_on",
];
/// What an import of members writes. Each is looked up in `members_insert.sql` by its number, whose key stays.
const BULK: Bulk = Bulk {
    tables: "registry.members, registry.memberships, registry.consents",
    keys: "",
    figures: "registry.members, registry.memberships, registry.consents",
};
/// Rows whose contacts are sealed anew at a time.
const RESEAL_PAGE: i64 = 5_000;

diesel::table! {
    staged_members (line) {
        line -> Int8,
        id -> Uuid,
        membership_number -> Text,
        organisation_id -> Uuid,
        last_name -> Text,
        first_name -> Text,
        middle_name -> Text,
        search_name -> Text,
        sex -> Nullable<Text>,
        birth_date -> Nullable<Date>,
        phone_sealed -> Nullable<Bytea>,
        phone_hash -> Nullable<Int8>,
        email_sealed -> Nullable<Bytea>,
        email_hash -> Nullable<Int8>,
        category -> Text,
        position -> Text,
        joined_on -> Date,
        consent_on -> Nullable<Date>,
        raw -> Text,
    }
}
const STAGED_FIELDS: i16 = 19;

/// The members an import created: pages of them are read by [`created`] within the same transaction.
#[derive(Debug, Clone, Copy)]
pub struct Created {
    /// No created id lies before this one.
    from: MemberId,
    at: DateTime<Utc>,
}

/// The ids of the members an import created, those after `after`, in order.
///
/// # Errors
/// The database's.
pub fn created(
    connection: &mut PgConnection,
    import: &Created,
    after: Option<MemberId>,
    limit: i64,
) -> Result<Vec<MemberId>, ImportError> {
    Ok(table::table
        .filter(table::id.gt(after.unwrap_or(import.from)))
        .filter(table::created_at.eq(import.at))
        .order(table::id)
        .limit(limit)
        .select(table::id)
        .load(connection)?)
}

/// Whose phone or e-mail address an import has changed, and what they were.
#[derive(Debug, QueryableByName)]
pub struct ContactChange {
    #[diesel(sql_type = BigInt)]
    line: i64,
    /// Whose.
    #[diesel(sql_type = Uuid)]
    pub member: MemberId,
    /// The phone, as it was sealed into the member's row.
    #[diesel(sql_type = Nullable<Bytea>)]
    pub phone: Option<Vec<u8>>,
    /// The address, likewise.
    #[diesel(sql_type = Nullable<Bytea>)]
    pub email: Option<Vec<u8>>,
}

impl ContactChange {
    /// Where the next page begins.
    pub fn place(&self) -> i64 {
        self.line
    }
}

/// The members whose contacts [`members`] has changed, by their place in the file: to be asked in the transaction of the
/// import, which forgets it at its end.
///
/// # Errors
/// The database's.
pub fn changed_contacts(
    connection: &mut PgConnection,
    after: i64,
    limit: i64,
) -> QueryResult<Vec<ContactChange>> {
    diesel::sql_query(
        "SELECT line, member_id AS member, phone_before AS phone, email_before AS email
         FROM changed_members WHERE contacts AND line > $1 ORDER BY line LIMIT $2",
    )
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(limit)
    .load(connection)
}

/// Brings in members. Their organisations exist already. With `within`, rows may name and touch that subtree alone:
/// another organisation is unknown, a member who belongs elsewhere is refused (`member_elsewhere`).
///
/// # Errors
/// [`ImportError`]; nothing has changed then.
pub fn members<F: Read + Seek>(
    connection: &mut PgConnection,
    (sealer, within): (&Sealer, Option<&str>),
    file: &mut F,
    refused: &mut Refused<'_>,
    now: DateTime<Utc>,
) -> Result<(Report, Created), ImportError> {
    connection.transaction(|connection| {
        super::lock(connection, IMPORT_LOCK)?;
        connection.batch_execute(include_str!("members_stage.sql"))?;
        let created = Created { from: MemberId::generate(), at: now };
        let codes = organisation_ids(connection, within)?;
        let intake = Intake { sealer, codes, today: day_of(now), columns: None, report: Report::default() };
        let mut report = stage(connection, intake, file, refused)?;
        if let Some(root) = within {
            diesel::sql_query(include_str!("members_elsewhere.sql"))
                .bind::<Text, _>(root)
                .execute(connection)?;
        }
        connection.batch_execute(include_str!("members_compare.sql"))?;
        super::tell_refused(connection, refused, &mut report)?;
        reseal(connection, sealer)?;
        super::with_bulk_keys(connection, &BULK, |connection| write(connection, &mut report, now))?;
        Ok((report, created))
    })
}

/// The codes of all open organisations, or of a subtree: bounded by the tree, not by the file.
fn organisation_ids(
    connection: &mut PgConnection,
    within: Option<&str>,
) -> QueryResult<HashMap<String, OrganisationId>> {
    let mut query = organisations::table
        .filter(organisations::closed_on.is_null())
        .select((organisations::code, organisations::id))
        .into_boxed();
    if let Some(root) = within {
        query = query.filter(sql::<Bool>("path @> ARRAY[").bind::<Text, _>(root).sql("]"));
    }
    Ok(query.load::<(String, OrganisationId)>(connection)?.into_iter().collect())
}

/// Turns rows into staged rows, and tells of those that fail by themselves.
struct Intake<'a> {
    sealer: &'a Sealer,
    codes: HashMap<String, OrganisationId>,
    today: NaiveDate,
    columns: Option<Columns<13>>,
    report: Report,
}

fn stage<F: Read + Seek>(
    connection: &mut PgConnection,
    mut intake: Intake<'_>,
    file: &mut F,
    refused: &mut Refused<'_>,
) -> Result<Report, ImportError> {
    super::copy::send(staged_members::table, connection, &mut |out| {
        let mut staged = Rows::new(out, STAGED_FIELDS);
        rows::each_row(file, &mut |row| intake.take(row, &mut staged, refused))?;
        Ok(staged.finish()?)
    })?;
    Ok(intake.report)
}

impl Intake<'_> {
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
        let lost_zeros = columns.is_number(row, 0);
        match self.check(cells, lost_zeros) {
            Ok((fields, organisation)) => {
                let cells = cells.unwrap_or_default();
                Ok(self.write(staged, (row.line, organisation), &fields, &cells)?)
            }
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

    /// The row's fields and organisation, or every reason why not, each once.
    fn check(
        &self,
        cells: Option<[&str; 13]>,
        lost_zeros: bool,
    ) -> Result<(MemberFields, OrganisationId), Vec<&'static str>> {
        let Some(cells) = cells else { return Err(vec!["wrong_cell_count"]) };
        let [
            membership_number,
            organisation_code,
            last_name,
            first_name,
            middle_name,
            sex,
            birth_date,
            phone,
            email,
            category,
            position,
            joined_on,
            consent_on,
        ] = cells;
        let raw = RawMember {
            // A workbook's number has lost its leading zeros: which ones, nobody knows.
            membership_number: if lost_zeros { "" } else { membership_number },
            organisation_code,
            last_name,
            first_name,
            middle_name,
            sex,
            birth_date,
            phone,
            email,
            category,
            position,
            joined_on,
            consent_on,
        };
        let checked = fields::member(&raw, self.today);
        let organisation = self.codes.get(organisation_code.trim()).copied();
        match (checked, organisation) {
            (Ok(fields), Some(organisation)) => Ok((fields, organisation)),
            (checked, organisation) => {
                let mut reasons: Vec<&'static str> =
                    checked.err().unwrap_or_default().into_iter().map(|fault| fault.reason).collect();
                if organisation.is_none() {
                    reasons.insert(0, "unknown_organisation");
                }
                let mut seen = Vec::with_capacity(reasons.len());
                reasons.retain(|reason| {
                    !seen.contains(reason) && {
                        seen.push(*reason);
                        true
                    }
                });
                Err(reasons)
            }
        }
    }

    fn write(
        &self,
        staged: &mut Rows<'_>,
        (line, organisation): (u64, OrganisationId),
        fields: &MemberFields,
        cells: &[&str; 13],
    ) -> io::Result<()> {
        let id = MemberId::generate().0;
        let contact = |staged: &mut Rows<'_>, column, value: &Option<String>| {
            staged.optional(value.as_ref(), |row, value| row.bytes(&self.sealer.seal(column, id, value)));
            staged.optional(value.as_ref(), |row, value| row.integer(self.sealer.lookup(column, value)));
        };
        staged.begin()?;
        staged.integer(i64::try_from(line).expect("files have fewer lines than 2⁶³"));
        staged.id(id);
        staged.text(&fields.membership_number);
        staged.id(organisation.0);
        staged.text(&fields.last_name);
        staged.text(&fields.first_name);
        staged.text(&fields.middle_name);
        staged.text(&search_key(&[&fields.last_name, &fields.first_name, &fields.middle_name]));
        staged.optional(fields.sex, |row, sex| row.text(sex.as_str()));
        staged.optional(fields.birth_date, Rows::date);
        contact(staged, Column::MemberPhone, &fields.phone);
        contact(staged, Column::MemberEmail, &fields.email);
        staged.text(fields.category.as_str());
        staged.text(&fields.position);
        staged.date(fields.joined_on);
        staged.optional(fields.consent_on, Rows::date);
        staged.text(&cells.join(CELL_SEPARATOR.encode_utf8(&mut [0; 4])));
        Ok(())
    }
}

#[derive(QueryableByName)]
struct ToReseal {
    #[diesel(sql_type = BigInt)]
    line: i64,
    #[diesel(sql_type = Uuid)]
    staged_id: RowId,
    #[diesel(sql_type = Uuid)]
    member_id: RowId,
    #[diesel(sql_type = Nullable<Bytea>)]
    phone_sealed: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Bytea>)]
    email_sealed: Option<Vec<u8>>,
}

/// Contacts are sealed into the row they are for. Those of members who exist already were sealed into the staged row's
/// id, as the member's own was not known then: seal them anew.
fn reseal(connection: &mut PgConnection, sealer: &Sealer) -> Result<(), ImportError> {
    let mut after = 0;
    loop {
        let page: Vec<ToReseal> = diesel::sql_query(
            "SELECT c.line, s.id AS staged_id, c.member_id, s.phone_sealed, s.email_sealed
             FROM changed_members AS c JOIN staged_members AS s ON s.line = c.line
             WHERE c.contacts AND c.line > $1 ORDER BY c.line LIMIT $2",
        )
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(RESEAL_PAGE)
        .load(connection)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.line;
        let anew = |column, row: &ToReseal, sealed: &Option<Vec<u8>>| {
            sealed
                .as_ref()
                .map(|sealed| {
                    sealer
                        .open(column, row.staged_id, sealed)
                        .map(|value| sealer.seal(column, row.member_id, &value))
                })
                .transpose()
        };
        let mut lines = Vec::with_capacity(page.len());
        let (mut phones, mut emails) = (Vec::new(), Vec::new());
        for row in &page {
            lines.push(row.line);
            phones.push(anew(Column::MemberPhone, row, &row.phone_sealed)?);
            emails.push(anew(Column::MemberEmail, row, &row.email_sealed)?);
        }
        diesel::sql_query(
            "UPDATE staged_members AS s SET phone_sealed = a.phone, email_sealed = a.email
             FROM unnest($1, $2, $3) AS a (line, phone, email) WHERE s.line = a.line",
        )
        .bind::<Array<BigInt>, _>(lines)
        .bind::<Array<Nullable<Bytea>>, _>(phones)
        .bind::<Array<Nullable<Bytea>>, _>(emails)
        .execute(connection)?;
    }
}

/// Writes what differs and what is new. Each file holds one statement of several parts; the parts of a statement see the
/// tables as they were before it.
fn write(connection: &mut PgConnection, report: &mut Report, now: DateTime<Utc>) -> QueryResult<u64> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        rows: i64,
    }
    let mut run = |sql: &str| -> QueryResult<u64> {
        let counted: Counted = diesel::sql_query(sql)
            .bind::<Timestamptz, _>(now)
            .bind::<Date, _>(day_of(now))
            .get_result(connection)?;
        Ok(u64::try_from(counted.rows).unwrap_or_default())
    };
    report.updated = run(include_str!("members_update.sql"))?;
    run(include_str!("members_transfer.sql"))?;
    report.created = run(include_str!("members_insert.sql"))?;
    run(include_str!("members_consents.sql"))?;
    report.unchanged = report.read - report.rejected - report.created - report.updated;
    Ok(report.created + report.updated)
}
