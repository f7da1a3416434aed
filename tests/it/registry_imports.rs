//! Files in: what is taken, what is refused and why, and that the same file changes nothing.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use encoding_rs::WINDOWS_1251;
use union_registry::imports::{self, FileFault, ImportError};
use union_registry::{memberships, organisations, statistics};

use crate::registry_support::{HEADER, Union, row};

/// A fingerprint of all the registry holds.
fn fingerprint(union: &mut Union) -> String {
    #[derive(QueryableByName)]
    struct Print {
        #[diesel(sql_type = Text)]
        print: String,
    }
    let print: Print = diesel::sql_query(
        "SELECT md5(concat(
            (SELECT string_agg(m::text, '|' ORDER BY id) FROM registry.members m),
            (SELECT string_agg(h::text, '|' ORDER BY member_id, ordinal) FROM registry.memberships h),
            (SELECT string_agg(c::text, '|' ORDER BY member_id) FROM registry.consents c),
            (SELECT string_agg(o::text, '|' ORDER BY code) FROM registry.organisations o))) AS print",
    )
    .get_result(&mut union.connection)
    .unwrap();
    print.print
}

fn counts(union: &mut Union) -> Vec<i64> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let counts: Vec<Count> =
        diesel::sql_query("SELECT member_count::bigint AS count FROM registry.organisations ORDER BY code")
            .load(&mut union.connection)
            .unwrap();
    counts.into_iter().map(|row| row.count).collect()
}

#[test]
fn the_same_members_again_change_nothing_whatever_the_encoding() {
    let mut union = Union::with_organisations();
    let file =
        format!("{HEADER}{}{}", row("000000001", "P-1", "Фёдорова"), row("000000002", "P-3", "О'Коннор"));
    let (report, created, _) = union.members(file.as_bytes()).unwrap();
    assert_eq!((report.read, report.created, report.rejected), (2, 2, 0));
    assert_eq!(imports::created(&mut union.connection, &created, None, 10).unwrap().len(), 2);
    let before = fingerprint(&mut union);
    let (old, _, _) = WINDOWS_1251.encode(&file);
    let semicolons = file.replace(',', ";").replace('\n', "\r\n");
    for same in [file.as_bytes(), &old, semicolons.as_bytes(), format!("\u{feff}{file}").as_bytes()] {
        let (report, created, refused) = union.members(same).unwrap();
        assert_eq!((report.read, report.unchanged, refused.len()), (2, 2, 0), "{report:?}");
        assert!(imports::created(&mut union.connection, &created, None, 10).unwrap().is_empty());
        assert_eq!(fingerprint(&mut union), before);
    }
    assert_eq!(counts(&mut union), [0, 1, 0, 1, 0, 0, 0]);
    let contacts = union.member("000000001").person.contacts(&union.sealer).unwrap();
    assert_eq!(contacts.phone.as_deref(), Some("+79000000001"));
}

#[test]
fn changed_rows_change_and_a_new_organisation_is_a_transfer() {
    let mut union = Union::with_organisations();
    let file = format!("{HEADER}{}{}", row("000000001", "P-1", "Иванова"), row("000000002", "P-1", "Попова"));
    union.members(file.as_bytes()).unwrap();
    union.now += chrono::TimeDelta::days(1);
    let changed = file
        .replace("000000001,P-1,Иванова", "000000001,P-3,Сидорова")
        .replace("000000002@example.org", "new@example.org");
    let (report, ..) = union.members(changed.as_bytes()).unwrap();
    assert_eq!((report.updated, report.created, report.unchanged), (2, 0, 0), "{report:?}");
    let moved = union.member("000000001");
    assert_eq!((moved.person.last_name.as_str(), moved.organisation.code.as_str()), ("Сидорова", "P-3"));
    let history = memberships::history(&mut union.connection, moved.person.id).unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(history[0].until_on, Some(history[1].from_on));
    assert_eq!(history[1].from_on.to_string(), "2026-11-22");
    assert_eq!(counts(&mut union), [0, 1, 0, 1, 0, 0, 0]);
    let other = union.member("000000002").person;
    let contacts = other.contacts(&union.sealer).unwrap();
    assert_eq!(contacts.email.as_deref(), Some("new@example.org"), "sealed anew into the member's own row");
    assert_eq!(contacts.phone.as_deref(), Some("+79000000002"));
    let before = fingerprint(&mut union);
    assert_eq!(union.members(changed.as_bytes()).unwrap().0.unchanged, 2);
    assert_eq!(fingerprint(&mut union), before);
}

