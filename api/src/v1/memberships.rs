//! Where a member belongs and with what standing: transferred, suspended, restored, gone, taken back. Each act, its effect
//! on the cards and who did it stand in one transaction.

use actix_web::web;
use card_issuer::{cards, life, revocations};
use cashback_engine::enrolments;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgConnection;
use serde::Deserialize;
use shared_kernel::ids::MemberId;
use union_registry::{members, memberships};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::{Principal, scope};
use crate::extract::{IdPath, Json, Later};
use crate::problem::{Problem, ProblemBody};
use crate::v1::me::OFFER_VERSION;
use crate::v1::members::{MemberRecord, record};

/// Does something to a member of one's subtree in one transaction, writes down who did it, and answers the record as it
/// is then. Who isn't theirs is 404 before anything else is looked at.
///
/// # Errors
/// 404; what the act is refused with.
pub async fn acted<F>(
    app: web::Data<App>,
    principal: Principal,
    (id, action): (MemberId, &'static str),
    act: F,
) -> Result<web::Json<MemberRecord>, Problem>
where
    F: FnOnce(&mut PgConnection, &Principal, DateTime<Utc>) -> Result<(), Problem> + Send + 'static,
{
    let now = app.now();
    let shared = app.clone().into_inner();
    let view = app
        .clone()
        .into_inner()
        .transaction(move |connection| {
            scope::member(connection, &principal, id)?;
            act(connection, &principal, now)?;
            shared.auth.audit.append(connection, now, &principal.key(), action, &id.to_string())?;
            let member = members::find(connection, id)?;
            record(&shared, connection, member, now)
        })
        .await?;
    app.delivery.nudge();
    Ok(web::Json(view))
}

/// To which organisation, from which day.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferBody {
    /// The organisation's code.
    organisation: String,
    on: NaiveDate,
}

/// Since which day, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StandingBody {
    on: NaiveDate,
    /// In the registrar's words; 1 to 200 characters.
    reason: String,
}

/// Into which organisation, since which day, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadmissionBody {
    /// The organisation's code.
    organisation: String,
    on: NaiveDate,
    /// In the registrar's words; 1 to 200 characters.
    reason: String,
}

/// A reason in words.
///
/// # Errors
/// 422 without one, or with too long a one.
fn words(reason: &str) -> Result<&str, Problem> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > 200 {
        return Err(Problem::invalid_field(
            "#/reason",
            "must have 1 to 200 characters",
            "от 1 до 200 знаков",
        ));
    }
    Ok(reason)
}

impl StandingBody {
    fn read(&self) -> Result<(NaiveDate, &str), Problem> {
        Ok((self.on, words(&self.reason)?))
    }
}

/// Moves a member to another organisation; the card stays good.
#[utoipa::path(post, path = "/v1/members/{id}/transfer", tag = "office", params(("id" = String, Path)), request_body = TransferBody, responses(
    (status = 200, description = "the record", body = MemberRecord),
    (status = 404, description = "none, or not yours", body = ProblemBody),
    (status = 409, description = "not possible in this state", body = ProblemBody)))]
pub async fn transfer(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<MemberId>,
    body: Later<Json<TransferBody>>,
) -> Result<web::Json<MemberRecord>, Problem> {
    acted(app, principal.into_inner(), (id.0, "member.transferred"), move |connection, principal, now| {
        let body = body?.0;
        let to = scope::organisation_at(connection, principal, (&body.organisation, "#/organisation"))?;
        memberships::transfer(connection, id.0, to.organisation.id, body.on, now)?;
        Ok(())
    })
    .await
}

/// Records that a member has left: no card of theirs is good from that day on, and they leave the bonus programme; what
/// they have is still released and can be withdrawn until it expires.
#[utoipa::path(post, path = "/v1/members/{id}/leave", tag = "office", params(("id" = String, Path)), request_body = StandingBody, responses(
    (status = 200, description = "the record", body = MemberRecord),
    (status = 404, description = "none, or not yours", body = ProblemBody),
    (status = 409, description = "not possible in this state", body = ProblemBody)))]
