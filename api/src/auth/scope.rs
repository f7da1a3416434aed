//! The subtree a member of staff may see: what lies outside answers 404, as if it had never been.

use actix_web::http::StatusCode;
use diesel::pg::PgConnection;
use shared_kernel::ids::{MemberId, OrganisationId};
use union_registry::members::{self, Member};
use union_registry::organisations::{self, Listed};

use super::{Principal, Role};
use crate::problem::Problem;

/// The code of the organisation whose subtree a principal is bound to; `None` is all roots.
///
/// # Errors
/// 403 for whoever has nothing to do with the register.
pub fn root(principal: &Principal) -> Result<Option<String>, Problem> {
    let staff = principal.staff().ok_or_else(Problem::forbidden)?;
    match (staff.role, &staff.organisation) {
        (_, Some(code)) => Ok(Some(code.clone())),
        (Role::Administrator | Role::Auditor | Role::Finance | Role::Controller, None) => Ok(None),
        // A registrar, issuer or chair without an organisation is bound to nothing, not to everything.
        _ => Err(Problem::forbidden()),
    }
}

/// The organisations of the principal's subtree; `None` is all there are.
///
/// # Errors
/// As [`root`]; the database's.
pub fn subtree(
    connection: &mut PgConnection,
    principal: &Principal,
) -> Result<Option<Vec<OrganisationId>>, Problem> {
    match root(principal)? {
        Some(root) => Ok(Some(organisations::subtree_ids(connection, &root)?)),
        None => Ok(None),
    }
}

/// An organisation within the principal's subtree.
///
/// # Errors
/// 404 when there is none, or it lies outside.
pub fn organisation(
    connection: &mut PgConnection,
    principal: &Principal,
    code: &str,
) -> Result<Listed, Problem> {
    let found = organisations::by_code(connection, code)?.ok_or_else(Problem::not_found)?;
    match root(principal)? {
        Some(root) if !found.organisation.path.codes().contains(&root) => Err(Problem::not_found()),
        _ => Ok(found),
    }
}

/// An organisation within the principal's subtree that a body's field names.
///
/// # Errors
/// 422 at the field when there is none, or it lies outside.
pub fn organisation_at(
    connection: &mut PgConnection,
    principal: &Principal,
    (code, pointer): (&str, &'static str),
) -> Result<Listed, Problem> {
    organisation(connection, principal, code).map_err(|problem| match problem.status() {
        StatusCode::NOT_FOUND => {
            Problem::invalid_field(pointer, "is no organisation of yours", "у вас нет такой организации")
        }
        _ => problem,
    })
}

/// A member within the principal's subtree.
///
/// # Errors
/// 404 when there is none, or they belong elsewhere.
pub fn member(connection: &mut PgConnection, principal: &Principal, id: MemberId) -> Result<Member, Problem> {
    let found = members::find(connection, id)?;
    within(connection, principal, found.organisation.id)?;
    Ok(found)
}

/// Whether an organisation lies within the principal's subtree.
///
/// # Errors
/// 404 when it lies outside.
pub fn within(
    connection: &mut PgConnection,
    principal: &Principal,
    id: OrganisationId,
) -> Result<(), Problem> {
    let Some(root) = root(principal)? else { return Ok(()) };
    let paths = organisations::paths(connection, &[id])?;
    if paths.get(&id).is_some_and(|path| path.codes().contains(&root)) {
        Ok(())
    } else {
        Err(Problem::not_found())
    }
}
