//! Imports over the API: taken at once, worked off in the background, reported row by row.

use std::collections::BTreeMap;

use actix_multipart::Multipart;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Principal, scope};
use crate::extract::{IdPath, Query};
use crate::files::imports::{ImportKind, rejected_beside};
use crate::files::{import_queue, rejected_rows, upload};
use crate::problem::{Language, Problem, ProblemBody};
use crate::v1::files::{self, Started};
use crate::v1::me::money::PageQuery;
use crate::v1::paging::{self, List};
use crate::v1::types::Timestamp;

/// A file of organisations, members or other numbers of cards.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code, reason = "only describes the form in the OpenAPI document")]
pub struct ImportForm {
    /// CSV (UTF-8 or Windows-1251) or XLSX.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// `organisations`, `members` or `aliases` (columns `alias`, `membership_number`).
    kind: String,
    /// `true` mails the new members their card.
    notify: Option<String>,
}

/// Takes a file in; the work goes on in the background.
#[utoipa::path(post, path = "/v1/imports", tag = "office", request_body(content = ImportForm, content_type = "multipart/form-data"), responses(
    (status = 202, description = "taken", body = Started),
    (status = 403, description = "organisations come in from an administrator or registrar of all roots", body = ProblemBody),
    (status = 413, description = "longer than a gibibyte", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn upload(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    body: Multipart,
) -> Result<HttpResponse, Problem> {
    let within = scope::root(&principal)?;
    let staff = principal.staff().map(|staff| staff.staff).ok_or_else(Problem::forbidden)?;
    let upload = upload::receive(&app, &request, body, "imports").await?;
    let checked = checked(&upload, within.as_deref());
    let (kind, notify) = checked.inspect_err(|_| upload.discard())?;
    let now = app.now();
    let id = app
        .clone()
        .into_inner()
        .run(move |connection| import_queue::add(connection, &upload, (kind, notify, within), staff, now))
        .await?;
    Ok(files::accepted("/v1/imports", id))
}

fn checked(upload: &upload::Upload, within: Option<&str>) -> Result<(ImportKind, bool), Problem> {
    upload.only(&["kind", "notify"])?;
    let kind: ImportKind = upload.required("kind")?.parse().map_err(|_| {
        Problem::invalid_field(
            "#/kind",
            "must be organisations, members or aliases",
            "organisations, members или aliases",
        )
    })?;
    let notify = match upload.fields.get("notify").map(String::as_str) {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Problem::invalid_field("#/notify", "must be true or false", "true или false")),
    };
    if kind == ImportKind::Organisations && within.is_some() {
        return Err(Problem::forbidden());
    }
    Ok((kind, notify))
}

/// What is told of an import once it is done.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportCounts {
    /// Rows in the file.
    read: Option<i64>,
    created: Option<i64>,
    updated: Option<i64>,
    unchanged: Option<i64>,
    rejected: Option<i64>,
    /// How many rows were rejected for each reason.
    reasons: Option<BTreeMap<String, i64>>,
    seconds: Option<f64>,
}

/// How an import goes, or went.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Import)]
pub struct ImportView {
    id: Uuid,
    /// `organisations`, `members` or `aliases`.
    kind: String,
    file_name: String,
    /// `queued`, `running`, `done` or `failed`.
    status: String,
    /// `read`, `created`, `updated`, `unchanged`, `rejected`, `reasons` and `seconds`, once done.
    #[serde(flatten)]
    #[schema(value_type = ImportCounts)]
    report: serde_json::Map<String, serde_json::Value>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Why the file as a whole was not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl ImportView {
    fn new(import: import_queue::Import, language: Language) -> Self {
        let report = match import.report {
            Some(serde_json::Value::Object(report)) => report,
            _ => serde_json::Map::new(),
        };
        Self {
            id: import.id,
            kind: import.kind,
            file_name: import.file_name,
            status: import.status,
            report,
            created_at: import.created_at.into(),
            problem: import.not_taken.map(|cause| cause.told(language)),
        }
    }
}

/// A page of imports.
#[derive(Debug, Serialize, ToSchema)]
pub struct Imports {
    items: Vec<ImportView>,
    next: Option<String>,
}

/// Imports, the newest first: all of them, or those into one's own subtree.
#[utoipa::path(get, path = "/v1/imports", tag = "office", params(PageQuery), responses(
    (status = 200, description = "a page of imports", body = Imports),
    (status = 422, description = "wrong limit or cursor", body = ProblemBody)))]
