//! Everything of `data/bad_inputs.json` is refused as it says: cleanly, with a problem, and the server goes on.
//! `raw` are bytes on a socket; `every_route` is sent to each route of the table, `every_body` to each that takes one
//! and `every_list` to each that answers with a list, by somebody who may use it, so that a new route inherits them;
//! `every_token` is brought to each route that asks who one is, `every_file` to each way in for files; `every_amount` and
//! `every_text` are `bad_fields`'.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use harness::socket::exchange;
use harness::{Answer, TestServer, server};
use serde_json::Value;
use unioncard::auth::Role;
use unioncard::routes;

use crate::imports_http::import;
use crate::people::People;
use crate::registers_http::upload;
use crate::shop::Shop;

/// Who has answered and says nothing for so long has said all.
const QUIET: Duration = Duration::from_millis(1_500);

/// The data file.
pub fn data() -> Value {
    let file = harness::checkout().join("tests/data/bad_inputs.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// The cases of one of its parts.
pub fn cases<'a>(data: &'a Value, part: &str) -> &'a [Value] {
    let cases = data[part].as_array().unwrap();
    assert!(!cases.is_empty(), "{part}");
    cases
}

fn is_expected(case: &Value, status: u16) -> bool {
    case["answers"].as_array().unwrap().iter().any(|answer| *answer == status)
}

/// A text of the data file: itself, or `{"repeat": text, "times": n}`, or a list of those joined.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(text).collect(),
        Value::Object(_) => {
            let times = usize::try_from(value["times"].as_u64().unwrap()).unwrap();
            value["repeat"].as_str().unwrap().repeat(times)
        }
        _ => String::new(),
    }
}

fn goes_on(server: &TestServer, name: &str) {
    assert_eq!(server.client().get("/health/ready").status, 200, "after: {name}");
}

#[test]
fn bytes_that_are_no_request() {
    let server = server();
    let data = data();
    for case in cases(&data, "raw") {
        let name = case["name"].as_str().unwrap();
        let raw = exchange(server.address(), text(&case["bytes"]).as_bytes(), QUIET);
        let answer = String::from_utf8_lossy(&raw.bytes);
        assert!(is_expected(case, raw.status), "{name}: {} {answer}", raw.status);
        if case["problem"] == true {
            assert!(answer.contains("application/problem+json"), "{name}: {answer}");
        }
        goes_on(&server, name);
    }
}

fn refused(case: &Value, answer: Answer) {
    let what = format!("{}: {}", case["name"], answer.asked);
    assert!(is_expected(case, answer.status), "{what} answered {}: {}", answer.status, answer.text());
    if let Some(header) = case["header"].as_str() {
        assert!(!answer.header(header).is_empty(), "{what}: {header}");
    }
    if let Some(header) = case["absent"].as_str() {
        assert!(answer.headers.get(header).is_none(), "{what}: {header}");
    }
    let status = answer.status;
    let slug = answer.problem(status);
    if let Some(expected) = case["slug"].as_str() {
        assert_eq!(slug, expected, "{what}");
    }
}

#[test]
fn every_route_refuses_them() {
    let server = server();
    let data = data();
    let mut table: Vec<(String, String)> =
        routes::table().iter().map(|entry| (entry.method.to_string(), entry.path.to_owned())).collect();
    table.sort();
    for case in cases(&data, "every_route") {
        for (method, path) in &table {
            let path = filled(path);
            let method = case["method"].as_str().unwrap_or(method);
            let mut headers: Vec<(&str, &str)> = Vec::new();
            for (name, value) in case["headers"].as_object().into_iter().flatten() {
                headers.push((name, value.as_str().unwrap()));
            }
            refused(case, server.client().send(method, &path, &headers, text(&case["body"]).as_bytes()));
        }
    }
    goes_on(&server, "every route");
}

fn takes_a_body(document: &Value, entry: &routes::Entry) -> bool {
    let operation = &document["paths"][entry.path][entry.method.as_str().to_lowercase()];
    // Signing out needs no words: the token or the cookie says whose session it is.
    operation["requestBody"]["required"] == true && entry.path != "/v1/auth/logout"
}

