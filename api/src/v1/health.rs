//! Is it alive, is it ready, how is it doing.

use actix_web::{HttpResponse, web};
use diesel::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::gauges;
use crate::problem::{Problem, ProblemBody};
use crate::telemetry::METRICS;

/// How it is doing.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `live` or `ready`.
    status: &'static str,
}

/// The process answers.
#[utoipa::path(get, path = "/health/live", tag = "operations", responses((status = 200, description = "alive", body = Health)))]
pub async fn live() -> web::Json<Health> {
    web::Json(Health { status: "live" })
}

/// The process and its database answer.
#[utoipa::path(get, path = "/health/ready", tag = "operations", responses(
    (status = 200, description = "ready", body = Health),
    (status = 503, description = "not yet", body = ProblemBody)))]
pub async fn ready(app: web::Data<App>) -> Result<web::Json<Health>, Problem> {
    app.into_inner().run(|connection| Ok(diesel::sql_query("SELECT 1").execute(connection)?)).await?;
    Ok(web::Json(Health { status: "ready" }))
}

/// Metrics for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, description = "Prometheus text format", content_type = "text/plain")))]
pub async fn metrics(app: web::Data<App>) -> HttpResponse {
    let app = app.into_inner();
    let shared = std::sync::Arc::clone(&app);
    // Without the database the process still tells what it knows by itself.
    let of_database =
        app.run(move |connection| gauges::of_database(&shared, connection)).await.unwrap_or_default();
    let of_process = gauges::of_process(&app).unwrap_or_default();
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(METRICS.render() + &of_process + &of_database)
}
