//! The OpenAPI document, made of the handlers' own annotations. The pages' client is generated from it.

use actix_web::HttpResponse;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{
    self, AuthorizationCode, Flow, Http, HttpAuthScheme, OAuth2, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, Ref, RefOr, Response, Schema};
use utoipa::{Modify, OpenApi};

use crate::auth::oauth::Scope;
use crate::problem::{FieldErrorBody, ProblemBody};
use crate::{routes, v1};

/// Every route of the public API.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Unioncard",
        description = "The electronic trade-union card and cashback platform. Amounts are exact decimals in strings, \
                       times RFC 3339 in UTC, errors RFC 9457 problems. Card numbers begin with 9643 by \
                       self-assignment; they are not registered with the national body.",
        license(name = "AGPL-3.0-or-later")
    ),
    paths(
        v1::health::live, v1::health::ready, v1::health::metrics,
        v1::jwks::keys, v1::oauth::token, v1::oauth::revoke::revoke, v1::oauth::authorize::page, v1::oauth::authorize::consent,
        v1::oauth::authorize::allow, v1::oauth::metadata::show,
        v1::wallet_apps::create, v1::wallet_apps::list, v1::wallet_apps::change, v1::wallet_apps::renew_secret,
        v1::wallet_apps::revoke, v1::me::apps::list, v1::me::apps::disconnect, v1::auth::login, v1::auth::code, v1::auth::verify, v1::auth::refresh,
        v1::auth::logout, v1::staff::me, v1::events::events,
        v1::me::show, v1::me::change, v1::me::enrol, v1::me::leave, v1::me::design::logo,
        v1::me::cards::list, v1::me::cards::code, v1::me::cards::code_svg, v1::me::cards::code_png, v1::me::cards::block,
        v1::me::family::order, v1::me::family::change, v1::me::family::reissue,
        v1::me::shown::proof, v1::me::shown::barcode, v1::me::google::google, v1::me::wallets::apple,
        v1::apple::register, v1::apple::unregister, v1::apple::changed, v1::apple::pass, v1::apple::log,
        v1::me::devices::list, v1::me::devices::add, v1::me::devices::revoke,
        v1::me::payouts::ask, v1::me::money::balance, v1::me::money::list,
        v1::cards::resolve, v1::cards::issue, v1::cards::find, v1::cards::block,
        v1::card_orders::how_many, v1::card_orders::place, v1::card_orders::list, v1::card_orders::show,
        v1::designs::holding, v1::designs::create, v1::designs::show, v1::designs::retire, v1::designs::preview,
        v1::designs::preview_of,
        v1::print_batches::queue, v1::print_batches::create, v1::print_batches::list, v1::print_batches::show,
        v1::print_batches::cards, v1::print_batches::files, v1::print_batches::file, v1::print_batches::send,
        v1::print_batches::receive, v1::print_batches::hand_out, v1::print_batches::spoil, v1::print_batches::history,
        v1::print_batches::face,
        v1::revocations::list, v1::card_records::show, v1::card_records::reissue, v1::card_records::add_alias,
        v1::card_records::remove_alias,
        v1::purchases::post, v1::purchases::quote, v1::purchases::post_batch, v1::purchases::show,
        v1::purchases::find, v1::purchases::refund, v1::purchases::capture, v1::purchases::void,
        v1::purchases::explain,
        v1::registers::upload, v1::registers::list, v1::registers::show, v1::registers::rows, v1::registers::report,
        v1::webhooks::create, v1::webhooks::list, v1::webhooks::remove, v1::webhooks::rotate, v1::webhooks::enable,
        v1::webhooks::test, v1::webhooks::deliveries, v1::webhooks::replay,
        v1::partners::list, v1::partners::show,
        v1::me::claims::file, v1::me::claims::list, v1::claims::list, v1::claims::approve, v1::claims::decline,
        v1::claims::assign, v1::outlets::drives_of, v1::outlets::add_drives, v1::outlets::remove_drive,
        v1::fraud::list, v1::fraud::show, v1::fraud::release, v1::fraud::hold, v1::fraud::block, v1::fraud::rules, v1::fraud::set_rules,
        v1::partners::change,
        v1::enrolments::start, v1::enrolments::confirm,
        v1::adjustments::list, v1::adjustments::propose, v1::adjustments::approve, v1::adjustments::decline,
        v1::standings::find, v1::standings::show, v1::standings::freeze, v1::standings::unfreeze,
        v1::tiers::show, v1::tiers::draft, v1::tiers::approve,
        v1::merging::merge,
        v1::rules::list, v1::rules::show, v1::rules::preview, v1::rules::simulate, v1::rules::list_simulations, v1::rules::show_simulation,
        v1::rules::draft, v1::rules::draft_version, v1::rules::approve, v1::rules::end,
        v1::ledger::accounts, v1::ledger::postings, v1::ledger::trial_balance, v1::ledger::member_balance,
        v1::organisations::list, v1::organisations::show, v1::organisations::create, v1::organisations::statistics,
        v1::organisations::change, v1::organisations::close,
        v1::members::list, v1::members::show, v1::members::admit, v1::members::change,
        v1::memberships::transfer, v1::memberships::leave, v1::memberships::suspend, v1::memberships::resume,
        v1::memberships::readmit,
        v1::settings::show, v1::settings::change,
        v1::imports::upload, v1::imports::list, v1::imports::show, v1::imports::rejected, v1::imports::rejected_csv,
    ),
    components(schemas(ProblemBody, FieldErrorBody)),
    modifiers(&Bearer, &Named, &Wallets, &Problems)
)]
pub struct ApiDocument;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        document.security =
            Some(vec![utoipa::openapi::security::SecurityRequirement::new("bearer", Vec::<String>::new())]);
    }
}

