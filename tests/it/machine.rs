//! The program on a machine of its own: files only their owner reads, streams that end with it, gauges, the audit
//! log's walk, files that are mended and brought in again.

use std::io::BufRead;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use card_issuer::numbering;
use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use harness::{Client, TestServer, mailbox, program, server};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use serde_json::{Value, json};
use unioncard::auth::Role;
use unioncard::jobs::{self, Job};

use crate::members_http::union;
use crate::registers_http::{finished, upload};
use crate::shop::Shop;

const COLUMNS: [&str; 13] = [
    "membership_number",
    "organisation_code",
    "last_name",
    "first_name",
    "middle_name",
    "sex",
    "birth_date",
    "phone",
    "email",
    "category",
    "position",
    "joined_on",
    "consent_on",
];

fn ran(folder: &Path, arguments: &[&str]) -> (i32, Value) {
    let output: Output = program::run(folder, arguments);
    let (text, told) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    let report = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{arguments:?}: {text}{told}"));
    (output.status.code().unwrap(), report)
}

/// A data folder with an organisation and the member 000000001 in it.
fn small_union(folder: &Path) {
    let organisations = folder.join("organisations.csv");
    std::fs::write(&organisations, "code,name,kind,parent_code,inn,region_code\nC-1,Centre,central,,,\n")
        .unwrap();
    let members = folder.join("members.csv");
    let row = "000000001,C-1,Попова,Ольга,,female,1990-01-02,,anna@example.org,worker,,2020-03-01,2020-03-01";
    std::fs::write(&members, format!("{}\n{row}\n,C-1,Без,Номера,,,,,,,,,\n", COLUMNS.join(","))).unwrap();
    assert_eq!(ran(folder, &["import", "organisations", organisations.to_str().unwrap()]).0, 0);
    assert_eq!(ran(folder, &["import", "members", members.to_str().unwrap()]).0, 1);
}

fn signed_in(client: &Client, folder: &Path) -> Client {
    client.post("/v1/auth/code", &json!({ "email": "anna@example.org" })).expect(202);
    let letters = mailbox::wait_for(1, || mailbox::letters(&folder.join("mail")));
    let body = json!({ "email": "anna@example.org", "code": letters[0].code() });
    let tokens = client.post("/v1/auth/verify", &body).expect(200).json();
    client.bearer(tokens["access_token"].as_str().unwrap())
}

