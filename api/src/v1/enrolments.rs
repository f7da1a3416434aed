//! Joining the bonus programme at a till: the customer is told a code by the union itself and tells it to the cashier.
//! The partner learns neither name nor number.

use actix_web::{HttpResponse, web};
use card_issuer::resolutions::{self, ResolutionId};
use cashback_engine::enrolments;
use cashback_engine::posting::CardStanding;
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use union_registry::{facts, members};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::auth::members::Address;
use crate::auth::till_codes::{self, Outcome};
use crate::auth::{Principal, limits};
use crate::delivery::preferences;
use crate::extract::{IdPath, Json, Later};
use crate::posting::identify;
use crate::problem::{Language, Problem, ProblemBody};
use crate::refusals;
use crate::v1::me::{EnrolmentView, OFFER_VERSION};
use crate::v1::types::Timestamp;
use crate::wallets::changes;

/// Whose card: as it was resolved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentBody {
    /// What `POST /v1/cards/resolve` answered; it stays good for its purchase.
    resolution: Uuid,
}

/// A code is on its way to the customer.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnrolmentStarted {
    id: Uuid,
    /// `sms` or `email`: where the customer looks for the code.
    sent_by: &'static str,
    /// The offer they accept by telling it.
    offer_version: &'static str,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// The member to be enrolled, with where the code goes.
struct Asked {
    member: shared_kernel::ids::MemberId,
    address: Address,
    language: Language,
}

fn asked(
    app: &App,
    connection: &mut PgConnection,
    (resolution, asker): (ResolutionId, &str),
    now: DateTime<Utc>,
) -> Result<Asked, Problem> {
    let taken = resolutions::check_resolutions(connection, &[(resolution, asker.to_owned())], now)?.pop();
    let card = taken.ok_or_else(Problem::not_found)?.map_err(refusals::resolution)?.card;
    let facts = facts::facts_for_posting(connection, &[(card.member_id, now)])?.pop().flatten();
    match identify::standing(&card, facts.as_ref(), now) {
        CardStanding::Valid => {}
        CardStanding::Expired => {
            return Err(refusals::purchase(&cashback_engine::posting::Refusal::CardExpired));
        }
        CardStanding::Blocked | CardStanding::Unknown => {
            return Err(refusals::purchase(&cashback_engine::posting::Refusal::CardBlocked));
        }
    }
    if enrolments::standing(connection, card.member_id)?.is_some_and(|standing| standing.takes_part()) {
        return Err(Problem::conflict(
            "already-enrolled",
            "The customer is in the bonus programme already",
            "Покупатель уже участвует в бонусной программе",
        ));
    }
    let member = members::find(connection, card.member_id)?;
    let language = preferences::load(connection, card.member_id)?.language.into();
    Ok(Asked { member: card.member_id, address: till_codes::address(app, &member)?, language })
}

/// Sends the customer a code to join the programme by.
#[utoipa::path(post, path = "/v1/enrolments", tag = "partner", request_body = EnrolmentBody, responses(
    (status = 201, description = "the code is on its way", body = EnrolmentStarted),
    (status = 404, description = "`resolution-unknown`", body = ProblemBody),
    (status = 409, description = "`already-enrolled`, `no-contact`, `card-blocked`, `card-expired`, `resolution-expired`", body = ProblemBody),
    (status = 429, description = "too often", body = ProblemBody)))]
pub async fn start(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<EnrolmentBody>,
) -> Result<HttpResponse, Problem> {
    let app = app.into_inner();
    let (asker, now) = (principal.key(), app.now());
    let (shared, by, resolution) = (app.clone(), asker.clone(), ResolutionId(body.0.resolution));
    let asked = app.run(move |connection| asked(&shared, connection, (resolution, &by), now)).await?;
    limits::code_for(&app, &till_codes::account(&app, asked.member)).await?;
    let (shared, member) = (app.clone(), asked.member);
    let made = app
        .transaction(move |connection| {
            Ok(till_codes::make(&shared, connection, (member, &asker, OFFER_VERSION), now)?)
        })
        .await?;
    till_codes::send(&app, &asked.address, &made.code, asked.language).await?;
    Ok(HttpResponse::Created().json(EnrolmentStarted {
        id: made.id,
        sent_by: match asked.address {
            Address::Phone(_) => "sms",
            Address::Email(_) => "email",
        },
        offer_version: OFFER_VERSION,
        expires_at: made.expires_at.into(),
    }))
}

/// The code the customer told.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmBody {
    /// Six digits.
    code: String,
}

/// Enrols the customer by the code they told.
#[utoipa::path(post, path = "/v1/enrolments/{id}/confirm", tag = "partner", params(("id" = String, Path)), request_body = ConfirmBody, responses(
    (status = 200, description = "takes part from now on", body = EnrolmentView),
    (status = 404, description = "nothing of the kind was started by you", body = ProblemBody),
    (status = 422, description = "`code-wrong`", body = ProblemBody),
    (status = 429, description = "too many wrong codes", body = ProblemBody)))]
pub async fn confirm(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<Uuid>,
    body: Later<Json<ConfirmBody>>,
) -> Result<web::Json<EnrolmentView>, Problem> {
    let app = app.into_inner();
    let now = app.now();
    let (shared, asker) = (app.clone(), principal.key());
    let tried = app
        .transaction(move |connection| {
            if !till_codes::started_by(connection, id.0, &asker)? {
                return Err(Problem::not_found());
            }
            let code = body?.0.code;
            let outcome = till_codes::confirm(&shared, connection, (id.0, &asker, &code), now)?;
            let Outcome::Right(member, offer) = &outcome else { return Ok(Err(outcome)) };
            let enrolment = enrolments::enrol(connection, *member, offer, "till", now)?;
            changes::mark(connection, &[*member])?;
            shared.auth.audit.append(connection, now, &asker, "member.enrolled", &member.to_string())?;
            Ok(Ok(enrolment))
        })
        .await?;
    match tried {
        Ok(enrolment) => Ok(web::Json(enrolment.into())),
        Err(Outcome::Locked(seconds)) => Err(till_codes::locked(seconds)),
        Err(_) => Err(refusals::enrolment_code_wrong()),
    }
}
