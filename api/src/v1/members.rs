//! The register of members: searched, opened, added to, corrected. Where they belong is [`super::memberships`]' part.

use actix_web::{HttpRequest, HttpResponse, web};
use card_issuer::cards;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use shared_kernel::ids::MemberId;
use union_registry::fields::RawMember;
use union_registry::members::{self, Changes, Contacts, Member, Search, SearchKey};
use union_registry::{MemberStatus, consents, memberships};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::{Principal, contacts, scope};
use crate::extract::{IdPath, Json, Later, Query};
use crate::problem::{Problem, ProblemBody};
use crate::v1::cards::CardView;
use crate::v1::memberships::acted;
use crate::v1::organisations::OrganisationRefView;
use crate::v1::paging::{self, List};

/// A member in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Member)]
pub struct MemberView {
    #[schema(value_type = uuid::Uuid)]
    id: MemberId,
    membership_number: String,
    last_name: String,
    first_name: String,
    middle_name: String,
    birth_date: Option<NaiveDate>,
    /// `female` or `male`.
    sex: Option<&'static str>,
    /// `worker`, `student`, `pensioner` or `unspecified`.
    category: &'static str,
    position: String,
    /// `active`, `suspended` or `left`.
    status: &'static str,
    organisation: OrganisationRefView,
    joined_on: NaiveDate,
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        let person = member.person;
        Self {
            id: person.id,
            membership_number: person.membership_number,
            last_name: person.last_name,
            first_name: person.first_name,
            middle_name: person.middle_name,
            birth_date: person.birth_date,
            sex: person.sex.map(union_registry::Sex::as_str),
            category: person.category.as_str(),
            position: person.position,
            status: person.status.as_str(),
            organisation: (&member.organisation).into(),
            joined_on: person.joined_on,
        }
    }
}

/// A member's record.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberRecord {
    #[serde(flatten)]
    member: MemberView,
    phone: Option<String>,
    email: Option<String>,
    consent_on: Option<NaiveDate>,
    cards: Vec<CardView>,
    /// The member this record was found to be the same person as.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    merged_into: Option<MemberId>,
    /// Where the member belonged and when, the first first.
    history: Vec<StretchView>,
}

/// A stretch of time at an organisation.
#[derive(Debug, Serialize, ToSchema)]
struct StretchView {
    organisation: OrganisationRefView,
    /// `active` or `suspended`.
    status: &'static str,
    from: NaiveDate,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<NaiveDate>,
    /// How it began: `admitted`, `imported`, `transferred`, ...
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_reason: Option<String>,
    /// Why it began, in the words of whoever took the member back.
    #[serde(skip_serializing_if = "Option::is_none")]
    begin_words: Option<String>,
}

/// A page of members.
#[derive(Debug, Serialize, ToSchema)]
pub struct Members {
    items: Vec<MemberView>,
    next: Option<String>,
}

/// Which members.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MembersQuery {
    /// A membership number, an e-mail address or phone in full, or the beginnings of names in any order.
    query: Option<String>,
    /// Only the subtree of this organisation's code.
    organisation: Option<String>,
    /// `active`, `suspended` or `left`.
    #[param(value_type = Option<String>)]
    status: Option<MemberStatus>,
    /// 1 to 200; 50 unless said.
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Members of one's subtree, by name.
#[utoipa::path(get, path = "/v1/members", tag = "office", params(MembersQuery), responses(
    (status = 200, description = "a page of members", body = Members),
    (status = 404, description = "`organisation` is none, or not yours", body = ProblemBody)))]
pub async fn list(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<MembersQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.0;
    let limit = paging::limit(query.limit)?;
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let after: Option<(String, MemberId)> = list.after(query.after.as_deref())?;
    let after = after.map(|(name, id)| SearchKey { name, id });
    let asking = principal.clone();
    let inner = app.clone().into_inner();
    let page = app
        .into_inner()
        .run(move |connection| {
            let within = match query.organisation {
                Some(code) => Some(scope::organisation(connection, &asking, &code)?.organisation.code),
                None => scope::root(&asking)?,
            };
            let text = query.query.filter(|text| !text.trim().is_empty());
            let search = Search { text, within, status: query.status };
            let page = members::search(connection, &inner.derived.sealer, &search, after.as_ref(), limit)?;
            let shown = page.items.iter().map(|member| member.person.id);
            inner.auth.audit.listed(connection, inner.now(), &asking.key(), shown)?;
            Ok(page)
        })
        .await?;
    let next = page.next.map(|key| (key.name, key.id));
    let items = page.items.into_iter().map(MemberView::from).collect();
    Ok(list.answer(&shared_kernel::paging::Page { items, next }))
}

/// A member's record as the office sees it.
///
/// # Errors
/// The database's.
pub fn record(
    app: &App,
    connection: &mut PgConnection,
    member: Member,
    now: DateTime<Utc>,
) -> Result<MemberRecord, Problem> {
    let id = member.person.id;
    let Contacts { phone, email } =
        member.person.contacts(&app.derived.sealer).map_err(|error| Problem::internal(&error))?;
    let consent =
        consents::of_member(connection, id)?.into_iter().find(|consent| consent.withdrawn_at.is_none());
    let history = memberships::history(connection, id)?
        .into_iter()
        .map(|stretch| StretchView {
            organisation: (&stretch.organisation).into(),
            status: stretch.standing.as_str(),
            from: stretch.from_on,
            until: stretch.until_on,
            reason: stretch.reason.as_str(),
            end_reason: stretch.end_reason,
            begin_words: stretch.begin_words,
        })
        .collect();
    Ok(MemberRecord {
        phone,
        email,
        consent_on: consent.map(|consent| union_registry::day_of(consent.given_at)),
        cards: cards::of_member(connection, id)?.iter().map(|card| CardView::new(card, now)).collect(),
        merged_into: member.person.merged_into,
        history,
        member: member.into(),
    })
}

