//! Outlets' fiscal drives: how a claimed receipt finds its partner.

use actix_web::{HttpRequest, HttpResponse, web};
use cashback_engine::claims::drives::{self, FiscalDrive};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::auth::Principal;
use crate::extract::{Json, Later, Path, Query};
use crate::problem::{Problem, ProblemBody};
use crate::v1::me::money::PageQuery;
use crate::v1::paging::List;
use crate::v1::types::Timestamp;

/// A fiscal drive.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FiscalDrive)]
struct DriveView {
    /// Its number: `fn` of the receipts it signs.
    drive: String,
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

/// An outlet's drives.
#[derive(Debug, Serialize, ToSchema)]
pub struct FiscalDrives {
    items: Vec<DriveView>,
    next: Option<String>,
}

impl From<FiscalDrive> for DriveView {
    fn from(drive: FiscalDrive) -> Self {
        Self { drive: drive.drive, since: drive.since.into() }
    }
}

impl From<Vec<FiscalDrive>> for FiscalDrives {
    fn from(drives: Vec<FiscalDrive>) -> Self {
        Self { items: drives.into_iter().map(DriveView::from).collect(), next: None }
    }
}

/// Drives to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrivesBody {
    /// Their numbers: 16 digits, 12 in older ones; 1 to 1,000 of them.
    drives: Vec<String>,
}

/// The fiscal drives of an outlet.
#[utoipa::path(get, path = "/v1/outlets/{code}/fiscal-drives", tag = "partner", params(("code" = String, Path), PageQuery), responses(
    (status = 200, description = "the drives", body = FiscalDrives),
    (status = 404, description = "no such outlet, or not yours", body = ProblemBody),
    (status = 422, description = "wrong limit or cursor", body = ProblemBody)))]
pub async fn drives_of(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    code: Path<String>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (partner, shared) = (principal.partner(), app.clone().into_inner());
    let books = shared.clone();
    let list = List::of(&shared, &request, &principal);
    let place = list.place(query.0.asked())?;
    let drives = app
        .into_inner()
        .run(move |connection| Ok(drives::drives(connection, &books.books, &code.0, partner)?))
        .await?;
    Ok(list.answer(&place.of(drives).map(DriveView::from)))
}

/// Registers fiscal drives at an outlet; those that are there stay. Claims that waited for one find their partner.
#[utoipa::path(post, path = "/v1/outlets/{code}/fiscal-drives", tag = "partner", params(("code" = String, Path)), request_body = DrivesBody, responses(
    (status = 201, description = "all the outlet's drives", body = FiscalDrives),
    (status = 404, description = "no such outlet, or not yours", body = ProblemBody),
    (status = 422, description = "wrong numbers, or registered elsewhere", body = ProblemBody)))]
pub async fn add_drives(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    code: Path<String>,
    body: Later<Json<DrivesBody>>,
) -> Result<HttpResponse, Problem> {
    let (partner, by, now) = (principal.partner(), by(&principal)?, app.now());
    let (shared, nudged) = (app.clone().into_inner(), app.clone());
    let drives = app
        .into_inner()
        .transaction(move |connection| {
            let at = (code.0.as_str(), partner);
            drives::drives(connection, &shared.books, at.0, at.1)?;
            let numbers = body?.0.drives;
            Ok(drives::add(connection, &shared.books, at, &numbers, (by, now))?)
        })
        .await?;
    nudged.delivery.nudge();
    Ok(HttpResponse::Created().json(FiscalDrives::from(drives)))
}

/// Takes a fiscal drive away from an outlet.
#[utoipa::path(delete, path = "/v1/outlets/{code}/fiscal-drives/{drive}", tag = "partner", params(("code" = String, Path), ("drive" = String, Path)), responses(
    (status = 204, description = "it is the outlet's no more"),
    (status = 404, description = "no such outlet or drive, or not yours", body = ProblemBody)))]
pub async fn remove_drive(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let partner = principal.partner();
    let shared = app.clone().into_inner();
    app.into_inner()
        .transaction(move |connection| {
            let (code, drive) = &path.0;
            Ok(drives::remove(connection, &shared.books, (code, partner), drive)?)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

fn by(principal: &Principal) -> Result<Uuid, Problem> {
    match principal {
        Principal::Client { client, .. } => Ok(*client),
        Principal::Staff(staff) => Ok(staff.staff),
        Principal::Member { .. } | Principal::Wallet { .. } => Err(Problem::forbidden()),
    }
}
