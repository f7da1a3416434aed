//! A batch's files over the API: drawn once into a private folder, by one thread, then sent from there. Each look at them
//! is audited.

use std::path::PathBuf;

use actix_web::{HttpResponse, web};
use card_issuer::print::BatchId;
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;

use super::whole;
use crate::app::App;
use crate::auth::Principal;
use crate::extract::{IdPath, Path};
use crate::print::files::{self, SUMS};
use crate::problem::{Problem, ProblemBody};

/// The file asked for, of files that are all there; the look at them is written down.
fn fetched(
    app: &App,
    connection: &mut PgConnection,
    (principal, id): (&Principal, BatchId),
    name: Option<&str>,
    now: DateTime<Utc>,
) -> Result<PathBuf, Problem> {
    whole(connection, principal, id)?;
    let folder = files::kept_in(app, id);
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

/// Waits until a batch's files are there, without a connection.
async fn drawn(app: &web::Data<App>, principal: &Principal, id: BatchId) -> Result<(), Problem> {
    let asking = principal.clone();
    let batch = app.clone().into_inner().run(move |connection| whole(connection, &asking, id)).await?;
    let ready = files::ready(app, &batch);
    if ready { Ok(()) } else { app.drawing.drawn(id).await }
}

async fn answer(
    app: web::Data<App>,
    principal: Principal,
    id: BatchId,
    name: Option<String>,
) -> Result<HttpResponse, Problem> {
    drawn(&app, &principal, id).await?;
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
    (status = 200, description = "the file", content(
        (Vec<u8> = "application/pdf"), (serde_json::Value = "application/json"),
        (String = "text/csv"), (String = "text/plain"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))),
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