/// The operations of a path by their methods' names.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("get", &mut item.get),
        ("put", &mut item.put),
        ("post", &mut item.post),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

/// Gives every operation an id of its own, made of method and path: handlers of several modules share their names.
struct Named;

impl Modify for Named {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for (path, item) in &mut document.paths.paths {
            let words: Vec<&str> = path
                .split(|c: char| !c.is_ascii_alphanumeric())
                .filter(|word| !word.is_empty() && *word != "v1")
                .collect();
            let words = words.join("_");
            for (method, operation) in operations(item) {
                operation.operation_id = Some(format!("{method}_{words}"));
            }
        }
    }
}

/// The name of the scheme by which other people's wallets sign in for a member.
const WALLET: &str = "wallet";

/// Says which routes a wallet's token opens, and by which scope, as the table of routes has it.
struct Wallets;

impl Modify for Wallets {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let meanings = Scope::ALL.iter().map(|scope| (scope.as_str(), scope.meaning()));
        let code = AuthorizationCode::new(
            "/v1/oauth/authorize",
            "/v1/oauth/token",
            security::Scopes::from_iter(meanings),
        );
        let scheme = OAuth2::with_description(
            [Flow::AuthorizationCode(code)],
            "Another's wallet, with what a member allowed it: OAuth 2.1 with PKCE (S256). It sees the member's own cards, \
             not the family's.",
        );
        document
            .components
            .get_or_insert_default()
            .add_security_scheme(WALLET, SecurityScheme::OAuth2(scheme));
        for entry in routes::table() {
            let Some(scope) = entry.access.scope else { continue };
            let item = document.paths.paths.get_mut(entry.path).expect("every route is documented");
            for (method, operation) in operations(item) {
                if entry.method.as_str().eq_ignore_ascii_case(method) {
                    opened_by(operation, scope);
                }
            }
        }
    }
}

/// Says of an operation that a wallet's token with a scope opens it too.
fn opened_by(operation: &mut Operation, scope: Scope) {
    operation.security = Some(vec![
        SecurityRequirement::new("bearer", Vec::<String>::new()),
        SecurityRequirement::new(WALLET, [scope.as_str()]),
    ]);
    let said = operation.description.take().map(|said| said + "\n\n").unwrap_or_default();
    operation.description = Some(format!("{said}A wallet's token with the scope `{scope}` opens it too."));
    let problem = Content::builder().schema(Some(Ref::from_schema_name("Problem"))).build();
    let refused = Response::builder()
        .description("`insufficient-scope`: a wallet's token without this scope")
        .content("application/json", problem)
        .build();
    operation.responses.responses.insert("403".to_owned(), refused.into());
}

/// Says of every problem that it comes as `application/problem+json`.
struct Problems;

impl Modify for Problems {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let answers = document.paths.paths.values_mut().flat_map(operations).flat_map(|(_, operation)| {
            operation.responses.responses.values_mut().filter_map(|answer| match answer {
                RefOr::T(answer) => Some(answer),
                RefOr::Ref(_) => None,
            })
        });
        for answer in answers {
            if answer.content.get("application/json").is_some_and(is_problem)
                && let Some(content) = answer.content.shift_remove("application/json")
            {
                answer.content.insert("application/problem+json".to_owned(), content);
            }
        }
    }
}

fn is_problem(content: &RefOr<Content>) -> bool {
    let problem = Ref::from_schema_name("Problem");
    matches!(content, RefOr::T(Content { schema: Some(RefOr::<Schema>::Ref(named)), .. })
        if named.ref_location == problem.ref_location)
}

/// The document as indented JSON with a line's end at the end.
pub fn json() -> String {
    let mut text = ApiDocument::openapi().to_pretty_json().expect("the document is plain data");
    text.push('\n');
    text
}

/// The OpenAPI document.
pub async fn document() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(json())
}
