//! The wallets of others, registered by an administrator of all roots: who may ask members for what.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::auth::oauth::apps::{self, AppChanges, NewApp, WalletApp};
use crate::auth::oauth::{Scope, Scopes};
use crate::auth::{Principal, scope};
use crate::extract::{IdPath, Json, Later, NoBody, Query};
use crate::problem::{Problem, ProblemBody};
use crate::v1::me::money::PageQuery;
use crate::v1::paging::List;
use crate::v1::types::Timestamp;

/// An app to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WalletAppBody {
    /// What members read: 1 to 64 characters.
    name: String,
    /// Where codes may be sent, letter by letter: 1 to 10 https addresses; a public app's may be its own scheme with a
    /// dot in it, or http on 127.0.0.1 or [::1].
    #[schema(example = json!(["https://bank.example/unioncard"]))]
    redirect_uris: Vec<String>,
    /// What it may ask for at most: of `card`, `card:code`, `balance`.
    #[schema(value_type = Vec<String>, example = json!(["card", "card:code"]))]
    scopes: Vec<Scope>,
    /// It lives on phones and can keep no secret.
    #[serde(default)]
    public: bool,
}

/// What to change of an app; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WalletAppChanges {
    /// What members read: 1 to 64 characters.
    name: Option<String>,
    /// All of them, as at registering.
    redirect_uris: Option<Vec<String>>,
    /// All of them. What is no longer among them is closed at once, also where members allowed it.
    #[schema(value_type = Option<Vec<String>>)]
    scopes: Option<Vec<Scope>>,
}

/// A registered app.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WalletApp)]
pub struct WalletAppView {
    id: Uuid,
    /// What it signs in with.
    client_id: String,
    /// Told once, in the answer to registering or to renewing it; a public app has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    name: String,
    redirect_uris: Vec<String>,
    #[schema(value_type = Vec<String>)]
    scopes: Vec<Scope>,
    public: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Since when it may do nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
}

impl WalletAppView {
    fn new(app: WalletApp, client_secret: Option<String>) -> Self {
        Self {
            id: app.id,
            client_secret,
            redirect_uris: app.redirect_uris().map(str::to_owned).collect(),
            scopes: app.scope.iter().collect(),
            public: app.is_public(),
            created_at: app.created_at.into(),
            revoked_at: app.revoked_at.map(Timestamp),
            client_id: app.client_id,
            name: app.name,
        }
    }
}

/// All registered apps.
#[derive(Debug, Serialize, ToSchema)]
pub struct WalletApps {
    items: Vec<WalletAppView>,
    next: Option<String>,
}

fn at_least_one(scopes: Vec<Scope>) -> Result<Scopes, Problem> {
    Scopes::of(scopes)
        .ok_or_else(|| Problem::invalid_field("#/scopes", "at least one is needed", "нужно хотя бы одно"))
}

/// An administrator bound to an organisation answers for its people, not for the programme.
fn of_all_roots(principal: &Principal) -> Result<String, Problem> {
    match scope::root(principal)? {
        None => Ok(principal.key()),
        Some(_) => Err(Problem::forbidden()),
    }
}

/// Registers an app; its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/v1/wallet-apps", tag = "office", request_body = WalletAppBody, responses(
    (status = 201, description = "the app and its secret", body = WalletAppView),
    (status = 403, description = "bound to an organisation", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn create(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<WalletAppBody>,
) -> Result<HttpResponse, Problem> {
    let by = of_all_roots(&principal)?;
    let WalletAppBody { name, redirect_uris, scopes, public } = body.0;
    let scopes = at_least_one(scopes)?;
    let shared = app.clone().into_inner();
    let made = app
        .into_inner()
        .transaction(move |connection| {
            apps::create(&shared, connection, &NewApp { name, redirect_uris, scopes, public }, &by)
        })
        .await?;
    Ok(HttpResponse::Created().json(WalletAppView::new(made.app, made.client_secret)))
}

/// The registered apps, the newest first, the revoked included; there are never many.
#[utoipa::path(get, path = "/v1/wallet-apps", tag = "office", params(PageQuery), responses(
    (status = 200, description = "the apps", body = WalletApps),
    (status = 403, description = "bound to an organisation", body = ProblemBody),
    (status = 422, description = "wrong limit or cursor", body = ProblemBody)))]
pub async fn list(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    of_all_roots(&principal)?;
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let place = list.place(query.0.asked())?;
    let found = app.into_inner().run(|connection| Ok(apps::all(connection)?)).await?;
    Ok(list.answer(&place.of(found).map(|app| WalletAppView::new(app, None))))
}

/// Changes an app, for requests from now on.
#[utoipa::path(patch, path = "/v1/wallet-apps/{id}", tag = "office", params(("id" = String, Path)),
    request_body = WalletAppChanges, responses(
    (status = 200, description = "the app now", body = WalletAppView),
    (status = 403, description = "bound to an organisation", body = ProblemBody),
    (status = 404, description = "none", body = ProblemBody),
    (status = 409, description = "`app-revoked`", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn change(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<Uuid>,
    body: Later<Json<WalletAppChanges>>,
) -> Result<web::Json<WalletAppView>, Problem> {
    let by = of_all_roots(&principal)?;
    let shared = app.clone().into_inner();
    let changed = app
        .into_inner()
        .transaction(move |connection| {
            let before = apps::living(connection, id.0)?;
            let WalletAppChanges { name, redirect_uris, scopes } = body?.0;
            let scopes = scopes.map(at_least_one).transpose()?;
            let changes = AppChanges { name, redirect_uris, scopes };
            apps::change(&shared, connection, (before, changes), &by)
        })
        .await?;
    Ok(web::Json(WalletAppView::new(changed, None)))
}

/// Gives an app another secret, which is in this answer and nowhere else. The one before opens nothing from now on; what
/// members allowed goes on.
#[utoipa::path(post, path = "/v1/wallet-apps/{id}/secret", tag = "office", params(("id" = String, Path)), responses(
    (status = 201, description = "the app and its secret", body = WalletAppView),
    (status = 403, description = "bound to an organisation", body = ProblemBody),
    (status = 404, description = "none", body = ProblemBody),
    (status = 409, description = "`app-revoked`, `app-public`", body = ProblemBody)))]
pub async fn renew_secret(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<Uuid>,
    body: Later<NoBody>,
) -> Result<HttpResponse, Problem> {
    let by = of_all_roots(&principal)?;
    let shared = app.clone().into_inner();
    let renewed = app
        .into_inner()
        .transaction(move |connection| {
            let before = apps::living(connection, id.0)?;
            body?;
            apps::renew_secret(&shared, connection, &before, &by)
        })
        .await?;
    Ok(HttpResponse::Created().json(WalletAppView::new(renewed.app, renewed.client_secret)))
}

/// Revokes an app: all its tokens are refused from now on, for ever.
#[utoipa::path(delete, path = "/v1/wallet-apps/{id}", tag = "office", params(("id" = String, Path)), responses(
    (status = 204, description = "revoked"),
    (status = 403, description = "bound to an organisation", body = ProblemBody),
    (status = 404, description = "none", body = ProblemBody)))]
pub async fn revoke(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<Uuid>,
) -> Result<HttpResponse, Problem> {
    let by = of_all_roots(&principal)?;
    let shared = app.clone().into_inner();
    app.into_inner()
        .transaction(move |connection| {
            apps::revoke(&shared, connection, id.0, &by)?.map(drop).ok_or_else(Problem::not_found)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
