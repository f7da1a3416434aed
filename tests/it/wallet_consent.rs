//! Another's wallet shows a member's card with the member's consent: OAuth 2.1, and every way of it that must fail.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use diesel::prelude::*;
use harness::wallets::{Returned, WalletApp};
use harness::{Client, TestServer, server};
use serde_json::{Value, json};
use unioncard::auth::Role;
use unioncard::auth::oauth::Scope;
use unioncard::routes;

use crate::bad_inputs::filled;
use crate::shop::{Shop, bound_to, holder};

const ALL: &str = "card card:code balance";

fn bearer(server: &TestServer, tokens: &Value) -> Client {
    server.client().bearer(tokens["access_token"].as_str().unwrap())
}

fn audited(server: &TestServer, action: &str) -> i64 {
    use shared_kernel::schema::platform::audit_log;
    let found = audit_log::table.filter(audit_log::action.eq(action)).count();
    found.get_result(&mut server.connect()).unwrap()
}

fn issuer(server: &TestServer) -> String {
    format!("http://{}", server.address())
}

#[test]
fn a_bank_shows_a_members_card_until_the_member_ends_it() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "300.00");
    let (server, me) = (&shop.server, shop.server.as_member("1001"));
    let bank = server.wallet_app(ALL, false);
    let asking = bank.asking(ALL);

    // The page's own look at the request, then the member's word.
    let told = server.client().get(&format!("/v1/oauth/consent?{}", asking.text())).expect(200).json();
    assert_eq!(told["app"], "Банк «Пример»");
    assert_eq!(told["scopes"], json!(["card", "card:code", "balance"]));
    let refused = Returned::at(&bank.redirect_uri, told["refused"].as_str().unwrap());
    assert_eq!((refused.value("error"), refused.value("state")), ("access_denied", "s-1&2"));
    assert_eq!(refused.value("iss"), issuer(server));
    assert!(me.get("/v1/me/apps").expect(200).json()["items"].as_array().unwrap().is_empty());
    let returned = bank.allowed(&me, &asking);
    assert_eq!((returned.value("state"), returned.value("iss")), ("s-1&2", issuer(server).as_str()));
    let listed = || me.get("/v1/me/apps").expect(200).json()["items"].clone();
    assert_eq!(listed(), json!([]), "nothing is connected before the code is taken");

    let answer = bank.exchange(returned.value("code"), &asking.verifier).expect(200);
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let tokens = answer.json();
    assert_eq!(tokens["scope"], ALL);
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(900)));

    // What it shows works at a till.
    let wallet = bearer(server, &tokens);
    let cards = wallet.get("/v1/me/cards").expect(200).json()["items"].clone();
    assert_eq!(cards[0]["number"], anna.card.number.as_str());
    let code = wallet.get(&format!("/v1/me/cards/{}/code", anna.card.id)).expect(200).json();
    let mut sale = shop.sale(("code", code["value"].as_str().unwrap()), "R-1", "100.00");
    sale["redeem"] = json!("10.00");
    let sold = shop.program.post("/v1/purchases", &sale).expect(201).json();
    assert_eq!(sold["redeemed"], "10.00");
    let balance = wallet.get("/v1/me/balance").expect(200).json();
    assert_eq!((&balance["available"], &balance["pending"]), (&json!("290.00"), &json!("4.50")));

    // The member sees it and ends it: both kinds of token are refused at once.
    let apps = listed();
    assert_eq!((&apps[0]["name"], &apps[0]["scopes"]), (&json!("Банк «Пример»"), &told["scopes"]));
    let path = format!("/v1/me/apps/{}", apps[0]["id"].as_str().unwrap());
    server.member("1002");
    server.as_member("1002").delete(&path).problem(404);
    wallet.get("/v1/me/cards").expect(200);
    me.delete(&path).expect(204);
    assert_eq!(wallet.get("/v1/me/cards").problem(401), "unauthenticated");
    assert_eq!(bank.renew(&tokens["refresh_token"]).expect(400).json()["error"], "invalid_grant");
    assert_eq!(listed(), json!([]));
    assert_eq!(me.delete(&path).problem(404), "not-found");
    for action in ["wallet.allowed", "wallet.connected", "wallet.ended.member"] {
        assert_eq!(audited(server, action), 1, "{action}");
    }
    server.app.auth.audit.verify(&mut server.connect()).unwrap().unwrap();
}

