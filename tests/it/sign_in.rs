//! People and programs sign in, stay signed in for as long as they should, and not a request longer.

use chrono::TimeDelta;
use harness::{Answer, Client, TestServer, server};
use serde_json::{Value, json};
use unioncard::auth::staff::{self, NewStaff};
use unioncard::auth::{Role, clients};

fn login(server: &TestServer, email: &str) -> staff::Created {
    let new = NewStaff {
        email: email.to_owned(),
        role: Role::Finance,
        organisation: None,
        partner: None,
        outlets: Vec::new(),
        password: None,
    };
    staff::create(&server.app, &mut server.connect(), new).unwrap()
}

fn signed_in(server: &TestServer, login: &staff::Created) -> Value {
    let body = json!({ "email": login.email, "password": login.password });
    server.client().post("/v1/auth/login", &body).expect(200).json()
}

fn bearer(server: &TestServer, tokens: &Value) -> Client {
    server.client().bearer(tokens["access_token"].as_str().unwrap())
}

fn refresh(server: &TestServer, tokens: &Value) -> Answer {
    let body = json!({ "refresh_token": tokens["refresh_token"] });
    server.client().post("/v1/auth/refresh", &body)
}

#[test]
fn staff_sign_in_with_a_password_in_any_spelling_of_their_address() {
    let server = server();
    let login = login(&server, "Finance@Example.org");
    let body = json!({ "email": " finance@EXAMPLE.org", "password": login.password });
    let tokens = server.client().post("/v1/auth/login", &body).expect(200).json();
    assert_eq!(tokens["expires_in"], 900);
    let me = bearer(&server, &tokens).get("/v1/staff/me").expect(200).json();
    assert_eq!((&me["email"], &me["role"]), (&json!("finance@example.org"), &json!("finance")));
}

#[test]
fn wrong_logins_are_refused_alike() {
    let server = server();
    let login = login(&server, "finance@example.org");
    let wrong = |body: Value| server.client().post("/v1/auth/login", &body);
    let known = wrong(json!({ "email": login.email, "password": "not the password" }));
    let unknown = wrong(json!({ "email": "nobody@example.org", "password": "not the password" }));
    assert_eq!(known.body, unknown.body);
    assert_eq!(known.problem(401), "unauthenticated");
    let long = "x".repeat(100_000);
    for body in [
        json!({ "email": login.email, "password": "" }),
        json!({ "email": login.email, "password": long }),
        json!({ "email": "no address", "password": login.password }),
        json!({ "email": format!("{}\u{301}", login.email), "password": login.password }),
    ] {
        assert_eq!(wrong(body).status, 401);
    }
    let with_totp = json!({ "email": login.email, "password": login.password, "totp": "123456" });
    assert_eq!(wrong(with_totp).problem(422), "invalid");
    let unknown_field = json!({ "email": login.email, "password": login.password, "role": "administrator" });
    assert_eq!(wrong(unknown_field).problem(422), "invalid");
}

#[test]
fn an_access_token_lives_a_quarter_of_an_hour_and_is_renewed_once() {
    let server = server();
    let tokens = signed_in(&server, &login(&server, "finance@example.org"));
    server.clock.advance(TimeDelta::minutes(16));
    assert_eq!(bearer(&server, &tokens).get("/v1/staff/me").problem(401), "unauthenticated");
    let renewed = refresh(&server, &tokens).expect(200).json();
    bearer(&server, &renewed).get("/v1/staff/me").expect(200);
    // A second use of the first token: somebody has a copy, so the whole session ends.
    refresh(&server, &tokens).problem(401);
    bearer(&server, &renewed).get("/v1/staff/me").problem(401);
    refresh(&server, &renewed).problem(401);
}

#[test]
fn a_refresh_token_used_by_many_at_once_works_once() {
    let server = server();
    let tokens = signed_in(&server, &login(&server, "finance@example.org"));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let racing: Vec<_> = (0..8).map(|_| scope.spawn(|| refresh(&server, &tokens).status)).collect();
        racing.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    bearer(&server, &tokens).get("/v1/staff/me").problem(401);
}