#[test]
fn streams_end_with_the_program_and_its_files_are_its_own() {
    let folder = tempfile::tempdir().unwrap();
    small_union(folder.path());
    let serving = program::serve(folder.path());
    let member = signed_in(&serving.client(), folder.path());
    let mut stream = member.stream("/v1/me/events").lines();
    assert_eq!(stream.next().unwrap().unwrap(), ": open");
    let ended = std::thread::spawn(move || stream.map_while(Result::ok).count());
    let asked = Instant::now();
    serving.stop();
    assert!(
        asked.elapsed() < Duration::from_secs(15),
        "an open page holds nothing up: {:?}",
        asked.elapsed()
    );
    ended.join().unwrap();

    let mode = |path: &str| {
        let about =
            std::fs::metadata(folder.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        about.permissions().mode() & 0o777
    };
    for (path, expected) in
        [("master.key", 0o600), ("members.csv.rejected.csv", 0o600), ("mail", 0o700), ("postgres", 0o700)]
    {
        assert_eq!(mode(path), expected, "{path}");
    }
    for letter in std::fs::read_dir(folder.path().join("mail")).unwrap() {
        assert_eq!(letter.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn uploads_are_private_and_removed_when_their_time_is_over() {
    let server = server();
    let administrator = union(&server);
    let file = format!("{}\n,P-1,Без,Номера,,,,,,,,,\n", COLUMNS.join(","));
    let taken =
        upload(&administrator, "/v1/imports", &[("kind", "members")], "x.csv", file.as_bytes()).expect(202);
    let path = format!("/v1/imports/{}", taken.json()["id"].as_str().unwrap());
    assert_eq!(finished(&administrator, &path)["rejected"], 1);
    let imports = server.folder().join("imports");
    let files = || std::fs::read_dir(&imports).unwrap().map(|file| file.unwrap()).collect::<Vec<_>>();
    assert_eq!(std::fs::metadata(&imports).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(files().len(), 2, "the file and what was refused of it");
    for file in files() {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
    let sweep = |days: i64| {
        let at = server.app.now() + TimeDelta::days(days);
        jobs::run(&server.app, &mut server.connect(), Job::Retention, at).unwrap();
        files().len()
    };
    assert_eq!(sweep(29), 2);
    server.connect().batch_execute("UPDATE platform.imports SET status = 'queued'").unwrap();
    // Taken up again it refuses the same row; whichever comes first, the file that waits is spared.
    assert_eq!(finished(&administrator, &path)["rejected"], 1);
    assert_eq!(sweep(31), 0);
    assert_eq!(administrator.get(&format!("{path}/rejected")).expect(200).json()["items"], json!([]));
    administrator.get(&format!("{path}/rejected.csv")).problem(404);
}

#[test]
fn gauges_tell_what_waits_and_what_runs_low() {
    let shop = Shop::open();
    shop.holder("1001");
    let told = |name: &str| {
        let text = shop.server.client().get("/metrics").expect(200).text();
        let line =
            text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {text}"));
        line.rsplit_once(' ').unwrap().1.parse::<i64>().unwrap()
    };
    let left = |programme: &str| told(&format!("unioncard_card_numbers_left{{programme=\"{programme}\"}}"));
    assert!((900_000_000..1_000_000_000).contains(&left("01")));
    shop.server.connect().batch_execute("SELECT setval('cards.numbers_01', 999000000)").unwrap();
    assert_eq!(left("01"), numbering::NUMBERS_LOW - 1, "what the alert waits for");
    numbering::open_next(&mut shop.server.connect(), shop.server.app.now()).unwrap();
    assert_eq!(left("02"), numbering::NUMBERS, "the one that issues now");
    for job in jobs::NIGHTLY {
        assert_eq!(
            told(&format!("unioncard_jobs_late{{job=\"{}\"}}", job.name())),
            1,
            "nobody runs them here"
        );
    }
    let insert = "INSERT INTO platform.outbox (kind, payload, occurred_at) VALUES ('x', '{}', now() - interval '5 minutes')";
    let mut connection = shop.server.connect();
    // Held by this transaction's lock, the relay passes it by.
    connection.batch_execute(&format!("{insert}; BEGIN; SELECT id FROM platform.outbox FOR UPDATE")).unwrap();
    let (waiting, lag) = (
        told("unioncard_outbox_events{state=\"waiting\"}"),
        told("unioncard_outbox_lag_seconds{state=\"waiting\"}"),
    );
    assert!(waiting <= 2 && lag <= 700, "{waiting} {lag}");
    connection.batch_execute("ROLLBACK").unwrap();
    let letter =
        "INSERT INTO platform.deliveries (letter, member_id, payload, due_at, created_at, failed_at) VALUES
         ('card_issued', gen_random_uuid(), '{}', now() + interval '1 day', now(), NULL),
         ('card_issued', gen_random_uuid(), '{}', now() - interval '1 day', now(), now())";
    connection.batch_execute(letter).unwrap();
    assert!(told("unioncard_letters{state=\"waiting\"}") >= 1);
    assert_eq!(told("unioncard_letters{state=\"given_up\"}"), 1);
}

#[test]
fn the_audit_log_is_walked_and_a_client_revoked_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| ran(folder.path(), arguments);
    let outlet = "bakery-1:Bakery:Москва:Europe/Moscow";
    let (_, partner) =
        run(&["admin", "create-partner", "--code", "bakery", "--name", "Bakery", "--outlet", outlet]);
    let client = partner["client_id"].as_str().unwrap();
    assert_eq!(run(&["admin", "verify-audit"]), (0, json!({ "ok": true, "entries": 1 })));
    let (code, revoked) = run(&["admin", "revoke-client", "--client-id", client]);
    assert_eq!((code, &revoked["revoked"], &revoked["was_revoked"]), (0, &json!(true), &json!(false)));
    assert_eq!(run(&["admin", "revoke-client", "--client-id", client]).1["was_revoked"], true);
    let unknown = program::run(folder.path(), &["admin", "revoke-client", "--client-id", "nobody"]);
    assert_eq!((unknown.status.code(), unknown.stdout.len()), (Some(2), 0));
    assert_eq!(run(&["admin", "verify-audit"]), (0, json!({ "ok": true, "entries": 3 })));
}

fn import(client: &Client, name: &str, file: &[u8]) -> (String, Value) {
    let taken = upload(client, "/v1/imports", &[("kind", "members")], name, file).expect(202);
    let path = format!("/v1/imports/{}", taken.json()["id"].as_str().unwrap());
    let report = finished(client, &path);
    (path, report)
}

#[test]
fn refused_rows_are_mended_and_brought_in_as_they_are() {
    let server = server();
    let administrator = union(&server);
    let header = COLUMNS.join(",");
    let rows = [
        "000000001,P-1,=Попова,Ольга,,female,1990-01-02,+79161234567,olga@example.org,worker,,2020-03-01,2020-03-01",
        "000000002,P-404,Попов,Олег,,male,1990-01-02,+79161234568,,worker,-,2020-03-01,2020-03-01",
        "000000003,P-1,Попов,Пётр,,male,1990-01-02,8 916 123-45-69,,worker,@sales,2020-03-01,2020-03-01,extra",
    ];
    let file = format!("{header}\n{}\n", rows.join("\n"));
    let (path, report) = import(&administrator, "members.csv", file.as_bytes());
    assert_eq!((&report["read"], &report["rejected"]), (&json!(3), &json!(2)), "{report}");
    let refused = administrator.get(&format!("{path}/rejected.csv")).expect(200).text();
    assert!(refused.starts_with("line,reasons,membership_number"), "{refused}");
    assert!(refused.contains("'+79161234568"), "guarded for spreadsheets: {refused}");
    let mended = refused.replace("P-404", "P-1").replace(",extra", "");
    let (path, report) = import(&administrator, "members.rejected.csv", mended.as_bytes());
    assert_eq!((&report["created"], &report["rejected"]), (&json!(2), &json!(0)), "{report}");
    administrator.get(&format!("{path}/rejected.csv")).problem(404);
    let record = member(&administrator, "000000002");
    assert_eq!((&record["phone"], &record["position"]), (&json!("+79161234568"), &json!("-")));
    assert_eq!(member(&administrator, "000000003")["position"], "@sales");

    // Half mended it is refused with its own cells, however often.
    let (path, _) = import(&administrator, "x.csv", refused.as_bytes());
    let twice = administrator.get(&format!("{path}/rejected.csv")).expect(200).text();
    assert_eq!(twice.lines().next(), refused.lines().next());
    assert!(twice.contains("P-404") && twice.contains("'+79161234568") && !twice.contains("''+"), "{twice}");
    let broken = refused.replacen("line,reasons,", "reasons,line,", 1);
    let (_, report) = import(&administrator, "x.csv", broken.as_bytes());
    assert_eq!(report["status"], "failed", "only as it was written: {report}");
}

fn member(client: &Client, number: &str) -> Value {
    let found = client.get(&format!("/v1/members?query={number}")).expect(200).json();
    let id = found["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{number}: {found}"));
    client.get(&format!("/v1/members/{id}")).expect(200).json()
}

/// A workbook as a registrar's Excel saves it: numbers as text or not, dates as dates.
fn workbook() -> Vec<u8> {
    let mut book = Workbook::new();
    let day = Format::new().set_num_format("dd.mm.yyyy");
    let sheet = book.add_worksheet();
    for (place, column) in (0..).zip(COLUMNS) {
        sheet.write(0, place, column).unwrap();
    }
    let people =
        [("000000011", "Ёлкина", "+79161230011"), ("000000012", "О'Нил", "=1+1"), ("", "Безнулей", "")];
    for (row, (number, name, phone)) in (1..).zip(people) {
        match number {
            "" => sheet.write(row, 0, 13).unwrap(),
            number => sheet.write(row, 0, number).unwrap(),
        };
        for (column, text) in [(1, "P-1"), (2, name), (3, "Анна"), (5, "female"), (7, phone), (9, "worker")]
        {
            sheet.write(row, column, text).unwrap();
        }
        for column in [6, 11, 12] {
            let date = ExcelDateTime::from_ymd(2020, 3, 1).unwrap();
            sheet.write_with_format(row, column, &date, &day).unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}

#[test]
fn a_real_workbook_comes_in() {
    let server: TestServer = server();
    let administrator = union(&server);
    let book = workbook();
    let (path, report) = import(&administrator, "members.xlsx", &book);
    assert_eq!(report["status"], "done", "{report}");
    assert_eq!((&report["read"], &report["created"]), (&json!(3), &json!(1)), "{report}");
    assert_eq!(report["reasons"], json!({ "invalid_phone": 1, "invalid_membership_number": 1 }));
    let record = member(&administrator, "000000011");
    assert_eq!((&record["last_name"], &record["birth_date"]), (&json!("Ёлкина"), &json!("2020-03-01")));
    assert_eq!(record["phone"], "+79161230011");
    let refused = administrator.get(&format!("{path}/rejected?limit=10")).expect(200).json();
    assert_eq!(refused["items"][0]["line"], 3, "the sheet's row");
    assert_eq!(refused["items"][0]["row"][7], "=1+1", "a text, not a formula");
    assert_eq!(import(&administrator, "members.xlsx", &book).1["unchanged"], 1);
    let registrar = crate::shop::bound_to(&server, Role::Registrar, "R-001");
    assert_eq!(import(&registrar, "mine.xlsx", &book).1["status"], "done");
    let cut = &book[..book.len() / 2];
    assert_eq!(import(&administrator, "cut.xlsx", cut).1["status"], "failed");
    let russian = administrator.with("accept-language", "ru");
    let empty = import(&russian, "empty.csv", b"").1;
    assert_eq!(empty["problem"], "строка 1: файл пуст");
}