/// Each scope and the routes it opens; whatever isn't here is closed to every wallet.
const OPEN: &[(&str, &[&str])] = &[
    ("card", &["/v1/me/cards", "/v1/me/cards/{id}/barcode.svg"]),
    ("card:code", &["/v1/me/cards/{id}/code", "/v1/me/cards/{id}/code.svg", "/v1/me/cards/{id}/code.png"]),
    ("balance", &["/v1/me/balance"]),
];

#[test]
fn the_document_tells_which_scope_opens_what() {
    let document: Value = serde_json::from_str(&unioncard::openapi::json()).unwrap();
    let flow = &document["components"]["securitySchemes"]["wallet"]["flows"]["authorizationCode"];
    assert_eq!(flow["tokenUrl"], "/v1/oauth/token");
    let mut told = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let ways = operation["security"].as_array().into_iter().flatten();
            for scope in ways.filter_map(|way| way["wallet"][0].as_str()) {
                assert!(flow["scopes"][scope].is_string(), "{scope}");
                assert!(operation["responses"]["403"].is_object(), "{method} {path}");
                told.entry(scope).or_insert_with(BTreeSet::new).insert(path.as_str());
            }
        }
    }
    let open: BTreeMap<_, BTreeSet<_>> =
        OPEN.iter().map(|(scope, paths)| (*scope, paths.iter().copied().collect())).collect();
    assert_eq!(told, open);
}

#[test]
fn each_scope_opens_its_routes_and_no_others() {
    let server = server();
    server.member("1001");
    let me = server.as_member("1001");
    assert_eq!(OPEN.len(), Scope::ALL.len());
    for (scope, open) in OPEN {
        let wallet = server.as_wallet(&me, scope);
        for entry in routes::table().iter().filter(|entry| !entry.access.public) {
            let answer = wallet.send(entry.method.as_str(), &filled(entry.path), &[], b"");
            let may = open.contains(&entry.path) && entry.method.as_str() == "GET";
            assert_eq!(answer.status != 403, may, "{scope}: {} {}", entry.method, entry.path);
            if !may {
                let challenge = answer.header("www-authenticate").to_owned();
                assert!(challenge.starts_with("Bearer error=\"insufficient_scope\""), "{challenge}");
                let asked_for = entry.access.scope.map(|scope| format!("scope=\"{scope}\""));
                assert!(asked_for.is_none_or(|asked_for| challenge.ends_with(&asked_for)), "{challenge}");
                assert_eq!(answer.problem(403), "insufficient-scope");
            }
        }
    }
}

#[test]
fn a_wallet_does_not_see_the_familys_cards() {
    let server = server();
    let anna = holder(&server, "1001");
    let me = server.as_member("1001");
    let family = json!({ "kind": "virtual", "relation": "child" });
    let child = me.post("/v1/me/cards", &family).expect(201).json();
    let wallet = server.as_wallet(&me, ALL);
    let cards = wallet.get("/v1/me/cards").expect(200).json();
    assert_eq!(cards["items"].as_array().unwrap().len(), 1);
    assert_eq!(cards["items"][0]["id"], json!(anna.card.id));
    let path = format!("/v1/me/cards/{}", child["id"].as_str().unwrap());
    for rest in ["code", "code.svg", "code.png", "barcode.svg?kind=code128"] {
        me.get(&format!("{path}/{rest}")).expect(200);
        assert_eq!(wallet.get(&format!("{path}/{rest}")).problem(404), "not-found", "{rest}");
    }
}

