//! How the cards of a member's organisation look, so that the card on the phone is the twin of the plastic one.

use actix_web::{HttpResponse, web};
use card_issuer::designs::{DesignId, StoredDesign};
use diesel::pg::PgConnection;
use serde::Serialize;
use shared_kernel::ids::OrganisationId;
use union_registry::{members, organisations};
use utoipa::ToSchema;

use super::myself;
use crate::app::App;
use crate::auth::Principal;
use crate::print::designs::holding;
use crate::problem::{Problem, ProblemBody};

/// The look of an organisation's cards.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CardLook)]
pub struct LookView {
    /// Another design has another one.
    #[schema(value_type = uuid::Uuid)]
    id: DesignId,
    /// The ground, `#rrggbb`.
    base: String,
    /// The second colour, `#rrggbb`.
    accent: String,
    /// What is written on them, `#rrggbb`: at least 4.5 to 1 against either.
    ink: String,
    /// What stands at the top instead of the union's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// Whether there is a logo.
    logo: bool,
}

impl LookView {
    /// A stored design as a page draws it.
    pub fn of(stored: &StoredDesign) -> Self {
        Self {
            id: stored.id,
            base: stored.base.clone(),
            accent: stored.accent.clone(),
            ink: stored.plain().ink().to_string(),
            title: stored.title.clone(),
            logo: stored.logo.is_some(),
        }
    }
}

/// The design of an organisation; `None` is the program's.
///
/// # Errors
/// The database's.
pub fn of_organisation(
    connection: &mut PgConnection,
    organisation: OrganisationId,
) -> Result<Option<StoredDesign>, Problem> {
    let path = organisations::find(connection, organisation)?.path;
    holding(connection, &path)
}

/// The logo of the design of one's organisation.
#[utoipa::path(get, path = "/v1/me/design/logo.png", tag = "member", responses(
    (status = 200, description = "the logo, 400 pixels a side at most", content_type = "image/png"),
    (status = 404, description = "there is none", body = ProblemBody)))]
pub async fn logo(app: web::Data<App>, principal: web::ReqData<Principal>) -> Result<HttpResponse, Problem> {
    let member = myself(&principal)?;
    let logo = app
        .into_inner()
        .run(move |connection| {
            let organisation = members::find(connection, member)?.organisation.id;
            let stored = of_organisation(connection, organisation)?;
            stored.and_then(|stored| stored.logo).ok_or_else(Problem::not_found)
        })
        .await?;
    Ok(HttpResponse::Ok().content_type("image/png").body(logo))
}
