//! Members' accounts as finance sees them: found by number, with standing and balances; frozen and unfrozen.

use actix_web::{HttpRequest, HttpResponse, web};
use card_issuer::cards;
use card_issuer::number::CardNumber;
use cashback_engine::balances::Balance;
use cashback_engine::enrolments::Standing;
use cashback_engine::merging;
use cashback_engine::standing::{self, MemberAccount};
use cashback_engine::tiers;
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;
use union_registry::members::{self, Member};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::Principal;
use crate::extract::{IdPath, Json, Later, Query};
use crate::problem::{Problem, ProblemBody};
use crate::v1::adjustments::{login, people, said};
use crate::v1::paging::List;
use crate::v1::rules::view::Person;
use crate::v1::types::Timestamp;

/// A member, by number and name.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = MemberRef)]
pub struct MemberRefView {
    #[schema(value_type = uuid::Uuid)]
    id: MemberId,
    membership_number: String,
    name: String,
    /// `active`, `suspended` or `left`: in the union.
    status: &'static str,
}

impl MemberRefView {
    /// Who it is.
    pub fn id(&self) -> MemberId {
        self.id
    }
}

impl From<Member> for MemberRefView {
    fn from(member: Member) -> Self {
        let person = member.person;
        let name = [person.last_name, person.first_name, person.middle_name];
        let name: Vec<String> = name.into_iter().filter(|part| !part.is_empty()).collect();
        Self {
            id: person.id,
            membership_number: person.membership_number,
            name: name.join(" "),
            status: person.status.as_str(),
        }
    }
}

/// The four balances.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct BalanceView {
    #[schema(value_type = String, example = "215.40")]
    pending: Money,
    #[schema(value_type = String, example = "1437.83")]
    available: Money,
    #[schema(value_type = String, example = "0.00")]
    reserved: Money,
    #[schema(value_type = String, example = "0.00")]
    debt: Money,
}

impl From<Balance> for BalanceView {
    fn from(balance: Balance) -> Self {
        let Balance { pending, available, reserved, debt } = balance;
        Self { pending, available, reserved, debt }
    }
}

/// Since when, by whom and why somebody is frozen.
#[derive(Debug, Serialize, ToSchema)]
struct FreezeView {
    reason: String,
    by: Person,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// A member's account.
#[derive(Debug, Serialize, ToSchema)]
pub struct StandingView {
    member: MemberRefView,
    /// `enrolled`, `left`, `frozen`, `frozen_left` or `merged`: in the programme; null for who never took part.
    #[schema(value_type = Option<String>)]
    standing: Option<Standing>,
    /// The tier, where tiers are set.
    tier: Option<String>,
    balance: BalanceView,
    #[serde(skip_serializing_if = "Option::is_none")]
    frozen: Option<FreezeView>,
    /// The member in whose account everything is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    merged_into: Option<MemberId>,
}

/// A member's account as of now.
///
/// # Errors
/// 404 when there is no such member.
fn view(
    app: &App,
    connection: &mut PgConnection,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<StandingView, Problem> {
    let found = members::find(connection, member)?;
    let MemberAccount { standing, balance, freeze, merged_into, .. } =
        standing::account(connection, &app.books, member, now)?;
    let tier = tiers::of_member(connection, &app.books, member, now)?.and_then(|tier| tier.tier);
    let mut people = people(connection, freeze.iter().map(|freeze| freeze.by))?;
    Ok(StandingView {
        member: found.into(),
        standing,
        tier: tier.filter(|_| standing.is_some() && merged_into.is_none()),
        balance: balance.balance.into(),
        frozen: freeze.and_then(|freeze| {
            let by = people.remove(&freeze.by)?;
            Some(FreezeView { reason: freeze.reason, by, at: freeze.at.into() })
        }),
        merged_into,
    })
}

/// Whose account.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NumberQuery {
    /// A membership number, or a card's.
    number: String,
    /// 1 to 200; 50 unless said.
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// The accounts found.
#[derive(Debug, Serialize, ToSchema)]
pub struct Standings {
    items: Vec<StandingView>,
    next: Option<String>,
}

/// Finds a member's account by membership or card number; a record that was merged leads to the survivor's.
#[utoipa::path(get, path = "/v1/standings", tag = "finance", params(NumberQuery), responses(
    (status = 200, description = "the account, or none", body = Standings),
    (status = 422, description = "wrong limit or cursor", body = ProblemBody)))]