/// What the token endpoint refuses a code with.
#[track_caller]
fn refused(answer: harness::Answer, error: &str) {
    let status = if error == "invalid_client" { 401 } else { 400 };
    let body = answer.expect(status).json();
    assert_eq!(body["error"], error, "{body}");
    assert!(!body["error_description"].as_str().unwrap().is_empty(), "{body}");
}

#[test]
fn a_code_is_good_once_for_a_minute_for_its_app_its_address_and_its_verifier() {
    let server = server();
    server.member("1001");
    let me = server.as_member("1001");
    let bank = server.wallet_app(ALL, false);
    let other = server.wallet_app(ALL, false);
    let phone = server.wallet_app(ALL, true);
    let asking = bank.asking("card");
    let code = || bank.allowed(&me, &asking).value("code").to_owned();
    let first = code();
    let form = |code: &str, redirect_uri: &str, verifier: &str| {
        bank.token(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ])
    };
    let wrong_verifier = "a".repeat(64);
    refused(form(&first, &bank.redirect_uri, &wrong_verifier), "invalid_grant");
    refused(form(&first, &bank.redirect_uri, ""), "invalid_grant");
    refused(form(&first, "https://bank.example/card/", &asking.verifier), "invalid_grant");
    refused(form(&format!("{first}a"), &bank.redirect_uri, &asking.verifier), "invalid_grant");
    refused(other.exchange(&first, &asking.verifier), "invalid_grant");
    refused(phone.exchange(&first, &asking.verifier), "invalid_grant");
    for missing in ["code", "redirect_uri", "code_verifier"] {
        let whole = [
            ("grant_type", "authorization_code"),
            ("code", first.as_str()),
            ("redirect_uri", bank.redirect_uri.as_str()),
            ("code_verifier", asking.verifier.as_str()),
        ];
        let form: Vec<_> = whole.into_iter().filter(|(name, _)| *name != missing).collect();
        refused(bank.token(&form), "invalid_request");
    }
    // None of that has used it up.
    let tokens = bank.exchange(&first, &asking.verifier).expect(200).json();
    assert_eq!(tokens["scope"], "card", "what was asked, not what could be");
    bearer(&server, &tokens).get("/v1/me/cards").expect(200);

    // A second time: somebody has a copy, and the whole connection ends.
    refused(bank.exchange(&first, &asking.verifier), "invalid_grant");
    bearer(&server, &tokens).get("/v1/me/cards").problem(401);
    refused(bank.renew(&tokens["refresh_token"]), "invalid_grant");
    assert_eq!(audited(&server, "wallet.ended.code_reused"), 1);

    let late = code();
    server.clock.advance(TimeDelta::seconds(60));
    refused(bank.exchange(&late, &asking.verifier), "invalid_grant");
}

#[test]
fn a_code_taken_by_many_at_once_is_taken_once_and_ends() {
    let server = server();
    server.member("1001");
    let me = server.as_member("1001");
    let bank = server.wallet_app(ALL, false);
    let asking = bank.asking(ALL);
    let code = bank.allowed(&me, &asking).value("code").to_owned();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let racing: Vec<_> = (0..6).map(|_| scope.spawn(|| bank.exchange(&code, &asking.verifier))).collect();
        racing.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let taken: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(taken.len(), 1);
    bearer(&server, &taken[0].json()).get("/v1/me/cards").problem(401);
}

