//! Faces read back by other people's programs: pictures by zbar, ZXing and rqrr, at several sizes, blurred and turned;
//! print files by poppler.
#![allow(clippy::as_conversions, reason = "pixels and lengths of pictures")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::{LazyLock, Mutex};

use card_issuer::face::{Design, Document, Face, Holder, Logo, Plate, Resolution, Sheet};
use card_issuer::keys::IssuerKeys;
use card_issuer::numbering::Programme;
use chrono::{DateTime, NaiveDate};
use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, Luma};

fn holder(place: i64, last_name: &str) -> Holder {
    let numbers = IssuerKeys::new(&[9; 32]).numbers(Programme::FIRST);
    Holder {
        number: numbers.number(place).unwrap(),
        expires_on: NaiveDate::from_ymd_opt(2031, 11, 22).unwrap(),
        last_name: last_name.to_owned(),
        first_name: "Александра".to_owned(),
        middle_name: "Вячеславовна".to_owned(),
        membership_number: "000123456".to_owned(),
        joined_on: NaiveDate::from_ymd_opt(2014, 3, 1).unwrap(),
        union: "Общероссийский профсоюз образования".to_owned(),
        organisation: "Первичная профсоюзная организация школы № 1234".to_owned(),
    }
}

fn with_logo() -> Design {
    let rgba = (0..100_u8).flat_map(|y| (0..100_u8).flat_map(move |x| [x * 2, y * 2, 90, 255])).collect();
    Design {
        base: "#7a122b".parse().unwrap(),
        accent: "#a3263c".parse().unwrap(),
        title: Some("Нефтегазстройпрофсоюз".to_owned()),
        logo: Some(Logo { width: 100, height: 100, rgba }),
        ..Design::default()
    }
}

/// Runs a program over a file.
pub fn run(program: &str, arguments: &[&str], file: &Path) -> Output {
    let output = Command::new(program).args(arguments).arg(file).output();
    output.unwrap_or_else(|error| panic!("{program}: {error}; scripts/install.sh test installs it"))
}

/// What a program said.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What zbar reads of QR codes; in their modules it might see a bar code of another kind.
pub fn by_zbar(file: &Path) -> String {
    said(&run("zbarimg", &["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"], file))
}

/// ZXing, once for all: it ends when its input does.
static ZXING: LazyLock<Mutex<(Child, BufReader<ChildStdout>)>> = LazyLock::new(|| {
    let script = harness::checkout().join("tests/readers/zxing.mjs");
    let running = Command::new("node").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut running = running.unwrap_or_else(|error| panic!("node: {error}; scripts/install.sh installs it"));
    let said = BufReader::new(running.stdout.take().unwrap());
    Mutex::new((running, said))
});

/// What ZXing reads: the text of every code, in order of the alphabet.
pub fn by_zxing(file: &Path) -> Vec<String> {
    let mut reader = ZXING.lock().unwrap();
    let (running, output) = &mut *reader;
    writeln!(running.stdin.as_mut().unwrap(), "{}", file.display())
        .expect("api/web has its packages: npm ci");
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let mut found: Vec<String> = serde_json::from_str(&line).expect("api/web has its packages: npm ci");
    found.sort();
    found
}

/// What rqrr reads of whatever looks like a code to it.
pub fn by_rqrr(picture: &GrayImage) -> Option<String> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        picture.get_pixel(x as u32, y as u32).0[0]
    });
    prepared.detect_grids().iter().find_map(|grid| grid.decode().ok()).map(|(_, text)| text)
}

/// The picture turned about its middle, white around it.
pub fn turned(picture: &GrayImage, degrees: f32) -> GrayImage {
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let (middle_x, middle_y) = (picture.width() as f32 / 2.0, picture.height() as f32 / 2.0);
    GrayImage::from_fn(picture.width() + 200, picture.height() + 200, |x, y| {
        let (x, y) = (x as f32 - 100.0 - middle_x, y as f32 - 100.0 - middle_y);
        let (u, v) = (x * cosine + y * sine + middle_x, y * cosine - x * sine + middle_y);
        let inside = u >= 0.0 && v >= 0.0 && (u as u32) < picture.width() && (v as u32) < picture.height();
        if inside { *picture.get_pixel(u as u32, v as u32) } else { Luma([255]) }
    })
}

