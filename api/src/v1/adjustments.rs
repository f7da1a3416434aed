//! Corrections of the books and write-offs: finance proposes, a controller approves, and then they are posted.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use cashback_engine::adjustments::{
    self, Adjustment, AdjustmentId, AdjustmentKind, AdjustmentStatus, Filter, Proposal,
};
use cashback_engine::ledger::AccountName;
use cashback_engine::ledger::account::AccountKind;
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;
use union_registry::{members, organisations};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::App;
use crate::auth::principal::StaffPrincipal;
use crate::auth::{Principal, staff};
use crate::extract::{IdPath, Json, Later, OptionalJson, Query};
use crate::problem::{Problem, ProblemBody};
use crate::v1::paging::{self, List};
use crate::v1::rules::view::Person;
use crate::v1::standings::{BalanceView, MemberRefView};
use crate::v1::types::Timestamp;

/// The logins behind ids.
///
/// # Errors
/// The database's.
pub fn people(
    connection: &mut PgConnection,
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, Person>, Problem> {
    let ids: Vec<Uuid> = ids.collect();
    let emails = staff::emails(connection, &ids)?;
    Ok(ids.into_iter().map(|id| (id, Person::new(id, emails.get(&id).cloned()))).collect())
}

/// A correction.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Adjustment)]
pub struct AdjustmentView {
    #[schema(value_type = uuid::Uuid)]
    id: AdjustmentId,
    /// `adjustment` or `write_off`.
    #[schema(value_type = String)]
    kind: AdjustmentKind,
    /// The account that is debited, as `adjustments:union`.
    debit: String,
    /// The account that is credited, as `available:<member>`.
    credit: String,
    #[schema(value_type = String, example = "100.00")]
    amount: Money,
    /// Whose account it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<MemberRefView>,
    /// The member's balances now.
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<BalanceView>,
    /// How many months what a member is given lives; null for ever.
    life_months: Option<u16>,
    /// What the member reads.
    reason: String,
    /// What it rests on.
    evidence: String,
    /// `proposed`, `approved` or `declined`.
    #[schema(value_type = String)]
    status: AdjustmentStatus,
    proposed_by: Person,
    #[schema(value_type = String, format = DateTime)]
    proposed_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<Person>,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<Timestamp>,
    /// What who declined it said.
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    posting_id: Option<Uuid>,
    /// Stands for all that an approver looks at: sent back on approval, it is refused once anything of it has changed.
    as_seen: String,
}

fn views(connection: &mut PgConnection, found: Vec<Adjustment>) -> Result<Vec<AdjustmentView>, Problem> {
    let ids: Vec<MemberId> = found.iter().filter_map(|one| one.member).collect();
    let named: HashMap<MemberId, MemberRefView> = members::by_ids(connection, &ids)?
        .into_iter()
        .map(|member| (member.person.id, MemberRefView::from(member)))
        .collect();
    let people =
        people(connection, found.iter().flat_map(|one| [Some(one.proposed_by), one.decided_by]).flatten())?;
    let person = |id: Uuid| people.get(&id).cloned().unwrap_or(Person::new(id, None));
    Ok(found
        .into_iter()
        .map(|one| AdjustmentView {
            id: one.id,
            kind: one.kind,
            debit: one.debit.to_string(),
            credit: one.credit.to_string(),
            amount: one.amount,
            member: one.member.and_then(|id| named.get(&id).cloned()),
            balance: one.balance.map(BalanceView::from),
            life_months: one.life_months,
            reason: one.reason,
            evidence: one.evidence,
            status: one.status,
            proposed_by: person(one.proposed_by),
            proposed_at: one.proposed_at.into(),
            decided_by: one.decided_by.map(person),
            decided_at: one.decided_at.map(Timestamp),
            comment: one.comment,
            posting_id: one.posting.map(|id| id.0),
            as_seen: one.as_seen,
        })
        .collect())
}

fn view(connection: &mut PgConnection, one: Adjustment) -> Result<AdjustmentView, Problem> {
    views(connection, vec![one])?.pop().ok_or_else(Problem::not_found)
}

/// A page of corrections.
#[derive(Debug, Serialize, ToSchema)]
pub struct Adjustments {
    items: Vec<AdjustmentView>,
    next: Option<String>,
}

/// Which corrections.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AdjustmentsQuery {
    /// `proposed`, `approved` or `declined`.
    #[param(value_type = Option<String>)]
    status: Option<AdjustmentStatus>,
    /// Only this member's.
    #[param(value_type = Option<uuid::Uuid>)]
    member: Option<MemberId>,
    /// 1 to 200; 50 unless said.
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Corrections and write-offs, the newest first.
#[utoipa::path(get, path = "/v1/adjustments", tag = "finance", params(AdjustmentsQuery), responses(
    (status = 200, description = "a page of corrections", body = Adjustments),
    (status = 422, description = "wrong limit or cursor", body = ProblemBody)))]