#[test]
fn what_ends_a_session_works_on_the_next_request() {
    let server = server();
    let login = login(&server, "finance@example.org");
    let out = signed_in(&server, &login);
    bearer(&server, &out).post("/v1/auth/logout", &json!({})).expect(204);
    bearer(&server, &out).get("/v1/staff/me").problem(401);
    refresh(&server, &out).problem(401);

    let changed = signed_in(&server, &login);
    staff::set_password(&server.app, &mut server.connect(), login.id, "another long password").unwrap();
    bearer(&server, &changed).get("/v1/staff/me").problem(401);
    refresh(&server, &changed).problem(401);

    let login = staff::Created { password: "another long password".into(), ..login };
    let disabled = signed_in(&server, &login);
    staff::disable(&server.app, &mut server.connect(), login.id).unwrap();
    bearer(&server, &disabled).get("/v1/staff/me").problem(401);
    refresh(&server, &disabled).problem(401);
    let body = json!({ "email": login.email, "password": login.password });
    server.client().post("/v1/auth/login", &body).problem(401);
}

#[test]
fn a_member_signs_in_with_the_code_from_the_mail() {
    let server = server();
    server.member("1001");
    let code = |server: &TestServer, count: usize| {
        server.client().post("/v1/auth/code", &json!({ "email": "1001@Example.org" })).expect(202);
        server.letters(count).last().unwrap().code()
    };
    let verify = |code: &str| {
        server.client().post("/v1/auth/verify", &json!({ "email": "1001@example.org", "code": code }))
    };
    let first = code(&server, 1);
    let tokens = verify(&first).expect(200).json();
    // A member is nobody of the staff.
    assert_eq!(bearer(&server, &tokens).get("/v1/staff/me").problem(403), "forbidden");
    assert_eq!(verify(&first).status, 401, "a code works once");
    let late = code(&server, 2);
    server.clock.advance(TimeDelta::minutes(11));
    assert_eq!(verify(&late).status, 401, "a code works ten minutes");
    let old = code(&server, 3);
    let new = code(&server, 4);
    assert_ne!(old, new);
    assert_eq!(verify(&old).status, 401, "a new code replaces the old one");
    verify(&new).expect(200);
}

#[test]
fn known_and_unknown_addresses_are_answered_alike_and_locked_alike() {
    let server = server();
    server.member("1001");
    let ask = |email: &str| server.client().post("/v1/auth/code", &json!({ "email": email }));
    let client = server.client();
    let verify = |email, code| client.post("/v1/auth/verify", &json!({ "email": email, "code": code }));
    let (known, unknown) = ("1001@example.org", "nobody@example.org");
    assert_eq!(ask(known).expect(202).body, ask(unknown).expect(202).body);
    let right = server.letters(1)[0].code();
    let wrong = if right == "000000" { "000001" } else { "000000" };
    for email in [known, unknown] {
        for time in 1..=5 {
            assert_eq!(verify(email, wrong).status, 401, "{email} {time}");
        }
        // A new code does not reset the count.
        ask(email).expect(202);
        let answer = verify(email, wrong);
        // What is left of the half minute that the fifth wrong code began.
        let wait: u32 = answer.header("retry-after").parse().unwrap();
        assert!((20..=30).contains(&wait), "{email}: {wait}");
        assert_eq!(answer.header("ratelimit"), format!("\"wrong-sign-in-code\";r=0;t={wait}"));
        assert_eq!(answer.header("ratelimit-policy"), "\"wrong-sign-in-code\";q=5;w=30");
        assert_eq!(answer.problem(429), "too-many-requests");
    }
    let right = server.letters(2)[1].code();
    assert_eq!(verify(known, &right).status, 429, "locked, even for the right code");
    server.clock.advance(TimeDelta::seconds(31));
    let answer = verify(known, wrong);
    assert_eq!((answer.status, answer.header("retry-after")), (429, "60"), "the delay grows");
    server.clock.advance(TimeDelta::seconds(61));
    verify(known, &right).expect(200);
    assert_eq!(verify(known, wrong).status, 401, "signing in clears the count");
}