#[test]
fn every_face_is_read_at_three_sizes_blurred_and_turned() {
    let folder = tempfile::tempdir().unwrap();
    let light =
        Design { base: "#f3e9d2".parse().unwrap(), accent: "#e7d3a8".parse().unwrap(), ..Design::default() };
    for (name, design) in [("plain", Design::default()), ("logo", with_logo()), ("light", light)] {
        let holder = holder(7, "Константинопольская-Заблоцкая");
        let face = Face::of(&holder, &design);
        for resolution in [Resolution::Dpi300, Resolution::Dpi600] {
            let png = Plate::new(&design, resolution).png(&face).unwrap();
            let picture = image::load_from_memory(&png).unwrap();
            assert_eq!((picture.width(), picture.height()), resolution.size());
            let (width, height) = (picture.width(), picture.height());
            let half = picture.resize_exact(width / 2, height / 2, FilterType::Triangle).into_luma8();
            let full = picture.into_luma8();
            let number = holder.number.to_string();
            // rqrr wants larger modules than zbar: the half is held nearer to it.
            let near = aimed_at(&half);
            let near = imageops::resize(&near, near.width() * 3, near.height() * 3, FilterType::CatmullRom);
            let aimed = versions(&aimed_at(&full), &near);
            for ((version, picture), (_, aimed)) in versions(&full, &half).into_iter().zip(aimed) {
                let file = folder.path().join("face.png");
                DynamicImage::ImageLuma8(picture).save(&file).unwrap();
                assert_eq!(by_zbar(&file), number, "{name}, {resolution:?}, {version}, zbar");
                assert_eq!(by_zxing(&file), [&*number], "{name}, {resolution:?}, {version}, ZXing");
                assert_eq!(
                    by_rqrr(&aimed).as_ref(),
                    Some(&number),
                    "{name}, {resolution:?}, {version}, rqrr"
                );
            }
        }
    }
}

