//! Partners' registers: uploaded, settled in the background against the ledger, reported row by row.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;

use actix_multipart::Multipart;
use actix_web::{HttpRequest, HttpResponse, web};
use cashback_engine::reconciliation::{self, NewRegister, Outcome, RegisterMode, RegisterView, RowView};
use cashback_engine::rules::Book;
use cashback_engine::{PartnerId, RegisterId, partners};
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use shared_kernel::money::Money;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::App;
use crate::auth::Principal;
use crate::extract::{IdPath, Query};
use crate::files::{registers, stream, upload};
use crate::problem::{Problem, ProblemBody};
use crate::v1::files::{self, Started};
use crate::v1::me::money::PageQuery;
use crate::v1::paging::{self, List};
use crate::v1::types::Timestamp;

/// A partner's register.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code, reason = "only describes the form in the OpenAPI document")]
pub struct RegisterForm {
    /// CSV with the columns outlet, receipt, occurred_at, card_number, amount, category, kind, reference.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// `post` (unless said): what is missing is posted; `compare`: nothing is.
    mode: Option<String>,
    /// The partner's code; staff of the union say it.
    partner: Option<String>,
}

/// Takes a register in; the rows are settled in the background.
#[utoipa::path(post, path = "/v1/registers", tag = "partner", request_body(content = RegisterForm, content_type = "multipart/form-data"), responses(
    (status = 202, description = "taken", body = Started),
    (status = 413, description = "longer than a gibibyte", body = ProblemBody),
    (status = 422, description = "wrong fields, or a file that can't be used as a whole", body = ProblemBody)))]
pub async fn upload(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    body: Multipart,
) -> Result<HttpResponse, Problem> {
    let upload = upload::receive(&app, &request, body, "registers").await?;
    let (own, by, now) = (principal.partner(), sender(&principal)?, app.now());
    let id = app
        .clone()
        .into_inner()
        .run(move |connection| taken(connection, &upload, (own, by), now).inspect_err(|_| upload.discard()))
        .await?;
    Ok(files::accepted("/v1/registers", id.0))
}

/// Stores an upload's rows for its partner: the sender's own, or the one staff of the union name.
fn taken(
    connection: &mut PgConnection,
    upload: &upload::Upload,
    (own, by): (Option<PartnerId>, Uuid),
    now: DateTime<Utc>,
) -> Result<RegisterId, Problem> {
    upload.only(&["mode", "partner"])?;
    let mode: RegisterMode = upload
        .fields
        .get("mode")
        .map_or("post", String::as_str)
        .parse()
        .map_err(|_| Problem::invalid_field("#/mode", "must be post or compare", "post или compare"))?;
    let partner = match (own, upload.fields.get("partner")) {
        (Some(own), None) => own,
        (Some(_), Some(_)) => {
            return Err(Problem::invalid_field("#/partner", "is unknown", "неизвестное поле"));
        }
        (None, _) => partners::find(connection, upload.required("partner")?)?
            .map(|partner| partner.id)
            .ok_or_else(|| Problem::invalid_field("#/partner", "is no partner", "такого партнёра нет"))?,
    };
    let file_name = upload.file_name.clone();
    let new = NewRegister { partner, file_name, mode, history: false, created_by: by };
    let file = File::open(&upload.path).map_err(|error| Problem::internal(&error))?;
    Ok(reconciliation::create_register(connection, &new, BufReader::new(file), now)?)
}

fn sender(principal: &Principal) -> Result<Uuid, Problem> {
    match principal {
        Principal::Client { client, .. } => Ok(*client),
        Principal::Staff(staff) => Ok(staff.staff),
        Principal::Member { .. } | Principal::Wallet { .. } => Err(Problem::forbidden()),
    }
}

/// A register.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Register)]
pub struct RegisterItem {
    id: Uuid,
    /// The partner's code.
    partner: String,
    file_name: String,
    /// `post` or `compare`.
    mode: &'static str,
    /// `queued`, `running`, `done` or `failed`.
    status: &'static str,
    /// Rows in the file.
    rows: i64,
    /// Rows that have their outcome.
    done_rows: i64,
    /// How many rows ended in each outcome.
    outcomes: BTreeMap<&'static str, i64>,
    amounts: AmountsView,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Why it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// Sales less refunds on either side.
#[derive(Debug, Serialize, ToSchema)]
struct AmountsView {
    #[schema(value_type = String, example = "1000.00")]
    theirs: Money,
    #[schema(value_type = String, example = "1000.00")]
    ours: Money,
}

impl RegisterItem {
    fn of(register: RegisterView, book: &Book) -> Self {
        let partner = book.partner(register.partner);
        Self {
            id: register.id.0,
            partner: partner.map(|partner| partner.code.clone()).unwrap_or_default(),
            file_name: register.file_name,
            mode: register.mode.as_str(),
            status: register.status.as_str(),
            rows: register.rows,
            done_rows: register.done_rows,
            outcomes: register.outcomes.iter().map(|(outcome, count)| (outcome.as_str(), *count)).collect(),
            amounts: AmountsView { theirs: register.amounts.theirs, ours: register.amounts.ours },
            created_at: register.created_at.into(),
            problem: register.problem,
        }
    }
}

/// A page of registers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Registers {
    items: Vec<RegisterItem>,
    next: Option<String>,
}

