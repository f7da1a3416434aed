//! A batch's files over the API: drawn once into a private folder, then sent from there. Each look at them is audited.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use card_issuer::print::{self, BatchId};
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;

use super::whole;
use crate::app::App;
use crate::auth::Principal;
use crate::extract::{IdPath, Path};
use crate::print::files::{self, PrintError, SUMS};
use crate::problem::{Problem, ProblemBody};

/// How long a request waits for files that are being drawn; then it is told to come again.
const WAIT_MAX: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Draws a new batch's files without keeping anybody waiting. Should the program end meanwhile, the first request for
/// them goes on.
pub(super) fn draw_meanwhile(app: &web::Data<App>, id: BatchId) {
    let app = Arc::clone(app);
    let drawing = std::thread::Builder::new().name("print".into()).spawn(move || {
        let drawn = app.connection().and_then(|mut connection| drawn(&app, &mut connection, id));
        if let Err(problem) = drawn {
            tracing::warn!(%problem, "a batch's files are not drawn yet");
        }
    });
    if let Err(error) = drawing {
        tracing::warn!(%error, "no thread to draw a batch's files");
    }
}

/// The folder with a batch's files, all of them there.
fn drawn(app: &App, connection: &mut PgConnection, id: BatchId) -> Result<PathBuf, Problem> {
    let batch = print::find(connection, id)?.ok_or_else(Problem::not_found)?;
    let folder = files::kept_in(app, id);
    let until = Instant::now() + WAIT_MAX;
    loop {
        match files::complete(app, connection, (&batch, &folder), &mut |_| {}) {
            Ok(()) => return Ok(folder),
            Err(PrintError::Busy) if Instant::now() < until => std::thread::sleep(LOOK_EVERY),
            Err(PrintError::Busy) => return Err(Problem::unavailable().retry_after(10)),
            Err(PrintError::Problem(problem)) => return Err(problem),
            Err(error) => return Err(Problem::internal(&error)),
        }
    }
}

/// Draws what is missing and writes the look down; the file asked for.
fn fetched(
    app: &App,
    connection: &mut PgConnection,
    (principal, id): (&Principal, BatchId),
    name: Option<&str>,
    now: DateTime<Utc>,
) -> Result<PathBuf, Problem> {
    whole(connection, principal, id)?;
    let folder = drawn(app, connection, id)?;
    let path = match name {
        None => files::archive(&folder).map_err(|error| Problem::internal(&error))?,
        Some(name) => {
            let known = files::listed(&folder).map_err(|error| Problem::internal(&error))?;
            if name != SUMS && !known.iter().any(|(known, _)| known == name) {
                return Err(Problem::not_found());
            }
            folder.join(name)
        }
    };
    let subject = format!("{id}/{}", name.unwrap_or("all"));
    app.auth.audit.append(connection, now, &principal.key(), "print_batch.read", &subject)?;
    Ok(path)
}

async fn answer(
    app: web::Data<App>,
    principal: Principal,
    id: BatchId,
    name: Option<String>,
) -> Result<HttpResponse, Problem> {
    let (shared, now) = (app.clone().into_inner(), app.now());
    let asked = name.clone();
    let path = app
        .into_inner()
        .run(move |connection| fetched(&shared, connection, (&principal, id), asked.as_deref(), now))
        .await?;
    let body = web::block(move || crate::files::stream(&path))
        .await
        .map_err(|error| Problem::internal(&error))?
        .map_err(|_| Problem::not_found())?;
    let (file_name, kind) = match name {
        None => (format!("batch-{id}.zip"), "application/zip"),
        Some(name) => {
            let kind = match name.rsplit_once('.').map(|(_, ending)| ending) {
                Some("csv") => "text/csv; charset=utf-8",
                Some("xlsx") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                Some("pdf") => "application/pdf",
                Some("json") => "application/json",
                _ => "text/plain; charset=utf-8",
            };
            (name, kind)
        }
    };
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header(("Content-Disposition", format!("attachment; filename=\"{file_name}\"")))
        .insert_header(("Cache-Control", "no-store"))
        .streaming(body))
}

/// All files of a batch as one archive: faces, print files, tables, manifest, sums.
#[utoipa::path(get, path = "/v1/print-batches/{id}/files", tag = "office", params(("id" = String, Path)), responses(
    (status = 200, description = "the archive", content_type = "application/zip"),
    (status = 404, description = "none, or not yours", body = ProblemBody),
    (status = 503, description = "still being drawn; come again", body = ProblemBody)))]
pub async fn files(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<BatchId>,
) -> Result<HttpResponse, Problem> {
    answer(app, principal.into_inner(), id.0, None).await
}

/// One file of a batch.
#[utoipa::path(get, path = "/v1/print-batches/{id}/files/{name}", tag = "office",
    params(("id" = String, Path), ("name" = String, Path)), responses(
    (status = 200, description = "the file", content_type = "application/octet-stream"),
    (status = 404, description = "none, or not yours", body = ProblemBody),
    (status = 503, description = "still being drawn; come again", body = ProblemBody)))]
pub async fn file(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    path: Path<(BatchId, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, name) = path.0;
    answer(app, principal.into_inner(), id, Some(name)).await
}