pub async fn list(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<AdjustmentsQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.0.limit)?;
    let filter = Filter { status: query.0.status, member: query.0.member };
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let after: Option<AdjustmentId> = list.after(query.0.after.as_deref())?;
    let (reader, now) = (principal.key(), app.now());
    let inner = app.clone().into_inner();
    let page = app
        .into_inner()
        .run(move |connection| {
            let page = adjustments::list(connection, filter, after, limit)?;
            let items = views(connection, page.items)?;
            let shown = items.iter().filter_map(|one| one.member.as_ref().map(MemberRefView::id));
            inner.auth.audit.listed(connection, now, &reader, shown)?;
            Ok(shared_kernel::paging::Page { items, next: page.next })
        })
        .await?;
    Ok(list.answer(&page))
}

fn twelve() -> Option<u16> {
    Some(12)
}

/// A correction to be approved by another person. One of the two accounts is `adjustments:union`; or the debit is
/// `losses:union` and the credit a member's `debt` or a partner's `receivable`: a write-off.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustmentBody {
    /// `adjustments:union`, `available:<member>`, `receivable:<partner>`, `funding:<organisation>`, ...
    debit: String,
    /// The same.
    credit: String,
    #[schema(value_type = String, example = "100.00")]
    amount: Money,
    /// How many months what a member is given lives: 12 unless said, null for ever.
    #[serde(default = "twelve")]
    life_months: Option<u16>,
    /// What the member reads; 1 to 1000 characters.
    reason: String,
    /// What it rests on: a letter, a decision; 1 to 1000 characters.
    evidence: String,
}

impl AdjustmentBody {
    fn proposal(self) -> Result<Proposal, Problem> {
        let name = |text: &str, pointer: &'static str| {
            text.parse::<AccountName>()
                .map_err(|_| Problem::invalid_field(pointer, "is no account's name", "это не название счёта"))
        };
        Ok(Proposal {
            debit: name(&self.debit, "#/debit")?,
            credit: name(&self.credit, "#/credit")?,
            amount: self.amount,
            life_months: self.life_months,
            reason: self.reason.trim().to_owned(),
            evidence: self.evidence.trim().to_owned(),
        })
    }
}

/// An organisation's account may be named before anything was booked to it; the organisation must be in the register.
fn known_organisations(connection: &mut PgConnection, proposal: &Proposal) -> Result<(), Problem> {
    for (name, pointer) in [(&proposal.debit, "#/debit"), (&proposal.credit, "#/credit")] {
        if let AccountName::Owned(AccountKind::Funding, code) = name
            && organisations::by_code(connection, code)?.is_none()
        {
            return Err(Problem::invalid_field(pointer, "is no organisation's", "такой организации нет"));
        }
    }
    Ok(())
}

/// The login that asks.
///
/// # Errors
/// 403 for anybody else.
pub fn login(principal: &Principal) -> Result<&StaffPrincipal, Problem> {
    principal.staff().ok_or_else(Problem::forbidden)
}