#[test]
fn refresh_tokens_rotate_and_one_that_comes_twice_ends_the_connection() {
    let server = server();
    server.member("1001");
    for public in [false, true] {
        let me = server.as_member("1001");
        let bank = server.wallet_app(ALL, public);
        let first = bank.connect(&me, ALL);
        server.clock.advance(TimeDelta::minutes(16));
        bearer(&server, &first).get("/v1/me/cards").problem(401);
        let second = bank.renew(&first["refresh_token"]).expect(200).json();
        bearer(&server, &second).get("/v1/me/cards").expect(200);
        assert_ne!(first["refresh_token"], second["refresh_token"]);

        // Less may be asked for, for one access token; more than was allowed may not.
        let narrow = |scope: &str, token: &Value| {
            let token = token.as_str().unwrap();
            bank.token(&[("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)])
        };
        refused(narrow("card members", &second["refresh_token"]), "invalid_scope");
        let third = narrow("balance", &second["refresh_token"]).expect(200).json();
        assert_eq!(third["scope"], "balance");
        bearer(&server, &third).get("/v1/me/balance").expect(200);
        bearer(&server, &third).get("/v1/me/cards").problem(403);
        let fourth = bank.renew(&third["refresh_token"]).expect(200).json();
        assert_eq!(fourth["scope"], ALL, "what was allowed stays allowed");

        // Another app can't use it, nor end it.
        let other = server.wallet_app(ALL, public);
        refused(other.renew(&fourth["refresh_token"]), "invalid_grant");
        bearer(&server, &fourth).get("/v1/me/cards").expect(200);

        refused(bank.renew(&first["refresh_token"]), "invalid_grant");
        bearer(&server, &fourth).get("/v1/me/cards").problem(401);
        refused(bank.renew(&fourth["refresh_token"]), "invalid_grant");
    }
    assert_eq!(audited(&server, "wallet.ended.token_reused"), 2);

    let narrow = server.wallet_app(ALL, false);
    let tokens = narrow.connect(&server.as_member("1001"), "card");
    let more = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
        ("scope", "card balance"),
    ];
    refused(narrow.token(&more), "invalid_scope");
    let kept = narrow.renew(&tokens["refresh_token"]).expect(200).json();
    server.clock.advance(TimeDelta::days(91));
    refused(narrow.renew(&kept["refresh_token"]), "invalid_grant");
}

#[test]
fn an_app_gives_its_connection_back() {
    let server = server();
    server.member("1001");
    let me = server.as_member("1001");
    let bank = server.wallet_app(ALL, false);
    let other = server.wallet_app(ALL, true);
    let revoke = |app: &WalletApp, token: &str| app.ask("/v1/oauth/revoke", &[("token", token)]);
    for kind in ["access_token", "refresh_token"] {
        let tokens = bank.connect(&me, ALL);
        let token = tokens[kind].as_str().unwrap();
        // Another's token is like one that never was.
        let theirs = revoke(&other, token).expect(200);
        let never = revoke(&other, "never").expect(200);
        assert_eq!(theirs.body, never.body);
        bearer(&server, &tokens).get("/v1/me/cards").expect(200);
        bank.ask("/v1/oauth/revoke", &[("token", token), ("token_type_hint", "nonsense")]).expect(200);
        bearer(&server, &tokens).get("/v1/me/cards").problem(401);
        refused(bank.renew(&tokens["refresh_token"]), "invalid_grant");
        revoke(&bank, token).expect(200);
    }
    assert_eq!(audited(&server, "wallet.ended.app"), 2);
    refused(bank.ask("/v1/oauth/revoke", &[]), "invalid_request");
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let wrong = format!("token=a&client_id={}&client_secret=wrong", bank.client_id);
    refused(server.client().send("POST", "/v1/oauth/revoke", &kind, wrong.as_bytes()), "invalid_client");
}

#[test]
fn whatever_is_wrong_with_a_request_goes_back_to_the_app_or_stays_here() {
    let server = server();
    server.member("1001");
    let me = server.as_member("1001");
    let bank = server.wallet_app("card balance", false);
    let right = bank.asking("card");
    let page = |query: &str| server.client().get(&format!("/v1/oauth/authorize?{query}"));
    let shown = page(&right.text()).expect(200);
    assert!(shown.header("content-type").starts_with("text/html"));
    assert!(shown.header("content-security-policy").contains("frame-ancestors 'none'"));
    assert!(shown.header("content-security-policy").contains("form-action 'self'"));
    assert_eq!(shown.header("referrer-policy"), "no-referrer");

    // Unknown apps and foreign addresses: the browser is sent nowhere.
    for (name, value) in [
        ("client_id", None),
        ("client_id", Some("wallet-0")),
        ("client_id", Some("кто")),
        ("redirect_uri", None),
        ("redirect_uri", Some("https://bank.example/card/")),
        ("redirect_uri", Some("https://bank.example/card?a=1")),
        ("redirect_uri", Some("https://evil.example/card")),
        ("redirect_uri", Some("javascript:alert(1)")),
    ] {
        let query = right.with(name, value).text();
        let answer = page(&query).expect(400);
        assert_eq!(answer.header("location"), "", "{name} {value:?}");
        let consent = server.client().get(&format!("/v1/oauth/consent?{query}"));
        assert_eq!(consent.problem(400), "malformed", "{name} {value:?}");
        me.post("/v1/oauth/authorize", &json!({ "query": query })).problem(400);
    }

    for (name, value, error) in [
        ("response_type", None, "invalid_request"),
        ("response_type", Some("token"), "unsupported_response_type"),
        ("code_challenge", None, "invalid_request"),
        ("code_challenge", Some("short"), "invalid_request"),
        ("code_challenge_method", None, "invalid_request"),
        ("code_challenge_method", Some("plain"), "invalid_request"),
        ("scope", None, "invalid_scope"),
        ("scope", Some("members"), "invalid_scope"),
        ("scope", Some("card card:code"), "invalid_scope"),
        ("state", Some("\u{431}"), "invalid_request"),
    ] {
        let query = right.with(name, value).text();
        let answer = page(&query).expect(303);
        let returned = Returned::at(&bank.redirect_uri, answer.header("location"));
        assert_eq!(returned.value("error"), error, "{name} {value:?}");
        assert_eq!(returned.value("iss"), issuer(&server));
        assert!(name == "state" || returned.value("state") == "s-1&2", "{name} {value:?}");
        assert!(!returned.has("code"));
        server.client().get(&format!("/v1/oauth/consent?{query}")).problem(400);
        me.post("/v1/oauth/authorize", &json!({ "query": query })).problem(400);
    }
    let twice = format!("{}&scope=card", right.text());
    let returned = Returned::at(&bank.redirect_uri, page(&twice).expect(303).header("location"));
    assert_eq!(returned.value("error"), "invalid_request");

    // Only a member allows; a page's word needs its CSRF token, which no other site has.
    let body = json!({ "query": right.text() });
    server.client().post("/v1/oauth/authorize", &body).problem(401);
    server.as_staff(Role::Auditor, None).post("/v1/oauth/authorize", &body).problem(403);
    server.as_wallet(&me, "card").post("/v1/oauth/authorize", &body).problem(403);
    use shared_kernel::schema::platform::oauth_grants;
    let refused = oauth_grants::table.filter(oauth_grants::connected_at.is_null()).count();
    assert_eq!(refused.get_result(&mut server.connect()), Ok(0_i64), "nothing wrong was ever allowed");
    let without_state = right.with("state", None);
    assert!(!bank.allowed(&me, &without_state).has("state"));
}

#[test]
fn apps_are_registered_by_an_administrator_of_all_roots() {
    let server = server();
    server.organisation("C-001", "");
    let administrator = server.as_staff(Role::Administrator, None);
    let app = json!({
        "name": "Кошелёк", "redirect_uris": ["https://a.example/cb"], "scopes": ["card"],
    });
    let made = administrator.post("/v1/wallet-apps", &app).expect(201).json();
    assert!(made["client_secret"].as_str().unwrap().len() >= 32);
    let mut public = app.clone();
    public["public"] = json!(true);
    public["redirect_uris"] = json!(["org.example.wallet:/cb", "http://127.0.0.1:7000/cb"]);
    assert!(administrator.post("/v1/wallet-apps", &public).expect(201).json()["client_secret"].is_null());
    let listed = administrator.get("/v1/wallet-apps").expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert!(!listed.to_string().contains(made["client_secret"].as_str().unwrap()));

    for (field, value, pointer) in [
        ("name", json!(""), "#/name"),
        ("name", json!(" a"), "#/name"),
        ("name", json!("a".repeat(65)), "#/name"),
        ("redirect_uris", json!([]), "#/redirect_uris"),
        ("redirect_uris", json!(["https://a.example/", "http://a.example/"]), "#/redirect_uris/1"),
        ("redirect_uris", json!(["https://a.example/", "https://a.example/"]), "#/redirect_uris/1"),
        ("redirect_uris", json!(["org.example.wallet:/cb"]), "#/redirect_uris/0"),
        ("scopes", json!([]), "#/scopes"),
        ("scopes", json!(["card", "members"]), "#/scopes/1"),
    ] {
        let mut wrong = app.clone();
        wrong[field] = value.clone();
        let answer = administrator.post("/v1/wallet-apps", &wrong);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{field} {value}: {}", answer.text());
        answer.problem(422);
    }
    let bound = bound_to(&server, Role::Administrator, "C-001");
    bound.post("/v1/wallet-apps", &app).problem(403);
    bound.get("/v1/wallet-apps").problem(403);
    server.as_staff(Role::Issuer, None).get("/v1/wallet-apps").problem(403);

    // Revoked: its tokens, its codes and its requests are nothing any more.
    server.member("1001");
    let me = server.as_member("1001");
    let bank = server.wallet_app(ALL, false);
    let tokens = bank.connect(&me, ALL);
    bearer(&server, &tokens).get("/v1/me/cards").expect(200);
    let listed = administrator.get("/v1/wallet-apps").expect(200).json();
    let id = listed["items"].as_array().unwrap().iter().find(|app| app["client_id"] == json!(bank.client_id));
    let path = format!("/v1/wallet-apps/{}", id.unwrap()["id"].as_str().unwrap());
    bound.delete(&path).problem(403);
    administrator.delete(&path).expect(204);
    administrator.delete(&path).expect(204);
    administrator.delete("/v1/wallet-apps/0190b5b0-0000-7000-8000-000000000000").problem(404);
    bearer(&server, &tokens).get("/v1/me/cards").problem(401);
    refused(bank.renew(&tokens["refresh_token"]), "invalid_client");
    let query = bank.asking("card").text();
    server.client().get(&format!("/v1/oauth/authorize?{query}")).expect(400);
    assert_eq!(me.get("/v1/me/apps").expect(200).json()["items"], json!([]));
    assert_eq!((audited(&server, "wallet-app.created"), audited(&server, "wallet-app.revoked")), (3, 1));
}

#[test]
fn an_app_is_connected_to_a_member_ten_times_at_most() {
    let server = server();
    server.member("1001");
    let me = server.as_member("1001");
    let bank = server.wallet_app("card", false);
    let tokens: Vec<Value> = (0..11).map(|_| bank.connect(&me, "card")).collect();
    bearer(&server, &tokens[0]).get("/v1/me/cards").problem(401);
    for kept in &tokens[1..] {
        bearer(&server, kept).get("/v1/me/cards").expect(200);
    }
    assert_eq!(me.get("/v1/me/apps").expect(200).json()["items"].as_array().unwrap().len(), 10);
}

#[test]
fn the_servers_metadata_say_what_it_does() {
    let server = server();
    let told = server.client().get("/.well-known/oauth-authorization-server").expect(200).json();
    let issuer = issuer(&server);
    assert_eq!(told["issuer"], json!(issuer));
    for (name, path) in [
        ("authorization_endpoint", "/v1/oauth/authorize"),
        ("token_endpoint", "/v1/oauth/token"),
        ("revocation_endpoint", "/v1/oauth/revoke"),
        ("jwks_uri", "/.well-known/jwks.json"),
    ] {
        assert_eq!(told[name], format!("{issuer}{path}"));
    }
    assert_eq!(told["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(told["response_types_supported"], json!(["code"]));
    assert_eq!(told["scopes_supported"], json!(["card", "card:code", "balance"]));
    assert_eq!(told["authorization_response_iss_parameter_supported"], json!(true));
}
