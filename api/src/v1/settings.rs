//! The union's settings, a section a matter: read by whoever answers for the programme, changed by administrators.

use actix_web::web;
use cashback_engine::programme::{self, Changes, Settings};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::{Principal, scope};
use crate::extract::Json;
use crate::problem::{Problem, ProblemBody};

/// The settings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Settings)]
pub struct SettingsView {
    programme: ProgrammeView,
}

/// The bonus programme.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProgrammeSettings)]
struct ProgrammeView {
    /// The zone whose days the programme counts; it can't be changed.
    zone: String,
    /// Line categories no rule covers and no points pay; `tobacco` and `nicotine` always.
    excluded_categories: Vec<String>,
    /// Whether points can be spent by showing the bare card number.
    bare_number_may_redeem: bool,
    /// How many days a claim waits before it ends by itself.
    claim_days: i16,
}

impl From<Settings> for SettingsView {
    fn from(settings: Settings) -> Self {
        Self {
            programme: ProgrammeView {
                zone: settings.zone,
                excluded_categories: settings.excluded_categories,
                bare_number_may_redeem: settings.bare_number_may_redeem,
                claim_days: settings.claim_days,
            },
        }
    }
}

/// What to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsChanges {
    programme: Option<ProgrammeChanges>,
}

/// Changes of the bonus programme, for purchases from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProgrammeChanges {
    /// The whole list; `tobacco` and `nicotine` stay in it.
    excluded_categories: Option<Vec<String>>,
    bare_number_may_redeem: Option<bool>,
    /// 1 to 60.
    claim_days: Option<i16>,
}

/// The settings now.
#[utoipa::path(get, path = "/v1/settings", tag = "office", responses(
    (status = 200, description = "the settings", body = SettingsView)))]
pub async fn show(app: web::Data<App>) -> Result<web::Json<SettingsView>, Problem> {
    let settings = app.into_inner().run(|connection| Ok(programme::settings(connection)?)).await?;
    Ok(web::Json(settings.into()))
}

/// Changes settings, for purchases from now on; by an administrator of all roots.
#[utoipa::path(patch, path = "/v1/settings", tag = "office", request_body = SettingsChanges, responses(
    (status = 200, description = "the settings now", body = SettingsView),
    (status = 403, description = "bound to an organisation", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn change(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<SettingsChanges>,
) -> Result<web::Json<SettingsView>, Problem> {
    let (principal, now) = (principal.into_inner(), app.now());
    let shared = app.clone().into_inner();
    let settings = app
        .into_inner()
        .transaction(move |connection| {
            if scope::root(&principal)?.is_some() {
                return Err(Problem::forbidden());
            }
            let Some(asked) = body.0.programme else { return Ok(programme::settings(connection)?) };
            let changes = Changes {
                excluded_categories: asked.excluded_categories,
                bare_number_may_redeem: asked.bare_number_may_redeem,
                claim_days: asked.claim_days,
            };
            let settings = programme::change(connection, &changes, now).map_err(within_section)?;
            shared.auth.audit.append(connection, now, &principal.key(), "settings.changed", "programme")?;
            Ok(settings)
        })
        .await?;
    Ok(web::Json(settings.into()))
}

/// The engine names fields of its own; in the body they stand within their section.
fn within_section(error: cashback_engine::EngineError) -> Problem {
    use cashback_engine::EngineError;
    match error {
        EngineError::Invalid(mut fields) => {
            fields.iter_mut().for_each(|field| field.pointer.insert_str(0, "/programme"));
            EngineError::Invalid(fields).into()
        }
        other => other.into(),
    }
}
