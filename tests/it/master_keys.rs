//! The master key gets another version: what the old one sealed, signed and derived goes on, what is new comes under the
//! new one, and a database half sealed anew works as a whole one.

use std::path::Path;

use card_issuer::cards::Card;
use card_issuer::code;
use card_issuer::devices::{self, Device, DeviceKind};
use card_issuer::keys::IssuerKeys;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use harness::builders::TestPartner;
use harness::server::server_with;
use harness::{Client, TestServer, mailbox, program, server};
use serde_json::{Value, json};
use shared_kernel::clock::Clock;
use shared_kernel::ids::MemberId;
use union_registry::members::{self, Contact};
use union_registry::resealing;
use unioncard::app::App;
use unioncard::auth::Role;
use unioncard::auth::audit::AuditLog;
use unioncard::config::Settings;

use crate::imports_http::{HEADER, import, row};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// How many members' addresses a version has sealed.
fn sealed_by(connection: &mut PgConnection, version: i32) -> i64 {
    let query = format!("SELECT count(*) FROM registry.members WHERE get_byte(email_sealed, 0) = {version}");
    diesel::sql_query(query).get_result::<Count>(connection).unwrap().count
}

fn url(server: &TestServer) -> String {
    server.app.settings.database_url().unwrap().to_owned()
}

/// Another process over the same database and folder, as they are now.
fn started_anew(first: &TestServer) -> TestServer {
    let folder = first.folder().display().to_string();
    server_with(&[("database_url", &url(first)), ("data_dir", &folder)])
}

fn keys(first: &TestServer, command: &str) -> (i32, Value) {
    let mut keys = program::command(first.folder(), &["keys", command]);
    let output = keys.env("DATABASE_URL", url(first)).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap_or(json!(told)))
}

/// Signs in with the code from the mail, which lies in `folder`.
fn signed_in(client: &Client, folder: &Path, email: &str) -> Client {
    let codes = || -> Vec<_> {
        let letters = mailbox::letters(&folder.join("mail")).into_iter();
        letters.filter(|letter| letter.to == email && letter.code_within().is_some()).collect()
    };
    let before = codes().len();
    client.post("/v1/auth/code", &json!({ "email": email })).expect(202);
    let letter = mailbox::wait_for(before + 1, codes).pop().unwrap();
    let body = json!({ "email": email, "code": letter.code() });
    let tokens = client.post("/v1/auth/verify", &body).expect(200).json();
    client.bearer(tokens["access_token"].as_str().unwrap())
}

/// One of three is sealed anew: all are found, and sign in.
fn half_sealed(
    connection: &mut PgConnection,
    folder: &Path,
    processes: [&TestServer; 2],
    (numbers, ids): ([&str; 3], [MemberId; 3]),
    office: &Client,
) {
    let third = processes[1];
    let part = resealing::part(connection, &third.app.derived.sealer, None, 1).unwrap().unwrap();
    assert_eq!((part.resealed, sealed_by(connection, 1), sealed_by(connection, 2)), (1, 2, 1));
    for (number, id) in numbers.iter().zip(ids) {
        let email = format!("{number}@example.org");
        for process in processes {
            let found = members::by_contact(connection, &process.app.derived.sealer, Contact::Email(&email));
            let found: Vec<_> = found.unwrap().into_iter().map(|member| member.person.id).collect();
            assert_eq!(found, [id], "{number}");
        }
        let me = signed_in(&third.client(), folder, &email).get("/v1/me").expect(200).json();
        assert_eq!(me["membership_number"], *number);
        let found = office.get(&format!("/v1/members?query={email}")).expect(200).json();
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{number}");
    }
}

