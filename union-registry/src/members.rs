//! A person's record: admitting, finding, changing, searching. Phones and addresses leave the database sealed; only
//! [`Person::contacts`] opens them.

mod active;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DatabaseError};
use diesel::sql_types::{Bool, Text, Uuid};
use serde_json::json;
use shared_kernel::ids::{MemberId, OrganisationId};
use shared_kernel::outbox::{self, Event};
use shared_kernel::paging::{Limit, Page};

pub use self::active::{active_ids, active_of};
use crate::consents::{self, Channel, Consent};
use crate::fields::{self, MemberFields, RawMember};
use crate::memberships;
use crate::organisations::{self, OrganisationRef};
use crate::schema::registry::{members, organisations as organisation_table};
use crate::sealing::{Column, SealError, Sealer};
use crate::text::{prefix_query, search_key};
use crate::{Category, MemberStatus, Reason, RegistryError, Sex, contact, day_of};

// Joined by meaning: a foreign key would cost imports a third of their time (migration bulk_keys).
diesel::joinable!(members -> organisation_table (organisation_id));

/// A person's record, as stored.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = members)]
pub struct Person {
    /// The member's id.
    pub id: MemberId,
    /// The union's own number, unique.
    pub membership_number: String,
    /// Where the member belongs today, or belonged last.
    pub organisation_id: OrganisationId,
    /// Family name.
    pub last_name: String,
    /// Given name.
    pub first_name: String,
    /// Patronymic, or empty.
    pub middle_name: String,
    search_name: String,
    /// Sex, if known.
    pub sex: Option<Sex>,
    /// Date of birth, if known.
    pub birth_date: Option<NaiveDate>,
    phone_sealed: Option<Vec<u8>>,
    phone_hash: Option<i64>,
    email_sealed: Option<Vec<u8>>,
    email_hash: Option<i64>,
    /// What the member does.
    pub category: Category,
    /// Position, or empty.
    pub position: String,
    /// First day in the union.
    pub joined_on: NaiveDate,
    /// Standing today.
    pub status: MemberStatus,
    /// When the record was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// The member this record was found to be the same person as.
    pub merged_into: Option<MemberId>,
}

/// A member's phone and address, opened.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Contacts {
    /// In E.164.
    pub phone: Option<String>,
    /// Lower-cased.
    pub email: Option<String>,
}

impl std::fmt::Debug for Contacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contacts(..)")
    }
}

impl Person {
    /// Opens the phone and the address.
    ///
    /// # Errors
    /// [`SealError`] when the key is not the one they were sealed with.
    pub fn contacts(&self, sealer: &Sealer) -> Result<Contacts, SealError> {
        let open = |column, sealed: &Option<Vec<u8>>| {
            sealed.as_ref().map(|sealed| sealer.open(column, self.id.0, sealed)).transpose()
        };
        Ok(Contacts {
            phone: open(Column::MemberPhone, &self.phone_sealed)?,
            email: open(Column::MemberEmail, &self.email_sealed)?,
        })
    }

    /// A person of the given fields; contacts are sealed.
    fn new(
        sealer: &Sealer,
        (id, organisation_id): (MemberId, OrganisationId),
        fields: &MemberFields,
        now: DateTime<Utc>,
    ) -> Self {
        let sealed = |column, value: &Option<String>| value.as_ref().map(|v| sealer.seal(column, id.0, v));
        let hash = |column, value: &Option<String>| value.as_ref().map(|v| sealer.lookup(column, v));
        Self {
            id,
            membership_number: fields.membership_number.clone(),
            organisation_id,
            last_name: fields.last_name.clone(),
            first_name: fields.first_name.clone(),
            middle_name: fields.middle_name.clone(),
            search_name: search_key(&[&fields.last_name, &fields.first_name, &fields.middle_name]),
            sex: fields.sex,
            birth_date: fields.birth_date,
            phone_sealed: sealed(Column::MemberPhone, &fields.phone),
            phone_hash: hash(Column::MemberPhone, &fields.phone),
            email_sealed: sealed(Column::MemberEmail, &fields.email),
            email_hash: hash(Column::MemberEmail, &fields.email),
            category: fields.category,
            position: fields.position.clone(),
            joined_on: fields.joined_on,
            status: MemberStatus::Active,
            created_at: now,
            updated_at: now,
            merged_into: None,
        }
    }
}