#[test]
fn every_route_with_a_body_refuses_them() {
    let server = server();
    let people = People::of(&server);
    let data = data();
    let document: Value = serde_json::from_str(&unioncard::openapi::json()).unwrap();
    for case in cases(&data, "every_body") {
        for entry in
            routes::table().iter().filter(|entry| matches!(entry.method.as_str(), "POST" | "PUT" | "PATCH"))
        {
            // Where nothing has to be said, nothing said is right.
            if text(&case["body"]).is_empty() && !takes_a_body(&document, entry) {
                continue;
            }
            let client = people.somebody_who_may(&entry.access);
            let headers = case["headers"].as_object().into_iter().flatten();
            let headers: Vec<(&str, &str)> =
                headers.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
            let path = filled(entry.path);
            refused(
                case,
                client.send(entry.method.as_str(), &path, &headers, text(&case["body"]).as_bytes()),
            );
        }
        goes_on(&server, case["name"].as_str().unwrap());
    }
}

/// Whether a schema of the document, or one of those it refers to, has `items`.
fn is_list(document: &Value, schema: &Value) -> bool {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return is_list(document, &document["components"]["schemas"][name]);
    }
    let parts = ["oneOf", "anyOf", "allOf"].iter().filter_map(|kind| schema[kind].as_array()).flatten();
    !schema["properties"]["items"].is_null() || parts.into_iter().any(|part| is_list(document, part))
}

/// The lists of the table: a path, what has to be asked for, and who may.
fn lists(document: &Value) -> Vec<(routes::Entry, String)> {
    routes::table()
        .into_iter()
        .filter(|entry| entry.method == "GET")
        .filter_map(|entry| {
            let operation = &document["paths"][entry.path]["get"];
            let answer = &operation["responses"]["200"]["content"]["application/json"]["schema"];
            if !is_list(document, answer) {
                return None;
            }
            let mut needed: Vec<String> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "query" && parameter["required"] == true)
                .map(|parameter| match parameter["name"].as_str().unwrap() {
                    "organisation" => format!("organisation={}", harness::builders::ROOT),
                    "number" => "number=1001".to_owned(),
                    name => panic!("{}: what to ask for {name} with?", entry.path),
                })
                .collect();
            if entry.path == "/v1/purchases" {
                needed.push("status=authorized".to_owned());
            }
            Some((entry, needed.join("&")))
        })
        .collect()
}

#[test]
fn every_list_refuses_them() {
    let server = server();
    let people = People::of(&server);
    let data = data();
    let document: Value = serde_json::from_str(&unioncard::openapi::json()).unwrap();
    let lists = lists(&document);
    assert!(lists.len() > 20, "the document names the lists");
    for (entry, needed) in &lists {
        let client = people.somebody_who_may(&entry.access);
        let (path, named) = (filled(entry.path), entry.path.contains('{'));
        let ask = |query: &str| client.get(&format!("{path}?{needed}&{query}"));
        for case in cases(&data, "every_list") {
            refused(case, ask(&text(&case["query"])));
        }
        let whole = ask("limit=200");
        if named && whole.status == 404 {
            continue;
        }
        let whole = whole.expect(200).json();
        assert!(whole["items"].is_array(), "{path}: {whole}");
        assert!(whole.as_object().unwrap().contains_key("next"), "{path}: {whole}");
    }
    goes_on(&server, "every list");
}

#[test]
fn every_route_refuses_such_tokens() {
    let server = server();
    let data = data();
    for case in cases(&data, "every_token") {
        let authorization = text(&case["authorization"]);
        let client = server.client().with("authorization", &authorization);
        for entry in routes::table().iter().filter(|entry| !entry.access.public) {
            let json = [("content-type", "application/json")];
            refused(case, client.send(entry.method.as_str(), &filled(entry.path), &json, b"{}"));
        }
    }
    goes_on(&server, "every token");
}

