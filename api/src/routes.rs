//! Every route in one table: method, path, who may, handler. What isn't here isn't served.

use std::collections::BTreeMap;

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::{Route, web};

use crate::auth::{Access, access, idempotency};
use crate::problem::Problem;
use crate::{pages, server, v1};

/// One line of the table.
pub struct Entry {
    /// The method.
    pub method: Method,
    /// The path, with `{}` segments as actix writes them.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
    route: Route,
}

fn entry(method: Method, path: &'static str, access: Access, handler: Route) -> Entry {
    let route = handler
        .method(method.clone())
        .wrap(from_fn(move |request, next| access::guard(access, request, next)))
        .wrap(from_fn(server::settled));
    Entry { method, path, access, route }
}

/// A POST that creates something: an `Idempotency-Key` is honoured.
pub fn creation(path: &'static str, access: Access, handler: Route) -> Entry {
    entry(Method::POST, path, access, handler.wrap(from_fn(server::settled)).wrap(from_fn(idempotency::once)))
}

/// The table.
pub fn table() -> Vec<Entry> {
    let get = |path, access, handler| entry(Method::GET, path, access, handler);
    let post = |path, access, handler| entry(Method::POST, path, access, handler);
    vec![
        get("/health/live", Access::PUBLIC, web::to(v1::health::live)),
        get("/health/ready", Access::PUBLIC, web::to(v1::health::ready)),
        get("/metrics", Access::PUBLIC, web::to(v1::health::metrics)),
        get("/.well-known/jwks.json", Access::PUBLIC, web::to(v1::jwks::keys)),
        post("/v1/oauth/token", Access::PUBLIC, web::to(v1::oauth::token)),
        post("/v1/auth/login", Access::PUBLIC, web::to(v1::auth::login)),
        post("/v1/auth/code", Access::PUBLIC, web::to(v1::auth::code)),
        post("/v1/auth/verify", Access::PUBLIC, web::to(v1::auth::verify)),
        post("/v1/auth/refresh", Access::PUBLIC, web::to(v1::auth::refresh)),
        post("/v1/auth/logout", Access::PUBLIC, web::to(v1::auth::logout)),
        get("/v1/staff/me", Access::STAFF, web::to(v1::staff::me)),
        get("/v1/me/events", Access::MEMBER, web::to(v1::events::events)),
        get("/", Access::PUBLIC, web::to(pages::member)),
        get("/till", Access::PUBLIC, web::to(pages::till)),
        get("/office", Access::PUBLIC, web::to(pages::office)),
        get("/assets/{file}", Access::PUBLIC, web::to(pages::asset)),
        get("/favicon.ico", Access::PUBLIC, web::to(pages::root_file)),
        get("/icon.svg", Access::PUBLIC, web::to(pages::root_file)),
        get("/manifest.webmanifest", Access::PUBLIC, web::to(pages::root_file)),
    ]
}

/// Puts the table into an actix application; a known path with another method answers 405 with `Allow`.
pub fn configure(config: &mut web::ServiceConfig) {
    let mut paths: Vec<&'static str> = Vec::new();
    let mut by_path: BTreeMap<&'static str, Vec<Entry>> = BTreeMap::new();
    for entry in table() {
        if !by_path.contains_key(entry.path) {
            paths.push(entry.path);
        }
        by_path.entry(entry.path).or_default().push(entry);
    }
    for path in paths {
        let entries = by_path.remove(path).unwrap_or_default();
        let allow: Vec<&str> = entries.iter().map(|entry| entry.method.as_str()).collect();
        let allow = allow.join(", ");
        let resource =
            entries.into_iter().fold(web::resource(path), |resource, entry| resource.route(entry.route));
        config.service(resource.default_service(web::to(move || {
            let allow = allow.clone();
            async move { Err::<actix_web::HttpResponse, _>(Problem::method_not_allowed(allow)) }
        })));
    }
}
