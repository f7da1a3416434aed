//! Generated files are what is generated. `UPDATE=1 cargo test -p unioncard-tests generated` (`make generated`) writes
//! them anew.

use std::path::{Path, PathBuf};
use std::process::Command;

use harness::{TestDatabase, database};

/// diesel's program: where `make` installs it, or where DIESEL says.
fn diesel() -> PathBuf {
    let installed = harness::build_folder().parent().unwrap().join("tools/bin/diesel");
    let found = std::env::var_os("DIESEL").map_or(installed, PathBuf::from);
    assert!(found.is_file(), "{} is missing: run `make tools`, or set DIESEL", found.display());
    found
}

/// Compares a made text with a file of the checkout, or writes it there.
fn check(path: &Path, made: &str) {
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    if kept == made {
        return;
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, made).unwrap();
        return;
    }
    let differs = kept.lines().zip(made.lines()).position(|(kept, made)| kept != made);
    let line = differs.unwrap_or_else(|| kept.lines().count().min(made.lines().count()));
    panic!(
        "{} is not what is generated, from line {}: {:?} should be {:?}; run `make generated`",
        path.display(),
        line + 1,
        kept.lines().nth(line),
        made.lines().nth(line),
    );
}

/// The line diesel opens each generated file with.
const HEADER: &str = "// @generated automatically by Diesel CLI.\n";

/// diesel prints the files of all sections of `diesel.toml`, one after the other, whichever is asked for.
fn schemas_of(database: &TestDatabase) -> Vec<String> {
    let output = Command::new(diesel())
        .args(["print-schema", "--schema-key", "platform", "--database-url", &database.url()])
        .current_dir(harness::checkout())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let parts = printed.split(HEADER).map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| format!("{HEADER}\n{part}\n")).collect()
}

#[test]
fn every_schema_file_is_what_the_migrations_make() {
    let database = database();
    let schemas = schemas_of(&database);
    for (name, folder) in [
        ("platform", "shared-kernel"),
        ("registry", "union-registry"),
        ("cards", "card-issuer"),
        ("ledger", "cashback-engine"),
    ] {
        let opening = format!("{HEADER}\npub mod {name} {{");
        let made = schemas.iter().find(|schema| schema.starts_with(&opening)).unwrap();
        check(&harness::checkout().join(folder).join("src/schema.rs"), made);
    }
}

#[test]
fn the_api_document_is_what_the_program_prints() {
    check(&harness::checkout().join("api/openapi.json"), &unioncard::openapi::json());
}