/// Proposes a correction; nothing is booked until a controller approves it.
#[utoipa::path(post, path = "/v1/adjustments", tag = "finance", request_body = AdjustmentBody, responses(
    (status = 201, description = "the proposal", body = AdjustmentView),
    (status = 409, description = "the member has no account", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn propose(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<AdjustmentBody>,
) -> Result<HttpResponse, Problem> {
    let (by, now) = (login(&principal)?.staff, app.now());
    let proposal = body.0.proposal()?;
    let made = app
        .into_inner()
        .transaction(move |connection| {
            known_organisations(connection, &proposal)?;
            let made = adjustments::propose(connection, &proposal, by, now)?;
            view(connection, made)
        })
        .await?;
    Ok(HttpResponse::Created().json(made))
}

/// What the approver looked at.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalBody {
    /// The correction's `as_seen`; without it only what must not be is refused.
    as_seen: Option<String>,
}

/// Approves a correction and posts it; another person than the proposer does.
#[utoipa::path(post, path = "/v1/adjustments/{id}/approve", tag = "finance", params(("id" = String, Path)), request_body = Option<ApprovalBody>, responses(
    (status = 200, description = "posted", body = AdjustmentView),
    (status = 404, description = "no such correction", body = ProblemBody),
    (status = 409, description = "`same-person`, `changed` since it was looked at, `state`, `insufficient`", body = ProblemBody)))]
pub async fn approve(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<AdjustmentId>,
    body: Later<OptionalJson<ApprovalBody>>,
) -> Result<web::Json<AdjustmentView>, Problem> {
    let (by, actor, now) = (login(&principal)?.staff, principal.key(), app.now());
    let shared = app.clone().into_inner();
    let posted = app
        .clone()
        .into_inner()
        .transaction(move |connection| {
            adjustments::one(connection, id.0)?;
            let seen = body?.0.unwrap_or_default().as_seen;
            let posted = adjustments::approve(connection, &shared.books, (id.0, seen.as_deref()), by, now)?;
            shared.auth.audit.append(connection, now, &actor, "adjustment.approved", &id.0.to_string())?;
            view(connection, posted)
        })
        .await?;
    app.delivery.nudge();
    Ok(web::Json(posted))
}

/// Why it is not to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclineBody {
    /// 1 to 500 characters.
    comment: String,
}

/// Declines a correction; who proposed it withdraws it so.
#[utoipa::path(post, path = "/v1/adjustments/{id}/decline", tag = "finance", params(("id" = String, Path)), request_body = DeclineBody, responses(
    (status = 200, description = "declined", body = AdjustmentView),
    (status = 404, description = "no such correction", body = ProblemBody),
    (status = 409, description = "it is decided", body = ProblemBody)))]
pub async fn decline(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<AdjustmentId>,
    body: Later<Json<DeclineBody>>,
) -> Result<web::Json<AdjustmentView>, Problem> {
    let (login, now) = (login(&principal)?.clone(), app.now());
    let declined = app
        .into_inner()
        .transaction(move |connection| {
            let found = adjustments::one(connection, id.0)?;
            let comment = said(&body?.0.comment, "#/comment")?;
            let own = found.proposed_by == login.staff;
            if !own && login.role != crate::auth::Role::Controller {
                return Err(Problem::forbidden());
            }
            let declined = adjustments::decline(connection, (id.0, &comment), login.staff, now)?;
            view(connection, declined)
        })
        .await?;
    Ok(web::Json(declined))
}

/// A text somebody must write: 1 to 500 characters.
///
/// # Errors
/// 422 at the field.
pub fn said(text: &str, pointer: &'static str) -> Result<String, Problem> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 500 {
        return Err(Problem::invalid_field(pointer, "must have 1 to 500 characters", "от 1 до 500 знаков"));
    }
    Ok(text.to_owned())
}
