//! What the documents say there is, there is: commands, jobs, settings.

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

#[test]
fn the_readme_names_every_command_and_job() {
    let readme = read("README.md");
    let mut found = Vec::new();
    commands(&[], &mut found);
    assert!(found.len() > 15, "{found:?}");
    let table: Vec<&str> = readme.lines().filter(|line| line.starts_with("| `unioncard ")).collect();
    for command in found {
        let mut words = command.split(' ');
        let (first, last) = (words.next().unwrap(), words.next_back());
        let named = table.iter().any(|line| {
            let told = line.split(" | ").next().unwrap();
            told.contains(&format!("unioncard {first}")) && last.is_none_or(|last| told.contains(last))
        });
        assert!(named, "unioncard {command}");
    }
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
