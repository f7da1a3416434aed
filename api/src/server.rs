//! The HTTP server: what wraps every request, how it starts and how it stops.

use std::net::TcpListener;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Server, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::{HttpServer, web};
use futures_util::FutureExt;

use crate::app::App;
use crate::problem::{Language, Problem};
use crate::routes;
use crate::telemetry::METRICS;

/// Starts serving on a bound socket; await the result to run, its handle stops it.
///
/// # Errors
/// When the workers can't be started.
pub fn serve(app: &Arc<App>, listener: TcpListener) -> std::io::Result<Server> {
    let data = web::Data::from(Arc::clone(app));
    let mut server = HttpServer::new(move || {
        actix_web::App::new()
            .app_data(data.clone())
            .wrap(from_fn(envelope))
            .configure(routes::configure)
            .default_service(web::to(|| async { Err::<actix_web::HttpResponse, _>(Problem::not_found()) }))
    })
    .client_request_timeout(Duration::from_secs(10))
    .keep_alive(Duration::from_secs(75))
    .max_connections(20_000)
    .shutdown_timeout(20)
    .disable_signals();
    if app.settings.workers > 0 {
        server = server.workers(app.settings.workers);
    }
    Ok(server.listen(listener)?.run())
}

/// Starts what runs beside the requests: the watch over the database, the worker of files, simulations, the wallets' thread,
/// the relay of events, the sender of letters. It ends when nobody holds the program any more.
///
/// # Errors
/// When a thread can't be started.
pub fn background(app: &Arc<App>) -> std::io::Result<()> {
    let watched = Arc::downgrade(app);
    std::thread::Builder::new().name("database-watch".into()).spawn(move || {
        while let Some(app) = App::going(&watched) {
            app.keep_database_running();
            app.tend_keys();
            app.watch_numbers();
            drop(app);
            std::thread::sleep(Duration::from_secs(1));
        }
    })?;
    crate::files::worker::start(app)?;
    crate::simulations::start(app)?;
    crate::wallets::start(app)?;
    crate::delivery::start(app)
}

/// Around every request: no encoded bodies, the reader's language, security headers, log, metrics.
async fn envelope(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let started = Instant::now();
    let language = Language::of(request.request());
    let head_alone = request.method() == Method::HEAD;
    // The request must not be cloned before it is routed: actix-web panics then.
    let mut response = match refused_before_routing(&request) {
        Some(problem) => request.into_response(problem.response(language)),
        None => in_language(next.call(request).await?.map_into_boxed_body(), language),
    };
    add_security_headers(&mut response);
    record(&response, started);
    Ok(if head_alone { response.map_body(|_, body| BoxBody::new(LeftOut(body.size()))) } else { response })
}

/// The body of an answer to HEAD: as long as GET's, and never read, so that a stream doesn't go on unseen.
struct LeftOut(BodySize);

impl MessageBody for LeftOut {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<web::Bytes, Self::Error>>> {
        Poll::Ready(None)
    }
}

/// Around every route: an error or a panic is an answer like any other, so that the envelope sees it.
///
/// # Errors
/// None; the framework's signature asks for one.
pub async fn settled(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let http = request.request().clone();
    let problem = match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(response)) => return Ok(response.map_into_boxed_body()),
        Ok(Err(error)) => error.as_error::<Problem>().cloned().unwrap_or_else(|| of_framework(&error)),
        Err(_) => Problem::internal("a handler panicked"),
    };
    Ok(ServiceResponse::new(http, problem.response(Language::English)))
}

fn refused_before_routing(request: &ServiceRequest) -> Option<Problem> {
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        return Some(Problem::unsupported_media_type(
            "send the body without Content-Encoding",
            "тело запроса нужно без Content-Encoding",
        ));
    }
    let hosts = request.headers().get_all(header::HOST).count();
    (hosts != 1 && request.version() == actix_web::http::Version::HTTP_11)
        .then(|| Problem::malformed("exactly one Host header is needed", "Нужен ровно один заголовок Host"))
}

/// A problem made without knowing the reader is written again in the reader's language.
fn in_language(response: ServiceResponse<BoxBody>, language: Language) -> ServiceResponse<BoxBody> {
    let problem = response.response().extensions().get::<Problem>().cloned();
    match problem {
        Some(problem) if language != Language::English => {
            let (request, _) = response.into_parts();
            ServiceResponse::new(request, problem.response(language))
        }
        _ => response,
    }
}

/// What the framework itself refuses, as a problem.
fn of_framework(error: &actix_web::Error) -> Problem {
    let status = error.as_response_error().status_code();
    match status.as_u16() {
        404 => Problem::not_found(),
        413 => Problem::too_large(),
        400..=499 => Problem::malformed("the request can't be read", "Запрос не разобрать"),
        _ => Problem::internal(error),
    }
}

fn add_security_headers(response: &mut ServiceResponse<BoxBody>) {
    const HEADERS: &[(&str, &str)] = &[
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("cache-control", "no-store"),
    ];
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        let name = HeaderName::from_static(name);
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

fn record(response: &ServiceResponse<BoxBody>, started: Instant) {
    let request = response.request();
    let method = request.method();
    let route = request.match_pattern().unwrap_or_else(|| "none".to_owned());
    let status = response.status();
    let elapsed = started.elapsed();
    METRICS.requests.with_label_values(&[known(method), &route, status.as_str()]).inc();
    METRICS.request_seconds.with_label_values(&[&route]).observe(elapsed.as_secs_f64());
    tracing::debug!(%method, route, status = status.as_u16(), ms = elapsed.as_millis(), "request");
}

/// The method as a metric's label; anybody can invent more of them than a metric should have series.
fn known(method: &Method) -> &'static str {
    const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    METHODS.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
}
