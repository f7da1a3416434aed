//! The rules of the house that a compiler doesn't check: who depends on whom, and who names whose tables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const DOMAINS: [&str; 3] = ["union-registry", "card-issuer", "cashback-engine"];

/// Each crate of the workspace with those of the workspace it depends on.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(harness::checkout())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let names: Vec<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    packages
        .iter()
        .map(|package| {
            let needed = package["dependencies"].as_array().unwrap().iter();
            let mut needed: Vec<String> = needed
                .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
                .filter(|name| names.contains(&name.as_str()))
                .collect();
            needed.sort();
            needed.dedup();
            (package["name"].as_str().unwrap().to_owned(), needed)
        })
        .collect()
}

#[test]
fn crates_depend_downwards_only() {
    let dependencies = dependencies();
    let mut expected: Vec<&str> = vec![
        "unioncard",
        "unioncard-tests",
        "shared-kernel",
        "union-registry",
        "card-issuer",
        "cashback-engine",
    ];
    expected.sort_unstable();
    assert_eq!(dependencies.keys().map(String::as_str).collect::<Vec<_>>(), expected);
    assert_eq!(dependencies["shared-kernel"], Vec::<String>::new());
    for domain in DOMAINS {
        assert_eq!(dependencies[domain], ["shared-kernel"], "{domain} knows the kernel alone");
    }
    assert!(!dependencies["unioncard"].contains(&"unioncard-tests".to_owned()));
}

/// Every table of the migrations, with the schema that owns it.
fn tables() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(harness::checkout().join("migrations")).unwrap() {
        let file = entry.unwrap().path().join("up.sql");
        let Ok(sql) = std::fs::read_to_string(&file) else { continue };
        for statement in sql.split("CREATE ").skip(1) {
            let words: Vec<&str> = statement.split_whitespace().take(6).collect();
            let named = words.iter().position(|word| matches!(*word, "TABLE" | "SEQUENCE" | "VIEW"));
            let name = named.filter(|at| *at < 2).and_then(|at| words.get(at + 1));
            if let Some((schema, table)) = name.and_then(|name| name.split_once('.')) {
                found.push((schema.to_owned(), table.trim_end_matches('(').to_owned()));
            }
        }
    }
    assert!(found.contains(&("registry".to_owned(), "members".to_owned())), "{found:?}");
    found
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "sql") {
            found.push(path);
        }
    }
}

/// Whether a text names this table, as itself and not as part of a longer name.
fn names(text: &str, schema: &str, table: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    [format!("{schema}.{table}"), format!("{schema}::{table}")].iter().any(|name| {
        text.match_indices(name.as_str()).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + name.len()..].chars().next();
            !before.is_some_and(part) && !after.is_some_and(part)
        })
    })
}

#[test]
fn nobody_names_tables_of_another_schema() {
    let tables = tables();
    let owners = [
        ("shared-kernel", "platform"),
        ("union-registry", "registry"),
        ("card-issuer", "cards"),
        ("cashback-engine", "ledger"),
        ("api", "platform"),
    ];
    let mut foreign = Vec::new();
    for (folder, own) in owners {
        let mut files = Vec::new();
        sources(&harness::checkout().join(folder).join("src"), &mut files);
        for file in files {
            // Handlers are named as `v1::ledger::accounts`: a module, not a table.
            let text = std::fs::read_to_string(&file).unwrap().replace("v1::", "v1_");
            for (schema, table) in tables.iter().filter(|(schema, _)| schema != own) {
                if names(&text, schema, table) {
                    foreign.push(format!("{}: {schema}.{table}", file.display()));
                }
            }
        }
    }
    assert!(foreign.is_empty(), "api composes; a crate asks its own schema only:\n{}", foreign.join("\n"));
}