/// A member: the person and the organisation they belong to.
#[derive(Debug, Clone, Queryable, Selectable)]
pub struct Member {
    /// The record.
    #[diesel(embed)]
    pub person: Person,
    /// Where they belong today, or belonged last.
    #[diesel(embed)]
    pub organisation: OrganisationRef,
}

/// Admits a member: the record, the first stretch of membership, the consent. Appends `member.admitted`.
///
/// # Errors
/// [`RegistryError::Invalid`], [`RegistryError::NumberTaken`].
pub fn admit(
    connection: &mut PgConnection,
    sealer: &Sealer,
    raw: &RawMember<'_>,
    now: DateTime<Utc>,
) -> Result<Member, RegistryError> {
    let fields = fields::member(raw, day_of(now)).map_err(RegistryError::Invalid)?;
    connection.transaction(|connection| {
        let organisation = organisations::named(connection, std::slice::from_ref(&fields.organisation_code))?
            .pop()
            .ok_or(RegistryError::fault("organisation_code", "unknown_organisation"))?;
        let person = Person::new(sealer, (MemberId::generate(), organisation.id), &fields, now);
        diesel::insert_into(members::table).values(&person).execute(connection).map_err(number_taken)?;
        memberships::begin(
            connection,
            person.id,
            (organisation.id, Reason::Admitted, fields.joined_on),
            now,
        )?;
        organisations::count_members(connection, &[(organisation.id, 1)])?;
        if let Some(day) = fields.consent_on {
            consents::record(connection, &consent(person.id, day, now))?;
        }
        outbox::append(connection, &[event("member.admitted", person.id, now)])?;
        Ok(Member { person, organisation })
    })
}

fn number_taken(error: DatabaseError) -> RegistryError {
    match error {
        DatabaseError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => RegistryError::NumberTaken,
        other => other.into(),
    }
}

fn consent(member_id: MemberId, day: NaiveDate, now: DateTime<Utc>) -> Consent {
    Consent {
        member_id,
        purpose: consents::PERSONAL_DATA.to_owned(),
        text_version: consents::PAPER_TEXT.to_owned(),
        given_at: start_of(day),
        channel: Channel::Office,
        withdrawn_at: None,
        recorded_at: now,
    }
}

/// The instant at which a Moscow day begins.
pub(crate) fn start_of(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc() - TimeDelta::hours(3)
}

pub(crate) fn event(kind: &str, member: MemberId, now: DateTime<Utc>) -> Event {
    Event {
        kind: kind.to_owned(),
        member_id: Some(member),
        payload: json!({ "member_id": member }),
        occurred_at: now,
    }
}

/// A member by id.
///
/// # Errors
/// [`RegistryError::UnknownMember`].
pub fn find(connection: &mut PgConnection, id: MemberId) -> Result<Member, RegistryError> {
    members::table
        .inner_join(organisation_table::table)
        .filter(members::id.eq(id))
        .select(Member::as_select())
        .first(connection)
        .optional()?
        .ok_or(RegistryError::UnknownMember(id))
}

/// Members by their ids, in no order; unknown ids are absent.
///
/// # Errors
/// The database's.
pub fn by_ids(connection: &mut PgConnection, ids: &[MemberId]) -> Result<Vec<Member>, RegistryError> {
    Ok(members::table
        .inner_join(organisation_table::table)
        .filter(members::id.eq_any(ids))
        .select(Member::as_select())
        .load(connection)?)
}

/// Members' ids by their membership numbers; unknown numbers are absent. One statement.
///
/// # Errors
/// The database's.
pub fn ids_by_numbers(
    connection: &mut PgConnection,
    numbers: &[String],
) -> Result<Vec<(String, MemberId)>, RegistryError> {
    Ok(members::table
        .filter(members::membership_number.eq_any(numbers))
        .select((members::membership_number, members::id))
        .load(connection)?)
}