/// A face as cameras see it.
fn versions(full: &GrayImage, half: &GrayImage) -> [(&'static str, GrayImage); 5] {
    [
        ("whole", full.clone()),
        ("half", half.clone()),
        ("blurred", imageops::blur(full, 1.5)),
        ("turned", turned(full, 7.0)),
        ("half, turned and blurred", imageops::blur(&turned(half, -4.0), 0.7)),
    ]
}

/// The part of a face with the code: rqrr looks for one code in the middle, zbar anywhere.
fn aimed_at(picture: &GrayImage) -> GrayImage {
    let (left, top) = (picture.width() * 63 / 100, picture.height() * 42 / 100);
    let (width, height) = (picture.width() - left, picture.height() - top);
    imageops::crop_imm(picture, left, top, width, height).to_image()
}

#[test]
fn the_code_stands_on_white_with_four_modules_of_quiet() {
    let design = Design::default();
    let holder = holder(11, "Ёлкин");
    let png = Plate::new(&design, Resolution::Dpi300).png(&Face::of(&holder, &design)).unwrap();
    let picture = image::load_from_memory(&png).unwrap().into_luma8();
    let black = |x: u32, y: u32| picture.get_pixel(x, y).0[0] == 0;
    let dark: Vec<(u32, u32)> = (600..picture.width())
        .flat_map(|x| (250..picture.height()).map(move |y| (x, y)))
        .filter(|(x, y)| black(*x, *y))
        .collect();
    let (left, right) = (dark.iter().map(|p| p.0).min().unwrap(), dark.iter().map(|p| p.0).max().unwrap());
    let (top, bottom) = (dark.iter().map(|p| p.1).min().unwrap(), dark.iter().map(|p| p.1).max().unwrap());
    let module = (right - left + 1) / 21;
    assert_eq!((right - left + 1, bottom - top + 1), (module * 21, module * 21), "whole pixels a module");
    let quiet = module * 4;
    for x in left - quiet + 2..=right + quiet - 2 {
        for y in (top - quiet..top).chain(bottom + 1..=bottom + quiet) {
            assert_eq!(picture.get_pixel(x, y).0[0], 255, "{x} {y}");
        }
    }
}

#[test]
fn a_face_takes_ten_thousand_bytes_and_one_full_of_letters_a_fifth_more() {
    let design = Design::default();
    let mut plate = Plate::new(&design, Resolution::Dpi300);
    let mut bytes = |holder: &Holder| plate.png(&Face::of(holder, &design)).unwrap().len();
    for (place, (last_name, first_name, middle_name)) in
        (0..).zip([("Иванова", "Анна", "Сергеевна"), ("Ёлкин", "Пётр", "Семёнович"), ("Нгуен", "Фыонг", "")])
    {
        let usual = Holder {
            first_name: first_name.to_owned(),
            middle_name: middle_name.to_owned(),
            union: "Общероссийский профсоюз образования".to_owned(),
            organisation: "Первичная профсоюзная организация школы № 1234".to_owned(),
            ..holder(place, last_name)
        };
        let written = bytes(&usual);
        assert!(written <= 10_000, "{last_name}: {written} bytes");
    }
    // Twice as many letters: names in two lines, the union's and the organisation's across the card.
    let written = bytes(&holder(3, "Константинопольская-Заблоцкая"));
    assert!(written <= 12_000, "{written} bytes");
}

fn document(sheet: Sheet, count: i64) -> Vec<u8> {
    let designs = [Design::default(), with_logo()];
    let mut document = Document::new(sheet, "Карты", DateTime::UNIX_EPOCH);
    let grounds = designs.each_ref().map(|design| document.ground(design));
    for place in 0..count {
        let (design, ground) = (&designs[place as usize % 2], grounds[place as usize % 2]);
        document.add(ground, &Face::of(&holder(place, "Ёлкина-Щёголева"), design));
    }
    document.finish().unwrap()
}

#[test]
fn print_files_have_boxes_fonts_and_text() {
    let folder = tempfile::tempdir().unwrap();
    for (sheet, count, pages) in [(Sheet::Plant, 3, 3), (Sheet::Office, 12, 2)] {
        let file = folder.path().join(format!("{sheet:?}.pdf"));
        let bytes = document(sheet, count);
        assert_eq!(bytes, document(sheet, count), "the same cards make the same bytes");
        std::fs::write(&file, bytes).unwrap();
        let info = said(&run("pdfinfo", &["-box"], &file));
        assert!(info.contains(&format!("Pages:           {pages}")), "{info}");
        if sheet == Sheet::Plant {
            let edges = |name: &str| -> Vec<f32> {
                let line = info.lines().find(|line| line.starts_with(name)).unwrap();
                line.split_whitespace().skip(1).map(|edge| edge.parse().unwrap()).collect()
            };
            let (trim, bleed) = (edges("TrimBox:"), edges("BleedBox:"));
            let millimetres = |points: f32| points * 25.4 / 72.0;
            assert!((millimetres(trim[2] - trim[0]) - 85.6).abs() < 0.01, "{trim:?}");
            assert!((millimetres(trim[3] - trim[1]) - 53.98).abs() < 0.01, "{trim:?}");
            assert!((millimetres(trim[0] - bleed[0]) - 3.0).abs() < 0.01, "{bleed:?}");
        }
        let fonts = said(&run("pdffonts", &[], &file));
        let rows: Vec<Vec<&str>> =
            fonts.lines().skip(2).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows.len(), 2, "{fonts}");
        for row in rows {
            // name, type (three words), encoding, embedded, subset, unicode, object
            let flags = &row[row.len() - 5..row.len() - 2];
            assert_eq!(flags, ["yes", "yes", "yes"], "{fonts}");
            assert!(row[0].contains("+PTSans-"), "{fonts}");
        }
        let text = Command::new("pdftotext").args(["-layout"]).arg(&file).arg("-").output().unwrap();
        let text = said(&text);
        assert!(text.contains("Ёлкина-Щёголева") && text.contains("Александра Вячеславовна"), "{text}");
        assert!(text.contains(&holder(0, "").number.grouped()), "{text}");
        let page = folder.path().join("page");
        let mut drawing = Command::new("pdftoppm");
        let drawn =
            drawing.args(["-r", "200", "-png", "-singlefile"]).arg(&file).arg(&page).status().unwrap();
        assert!(drawn.success());
        let mut read: Vec<String> = by_zbar(&page.with_extension("png")).lines().map(str::to_owned).collect();
        read.sort();
        let on_page = if sheet == Sheet::Plant { 1 } else { 10 };
        let mut expected: Vec<String> =
            (0..on_page).map(|place| holder(place, "").number.to_string()).collect();
        expected.sort();
        assert_eq!(read, expected, "{sheet:?}, zbar");
        assert_eq!(by_zxing(&page.with_extension("png")), expected, "{sheet:?}, ZXing");
    }
}

