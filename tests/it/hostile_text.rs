//! Names, titles and pictures that are something else in another place: a formula in a table, a script in a page, an
//! action in a PDF, a place in a photograph. Everywhere they are text, or gone. One name has one spelling to whoever
//! looks for it.

use std::io::{Cursor, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use diesel::prelude::*;
use diesel::sql_types::Binary;
use harness::server;
use image::{DynamicImage, ImageFormat};
use serde_json::{Value, json};
use unioncard::auth::Role;

use crate::faces::{run, said};
use crate::members_http::{person, union};
use crate::shop::{bound_to, column};

/// Family and given names, as their holders' union wrote them.
const NAMES: [(&str, &str); 6] = [
    (") /JS (x", "<script>alert(1)</script>"),
    ("=1+1", "{{7*7}}"),
    ("+7", "-2"),
    ("@SUM(A1)", "/OpenAction"),
    ("O'Brien", "Анна-Мария"),
    ("Я", "Оглы"),
];

#[test]
fn names_are_text_in_everything_a_plant_gets() {
    let server = server();
    let office = union(&server);
    let issuer = bound_to(&server, Role::Issuer, "C-000");
    let design =
        json!({ "organisation": "C-000", "base": "#10243e", "accent": "#1f3a5f", "title": ") /JS (<b>" });
    issuer.post("/v1/designs", &design).expect(201);
    for (place, (last, first)) in NAMES.iter().enumerate() {
        let mut body = person(&format!("{place:09}"), "P-1");
        body["last_name"] = json!(last);
        body["first_name"] = json!(first);
        let member = office.post("/v1/members", &body).expect(201).json();
        assert_eq!((&member["last_name"], &member["first_name"]), (&json!(last), &json!(first)));
        issuer.post("/v1/cards", &json!({ "member": member["id"], "kind": "plastic" })).expect(201);
    }
    let batch = issuer.post("/v1/print-batches", &json!({ "organisation": "P-1" })).expect(201).json();
    let path = format!("/v1/print-batches/{}/files", batch["id"].as_str().unwrap());
    let archive = issuer.get(&path).expect(200);
    let mut zip = zip::ZipArchive::new(Cursor::new(archive.body)).unwrap();
    let mut content = |name: &str| {
        let mut bytes = Vec::new();
        zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };

    let csv = String::from_utf8(content("cards.csv")).unwrap();
    for cell in csv.lines().skip(1).flat_map(|line| line.split(',')) {
        let cell = cell.trim_matches('"');
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}: {csv}");
    }
    for (last, first) in NAMES {
        for name in [last, first] {
            assert!(csv.contains(name), "{name}: {csv}");
        }
    }

    let mut book = zip::ZipArchive::new(Cursor::new(content("cards.xlsx"))).unwrap();
    let mut sheets = String::new();
    for part in 0..book.len() {
        let mut part = book.by_index(part).unwrap();
        let name = part.name().unwrap().into_owned();
        if name.starts_with("xl/worksheets/sheet") || name.ends_with("sharedStrings.xml") {
            part.read_to_string(&mut sheets).unwrap();
        }
    }
    assert!(!sheets.contains("<f>") && !sheets.contains("<script>"), "{sheets}");
    assert!(sheets.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && sheets.contains("=1+1"), "{sheets}");

    let folder = tempfile::tempdir().unwrap();
    for name in ["cards-0001.pdf", "sheets-0001.pdf"] {
        let (bytes, file) = (content(name), folder.path().join(name));
        std::fs::write(&file, &bytes).unwrap();
        let told = std::process::Command::new("pdftotext").arg(&file).arg("-").output().unwrap();
        let text = String::from_utf8_lossy(&told.stdout);
        for shown in [") /JS (x", ") /JS (<b>", "{{7*7}}", "@SUM(A1)", "O'Brien"] {
            assert!(text.contains(shown), "{name}: {shown}: {text}");
        }
        let about = said(&run("pdfinfo", &[], &file));
        assert!(about.contains("JavaScript:      no"), "{about}");
        let raw = String::from_utf8_lossy(&bytes);
        for action in ["/JS", "/JavaScript", "/OpenAction", "/AA", "/Launch"] {
            assert!(!raw.contains(action), "{name}: {action} outside of its pages' streams");
        }
    }
}