#[test]
fn a_workbook_that_unpacks_without_end_is_refused() {
    use std::io::{Read, Write};
    let mut union = Union::with_organisations();
    let before = fingerprint(&mut union);
    let archive = |parts: usize, bytes: u64| {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        for part in 0..parts {
            zip.start_file(format!("xl/worksheets/sheet{part}.xml"), options).unwrap();
            std::io::copy(&mut std::io::repeat(b' ').take(bytes), &mut zip).unwrap();
        }
        zip.flush().unwrap();
        zip.finish().unwrap().into_inner()
    };
    for (what, bomb) in [("one large part", archive(1, 257 << 20)), ("very many parts", archive(1_001, 1))] {
        assert!(bomb.len() < 1 << 20, "{what}: {} bytes", bomb.len());
        let refused = union.members(&bomb).unwrap_err().to_string();
        assert!(refused.contains("unpacks to more than 268435456 bytes"), "{what}: {refused}");
    }
    assert_eq!(fingerprint(&mut union), before);
}

#[test]
fn a_workbook_whose_markup_is_more_than_markup_is_refused() {
    use std::io::Write;
    let mut union = Union::with_organisations();
    let before = fingerprint(&mut union);
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let book = |prologue: &str, cell: &str| {
        let sheet =
            format!("<worksheet xmlns='{main}'><sheetData><row r='1'>{cell}</row></sheetData></worksheet>");
        let parts = [
            (
                "[Content_Types].xml",
                "<Types xmlns='http://schemas.openxmlformats.org/package/2006/content-types'/>".to_owned(),
            ),
            (
                "_rels/.rels",
                format!(
                    "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'><Relationship Id='rId1' Type='{office}/officeDocument' Target='xl/workbook.xml'/></Relationships>"
                ),
            ),
            (
                "xl/workbook.xml",
                format!(
                    "<workbook xmlns='{main}' xmlns:r='{office}'><sheets><sheet name='a' sheetId='1' r:id='rId1'/></sheets></workbook>"
                ),
            ),
            (
                "xl/_rels/workbook.xml.rels",
                format!(
                    "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'><Relationship Id='rId1' Type='{office}/worksheet' Target='worksheets/sheet1.xml'/></Relationships>"
                ),
            ),
            ("xl/worksheets/sheet1.xml", format!("<?xml version='1.0'?>{prologue}{sheet}")),
        ];
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, content) in parts {
            zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    };
    let text = |inner: &str| format!("<c r='A1' t='inlineStr'><is><t>{inner}</t></is></c>");
    let attributes: String = (0..1_000_000).map(|place| format!(" a{place}=''")).collect();
    let deep = format!("{}x{}", "<a>".repeat(10_000), "</a>".repeat(10_000));
    let entity = "<!DOCTYPE a [<!ENTITY b 'membership_number'>]>";
    let laughs = "<!DOCTYPE a [<!ENTITY b 'ha'><!ENTITY c '&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;'>]>";
    let outside = "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>";
    for (what, book, expected) in [
        ("an entity", book(entity, &text("&b;")), "document type"),
        ("entities of entities", book(laughs, &text("&d;")), "document type"),
        ("a file's entity", book(outside, &text("&b;")), "document type"),
        ("an entity nobody declared", book("", &text("&b;")), "cannot be read"),
        ("a million attributes", book("", &format!("<c{attributes} r='A1'/>")), "64 KiB"),
        ("ten thousand levels", book("", &text(&deep)), "line 1"),
        ("a column of its own", book("", &text("x")), "line 1"),
    ] {
        let started = std::time::Instant::now();
        let refused = union.members(&book).unwrap_err().to_string();
        assert!(refused.contains(expected), "{what}: {refused}");
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "{what}: {:?}", started.elapsed());
    }
    assert_eq!(fingerprint(&mut union), before);
}