#[test]
fn many_guesses_at_once_are_counted_one_by_one() {
    let server = server();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let guess = |code: usize| {
            let body = json!({ "email": "nobody@example.org", "code": format!("{code:06}") });
            server.client().post("/v1/auth/verify", &body).status
        };
        let racing: Vec<_> = (0..20).map(|code| scope.spawn(move || guess(code))).collect();
        racing.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 5, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 15, "{statuses:?}");
}

#[test]
fn an_address_may_sign_in_twenty_times_a_minute_and_not_for_ever() {
    let server = server();
    let statuses: Vec<u16> = (0..70)
        .map(|number| {
            let body = json!({ "email": format!("nobody{number}@example.org"), "code": "000000" });
            server.client().post("/v1/auth/verify", &body).status
        })
        .collect();
    assert!(statuses[..20].iter().all(|status| *status == 401), "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
    for path in ["/v1/auth/verify", "/v1/auth/code"] {
        let asked = (0..70).map(|number| {
            let mut body = json!({ "email": format!("nobody{number}@example.org") });
            if path == "/v1/auth/verify" {
                body["code"] = json!("000000");
            }
            server.client().post(path, &body)
        });
        let stopped = asked.into_iter().find(|answer| answer.status == 429).expect("a limit");
        for header in ["retry-after", "ratelimit", "ratelimit-policy"] {
            assert!(!stopped.header(header).is_empty(), "{path}: {header}");
        }
    }
}

#[test]
fn wrong_bodies_are_refused_by_field() {
    let server = server();
    let cases = [
        ("/v1/auth/code", json!({}), "#/email"),
        ("/v1/auth/code", json!({ "email": "a@example.org", "phone": "+79161234567" }), "#/email"),
        ("/v1/auth/code", json!({ "email": "no address" }), "#/email"),
        ("/v1/auth/code", json!({ "phone": "12" }), "#/phone"),
        ("/v1/auth/verify", json!({ "email": "a@example.org", "code": "12345" }), "#/code"),
        ("/v1/auth/verify", json!({ "email": "a@example.org", "code": "١٢٣٤٥٦" }), "#/code"),
        ("/v1/auth/verify", json!({ "email": "a@example.org", "code": 123456 }), "#/code"),
    ];
    for (path, body, pointer) in cases {
        let answer = server.client().post(path, &body);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{path} {body}");
        assert_eq!(answer.problem(422), "invalid");
    }
}

#[test]
fn a_program_gets_a_token_for_an_hour_and_loses_it_with_its_secret() {
    let server = server();
    let partner = server.partner("demo", &["demo-1"]);
    let client = server.as_partner(&partner);
    assert_eq!(client.get("/v1/staff/me").problem(403), "forbidden", "signed in, but no staff");
    server.clock.advance(TimeDelta::minutes(61));
    client.get("/v1/staff/me").problem(401);

    let made = clients::create(&server.app, &mut server.connect(), partner.partner.id).unwrap();
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        made.client_id, made.client_secret
    );
    let token = |form: &str| {
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        server.client().send("POST", "/v1/oauth/token", &kind, form.as_bytes())
    };
    let tokens = token(&form).expect(200).json();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(3600)));
    bearer(&server, &tokens).get("/v1/staff/me").problem(403);
    clients::revoke(&server.app, &mut server.connect(), made.id).unwrap();
    server.clock.advance(TimeDelta::seconds(1));
    bearer(&server, &tokens).get("/v1/staff/me").problem(401);
    assert_eq!(token(&form).problem(401), "invalid-client");
    assert_eq!(token(&form.replace("client_credentials", "password")).problem(400), "unsupported-grant-type");
}

