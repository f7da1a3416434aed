//! Every route in one table: method, path, who may, handler. What isn't here isn't served.

use std::collections::BTreeMap;

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::{Route, guard, web};

use crate::auth::oauth::Scope;
use crate::auth::{Access, Role, access, idempotency};
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
    // HEAD is served wherever GET is; the envelope leaves its body out.
    let asked = match method {
        Method::GET => guard::Any(guard::Get()).or(guard::Head()),
        _ => guard::Any(guard::Method(method.clone())),
    };
    let route = handler
        .guard(asked)
        .wrap(from_fn(move |request, next| access::guard(access, request, next)))
        .wrap(from_fn(server::settled));
    Entry { method, path, access, route }
}

/// A POST that creates something: an `Idempotency-Key` is honoured.
pub fn creation(path: &'static str, access: Access, handler: Route) -> Entry {
    entry(Method::POST, path, access, handler.wrap(from_fn(server::settled)).wrap(from_fn(idempotency::once)))
}

/// The table.
#[expect(clippy::too_many_lines, reason = "a line a route, and all of them in one place")]
pub fn table() -> Vec<Entry> {
    let get = |path, access, handler| entry(Method::GET, path, access, handler);
    let post = |path, access, handler| entry(Method::POST, path, access, handler);
    let patch = |path, access, handler| entry(Method::PATCH, path, access, handler);
    let delete = |path, access, handler| entry(Method::DELETE, path, access, handler);
    let put = |path, access, handler| entry(Method::PUT, path, access, handler);
    let (member, partner) = (Access::MEMBER, Access::PARTNER);
    let coded = member.and_wallet(Scope::CardCode);
    let office =
        Access::roles(&[Role::Administrator, Role::Registrar, Role::Issuer, Role::Chair, Role::Auditor]);
    // Finance names organisations in rules: who pays, and whose members they are for.
    let structure = Access::roles(&[
        Role::Administrator,
        Role::Registrar,
        Role::Issuer,
        Role::Chair,
        Role::Auditor,
        Role::Finance,
        Role::Controller,
    ]);
    let registrars = Access::roles(&[Role::Administrator, Role::Registrar, Role::Chair]);
    let importers = Access::roles(&[Role::Administrator, Role::Registrar]);
    let import_readers = Access::roles(&[Role::Administrator, Role::Registrar, Role::Auditor]);
    // A chair gives and blocks cards of their own people; numbers and their successors are the union's.
    let issuers = Access::roles(&[Role::Administrator, Role::Registrar, Role::Issuer, Role::Chair]);
    let number_keepers = Access::roles(&[Role::Administrator, Role::Registrar, Role::Issuer]);
    let printers = Access::roles(&[Role::Administrator, Role::Issuer]);
    let receivers = Access::roles(&[Role::Administrator, Role::Issuer, Role::Chair]);
    let books = Access::roles(&[Role::Finance, Role::Controller, Role::Auditor]);
    let finance = Access::roles(&[Role::Finance]);
    let administrators = Access::roles(&[Role::Administrator]);
    let app_readers = Access::roles(&[Role::Administrator, Role::Auditor]);
    let partner_settings = Access::roles(&[Role::Administrator, Role::Finance]);
    let controller = Access::roles(&[Role::Controller]);
    let tier_readers = Access::roles(&[Role::Administrator, Role::Finance, Role::Controller, Role::Auditor]);
    let tier_approvers = Access::roles(&[Role::Administrator, Role::Controller]);
    let drafters = Access::roles(&[Role::Finance, Role::Controller]);
    let managers = &[Role::Manager, Role::Finance, Role::Controller, Role::Auditor];
    let purchase_readers =
        Access::roles(&[Role::Cashier, Role::Manager, Role::Finance, Role::Controller, Role::Auditor])
            .and_client();
    let explained = Access::roles(&[Role::Finance, Role::Controller, Role::Auditor]).and_member();
    let registers = Access::roles(managers).and_client();
    let hooks = Access::roles(&[Role::Manager]).and_client();
    let senders = Access::roles(&[Role::Manager, Role::Finance]).and_client();
    let claim_decliners = Access::roles(&[Role::Cashier, Role::Manager, Role::Finance]).and_client();
    let settled_by = &[Role::Administrator, Role::Finance, Role::Controller, Role::Auditor];
    vec![
        get("/health/live", Access::PUBLIC, web::to(v1::health::live)),
        get("/health/ready", Access::PUBLIC, web::to(v1::health::ready)),
        get("/metrics", Access::PUBLIC, web::to(v1::health::metrics)),
        get("/openapi.json", Access::PUBLIC, web::to(crate::openapi::document)),
        get("/v1/me", member, web::to(v1::me::show)),
        patch("/v1/me", member, web::to(v1::me::change)),
        creation("/v1/me/enrolment", member, web::to(v1::me::enrol)),
        delete("/v1/me/enrolment", member, web::to(v1::me::leave)),
        get("/v1/me/design/logo.png", member, web::to(v1::me::design::logo)),
        get("/v1/me/cards", member.and_wallet(Scope::Card), web::to(v1::me::cards::list)),
        get("/v1/me/cards/{id}/code", coded, web::to(v1::me::cards::code)),
        get("/v1/me/cards/{id}/code.svg", coded, web::to(v1::me::cards::code_svg)),
        get("/v1/me/cards/{id}/code.png", coded, web::to(v1::me::cards::code_png)),
        creation("/v1/me/cards", member, web::to(v1::me::family::order)),
        patch("/v1/me/cards/{id}", member, web::to(v1::me::family::change)),
        creation("/v1/me/cards/{id}/reissue", member, web::to(v1::me::family::reissue)),
        get("/v1/me/cards/{id}/proof", member, web::to(v1::me::shown::proof)),
        get("/v1/me/cards/{id}/barcode.svg", member.and_wallet(Scope::Card), web::to(v1::me::shown::barcode)),
        get("/v1/me/cards/{id}/apple.pkpass", member, web::to(v1::me::wallets::apple)),
        get("/v1/me/cards/{id}/google", member, web::to(v1::me::google::google)),
        get("/v1/me/devices", member, web::to(v1::me::devices::list)),
        creation("/v1/me/devices", member, web::to(v1::me::devices::add)),
        delete("/v1/me/devices/{id}", member, web::to(v1::me::devices::revoke)),
        post("/v1/me/cards/{id}/block", member, web::to(v1::me::cards::block)),
        creation("/v1/me/payouts", member, web::to(v1::me::payouts::ask)),
        get("/v1/me/apps", member, web::to(v1::me::apps::list)),
        delete("/v1/me/apps/{id}", member, web::to(v1::me::apps::disconnect)),
        get("/v1/me/balance", member.and_wallet(Scope::Balance), web::to(v1::me::money::balance)),
        get("/v1/me/operations", member, web::to(v1::me::money::list)),
        post("/v1/cards/resolve", partner, web::to(v1::cards::resolve)),
        creation("/v1/enrolments", partner, web::to(v1::enrolments::start)),
        post("/v1/enrolments/{id}/confirm", partner, web::to(v1::enrolments::confirm)),
        post("/v1/purchases/quote", partner, web::to(v1::purchases::quote)),
        post("/v1/purchases/batch", partner, web::to(v1::purchases::post_batch)),
        post("/v1/purchases", partner, web::to(v1::purchases::post)),
        get("/v1/purchases", purchase_readers, web::to(v1::purchases::find)),
        get("/v1/purchases/{id}", purchase_readers, web::to(v1::purchases::show)),
        get("/v1/purchases/{id}/explanation", explained, web::to(v1::purchases::explain)),
        post("/v1/purchases/{id}/refunds", partner, web::to(v1::purchases::refund)),
        post("/v1/purchases/{id}/capture", partner, web::to(v1::purchases::capture)),
        post("/v1/purchases/{id}/void", partner, web::to(v1::purchases::void)),
        creation("/v1/registers", senders, web::to(v1::registers::upload)),
        get("/v1/registers", registers, web::to(v1::registers::list)),
        get("/v1/registers/{id}", registers, web::to(v1::registers::show)),
        get("/v1/registers/{id}/rows", registers, web::to(v1::registers::rows)),
        get("/v1/registers/{id}/report.csv", registers, web::to(v1::registers::report)),
        creation("/v1/me/claims", member, web::to(v1::me::claims::file)),
        get("/v1/me/claims", member, web::to(v1::me::claims::list)),
        get("/v1/claims", purchase_readers, web::to(v1::claims::list)),
        post("/v1/claims/{id}/approve", partner, web::to(v1::claims::approve)),
        post("/v1/claims/{id}/decline", claim_decliners, web::to(v1::claims::decline)),
        post("/v1/claims/{id}/assign", finance, web::to(v1::claims::assign)),
        get("/v1/outlets/{code}/fiscal-drives", registers, web::to(v1::outlets::drives_of)),
        creation("/v1/outlets/{code}/fiscal-drives", senders, web::to(v1::outlets::add_drives)),
        delete("/v1/outlets/{code}/fiscal-drives/{drive}", senders, web::to(v1::outlets::remove_drive)),
        get("/v1/fraud", books, web::to(v1::fraud::list)),
        get("/v1/fraud/rules", books, web::to(v1::fraud::rules)),
        put("/v1/fraud/rules", finance, web::to(v1::fraud::set_rules)),
        get("/v1/fraud/{id}", books, web::to(v1::fraud::show)),
        post("/v1/fraud/{id}/release", finance, web::to(v1::fraud::release)),
        post("/v1/fraud/{id}/hold", finance, web::to(v1::fraud::hold)),
        post("/v1/fraud/{id}/block", finance, web::to(v1::fraud::block)),
        creation("/v1/webhooks", hooks, web::to(v1::webhooks::create)),
        get("/v1/webhooks", hooks, web::to(v1::webhooks::list)),
        delete("/v1/webhooks/{id}", hooks, web::to(v1::webhooks::remove)),
        post("/v1/webhooks/{id}/rotate", hooks, web::to(v1::webhooks::rotate)),
        post("/v1/webhooks/{id}/enable", hooks, web::to(v1::webhooks::enable)),
        post("/v1/webhooks/{id}/test", hooks, web::to(v1::webhooks::test)),
        get("/v1/webhooks/{id}/deliveries", hooks, web::to(v1::webhooks::deliveries)),
        post("/v1/webhooks/{id}/replay", hooks, web::to(v1::webhooks::replay)),
        get("/v1/partners", Access::roles(settled_by), web::to(v1::partners::list)),
        get("/v1/partners/{code}", Access::roles(settled_by), web::to(v1::partners::show)),
        patch("/v1/partners/{code}", partner_settings, web::to(v1::partners::change)),
        get("/v1/rules", Access::roles(managers), web::to(v1::rules::list)),
        creation("/v1/rules", finance, web::to(v1::rules::draft)),
        creation("/v1/rules/{id}/versions", finance, web::to(v1::rules::draft_version)),
        post("/v1/rules/preview", drafters, web::to(v1::rules::preview)),
        creation("/v1/rules/simulate", drafters, web::to(v1::rules::simulate)),
        get("/v1/rules/simulations", books, web::to(v1::rules::list_simulations)),
        get("/v1/rules/simulations/{id}", books, web::to(v1::rules::show_simulation)),
        get("/v1/rules/{id}", Access::roles(managers), web::to(v1::rules::show)),
        post("/v1/rules/{id}/versions/{version}/approve", controller, web::to(v1::rules::approve)),
        post("/v1/rules/{id}/end", finance, web::to(v1::rules::end)),
        get("/v1/ledger/accounts", books, web::to(v1::ledger::accounts)),
        get("/v1/ledger/postings", books, web::to(v1::ledger::postings)),
        get("/v1/ledger/trial-balance", books, web::to(v1::ledger::trial_balance)),
        creation("/v1/adjustments", finance, web::to(v1::adjustments::propose)),
        get("/v1/adjustments", books, web::to(v1::adjustments::list)),
        post("/v1/adjustments/{id}/approve", controller, web::to(v1::adjustments::approve)),
        post("/v1/adjustments/{id}/decline", drafters, web::to(v1::adjustments::decline)),
        get("/v1/standings", books, web::to(v1::standings::find)),
        get("/v1/members/{id}/standing", books, web::to(v1::standings::show)),
        post("/v1/members/{id}/freeze", finance, web::to(v1::standings::freeze)),
        post("/v1/members/{id}/unfreeze", finance, web::to(v1::standings::unfreeze)),
        get("/v1/tiers", tier_readers, web::to(v1::tiers::show)),
        put("/v1/tiers", finance, web::to(v1::tiers::draft)),
        post("/v1/tiers/{version}/approve", tier_approvers, web::to(v1::tiers::approve)),
        get("/v1/members/{id}/balance", books, web::to(v1::ledger::member_balance)),
        get("/v1/organisations", structure, web::to(v1::organisations::list)),
        creation("/v1/organisations", importers, web::to(v1::organisations::create)),
        get("/v1/organisations/{code}", office, web::to(v1::organisations::show)),
        patch("/v1/organisations/{code}", importers, web::to(v1::organisations::change)),
        post("/v1/organisations/{code}/close", importers, web::to(v1::organisations::close)),
        get("/v1/organisations/{code}/statistics", office, web::to(v1::organisations::statistics)),
        get("/v1/members", office, web::to(v1::members::list)),
        creation("/v1/members", registrars, web::to(v1::members::admit)),
        get("/v1/members/{id}", office, web::to(v1::members::show)),
        patch("/v1/members/{id}", registrars, web::to(v1::members::change)),
        post("/v1/members/{id}/transfer", registrars, web::to(v1::memberships::transfer)),
        post("/v1/members/{id}/leave", registrars, web::to(v1::memberships::leave)),
        post("/v1/members/{id}/suspend", registrars, web::to(v1::memberships::suspend)),
        post("/v1/members/{id}/resume", registrars, web::to(v1::memberships::resume)),
        post("/v1/members/{id}/readmit", registrars, web::to(v1::memberships::readmit)),
        post("/v1/members/{id}/merge", importers, web::to(v1::merging::merge)),
        creation("/v1/imports", importers, web::to(v1::imports::upload)),
        get("/v1/imports", import_readers, web::to(v1::imports::list)),
        get("/v1/imports/{id}", import_readers, web::to(v1::imports::show)),
        get("/v1/imports/{id}/rejected", import_readers, web::to(v1::imports::rejected)),
        get("/v1/imports/{id}/rejected.csv", import_readers, web::to(v1::imports::rejected_csv)),
        get("/v1/settings", Access::roles(settled_by), web::to(v1::settings::show)),
        patch("/v1/settings", administrators, web::to(v1::settings::change)),
        creation("/v1/cards", issuers, web::to(v1::cards::issue)),
        get("/v1/cards/revocations", partner, web::to(v1::revocations::list)),
        get("/v1/cards/{id}", office, web::to(v1::card_records::show)),
        creation("/v1/cards/{id}/reissue", number_keepers, web::to(v1::card_records::reissue)),
        creation("/v1/cards/{id}/aliases", number_keepers, web::to(v1::card_records::add_alias)),
        delete("/v1/cards/{id}/aliases", number_keepers, web::to(v1::card_records::remove_alias)),
        get("/v1/cards", office, web::to(v1::cards::find)),
        post("/v1/cards/{id}/block", issuers, web::to(v1::cards::block)),
        get("/v1/cards/{id}/face.png", office, web::to(v1::print_batches::face)),
        get("/v1/cards/{id}/print-history", office, web::to(v1::print_batches::history)),
        creation("/v1/card-orders", printers, web::to(v1::card_orders::place)),
        get("/v1/card-orders", office, web::to(v1::card_orders::list)),
        get("/v1/card-orders/wanting", printers, web::to(v1::card_orders::how_many)),
        get("/v1/card-orders/{id}", office, web::to(v1::card_orders::show)),
        get("/v1/designs", office, web::to(v1::designs::holding)),
        creation("/v1/designs", printers, web::to(v1::designs::create)),
        post("/v1/designs/preview", printers, web::to(v1::designs::preview_of)),
        get("/v1/designs/{id}", office, web::to(v1::designs::show)),
        delete("/v1/designs/{id}", printers, web::to(v1::designs::retire)),
        get("/v1/designs/{id}/preview.png", office, web::to(v1::designs::preview)),
        get("/v1/print-queue", office, web::to(v1::print_batches::queue)),
        get("/v1/print-batches", office, web::to(v1::print_batches::list)),
        creation("/v1/print-batches", printers, web::to(v1::print_batches::create)),
        get("/v1/print-batches/{id}", office, web::to(v1::print_batches::show)),
        get("/v1/print-batches/{id}/cards", office, web::to(v1::print_batches::cards)),
        get("/v1/print-batches/{id}/files", receivers, web::to(v1::print_batches::files)),
        get("/v1/print-batches/{id}/files/{name}", receivers, web::to(v1::print_batches::file)),
        post("/v1/print-batches/{id}/send", printers, web::to(v1::print_batches::send)),
        post("/v1/print-batches/{id}/receive", receivers, web::to(v1::print_batches::receive)),
        post("/v1/print-batches/{id}/hand-out", receivers, web::to(v1::print_batches::hand_out)),
        post("/v1/print-batches/{id}/spoil", receivers, web::to(v1::print_batches::spoil)),
        get("/", Access::PUBLIC, web::to(pages::member)),
        get("/till", Access::PUBLIC, web::to(pages::till)),
        get("/office", Access::PUBLIC, web::to(pages::office)),
        get("/docs", Access::PUBLIC, web::to(pages::docs)),
        get("/assets/{file}", Access::PUBLIC, web::to(pages::asset)),
        get("/favicon.ico", Access::PUBLIC, web::to(pages::root_file)),
        get("/icon.svg", Access::PUBLIC, web::to(pages::root_file)),
        get("/icon-192.png", Access::PUBLIC, web::to(pages::root_file)),
        get("/icon-512.png", Access::PUBLIC, web::to(pages::root_file)),
        get("/manifest.webmanifest", Access::PUBLIC, web::to(pages::root_file)),
        get("/sw.js", Access::PUBLIC, web::to(pages::worker)),
        get("/.well-known/jwks.json", Access::PUBLIC, web::to(v1::jwks::keys)),
        get("/.well-known/oauth-authorization-server", Access::PUBLIC, web::to(v1::oauth::metadata::show)),
        get("/v1/oauth/authorize", Access::PUBLIC, web::to(v1::oauth::authorize::page)),
        get("/v1/oauth/consent", Access::PUBLIC, web::to(v1::oauth::authorize::consent)),
        post("/v1/oauth/authorize", member, web::to(v1::oauth::authorize::allow)),
        post("/v1/oauth/token", Access::PUBLIC, web::to(v1::oauth::token)),
        post("/v1/oauth/revoke", Access::PUBLIC, web::to(v1::oauth::revoke::revoke)),
        creation("/v1/wallet-apps", administrators, web::to(v1::wallet_apps::create)),
        get("/v1/wallet-apps", app_readers, web::to(v1::wallet_apps::list)),
        patch("/v1/wallet-apps/{id}", administrators, web::to(v1::wallet_apps::change)),
        creation("/v1/wallet-apps/{id}/secret", administrators, web::to(v1::wallet_apps::renew_secret)),
        delete("/v1/wallet-apps/{id}", administrators, web::to(v1::wallet_apps::revoke)),
        post("/v1/auth/login", Access::PUBLIC, web::to(v1::auth::login)),
        post("/v1/auth/code", Access::PUBLIC, web::to(v1::auth::code)),
        post("/v1/auth/verify", Access::PUBLIC, web::to(v1::auth::verify)),
        post("/v1/auth/refresh", Access::PUBLIC, web::to(v1::auth::refresh)),
        post("/v1/auth/logout", Access::PUBLIC, web::to(v1::auth::logout)),
        post(
            "/v1/apple/v1/devices/{device}/registrations/{pass_type}/{serial}",
            Access::PUBLIC,
            web::to(v1::apple::register),
        ),
        delete(
            "/v1/apple/v1/devices/{device}/registrations/{pass_type}/{serial}",
            Access::PUBLIC,
            web::to(v1::apple::unregister),
        ),
        get(
            "/v1/apple/v1/devices/{device}/registrations/{pass_type}",
            Access::PUBLIC,
            web::to(v1::apple::changed),
        ),
        get("/v1/apple/v1/passes/{pass_type}/{serial}", Access::PUBLIC, web::to(v1::apple::pass)),
        post("/v1/apple/v1/log", Access::PUBLIC, web::to(v1::apple::log)),
        get("/v1/staff/me", Access::STAFF, web::to(v1::staff::me)),
        get("/v1/me/events", Access::MEMBER, web::to(v1::events::events)),
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
        let allow: Vec<&str> = entries
            .iter()
            .flat_map(|entry| match entry.method {
                Method::GET => vec!["GET", "HEAD"],
                _ => vec![entry.method.as_str()],
            })
            .collect();
        let allow = allow.join(", ");
        let resource =
            entries.into_iter().fold(web::resource(path), |resource, entry| resource.route(entry.route));
        config.service(resource.default_service(web::to(move || {
            let allow = allow.clone();
            async move { Err::<actix_web::HttpResponse, _>(Problem::method_not_allowed(allow)) }
        })));
    }
}
