//! The card on the phone is the twin of the plastic one: the member is told how their organisation's cards look.

use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use harness::server;
use image::{DynamicImage, ImageFormat};
use serde_json::{Value, json};

use crate::members_http::{person, union};

#[test]
fn a_member_sees_the_design_of_the_nearest_organisation_above() {
    let server = server();
    let office = union(&server);
    office.post("/v1/members", &person("000000001", "P-1")).expect(201);
    office.post("/v1/members", &person("000000002", "P-2")).expect(201);
    let (one, two) = (server.as_member("000000001"), server.as_member("000000002"));
    let look = |client: &harness::Client| client.get("/v1/me").expect(200).json()["design"].clone();
    assert_eq!(look(&one), Value::Null, "the program's own look");
    one.get("/v1/me/design/logo.png").problem(404);

    let mut png = Cursor::new(Vec::new());
    DynamicImage::new_rgb8(40, 20).write_to(&mut png, ImageFormat::Png).unwrap();
    let region = json!({
        "organisation": "R-001", "base": "#f4efe2", "accent": "#ffd166", "title": "Профсоюз учителей",
        "logo": STANDARD.encode(png.into_inner()),
    });
    let stored = office.post("/v1/designs", &region).expect(201).json();
    let seen = look(&one);
    assert_eq!(
        (&seen["id"], &seen["base"], &seen["accent"]),
        (&stored["id"], &region["base"], &region["accent"])
    );
    assert_eq!((&seen["ink"], &seen["title"]), (&json!("#141c28"), &region["title"]), "dark on light");
    assert_eq!(seen["logo"], true);
    let logo = one.get("/v1/me/design/logo.png").expect(200);
    assert_eq!(logo.header("content-type"), "image/png");
    let picture = image::load_from_memory(&logo.body).unwrap();
    assert_eq!((picture.width(), picture.height()), (40, 20));
    assert_eq!(look(&two), Value::Null, "another branch");
    two.get("/v1/me/design/logo.png").problem(404);

    let own = json!({ "organisation": "P-1", "base": "#10243e", "accent": "#1f3a5f" });
    let own = office.post("/v1/designs", &own).expect(201).json();
    let seen = look(&one);
    assert_eq!((&seen["id"], &seen["ink"], &seen["logo"]), (&own["id"], &json!("#ffffff"), &json!(false)));
    office.delete(&format!("/v1/designs/{}", own["id"].as_str().unwrap())).expect(204);
    assert_eq!(look(&one)["id"], stored["id"], "the one above holds again");
}
