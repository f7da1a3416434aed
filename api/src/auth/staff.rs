//! Logins of the union's and the partners' staff.

use std::collections::HashMap;

use cashback_engine::PartnerId;
use diesel::Connection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use shared_kernel::schema::platform::staff;
use union_registry::contact::normalise_email;
use uuid::Uuid;

use super::Role;
use super::password::{self, PasswordError};
use crate::app::App;

/// What a new login needs.
#[derive(Debug, Clone)]
pub struct NewStaff {
    /// What they sign in with.
    pub email: String,
    /// The role.
    pub role: Role,
    /// The code of the organisation whose subtree the role is bound to; none is all roots.
    pub organisation: Option<String>,
    /// The partner of a cashier or manager.
    pub partner: Option<PartnerId>,
    /// The outlets' codes a cashier may post for; empty is all of the partner's.
    pub outlets: Vec<String>,
    /// The password; none makes one.
    pub password: Option<String>,
}

/// A login just made.
#[derive(Debug, Clone)]
pub struct Created {
    /// The login.
    pub id: Uuid,
    /// What they sign in with, normalised.
    pub email: String,
    /// The password, told once.
    pub password: String,
}

/// Why there is no such login.
#[derive(Debug, thiserror::Error)]
pub enum StaffError {
    /// No e-mail address.
    #[error("{0} is no e-mail address")]
    Email(String),
    /// Somebody signs in with it already.
    #[error("this e-mail address has a login already")]
    Taken,
    /// The role and what it is bound to don't fit.
    #[error("{0}")]
    Binding(&'static str),
    /// No such organisation.
    #[error("there is no such organisation")]
    UnknownOrganisation,
    /// No such login.
    #[error("there is no such login")]
    Unknown,
    /// The password won't do.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The database's.
    #[error(transparent)]
    Database(#[from] Error),
}

fn check_binding(new: &NewStaff) -> Result<(), StaffError> {
    let at_partner = matches!(new.role, Role::Cashier | Role::Manager);
    let wrong = match (at_partner, &new.partner, &new.organisation) {
        (true, None, _) => "cashiers and managers belong to a partner",
        (true, _, Some(_)) => "cashiers and managers belong to no organisation",
        (false, Some(_), _) => "only cashiers and managers belong to a partner",
        (false, ..) if !new.outlets.is_empty() => "only cashiers and managers belong to outlets",
        (false, None, None) if new.role == Role::Chair => "a chair belongs to an organisation",
        _ => return Ok(()),
    };
    Err(StaffError::Binding(wrong))
}

/// Makes a login. Hashes the password: takes some 20 ms.
///
/// # Errors
/// [`StaffError`]
pub fn create(app: &App, connection: &mut PgConnection, new: NewStaff) -> Result<Created, StaffError> {
    let email = normalise_email(&new.email).ok_or_else(|| StaffError::Email(new.email.clone()))?;
    check_binding(&new)?;
    let chosen = new.password.unwrap_or_else(password::generate);
    password::check(&chosen)?;
    let hash = password::hash(&chosen)?;
    let (id, now) = (Uuid::now_v7(), app.now());
    connection.transaction(|connection| {
        diesel::insert_into(staff::table)
            .values((
                staff::id.eq(id),
                staff::email.eq(&email),
                staff::password_hash.eq(&hash),
                staff::role.eq(new.role),
                staff::organisation_code.eq(&new.organisation),
                staff::partner_id.eq(new.partner),
                staff::outlets.eq(&new.outlets),
                staff::created_at.eq(now),
                staff::password_changed_at.eq(now),
            ))
            .execute(connection)
            .map_err(refused)?;
        app.auth.audit.append(connection, now, "command line", "staff.created", &id.to_string())?;
        Ok::<_, StaffError>(())
    })?;
    Ok(Created { id, email, password: chosen })
}

fn refused(error: Error) -> StaffError {
    match &error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, info)
            if info.constraint_name() == Some("staff_email_key") =>
        {
            StaffError::Taken
        }
        Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => StaffError::UnknownOrganisation,
        _ => error.into(),
    }
}

/// Changes a login's password and ends its sessions.
///
/// # Errors
/// [`StaffError`]
pub fn set_password(
    app: &App,
    connection: &mut PgConnection,
    login: Uuid,
    new: &str,
) -> Result<(), StaffError> {
    password::check(new)?;
    let (hash, now) = (password::hash(new)?, app.now());
    connection.transaction(|connection| {
        let changed = diesel::update(staff::table.find(login))
            .set((staff::password_hash.eq(hash), staff::password_changed_at.eq(now)))
            .execute(connection)?;
        if changed == 0 {
            return Err(StaffError::Unknown);
        }
        super::sessions::end_all(connection, login, super::sessions::EndReason::PasswordChanged, now)?;
        app.auth.audit.append(
            connection,
            now,
            "command line",
            "staff.password_changed",
            &login.to_string(),
        )?;
        Ok(())
    })
}

/// Disables a login and ends its sessions.
///
/// # Errors
/// [`StaffError`]
pub fn disable(app: &App, connection: &mut PgConnection, login: Uuid) -> Result<(), StaffError> {
    let now = app.now();
    connection.transaction(|connection| {
        let changed = diesel::update(staff::table.find(login).filter(staff::disabled_at.is_null()))
            .set(staff::disabled_at.eq(now))
            .execute(connection)?;
        if changed == 0 {
            return Err(StaffError::Unknown);
        }
        super::sessions::end_all(connection, login, super::sessions::EndReason::Disabled, now)?;
        app.auth.audit.append(connection, now, "command line", "staff.disabled", &login.to_string())?;
        Ok(())
    })
}

/// A login as it signs in.
#[derive(Debug, Clone, Queryable)]
pub struct Login {
    /// The login.
    pub id: Uuid,
    /// What they sign in with.
    pub email: String,
    /// Argon2id.
    pub password_hash: String,
}

/// The login of an address, unless it is disabled.
///
/// # Errors
/// The database's.
pub fn find(connection: &mut PgConnection, email: &str) -> QueryResult<Option<Login>> {
    staff::table
        .filter(staff::email.eq(email))
        .filter(staff::disabled_at.is_null())
        .select((staff::id, staff::email, staff::password_hash))
        .first(connection)
        .optional()
}

/// Addresses of logins; of unknown ones none.
///
/// # Errors
/// The database's.
pub fn emails(connection: &mut PgConnection, logins: &[Uuid]) -> QueryResult<HashMap<Uuid, String>> {
    let rows: Vec<(Uuid, String)> =
        staff::table.filter(staff::id.eq_any(logins)).select((staff::id, staff::email)).load(connection)?;
    Ok(rows.into_iter().collect())
}

/// A login's address.
///
/// # Errors
/// The database's.
pub fn email(connection: &mut PgConnection, login: Uuid) -> QueryResult<String> {
    staff::table.find(login).select(staff::email).first(connection)
}