/// Registers, the newest first; a partner's own, or all for the union's finance.
#[utoipa::path(get, path = "/v1/registers", tag = "partner", params(PageQuery), responses(
    (status = 200, description = "a page of registers", body = Registers),
    (status = 422, description = "wrong limit or cursor", body = ProblemBody)))]
pub async fn list(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.0.limit)?;
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let after: Option<RegisterId> = list.after(query.0.after.as_deref())?;
    let own = principal.partner();
    let inner = app.clone().into_inner();
    let page = app
        .into_inner()
        .run(move |connection| {
            let page = reconciliation::registers(connection, own, after, limit)?;
            let book = inner.books.current(connection)?;
            Ok(page.map(|register| RegisterItem::of(register, &book)))
        })
        .await?;
    Ok(list.answer(&page))
}

/// How a register goes, or went.
#[utoipa::path(get, path = "/v1/registers/{id}", tag = "partner", params(("id" = String, Path)), responses(
    (status = 200, description = "its state and counts", body = RegisterItem),
    (status = 404, description = "none, or not yours", body = ProblemBody)))]
pub async fn show(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<RegisterId>,
) -> Result<web::Json<RegisterItem>, Problem> {
    let own = principal.partner();
    let inner = app.clone().into_inner();
    let item = app
        .into_inner()
        .run(move |connection| {
            let register = reconciliation::register(connection, id.0, own)?.ok_or_else(Problem::not_found)?;
            let book = inner.books.current(connection)?;
            Ok(RegisterItem::of(register, &book))
        })
        .await?;
    Ok(web::Json(item))
}

/// A row of a register with its outcome.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RegisterRow)]
struct RowItem {
    /// Its line in the file; none for what only we have.
    line: Option<i64>,
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    outlet: Option<String>,
    receipt: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    occurred_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    amount: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    our_amount: Option<Money>,
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_id: Option<Uuid>,
}

impl From<RowView> for RowItem {
    fn from(row: RowView) -> Self {
        Self {
            line: row.line,
            outcome: row.outcome.map(Outcome::as_str),
            reason: row.reason,
            outlet: row.outlet,
            receipt: row.receipt,
            occurred_at: row.occurred_at.map(Timestamp),
            amount: row.amount,
            our_amount: row.our_amount,
            kind: row.kind.map(reconciliation::RowKind::as_str),
            reference: row.reference,
            purchase_id: row.purchase_id.map(|id| id.0),
        }
    }
}

/// A page of rows.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisterRows {
    items: Vec<RowItem>,
    next: Option<String>,
}

/// Which rows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RowsQuery {
    /// Only those that ended so.
    #[param(value_type = Option<String>)]
    outcome: Option<Outcome>,
    /// 1 to 200; 50 unless said.
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// A register's rows in the order of the file; what only we have comes after.
#[utoipa::path(get, path = "/v1/registers/{id}/rows", tag = "partner", params(("id" = String, Path), RowsQuery), responses(
    (status = 200, description = "a page of rows", body = RegisterRows),
    (status = 404, description = "none, or not yours", body = ProblemBody)))]
pub async fn rows(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    id: IdPath<RegisterId>,
    query: Query<RowsQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.0.limit)?;
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let after: Option<i64> = list.after(query.0.after.as_deref())?;
    let (own, outcome) = (principal.partner(), query.0.outcome);
    let page = app
        .into_inner()
        .run(move |connection| {
            reconciliation::register(connection, id.0, own)?.ok_or_else(Problem::not_found)?;
            Ok(reconciliation::rows(connection, id.0, outcome, after, limit)?)
        })
        .await?;
    Ok(list.answer(&page.map(RowItem::from)))
}

/// A register's rows with their outcomes as CSV.
#[utoipa::path(get, path = "/v1/registers/{id}/report.csv", tag = "partner", params(("id" = String, Path)), responses(
    (status = 200, description = "the report", content_type = "text/csv"),
    (status = 404, description = "none, or not yours", body = ProblemBody)))]
pub async fn report(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<RegisterId>,
) -> Result<HttpResponse, Problem> {
    let own = principal.partner();
    let path = app.settings.data_dir.join("registers").join(format!("{}.report.csv", Uuid::now_v7()));
    let body = app
        .into_inner()
        .run(move |connection| {
            reconciliation::register(connection, id.0, own)?.ok_or_else(Problem::not_found)?;
            crate::files::private_folder(path.parent().unwrap_or(&path))
                .map_err(|error| Problem::internal(&error))?;
            registers::write_report(connection, id.0, &path)?;
            let body = stream(&path).map_err(|error| Problem::internal(&error))?;
            // Open already: the name can go.
            std::fs::remove_file(&path).map_err(|error| Problem::internal(&error))?;
            Ok(body)
        })
        .await?;
    Ok(files::csv("report.csv", body))
}