pub async fn leave(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<MemberId>,
    body: Later<Json<StandingBody>>,
) -> Result<web::Json<MemberRecord>, Problem> {
    acted(app, principal.into_inner(), (id.0, "member.left"), move |connection, principal, now| {
        let body = body?.0;
        let (on, reason) = body.read()?;
        memberships::leave(connection, id.0, on, reason, now)?;
        let block = life::Block { reason: life::BlockReason::Left, by: principal.key(), comment: None };
        life::block_all(connection, id.0, &block, now)?;
        enrolments::leave_many(connection, &[id.0], OFFER_VERSION, enrolments::WITH_THE_UNION, now)?;
        Ok(())
    })
    .await
}

/// Suspends a member's rights from a day on: no card of theirs is good until they are restored, here and at tills
/// without network; cards, balances and the programme stay as they are.
#[utoipa::path(post, path = "/v1/members/{id}/suspend", tag = "office", params(("id" = String, Path)), request_body = StandingBody, responses(
    (status = 200, description = "the record", body = MemberRecord),
    (status = 404, description = "none, or not yours", body = ProblemBody),
    (status = 409, description = "not possible in this state", body = ProblemBody)))]
pub async fn suspend(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<MemberId>,
    body: Later<Json<StandingBody>>,
) -> Result<web::Json<MemberRecord>, Problem> {
    acted(app, principal.into_inner(), (id.0, "member.suspended"), move |connection, _, now| {
        memberships::suspend(connection, id.0, body?.0.read()?, now)?;
        revocations::of_member(connection, id.0, true, now)?;
        Ok(())
    })
    .await
}

/// Restores a suspended member's rights from a day on: the same cards are good again.
#[utoipa::path(post, path = "/v1/members/{id}/resume", tag = "office", params(("id" = String, Path)), request_body = StandingBody, responses(
    (status = 200, description = "the record", body = MemberRecord),
    (status = 404, description = "none, or not yours", body = ProblemBody),
    (status = 409, description = "not possible in this state", body = ProblemBody)))]
pub async fn resume(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<MemberId>,
    body: Later<Json<StandingBody>>,
) -> Result<web::Json<MemberRecord>, Problem> {
    acted(app, principal.into_inner(), (id.0, "member.resumed"), move |connection, _, now| {
        memberships::resume(connection, id.0, body?.0.read()?, now)?;
        revocations::of_member(connection, id.0, false, now)?;
        Ok(())
    })
    .await
}

/// Takes back a member who left, into an organisation, from a day on: with a new virtual card, since blocked ones stay
/// blocked, and in the bonus programme again if they were in it until they left.
#[utoipa::path(post, path = "/v1/members/{id}/readmit", tag = "office", params(("id" = String, Path)), request_body = ReadmissionBody, responses(
    (status = 200, description = "the record", body = MemberRecord),
    (status = 404, description = "none, or not yours", body = ProblemBody),
    (status = 409, description = "not possible in this state", body = ProblemBody)))]
pub async fn readmit(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<MemberId>,
    body: Later<Json<ReadmissionBody>>,
) -> Result<web::Json<MemberRecord>, Problem> {
    let shared = app.clone().into_inner();
    acted(app, principal.into_inner(), (id.0, "member.readmitted"), move |connection, principal, now| {
        let body = body?.0;
        let to = scope::organisation_at(connection, principal, (&body.organisation, "#/organisation"))?;
        let reason = words(&body.reason)?;
        if members::find(connection, id.0)?.person.merged_into.is_some() {
            return Err(Problem::conflict(
                "member-merged",
                "The record was joined to another one",
                "Эта запись объединена с другой",
            ));
        }
        memberships::readmit(connection, id.0, to.organisation.id, (body.on, reason), now)?;
        let by = principal.key();
        let new = cards::NewCard::own(id.0, cards::CardKind::Virtual, Some(&by));
        cards::order(connection, &shared.derived.issuer, &new, now)?;
        enrolments::rejoin(connection, id.0, OFFER_VERSION, now)?;
        Ok(())
    })
    .await
}
