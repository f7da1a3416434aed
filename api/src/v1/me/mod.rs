//! A member's own pages: who they are, their card and its live code, their balances and operations.

pub mod apps;
pub mod cards;
pub mod claims;
pub mod design;
pub mod devices;
pub mod family;
pub mod google;
pub mod money;
pub mod payouts;
pub mod shown;
pub mod wallets;

use actix_web::{HttpResponse, web};
use cashback_engine::enrolments::{self, Standing};
use cashback_engine::tiers::{self, Measure};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;
use union_registry::{members, organisations};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Principal;
use crate::delivery::preferences::{self, Preferences, Tongue};
use crate::extract::{Json, NoBody};
use crate::problem::{Problem, ProblemBody};
use crate::v1::organisations::OrganisationRefView;
use crate::v1::types::Timestamp;
use crate::wallets::changes;

/// The bonus programme's offer a member joins by.
pub const OFFER_VERSION: &str = "2026-1";

/// The member who asks.
///
/// # Errors
/// 403 for anybody else.
pub fn myself(principal: &Principal) -> Result<MemberId, Problem> {
    principal.member().ok_or_else(Problem::forbidden)
}

/// Who a member is.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeView {
    #[schema(value_type = uuid::Uuid)]
    id: MemberId,
    membership_number: String,
    last_name: String,
    first_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    middle_name: Option<String>,
    /// `active`, `suspended` or `left`.
    status: &'static str,
    organisation: OrganisationRefView,
    /// The root of the tree: whose name the card bears.
    union: OrganisationRefView,
    joined_on: NaiveDate,
    /// How cards of the member's organisation look; the program's own look without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    design: Option<design::LookView>,
    /// Whether the member takes part in the bonus programme.
    enrolled: bool,
    /// The tier and the way to the next; where tiers are set.
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<TierView>,
    /// Frozen by finance: earns, but nothing can be spent or given away.
    frozen: bool,
    /// Whether a mail a day tells of cashback.
    daily_digest: bool,
    /// Whether mail tells ahead of points that will expire.
    expiry_notices: bool,
    /// `ru` or `en`.
    language: &'static str,
}

/// A member's tier.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MyTier)]
pub struct TierView {
    /// The tier held; null below the lowest.
    name: Option<String>,
    /// What is measured: `cashback` or `purchases`.
    #[schema(value_type = String)]
    measure: Measure,
    /// What the present period has so far.
    #[schema(value_type = String, example = "3200.00")]
    reached: Money,
    /// The last day before tiers are lowered next.
    until: NaiveDate,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<NextTierView>,
}

/// The next tier.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NextTier)]
struct NextTierView {
    name: String,
    /// What is missing to it in the present period.
    #[schema(value_type = String, example = "1800.00")]
    missing: Money,
}

impl From<tiers::MemberTier> for TierView {
    fn from(tier: tiers::MemberTier) -> Self {
        Self {
            name: tier.tier,
            measure: tier.measure,
            reached: tier.reached,
            until: tier.until,
            next: tier.next.map(|(name, missing)| NextTierView { name, missing }),
        }
    }
}

