//! One PostgreSQL a test run, kept under the target folder between runs; a database a test, cloned from a template
//! that is migrated once per state of the migrations.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use sha2::{Digest, Sha256};
use unioncard::private_services::postgres::PrivatePostgres;

/// Held while databases of dead runs are dropped and the template is made.
const TEMPLATE_LOCK: i64 = 0x7465_6d70_6c61_7465;

struct Shared {
    postgres: Arc<PrivatePostgres>,
    template: String,
}

static SHARED: LazyLock<Shared> = LazyLock::new(start);
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database of one test, dropped at its end.
pub struct TestDatabase {
    name: String,
}

/// A migrated database.
pub fn database() -> TestDatabase {
    create(Some(&SHARED.template))
}

/// A database without anything in it.
pub fn empty_database() -> TestDatabase {
    create(None)
}

impl TestDatabase {
    /// Its address.
    pub fn url(&self) -> String {
        SHARED.postgres.url(&self.name)
    }

    /// A connection of one's own.
    pub fn connect(&self) -> PgConnection {
        connect(&self.name)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let dropped =
            connect("postgres").batch_execute(&format!("DROP DATABASE \"{}\" WITH (FORCE)", self.name));
        if let Err(error) = dropped {
            eprintln!("database {} stays: {error}", self.name);
        }
    }
}

fn connect(database: &str) -> PgConnection {
    let url = SHARED.postgres.url(database);
    let mut connection = PgConnection::establish(&url).expect("the test run's PostgreSQL answers");
    connection.batch_execute("SET TIME ZONE 'UTC'").expect("UTC is a time zone");
    connection
}

fn create(template: Option<&str>) -> TestDatabase {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("test_{}_{number}", std::process::id());
    let template = template.unwrap_or("template0");
    connect("postgres")
        .batch_execute(&format!("CREATE DATABASE \"{name}\" TEMPLATE \"{template}\""))
        .expect("a database can be cloned");
    TestDatabase { name }
}

fn start() -> Shared {
    let folder = crate::build_folder().join("test-databases");
    std::fs::create_dir_all(&folder).expect("the target folder is writable");
    let postgres = PrivatePostgres::start(&folder).expect("PostgreSQL starts");
    stop_after_us(&folder.join("postgres"));
    let url = postgres.url("postgres");
    let mut admin = PgConnection::establish(&url).expect("the test run's PostgreSQL answers");
    let template = format!("migrated_{}", digest_of_migrations());
    diesel::sql_query("SELECT pg_advisory_lock($1)")
        .bind::<diesel::sql_types::BigInt, _>(TEMPLATE_LOCK)
        .execute(&mut admin)
        .expect("a lock can be waited for");
    drop_left_databases(&mut admin, &template);
    if !names(&mut admin).contains(&template) {
        make_template(&postgres, &mut admin, &template);
    }
    Shared { postgres, template }
}

fn make_template(postgres: &PrivatePostgres, admin: &mut PgConnection, template: &str) {
    let draft = format!("test_{}_template", std::process::id());
    admin.batch_execute(&format!("CREATE DATABASE \"{draft}\"")).expect("a database can be made");
    let mut connection = PgConnection::establish(&postgres.url(&draft)).expect("the new database answers");
    shared_kernel::migrations::apply(&mut connection).expect("the migrations apply to an empty database");
    drop(connection);
    admin
        .batch_execute(&format!("ALTER DATABASE \"{draft}\" RENAME TO \"{template}\""))
        .expect("nobody uses the template yet");
}

/// Databases of runs that were killed, and templates of other migrations.
fn drop_left_databases(admin: &mut PgConnection, template: &str) {
    for name in names(admin) {
        let of_dead_run = name
            .strip_prefix("test_")
            .and_then(|rest| rest.split('_').next())
            .is_some_and(|process| !Path::new("/proc").join(process).exists());
        if of_dead_run || (name.starts_with("migrated_") && name != template) {
            // Somebody else may be quicker, which is as good.
            let _ = admin.batch_execute(&format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"));
        }
    }
}

fn names(admin: &mut PgConnection) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Name {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let found: Vec<Name> = diesel::sql_query("SELECT datname::text AS name FROM pg_database")
        .load(admin)
        .expect("the catalogue can be read");
    found.into_iter().map(|row| row.name).collect()
}

fn digest_of_migrations() -> String {
    let mut files: Vec<PathBuf> = std::fs::read_dir(crate::checkout().join("migrations"))
        .expect("the migrations are there")
        .map(|entry| entry.expect("a folder can be read").path().join("up.sql"))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        digest.update(file.to_string_lossy().as_bytes());
        digest.update(std::fs::read(file).expect("a migration can be read"));
    }
    digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Stops the server when this process is gone, however it ends: a watcher waits on a pipe that only our end closes,
/// then asks the server to stop unless another process uses it.
fn stop_after_us(home: &Path) {
    let script =
        r#"cat >/dev/null; exec flock -n users.lock sh -c 'kill -INT "$(head -n 1 data/postmaster.pid)"'"#;
    let mut watcher = Command::new("sh");
    watcher.args(["-c", script]).current_dir(home).stdin(Stdio::piped()).stdout(Stdio::null());
    std::os::unix::process::CommandExt::process_group(&mut watcher, 0);
    let watcher = watcher.stderr(Stdio::null()).spawn().expect("sh runs");
    // Our end of the pipe stays open for as long as this process lives.
    std::mem::forget(watcher);
}
