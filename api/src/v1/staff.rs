//! The staff about themselves.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::{App, PROGRAMME_ZONE};
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
    let me = app
        .into_inner()
        .run(move |connection| {
            Ok(StaffMe {
                id: login.staff,
                email: staff::email(connection, login.staff)?,
                role: login.role,
                organisation: None,
                partner: None,
                outlets: Vec::new(),
                programme_zone: PROGRAMME_ZONE.name(),
            })
        })
        .await?;
    Ok(HttpResponse::Ok().json(me))
}
