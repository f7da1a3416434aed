//! A registrar's files over HTTP: what is taken, what is refused and why, and a generated union counted to the last
//! member (`tests/data/union`, made by `generate_union.py --organisations 60 --members 600 --seed 7 --dirty 0.08`).

use harness::{Client, TestServer, mailbox, server};
use serde_json::{Value, json};
use unioncard::auth::Role;

use crate::members_http::{person, union};
use crate::registers_http::{finished, upload};
use crate::shop::{bound_to, column};

fn data(name: &str) -> Vec<u8> {
    std::fs::read(harness::checkout().join("tests/data/union").join(name)).unwrap()
}

fn expected() -> Value {
    serde_json::from_slice(&data("expected.json")).unwrap()
}

/// Brings a file in and waits until that is done.
pub fn import(client: &Client, kind: &str, name: &str, file: &[u8]) -> (String, Value) {
    let taken = upload(client, "/v1/imports", &[("kind", kind)], name, file).expect(202);
    let path = format!("/v1/imports/{}", taken.json()["id"].as_str().unwrap());
    assert_eq!(taken.header("location"), path);
    let report = finished(client, &path);
    (path, report)
}

/// The generated union, brought in; the client may import everything.
pub fn generated(server: &TestServer) -> (Client, String, Value) {
    let administrator = server.as_staff(Role::Administrator, None);
    let (_, report) =
        import(&administrator, "organisations", "organisations.csv", &data("organisations.csv"));
    assert_eq!((&report["created"], &report["rejected"]), (&json!(60), &json!(0)), "{report}");
    let (path, report) = import(&administrator, "members", "members.csv", &data("members.csv"));
    assert_eq!(report["status"], "done", "{report}");
    (administrator, path, report)
}

#[test]
fn a_generated_union_comes_in_as_expected() {
    let server = server();
    let (client, path, report) = generated(&server);
    let expected = expected();
    for (ours, theirs) in
        [("read", "members_read"), ("created", "members_accepted"), ("rejected", "members_rejected")]
    {
        assert_eq!(report[ours], expected[theirs], "{ours}");
    }
    assert_eq!(report["reasons"], expected["rejected_by_reason"]);
    assert_eq!((&report["updated"], &report["unchanged"]), (&json!(0), &json!(0)));
    assert_eq!((&report["kind"], &report["file_name"]), (&json!("members"), &json!("members.csv")));

    let figures = client.get("/v1/organisations/C-000/statistics").expect(200).json();
    for (kind, count) in expected["organisations_by_kind"].as_object().unwrap() {
        assert_eq!(figures["organisations"][kind], *count, "{kind}");
    }
    assert_eq!(figures["members"]["total"], expected["members_accepted"]);
    for (category, count) in expected["members_by_category"].as_object().unwrap() {
        assert_eq!(figures["members"][category], *count, "{category}");
    }
    let regions = ["R-001", "R-002", "R-003"].map(|code| {
        let figures = client.get(&format!("/v1/organisations/{code}/statistics")).expect(200).json();
        figures["members"]["total"].as_i64().unwrap()
    });
    assert_eq!(regions.iter().sum::<i64>(), 547);
    let before = client.get("/v1/organisations/C-000/statistics?on=2017-12-31").expect(200).json();
    assert_eq!(before["members"]["total"], 0, "nobody had joined yet");

    let found = client.get("/v1/members?limit=1").expect(200).json();
    let member = format!("/v1/members/{}", found["items"][0]["id"].as_str().unwrap());
    let record = client.get(&member).expect(200).json();
    assert_eq!(column(&record["cards"], "status"), ["active"], "a card came with the import");

    let (_, again) = import(&client, "members", "members.csv", &data("members.csv"));
    assert_eq!((&again["created"], &again["updated"]), (&json!(0), &json!(0)));
    assert_eq!((&again["unchanged"], &again["rejected"]), (&json!(547), &json!(53)));
    assert_eq!(client.get(&member).expect(200).json(), record);
    assert_eq!(client.get(&path).expect(200).json(), report);

    // Whoever may see them finds them without knowing their addresses.
    let auditor = server.as_staff(Role::Auditor, None);
    let listed = auditor.get("/v1/imports?limit=2").expect(200).json();
    assert_eq!(column(&listed["items"], "kind"), ["members", "members"], "the newest first");
    assert_eq!(listed["items"][1], report);
    let next = format!("/v1/imports?limit=2&after={}", listed["next"].as_str().unwrap());
    let rest = auditor.get(&next).expect(200).json();
    assert_eq!(
        (column(&rest["items"], "kind"), &rest["next"]),
        (vec![&json!("organisations")], &json!(null))
    );
    assert_eq!(auditor.get(&path).expect(200).json(), report);
    auditor.get(&format!("{path}/rejected")).expect(200);
    auditor.get(&format!("{path}/rejected.csv")).expect(200);
    let bound = bound_to(&server, Role::Registrar, "R-001");
    assert_eq!(bound.get("/v1/imports").expect(200).json()["items"], json!([]), "none into that subtree");
}

