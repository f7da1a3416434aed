//! What routes that take and give files share.

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures_util::Stream;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What was started.
#[derive(Debug, Serialize, ToSchema)]
pub struct Started {
    /// By which to ask how it goes.
    pub id: Uuid,
}

/// 202: taken, to be asked about at `<list>/<id>`.
pub fn accepted(list: &str, id: Uuid) -> HttpResponse {
    HttpResponse::Accepted().insert_header(("Location", format!("{list}/{id}"))).json(Started { id })
}

/// A CSV file to be saved under a name.
pub fn csv(name: &str, body: impl Stream<Item = std::io::Result<Bytes>> + 'static) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header(("Content-Disposition", format!("attachment; filename=\"{name}\"")))
        .streaming(body)
}