pub async fn find(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<NumberQuery>,
) -> Result<HttpResponse, Problem> {
    let (number, reader, now) = (query.0.number.trim().to_owned(), principal.key(), app.now());
    let (shared, inner) = (app.clone().into_inner(), app.clone().into_inner());
    let list = List::of(&inner, &request, &principal);
    let place = list.place((query.0.limit, query.0.after.as_deref()))?;
    let items = app
        .into_inner()
        .run(move |connection| {
            let named = members::ids_by_numbers(connection, std::slice::from_ref(&number))?;
            let mut found = named.first().map(|(_, member)| *member);
            if let (None, Ok(card)) = (found, CardNumber::parse(&number)) {
                found = cards::by_number(connection, card)?.map(|card| card.member_id);
            }
            let Some(member) = found else { return Ok(Vec::new()) };
            let member = merging::survivor(connection, member)?;
            shared.auth.audit.append(connection, now, &reader, "member.read", &member.to_string())?;
            Ok(vec![view(&shared, connection, member, now)?])
        })
        .await?;
    Ok(list.answer(&place.of(items)))
}

/// A member's account.
#[utoipa::path(get, path = "/v1/members/{id}/standing", tag = "finance", params(("id" = String, Path)), responses(
    (status = 200, description = "the account", body = StandingView),
    (status = 404, description = "no such member", body = ProblemBody)))]
pub async fn show(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<MemberId>,
) -> Result<web::Json<StandingView>, Problem> {
    let (reader, now) = (principal.key(), app.now());
    let shared = app.clone().into_inner();
    let found = app
        .into_inner()
        .run(move |connection| {
            let found = view(&shared, connection, id.0, now)?;
            shared.auth.audit.append(connection, now, &reader, "member.read", &id.0.to_string())?;
            Ok(found)
        })
        .await?;
    Ok(web::Json(found))
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonBody {
    /// 1 to 500 characters.
    reason: String,
}

/// Freezes a member's account: it earns, but nothing can be spent or withdrawn, and nothing expires.
#[utoipa::path(post, path = "/v1/members/{id}/freeze", tag = "finance", params(("id" = String, Path)), request_body = ReasonBody, responses(
    (status = 200, description = "the account", body = StandingView),
    (status = 404, description = "no such member", body = ProblemBody),
    (status = 409, description = "frozen already, or without an account", body = ProblemBody)))]
pub async fn freeze(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<MemberId>,
    body: Later<Json<ReasonBody>>,
) -> Result<web::Json<StandingView>, Problem> {
    changed(app, &principal, id.0, (true, body)).await
}

/// Ends a freeze; what went past its date meanwhile is given 30 more days.
#[utoipa::path(post, path = "/v1/members/{id}/unfreeze", tag = "finance", params(("id" = String, Path)), request_body = ReasonBody, responses(
    (status = 200, description = "the account", body = StandingView),
    (status = 404, description = "no such member", body = ProblemBody),
    (status = 409, description = "not frozen", body = ProblemBody)))]
pub async fn unfreeze(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<MemberId>,
    body: Later<Json<ReasonBody>>,
) -> Result<web::Json<StandingView>, Problem> {
    changed(app, &principal, id.0, (false, body)).await
}

async fn changed(
    app: web::Data<App>,
    principal: &Principal,
    member: MemberId,
    (freeze, body): (bool, Later<Json<ReasonBody>>),
) -> Result<web::Json<StandingView>, Problem> {
    let (by, actor, now) = (login(principal)?.staff, principal.key(), app.now());
    let shared = app.clone().into_inner();
    let found = app
        .clone()
        .into_inner()
        .transaction(move |connection| {
            members::find(connection, member)?;
            let reason = said(&body?.0.reason, "#/reason")?;
            let action = if freeze {
                standing::freeze(connection, member, &reason, by, now)?;
                "member.frozen"
            } else {
                standing::unfreeze(connection, &shared.books, (member, &reason), by, now)?;
                "member.unfrozen"
            };
            shared.auth.audit.append(connection, now, &actor, action, &member.to_string())?;
            view(&shared, connection, member, now)
        })
        .await?;
    app.delivery.nudge();
    Ok(web::Json(found))
}