#[test]
fn every_way_in_for_files_refuses_them() {
    let shop = Shop::open();
    let administrator = shop.server.as_staff(Role::Administrator, None);
    let data = data();
    for case in cases(&data, "every_file") {
        let name = case["name"].as_str().unwrap();
        let hex = case["hex"].as_str().unwrap_or_default();
        let bytes: Vec<u8> = match hex {
            "" => text(&case["text"]).into_bytes(),
            hex => (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                .collect(),
        };
        for kind in ["organisations", "members", "aliases"] {
            let (path, report) = import(&administrator, kind, "file.csv", &bytes);
            assert_eq!(report["status"], "failed", "{name} as {kind}: {report}");
            assert!(report["problem"].as_str().is_some_and(|told| !told.is_empty()), "{name}: {report}");
            let rejected = administrator.get(&format!("{path}/rejected")).expect(200).json();
            assert_eq!(rejected["items"], serde_json::json!([]), "{name} as {kind}");
        }
        let answer = upload(&shop.program, "/v1/registers", &[], "file.csv", &bytes);
        assert_eq!(answer.problem(422), "file-unusable", "{name}");
    }
    let stored = shop.program.get("/v1/registers").expect(200).json();
    assert_eq!(stored["items"], serde_json::json!([]));
    goes_on(&shop.server, "every file");
}

#[test]
fn a_body_may_neither_drip_nor_be_endless() {
    let server = server();
    let head = "POST /v1/auth/code HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    let dripping = format!("{head}Content-Length: 100\r\n\r\n{{");
    let raw = exchange(server.address(), dripping.as_bytes(), QUIET);
    assert_eq!(raw.status, 400, "{}", String::from_utf8_lossy(&raw.bytes));
    let announced = format!("{head}Content-Length: 100000000\r\n\r\n{{");
    let raw = exchange(server.address(), announced.as_bytes(), QUIET);
    assert_eq!(raw.status, 413, "{}", String::from_utf8_lossy(&raw.bytes));
    let chunk = format!("100000\r\n{}\r\n", " ".repeat(1 << 20));
    let endless = format!("{head}Transfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(8));
    let raw = exchange(server.address(), endless.as_bytes(), QUIET);
    assert_eq!(raw.status, 413, "{}", String::from_utf8_lossy(&raw.bytes));
    goes_on(&server, "bodies");
}

#[test]
fn a_head_may_neither_drip_nor_stay_away() {
    let server = server();
    let started = Instant::now();
    let mut half_open = TcpStream::connect(server.address()).unwrap();
    let mut dripping = TcpStream::connect(server.address()).unwrap();
    let mut drops = dripping.try_clone().unwrap();
    let drip = std::thread::spawn(move || {
        let head = b"GET /health/live HTTP/1.1\r\nHost: a\r\nX-Slow: ".iter().chain(std::iter::repeat(&b'a'));
        // Ends once the server has had enough of it.
        for byte in head.take(400) {
            if drops.write_all(&[*byte]).is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    for (what, stream) in [("half open", &mut half_open), ("dripping", &mut dripping)] {
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut answer = Vec::new();
        // A reset ends it as well as a close.
        let ended = stream.read_to_end(&mut answer);
        let told = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || told.starts_with("HTTP/1.1 408"), "{what}: {told} {ended:?}");
        assert!(started.elapsed() < Duration::from_secs(20), "{what}: {:?}", started.elapsed());
    }
    drip.join().unwrap();
    goes_on(&server, "slow heads");
}

#[test]
fn no_answer_is_for_pages_of_another_origin() {
    let server = server();
    let people = People::of(&server);
    let origin = [("origin", "https://elsewhere.example")];
    for entry in
        routes::table().iter().filter(|entry| entry.method == "GET" && !entry.path.ends_with("/events"))
    {
        let answer = people.somebody_who_may(&entry.access).send("GET", &filled(entry.path), &origin, b"");
        let foreign = answer.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
        assert!(foreign.is_none(), "{}: {foreign:?}", entry.path);
    }
}

/// A path of the table with something in its variable segments.
pub fn filled(path: &str) -> String {
    filled_with(path, "0190b5b0-0000-7000-8000-000000000000")
}

/// The same with a text of one's own in them.
pub fn filled_with(path: &str, text: &str) -> String {
    path.split('/')
        .map(|segment| if segment.contains('{') { text } else { segment })
        .collect::<Vec<_>>()
        .join("/")
}
