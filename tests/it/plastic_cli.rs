//! `unioncard cards print-batch`, the real program: cut off half-way it goes on, nothing is printed twice, the sums hold.

#![allow(clippy::as_conversions, reason = "a count of files")]

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use harness::{TestDatabase, database, program};
use serde_json::Value;
use tempfile::TempDir;

struct Machine {
    database: TestDatabase,
    folder: TempDir,
}

impl Machine {
    /// The small union of `tests/data`, plastic ordered for one branch.
    fn with_plastic(organisation: &str) -> (Self, i64) {
        let machine = Self { database: database(), folder: tempfile::tempdir().unwrap() };
        for (kind, file) in [("organisations", "organisations.csv"), ("members", "members.csv")] {
            let path = harness::checkout().join("tests/data/union").join(file);
            let copy = machine.folder.path().join(file);
            std::fs::copy(path, &copy).unwrap();
            let code =
                machine.command(&["import", kind, copy.to_str().unwrap()]).output().unwrap().status.code();
            assert!(code == Some(0) || code == Some(1), "{kind}: {code:?}");
        }
        let issued =
            machine.run(&["cards", "issue", "--kind", "plastic", "--organisation", organisation])["issued"]
                .as_i64();
        (machine, issued.unwrap())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program::command(self.folder.path(), arguments);
        command.env("DATABASE_URL", self.database.url());
        command
    }

    fn run(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn print(&self, organisation: &str, out: &Path) -> Value {
        self.run(&["cards", "print-batch", "--organisation", organisation, "--out", out.to_str().unwrap()])
    }
}

fn faces(folder: &Path) -> Vec<PathBuf> {
    let Ok(chunks) = std::fs::read_dir(folder.join("faces")) else { return Vec::new() };
    let files = chunks.flat_map(|chunk| std::fs::read_dir(chunk.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

fn sums_hold(folder: &Path) {
    let checked = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn a_print_batch_that_was_cut_off_goes_on() {
    let (machine, issued) = Machine::with_plastic("R-001");
    assert!(issued > 10, "{issued}");
    let out = machine.folder.path().join("plant");
    let arguments = ["cards", "print-batch", "--organisation", "R-001", "--out", out.to_str().unwrap()];
    let mut killed = machine.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    harness::until("three faces are drawn", || faces(&out).len() >= 3);
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(!out.join("SHA256SUMS").exists(), "it was cut off half-way");

    let report = machine.print("R-001", &out);
    assert_eq!(report["cards"], issued, "{report}");
    assert_eq!(report["batches"].as_array().unwrap().len(), 1, "the one begun before: {report}");
    assert_eq!(report["batches"][0]["folder"], out.to_str().unwrap());
    sums_hold(&out);
    assert_eq!(faces(&out).len() as i64, issued);
    let table = std::fs::read_to_string(out.join("cards.csv")).unwrap();
    let numbers: HashSet<&str> = table.lines().skip(1).map(|row| row.split(',').nth(1).unwrap()).collect();
    assert_eq!(numbers.len() as i64, issued, "each card once");

    let nothing = machine.print("R-001", &out);
    assert_eq!((&nothing["cards"], nothing["batches"].as_array().unwrap().len()), (&Value::from(0), 0));
    let mut unknown = machine.command(&["cards", "print-batch", "--organisation", "X", "--out", "/nowhere"]);
    assert_eq!(unknown.output().unwrap().status.code(), Some(2));
}

#[test]
fn the_next_batch_finds_the_folder_taken_and_makes_its_own() {
    let (machine, first) = Machine::with_plastic("P-000001");
    let out = machine.folder.path().join("plant");
    assert_eq!(machine.print("P-000001", &out)["cards"], first);
    let more =
        machine.run(&["cards", "issue", "--kind", "plastic", "--organisation", "P-000002"])["issued"].clone();
    let report = machine.print("C-000", &out);
    assert_eq!(report["cards"], more, "{report}");
    let folder = PathBuf::from(report["batches"][0]["folder"].as_str().unwrap());
    assert!(folder.starts_with(&out) && folder != out, "{report}");
    sums_hold(&out);
    sums_hold(&folder);
}
