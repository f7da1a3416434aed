//! Is it alive, is it ready, how is it doing.

use actix_web::{HttpResponse, web};
use diesel::RunQueryDsl;

use crate::app::App;
use crate::gauges;
use crate::problem::Problem;
use crate::telemetry::METRICS;

/// The process answers.
#[utoipa::path(get, path = "/health/live", tag = "operations", responses((status = 200, description = "alive")))]
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "live" }))
}

/// The process and its database answer.
#[utoipa::path(get, path = "/health/ready", tag = "operations", responses((status = 200, description = "ready"), (status = 503, description = "not yet")))]
pub async fn ready(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    app.into_inner().run(|connection| Ok(diesel::sql_query("SELECT 1").execute(connection)?)).await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({ "status": "ready" })))
}

/// Metrics for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, description = "Prometheus text format", content_type = "text/plain")))]
pub async fn metrics(app: web::Data<App>) -> HttpResponse {
    let app = app.into_inner();
    let shared = std::sync::Arc::clone(&app);
    // Without the database the process still tells what it knows by itself.
    let of_database =
        app.run(move |connection| gauges::render(&shared, connection)).await.unwrap_or_default();
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(METRICS.render() + &of_database)
}
