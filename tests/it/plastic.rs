//! Plastic over HTTP and the command line: ordered, claimed once, drawn, sent, received, handed out or spoiled; each step
//! remembered; nobody sees another branch's cards.

use std::collections::{HashMap, HashSet};
use std::io::{Cursor, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use card_issuer::designs;
use card_issuer::face::Resolution;
use chrono::TimeDelta;
use harness::{Client, TestServer, server};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use unioncard::auth::Role;
use unioncard::jobs::{self, Job};
use unioncard::print::previews::Preview;

use crate::members_http::{person, union};
use crate::shop::{bound_to, column};

/// A union with `count` members of P-1 and one of P-2, each with plastic ordered; the numbers of P-1's cards.
fn ordered(server: &TestServer, count: usize) -> (Vec<String>, Client) {
    let administrator = union(server);
    let registrar = bound_to(server, Role::Registrar, "C-000");
    let issuer = bound_to(server, Role::Issuer, "C-000");
    let order = |number: usize, organisation: &str| {
        let member =
            registrar.post("/v1/members", &person(&format!("{number:09}"), organisation)).expect(201);
        let body = json!({ "member": member.json()["id"], "kind": "plastic" });
        let card = issuer.post("/v1/cards", &body).expect(201).json();
        assert_eq!(card["status"], "ordered");
        card["number"].as_str().unwrap().to_owned()
    };
    let numbers = (1..=count).map(|number| order(number, "P-1")).collect();
    order(900, "P-2");
    (numbers, administrator)
}

fn batch(client: &Client, organisation: &str) -> Value {
    client.post("/v1/print-batches", &json!({ "organisation": organisation })).expect(201).json()
}

fn path(batch: &Value) -> String {
    format!("/v1/print-batches/{}", batch["id"].as_str().unwrap())
}

fn cards(client: &Client, batch: &Value) -> Vec<Value> {
    let page = client.get(&format!("{}/cards?limit=200", path(batch))).expect(200).json();
    page["items"].as_array().unwrap().clone()
}

#[test]
fn whoever_waits_for_files_holds_up_nobody() {
    let server = server();
    let (_, administrator) = ordered(&server, 30);
    let made = batch(&administrator, "C-000");
    let files = format!("{}/files", path(&made));
    // More of them than there are connections.
    let waiting: Vec<_> = (0..40)
        .map(|_| {
            let (client, files) = (administrator.clone(), files.clone());
            std::thread::spawn(move || client.get(&files).expect(200).body.len())
        })
        .collect();
    for _ in 0..20 {
        administrator.get("/v1/print-queue").expect(200);
    }
    let lengths: HashSet<usize> = waiting.into_iter().map(|one| one.join().unwrap()).collect();
    assert_eq!(lengths.len(), 1, "all got the same archive");
}

#[test]
fn a_card_is_traced_from_its_order_into_a_hand() {
    let server = server();
    let (numbers, _) = ordered(&server, 3);
    let issuer = bound_to(&server, Role::Issuer, "R-001");
    let queue = issuer.get("/v1/print-queue").expect(200).json();
    assert_eq!(queue["items"][0]["organisation"]["code"], "P-1");
    assert_eq!((&queue["waiting"], &queue["more"]), (&json!(3), &json!(false)));
    let made = batch(&issuer, "R-001");
    assert_eq!((&made["status"], &made["cards"]), (&json!("made"), &json!(3)));
    let again = issuer.post("/v1/print-batches", &json!({ "organisation": "R-001" }));
    assert_eq!(again.problem(409), "nothing-to-print", "a card is claimed once");
    let printed = cards(&issuer, &made);
    assert_eq!(column(&json!(printed), "state"), ["in_print"; 3]);
    assert_eq!(column(&json!(printed), "status"), ["issued"; 3]);
    let ids: Vec<&Value> = printed.iter().map(|card| &card["id"]).collect();
    let hand_out =
        |cards: &[&Value]| issuer.post(&format!("{}/hand-out", path(&made)), &json!({ "cards": cards }));
    assert_eq!(hand_out(&ids[..1]).problem(409), "batch-state", "not back from the plant");
    let step = |name: &str| issuer.post(&format!("{}/{name}", path(&made)), &json!({ "note": "почта" }));
    assert_eq!(step("send").expect(200).json()["status"], "sent");
    assert_eq!(step("send").problem(409), "batch-state");
    assert_eq!(step("receive").expect(200).json()["status"], "received");

    let spoil = json!({ "cards": [ids[1]], "note": "полоса через имя" });
    let after = issuer.post(&format!("{}/spoil", path(&made)), &spoil).expect(200).json();
    assert_eq!((&after["in_print"], &after["spoiled"]), (&json!(2), &json!(1)));
    assert_eq!(hand_out(&ids).problem(409), "card-not-in-print", "all or none");
    assert_eq!(cards(&issuer, &made)[0]["state"], "in_print");

    // The chair of the very organisation hands out; a stranger's sees nothing.
    let chair = bound_to(&server, Role::Chair, "P-1");
    let stranger = bound_to(&server, Role::Chair, "P-3");
    let given = json!({ "cards": [ids[0]] });
    assert_eq!(stranger.post(&format!("{}/hand-out", path(&made)), &given).problem(404), "not-found");
    chair.post(&format!("{}/hand-out", path(&made)), &given).expect(200);
    assert_eq!(chair.get(&format!("{}/files", path(&made))).problem(403), "forbidden", "all cards' files");
    let whole = |client: &Client| client.get(&path(&made)).expect(200).json()["whole"].clone();
    assert_eq!((whole(&issuer), whole(&chair)), (json!(true), json!(false)));
    let done = hand_out(&ids[2..]).expect(200).json();
    assert_eq!((&done["status"], &done["handed_out"]), (&json!("handed_out"), &json!(2)));
    let card = issuer.get(&format!("/v1/cards?number={}", printed[0]["number"].as_str().unwrap())).json();
    assert_eq!(card["items"][0]["status"], "active");

    // The spoiled one is printed again under its own number.
    let second = batch(&issuer, "R-001");
    let reprinted = cards(&issuer, &second);
    assert_eq!(column(&json!(reprinted), "number"), [printed[1]["number"].as_str().unwrap()]);
    assert!(numbers.contains(&reprinted[0]["number"].as_str().unwrap().to_owned()));
    let history =
        issuer.get(&format!("/v1/cards/{}/print-history", ids[1].as_str().unwrap())).expect(200).json();
    assert_eq!(column(&history["items"], "event"), ["made", "sent", "received", "spoiled", "made"]);
    assert!(history["items"][3]["by"].as_str().unwrap().starts_with("staff:"));
    assert_eq!(history["items"][3]["email"], "issuer-r-001@example.org");
    assert_eq!(history["items"][3]["note"], "полоса через имя");
}

#[test]
fn a_batch_s_files_are_whole_private_and_the_same_each_time() {
    let server = server();
    let numbers: HashSet<String> = ordered(&server, 3).0.into_iter().collect();
    let issuer = bound_to(&server, Role::Issuer, "R-001");
    let made = batch(&issuer, "P-1");
    let archive = issuer.get(&format!("{}/files", path(&made))).expect(200);
    assert_eq!(archive.header("content-type"), "application/zip");
    let mut zip = zip::ZipArchive::new(Cursor::new(archive.body.clone())).unwrap();
    let mut content = |name: &str| {
        let mut bytes = Vec::new();
        zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    let sums = String::from_utf8(content("SHA256SUMS")).unwrap();
    let names: Vec<&str> = sums.lines().map(|line| line.split_once("  ").unwrap().1).collect();
    assert_eq!(names.len(), 3 + 2 + 3, "faces, print files, tables and manifest: {sums}");
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").unwrap();
        let hex: String = Sha256::digest(content(name)).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, sum, "{name}");
    }
    let csv = String::from_utf8(content("cards.csv")).unwrap();
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let at =
        |row: &[&str], name: &str| row[header.iter().position(|column| *column == name).unwrap()].to_owned();
    assert_eq!(rows.iter().map(|row| at(row, "number")).collect::<HashSet<_>>(), numbers);
    for row in &rows {
        let number = at(row, "number");
        assert_eq!(
            (at(row, "qr_text"), at(row, "grouped_number").replace(' ', "")),
            (number.clone(), number.clone())
        );
        assert_eq!((at(row, "last_name"), at(row, "name_latin")), ("Иванова".into(), "IVANOVA ANNA".into()));
        assert!(at(row, "track1").starts_with(&format!("%B{number}^IVANOVA/ANNA^")), "{csv}");
        assert!(at(row, "track2").starts_with(&format!(";{number}=")) && at(row, "track2").ends_with("000?"));
        assert!(
            names.contains(&at(row, "face_file").as_str()) && names.contains(&at(row, "pdf_file").as_str())
        );
    }
    let manifest: Value = serde_json::from_slice(&content("manifest.json")).unwrap();
    assert_eq!(
        (&manifest["cards"], &manifest["faces"], &manifest["pdf_files"]),
        (&json!(3), &json!(3), &json!(1))
    );
    let one = issuer.get(&format!("{}/files/cards.xlsx", path(&made))).expect(200);
    assert!(one.body.starts_with(b"PK") && one.body == content("cards.xlsx"));
    assert_eq!(issuer.get(&format!("{}/files/..%2Fkeys", path(&made))).status, 404);
    assert_eq!(issuer.get(&format!("{}/files/.lock", path(&made))).status, 404);

    let folder = server.folder().join("print").join(made["id"].as_str().unwrap());
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join("cards.csv"))), (0o700, 0o600));
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::remove_file(folder.with_extension("zip")).unwrap();
    let anew = issuer.get(&format!("{}/files/SHA256SUMS", path(&made))).expect(200).text();
    let unlike = |text: &str| {
        text.lines().filter(|line| !line.ends_with(".xlsx")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(unlike(&anew), unlike(&sums), "drawn anew, the same bytes");
    let shown = issuer.get(&path(&made)).expect(200).json();
    assert_eq!((&shown["files_ready"], shown["files"].as_array().unwrap().len()), (&json!(true), 6));
}

#[test]
fn a_family_s_plastic_bears_no_name_and_its_row_tells_the_relation() {
    let server = server();
    let (own, administrator) = ordered(&server, 1);
    let found = administrator.get("/v1/members?query=000000001").expect(200).json();
    let body = json!({ "member": found["items"][0]["id"], "kind": "plastic", "relation": "child" });
    let issuer = bound_to(&server, Role::Issuer, "R-001");
    let child = issuer.post("/v1/cards", &body).expect(201).json()["number"].clone();
    let made = batch(&issuer, "P-1");
    issuer.get(&format!("{}/files", path(&made))).expect(200);
    let csv = issuer.get(&format!("{}/files/cards.csv", path(&made))).expect(200).text();
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    let row = |number: &str| -> HashMap<&str, String> {
        let row = csv.lines().find(|line| line.contains(number)).unwrap_or_else(|| panic!("{number}: {csv}"));
        header.iter().copied().zip(row.split(',').map(str::to_owned)).collect()
    };
    let (mine, theirs) = (row(&own[0]), row(child.as_str().unwrap()));
    assert_eq!((&*mine["last_name"], &*mine["relation"]), ("Иванова", ""));
    assert_eq!((&*theirs["last_name"], &*theirs["relation"]), ("Семейная карта", "child"));
    assert_eq!((&*theirs["first_name"], &*theirs["name_latin"]), ("", "SEMEINAIA KARTA"));
    assert!(theirs["track1"].contains("^SEMEINAIA KARTA/^"), "{}", theirs["track1"]);
    assert!(!format!("{theirs:?}").contains("Иванова"), "{theirs:?}");
    let listed = cards(&issuer, &made);
    let holders: HashSet<&str> = listed.iter().map(|card| card["holder"].as_str().unwrap()).collect();
    assert_eq!(holders, HashSet::from(["Иванова Анна", "Семейная карта"]));
}

#[test]
fn a_batch_is_drawn_as_finely_as_the_plant_prints() {
    let server = server();
    ordered(&server, 1);
    let issuer = bound_to(&server, Role::Issuer, "R-001");
    let ask = |dpi: Value| issuer.post("/v1/print-batches", &json!({ "organisation": "P-1", "dpi": dpi }));
    for wrong in [json!(0), json!(299), json!(1_200), json!("600"), json!(-600)] {
        let answer = ask(wrong.clone()).expect(422);
        assert_eq!(answer.json()["errors"][0]["pointer"], "#/dpi", "{wrong}");
    }
    let made = ask(json!(600)).expect(201).json();
    assert_eq!((&made["dpi"], &made["cards"]), (&json!(600), &json!(1)), "what was refused claimed nothing");
    let archive = issuer.get(&format!("{}/files", path(&made))).expect(200);
    let mut zip = zip::ZipArchive::new(Cursor::new(archive.body)).unwrap();
    let mut content = |name: &str| {
        let mut bytes = Vec::new();
        zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    let face = content("faces/0001/000001.png");
    let picture = image::load_from_memory(&face).unwrap();
    assert_eq!((picture.width(), picture.height()), (2_024, 1_276));
    let manifest: Value = serde_json::from_slice(&content("manifest.json")).unwrap();
    assert_eq!(
        (&manifest["dpi"], &manifest["face"]),
        (&json!(600), &json!("PNG, 2024 x 1276 pixels, 600 dpi"))
    );
    let hex: String = Sha256::digest(&face).iter().map(|byte| format!("{byte:02x}")).collect();
    let sums = String::from_utf8(content("SHA256SUMS")).unwrap();
    assert!(sums.contains(&format!("{hex}  faces/0001/000001.png")), "{sums}");
    let shown = issuer.get(&path(&made)).expect(200).json();
    assert_eq!(shown["dpi"], 600);
}

#[test]
fn files_of_plastic_go_once_it_is_long_back() {
    let server = server();
    let (_, issuer) = ordered(&server, 2);
    let (back, away) = (batch(&issuer, "P-1"), batch(&issuer, "P-2"));
    let sums = |made: &Value| issuer.get(&format!("{}/files/SHA256SUMS", path(made))).expect(200).text();
    let first = sums(&back);
    sums(&away);
    issuer.get(&format!("{}/files", path(&back))).expect(200);
    issuer.post(&format!("{}/receive", path(&back)), &json!({})).expect(200);
    issuer.post(&format!("{}/send", path(&away)), &json!({})).expect(200);
    let lying = || std::fs::read_dir(server.folder().join("print")).unwrap().count();
    let sweep = |days: i64| {
        let at = server.app.now() + TimeDelta::days(days);
        jobs::run(&server.app, &mut server.connect(), Job::Retention, at).unwrap();
        lying()
    };
    assert_eq!(lying(), 3, "two folders and an archive");
    assert_eq!(sweep(29), 3);
    let ready = |made: &Value| issuer.get(&path(made)).expect(200).json()["files_ready"].clone();
    assert_eq!((ready(&back), ready(&away)), (json!(true), json!(true)));
    assert_eq!(sweep(31), 1, "what the plant still has stays");
    assert_eq!((ready(&back), ready(&away)), (json!(false), json!(true)));
    let list = issuer.get("/v1/print-batches").expect(200).json();
    let listed: Vec<&Value> =
        list["items"].as_array().unwrap().iter().map(|one| &one["files_ready"]).collect();
    assert_eq!(listed, [true, false], "the newest first");
    let unlike = |text: &str| {
        text.lines().filter(|line| !line.ends_with(".xlsx")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(unlike(&sums(&back)), unlike(&first), "drawn anew for whoever asks");
    assert_eq!(ready(&back), json!(true));
}

#[test]
fn a_run_gone_on_with_draws_anew_whoever_is_called_otherwise_by_now() {
    let server = server();
    let (_, issuer) = ordered(&server, 2);
    let made = batch(&issuer, "P-1");
    let file = |name: &str| issuer.get(&format!("{}/files/{name}", path(&made))).expect(200).body;
    let sums = |text: &[u8]| -> HashMap<String, String> {
        let text = String::from_utf8(text.to_vec()).unwrap();
        let lines = text.lines().map(|line| line.split_once("  ").unwrap());
        lines.map(|(sum, name)| (name.to_owned(), sum.to_owned())).collect()
    };
    let before = sums(&file("SHA256SUMS"));
    let folder = server.folder().join("print").join(made["id"].as_str().unwrap());
    // As it lies where a run was cut off before the sums.
    let cut_off = || std::fs::remove_file(folder.join("SHA256SUMS")).unwrap();
    cut_off();
    let again = sums(&file("SHA256SUMS"));
    let face = |place: usize| format!("faces/0001/{place:06}.png");
    for name in [face(1), face(2), "cards-0001.pdf".to_owned(), "cards.csv".to_owned()] {
        assert_eq!(before[&name], again[&name], "{name}: nobody is called otherwise");
    }

    cut_off();
    let card = &cards(&issuer, &made)[1];
    let record = issuer.get(&format!("/v1/cards/{}", card["id"].as_str().unwrap())).expect(200).json();
    let member = format!("/v1/members/{}", record["member"].as_str().unwrap());
    let registrar = bound_to(&server, Role::Registrar, "P-1");
    registrar.patch(&member, &json!({ "last_name": "Преображенская" })).expect(200);
    let after = sums(&file("SHA256SUMS"));
    assert!(String::from_utf8(file("cards.csv")).unwrap().contains("Преображенская"));
    assert_eq!(before[&face(1)], after[&face(1)]);
    for name in [face(2), "cards-0001.pdf".to_owned(), "sheets-0001.pdf".to_owned()] {
        assert_ne!(before[&name], after[&name], "{name} says what the table says");
    }
}

#[test]
fn two_who_claim_at_once_share_the_cards() {
    let server = server();
    ordered(&server, 12);
    let client = bound_to(&server, Role::Issuer, "R-001");
    let answers: Vec<(u16, Value)> = std::thread::scope(|scope| {
        let claims: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let body = json!({ "organisation": "R-001", "limit": 5 });
                    let answer = client.post("/v1/print-batches", &body);
                    (answer.status, answer.json())
                })
            })
            .collect();
        claims.into_iter().map(|claim| claim.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|(status, _)| [201, 409].contains(status)), "{answers:?}");
    let mut claimed: Vec<String> = Vec::new();
    for (_, made) in answers.iter().filter(|(status, _)| *status == 201) {
        claimed.extend(column(&json!(cards(&client, made)), "number").iter().map(|n| n.to_string()));
    }
    // What a claim skipped because another held it is left for the next.
    while let answer = client.post("/v1/print-batches", &json!({ "organisation": "R-001" }))
        && answer.status == 201
    {
        claimed
            .extend(column(&json!(cards(&client, &answer.json())), "number").iter().map(|n| n.to_string()));
    }
    let different: HashSet<&String> = claimed.iter().collect();
    assert_eq!((claimed.len(), different.len()), (12, 12), "each once, none lost");
}

#[test]
fn designs_run_down_the_tree_and_are_checked() {
    let server = server();
    let (_, administrator) = ordered(&server, 1);
    let issuer = bound_to(&server, Role::Issuer, "R-001");
    let holding = |client: &Client, code: &str| {
        client.get(&format!("/v1/designs?organisation={code}")).expect(200).json()["items"].clone()
    };
    assert_eq!(holding(&issuer, "P-1"), json!([]), "the program's own");
    let design =
        |organisation: &str| json!({ "organisation": organisation, "base": "#0b3d2e", "accent": "#14573f" });
    administrator.post("/v1/designs", &design("C-000")).expect(201);
    assert_eq!(holding(&issuer, "P-1")[0]["organisation"]["code"], "C-000");
    let mut own = design("R-001");
    let mut png = Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(64, 64).write_to(&mut png, image::ImageFormat::Png).unwrap();
    own["logo"] = json!(STANDARD.encode(png.into_inner()));
    own["fields"] = json!(["valid_thru"]);
    let stored = issuer.post("/v1/designs", &own).expect(201).json();
    assert_eq!((&stored["logo"], &stored["fields"]), (&json!(true), &json!(["valid_thru"])));
    assert_eq!(holding(&issuer, "P-1")[0]["id"], stored["id"]);
    assert_eq!(issuer.post("/v1/designs", &design("C-000")).problem(422), "invalid", "not theirs");
    let preview = issuer
        .get(&format!("/v1/designs/{}/preview.png?dpi=600", stored["id"].as_str().unwrap()))
        .expect(200);
    let picture = image::load_from_memory(&preview.body).unwrap();
    assert_eq!((picture.width(), picture.height()), (2_024, 1_276));
    is_drawn_once(&server, (&issuer, &administrator), stored["id"].as_str().unwrap());
    let body = json!({ "design": own, "name": "Щёголева Юлия Ярославовна" });
    issuer.post("/v1/designs/preview", &body).expect(200);
    for (field, value) in [
        ("base", json!("red")),
        ("accent", json!("#777777")),
        ("fields", json!(["salary"])),
        ("logo", json!("!")),
        ("logo", json!(STANDARD.encode("<svg xmlns='http://www.w3.org/2000/svg'/>"))),
        ("title", json!("Щ".repeat(121))),
    ] {
        let mut wrong = own.clone();
        wrong[field] = value;
        if field == "accent" {
            wrong["base"] = json!("#808080");
        }
        let answer = issuer.post("/v1/designs", &wrong).expect(422).json();
        assert!(
            answer["errors"][0]["pointer"].as_str().unwrap().starts_with(&format!("#/{field}")),
            "{answer}"
        );
    }
    let made = batch(&issuer, "R-001");
    assert_eq!(made["cards"], 1);
    let address = format!("/v1/designs/{}", stored["id"].as_str().unwrap());
    issuer.delete(&address).expect(204);
    assert_eq!(holding(&issuer, "P-1")[0]["organisation"]["code"], "C-000", "the one above holds again");
    issuer.get(&format!("{}/files/cards-0001.pdf", path(&made))).expect(200);
}

/// A preview comes out of the cache, until a name on it changes.
fn is_drawn_once(server: &TestServer, (issuer, administrator): (&Client, &Client), design: &str) {
    let path = format!("/v1/designs/{design}/preview.png");
    let drawn = issuer.get(&path).expect(200).body;
    assert_eq!(issuer.get(&path).expect(200).body, drawn);
    let stored =
        designs::find(&mut server.connect(), design.parse().unwrap()).unwrap().expect("a stored design");
    let preview = |organisation: &str| Preview {
        design: stored.clone(),
        union: administrator.get("/v1/organisations/C-000").expect(200).json()["name"]
            .as_str()
            .unwrap()
            .into(),
        organisation: organisation.into(),
        today: union_registry::day_of(server.app.now()),
        resolution: Resolution::Dpi300,
    };
    let name = administrator.get("/v1/organisations/R-001").expect(200).json()["name"].clone();
    let (kept_as, now) = (preview(name.as_str().unwrap()).name(), server.app.now());
    actix_web::rt::System::new().block_on(async {
        assert_eq!(server.app.cache.get(&kept_as, now).await.as_ref(), Some(&drawn));
        server.app.cache.set(&kept_as, b"kept", Duration::from_secs(60), now).await;
    });
    assert_eq!(issuer.get(&path).expect(200).body, b"kept");
    assert_ne!(issuer.get(&format!("{path}?dpi=600")).expect(200).body, b"kept");
    let named = issuer.get(&format!("{path}?name=Anna")).expect(200).body;
    assert!(named != b"kept" && named != drawn, "a name is drawn each time");
    let renamed = json!({ "name": "Новое имя" });
    administrator.patch("/v1/organisations/R-001", &renamed).expect(200);
    assert_ne!(issuer.get(&path).expect(200).body, b"kept", "another name, another picture");
    administrator.patch("/v1/organisations/R-001", &json!({ "name": name })).expect(200);
}

#[test]
fn a_member_orders_plastic_once() {
    let server = server();
    server.member("1001");
    let member = server.as_member("1001");
    assert_eq!(member.post("/v1/me/cards", &json!({ "kind": "virtual" })).problem(422), "invalid");
    let card = member.post("/v1/me/cards", &json!({ "kind": "plastic" })).expect(201).json();
    assert_eq!((&card["kind"], &card["status"]), (&json!("plastic"), &json!("ordered")));
    assert_eq!(member.post("/v1/me/cards", &json!({ "kind": "plastic" })).problem(409), "card-exists");
}
