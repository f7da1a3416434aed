//! What the documents say there is, there is: commands, jobs, settings.

use std::collections::BTreeSet;

use harness::{checkout, program};
use unioncard::jobs::NIGHTLY;

fn read(name: &str) -> String {
    std::fs::read_to_string(checkout().join(name)).unwrap()
}

/// The commands that end a line of commands: `cards issue`, `openapi`.
fn commands(of: &[&str], found: &mut Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let output = program::run(folder.path(), &[of, &["--help"]].concat());
    let help = String::from_utf8(output.stdout).unwrap();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names: Vec<&str> = listed
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    if names.is_empty() {
        found.push(of.join(" "));
    }
    for name in names {
        commands(&[of, &[name]].concat(), found);
    }
}

/// The commands a line of the README's table tells: `cards issue --kind …` is `cards issue`, and `keys show\|add` is two.
fn told(line: &str) -> Vec<String> {
    let first = line.trim_start_matches("| ").split(" | ").next().unwrap();
    let quoted = first.split('`').skip(1).step_by(2);
    let mut found = Vec::new();
    for command in quoted {
        let words: Vec<&str> = command.strip_prefix("unioncard ").unwrap().split(' ').collect();
        let is_name = |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase() || b"-\\|".contains(&b));
        let named: Vec<&str> =
            words.into_iter().take_while(is_name).take_while(|w| !w.starts_with('-')).collect();
        let (last, before) = named.split_last().unwrap();
        let before: String = before.iter().map(|word| format!("{word} ")).collect();
        found.extend(last.split("\\|").map(|last| format!("{before}{last}")));
    }
    found
}

#[test]
fn the_readme_names_every_command_and_job() {
    let readme = read("README.md");
    let mut found = Vec::new();
    commands(&[], &mut found);
    assert!(found.len() > 15, "{found:?}");
    let known: BTreeSet<String> = found.into_iter().collect();
    // What `import` takes stands where other commands have commands of their own.
    let named = |told: String| match told.rsplit_once(' ') {
        Some((command, _)) if known.contains(command) => command.to_owned(),
        _ => told,
    };
    let lines = readme.lines().filter(|line| line.starts_with("| `unioncard "));
    let table: BTreeSet<String> = lines.flat_map(told).map(named).collect();
    assert_eq!(table, known, "the README's table, and the program's own help");
    for job in NIGHTLY {
        assert!(readme.contains(&format!("`{}`", job.name())), "{}", job.name());
    }
}

#[test]
fn the_example_of_the_environment_has_every_setting() {
    let example = read("deploy/env.example");
    let defaults = read("api/src/config.default.toml");
    let settings: Vec<&str> = defaults
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .filter_map(|line| line.split(" = ").next())
        .collect();
    assert!(settings.len() > 20, "{settings:?}");
    for setting in settings {
        let name = setting.to_ascii_uppercase();
        assert!(example.lines().any(|line| line.starts_with(&format!("#{name}="))), "{name}");
    }
}
