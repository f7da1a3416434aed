//! What an administrator does to somebody else's wallet after it was registered: changed, given another secret, switched
//! off; what members allowed follows at once.

use diesel::prelude::*;
use harness::wallets::WalletApp;
use harness::{Client, TestServer, server};
use serde_json::{Value, json};
use shared_kernel::schema::platform::audit_log;
use unioncard::auth::Role;

use crate::shop::bound_to;

const ALL: &str = "card card:code balance";

fn bearer(server: &TestServer, tokens: &Value) -> Client {
    server.client().bearer(tokens["access_token"].as_str().unwrap())
}

/// The path of an app.
fn path_of(administrator: &Client, app: &WalletApp) -> String {
    let listed = administrator.get("/v1/wallet-apps").expect(200).json();
    let found =
        listed["items"].as_array().unwrap().iter().find(|one| one["client_id"] == json!(app.client_id));
    format!("/v1/wallet-apps/{}", found.unwrap()["id"].as_str().unwrap())
}

fn audited(server: &TestServer, action: &str) -> i64 {
    let found = audit_log::table.filter(audit_log::action.eq(action)).count();
    found.get_result(&mut server.connect()).unwrap()
}

#[test]
fn an_app_may_less_from_the_moment_it_is_changed() {
    let server = server();
    server.member("1001");
    let me = server.as_member("1001");
    let administrator = server.as_staff(Role::Administrator, None);
    let bank = server.wallet_app(ALL, false);
    let path = path_of(&administrator, &bank);
    let tokens = bank.connect(&me, ALL);
    let waiting = bank.asking("balance");
    let code = bank.allowed(&me, &waiting);
    bearer(&server, &tokens).get("/v1/me/balance").expect(200);

    for (changes, pointer) in [
        (json!({ "name": " " }), "#/name"),
        (json!({ "redirect_uris": [] }), "#/redirect_uris"),
        (json!({ "redirect_uris": ["http://a.example/"] }), "#/redirect_uris/0"),
        (json!({ "scopes": [] }), "#/scopes"),
        (json!({ "scopes": ["members"] }), "#/scopes/0"),
        (json!({ "public": true }), "#/public"),
    ] {
        let answer = administrator.patch(&path, &changes);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{changes}");
        answer.problem(422);
    }
    let name = json!({ "name": "Банк «Другой»" });
    let renamed = administrator.patch(&path, &name).expect(200).json();
    assert_eq!(
        (&renamed["name"], &renamed["scopes"]),
        (&name["name"], &json!(["card", "card:code", "balance"]))
    );
    assert_eq!(me.get("/v1/me/apps").expect(200).json()["items"][0]["name"], name["name"]);
    bearer(&server, &tokens).get("/v1/me/balance").expect(200);

    let less = json!({ "scopes": ["card"] });
    assert_eq!(administrator.patch(&path, &less).expect(200).json()["scopes"], json!(["card"]));
    bearer(&server, &tokens).get("/v1/me/balance").problem(401);
    assert_eq!(
        bank.exchange(code.value("code"), &waiting.verifier).expect(400).json()["error"],
        "invalid_grant"
    );
    let renewed = bank.renew(&tokens["refresh_token"]).expect(200).json();
    assert_eq!(renewed["scope"], "card");
    bearer(&server, &renewed).get("/v1/me/cards").expect(200);
    bearer(&server, &renewed).get("/v1/me/balance").problem(403);

    let elsewhere = json!({ "redirect_uris": ["https://other.example/card"] });
    administrator.patch(&path, &elsewhere).expect(200);
    let query = bank.asking("card").text();
    server.client().get(&format!("/v1/oauth/authorize?{query}")).expect(400);
    assert_eq!(audited(&server, "wallet-app.changed"), 3);
}

#[test]
fn another_secret_takes_the_place_of_the_one_before() {
    let server = server();
    server.member("1001");
    let me = server.as_member("1001");
    let administrator = server.as_staff(Role::Administrator, None);
    let mut bank = server.wallet_app(ALL, false);
    let path = path_of(&administrator, &bank);
    let tokens = bank.connect(&me, ALL);
    let renewed = administrator.send("POST", &format!("{path}/secret"), &[], b"").expect(201).json();
    let secret = renewed["client_secret"].as_str().unwrap();
    assert!(secret.len() >= 32 && renewed["client_id"] == json!(bank.client_id));
    assert_eq!(bank.renew(&tokens["refresh_token"]).expect(401).json()["error"], "invalid_client");
    bank.client_secret = Some(secret.to_owned());
    bank.renew(&tokens["refresh_token"]).expect(200);
    assert_eq!(audited(&server, "wallet-app.secret-renewed"), 1);

    let public = server.wallet_app("card", true);
    let of_public = path_of(&administrator, &public);
    assert_eq!(administrator.post(&format!("{of_public}/secret"), &json!({})).problem(409), "app-public");
    administrator.delete(&path).expect(204);
    assert_eq!(administrator.post(&format!("{path}/secret"), &json!({})).problem(409), "app-revoked");
    assert_eq!(administrator.patch(&path, &json!({ "name": "x" })).problem(409), "app-revoked");
}

#[test]
fn an_auditor_reads_and_nobody_bound_changes() {
    let server = server();
    server.organisation("C-001", "");
    let administrator = server.as_staff(Role::Administrator, None);
    let path = path_of(&administrator, &server.wallet_app("card", false));
    let auditor = server.as_staff(Role::Auditor, None);
    assert_eq!(
        auditor.get("/v1/wallet-apps").expect(200).json(),
        administrator.get("/v1/wallet-apps").json()
    );
    let name = json!({ "name": "x" });
    for client in [&auditor, &bound_to(&server, Role::Administrator, "C-001")] {
        client.patch(&path, &name).problem(403);
        client.post(&format!("{path}/secret"), &json!({})).problem(403);
    }
    let never = "/v1/wallet-apps/0190b5b0-0000-7000-8000-000000000000";
    administrator.patch(never, &name).problem(404);
    administrator.post(&format!("{never}/secret"), &json!({})).problem(404);
}