fn me(
    app: &App,
    connection: &mut PgConnection,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<MeView, Problem> {
    let found = members::find(connection, member)?;
    let union = organisations::root_of(connection, found.organisation.id)?;
    let look = design::of_organisation(connection, found.organisation.id)?;
    let standing = enrolments::standing(connection, member)?;
    let tier = tiers::of_member(connection, &app.books, member, now)?;
    let preferences = preferences::load(connection, member)?;
    let person = found.person;
    Ok(MeView {
        id: person.id,
        membership_number: person.membership_number,
        last_name: person.last_name,
        first_name: person.first_name,
        middle_name: Some(person.middle_name).filter(|name| !name.is_empty()),
        status: person.status.as_str(),
        organisation: (&found.organisation).into(),
        union: (&union).into(),
        joined_on: person.joined_on,
        design: look.as_ref().map(design::LookView::of),
        enrolled: standing.is_some_and(Standing::takes_part),
        tier: tier.filter(|_| standing.is_some()).map(TierView::from),
        frozen: standing.is_some_and(Standing::is_frozen),
        daily_digest: preferences.daily_digest,
        expiry_notices: preferences.expiry_notices,
        language: preferences.language.as_str(),
    })
}

/// Who I am.
#[utoipa::path(get, path = "/v1/me", tag = "member", responses((status = 200, description = "the member", body = MeView), (status = 401, description = "not signed in", body = ProblemBody)))]
pub async fn show(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
) -> Result<web::Json<MeView>, Problem> {
    let (member, now) = (myself(&principal)?, app.now());
    let shared = app.clone().into_inner();
    let view = app.into_inner().run(move |connection| me(&shared, connection, member, now)).await?;
    Ok(web::Json(view))
}

/// What a member may change about themselves.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeBody {
    /// Whether a mail a day tells of cashback.
    daily_digest: Option<bool>,
    /// Whether mail tells ahead of points that will expire.
    expiry_notices: Option<bool>,
    /// `ru` or `en`: the language of mail.
    #[schema(value_type = Option<String>)]
    language: Option<Tongue>,
}

/// Changes preferences.
#[utoipa::path(patch, path = "/v1/me", tag = "member", request_body = MeBody, responses((status = 200, description = "the member", body = MeView), (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn change(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<MeBody>,
) -> Result<web::Json<MeView>, Problem> {
    let (member, now) = (myself(&principal)?, app.now());
    let shared = app.clone().into_inner();
    let view = app
        .into_inner()
        .transaction(move |connection| {
            let before = preferences::load(connection, member)?;
            let after = Preferences {
                daily_digest: body.0.daily_digest.unwrap_or(before.daily_digest),
                language: body.0.language.unwrap_or(before.language),
                expiry_notices: body.0.expiry_notices.unwrap_or(before.expiry_notices),
            };
            preferences::save(connection, member, &after, now)?;
            me(&shared, connection, member, now)
        })
        .await?;
    Ok(web::Json(view))
}

/// Whether a member takes part.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnrolmentView {
    enrolled: bool,
    offer_version: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl From<enrolments::Enrolment> for EnrolmentView {
    fn from(enrolment: enrolments::Enrolment) -> Self {
        Self { enrolled: enrolment.enrolled, offer_version: enrolment.offer_version, at: enrolment.at.into() }
    }
}

/// Joins the bonus programme by its present offer.
#[utoipa::path(post, path = "/v1/me/enrolment", tag = "member", responses((status = 201, description = "takes part", body = EnrolmentView)))]
pub async fn enrol(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    _: NoBody,
) -> Result<HttpResponse, Problem> {
    let (member, now) = (myself(&principal)?, app.now());
    let enrolment = app
        .into_inner()
        .transaction(move |connection| {
            let enrolment = enrolments::enrol(connection, member, OFFER_VERSION, "page", now)?;
            changes::mark(connection, &[member])?;
            Ok(enrolment)
        })
        .await?;
    Ok(HttpResponse::Created().json(EnrolmentView::from(enrolment)))
}

/// Leaves the bonus programme: nothing is earned or spent any more; what is pending is still released.
#[utoipa::path(delete, path = "/v1/me/enrolment", tag = "member", responses((status = 200, description = "no longer takes part", body = EnrolmentView)))]
pub async fn leave(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
) -> Result<web::Json<EnrolmentView>, Problem> {
    let (member, now) = (myself(&principal)?, app.now());
    let enrolment = app
        .into_inner()
        .transaction(move |connection| {
            let left = enrolments::leave(connection, member, OFFER_VERSION, "page", now)?;
            changes::mark(connection, &[member])?;
            left.ok_or_else(Problem::not_found)
        })
        .await?;
    Ok(web::Json(enrolment.into()))
}
