//! The organisations' tree: browsed, added to, counted.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use shared_kernel::ids::OrganisationId;
use shared_kernel::paging::Page;
use union_registry::fields::{self, RawOrganisation};
use union_registry::organisations::{self, Filter, Listed, OrganisationRef};
use union_registry::statistics::{self, Statistics};
use union_registry::upkeep::{self, Changes};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::{Principal, scope};
use crate::extract::{IdPath, Json, Later, Query};
use crate::problem::{Problem, ProblemBody};
use crate::v1::paging::{self, List};

/// An organisation by code and name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrganisationRef)]
pub struct OrganisationRefView {
    code: String,
    name: String,
}

impl From<&OrganisationRef> for OrganisationRefView {
    fn from(organisation: &OrganisationRef) -> Self {
        Self { code: organisation.code.clone(), name: organisation.name.clone() }
    }
}

/// An organisation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Organisation)]
pub struct OrganisationView {
    code: String,
    name: String,
    /// `central`, `regional`, `territorial`, `primary` or `group`.
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region_code: Option<String>,
    /// Members of its whole subtree.
    members: i64,
    /// Organisations right below.
    children: i64,
    /// The first day it is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_on: Option<NaiveDate>,
}

impl From<Listed> for OrganisationView {
    fn from(listed: Listed) -> Self {
        let organisation = listed.organisation;
        Self {
            parent_code: organisation.path.parent().map(str::to_owned),
            code: organisation.code,
            name: organisation.name,
            kind: organisation.kind.as_str(),
            inn: organisation.inn,
            region_code: organisation.region_code,
            members: listed.members,
            children: listed.children,
            closed_on: organisation.closed_on,
        }
    }
}

/// A page of organisations.
#[derive(Debug, Serialize, ToSchema)]
pub struct Organisations {
    items: Vec<OrganisationView>,
    next: Option<String>,
}

/// Which organisations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrganisationsQuery {
    /// Only those right below this code.
    parent: Option<String>,
    /// Only those whose name or code contains this text.
    query: Option<String>,
    /// 1 to 200; 50 unless said.
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Organisations of one's subtree, by code.
#[utoipa::path(get, path = "/v1/organisations", tag = "office", params(OrganisationsQuery), responses(
    (status = 200, description = "a page of organisations", body = Organisations),
    (status = 404, description = "`parent` is none, or not yours", body = ProblemBody)))]
pub async fn list(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<OrganisationsQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.0;
    let limit = paging::limit(query.limit)?;
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let after: Option<String> = list.after(query.after.as_deref())?;
    let asking = principal.clone();
    let page = app
        .into_inner()
        .run(move |connection| {
            let parent = match query.parent {
                Some(code) => Some(scope::organisation(connection, &asking, &code)?.organisation.id),
                None => None,
            };
            let filter = Filter { within: scope::root(&asking)?, parent, query: query.query };
            Ok(organisations::list(connection, &filter, after.as_deref(), limit)?)
        })
        .await?;
    let page: Page<OrganisationView, String> = page.map(OrganisationView::from);
    Ok(list.answer(&page))
}

/// One organisation.
#[utoipa::path(get, path = "/v1/organisations/{code}", tag = "office", params(("code" = String, Path)), responses(
    (status = 200, description = "the organisation", body = OrganisationView),
    (status = 404, description = "none, or not yours", body = ProblemBody)))]
pub async fn show(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    code: IdPath<String>,
) -> Result<web::Json<OrganisationView>, Problem> {
    let principal = principal.into_inner();
    let found =
        app.into_inner().run(move |connection| scope::organisation(connection, &principal, &code.0)).await?;
    Ok(web::Json(found.into()))
}

/// A new organisation: the columns of the import.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganisationBody {
    code: String,
    name: String,
    /// `central`, `regional`, `territorial`, `primary` or `group`.
    kind: String,
    /// The organisation above; none for a root.
    parent_code: Option<String>,
    inn: Option<String>,
    region_code: Option<String>,
}

/// Adds an organisation below one of one's subtree; a root by an administrator of all roots.
#[utoipa::path(post, path = "/v1/organisations", tag = "office", request_body = OrganisationBody, responses(
    (status = 201, description = "the organisation", body = OrganisationView),
    (status = 409, description = "the code is taken", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn create(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<OrganisationBody>,
) -> Result<HttpResponse, Problem> {
    let (principal, body, now) = (principal.into_inner(), body.0, app.now());
    let shared = app.clone().into_inner();
    let view: OrganisationView = app
        .into_inner()
        .transaction(move |connection| {
            match &body.parent_code {
                Some(parent) => {
                    scope::organisation_at(connection, &principal, (parent, "#/parent_code"))?;
                }
                None if scope::root(&principal)?.is_some() => return Err(Problem::forbidden()),
                None => {}
            }
            let raw = RawOrganisation {
                code: &body.code,
                name: &body.name,
                kind: &body.kind,
                parent_code: body.parent_code.as_deref().unwrap_or_default(),
                inn: body.inn.as_deref().unwrap_or_default(),
                region_code: body.region_code.as_deref().unwrap_or_default(),
            };
            let checked = fields::organisation(&raw).map_err(union_registry::RegistryError::Invalid)?;
            organisations::create(connection, &checked, now)?;
            shared.auth.audit.append(
                connection,
                now,
                &principal.key(),
                "organisation.created",
                &checked.code,
            )?;
            Ok(scope::organisation(connection, &principal, &body.code)?.into())
        })
        .await?;
    Ok(HttpResponse::Created()
        .insert_header(("Location", format!("/v1/organisations/{}", view.code)))
        .json(view))
}

/// What to correct; what is left out stays, an empty text clears what may be empty.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganisationChanges {
    name: Option<String>,
    /// `central`, `regional`, `territorial`, `primary` or `group`.
    kind: Option<String>,
    inn: Option<String>,
    region_code: Option<String>,
}