#[test]
fn refused_rows_are_paged_and_downloaded() {
    let server = server();
    let (client, path, report) = generated(&server);
    let text = String::from_utf8(data("members.csv")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut rows = Vec::new();
    let mut next = format!("{path}/rejected?limit=20");
    loop {
        let page = client.get(&next).expect(200).json();
        rows.extend(page["items"].as_array().unwrap().clone());
        let Some(after) = page["next"].as_str() else { break };
        next = format!("{path}/rejected?limit=20&after={after}");
    }
    assert_eq!(json!(rows.len()), report["rejected"]);
    let mut counted = std::collections::BTreeMap::new();
    for row in &rows {
        let line = usize::try_from(row["line"].as_u64().unwrap()).unwrap();
        let cells: Vec<&str> = lines[line - 1].split(',').collect();
        assert_eq!(row["row"], json!(cells), "the row as it came");
        for reason in row["reasons"].as_array().unwrap() {
            *counted.entry(reason.as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
    }
    assert_eq!(json!(counted), report["reasons"]);
    assert_eq!(client.get(&format!("{path}/rejected?limit=201")).problem(422), "invalid");
    assert_eq!(client.get(&format!("{path}/rejected?after=x")).problem(422), "invalid");

    let file = client.get(&format!("{path}/rejected.csv")).expect(200);
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    let text = file.text();
    assert_eq!(text.lines().count(), rows.len() + 1, "a header and a line a row");
    let header = text.lines().next().unwrap().trim_start_matches('\u{feff}');
    assert!(header.starts_with("line,reasons,membership_number,organisation_code"), "{header}");
}

#[test]
fn a_file_that_cant_be_used_leaves_all_as_it_was() {
    let server = server();
    let (client, ..) = generated(&server);
    let before = client.get("/v1/organisations/C-000/statistics").expect(200).json();
    let good = String::from_utf8(data("members.csv")).unwrap().replace("Иванов", "Переименов");
    let utf16: Vec<u8> =
        [0xFF, 0xFE].into_iter().chain(good.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let broken = [b"\xEF\xBB\xBF".as_slice(), &good.as_bytes()[..5_000], b"\xFF\xFE\xC0\n"].concat();
    let no_column = good.replacen("joined_on", "joined", 1);
    let doubled = good.replacen("middle_name", "last_name", 1);
    let cut = format!("{}\n000000001,\"P-000001", &good[..good.rfind('\n').unwrap()]);
    for (name, file) in [
        ("empty", b"".as_slice()),
        ("no such column", no_column.as_bytes()),
        ("a column twice", doubled.as_bytes()),
        ("UTF-16", &utf16),
        ("broken UTF-8", &broken),
        ("cut inside quotes", cut.as_bytes()),
        ("a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ("no workbook", b"PK\x03\x04 and nothing else"),
    ] {
        let (path, report) = import(&client, "members", "members.csv", file);
        assert_eq!(report["status"], "failed", "{name}: {report}");
        assert!(report["problem"].as_str().is_some_and(|text| !text.is_empty()), "{name}: {report}");
        assert_eq!(client.get(&format!("{path}/rejected")).expect(200).json()["items"], json!([]), "{name}");
    }
    assert_eq!(client.get("/v1/organisations/C-000/statistics").expect(200).json(), before);
    let renamed = client.get("/v1/members?query=%D0%9F%D0%B5%D1%80%D0%B5%D0%B8%D0%BC").expect(200).json();
    assert_eq!(renamed["items"], json!([]), "nobody is called Переим...");
    for (fields, pointer) in [
        (vec![("kind", "cards")], "#/kind"),
        (vec![], "#/kind"),
        (vec![("kind", "members"), ("notify", "perhaps")], "#/notify"),
        (vec![("kind", "members"), ("within", "C-000")], "#/within"),
    ] {
        let answer = upload(&client, "/v1/imports", &fields, "x.csv", good.as_bytes());
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer);
        assert_eq!(answer.problem(422), "invalid");
    }
    let json = client.post("/v1/imports", &json!({ "kind": "members" }));
    assert_eq!(json.problem(415), "unsupported-media-type");
}

#[test]
fn a_registrars_file_reaches_no_further_than_they_do() {
    let server = server();
    union(&server);
    let (first, second) =
        (bound_to(&server, Role::Registrar, "R-001"), bound_to(&server, Role::Registrar, "R-002"));
    let theirs = second.post("/v1/members", &person("000000002", "P-2")).expect(201).json();
    let header = "membership_number,organisation_code,last_name,first_name,middle_name,sex,birth_date,phone,email,\
                  category,position,joined_on,consent_on\n";
    let row = |number: &str, organisation: &str| {
        format!("{number},{organisation},Попова,Ольга,,female,1990-01-02,,,worker,,2020-03-01,2020-03-01\n")
    };
    let file = [
        header.to_owned(),
        row("000000001", "P-1"),
        row("000000002", "P-1"),
        row("000000003", "P-2"),
        row("000000004", "P-999"),
    ]
    .concat();
    let (path, report) = import(&first, "members", "mine.csv", file.as_bytes());
    assert_eq!((&report["created"], &report["rejected"]), (&json!(1), &json!(3)), "{report}");
    assert_eq!(report["reasons"], json!({ "member_elsewhere": 1, "unknown_organisation": 2 }));
    let record = format!("/v1/members/{}", theirs["id"].as_str().unwrap());
    assert_eq!(second.get(&record).expect(200).json(), theirs, "nothing of theirs has changed");
    let never = "/v1/imports/0190b5b0-0000-7000-8000-000000000000";
    for rest in ["", "/rejected", "/rejected.csv"] {
        let (foreign, unknown) =
            (second.get(&format!("{path}{rest}")), second.get(&format!("{never}{rest}")));
        assert_eq!(foreign.body, unknown.body, "{rest}");
        assert_eq!(foreign.problem(404), "not-found", "{rest}");
    }
    let organisations = b"code,name,kind,parent_code,inn,region_code\n";
    let answer = upload(&first, "/v1/imports", &[("kind", "organisations")], "x.csv", organisations);
    assert_eq!(answer.problem(403), "forbidden");
}

/// The header of a members' file.
pub const HEADER: &str = "membership_number,organisation_code,last_name,first_name,middle_name,sex,birth_date,phone,email,\
                      category,position,joined_on,consent_on\n";

/// A row of the members' file as the story's members are stored, with these contacts.
pub fn row(number: &str, phone: &str, email: &str) -> String {
    format!("{number},C-001,Петрова,Анна-Мария,Сергеевна,,,{phone},{email},worker,,2020-03-01,2020-03-01\n")
}

#[test]
fn contacts_changed_by_a_file_are_as_dangerous_as_by_a_form() {
    let server = server();
    for number in ["1001", "1002", "1003"] {
        server.member(number);
    }
    let administrator = server.as_staff(Role::Administrator, None);
    let [anna, boris, vera] = ["1001", "1002", "1003"].map(|number| server.as_member(number));
    let file = [
        row("1001", "", "thief@example.org"),
        row("1002", "", "1002@example.org"),
        row("1003", "8 900 123-45-67", "1003@example.org"),
    ];
    let file = format!("{HEADER}{}", file.concat());
    let (_, report) = import(&administrator, "members", "members.csv", file.as_bytes());
    assert_eq!((&report["updated"], &report["unchanged"]), (&json!(2), &json!(1)), "{report}");
    // Who could be somebody else now is signed out, and told where they could be reached before; nobody else is.
    assert_eq!(anna.get("/v1/me").problem(401), "unauthenticated");
    assert_eq!(vera.get("/v1/me").problem(401), "unauthenticated", "a phone signs in as well");
    boris.get("/v1/me").expect(200);
    let folder = server.folder().join("mail");
    let told = || -> Vec<_> {
        let letters = mailbox::letters(&folder).into_iter();
        letters.filter(|letter| letter.subject == "Изменены ваши контакты для входа").collect()
    };
    let letters = mailbox::wait_for(2, told);
    let mut to: Vec<&str> = letters.iter().map(|letter| letter.to.as_str()).collect();
    to.sort_unstable();
    assert_eq!(to, ["1001@example.org", "1003@example.org"]);
    let anna = server.client();
    anna.post("/v1/auth/code", &json!({ "email": "thief@example.org" })).expect(202);

    // The same file again changes nothing: nobody is signed out, nobody is told.
    let vera = server.as_member("1003");
    let (_, again) = import(&administrator, "members", "members.csv", file.as_bytes());
    assert_eq!(again["unchanged"], 3, "{again}");
    vera.get("/v1/me").expect(200);
    boris.get("/v1/me").expect(200);
    assert_eq!(told().len(), 2);
}
