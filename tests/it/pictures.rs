//! Every picture of a card that isn't a face, read back by other people's programs: the live code, the proof (the largest
//! code of all), the letter's number and the bars, at three sizes, blurred and turned.
#![allow(clippy::as_conversions, reason = "pixels of pictures")]

use std::path::Path;

use card_issuer::qr;
use harness::Client;
use image::imageops;
use image::{DynamicImage, GrayImage, Luma};
use serde_json::json;

use crate::faces::{by_rqrr, by_zbar, by_zxing, run, said, turned};
use crate::shop::Shop;

/// Pixels a module: small on a till's screen, on a phone, and large.
const SIZES: [usize; 3] = [4, 6, 10];

/// One of our SVGs as a picture: white, and the dark runs of its second path.
fn drawn(svg: &str, scale: usize) -> GrayImage {
    let number = |text: &str| text.parse::<usize>().unwrap();
    let mut sides = svg.split("viewBox=\"0 0 ").nth(1).unwrap().split('"').next().unwrap().split(' ');
    let (width, height) = (number(sides.next().unwrap()), number(sides.next().unwrap()));
    let mut picture = GrayImage::from_pixel((width * scale) as u32, (height * scale) as u32, Luma([255]));
    let path = svg.split(" d=\"").nth(2).unwrap().split('"').next().unwrap();
    for run in path.split('M').filter(|run| !run.is_empty()) {
        let (at, lines) = run.split_once('h').unwrap();
        let (x, y) = at.split_once(' ').unwrap();
        let (length, lines) = lines.split_once('v').unwrap();
        let high = lines.split('h').next().unwrap();
        let (x, y) = (number(x) * scale, number(y) * scale);
        for dark_y in y..y + number(high) * scale {
            for dark_x in x..x + number(length) * scale {
                picture.put_pixel(dark_x as u32, dark_y as u32, Luma([0]));
            }
        }
    }
    picture
}

/// The picture with so many white pixels around it: a reader's lines cross it elsewhere.
fn framed(picture: &GrayImage, edge: u32) -> GrayImage {
    let white = image::Luma([u8::MAX]);
    let mut framed = GrayImage::from_pixel(picture.width() + 2 * edge, picture.height() + 2 * edge, white);
    imageops::replace(&mut framed, picture, i64::from(edge), i64::from(edge));
    framed
}

/// A picture as cameras see it, each way in the three frames of an unsteady hand.
fn seen(picture: &GrayImage, module: f32) -> [(&'static str, Vec<GrayImage>); 4] {
    let large = imageops::resize(
        picture,
        picture.width() * 2,
        picture.height() * 2,
        imageops::FilterType::CatmullRom,
    );
    let blurred = |frames: &[GrayImage]| {
        frames.iter().map(|picture| imageops::blur(picture, module / 4.0)).collect::<Vec<_>>()
    };
    let straight = [0, 1, 2].map(|edge| framed(picture, edge));
    let turned = |degrees: f32| [0.0, 1.0, -1.0].map(|more| turned(&large, degrees + more));
    [
        ("whole", straight.to_vec()),
        ("blurred", blurred(&straight)),
        ("turned", turned(6.0).to_vec()),
        ("turned and blurred", blurred(&turned(-4.0))),
    ]
}

/// Whoever reads one of the frames has read it.
fn read_back(folder: &Path, picture: &GrayImage, (what, module): (&str, f32), says: &str) {
    for (how, frames) in seen(picture, module) {
        let told = format!("{what}, {module} pixels a module, {how}");
        let file = folder.join("seen.png");
        let (mut zbar, mut zxing, mut rqrr) = (false, false, false);
        for frame in &frames {
            DynamicImage::ImageLuma8(frame.clone()).save(&file).unwrap();
            zbar = zbar || by_zbar(&file) == says;
            zxing = zxing || by_zxing(&file) == [says];
            assert!(zxing || how != "whole", "{told}, ZXing, as it is");
            rqrr = rqrr || how == "whole" && by_rqrr(frame).as_deref() == Some(says);
        }
        assert!(zbar, "{told}, zbar");
        assert!(zxing, "{told}, ZXing");
        // It needs sharper and straighter edges than zbar does.
        assert!(rqrr || how != "whole", "{told}, rqrr");
    }
}

fn gray(png: &[u8]) -> GrayImage {
    image::load_from_memory(png).unwrap().into_luma8()
}

fn value(me: &Client, path: &str) -> String {
    me.get(path).expect(200).json()["value"].as_str().unwrap().to_owned()
}

#[test]
fn codes_are_read_at_three_sizes_blurred_and_turned() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let me = shop.server.as_member("1001");
    let folder = tempfile::tempdir().unwrap();
    let path = format!("/v1/me/cards/{}", anna.card.id);
    // A step's whole length is left for what follows.
    shop.to_a_step();

    let code = value(&me, &format!("{path}/code"));
    let svg = me.get(&format!("{path}/code.svg")).expect(200).text();
    let pngs = SIZES.map(|scale| {
        let side = 29 * scale;
        (scale, me.get(&format!("{path}/code.png?size={side}")).expect(200).body)
    });
    assert_eq!(value(&me, &format!("{path}/code")), code, "all of one step");
    for (scale, png) in pngs {
        let drawn = drawn(&svg, scale);
        assert_eq!(gray(&png), drawn, "both pictures are the same");
        read_back(folder.path(), &drawn, ("the live code", scale as f32), &code);
    }

    let proof = value(&me, &format!("{path}/proof"));
    assert_eq!(proof.len(), 192);
    let number = anna.card.number.as_str();
    for scale in SIZES {
        for (what, text) in [("the proof", proof.as_str()), ("the number", number)] {
            let side = (qr::side(text).unwrap() + 8) * scale;
            let picture = gray(&qr::png(text, side as u32).unwrap());
            assert_eq!(picture, drawn(&qr::svg(text).unwrap(), scale), "{what}");
            read_back(folder.path(), &picture, (what, scale as f32), text);
        }
    }

    let letter = shop.server.letters(1).into_iter().find(|letter| !letter.parts.is_empty()).unwrap();
    let picture = gray(&letter.parts[0].2);
    read_back(folder.path(), &picture, ("the letter's number", (picture.width() / 29) as f32), number);
}

#[test]
fn bars_are_read_at_three_sizes_and_blurred() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let me = shop.server.as_member("1001");
    let folder = tempfile::tempdir().unwrap();
    for (kind, says) in
        [("code128", anna.card.number.as_str().to_owned()), ("ean13", anna.card.number.ean13())]
    {
        let svg =
            me.get(&format!("/v1/me/cards/{}/barcode.svg?kind={kind}", anna.card.id)).expect(200).text();
        for scale in [2, 3, 5] {
            let picture = drawn(&svg, scale);
            let blurred = imageops::blur(&picture, scale as f32 / 4.0);
            for (how, picture) in
                [("whole", picture.clone()), ("blurred", blurred), ("turned", turned(&picture, 3.0))]
            {
                let file = folder.path().join("bars.png");
                DynamicImage::ImageLuma8(picture).save(&file).unwrap();
                let arguments = ["--quiet", "--raw", "-Sdisable", "-Scode128.enable", "-Sean13.enable"];
                assert_eq!(said(&run("zbarimg", &arguments, &file)), says, "{kind}, {scale}, {how}, zbar");
                assert_eq!(by_zxing(&file), [&*says], "{kind}, {scale}, {how}, ZXing");
            }
        }
        let body = json!({ "card_number": says });
        assert_eq!(shop.program.post("/v1/cards/resolve", &body).expect(200).json()["status"], "valid");
    }
}
