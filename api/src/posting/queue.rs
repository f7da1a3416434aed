//! The queue, the threads and the answers. What is queued when a thread is free goes into one commit: at low load a
//! batch of one, under load hundreds, without a timer. Two threads take turns, so that one gathers and reads while the
//! other's commit is on its way to the disk; more would only make the batches smaller.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use shared_kernel::db::PgPooled;
use tokio::sync::oneshot;

use super::{Answer, Order, batch};
use crate::app::App;
use crate::problem::Problem;
use crate::telemetry::METRICS;

/// Orders of one commit.
pub const BATCH_MAX: usize = 1_024;
/// Threads that post, each over a connection of its own.
const THREADS: usize = 2;
/// Orders waiting; one more is answered 503.
const WAITING_MAX: usize = 16_384;
/// Requests waiting: a request carries one order or a batch of them.
const REQUESTS_MAX: usize = 8_192;

type Answers = Vec<Result<Answer, Problem>>;

struct Request {
    orders: Vec<Order>,
    reply: oneshot::Sender<Answers>,
}

/// The way into the ledger.
pub struct PostingQueue {
    sender: SyncSender<Request>,
    waiting: Arc<AtomicUsize>,
}

impl PostingQueue {
    /// Makes the queue; [`Inlet::start`] of what it returns starts the posting threads.
    pub fn new() -> (Self, Inlet) {
        let (sender, receiver) = sync_channel(REQUESTS_MAX);
        let waiting = Arc::new(AtomicUsize::new(0));
        let source = Mutex::new(Source { receiver, held: None });
        (Self { sender, waiting: Arc::clone(&waiting) }, Inlet { source, waiting })
    }

    /// Orders taken in and not yet answered.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Posts orders; the answers stand in their order. Each stands alone.
    ///
    /// # Errors
    /// 503 when the queue is full, or when the outcome isn't known: asking again with the same receipt tells it.
    pub async fn post(&self, orders: Vec<Order>) -> Result<Answers, Problem> {
        let count = orders.len();
        if self.waiting.fetch_add(count, Ordering::AcqRel) + count > WAITING_MAX {
            self.waiting.fetch_sub(count, Ordering::AcqRel);
            return Err(Problem::unavailable());
        }
        let (reply, answer) = oneshot::channel();
        if let Err(error) = self.sender.try_send(Request { orders, reply }) {
            self.waiting.fetch_sub(count, Ordering::AcqRel);
            if matches!(error, TrySendError::Disconnected(_)) {
                tracing::error!("the posting threads are gone");
            }
            return Err(Problem::unavailable());
        }
        answer.await.map_err(|_| Problem::unavailable())
    }
}

/// The queue's end at the posting threads.
pub struct Inlet {
    source: Mutex<Source>,
    waiting: Arc<AtomicUsize>,
}

/// What is waiting. A thread holds it while it gathers a batch, the other waits for its turn meanwhile.
struct Source {
    receiver: Receiver<Request>,
    /// A request that didn't fit the batch before.
    held: Option<Request>,
}

impl Source {
    /// The next batch and how many orders it has; waits for the first. `None` with the program's end.
    fn gather(&mut self) -> Option<(Vec<Request>, usize)> {
        let first = self.held.take().or_else(|| self.receiver.recv().ok())?;
        let mut count = first.orders.len();
        let mut requests = vec![first];
        while count < BATCH_MAX {
            let Ok(next) = self.receiver.try_recv() else { break };
            if count + next.orders.len() > BATCH_MAX {
                self.held = Some(next);
                break;
            }
            count += next.orders.len();
            requests.push(next);
        }
        Some((requests, count))
    }
}

impl Inlet {
    /// Starts the posting threads. They hold the program weakly: with the program's end its queue ends too.
    ///
    /// # Errors
    /// When no thread can be made.
    pub fn start(self, app: &Arc<App>) -> std::io::Result<()> {
        let inlet = Arc::new(self);
        for turn in 1..=THREADS {
            let (inlet, app) = (Arc::clone(&inlet), Arc::downgrade(app));
            std::thread::Builder::new().name(format!("posting-{turn}")).spawn(move || inlet.run(&app))?;
        }
        Ok(())
    }

    fn run(&self, app: &Weak<App>) {
        let mut connection: Option<PgPooled> = None;
        while let Some((requests, count)) = self.gather() {
            let Some(app) = app.upgrade() else { return };
            self.answer(&app, &mut connection, requests, count);
        }
    }

    /// Nothing in the source is half done when a thread panics: a poisoned lock is as good.
    fn gather(&self) -> Option<(Vec<Request>, usize)> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).gather()
    }

    fn answer(&self, app: &App, connection: &mut Option<PgPooled>, requests: Vec<Request>, count: usize) {
        let (replies, orders) = take_apart(requests);
        let size = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        METRICS.posting_batch.with_label_values(&["purchases"]).observe(size);
        let answers = post(app, connection, &orders);
        if answers.iter().any(|answer| answer.as_ref().is_ok_and(|answer| answer.created)) {
            app.delivery.nudge();
        }
        let mut answers = answers.into_iter();
        for (size, reply) in replies {
            let part: Answers = answers.by_ref().take(size).collect();
            // A client that has gone away misses its answer; the purchase stands.
            let _ = reply.send(part);
        }
        self.waiting.fetch_sub(count, Ordering::AcqRel);
    }
}

type Replies = Vec<(usize, oneshot::Sender<Answers>)>;

fn take_apart(requests: Vec<Request>) -> (Replies, Vec<Order>) {
    let mut replies = Vec::with_capacity(requests.len());
    let mut orders = Vec::new();
    for request in requests {
        replies.push((request.orders.len(), request.reply));
        orders.extend(request.orders);
    }
    (replies, orders)
}

/// Posts over a connection kept between batches; a broken one is replaced by the next batch.
fn post(app: &App, kept: &mut Option<PgPooled>, orders: &[Order]) -> Answers {
    let mut connection = match kept.take().map_or_else(|| app.connection(), Ok) {
        Ok(connection) => connection,
        Err(problem) => return orders.iter().map(|_| Err(problem.clone())).collect(),
    };
    let answers = batch::post(app, &mut connection, orders);
    let broken =
        answers.iter().any(|answer| matches!(answer, Err(problem) if problem.status().is_server_error()));
    if !broken {
        *kept = Some(connection);
    }
    answers
}