/// Corrects an organisation; its code and place in the tree stay.
#[utoipa::path(patch, path = "/v1/organisations/{code}", tag = "office", params(("code" = String, Path)), request_body = OrganisationChanges, responses(
    (status = 200, description = "the organisation", body = OrganisationView),
    (status = 404, description = "none, or not yours", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn change(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    code: IdPath<String>,
    body: Later<Json<OrganisationChanges>>,
) -> Result<web::Json<OrganisationView>, Problem> {
    kept_up(app, principal.into_inner(), (code.0, "organisation.changed"), move |connection, id, now| {
        let body = body?.0;
        let changes = Changes {
            name: body.name.as_deref(),
            kind: body.kind.as_deref(),
            inn: body.inn.as_deref(),
            region_code: body.region_code.as_deref(),
        };
        Ok(upkeep::update(connection, id, &changes, now)?)
    })
    .await
}

/// From which day an organisation is closed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseBody {
    /// The first day it is closed: today or earlier.
    on: NaiveDate,
}

/// Closes an organisation that nobody belongs to any more, and below which nothing is open: nobody is admitted to it or
/// moved there again; statistics of days before still count it.
#[utoipa::path(post, path = "/v1/organisations/{code}/close", tag = "office", params(("code" = String, Path)), request_body = CloseBody, responses(
    (status = 200, description = "the organisation", body = OrganisationView),
    (status = 404, description = "none, or not yours", body = ProblemBody),
    (status = 409, description = "`organisation-closed`, `organisation-not-empty`, `import-running`", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn close(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    code: IdPath<String>,
    body: Later<Json<CloseBody>>,
) -> Result<web::Json<OrganisationView>, Problem> {
    kept_up(app, principal.into_inner(), (code.0, "organisation.closed"), move |connection, id, now| {
        Ok(upkeep::close(connection, id, body?.0.on, now)?)
    })
    .await
}

/// Does something to an organisation of one's subtree in one transaction, writes down who did it, and answers it as it
/// is then.
async fn kept_up<F>(
    app: web::Data<App>,
    principal: Principal,
    (code, action): (String, &'static str),
    act: F,
) -> Result<web::Json<OrganisationView>, Problem>
where
    F: FnOnce(&mut PgConnection, OrganisationId, DateTime<Utc>) -> Result<(), Problem> + Send + 'static,
{
    let now = app.now();
    let shared = app.clone().into_inner();
    let view = app
        .into_inner()
        .transaction(move |connection| {
            let found = scope::organisation(connection, &principal, &code)?.organisation;
            act(connection, found.id, now)?;
            shared.auth.audit.append(connection, now, &principal.key(), action, &found.code)?;
            Ok(scope::organisation(connection, &principal, &found.code)?.into())
        })
        .await?;
    Ok(web::Json(view))
}

/// A subtree's figures on a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Statistics)]
pub struct StatisticsView {
    /// The code of the subtree's root.
    organisation: String,
    on: NaiveDate,
    organisations: LevelsView,
    members: CategoriesView,
}

/// Organisations by level, the root included.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrganisationCounts)]
struct LevelsView {
    central: i64,
    regional: i64,
    territorial: i64,
    primary: i64,
    group: i64,
}

/// Members by category: `total` is the four together; `women` and `youth_35` are of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MemberCounts)]
struct CategoriesView {
    total: i64,
    worker: i64,
    student: i64,
    pensioner: i64,
    unspecified: i64,
    women: i64,
    youth_35: i64,
}

impl From<Statistics> for StatisticsView {
    fn from(figures: Statistics) -> Self {
        let (levels, members) = (figures.organisations, figures.members);
        Self {
            organisation: figures.organisation,
            on: figures.on,
            organisations: LevelsView {
                central: levels.central,
                regional: levels.regional,
                territorial: levels.territorial,
                primary: levels.primary,
                group: levels.group,
            },
            members: CategoriesView {
                total: members.total,
                worker: members.worker,
                student: members.student,
                pensioner: members.pensioner,
                unspecified: members.unspecified,
                women: members.women,
                youth_35: members.youth_35,
            },
        }
    }
}

/// On which day.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DayQuery {
    /// The day; today unless said.
    on: Option<NaiveDate>,
}

/// A subtree's figures on a day.
#[utoipa::path(get, path = "/v1/organisations/{code}/statistics", tag = "office", params(("code" = String, Path), DayQuery), responses(
    (status = 200, description = "the figures", body = StatisticsView),
    (status = 404, description = "none, or not yours", body = ProblemBody)))]
pub async fn statistics(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    code: IdPath<String>,
    query: Query<DayQuery>,
) -> Result<web::Json<StatisticsView>, Problem> {
    let principal = principal.into_inner();
    let on = query.0.on.unwrap_or_else(|| union_registry::day_of(app.now()));
    let figures = app
        .into_inner()
        .run(move |connection| {
            scope::organisation(connection, &principal, &code.0)?;
            Ok(statistics::of_subtree(connection, &code.0, on)?)
        })
        .await?;
    Ok(web::Json(figures.into()))
}
