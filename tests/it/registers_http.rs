//! A partner's register over HTTP: uploaded, settled in the background, and every row's outcome read back.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use harness::{Answer, Client};
use serde_json::{Value, json};

use crate::shop::{Shop, books, column, stamp};

pub const BOUNDARY: &str = "a-line-that-is-in-no-file";

/// A form with a file and fields.
pub fn upload(client: &Client, path: &str, fields: &[(&str, &str)], name: &str, file: &[u8]) -> Answer {
    let mut body = Vec::new();
    for (field, value) in fields {
        body.extend_from_slice(
            format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n")
                .as_bytes(),
        );
    }
    let head = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         content-type: text/csv\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    client.send("POST", path, &[("content-type", &kind)], &body)
}

/// Asks until the work is over.
pub fn finished(client: &Client, path: &str) -> Value {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let now = client.get(path).expect(200).json();
        if ["done", "failed"].contains(&now["status"].as_str().unwrap()) {
            return now;
        }
        assert!(Instant::now() < until, "{now}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub const HEADER: &str = "outlet,receipt,occurred_at,card_number,amount,category,kind,reference\n";

fn register(client: &Client, fields: &[(&str, &str)], file: &[u8]) -> (String, Value) {
    let taken = upload(client, "/v1/registers", fields, "november.csv", file).expect(202);
    let path = format!("/v1/registers/{}", taken.json()["id"].as_str().unwrap());
    assert_eq!(taken.header("location"), path);
    let done = finished(client, &path);
    assert_eq!(done["status"], "done", "{done}");
    assert_eq!(done["rows"], done["done_rows"]);
    (path, done)
}

/// The counts that are not 0.
fn outcomes(done: &Value) -> Value {
    let counted = done["outcomes"].as_object().unwrap().iter().filter(|(_, count)| **count != json!(0));
    counted.map(|(name, count)| (name.clone(), count.clone())).collect::<serde_json::Map<_, _>>().into()
}

/// A shop with three purchases of five days ago, and a register that knows two of them and more.
fn november() -> (Shop, String) {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let number = anna.card.number.as_str();
    let day = stamp(shop.server.app.now() - TimeDelta::days(5));
    for (receipt, amount) in [("same", "100.00"), ("other", "100.00"), ("missing", "70.00")] {
        let mut sale = shop.sale(("card_number", number), receipt, amount);
        sale["occurred_at"] = json!(day);
        shop.program.post("/v1/purchases", &sale).expect(201);
    }
    let mut file = HEADER.to_owned();
    for row in [
        // The refund stands before its sale.
        format!("market-1,new,{day},{number},40.00,food,refund,back-1"),
        format!("market-1,same,{day},{number},100.00,,sale,"),
        format!("market-1,other,{day},{number},99.00,,sale,"),
        format!("market-1,new,{day},{number},200.00,food,sale,"),
        format!("market-1,new,{day},{number},200.00,food,sale,"),
        format!("market-2,=1+1,{day},{number},\"1,50\",,sale,"),
        format!("bakery-1,x,{day},{number},1.00,,sale,"),
    ] {
        file += &row;
        file += "\n";
    }
    (shop, file)
}

#[test]
fn compared_posted_and_again() {
    let (shop, file) = november();
    let finance = shop.finance();
    let before = books(&finance);
    let (_, compared) = register(&shop.program, &[("mode", "compare")], file.as_bytes());
    let expected = json!({
        "matched": 1, "amount_differs": 1, "only_theirs": 2, "only_ours": 1, "duplicate": 1, "rejected": 2,
    });
    assert_eq!(outcomes(&compared), expected);
    assert_eq!(books(&finance), before, "comparing posts nothing");

    let (path, posted) = register(&shop.program, &[], file.as_bytes());
    let expected = json!({
        "posted": 2, "matched": 1, "amount_differs": 1, "only_ours": 1, "duplicate": 1, "rejected": 2,
    });
    assert_eq!(outcomes(&posted), expected);
    assert_eq!((&posted["mode"], &posted["partner"]), (&json!("post"), &json!("market")));
    assert_eq!(posted["file_name"], "november.csv");
    assert_eq!(posted["amounts"]["ours"], "430.00", "100 + 100 + 70 + 200 - 40");
    let new = shop.program.get("/v1/purchases?outlet=market-1&receipt=new").expect(200).json();
    assert_eq!((&new["refunded"], &new["status"]), (&json!("40.00"), &json!("partly_refunded")));
    assert_eq!(new["cashback"]["amount"], "8.00");
    assert_eq!(books(&finance)["member:pending"], "21.50", "5 % of 430.00");

    let rows = shop.program.get(&format!("{path}/rows?limit=3")).expect(200).json();
    assert_eq!(column(&rows["items"], "outcome"), ["posted", "matched", "amount_differs"]);
    assert_eq!(column(&rows["items"], "line"), [2, 3, 4]);
    let differing = &rows["items"][2];
    assert_eq!((&differing["amount"], &differing["our_amount"]), (&json!("99.00"), &json!("100.00")));
    let after = rows["next"].as_str().unwrap();
    let rest = shop.program.get(&format!("{path}/rows?limit=200&after={after}")).expect(200).json();
    assert_eq!(
        column(&rest["items"], "outcome"),
        ["posted", "duplicate", "rejected", "rejected", "only_ours"]
    );
    let refused = shop.program.get(&format!("{path}/rows?outcome=rejected")).expect(200).json();
    assert_eq!(column(&refused["items"], "reason"), ["amount_invalid", "outlet_unknown"]);
    let tampered = format!("{path}/rows?after={}x", after);
    assert_eq!(shop.program.get(&tampered).problem(422), "invalid");
    let foreign = format!("/v1/registers?after={after}");
    assert_eq!(shop.program.get(&foreign).problem(422), "invalid");

    let (_, again) = register(&shop.program, &[("mode", "post")], file.as_bytes());
    assert_eq!(outcomes(&again)["matched"], 3);
    assert!(outcomes(&again).get("posted").is_none());
    assert_eq!(books(&finance)["member:pending"], "21.50", "the same file again changes nothing");
}

#[test]
fn a_card_that_nobody_has_matches_nothing() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let finance = shop.finance();
    let day = stamp(shop.server.app.now() - TimeDelta::days(5));
    let mut sale = shop.sale(("card_number", anna.card.number.as_str()), "same", "100.00");
    sale["occurred_at"] = json!(day);
    let posted = shop.program.post("/v1/purchases", &sale).expect(201).json();
    let mut file = HEADER.to_owned();
    for (receipt, holder) in [
        ("same", "a card of somebody else's system"),
        // Membership numbers are for history, from the command line: a partner neither knows nor tries them.
        ("by-number", "1001"),
        ("by-nobody's", "1003"),
    ] {
        file += &format!("market-1,{receipt},{day},{holder},100.00,,sale,\n");
    }
    let before = books(&finance);
    for mode in ["compare", "post"] {
        let (path, done) = register(&shop.program, &[("mode", mode)], file.as_bytes());
        assert_eq!(done["outcomes"]["matched"], 0, "{done}");
        let rows = shop.program.get(&format!("{path}/rows")).expect(200).json();
        assert_eq!(column(&rows["items"], "reason"), ["card_unknown"; 3], "{mode}: {rows}");
        let known = &rows["items"][0];
        assert_eq!((&known["outcome"], &known["our_amount"]), (&json!("rejected"), &json!("100.00")));
        assert_eq!(known["purchase_id"], posted["id"]);
    }
    assert_eq!(books(&finance), before, "nothing was posted");
}

#[test]
fn the_report_is_read_back() {
    let (shop, file) = november();
    let (path, _) = register(&shop.program, &[], file.as_bytes());
    let report = shop.program.get(&format!("{path}/report.csv")).expect(200);
    assert_eq!(report.header("content-type"), "text/csv; charset=utf-8");
    assert!(report.header("content-disposition").contains("attachment"));
    let text = report.text();
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(lines.len(), 9, "a header, seven rows and what only we have: {text}");
    assert!(lines[0].contains("line") && lines[0].contains("outcome"), "{}", lines[0]);
    for (line, outcome) in lines[1..].iter().zip([
        "posted",
        "matched",
        "amount_differs",
        "posted",
        "duplicate",
        "rejected",
        "rejected",
        "only_ours",
    ]) {
        assert!(line.split(',').any(|cell| cell == outcome), "{outcome}: {line}");
    }
    assert!(lines[6].contains("'=1+1"), "no cell is a formula: {}", lines[6]);
}

#[test]
fn a_register_is_its_partners_alone() {
    let (shop, file) = november();
    let (path, _) = register(&shop.program, &[], file.as_bytes());
    let stranger = shop.server.as_partner(&shop.server.partner("bakery", &["bakery-1"]));
    let never = "/v1/registers/0190b5b0-0000-7000-8000-000000000000";
    for rest in ["", "/rows", "/report.csv"] {
        let (theirs, unknown) =
            (stranger.get(&format!("{path}{rest}")), stranger.get(&format!("{never}{rest}")));
        assert_eq!(theirs.body, unknown.body, "{rest}");
        assert_eq!(theirs.problem(404), "not-found", "{rest}");
    }
    assert_eq!(stranger.get("/v1/registers").expect(200).json()["items"], json!([]));
    assert_eq!(
        upload(&stranger, "/v1/registers", &[("partner", "market")], "x.csv", file.as_bytes()).problem(422),
        "invalid"
    );
    let finance = shop.finance();
    let missing = upload(&finance, "/v1/registers", &[], "x.csv", file.as_bytes());
    assert_eq!(missing.json()["errors"][0]["pointer"], "#/partner");
    let (_, done) = register(&finance, &[("partner", "market"), ("mode", "compare")], file.as_bytes());
    assert_eq!(outcomes(&done)["matched"], 3);
    assert_eq!(finance.get("/v1/registers").expect(200).json()["items"].as_array().unwrap().len(), 2);
    let cashier = shop.server.as_cashier(&shop.partner);
    assert_eq!(cashier.get(&path).problem(403), "forbidden");
}

#[test]
fn what_is_no_register_is_refused_whole() {
    let (shop, file) = november();
    let cut = format!("{HEADER}market-1,\"a,2026-11-05T12:00:00Z\n");
    let utf16: Vec<u8> =
        [0xFF, 0xFE].into_iter().chain(file.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for (name, content, reason) in [
        ("empty", b"".as_slice(), "the file is empty"),
        ("a picture", b"\x89PNG\r\n\x1a\n\0\0\0", ""),
        ("no such columns", b"a,b\n1,2\n", "a column is missing: outlet"),
        (
            "one column less",
            b"outlet,receipt,occurred_at,card_number,amount,category,kind\n",
            "a column is missing: reference",
        ),
        (
            "history's columns",
            b"outlet,receipt,occurred_at,membership_number,amount,category,kind,reference\n",
            "",
        ),
        ("UTF-16", &utf16, "neither UTF-8 nor Windows-1251"),
        ("cut inside quotes", cut.as_bytes(), "ends inside quotes"),
    ] {
        let answer = upload(&shop.program, "/v1/registers", &[], "x.csv", content);
        let body = answer.json();
        assert_eq!(answer.status, 422, "{name}: {body}");
        assert_eq!(body["errors"][0]["pointer"], "#/file", "{name}");
        assert!(body["errors"][0]["detail"].as_str().unwrap().contains(reason), "{name}: {body}");
    }
    for fields in [[("mode", "guess")], [("surprise", "1")]] {
        let answer = upload(&shop.program, "/v1/registers", &fields, "x.csv", file.as_bytes());
        assert_eq!(answer.json()["errors"][0]["pointer"], format!("#/{}", fields[0].0));
        assert_eq!(answer.problem(422), "invalid");
    }
    let half = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"x.csv\"\r\n\r\n{HEADER}"
    );
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let torn = shop.program.send("POST", "/v1/registers", &[("content-type", &kind)], half.as_bytes());
    assert_eq!(torn.status, 400, "{}", torn.text());
    assert_eq!(
        shop.program.get("/v1/registers").expect(200).json()["items"],
        json!([]),
        "nothing was stored"
    );
    let left = std::fs::read_dir(shop.server.folder().join("registers")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "no upload is left behind");
}

#[test]
fn a_file_loaded_by_the_command_beside_a_running_server_is_worked_on_once() {
    let shop = Shop::open();
    let number = shop.holder("1001").card.number.to_string();
    let day = stamp(shop.server.app.now() - TimeDelta::days(5));
    let mut file = HEADER.to_owned();
    for place in 0..3_000 {
        file += &format!("market-1,r-{place},{day},{number},10.00,,sale,\n");
    }
    let path = shop.server.folder().join("december.csv");
    std::fs::write(&path, file).unwrap();
    let report =
        unioncard::files::registers::load(&shop.server.app, "market", &path, ("post", false), &mut |_| {})
            .unwrap()
            .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let report = serde_json::to_value(&report).unwrap();
    assert_eq!((&report["outcomes"]["posted"], &report["outcomes"]["matched"]), (&json!(3_000), &json!(0)));
}