#[test]
fn the_token_endpoint_speaks_as_its_standard_says() {
    let server = server();
    let partner = server.partner("demo", &["demo-1"]);
    let (id, secret) = (partner.client_id.as_str(), partner.client_secret.as_str());
    let ask = |form: &str, headers: &[(&str, &str)]| {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let headers: Vec<_> = headers.iter().copied().chain([kind]).collect();
        server.client().send("POST", "/v1/oauth/token", &headers, form.as_bytes())
    };
    let basic = |id: &str, secret: &str| {
        use base64::Engine;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}")))
    };
    let grant = "grant_type=client_credentials";
    let (right, wrong) = (basic(id, secret), basic(id, "wrong"));
    let post = format!("{grant}&client_id={id}&client_secret={secret}");
    for (form, headers) in [
        (post.clone(), vec![]),
        (grant.to_owned(), vec![("authorization", right.as_str())]),
        (
            format!("{grant}&client_id={id}&scope=purchases&resource=x"),
            vec![("authorization", right.as_str())],
        ),
    ] {
        let answer = ask(&form, &headers).expect(200);
        assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
        bearer(&server, &answer.json()).get("/v1/staff/me").problem(403);
    }
    let both = [("authorization", right.as_str())];
    for (form, headers, status, error) in [
        ("", vec![], 400, "invalid_request"),
        ("grant_type=client_credentials&grant_type=client_credentials", vec![], 400, "invalid_request"),
        ("grant_type=password", vec![], 400, "unsupported_grant_type"),
        (grant, vec![], 401, "invalid_client"),
        (grant, vec![("authorization", wrong.as_str())], 401, "invalid_client"),
        (grant, vec![("authorization", "Basic ???")], 401, "invalid_client"),
        (post.as_str(), both.to_vec(), 400, "invalid_request"),
    ] {
        let answer = ask(form, &headers).expect(status);
        let body = answer.json();
        assert_eq!(body["error"], error, "{form}: {body}");
        let told = body["error_description"].as_str().unwrap();
        assert!(!told.is_empty() && told.is_ascii(), "{told}");
        assert_eq!(answer.header("cache-control"), "no-store");
        let challenge = answer.header("www-authenticate");
        let asked_by_header = status == 401 && !headers.is_empty();
        assert_eq!(challenge.starts_with("Basic "), asked_by_header, "{form}: {challenge}");
        answer.problem(status);
    }
    let russian = server.client().with("accept-language", "ru");
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let body = russian.send("POST", "/v1/oauth/token", &kind, grant.as_bytes()).expect(401).json();
    assert_eq!(body["title"], "Идентификатор или секрет программы неверен");
    assert!(body["error_description"].as_str().unwrap().is_ascii(), "RFC 6749 knows ASCII alone");
    let json = server.client().post("/v1/oauth/token", &json!({})).expect(415).json();
    assert_eq!(json["error"], "invalid_request");
}

#[test]
fn a_page_that_names_no_session_is_known_by_its_cookies() {
    let server = server();
    let login = login(&server, "finance@example.org");
    let body = json!({ "email": login.email, "password": login.password, "cookie": true });
    let answer = server.client().post("/v1/auth/login", &body).expect(200);
    let csrf = answer.json()["csrf_token"].as_str().unwrap().to_owned();
    let page = server.client().with("cookie", &cookies(&answer));
    page.get("/v1/staff/me").expect(200);
    page.post("/v1/auth/refresh", &json!({})).problem(403);
    let renewed = page.with("x-csrf-token", &csrf).post("/v1/auth/refresh", &json!({})).expect(200);
    let renewed = server.client().with("cookie", &cookies(&renewed)).with("x-csrf-token", &csrf);
    renewed.get("/v1/staff/me").expect(200);
    // Two pages of one browser: which of them asks, nobody can tell.
    let till = open_page(&server, "till", &login);
    let till_cookies = {
        let again = json!({ "email": login.email, "password": login.password, "cookie": true });
        cookies(&server.client().with("x-session", "till").post("/v1/auth/login", &again).expect(200))
    };
    till.client.get("/v1/staff/me").expect(200);
    let office = server.client().post("/v1/auth/login", &body).expect(200);
    let both = format!("{}; {till_cookies}", cookies(&office));
    server.client().with("cookie", &both).get("/v1/staff/me").problem(401);
    server.client().with("cookie", &both).with("x-session", "office").get("/v1/staff/me").expect(200);
    renewed.post("/v1/auth/logout", &json!({})).expect(204);
    renewed.get("/v1/staff/me").problem(401);
}

