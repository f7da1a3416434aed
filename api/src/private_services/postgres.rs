//! A PostgreSQL of our own: found binaries, `initdb` once, one server a data folder on a Unix socket in a 0700
//! folder, `fsync` on, never as root.
//!
//! The server is no child in spirit: it outlives a killed program and is found again. Every process that uses it
//! holds a shared lock; the last one to leave stops it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::pg::PgConnection;
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::{Gid, Uid, User};
use sha2::{Digest, Sha256};

const START_MAX: Duration = Duration::from_secs(60);
/// A socket's path may have 107 bytes on Linux; ".s.PGSQL.5432" takes 14 of them.
const SOCKET_FOLDER_BYTES_MAX: usize = 90;

/// Why no server of our own can run.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// Neither in /usr/lib/postgresql nor on the PATH.
    #[error(
        "PostgreSQL's programs (initdb, postgres) were not found: install the package postgresql, or set DATABASE_URL"
    )]
    NotInstalled,
    /// Started as root on a machine without the unprivileged user.
    #[error("started as root, and there is no user postgres or nobody to run PostgreSQL as")]
    NoUser,
    /// A program failed.
    #[error("{program} failed: {output}")]
    Failed {
        /// Which.
        program: &'static str,
        /// What it said.
        output: String,
    },
    /// It didn't answer in time.
    #[error("PostgreSQL did not come up within {} s; its log is {log}", START_MAX.as_secs())]
    Silent {
        /// Where its log is.
        log: String,
    },
    /// Something that isn't ours lies where the socket's folder would be.
    #[error("{0} is not a folder of ours: remove it, or give DATA_DIR a shorter path")]
    Foreign(PathBuf),
    /// A file or folder.
    #[error("PostgreSQL's folder: {0}")]
    Io(#[from] io::Error),
}

/// A running server of our own; stops with its last user.
pub struct PrivatePostgres {
    home: PathBuf,
    socket: PathBuf,
    programs: PathBuf,
    runner: Option<(Uid, Gid)>,
    child: Mutex<Option<Child>>,
    users: Mutex<Option<Flock<File>>>,
}

impl PrivatePostgres {
    /// Starts the server of `data_dir`, or joins the one that already runs there.
    ///
    /// # Errors
    /// [`PostgresError`]
    pub fn start(data_dir: &Path) -> Result<Arc<Self>, PostgresError> {
        let home = data_dir.join("postgres");
        let programs = find_programs().ok_or(PostgresError::NotInstalled)?;
        let runner = unprivileged_user()?;
        fs::create_dir_all(&home)?;
        own(&home, runner, 0o700)?;
        let socket = socket_folder(&home);
        make_private(&socket, runner)?;
        let server =
            Self { home, socket, programs, runner, child: Mutex::new(None), users: Mutex::new(None) };
        let users = lock(&server.home.join("users.lock"), FlockArg::LockShared)?;
        *server.users.lock().expect("no panic holds this lock") = Some(users);
        server.ensure_running()?;
        Ok(Arc::new(server))
    }

    /// The address to connect to.
    pub fn url(&self, database: &str) -> String {
        let folder: String =
            self.socket.as_os_str().as_bytes().iter().map(|byte| format!("%{byte:02X}")).collect();
        format!("postgresql:///{database}?host={folder}&user=unioncard")
    }

    /// Starts the server unless it answers. Called at start and whenever it may have died.
    ///
    /// # Errors
    /// [`PostgresError`]
    pub fn ensure_running(&self) -> Result<(), PostgresError> {
        let _starting = lock(&self.home.join("start.lock"), FlockArg::LockExclusive)?;
        if self.users.lock().expect("no panic holds this lock").is_none() {
            // Left: a server started now would outlive everybody.
            return Ok(());
        }
        self.reap();
        if self.answers() {
            return Ok(());
        }
        if !self.home.join("data/PG_VERSION").exists() {
            self.initialise()?;
        }
        let until = Instant::now() + START_MAX;
        while Instant::now() < until {
            self.spawn()?;
            while Instant::now() < until {
                if self.answers() {
                    return self.create_database();
                }
                std::thread::sleep(Duration::from_millis(50));
                if self.exited() {
                    // The processes of a killed server may still hold its memory for a moment.
                    std::thread::sleep(Duration::from_millis(200));
                    break;
                }
            }
        }
        Err(PostgresError::Silent { log: self.log_file().display().to_string() })
    }

