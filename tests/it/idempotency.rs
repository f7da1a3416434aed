//! A POST that comes again with the same key is answered with the first answer; its handler runs once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::body::to_bytes;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpRequest, HttpResponse, test, web};
use chrono::TimeDelta;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use harness::{PATIENCE, server};
use tokio::sync::Notify;
use unioncard::auth::idempotency;

/// How often the handler ran, and what ends a slow one.
#[derive(Default)]
struct Runs(AtomicU32, Notify);

/// Answers with its number; the path says how it ends, and the body is read unless it is to be left.
async fn create(request: HttpRequest, runs: web::Data<Runs>, mut body: web::Payload) -> HttpResponse {
    let run = runs.0.fetch_add(1, Ordering::SeqCst) + 1;
    let how = request.match_info().query("how").to_owned();
    if how != "unread" {
        while let Some(chunk) = body.next().await {
            chunk.unwrap();
        }
    }
    match how.as_str() {
        "slow" => tokio::time::timeout(PATIENCE, runs.1.notified()).await.unwrap(),
        "broken" => return HttpResponse::ServiceUnavailable().finish(),
        "refused" => return HttpResponse::Conflict().json(run),
        _ => {}
    }
    HttpResponse::Created().json(run)
}

macro_rules! served {
    ($server:expr, $runs:expr) => {
        test::init_service(
            App::new().app_data(web::Data::from(Arc::clone(&$server.app))).app_data($runs.clone()).service(
                web::resource("/{how}").route(web::post().to(create).wrap(from_fn(idempotency::once))),
            ),
        )
        .await
    };
}

/// Sends a POST; gives the status and the body.
macro_rules! post {
    ($service:expr, $path:expr, $key:expr, $body:expr) => {
        async {
            let mut request = test::TestRequest::post().uri($path).set_payload($body);
            if !$key.is_empty() {
                request = request.insert_header(("Idempotency-Key", $key));
            }
            match $service.call(request.to_request()).await {
                Ok(response) => (response.status(), text(response).await),
                Err(error) => (error.as_response_error().status_code(), String::new()),
            }
        }
        .await
    };
}

async fn text(response: ServiceResponse) -> String {
    String::from_utf8_lossy(&to_bytes(response.into_body()).await.unwrap()).into_owned()
}

#[actix_web::test]
async fn the_same_request_is_answered_the_same() {
    let (server, runs) = (server(), web::Data::new(Runs::default()));
    let service = served!(server, runs);
    let first = (StatusCode::CREATED, "1".to_owned());
    assert_eq!(post!(service, "/read", "key", "body"), first);
    assert_eq!(post!(service, "/read", "\"key\"", "body"), first, "quoted or not");
    assert_eq!(post!(service, "/read", "key2", "body").1, "2", "another key");
    assert_eq!(post!(service, "/unread", "key", "body").1, "3", "another route");
    assert_eq!(post!(service, "/unread", "key", "body").1, "3", "a body nobody read is compared too");
    assert_eq!(post!(service, "/unread", "key", "other").0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(post!(service, "/read", "", "body").1, "4", "without a key");
    assert_eq!(post!(service, "/refused", "key", "body").1, "5");
    assert_eq!(post!(service, "/refused", "key", "body"), (StatusCode::CONFLICT, "5".to_owned()));
    server.clock.advance(TimeDelta::hours(24));
    assert_eq!(post!(service, "/read", "key", "body"), first, "kept for a day at least");
}

#[actix_web::test]
async fn a_failure_is_not_an_answer() {
    let (server, runs) = (server(), web::Data::new(Runs::default()));
    let service = served!(server, runs);
    assert_eq!(post!(service, "/broken", "key", "body").0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(post!(service, "/broken", "key", "body").0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(runs.0.load(Ordering::SeqCst), 2, "the handler ran again");
}

#[actix_web::test]
async fn many_at_once_run_once() {
    let (server, runs) = (server(), web::Data::new(Runs::default()));
    let service = served!(server, runs);
    let racing = (0..20).map(|_| async { post!(service, "/slow", "key", "body").0 });
    let mut answers = racing.collect::<FuturesUnordered<_>>();
    // The one that runs ends when all others have been answered.
    let mut statuses: Vec<StatusCode> = answers.by_ref().take(19).collect().await;
    runs.1.notify_one();
    statuses.extend(answers.next().await);
    let created = statuses.iter().filter(|status| **status == StatusCode::CREATED).count();
    let running = statuses.iter().filter(|status| **status == StatusCode::CONFLICT).count();
    assert_eq!((created, running, runs.0.load(Ordering::SeqCst)), (1, 19, 1), "{statuses:?}");
}

#[actix_web::test]
async fn what_a_dead_process_left_running_is_taken_over() {
    use diesel::prelude::*;
    use shared_kernel::schema::platform::idempotency_keys as keys;
    let (server, runs) = (server(), web::Data::new(Runs::default()));
    let service = served!(server, runs);
    diesel::insert_into(keys::table)
        .values((
            keys::scope.eq("public POST /read"),
            keys::key.eq("key"),
            keys::started_at.eq(server.app.now() - TimeDelta::seconds(26)),
        ))
        .execute(&mut server.connect())
        .unwrap();
    assert_eq!(post!(service, "/read", "key", "body").0, StatusCode::CREATED);
}