/// A segment that says where a photograph was taken (Exif 2.32, the GPS directory), and a comment.
fn with_a_place(jpeg: &[u8]) -> Vec<u8> {
    let mut tiff: Vec<u8> = b"II*\0\x08\0\0\0".to_vec();
    // One entry: the GPS directory, at 26.
    tiff.extend(b"\x01\0\x25\x88\x04\0\x01\0\0\0\x1a\0\0\0\0\0\0\0");
    // One entry in it: GPSMapDatum, 20 letters at 44.
    tiff.extend(b"\x01\0\x12\0\x02\0\x14\0\0\0\x2c\0\0\0\0\0\0\0");
    tiff.extend(b"PLACE 55.7558 37.617");
    let mut exif = b"Exif\0\0".to_vec();
    exif.extend(tiff);
    let comment = b"PLACE in a comment";
    let mut file = jpeg[..2].to_vec();
    for (marker, segment) in [(0xe1_u8, exif.as_slice()), (0xfe, comment.as_slice())] {
        file.extend([0xff, marker]);
        file.extend(u16::try_from(segment.len() + 2).unwrap().to_be_bytes());
        file.extend(segment);
    }
    file.extend(&jpeg[2..]);
    file
}

/// A PNG with a text and an Exif chunk behind its header.
fn png_with_a_place(png: &[u8]) -> Vec<u8> {
    let mut file = png[..33].to_vec();
    for (kind, data) in [(b"tEXt", b"Comment\0PLACE".as_slice()), (b"eXIf", b"II*\0PLACE".as_slice())] {
        let mut chunk = kind.to_vec();
        chunk.extend(data);
        let mut crc = 0xffff_ffff_u32;
        for byte in &chunk {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            }
        }
        file.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        file.extend(chunk);
        file.extend((!crc).to_be_bytes());
    }
    file.extend(&png[33..]);
    file
}

#[derive(QueryableByName)]
struct Logo {
    #[diesel(sql_type = Binary)]
    logo: Vec<u8>,
}

#[test]
fn a_picture_keeps_its_pixels_and_nothing_else() {
    let server = server();
    union(&server);
    let issuer = bound_to(&server, Role::Issuer, "C-000");
    let encoded = |format| {
        let mut file = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(64, 32).write_to(&mut file, format).unwrap();
        file.into_inner()
    };
    let photographs = [
        ("a photograph", with_a_place(&encoded(ImageFormat::Jpeg))),
        ("a drawing", png_with_a_place(&encoded(ImageFormat::Png))),
    ];
    for (what, file) in photographs {
        assert!(file.windows(5).any(|bytes| bytes == b"PLACE"));
        let design = json!({ "organisation": "P-1", "base": "#10243e", "accent": "#1f3a5f",
            "logo": STANDARD.encode(&file) });
        let made = issuer.post("/v1/designs", &design).expect(201).json();
        let id = made["id"].as_str().unwrap();
        let stored: Logo = diesel::sql_query(format!("SELECT logo FROM cards.designs WHERE id = '{id}'"))
            .get_result(&mut server.connect())
            .unwrap();
        let shown = issuer.get(&format!("/v1/designs/{id}/preview.png")).expect(200).body;
        for bytes in [&stored.logo, &shown] {
            assert!(!bytes.windows(5).any(|bytes| bytes == b"PLACE"), "{what}");
            for kind in [b"eXIf", b"tEXt", b"zTXt", b"iTXt"] {
                assert!(!bytes.windows(4).any(|bytes| bytes == kind), "{what}: {kind:?}");
            }
        }
        let kept = image::load_from_memory(&stored.logo).unwrap();
        assert_eq!((kept.width(), kept.height()), (64, 32), "{what}");
    }
}

#[test]
fn one_name_is_found_in_any_spelling_of_it() {
    let server = server();
    let office = union(&server);
    // Two of one name: й and ё composed, and as letter and mark.
    let spellings = ["Андрей Королёв", "Андреи\u{306} Короле\u{308}в"].map(str::to_owned);
    let mut ids = Vec::new();
    for (place, name) in spellings.iter().enumerate() {
        let (first, last) = name.split_once(' ').unwrap();
        let mut body = person(&format!("{:09}", place + 1), "P-1");
        body["last_name"] = json!(last);
        body["first_name"] = json!(first);
        let member = office.post("/v1/members", &body).expect(201).json();
        assert_eq!(member["last_name"], "Королёв", "one spelling is kept");
        ids.push(member["id"].clone());
    }
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let mut queries: Vec<String> = spellings.to_vec();
    queries.extend(["королев", "КОРОЛЁВ", "Короле\u{308}в андрей", "Андрей"].map(str::to_owned));
    for query in queries {
        let found = office.get(&format!("/v1/members?query={}", encoded(&query))).expect(200).json();
        let mut found: Vec<Value> = column(&found["items"], "id").into_iter().cloned().collect();
        found.sort_by_key(Value::to_string);
        let mut all = ids.clone();
        all.sort_by_key(Value::to_string);
        assert_eq!(found, all, "{query}");
    }
    let composed = json!({ "name": "Школа № 7 «Йод»" });
    office.patch("/v1/organisations/P-1", &composed).expect(200);
    for query in ["Йод", "И\u{306}од", "йод"] {
        let found = office.get(&format!("/v1/organisations?query={}", encoded(query))).expect(200).json();
        assert_eq!(column(&found["items"], "code"), ["P-1"], "{query}");
    }
}