/// The middles of the dark lines along a row or column of pixels, in millimetres.
fn lines(brightness: impl Iterator<Item = u8>) -> Vec<f32> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (place, _) in brightness.enumerate().filter(|(_, value)| *value < 160) {
        match found.last_mut() {
            Some((_, end)) if *end + 1 == place => *end = place,
            _ => found.push((place, place)),
        }
    }
    found.into_iter().map(|(from, to)| (from + to + 1) as f32 / 2.0 / 600.0 * 25.4).collect()
}

#[test]
fn crop_marks_stand_where_the_cards_are_cut_and_off_them() {
    let folder = tempfile::tempdir().unwrap();
    let edges = |first: f32, size: f32, count: u8| -> Vec<f32> {
        (0..=count).map(|place| first + size * f32::from(place)).collect()
    };
    // The upper left corner of the first card, cards beside and below one another, and a line through the marks.
    for (sheet, (left, top), (columns, rows), (beside, above)) in
        [(Sheet::Plant, (9.0, 9.0), (1, 1), (2.5, 2.5)), (Sheet::Office, (19.4, 13.55), (2, 5), (13.0, 7.0))]
    {
        let file = folder.path().join(format!("{sheet:?}.pdf"));
        std::fs::write(&file, document(sheet, 10)).unwrap();
        let page = folder.path().join(format!("{sheet:?}"));
        let mut drawing = Command::new("pdftoppm");
        drawing.args(["-r", "600", "-gray", "-png", "-singlefile"]).arg(&file).arg(&page);
        assert!(drawing.status().unwrap().success());
        let page = image::open(page.with_extension("png")).unwrap().into_luma8();
        let pixel = |millimetres: f32| (millimetres / 25.4 * 600.0) as u32;
        let (row, column) = (pixel(above), pixel(beside));
        let across = lines((0..page.width()).map(|x| page.get_pixel(x, row).0[0]));
        let down = lines((0..page.height()).map(|y| page.get_pixel(column, y).0[0]));
        for (found, cut) in [(across, edges(left, 85.6, columns)), (down, edges(top, 53.98, rows))] {
            assert_eq!(found.len(), cut.len(), "{sheet:?}: {found:?}");
            let off = found.iter().zip(&cut).map(|(found, cut)| (found - cut).abs()).fold(0.0, f32::max);
            assert!(off < 0.1, "{sheet:?}: {found:?}, not {cut:?}");
        }
        // Between the marks and the card, and its bleed, nothing is printed.
        let gap = pixel(top - 3.5);
        assert_eq!(
            lines((0..page.width()).map(|x| page.get_pixel(x, gap).0[0])),
            [] as [f32; 0],
            "{sheet:?}"
        );
    }
}