/// By what a member signs in.
#[derive(Debug, Clone, Copy)]
pub enum Contact<'a> {
    /// An e-mail address, in any spelling.
    Email(&'a str),
    /// A phone, in any spelling.
    Phone(&'a str),
}

/// The members, not left, who have this address or phone; several may share one.
///
/// # Errors
/// The database's; [`RegistryError::Sealed`].
pub fn by_contact(
    connection: &mut PgConnection,
    sealer: &Sealer,
    contact: Contact<'_>,
) -> Result<Vec<Member>, RegistryError> {
    with_contact(connection, sealer, contact, false)
}

/// The members who left the union and have this address or phone; records merged into others are not among them.
///
/// # Errors
/// As [`by_contact`].
pub fn left_by_contact(
    connection: &mut PgConnection,
    sealer: &Sealer,
    contact: Contact<'_>,
) -> Result<Vec<Member>, RegistryError> {
    with_contact(connection, sealer, contact, true)
}

fn with_contact(
    connection: &mut PgConnection,
    sealer: &Sealer,
    contact: Contact<'_>,
    left: bool,
) -> Result<Vec<Member>, RegistryError> {
    let (column, value) = match contact {
        Contact::Email(text) => (Column::MemberEmail, contact::normalise_email(text)),
        Contact::Phone(text) => (Column::MemberPhone, contact::normalise_phone(text)),
    };
    let Some(value) = value else { return Ok(Vec::new()) };
    let hashes = sealer.lookups(column, &value);
    let query = members::table
        .inner_join(organisation_table::table)
        .filter(members::status.eq(MemberStatus::Left).eq(left))
        .filter(members::merged_into.is_null())
        .order(members::id)
        .select(Member::as_select())
        .into_boxed();
    let found: Vec<Member> = match column {
        Column::MemberEmail => query.filter(members::email_hash.eq_any(hashes)).load(connection)?,
        Column::MemberPhone => query.filter(members::phone_hash.eq_any(hashes)).load(connection)?,
    };
    let mut matching = Vec::with_capacity(found.len());
    for member in found {
        let contacts = member.person.contacts(sealer)?;
        let held = match column {
            Column::MemberEmail => contacts.email,
            Column::MemberPhone => contacts.phone,
        };
        if held.as_deref() == Some(value.as_str()) {
            matching.push(member);
        }
    }
    Ok(matching)
}

/// What to change of a record; `None` leaves a field, an empty text clears one that may be empty.
#[derive(Debug, Clone, Copy, Default)]
#[allow(missing_docs, reason = "the columns of the import, which the contract names")]
pub struct Changes<'a> {
    pub last_name: Option<&'a str>,
    pub first_name: Option<&'a str>,
    pub middle_name: Option<&'a str>,
    pub sex: Option<&'a str>,
    pub birth_date: Option<&'a str>,
    pub phone: Option<&'a str>,
    pub email: Option<&'a str>,
    pub category: Option<&'a str>,
    pub position: Option<&'a str>,
}

/// Changes a record.
///
/// # Errors
/// [`RegistryError::UnknownMember`], [`RegistryError::Invalid`].
pub fn update(
    connection: &mut PgConnection,
    sealer: &Sealer,
    id: MemberId,
    changes: &Changes<'_>,
    now: DateTime<Utc>,
) -> Result<Member, RegistryError> {
    connection.transaction(|connection| {
        let before: Person = members::table
            .find(id)
            .select(Person::as_select())
            .for_no_key_update()
            .first(connection)
            .optional()?
            .ok_or(RegistryError::UnknownMember(id))?;
        let contacts = before.contacts(sealer)?;
        let born = before.birth_date.map(|day| day.to_string()).unwrap_or_default();
        let joined = before.joined_on.to_string();
        let raw = RawMember {
            membership_number: &before.membership_number,
            organisation_code: "unchanged",
            last_name: changes.last_name.unwrap_or(&before.last_name),
            first_name: changes.first_name.unwrap_or(&before.first_name),
            middle_name: changes.middle_name.unwrap_or(&before.middle_name),
            sex: changes.sex.unwrap_or_else(|| before.sex.map(Sex::as_str).unwrap_or_default()),
            birth_date: changes.birth_date.unwrap_or(&born),
            phone: changes.phone.unwrap_or_else(|| contacts.phone.as_deref().unwrap_or_default()),
            email: changes.email.unwrap_or_else(|| contacts.email.as_deref().unwrap_or_default()),
            category: changes.category.unwrap_or(before.category.as_str()),
            position: changes.position.unwrap_or(&before.position),
            joined_on: &joined,
            consent_on: "",
        };
        let fields = fields::member(&raw, day_of(now)).map_err(RegistryError::Invalid)?;
        let after = Person::new(sealer, (id, before.organisation_id), &fields, now);
        write_update(connection, &after)?;
        find(connection, id)
    })
}

