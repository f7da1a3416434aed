//! The real server on a free port, over a database and a data folder of its own, with a clock that can be moved.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use diesel::pg::PgConnection;
use shared_kernel::clock::Clock;
use tempfile::TempDir;
use unioncard::app::App;
use unioncard::config::Settings;

use crate::client::Client;
use crate::database::{TestDatabase, database};
use crate::undone;

/// A running server; stops at the end of its test.
pub struct TestServer {
    /// What the server itself works on.
    pub app: Arc<App>,
    /// The server's clock.
    pub clock: Clock,
    address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
    may_leave_undone: AtomicBool,
    folder: TempDir,
    database: TestDatabase,
}

/// A server over a database of its own.
pub fn server() -> TestServer {
    server_with(&[])
}

/// The same with some settings of its own.
pub fn server_with(settings: &[(&str, &str)]) -> TestServer {
    let database = database();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let own = [
        ("database_url", database.url()),
        ("data_dir", folder.path().display().to_string()),
        ("listen", address.to_string()),
    ];
    let given = settings.iter().map(|(name, value)| (*name, (*value).to_owned()));
    let mut settings = Settings::of(own.into_iter().chain(given)).expect("the test's settings are right");
    settings.workers = 2;
    settings.connections_max = 8;
    let clock = Clock::system();
    let app = App::open(settings, clock.clone()).expect("the server's parts start");
    unioncard::server::background(&app).expect("threads can be started");
    let (started, handles) = mpsc::channel();
    let served = Arc::clone(&app);
    let thread = std::thread::spawn(move || {
        let running = actix_web::rt::System::new().block_on(async {
            let server = unioncard::server::serve(&served, listener)?;
            started.send(server.handle()).expect("the test waits for the handle");
            server.await
        });
        running.expect("the server runs until it is stopped");
    });
    let handle = handles.recv().expect("the server starts");
    let may_leave_undone = AtomicBool::new(false);
    TestServer { app, clock, address, handle, thread: Some(thread), may_leave_undone, folder, database }
}

impl TestServer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client nobody is signed in with.
    pub fn client(&self) -> Client {
        Client::of(&format!("http://{}", self.address))
    }

    /// For a story of work that fails: what is left undone at its end is meant to be. Any other story fails by it.
    pub fn may_leave_undone(&self) {
        self.may_leave_undone.store(true, Ordering::Relaxed);
    }

    /// A connection of one's own to the server's database.
    pub fn connect(&self) -> PgConnection {
        self.database.connect()
    }

    /// The server's data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let left = if std::thread::panicking() || self.may_leave_undone.load(Ordering::Relaxed) {
            Vec::new()
        } else {
            undone::left(&mut self.connect())
        };
        // The command is sent at once; the future only waits for its end, and the thread's end says the same.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the server's thread panicked");
        }
        self.app.leave();
        assert!(left.is_empty(), "the story left undone: {}", left.join(", "));
    }
}