    /// Leaves the server; the last to leave stops it. Called once, at the end of the process.
    pub fn leave(&self) {
        let Some(shared) = self.users.lock().expect("no panic holds this lock").take() else { return };
        drop(shared);
        // A start that is under way ends first, so that what it started is stopped.
        let _starting = lock(&self.home.join("start.lock"), FlockArg::LockExclusive);
        let Ok(file) = File::open(self.home.join("users.lock")) else { return };
        if Flock::lock(file, FlockArg::LockExclusiveNonblock).is_err() {
            return;
        }
        let output = self
            .command("pg_ctl")
            .args(["stop", "-w", "-m", "fast", "-t", "30", "-D"])
            .arg(self.home.join("data"))
            .output();
        if let Err(error) = output {
            tracing::warn!(%error, "PostgreSQL was not stopped");
        }
        self.reap();
    }

    fn initialise(&self) -> Result<(), PostgresError> {
        let draft = self.home.join("data.new");
        if draft.exists() {
            fs::remove_dir_all(&draft)?;
        }
        let output = self
            .command("initdb")
            .args([
                "--username=unioncard",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--data-checksums",
                "-D",
            ])
            .arg(&draft)
            .output()?;
        if !output.status.success() {
            return Err(PostgresError::Failed { program: "initdb", output: text_of(&output) });
        }
        fs::rename(&draft, self.home.join("data"))?;
        Ok(())
    }

    fn spawn(&self) -> Result<(), PostgresError> {
        let log = OpenOptions::new().create(true).append(true).open(self.log_file())?;
        let child = self
            .command("postgres")
            .arg("-D")
            .arg(self.home.join("data"))
            .arg("-k")
            .arg(&self.socket)
            .args(SERVER_SETTINGS.iter().flat_map(|setting| ["-c", setting]))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()?;
        *self.child.lock().expect("no panic holds this lock") = Some(child);
        Ok(())
    }

    fn create_database(&self) -> Result<(), PostgresError> {
        let failed = |output: String| PostgresError::Failed { program: "CREATE DATABASE", output };
        let mut connection =
            PgConnection::establish(&self.url("postgres")).map_err(|e| failed(e.to_string()))?;
        match diesel::connection::SimpleConnection::batch_execute(
            &mut connection,
            "CREATE DATABASE unioncard",
        ) {
            Ok(()) => Ok(()),
            Err(error) if error.to_string().contains("already exists") => Ok(()),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    fn answers(&self) -> bool {
        self.socket.join(".s.PGSQL.5432").exists() && PgConnection::establish(&self.url("postgres")).is_ok()
    }

    fn exited(&self) -> bool {
        let mut child = self.child.lock().expect("no panic holds this lock");
        match child.as_mut().map(Child::try_wait) {
            Some(Ok(None)) => false,
            _ => {
                *child = None;
                true
            }
        }
    }

    fn reap(&self) {
        self.exited();
    }

    fn log_file(&self) -> PathBuf {
        self.home.join("postgres.log")
    }

    /// A program of PostgreSQL, run as the unprivileged user; where a folder above ours is closed to that user,
    /// with the one capability that lets it pass.
    fn command(&self, program: &str) -> Command {
        let path = self.programs.join(program);
        let mut command = match self.runner {
            Some((uid, gid)) if !reachable(&self.home) => {
                let mut command = Command::new("setpriv");
                command
                    .args([format!("--reuid={uid}"), format!("--regid={gid}")])
                    .args([
                        "--clear-groups",
                        "--inh-caps=+dac_read_search",
                        "--ambient-caps=+dac_read_search",
                    ])
                    .arg(path);
                command
            }
            Some((uid, gid)) => {
                let mut command = Command::new(path);
                command.uid(uid.as_raw()).gid(gid.as_raw());
                command
            }
            None => Command::new(path),
        };
        command.current_dir("/").env_remove("PGDATA").env("LC_ALL", "C.UTF-8");
        command
    }
}

const SERVER_SETTINGS: &[&str] = &[
    "listen_addresses=",
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    "max_connections=100",
    "shared_buffers=256MB",
    "max_wal_size=2GB",
    "checkpoint_timeout=15min",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_parameter_max_length=0",
    "log_parameter_max_length_on_error=0",
];

fn text_of(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
        .trim()
        .to_owned()
}

/// The newest version under /usr/lib/postgresql, or the folder of the PATH that has the programs.
fn find_programs() -> Option<PathBuf> {
    let complete =
        |folder: &PathBuf| ["initdb", "postgres", "pg_ctl"].iter().all(|name| folder.join(name).is_file());
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder)| complete(folder))
        .collect();
    versions.sort();
    versions
        .pop()
        .map(|(_, folder)| folder)
        .or_else(|| std::env::var_os("PATH").and_then(|path| std::env::split_paths(&path).find(complete)))
}

