//! The thread that draws batches' files: one batch at a time with one connection, however many people make batches or
//! wait for files. Whoever waits holds neither a connection nor a thread.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use card_issuer::print::{self, BatchId};
use tokio::sync::oneshot;

use super::files::{self, PrintError};
use crate::app::App;
use crate::problem::Problem;

/// Batches and requests that may wait; one more is told to come again.
const WAITING_MAX: usize = 256;
/// How long a request waits for files that are being drawn; then it is told to come again.
const WAIT_MAX: Duration = Duration::from_secs(20);
/// When to come again, in seconds.
const COME_AGAIN: u64 = 10;

struct Job {
    batch: BatchId,
    /// Who waits; nobody does for a batch that was just made.
    reply: Option<oneshot::Sender<Result<(), Problem>>>,
}

/// The way to the thread.
pub struct Drawing {
    sender: SyncSender<Job>,
}

impl Drawing {
    /// Makes the queue; [`Easel::start`] of what it returns is the thread.
    pub fn new() -> (Self, Easel) {
        let (sender, receiver) = sync_channel(WAITING_MAX);
        (Self { sender }, Easel { receiver })
    }

    /// Draws a batch's files when their turn comes. Should the queue be full, or the program end meanwhile, the first
    /// request for them has them drawn.
    pub fn later(&self, batch: BatchId) {
        if self.sender.try_send(Job { batch, reply: None }).is_err() {
            tracing::warn!(%batch, "a batch's files wait for whoever asks for them");
        }
    }

    /// Has a batch's files drawn, if they aren't, and waits for it.
    ///
    /// # Errors
    /// 503 when that takes longer than a request waits, or too many wait; what went wrong in drawing.
    pub async fn drawn(&self, batch: BatchId) -> Result<(), Problem> {
        let later = || Problem::unavailable().retry_after(COME_AGAIN);
        let (reply, answer) = oneshot::channel();
        self.sender.try_send(Job { batch, reply: Some(reply) }).map_err(|_| later())?;
        match tokio::time::timeout(WAIT_MAX, answer).await {
            Ok(Ok(drawn)) => drawn,
            Ok(Err(_)) | Err(_) => Err(later()),
        }
    }
}

/// The queue's end at the thread.
pub struct Easel {
    receiver: Receiver<Job>,
}

impl Easel {
    /// Starts the thread. It holds the program weakly: with the program's end its queue ends too.
    ///
    /// # Errors
    /// When no thread can be made.
    pub fn start(self, app: &Arc<App>) -> std::io::Result<()> {
        let app = Arc::downgrade(app);
        std::thread::Builder::new().name("print".into()).spawn(move || self.run(&app)).map(|_| ())
    }

    fn run(self, app: &Weak<App>) {
        while let Ok(Job { batch, reply }) = self.receiver.recv() {
            let Some(app) = app.upgrade() else { return };
            let drawn = draw(&app, batch);
            if let Err(problem) = &drawn {
                tracing::warn!(%problem, %batch, "a batch's files are not drawn yet");
            }
            if let Some(reply) = reply {
                // Who has gone away asks again; the files stay.
                let _ = reply.send(drawn);
            }
        }
    }
}

fn draw(app: &App, id: BatchId) -> Result<(), Problem> {
    let mut connection = app.connection()?;
    let batch = print::find(&mut connection, id)?.ok_or_else(Problem::not_found)?;
    let folder = files::kept_in(app, id);
    match files::complete(app, &mut connection, (&batch, &folder), &mut |_| {}) {
        Ok(()) => Ok(()),
        // Another process, over the same folder.
        Err(PrintError::Busy) => Err(Problem::unavailable().retry_after(COME_AGAIN)),
        Err(PrintError::Problem(problem)) => Err(problem),
        Err(error) => Err(Problem::internal(&error)),
    }
}