fn write_update(connection: &mut PgConnection, person: &Person) -> QueryResult<usize> {
    diesel::update(members::table.find(person.id))
        .set((
            members::last_name.eq(&person.last_name),
            members::first_name.eq(&person.first_name),
            members::middle_name.eq(&person.middle_name),
            members::search_name.eq(&person.search_name),
            members::sex.eq(person.sex),
            members::birth_date.eq(person.birth_date),
            members::phone_sealed.eq(&person.phone_sealed),
            members::phone_hash.eq(person.phone_hash),
            members::email_sealed.eq(&person.email_sealed),
            members::email_hash.eq(person.email_hash),
            members::category.eq(person.category),
            members::position.eq(&person.position),
            members::updated_at.eq(person.updated_at),
        ))
        .execute(connection)
}

/// What to search for. Empty: everybody.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// A membership number, an e-mail address or phone in full, or the beginnings of names in any order.
    pub text: Option<String>,
    /// Only this subtree.
    pub within: Option<String>,
    /// Only this standing.
    pub status: Option<MemberStatus>,
}

/// The place of a member in the list: by name, then by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchKey {
    /// The name's key.
    pub name: String,
    /// The member.
    pub id: MemberId,
}

/// Members by name, those after `after`.
///
/// # Errors
/// The database's.
pub fn search(
    connection: &mut PgConnection,
    sealer: &Sealer,
    search: &Search,
    after: Option<&SearchKey>,
    limit: Limit,
) -> Result<Page<Member, SearchKey>, RegistryError> {
    let mut query =
        members::table.inner_join(organisation_table::table).select(Member::as_select()).into_boxed();
    if let Some(text) = &search.text {
        let email = contact::normalise_email(text).map(|value| sealer.lookups(Column::MemberEmail, &value));
        let phone = contact::normalise_phone(text).map(|value| sealer.lookups(Column::MemberPhone, &value));
        query = match (email, prefix_query(text)) {
            (Some(hashes), _) => query.filter(members::email_hash.eq_any(hashes)),
            (None, None) => query.filter(sql::<Bool>("false")),
            (None, Some(words)) => query.filter(
                sql::<Bool>("(array_to_tsvector(string_to_array(members.search_name, ' ')) @@ ")
                    .bind::<Text, _>(words)
                    .sql("::tsquery OR members.membership_number = ")
                    .bind::<Text, _>(text.trim().to_owned())
                    .sql(" OR members.phone_hash = ANY (")
                    .bind::<diesel::sql_types::Array<diesel::sql_types::BigInt>, _>(phone.unwrap_or_default())
                    .sql("))"),
            ),
        };
    }
    if let Some(root) = &search.within {
        query = query.filter(sql::<Bool>("path @> ARRAY[").bind::<Text, _>(root).sql("]"));
    }
    if let Some(status) = search.status {
        query = query.filter(members::status.eq(status));
    }
    if let Some(key) = after {
        query = query.filter(
            sql::<Bool>("(members.search_name, members.id) > (")
                .bind::<Text, _>(&key.name)
                .sql(", ")
                .bind::<Uuid, _>(key.id)
                .sql(")"),
        );
    }
    let rows =
        query.order((members::search_name, members::id)).limit(limit.with_lookahead()).load(connection)?;
    Ok(Page::from_lookahead(rows, limit, |member: &Member| SearchKey {
        name: member.person.search_name.clone(),
        id: member.person.id,
    }))
}
