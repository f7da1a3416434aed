//! The staff about themselves.

use actix_web::{HttpResponse, web};
use cashback_engine::{PartnerId, partners};
use diesel::pg::PgConnection;
use serde::Serialize;
use union_registry::organisations;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::auth::principal::StaffPrincipal;
use crate::auth::{Principal, Role, staff};
use crate::problem::{Problem, ProblemBody};

/// A code and the name behind it.
#[derive(Serialize, ToSchema)]
pub struct Named {
    code: String,
    name: String,
}

/// An outlet a cashier may post for.
#[derive(Serialize, ToSchema)]
pub struct StaffOutlet {
    code: String,
    name: String,
    town: String,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub struct StaffMe {
    id: Uuid,
    email: String,
    #[schema(value_type = String)]
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<Named>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner: Option<Named>,
    outlets: Vec<StaffOutlet>,
    /// The zone days are counted in.
    programme_zone: &'static str,
}

/// Who am I.
#[utoipa::path(get, path = "/v1/staff/me", tag = "staff", responses(
    (status = 200, description = "who is signed in", body = StaffMe),
    (status = 401, description = "nobody", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn me(app: web::Data<App>, principal: web::ReqData<Principal>) -> Result<HttpResponse, Problem> {
    let login: StaffPrincipal = principal.staff().cloned().ok_or_else(Problem::forbidden)?;
    let zone = app.zone;
    let me = app
        .into_inner()
        .run(move |connection| {
            let organisation = match &login.organisation {
                Some(code) => organisation(connection, code)?,
                None => None,
            };
            let (partner, outlets) = match login.partner {
                Some(partner) => partner_and_outlets(connection, partner, &login.outlets)?,
                None => (None, Vec::new()),
            };
            Ok(StaffMe {
                id: login.staff,
                email: staff::email(connection, login.staff)?,
                role: login.role,
                organisation,
                partner,
                outlets,
                programme_zone: zone.name(),
            })
        })
        .await?;
    Ok(HttpResponse::Ok().json(me))
}

fn organisation(connection: &mut PgConnection, code: &str) -> Result<Option<Named>, Problem> {
    let found =
        organisations::named(connection, &[code.to_owned()]).map_err(|error| Problem::internal(&error))?;
    Ok(found.into_iter().next().map(|found| Named { code: found.code, name: found.name }))
}

/// The partner, and of its outlets those the login is for: all, when none is named.
fn partner_and_outlets(
    connection: &mut PgConnection,
    partner: PartnerId,
    named: &[String],
) -> Result<(Option<Named>, Vec<StaffOutlet>), Problem> {
    let found = partners::by_id(connection, partner)?;
    let outlets = partners::outlets(connection, partner)?
        .into_iter()
        .filter(|outlet| named.is_empty() || named.contains(&outlet.code))
        .map(|outlet| StaffOutlet { code: outlet.code, name: outlet.name, town: outlet.town })
        .collect();
    Ok((found.map(|found| Named { code: found.code, name: found.name }), outlets))
}
