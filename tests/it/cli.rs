//! The real program's commands, one after another over one database: reports alone on stdout, exit codes that say
//! how it went, and a file of what was refused.

use std::path::Path;
use std::process::Output;

use diesel::connection::SimpleConnection;
use harness::{Client, TestDatabase, program};
use serde_json::{Value, json};
use tempfile::TempDir;

struct Machine {
    database: TestDatabase,
    folder: TempDir,
}

struct Ran {
    code: i32,
    /// The report; null when there is none.
    report: Value,
    stderr: String,
}

impl Machine {
    fn new() -> Self {
        Self { database: harness::database(), folder: tempfile::tempdir().unwrap() }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let output: Output = program::command(self.folder.path(), arguments)
            .env("DATABASE_URL", self.database.url())
            .output()
            .unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let report = match stdout.trim() {
            "" => Value::Null,
            text => {
                serde_json::from_str(text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
            }
        };
        let code = output.status.code().unwrap_or_else(|| panic!("{arguments:?} was killed: {stderr}"));
        assert!(!stderr.contains("panicked"), "{arguments:?}: {stderr}");
        Ran { code, report, stderr }
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }
}

impl Ran {
    #[track_caller]
    fn exits(self, code: i32) -> Value {
        assert_eq!(self.code, code, "{}\n{}", self.report, self.stderr);
        self.report
    }
}

fn union(name: &str) -> Vec<u8> {
    std::fs::read(harness::checkout().join("tests/data/union").join(name)).unwrap()
}

fn counts<const N: usize>(report: &Value, names: [&str; N]) -> [i64; N] {
    names.map(|name| report[name].as_i64().unwrap_or_else(|| panic!("{name}: {report}")))
}

const COUNTS: [&str; 5] = ["read", "created", "updated", "unchanged", "rejected"];

#[test]
fn files_in_with_their_exit_codes() {
    let machine = Machine::new();
    let organisations = machine.file("organisations.csv", &union("organisations.csv"));
    let members = machine.file("members.csv", &union("members.csv"));
    let unusable = machine.run(&["import", "members", &members]).exits(2);
    assert_eq!(counts(&unusable, ["created", "rejected"]), [0, 600], "no organisation is there yet");
    let taken = machine.run(&["import", "organisations", &organisations]).exits(0);
    assert_eq!(counts(&taken, COUNTS), [60, 60, 0, 0, 0]);
    assert_eq!(taken["reasons"], json!({}));
    assert!(!Path::new(&format!("{organisations}.rejected.csv")).exists());

    let some = machine.run(&["import", "members", &members]).exits(1);
    assert_eq!(counts(&some, COUNTS), [600, 547, 0, 0, 53]);
    let expected: Value = serde_json::from_slice(&union("expected.json")).unwrap();
    assert_eq!(some["reasons"], expected["rejected_by_reason"]);
    assert!(some["seconds"].is_number());
    let rejected = std::fs::read_to_string(format!("{members}.rejected.csv")).unwrap();
    assert_eq!(rejected.lines().count(), 54, "a header and a line a row");
    let again = machine.run(&["import", "members", &members]).exits(1);
    assert_eq!(counts(&again, COUNTS), [600, 0, 0, 547, 53]);

    for (name, content) in
        [("empty.csv", b"".as_slice()), ("other.csv", b"a,b\n1,2\n"), ("utf16.csv", b"\xFF\xFEa\0")]
    {
        let refused = machine.run(&["import", "members", &machine.file(name, content)]).exits(2);
        assert!(refused["problem"]["reason"].is_string(), "{name}: {refused}");
        assert_eq!(counts(&refused, COUNTS), [0; 5], "{name}");
        assert!(refused["reasons"].is_object() && refused["seconds"].is_number(), "{name}: {refused}");
    }
    let header = String::from_utf8(union("members.csv")).unwrap().lines().next().unwrap().to_owned();
    let alone = machine.run(&["import", "members", &machine.file("header.csv", header.as_bytes())]).exits(2);
    assert_eq!(counts(&alone, COUNTS), [0; 5], "nothing usable");
    let missing = machine.run(&["import", "members", "/nowhere/members.csv"]);
    assert_eq!((missing.code, missing.report.is_null()), (2, true), "{}", missing.stderr);
    assert!(!missing.stderr.is_empty());
}

#[test]
fn cards_for_those_who_have_none() {
    let machine = Machine::new();
    for (kind, name) in [("organisations", "organisations.csv"), ("members", "members.csv")] {
        let file = machine.file(name, &union(name));
        assert!(machine.run(&["import", kind, &file]).code < 2);
    }
    let issue = |kind: &str, organisation: &str| {
        machine.run(&["cards", "issue", "--kind", kind, "--organisation", organisation])
    };
    let virtuals = issue("virtual", "C-000").exits(0);
    assert_eq!(counts(&virtuals, ["issued", "skipped"]), [0, 547], "the import brought them");
    let region = issue("plastic", "R-001").exits(0);
    let issued = region["issued"].as_i64().unwrap();
    assert!((1..547).contains(&issued), "{region}");
    let rest = issue("plastic", "C-000").exits(0);
    assert_eq!(counts(&rest, ["issued", "skipped"]), [547 - issued, issued]);
    assert_eq!(issue("plastic", "X-404").exits(2), Value::Null);
}

#[test]
fn partners_their_history_and_the_ledger() {
    let machine = Machine::new();
    for (kind, name) in [("organisations", "organisations.csv"), ("members", "members.csv")] {
        let file = machine.file(name, &union(name));
        assert!(machine.run(&["import", kind, &file]).code < 2);
    }
    let partner = machine.run(&[
        "admin",
        "create-partner",
        "--code",
        "market",
        "--name",
        "Рынок",
        "--commission-rate",
        "0.03",
        "--outlet",
        "market-1:Тверская:Москва:Europe/Moscow",
    ]);
    let partner = partner.exits(0);
    assert_eq!((&partner["code"], &partner["outlets"]), (&json!("market"), &json!(["market-1"])));
    assert!(partner["client_secret"].as_str().is_some_and(|secret| secret.len() >= 32), "shown once");

    let rejected = std::fs::read_to_string(machine.folder.path().join("members.csv.rejected.csv")).unwrap();
    let known = (1..=600)
        .map(|number| format!("{number:09}"))
        .find(|number| !rejected.contains(&format!(",{number},")))
        .unwrap();
    let rows = format!(
        "outlet,receipt,occurred_at,membership_number,amount,category,kind,reference\n\
         market-1,H-1,2021-10-01T12:00:00+03:00,{known},1000.00,,sale,\n\
         market-1,H-1,2021-10-03T12:00:00+03:00,{known},400.00,,refund,B-1\n\
         market-1,H-2,2021-10-02T12:00:00+03:00,999999999,500.00,,sale,\n"
    );
    let file = machine.file("history.csv", rows.as_bytes());
    let plain = machine.run(&["registers", "load", "--partner", "market", &file]).exits(2);
    assert!(plain["problem"]["detail"].as_str().unwrap().contains("card_number"), "{plain}");
    let load = |mode: &str| {
        machine.run(&["registers", "load", "--partner", "market", &file, "--mode", mode, "--history"])
    };
    let compared = load("compare").exits(1);
    assert_eq!(
        (&compared["rows"], &compared["outcomes"]["only_theirs"]),
        (&json!(3), &json!(2)),
        "{compared}"
    );
    let posted = load("post").exits(1);
    assert_eq!(
        (&posted["outcomes"]["posted"], &posted["outcomes"]["rejected"]),
        (&json!(2), &json!(1)),
        "{posted}"
    );
    assert_eq!(
        (&posted["theirs"], &posted["ours"]),
        (&json!("1100.00"), &json!("600.00")),
        "the refused row is theirs"
    );
    let report = std::fs::read_to_string(format!("{file}.report.csv")).unwrap();
    assert_eq!(report.lines().count(), 4, "{report}");
    assert_eq!(load("post").exits(1)["outcomes"]["matched"], 2);
    let nobody = machine.run(&["registers", "load", "--partner", "nobody", &file]).exits(2);
    assert_eq!(nobody["problem"]["reason"], "unknown_partner");
    assert_eq!((&nobody["rows"], &nobody["outcomes"]), (&json!(0), &json!({})));
    let header = machine.file("other.csv", b"outlet,receipt\nx,y\n");
    let unusable = machine.run(&["registers", "load", "--partner", "market", &header]).exits(2);
    assert_eq!((&unusable["rows"], &unusable["theirs"]), (&json!(0), &json!("0.00")), "{unusable}");
    assert_eq!(unusable["problem"]["reason"], "missing_column");

    let verified = machine.run(&["ledger", "verify"]).exits(0);
    assert_eq!((&verified["ok"], &verified["findings"]), (&json!(true), &json!([])), "{verified}");
    let released = machine.run(&["jobs", "run", "release-holds"]).exits(0);
    assert_eq!(released["job"], "release-holds");
    let future = machine.run(&["jobs", "run", "release-holds", "--at", "2999-01-01T00:00:00Z"]);
    assert_eq!((future.code, future.report.is_null()), (2, true), "{}", future.stderr);
    assert!(future.stderr.contains("demo or test"), "{}", future.stderr);
    assert_eq!(machine.run(&["jobs", "run", "release-holds", "--at", "yesterday"]).code, 2);
    machine.run(&["jobs", "run", "expire", "--at", "2026-01-01T00:00:00+03:00"]).exits(0);
    assert_ne!(machine.run(&["jobs", "run", "make-coffee"]).code, 0);
    let closed = machine.run(&["jobs", "run", "close-day"]).exits(0);
    assert_eq!((&closed["done"], closed.get("closed")), (&json!(0), None), "today is not over");
    let open = machine.run(&["ledger", "verify", "--since", "2026-01-01"]);
    assert_eq!((open.code, open.report.is_null()), (2, true), "{}", open.stderr);
    assert!(open.stderr.contains("2026-01-01 is not closed"), "{}", open.stderr);

    // A transfer changed by hand, past the guards, is found.
    machine
        .database
        .connect()
        .batch_execute(
            "SET session_replication_role = replica;
             UPDATE ledger.transfers SET amount = amount + 1
             WHERE amount = (SELECT max(amount) FROM ledger.transfers)",
        )
        .unwrap();
    let broken = machine.run(&["ledger", "verify"]).exits(1);
    assert_eq!(broken["ok"], false);
    assert!(!broken["findings"].as_array().unwrap().is_empty());
}

#[test]
fn logins_made_on_the_command_line_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let serving = program::serve(folder.path());
    let client: Client = serving.client();
    let run = |arguments: &[&str]| {
        let output = program::run(folder.path(), arguments);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default(), stderr)
    };
    let (code, made, stderr) =
        run(&["admin", "create-staff", "--email", "Chief@Example.org", "--role", "administrator"]);
    assert_eq!(code, Some(0), "{stderr}");
    let login = json!({ "email": made["email"], "password": made["password"] });
    let tokens = client.post("/v1/auth/login", &login).expect(200).json();
    let administrator = client.bearer(tokens["access_token"].as_str().unwrap());
    assert_eq!(administrator.get("/v1/staff/me").expect(200).json()["role"], "administrator");
    let again = run(&["admin", "create-staff", "--email", "chief@example.org", "--role", "finance"]);
    assert_ne!(again.0, Some(0), "the address is taken");
    assert_eq!(again.1, Value::Null);

    let outlet = "bakery-1:Bakery:Москва:Europe/Moscow";
    let (code, partner, stderr) =
        run(&["admin", "create-partner", "--code", "bakery", "--name", "Bakery", "--outlet", outlet]);
    assert_eq!(code, Some(0), "{stderr}");
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        partner["client_id"].as_str().unwrap(),
        partner["client_secret"].as_str().unwrap()
    );
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let token = client.send("POST", "/v1/oauth/token", &kind, form.as_bytes()).expect(200).json();
    let program = client.bearer(token["access_token"].as_str().unwrap());
    assert_eq!(program.get("/v1/purchases?outlet=bakery-1&receipt=x").problem(404), "not-found");
    let changed = run(&[
        "admin",
        "change-partner",
        "--code",
        "bakery",
        "--redeem-least",
        "15.00",
        "--counter-provision",
        "true",
        "--commission-rate",
        "0.03",
    ]);
    let settings = json!({ "code": "bakery", "commission_rate": "0.03", "redeem_share": "0.5",
        "redeem_least": "15.00", "counter_provision": true });
    assert_eq!((changed.0, changed.1), (Some(0), settings), "{}", changed.2);
    let nobody = run(&["admin", "change-partner", "--code", "nobody", "--redeem-share", "0.1"]);
    assert_ne!(nobody.0, Some(0), "no such partner");
    let wrong =
        run(&["admin", "create-partner", "--code", "b2", "--name", "B", "--outlet", "b2-1:B:T:Mars/Olympus"]);
    assert_ne!(wrong.0, Some(0), "no such zone");
    let role = run(&["admin", "create-staff", "--email", "x@example.org", "--role", "registrar"]);
    assert_ne!(role.0, Some(0), "a registrar is bound to an organisation: {}", role.1);
    let wallet = |address: &str| {
        let create =
            ["admin", "create-wallet-app", "--name", "Bank", "--scope", "card", "--scope", "card:code"];
        run(&[create.as_slice(), &["--redirect-uri", address]].concat())
    };
    let (code, app, stderr) = wallet("https://bank.example/cb");
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!((&app["scope"], &app["name"]), (&json!("card card:code"), &json!("Bank")));
    assert_ne!(wallet("http://bank.example/cb").0, Some(0), "codes go over https");
    let revoked = run(&["admin", "revoke-client", "--client-id", app["client_id"].as_str().unwrap()]);
    assert_eq!(revoked.1["was_revoked"], false, "{}", revoked.2);
    let (code, document, _) = run(&["openapi"]);
    assert_eq!(code, Some(0));
    assert_eq!(document, client.get("/openapi.json").expect(200).json());
    assert_ne!(run(&["admin", "set-zone", "Mars/Olympus"]).0, Some(0), "no such zone");
    let zone = run(&["admin", "set-zone", "Asia/Vladivostok"]);
    assert_eq!((zone.0, zone.1), (Some(0), json!({ "zone": "Asia/Vladivostok" })), "{}", zone.2);
    serving.stop();
    let serving = program::serve(folder.path());
    let administrator = serving.client().bearer(tokens["access_token"].as_str().unwrap());
    assert_eq!(administrator.get("/v1/staff/me").expect(200).json()["programme_zone"], "Asia/Vladivostok");
    serving.stop();
}

#[test]
fn a_broken_dotenv_is_told_by_its_line_alone() {
    let machine = Machine::new();
    machine.file(".env", b"# Ours\nLOG_FORMAT=text\nSMTP_URL hunter2\n");
    let refused = machine.run(&["ledger", "verify"]);
    assert_eq!((refused.code != 0, &refused.report), (true, &Value::Null), "{}", refused.stderr);
    assert!(refused.stderr.contains("line 3 of .env"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
    machine.file(".env", b"# Ours\nLOG_FORMAT=text\nSMTP_URL=''\n");
    assert_eq!(machine.run(&["ledger", "verify"]).exits(0)["ok"], true);
}