#[test]
fn a_token_comes_in_one_header_and_nowhere_else() {
    let server = server();
    let tokens = signed_in(&server, &login(&server, "finance@example.org"));
    let access = tokens["access_token"].as_str().unwrap();
    let value = format!("Bearer {access}");
    let get = |path: &str, headers: &[(&str, &str)]| server.client().send("GET", path, headers, b"");
    get("/v1/staff/me", &[("authorization", &value)]).expect(200);
    get("/v1/staff/me", &[]).problem(401);
    get("/v1/staff/me", &[("authorization", &value), ("authorization", &value)]).problem(401);
    get(&format!("/v1/staff/me?access_token={access}"), &[]).problem(401);
    get(&format!("/v1/staff/me?access_token={access}"), &[("authorization", &value)]).problem(401);
    let refresh = format!("Bearer {}", tokens["refresh_token"].as_str().unwrap());
    get("/v1/staff/me", &[("authorization", &refresh)]).problem(401);
    get("/v1/staff/me", &[("authorization", &format!("{value}x"))]).problem(401);
}

/// A page's cookies, as a browser keeps them.
struct Page {
    client: Client,
    csrf: String,
}

fn open_page(server: &TestServer, page: &str, login: &staff::Created) -> Page {
    let body = json!({ "email": login.email, "password": login.password, "cookie": true });
    let client = server.client().with("x-session", page);
    let answer = client.post("/v1/auth/login", &body).expect(200);
    assert!(answer.json().get("access_token").is_none());
    assert!(answer.json().get("refresh_token").is_none());
    let csrf = answer.json()["csrf_token"].as_str().unwrap().to_owned();
    Page { client: client.with("cookie", &cookies(&answer)), csrf }
}

fn cookies(answer: &Answer) -> String {
    let pairs: Vec<&str> = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap())
        .inspect(|value| {
            assert!(
                value.starts_with("__Host-") && value.contains("Secure") && value.contains("Path=/"),
                "{value}"
            );
            assert!(value.contains("SameSite=Strict") && !value.contains("Domain"), "{value}");
        })
        .map(|value| value.split(';').next().unwrap())
        .collect();
    assert_eq!(pairs.len(), 3);
    pairs.join("; ")
}

#[test]
fn a_page_signs_in_with_cookies_and_shows_that_it_is_ours() {
    let server = server();
    let login = login(&server, "finance@example.org");
    let page = open_page(&server, "office", &login);
    page.client.get("/v1/staff/me").expect(200);
    page.client.with("x-session", "till").get("/v1/staff/me").problem(401);
    page.client.with("x-session", "member").get("/v1/staff/me").problem(401);
    page.client.with("x-session", "other").get("/v1/staff/me").problem(422);

    let refresh = |client: &Client| client.post("/v1/auth/refresh", &json!({}));
    assert_eq!(refresh(&page.client).problem(403), "forbidden");
    let other = open_page(&server, "office", &login);
    refresh(&page.client.with("x-csrf-token", &other.csrf)).problem(403);
    // Refused for want of the CSRF token, the refresh token was not used up.
    let answer = refresh(&page.client.with("x-csrf-token", &page.csrf)).expect(200);
    assert_eq!(answer.json()["csrf_token"], page.csrf);
    let renewed = page.client.with("cookie", &cookies(&answer));
    renewed.get("/v1/staff/me").expect(200);

    renewed.post("/v1/auth/logout", &json!({})).problem(403);
    let out = renewed.with("x-csrf-token", &page.csrf).post("/v1/auth/logout", &json!({})).expect(204);
    assert!(cookies(&out).split("; ").all(|pair| pair.ends_with('=')), "all are removed");
    renewed.get("/v1/staff/me").problem(401);
    other.client.get("/v1/staff/me").expect(200);
}