#[test]
fn bad_rows_are_told_with_line_reasons_and_cells() {
    let mut union = Union::with_organisations();
    let good = row("000000001", "P-1", "Иванова");
    let file = format!(
        "{HEADER}{good}{}{}{}short,row\n{}{}",
        row("000000002", "P-999999999", "   "),
        good.replace("8 900 000-00-01", "8-800-ПОЗВОНИ").replace("000000001,", "000000003,"),
        row("000000001", "P-2", "Дважды"),
        row("000000004", "P-1", "а\u{202e}б"),
        row("7.9E+10", "P-1", "=1+1").replace("7.9E+10@", "x@"),
    );
    let (report, _, refused) = union.members(file.as_bytes()).unwrap();
    assert_eq!((report.read, report.created, report.rejected), (7, 1, 6), "{report:?}");
    let told: Vec<(u64, String)> =
        refused.iter().map(|(line, reasons, _)| (*line, reasons.join(" "))).collect();
    assert_eq!(
        told,
        [
            (3, "unknown_organisation missing_name".to_owned()),
            (4, "invalid_phone".to_owned()),
            (6, "wrong_cell_count".to_owned()),
            (7, "text_not_allowed".to_owned()),
            (8, "invalid_membership_number invalid_phone".to_owned()),
            (5, "duplicate_number".to_owned()),
        ]
    );
    assert_eq!(refused[5].2[2], "Дважды", "cells are told as they were");
    assert_eq!(report.reasons["missing_name"], 1);
    let mut writer = imports::rejected::Writer::new(Vec::new(), imports::MEMBER_COLUMNS);
    for (line, reasons, cells) in &refused {
        let reasons: Vec<&str> = reasons.iter().map(String::as_str).collect();
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        writer.write(imports::Rejected { line: *line, reasons: &reasons, cells: &cells }).unwrap();
    }
    let text = String::from_utf8(writer.finish().unwrap()).unwrap();
    assert!(text.starts_with("line,reasons,membership_number,"));
    assert!(text.contains("\"'=1+1\""), "a formula is text: {text}");
    assert_eq!(text.lines().count(), 7);
}

#[test]
fn a_broken_file_changes_nothing() {
    let mut union = Union::with_organisations();
    let before = fingerprint(&mut union);
    let good = row("000000001", "P-1", "Иванова");
    let mut bytes = format!("{HEADER}{good}{good}").into_bytes();
    let last = bytes.len() - 100;
    bytes[last] = 0xff;
    let missing = HEADER.replace(",email", "");
    let doubled = HEADER.replace(",email", ",email,email");
    let extra = HEADER.replace(",email", ",email,salary");
    for (file, slug) in [
        (Vec::new(), "empty_file"),
        (bytes, "undecodable"),
        (format!("{missing}{good}").into_bytes(), "missing_columns"),
        (format!("{doubled}{good}").into_bytes(), "doubled_column"),
        (format!("{extra}{good}").into_bytes(), "unknown_column"),
        (format!("{HEADER}{good}000000002,\"P-1").into_bytes(), "open_quote"),
        (format!("{HEADER}{good}{}", "x".repeat(2_000_000)).into_bytes(), "row_too_long"),
    ] {
        match union.members(&file) {
            Err(ImportError::File { fault, .. }) => assert_eq!(fault.slug(), slug),
            other => panic!("{slug}: {other:?}"),
        }
        assert_eq!(fingerprint(&mut union), before, "{slug}");
    }
    assert!(matches!(
        union.organisations(HEADER.as_bytes()),
        Err(ImportError::File { fault: FileFault::MissingColumns(_), line: 1 })
    ));
}

#[test]
fn the_tree_is_built_moved_and_kept_from_cycles() {
    let mut union = Union::with_organisations();
    let path = |union: &mut Union, code: &str| {
        organisations::by_code(&mut union.connection, code).unwrap().unwrap().organisation.path.into_codes()
    };
    assert_eq!(path(&mut union, "P-1"), ["C-0", "R-1", "T-1", "P-1"]);
    let header = "code,name,kind,parent_code,inn,region_code\n";
    let bad = format!(
        "{header}R-1,Первая область,regional,P-1,,77\nP-8,Школа,primary,NOWHERE,,77\nP-9,Школа,primary,P-8,,77\n\
         P-7,Школа,primary,R-2,,78\nP-7,Школа,primary,R-2,,78\nX,Х,primary,X,,77\n"
    );
    let (report, refused) = union.organisations(bad.as_bytes()).unwrap();
    let told: Vec<(u64, String)> =
        refused.into_iter().map(|(line, reasons, _)| (line, reasons.join(" "))).collect();
    assert_eq!(report.created, 1);
    assert_eq!(
        told,
        [(2, "cycle"), (3, "unknown_parent"), (4, "unknown_parent"), (6, "duplicate_code"), (7, "cycle")]
            .map(|(line, reason)| (line, reason.to_owned()))
    );
    assert_eq!(path(&mut union, "P-1"), ["C-0", "R-1", "T-1", "P-1"], "as it was");
    let moved = format!("{header}T-1,Городская,territorial,R-2,,77\n");
    let (report, _) = union.organisations(moved.as_bytes()).unwrap();
    assert_eq!(report.updated, 1);
    assert_eq!(path(&mut union, "P-1"), ["C-0", "R-2", "T-1", "P-1"], "all below moved along");
    assert_eq!(union.organisations(moved.as_bytes()).unwrap().0.unchanged, 1);
    let on = "2026-11-21".parse().unwrap();
    let figures = statistics::of_subtree(&mut union.connection, "R-2", on).unwrap();
    assert_eq!((figures.organisations.territorial, figures.organisations.primary), (1, 4));
}