/// Whom to run as: nobody else when not root, otherwise the user postgres, or nobody.
fn unprivileged_user() -> Result<Option<(Uid, Gid)>, PostgresError> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| User::from_name(name).ok().flatten())
        .map(|user| Some((user.uid, user.gid)))
        .ok_or(PostgresError::NoUser)
}

fn own(folder: &Path, runner: Option<(Uid, Gid)>, mode: u32) -> io::Result<()> {
    if let Some((uid, gid)) = runner {
        std::os::unix::fs::chown(folder, Some(uid.as_raw()), Some(gid.as_raw()))?;
    }
    fs::set_permissions(folder, Permissions::from_mode(mode))
}

/// Makes a folder only the runner may open, or takes the one made before. Its name can be foreseen, so whatever somebody
/// else has put there, a link or a folder, is refused: whoever owns it could stand between us and our server.
fn make_private(folder: &Path, runner: Option<(Uid, Gid)>) -> Result<(), PostgresError> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Root's own: it was killed before it gave the folder away.
            let owners = [Uid::effective(), runner.map_or(Uid::effective(), |(uid, _)| uid)];
            let there = fs::symlink_metadata(folder)?;
            if !there.is_dir() || owners.iter().all(|owner| owner.as_raw() != there.uid()) {
                return Err(PostgresError::Foreign(folder.to_owned()));
            }
        }
        made => made?,
    }
    Ok(own(folder, runner, 0o700)?)
}

/// Whether every folder above lets others pass.
fn reachable(folder: &Path) -> bool {
    folder
        .ancestors()
        .skip(1)
        .all(|above| fs::metadata(above).is_ok_and(|meta| meta.permissions().mode() & 0o001 != 0))
}

/// Beside the data, or, when that path is too long for a socket, in a folder of the temporary directory.
fn socket_folder(home: &Path) -> PathBuf {
    let beside = home.join("socket");
    if beside.as_os_str().len() <= SOCKET_FOLDER_BYTES_MAX && reachable(home) {
        return beside;
    }
    let digest: String =
        Sha256::digest(home.as_os_str().as_bytes()).iter().take(8).map(|b| format!("{b:02x}")).collect();
    PathBuf::from(format!("/tmp/unioncard-{digest}"))
}

fn lock(path: &Path, how: FlockArg) -> io::Result<Flock<File>> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).read(true).open(path)?;
    Flock::lock(file, how).map_err(|(_, errno)| errno.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_lies_in_a_folder_of_ours_alone() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("own");
        let mode = || fs::symlink_metadata(&folder).unwrap().permissions().mode() & 0o777;
        make_private(&folder, None).unwrap();
        assert_eq!(mode(), 0o700);
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        make_private(&folder, None).unwrap();
        assert_eq!(mode(), 0o700, "found again, and closed again");

        let link = place.path().join("link");
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        let file = place.path().join("file");
        fs::write(&file, "").unwrap();
        for foreign in [&link, &file] {
            let refused = make_private(foreign, None);
            assert!(matches!(refused, Err(PostgresError::Foreign(_))), "{}", foreign.display());
        }
        assert!(link.is_symlink(), "what was there stays");

        // Root can make a folder of somebody else's, and everybody else finds one of root's.
        let others = if Uid::effective().is_root() {
            let others = place.path().join("others");
            fs::create_dir(&others).unwrap();
            std::os::unix::fs::chown(&others, Some(12_345), None).unwrap();
            others
        } else {
            PathBuf::from("/usr")
        };
        let before = fs::symlink_metadata(&others).unwrap();
        assert!(matches!(make_private(&others, None), Err(PostgresError::Foreign(_))));
        let after = fs::symlink_metadata(&others).unwrap();
        assert_eq!((before.uid(), before.mode()), (after.uid(), after.mode()));
    }
}