pub async fn list(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (limit, language) = (paging::limit(query.0.limit)?, Language::of(&request));
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let after: Option<Uuid> = list.after(query.0.after.as_deref())?;
    let within = scope::root(&principal)?;
    let page = app
        .into_inner()
        .run(move |connection| Ok(import_queue::list(connection, within.as_deref(), after, limit)?))
        .await?;
    Ok(list.answer(&page.map(|import| ImportView::new(import, language))))
}

async fn found(
    app: web::Data<App>,
    principal: &Principal,
    id: Uuid,
) -> Result<import_queue::Import, Problem> {
    let within = scope::root(principal)?;
    app.into_inner()
        .run(move |connection| {
            let import = import_queue::find(connection, id)?.ok_or_else(Problem::not_found)?;
            // A registrar of a subtree sees the imports made into that very subtree.
            if within.is_some() && within != import.within { Err(Problem::not_found()) } else { Ok(import) }
        })
        .await
}

/// The same for the rows it refused, which are of people: who looks at them is written down.
async fn found_with_rows(
    app: web::Data<App>,
    principal: &Principal,
    id: Uuid,
) -> Result<import_queue::Import, Problem> {
    let import = found(app.clone(), principal, id).await?;
    let (shared, reader, now) = (app.clone().into_inner(), principal.key(), app.now());
    app.into_inner()
        .run(move |connection| {
            Ok(shared.auth.audit.append(connection, now, &reader, "import.read", &id.to_string())?)
        })
        .await?;
    Ok(import)
}

/// How an import goes, or went.
#[utoipa::path(get, path = "/v1/imports/{id}", tag = "office", params(("id" = String, Path)), responses(
    (status = 200, description = "its state and counts", body = ImportView),
    (status = 404, description = "none, or not yours", body = ProblemBody)))]
pub async fn show(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    id: IdPath<Uuid>,
) -> Result<web::Json<ImportView>, Problem> {
    let import = found(app, &principal, id.0).await?;
    Ok(web::Json(ImportView::new(import, Language::of(&request))))
}

/// A refused row.
#[derive(Debug, Serialize, ToSchema)]
pub struct RejectedView {
    /// Its line in the file, the header's being 1.
    pub line: u64,
    /// Why, as stable words.
    pub reasons: Vec<String>,
    /// Its cells as they came.
    pub row: Vec<String>,
}

/// A page of refused rows.
#[derive(Debug, Serialize, ToSchema)]
pub struct RejectedRows {
    items: Vec<RejectedView>,
    next: Option<String>,
}

/// The rows an import refused, in the order they were refused.
#[utoipa::path(get, path = "/v1/imports/{id}/rejected", tag = "office", params(("id" = String, Path), PageQuery), responses(
    (status = 200, description = "a page of refused rows", body = RejectedRows),
    (status = 404, description = "none, or not yours", body = ProblemBody)))]
pub async fn rejected(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    id: IdPath<Uuid>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.0.limit)?;
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let after: Option<u64> = list.after(query.0.after.as_deref())?;
    let import = found_with_rows(app, &principal, id.0).await?;
    let page =
        web::block(move || rejected_rows::page(&rejected_beside(&import.path), after.unwrap_or(0), limit))
            .await
            .map_err(|error| Problem::internal(&error))?
            .map_err(|error| Problem::internal(&error))?;
    Ok(list.answer(&page))
}

/// The rows an import refused, as the CSV to mend and bring in again.
#[utoipa::path(get, path = "/v1/imports/{id}/rejected.csv", tag = "office", params(("id" = String, Path)), responses(
    (status = 200, description = "line, reasons and the original cells", content_type = "text/csv"),
    (status = 404, description = "none refused, or not yours", body = ProblemBody)))]
pub async fn rejected_csv(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<Uuid>,
) -> Result<HttpResponse, Problem> {
    let import = found_with_rows(app, &principal, id.0).await?;
    let path = rejected_beside(&import.path);
    let body = web::block(move || crate::files::stream(&path))
        .await
        .map_err(|error| Problem::internal(&error))?
        .map_err(|_| Problem::not_found())?;
    Ok(files::csv("rejected.csv", body))
}
