//! Migrations apply, revert and apply again to the same database.

use std::process::Command;

use diesel_migrations::MigrationHarness;
use harness::{TestDatabase, empty_database};
use shared_kernel::migrations::{MIGRATIONS, apply};

fn schema_of(database: &TestDatabase) -> String {
    let output = Command::new("pg_dump")
        .args(["--schema-only", "--no-owner", "--dbname", &database.url()])
        .output()
        .expect("pg_dump is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // pg_dump guards its output with a word that is new each time.
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn apply_revert_and_apply_again_give_the_same_schema() {
    let database = empty_database();
    let mut connection = database.connect();
    let applied = apply(&mut connection).unwrap();
    assert!(applied > 0);
    assert_eq!(apply(&mut connection).unwrap(), 0, "applied migrations are not applied twice");
    let first = schema_of(&database);
    assert_eq!(connection.revert_all_migrations(MIGRATIONS).unwrap().len(), applied);
    let reverted = schema_of(&database);
    assert!(!reverted.contains("CREATE SCHEMA"), "a reverted history leaves nothing: {reverted}");
    assert!(!reverted.contains("CREATE FUNCTION"), "a reverted history leaves nothing: {reverted}");
    assert_eq!(apply(&mut connection).unwrap(), applied);
    assert_eq!(schema_of(&database), first);
}

#[test]
fn two_processes_that_start_together_do_not_race() {
    let database = empty_database();
    let applied: usize = std::thread::scope(|scope| {
        let starting: Vec<_> =
            (0..4).map(|_| scope.spawn(|| apply(&mut database.connect()).unwrap())).collect();
        starting.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(applied, diesel_migrations_count());
}

fn diesel_migrations_count() -> usize {
    use diesel::migration::MigrationSource;
    let all = MigrationSource::<diesel::pg::Pg>::migrations(&MIGRATIONS).unwrap();
    all.len()
}
