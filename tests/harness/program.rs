//! The real program as a process.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::client::Client;

/// How long a starting server may take on a slow machine, its PostgreSQL's `initdb` included.
const START_MAX: Duration = Duration::from_secs(90);
/// How many ports are tried.
const PORTS: usize = 5;

/// The program's file, built once a test run.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = crate::build_folder();
    let profile = if folder.ends_with("release") { "release" } else { "dev" };
    let target = folder.parent().expect("programs lie in target/<profile>");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--workspace", "--bin", "unioncard", "--profile", profile])
        .arg("--target-dir")
        .arg(target)
        .current_dir(crate::checkout())
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the program builds");
    folder.join("unioncard")
});

/// The program with these arguments over a data folder, without anything of our environment that it would read.
pub fn command(data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM.as_path());
    for name in ["DATABASE_URL", "REDIS_URL", "SMTP_URL", "SMS_URL", "PUBLIC_URL", "UNIONCARD_KEY", "LISTEN"]
    {
        command.env_remove(name);
    }
    command.args(arguments).env("DATA_DIR", data_dir).current_dir(data_dir).stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn run(data_dir: &Path, arguments: &[&str]) -> Output {
    command(data_dir, arguments).output().expect("the program runs")
}

/// A serving program; killed at the end of its test.
pub struct Serving {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

/// Starts `unioncard serve` over a data folder and waits until it is ready. The port was free a moment before: should
/// somebody else have taken it meanwhile, another is tried.
pub fn serve(data_dir: &Path) -> Serving {
    (0..PORTS).find_map(|_| serve_once(data_dir)).expect("one of many ports stays free")
}

fn serve_once(data_dir: &Path) -> Option<Serving> {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
    let log = std::fs::File::create(log_file(data_dir, free)).expect("the data folder is writable");
    let child = command(data_dir, &["serve", "--listen", &free.to_string()])
        .stdout(log.try_clone().expect("a file can be shared"))
        .stderr(log)
        .spawn()
        .expect("the program runs");
    let mut serving = Serving { child, address: free };
    serving.is_ready(data_dir).then_some(serving)
}

impl Serving {
    /// Waits until it is ready; false when somebody else listens at its address.
    fn is_ready(&mut self, data_dir: &Path) -> bool {
        let until = Instant::now() + START_MAX;
        while Instant::now() < until {
            // Until it says so itself, whoever listens there may be somebody else.
            let serves = self.log(data_dir).contains(" serving");
            let ready = serves && self.client().get("/health/ready").status == 200;
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                let log = self.log(data_dir);
                assert!(log.contains("in use"), "the program ended with {status}: {log}");
                return false;
            }
            if ready {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("not ready after {} s: {}", START_MAX.as_secs(), self.log(data_dir));
    }

    /// What it has said so far.
    pub fn log(&self, data_dir: &Path) -> String {
        std::fs::read_to_string(log_file(data_dir, self.address)).unwrap_or_default()
    }

    /// A client nobody is signed in with.
    pub fn client(&self) -> Client {
        Client::of(&format!("http://{}", self.address))
    }

    /// `kill -9`
    pub fn kill(mut self) {
        self.child.kill().expect("our child can be killed");
        self.child.wait().expect("our child can be waited for");
    }

    /// SIGTERM, and waits for the end, which must be a good one.
    pub fn stop(mut self) {
        let id = i32::try_from(self.child.id()).expect("a process id fits");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGTERM)
            .expect("our child can be signalled");
        let status = self.child.wait().expect("our child can be waited for");
        assert!(status.success(), "a graceful stop ends with {status}");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Asked nicely first: its PostgreSQL stops with it.
            if let Ok(id) = i32::try_from(self.child.id()) {
                let _ =
                    nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGTERM);
            }
            let _ = self.child.wait();
        }
    }
}

/// Several may serve over one folder.
fn log_file(data_dir: &Path, address: SocketAddr) -> PathBuf {
    data_dir.join(format!("test-serve-{}.log", address.port()))
}

/// The process id of the PostgreSQL of a data folder, while one runs.
pub fn postgres_process(data_dir: &Path) -> Option<u32> {
    let file = std::fs::read_to_string(data_dir.join("postgres/data/postmaster.pid")).ok()?;
    let process = file.lines().next()?.trim().parse().ok()?;
    Path::new("/proc").join(format!("{process}")).exists().then_some(process)
}