/// A member's record.
#[utoipa::path(get, path = "/v1/members/{id}", tag = "office", params(("id" = String, Path)), responses(
    (status = 200, description = "the record", body = MemberRecord),
    (status = 404, description = "none, or not yours", body = ProblemBody)))]
pub async fn show(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<MemberId>,
) -> Result<web::Json<MemberRecord>, Problem> {
    let (principal, now) = (principal.into_inner(), app.now());
    let shared = app.clone().into_inner();
    let found = app
        .into_inner()
        .transaction(move |connection| {
            let member = scope::member(connection, &principal, id.0)?;
            shared.auth.audit.append(connection, now, &principal.key(), "member.read", &id.0.to_string())?;
            record(&shared, connection, member, now)
        })
        .await?;
    Ok(web::Json(found))
}

/// A new member: the columns of the import.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberBody {
    membership_number: String,
    organisation_code: String,
    last_name: String,
    first_name: String,
    middle_name: Option<String>,
    /// `female` or `male`.
    sex: Option<String>,
    birth_date: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    /// `worker`, `student`, `pensioner`, or none.
    category: Option<String>,
    position: Option<String>,
    joined_on: String,
    consent_on: Option<String>,
}

impl MemberBody {
    fn raw(&self) -> RawMember<'_> {
        fn text(field: &Option<String>) -> &str {
            field.as_deref().unwrap_or_default()
        }
        RawMember {
            membership_number: &self.membership_number,
            organisation_code: &self.organisation_code,
            last_name: &self.last_name,
            first_name: &self.first_name,
            middle_name: text(&self.middle_name),
            sex: text(&self.sex),
            birth_date: text(&self.birth_date),
            phone: text(&self.phone),
            email: text(&self.email),
            category: text(&self.category),
            position: text(&self.position),
            joined_on: &self.joined_on,
            consent_on: text(&self.consent_on),
        }
    }
}

/// Admits a member and issues the virtual card, both or neither.
#[utoipa::path(post, path = "/v1/members", tag = "office", request_body = MemberBody, responses(
    (status = 201, description = "the record", body = MemberRecord),
    (status = 409, description = "the membership number is taken", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn admit(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<MemberBody>,
) -> Result<HttpResponse, Problem> {
    let (principal, now) = (principal.into_inner(), app.now());
    let shared = app.clone().into_inner();
    let view = app
        .into_inner()
        .transaction(move |connection| {
            scope::organisation_at(
                connection,
                &principal,
                (&body.0.organisation_code, "#/organisation_code"),
            )?;
            let member = members::admit(connection, &shared.derived.sealer, &body.0.raw(), now)?;
            let by = principal.key();
            let new = cards::NewCard::own(member.person.id, cards::CardKind::Virtual, Some(&by));
            cards::order(connection, &shared.derived.issuer, &new, now)?;
            let id = member.person.id.to_string();
            shared.auth.audit.append(connection, now, &by, "member.admitted", &id)?;
            record(&shared, connection, member, now)
        })
        .await?;
    Ok(HttpResponse::Created()
        .insert_header(("Location", format!("/v1/members/{}", view.member.id)))
        .json(view))
}

/// What to correct; what is left out stays, an empty text clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberChanges {
    last_name: Option<String>,
    first_name: Option<String>,
    middle_name: Option<String>,
    sex: Option<String>,
    birth_date: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    category: Option<String>,
    position: Option<String>,
}

/// Corrects a record. With another e-mail address or phone the member signs in anew, and is told at the address so far.
#[utoipa::path(patch, path = "/v1/members/{id}", tag = "office", params(("id" = String, Path)), request_body = MemberChanges, responses(
    (status = 200, description = "the record", body = MemberRecord),
    (status = 404, description = "none, or not yours", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn change(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<MemberId>,
    body: Later<Json<MemberChanges>>,
) -> Result<web::Json<MemberRecord>, Problem> {
    let sealing = app.clone().into_inner();
    acted(app, principal.into_inner(), (id.0, "member.changed"), move |connection, _, now| {
        let body = body?.0;
        let before = members::find(connection, id.0)?.person;
        let changes = Changes {
            last_name: body.last_name.as_deref(),
            first_name: body.first_name.as_deref(),
            middle_name: body.middle_name.as_deref(),
            sex: body.sex.as_deref(),
            birth_date: body.birth_date.as_deref(),
            phone: body.phone.as_deref(),
            email: body.email.as_deref(),
            category: body.category.as_deref(),
            position: body.position.as_deref(),
        };
        let after = members::update(connection, &sealing.derived.sealer, id.0, &changes, now)?.person;
        contacts::changed(&sealing, connection, (&before, &after), now)
    })
    .await
}
