//! A file with hundreds of thousands of bad rows: each is told, in its place and with its reason, in memory that doesn't
//! grow with them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use harness::{TestDatabase, database, program};
use serde_json::{Value, json};

use crate::registry_support::HEADER;

/// Rows of each kind.
const EACH: usize = 50_000;
/// What the program may hold, in kB: about twice what it holds with a file of any length.
const MEMORY_MAX: u64 = 128 << 10;

/// The reasons in turn: found in the row itself, in what is stored, in the file beside it, in the row's form.
const REASONS: [&str; 4] =
    ["invalid_birth_date", "unknown_organisation", "duplicate_number", "wrong_cell_count"];

fn file(folder: &Path, rows: usize) -> String {
    let mut file = HEADER.to_owned();
    let first = "000000000,C-1,Первая,Анна,,female,1985-04-12,,,worker,,2020-03-01,\n";
    file += first;
    for row in 0..rows {
        match row % REASONS.len() {
            0 => writeln!(file, "{row:09},C-1,Попова,Ольга,,female,1985-13-41,,,worker,,2020-03-01,"),
            1 => writeln!(file, "{row:09},C-9,Попова,Ольга,,female,1985-04-12,,,worker,,2020-03-01,"),
            2 => writeln!(file, "000000000,C-1,Попова,Ольга,,female,1985-04-12,,,worker,,2020-03-01,"),
            _ => writeln!(file, "{row:09},C-1,Попова"),
        }
        .unwrap();
    }
    let path = folder.join(format!("members-{rows}.csv"));
    std::fs::write(&path, file).unwrap();
    path.display().to_string()
}

/// The most memory a running process has held, in kB.
fn most_memory(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Runs an import to its end: its exit code, its report, and the most memory it held.
fn import(database: &TestDatabase, folder: &Path, kind: &str, file: &str) -> (i32, Value, u64) {
    let mut command = program::command(folder, &["import", kind, file]);
    command.env("DATABASE_URL", database.url()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        most = most.max(most_memory(&child).unwrap_or_default());
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code().unwrap(), report, most)
}

#[test]
fn many_bad_rows_are_told_one_by_one_in_little_memory() {
    let (database, folder) = (database(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    let centre = folder.join("organisations.csv");
    std::fs::write(&centre, "code,name,kind,parent_code,inn,region_code\nC-1,Centre,central,,,\n").unwrap();
    import(&database, folder, "organisations", &centre.display().to_string());

    let rows = EACH * REASONS.len();
    let path = file(folder, rows);
    let (code, report, memory) = import(&database, folder, "members", &path);
    assert_eq!(code, 1, "{report}");
    assert_eq!((&report["read"], &report["created"]), (&json!(rows + 1), &json!(1)), "{report}");
    assert_eq!(report["rejected"], json!(rows));
    let reasons: BTreeMap<&str, usize> = REASONS.iter().map(|reason| (*reason, EACH)).collect();
    assert_eq!(report["reasons"], json!(reasons));
    assert!(memory < MEMORY_MAX, "{memory} kB");
    println!("{rows} bad rows in {} s and {memory} kB", report["seconds"]);

    // Each line of the file stands in the other once, with its reason.
    let mut seen = vec![false; rows];
    let rejected = std::fs::File::open(format!("{path}.rejected.csv")).unwrap();
    for line in BufReader::new(rejected).lines().skip(1) {
        let line = line.unwrap();
        let mut cells = line.split(',');
        let number: usize = cells.next().unwrap().parse().unwrap();
        // The header is line 1, the good row line 2.
        let row = number - 3;
        assert_eq!(cells.next(), Some(REASONS[row % REASONS.len()]), "{line}");
        assert!(!std::mem::replace(&mut seen[row], true), "line {number} stands twice");
    }
    assert!(seen.iter().all(|seen| *seen), "every line is told");
}