#[test]
fn pages_are_for_their_own_people() {
    let server = server();
    let login = login(&server, "finance@example.org");
    let body = json!({ "email": login.email, "password": login.password, "cookie": true });
    let unnamed = server.client().post("/v1/auth/login", &body).expect(200);
    assert!(cookies(&unnamed).contains("__Host-office-access="), "the office, where no page is named");
    server.client().with("x-session", "member").post("/v1/auth/login", &body).problem(422);
}

#[test]
fn keys_rotate_without_signing_anybody_out_and_retire() {
    let server = server();
    let old = signed_in(&server, &login(&server, "finance@example.org"));
    let published = |server: &TestServer| {
        let keys = server.client().get("/.well-known/jwks.json").expect(200).json();
        // The keys of proofs stand beside them and follow the calendar.
        let kids = keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap());
        kids.filter(|kid| !kid.starts_with("proof-")).count()
    };
    assert_eq!(published(&server), 1);
    let (app, connection) = (&server.app, &mut server.connect());
    let first = app.auth.keyring.signer().unwrap();
    app.auth.keyring.rotate(connection, &app.master, app.now()).unwrap();
    assert_eq!(published(&server), 2);
    bearer(&server, &old).get("/v1/staff/me").expect(200);
    let new = refresh(&server, &old).expect(200).json();
    bearer(&server, &new).get("/v1/staff/me").expect(200);
    let whose = first.verify(old["access_token"].as_str().unwrap(), app.now()).unwrap();
    let by_first = || {
        let life = TimeDelta::minutes(15);
        let token = first.sign(whose.realm, whose.subject, whose.session, app.now(), life).unwrap();
        server.client().bearer(&token).get("/v1/staff/me")
    };
    by_first().expect(200);
    server.clock.advance(TimeDelta::hours(3));
    app.auth.keyring.tend(connection, &app.master, app.now()).unwrap();
    assert_eq!(published(&server), 1);
    assert_eq!(by_first().problem(401), "unauthenticated", "a retired key signs for nobody");
}

#[test]
fn the_audit_log_notices_every_change() {
    use diesel::connection::SimpleConnection;
    use unioncard::auth::audit::Broken;
    let server = server();
    let login = login(&server, "finance@example.org");
    signed_in(&server, &login);
    signed_in(&server, &login);
    let connection = &mut server.connect();
    let audit = &server.app.auth.audit;
    assert_eq!(audit.verify(connection).unwrap(), Ok(3));
    let harm = [
        ("UPDATE platform.audit_log SET actor = 'somebody' WHERE id = 2", 2),
        ("UPDATE platform.audit_log SET at = at + interval '1 second' WHERE id = 1", 1),
        ("DELETE FROM platform.audit_log WHERE id = 2", 3),
        ("UPDATE platform.audit_log SET id = CASE id WHEN 1 THEN 102 WHEN 2 THEN 101 ELSE 103 END", 101),
    ];
    for (sql, id) in harm {
        assert!(connection.batch_execute(sql).is_err(), "only ever added to: {sql}");
        connection
            .batch_execute("BEGIN; ALTER TABLE platform.audit_log DISABLE TRIGGER append_only")
            .unwrap();
        connection.batch_execute(sql).unwrap();
        assert_eq!(audit.verify(connection).unwrap(), Err(Broken { id }), "{sql}");
        connection.batch_execute("ROLLBACK").unwrap();
    }
}