/// Devices' secrets are those they were made with; a new device's comes of the new version.
fn devices_go_on(
    connection: &mut PgConnection,
    third: &TestServer,
    partner: &TestPartner,
    card: &Card,
    (phone, before): (&Device, &IssuerKeys),
) {
    let issuer = &third.app.derived.issuer;
    let program = third.as_partner(partner);
    let shown = |device: &Device| {
        let secret = issuer.device_secret(device.id, device.key_version).unwrap();
        let code = code::live_code(&secret, card.number, third.app.now()).value;
        program.post("/v1/cards/resolve", &json!({ "code": code })).expect(200).json()["status"].clone()
    };
    assert_eq!((phone.key_version, shown(phone)), (1, json!("valid")));
    let old_secret = before.device_secret(phone.id, 1).unwrap();
    assert_eq!(old_secret.bytes(), issuer.device_secret(phone.id, 1).unwrap().bytes());
    let tablet =
        devices::add(connection, issuer, card.id, (DeviceKind::Phone, "", "test"), third.app.now()).unwrap();
    assert_eq!((tablet.key_version, shown(&tablet)), (2, json!("valid")));
}

#[test]
fn a_database_half_sealed_anew_works_as_a_whole_one() {
    let first = server();
    let numbers = ["1001", "1002", "1003"];
    let ids = numbers.map(|number| first.member(number));
    let card = first.virtual_card(ids[0]);
    let partner = first.partner("market", &["market-1"]);
    let phone = devices::add(
        &mut first.connect(),
        &first.app.derived.issuer,
        card.id,
        (DeviceKind::Phone, "", "test"),
        first.app.now(),
    )
    .unwrap();
    let administrator = first.as_staff(Role::Administrator, None);
    let kept = administrator.with("idempotency-key", "before");
    let new = json!({ "code": "C-900", "name": "Ещё одна", "kind": "central" });
    let answered = kept.post("/v1/organisations", &new).expect(201).json();
    let at = |server: &TestServer, client: &Client| client.at(&format!("http://{}", server.address()));

    // Added, known to every process, current.
    assert_eq!(keys(&first, "use").0, 2, "nothing has been added");
    assert_eq!(keys(&first, "add"), (0, json!({ "current": 1, "newest": 2 })));
    assert_eq!(keys(&first, "add").0, 2, "one at a time");
    let second = started_anew(&first);
    assert_eq!((second.app.master.current(), second.app.master.newest()), (1, 2));
    assert_eq!(keys(&first, "use"), (0, json!({ "current": 2, "newest": 2 })));
    // Who began before goes on: the old keys of tokens check, what it seals is opened by all.
    at(&second, &administrator).get("/v1/staff/me").expect(200);
    let third = started_anew(&first);
    assert_eq!(third.app.master.current(), 2);
    let office = at(&third, &administrator);
    office.get("/v1/staff/me").expect(200);
    assert_eq!(at(&third, &kept).post("/v1/organisations", &new).expect(201).json(), answered);

    let connection = &mut first.connect();
    half_sealed(connection, first.folder(), [&second, &third], (numbers, ids), &office);
    devices_go_on(connection, &third, &partner, &card, (&phone, &first.app.derived.issuer));

    // A file finds nothing changed, and leaves all of them under the new version.
    let rows = numbers.map(|number| row(number, "", &format!("{number}@example.org")));
    let file = format!("{HEADER}{}", rows.concat());
    let (_, report) = import(&office, "members", "members.csv", file.as_bytes());
    assert_eq!((&report["unchanged"], &report["updated"]), (&json!(3), &json!(0)), "{report}");
    assert_eq!((sealed_by(connection, 1), sealed_by(connection, 2)), (0, 3));
    let (code, done) = keys(&first, "reseal");
    assert_eq!((code, &done["version"], &done["resealed"]), (0, &json!(2), &json!(0)), "{done}");

    // The audit log is one chain over both, and whoever lacks a version in use doesn't start.
    let entries = AuditLog::new(&third.app.master).verify(connection).unwrap();
    assert!(entries.is_ok_and(|count| count > 0), "{entries:?}");
    let elsewhere = tempfile::tempdir().unwrap();
    let both = std::fs::read_to_string(first.folder().join("master.key")).unwrap();
    std::fs::write(elsewhere.path().join("master.key"), both.lines().next().unwrap()).unwrap();
    let settings =
        Settings::of([("database_url", url(&first)), ("data_dir", elsewhere.path().display().to_string())]);
    let refused = App::open(settings.unwrap(), Clock::system()).err().expect("it lacks the second version");
    assert!(refused.to_string().contains("version 2"), "{refused}");
}
