//! A wallet asks for a member's card: the page where the member allows or refuses it (RFC 6749 §4.1, PKCE with S256 alone).
//!
//! The app's address brings the browser to the page. The page is ours and static, so that cookies that go nowhere from
//! other sites (`SameSite=Strict`) still tell it who is signed in; what it shows and what it sends go through two routes
//! of their own, each of which judges the app's request anew.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Principal;
use crate::auth::oauth::request::{Asked, Checked, Refusal};
use crate::auth::oauth::{Scope, grants};
use crate::extract::Json;
use crate::pages;
use crate::problem::{Problem, ProblemBody};
use crate::v1::me::myself;

/// Judges an app's request as of now.
async fn checked(app: &web::Data<App>, query: String) -> Result<Result<Checked, Refusal>, Problem> {
    let issuer = app.settings.public_url();
    app.clone()
        .into_inner()
        .run(move |connection| Ok(Asked::of_query(&query).check(connection, &issuer)?))
        .await
}

/// The page where a member allows an app to show their card. An app that isn't known, or an address that isn't its own,
/// is told on the page alone; whatever else is wrong with the request goes back to the app.
#[utoipa::path(get, path = "/v1/oauth/authorize", tag = "sign-in", params(
    ("response_type" = String, Query, description = "`code`"),
    ("client_id" = String, Query),
    ("redirect_uri" = String, Query, description = "one of the app's addresses, letter by letter"),
    ("scope" = String, Query, description = "of `card`, `card:code` and `balance`, with blanks between them"),
    ("state" = Option<String>, Query, description = "given back as it came"),
    ("code_challenge" = String, Query, description = "SHA-256 of the verifier in base64url"),
    ("code_challenge_method" = String, Query, description = "`S256`")), responses(
    (status = 200, description = "the page", content_type = "text/html"),
    (status = 303, description = "back to the app with `error`, `state` and `iss`"),
    (status = 400, description = "the page, which says what is wrong", content_type = "text/html"),
))]
pub async fn page(app: web::Data<App>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    match checked(&app, request.query_string().to_owned()).await? {
        Ok(_) => pages::consent(&request, StatusCode::OK),
        Err(Refusal::Here(_)) => pages::consent(&request, StatusCode::BAD_REQUEST),
        Err(Refusal::There(address)) => {
            Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, address)).finish())
        }
    }
}

/// What an app asks a member for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Consent)]
pub struct ConsentView {
    /// The app's name, as an administrator entered it.
    app: String,
    /// What it asks for.
    #[schema(value_type = Vec<String>, example = json!(["card", "card:code"]))]
    scopes: Vec<Scope>,
    /// Where the browser goes when the member refuses: the app's address, with `access_denied`.
    refused: String,
}

/// What an app asks for, for the page; the parameters are those of the page's own address.
#[utoipa::path(get, path = "/v1/oauth/consent", tag = "sign-in", params(
    ("response_type" = String, Query), ("client_id" = String, Query), ("redirect_uri" = String, Query),
    ("scope" = String, Query), ("state" = Option<String>, Query), ("code_challenge" = String, Query),
    ("code_challenge_method" = String, Query)), responses(
    (status = 200, description = "who asks for what", body = ConsentView),
    (status = 400, description = "the request is wrong, and how", body = ProblemBody)))]
pub async fn consent(app: web::Data<App>, request: HttpRequest) -> Result<web::Json<ConsentView>, Problem> {
    let checked = told_here(checked(&app, request.query_string().to_owned()).await?)?;
    Ok(web::Json(ConsentView {
        scopes: checked.asked_for(),
        refused: checked.refused(&app.settings.public_url()),
        app: checked.app.name,
    }))
}

/// The member's word.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowBody {
    /// What the app asked, as it stands in the page's address, without its `?`.
    query: String,
}

/// Where to go now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Allowed)]
pub struct AllowedView {
    /// The app's address, with the code, `state` and `iss`.
    redirect_to: String,
}

/// Allows an app what it asks for; the code in the answer lives 60 seconds and works once.
#[utoipa::path(post, path = "/v1/oauth/authorize", tag = "sign-in", request_body = AllowBody, responses(
    (status = 200, description = "allowed", body = AllowedView),
    (status = 400, description = "the request is wrong, and how", body = ProblemBody),
    (status = 422, description = "no request", body = ProblemBody)))]
pub async fn allow(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<AllowBody>,
) -> Result<web::Json<AllowedView>, Problem> {
    let (member, issuer) = (myself(&principal)?, app.settings.public_url());
    let checked = told_here(checked(&app, body.0.query).await?)?;
    let shared = app.clone().into_inner();
    let redirect_to = app
        .into_inner()
        .transaction(move |connection| {
            let code = grants::consent(&shared, connection, &checked, member)?;
            Ok(checked.allowed(&code, &issuer))
        })
        .await?;
    Ok(web::Json(AllowedView { redirect_to }))
}

/// On the page everything is told here: the browser was sent back already where it could be.
fn told_here(checked: Result<Checked, Refusal>) -> Result<Checked, Problem> {
    checked.map_err(|refusal| match refusal {
        Refusal::Here(problem) => problem,
        Refusal::There(_) => Problem::malformed(
            "the app's request is wrong: GET /v1/oauth/authorize tells it how",
            "Запрос приложения составлен неверно",
        )
        .oauth("invalid_request"),
    })
}
