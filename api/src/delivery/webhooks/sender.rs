//! Sends the messages of the queue: one thread, many at a time, each bounded in time and in what it reads.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Weak};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use tokio::task::{Id, JoinSet};
use uuid::Uuid;

use super::address::{Guard, LookUp};
use super::queue::{self, Taken, Tried};
use super::signature::Secret;
use crate::app::App;
use crate::delivery::DeliveryError;
use crate::telemetry::METRICS;

/// Messages on their way at a time.
const SENDING_MAX: usize = 128;
/// Messages of one endpoint taken at a time; it is busy while so many are on their way.
const OF_ENDPOINT_MAX: usize = 8;
/// How long one try takes at most, from the name to the answer's head.
const TRY_MAX: Duration = Duration::from_secs(20);
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// What of an answer's body is read so that its connection can be used again, and for how long at most.
const ANSWER_MAX: (usize, Duration) = (16 << 10, Duration::from_secs(1));
/// How often the queue is looked at when nobody rings.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After a first answer others are waited for a moment, to be written down together.
const GATHER: Duration = Duration::from_millis(5);

/// The client all messages go through: no proxy, no redirects, names looked up by the guard.
pub(super) fn client(guard: Guard) -> Result<Client, DeliveryError> {
    let broken = |error: &dyn std::fmt::Display| DeliveryError::Letter(format!("no HTTPS client: {error}"));
    let roots = rustls::RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| broken(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(guard)
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .user_agent("Unioncard-Webhooks/1")
        .timeout(TRY_MAX)
        .connect_timeout(CONNECT_MAX)
        .pool_max_idle_per_host(OF_ENDPOINT_MAX)
        .pool_idle_timeout(Duration::from_secs(30))
        .build()
        .map_err(|error| broken(&error))
}

/// Sends until the program ends.
pub(in crate::delivery) fn run(app: &Weak<App>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(16).build();
    match runtime {
        Ok(runtime) => runtime.block_on(send_all(app)),
        Err(error) => tracing::error!(%error, "no webhooks are sent"),
    }
}

async fn send_all(app: &Weak<App>) {
    let mut sending = Sending::default();
    while let Some(app) = App::going(app) {
        if let Err(error) = sending.start(&app).await {
            tracing::warn!(%error, "webhooks wait");
        }
        let tried = sending.wait(&app).await;
        if let Err(error) = write_down(&app, tried).await {
            // They are sent again when their lease ends.
            tracing::warn!(%error, "sent webhooks are not written down");
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error(transparent)]
    Pool(#[from] diesel::r2d2::PoolError),
    #[error(transparent)]
    Database(#[from] diesel::result::Error),
    #[error(transparent)]
    Thread(#[from] tokio::task::JoinError),
}

async fn write_down(app: &Arc<App>, tried: Vec<Tried>) -> Result<(), SendError> {
    if tried.is_empty() {
        return Ok(());
    }
    let writing = Arc::clone(app);
    tokio::task::spawn_blocking(move || {
        queue::settle(&mut *writing.pool.get()?, &tried, writing.now())?;
        writing.delivery.ring_letters();
        Ok(())
    })
    .await?
}

/// The messages on their way.
#[derive(Default)]
struct Sending {
    tasks: JoinSet<Tried>,
    endpoints: HashMap<Id, Uuid>,
}

impl Sending {
    /// Takes what is due and there is room for.
    async fn start(&mut self, app: &Arc<App>) -> Result<(), SendError> {
        let room = SENDING_MAX.saturating_sub(self.tasks.len());
        if room == 0 {
            return Ok(());
        }
        let (taking, busy) = (Arc::clone(app), self.busy());
        let each = i64::try_from(OF_ENDPOINT_MAX).unwrap_or(i64::MAX);
        let all = i64::try_from(room).unwrap_or(i64::MAX);
        let taken = tokio::task::spawn_blocking(move || {
            let now = taking.now();
            Ok::<_, SendError>(queue::take(&mut *taking.pool.get()?, (each, all), &busy, now)?)
        })
        .await??;
        for message in taken {
            let endpoint = message.webhook_id;
            let request = Request::of(app, message);
            let client = app.delivery.webhooks.client.clone();
            let task = self.tasks.spawn(request.send(client, app.delivery.webhooks.guard));
            self.endpoints.insert(task.id(), endpoint);
        }
        Ok(())
    }

    /// The endpoints that get nothing more for now.
    fn busy(&self) -> Vec<Uuid> {
        let mut counts: HashMap<Uuid, usize> = HashMap::new();
        for endpoint in self.endpoints.values() {
            *counts.entry(*endpoint).or_default() += 1;
        }
        counts
            .into_iter()
            .filter(|(_, count)| *count >= OF_ENDPOINT_MAX)
            .map(|(endpoint, _)| endpoint)
            .collect()
    }

    /// Waits for an end, a ring or a moment; what ended.
    async fn wait(&mut self, app: &Arc<App>) -> Vec<Tried> {
        let mut tried = Vec::new();
        tokio::select! {
            Some(ended) = self.tasks.join_next_with_id() => {
                self.ended(ended, &mut tried);
                tokio::time::sleep(GATHER).await;
                while let Some(ended) = self.tasks.try_join_next_with_id() {
                    self.ended(ended, &mut tried);
                }
            }
            () = app.delivery.webhooks.bell.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        tried
    }

    fn ended(&mut self, ended: Result<(Id, Tried), tokio::task::JoinError>, tried: &mut Vec<Tried>) {
        match ended {
            Ok((id, one)) => {
                self.endpoints.remove(&id);
                tried.push(one);
            }
            Err(error) => {
                self.endpoints.remove(&error.id());
                tracing::error!(%error, "a webhook's task ended early");
            }
        }
    }
}

/// A signed message on its way.
struct Request {
    message: Taken,
    timestamp: i64,
    signature: String,
}

impl Request {
    fn of(app: &App, message: Taken) -> Self {
        let now = app.now();
        let (id, timestamp) = (message.id.to_string(), now.timestamp());
        let versions = std::iter::once(message.secret_version)
            .chain(message.overlap_until.filter(|until| now < *until).map(|_| message.secret_version - 1));
        let signatures: Vec<String> = versions
            .map(|version| {
                let secret = Secret::of(&app.master, message.webhook_id, version);
                secret.sign(&id, timestamp, &message.body)
            })
            .collect();
        Self { timestamp, signature: signatures.join(" "), message }
    }

    async fn send(self, client: Client, guard: Guard) -> Tried {
        let (id, webhook_id, attempts) = (self.message.id, self.message.webhook_id, self.message.attempts);
        let answer = self.post(&client, guard).await;
        let (status, failure, retry_after) = match answer {
            Ok((status, headers)) => (Some(status.as_u16()), failure(status), retry_after(&headers)),
            Err(failure) => (None, Some(failure), None),
        };
        METRICS.webhooks.with_label_values(&[failure.unwrap_or("delivered")]).inc();
        Tried { id, webhook_id, attempts, status, failure, retry_after }
    }

    async fn post(self, client: &Client, guard: Guard) -> Result<(StatusCode, HeaderMap), &'static str> {
        // The settings may have become stricter, and the client dials a written-out address without asking the guard.
        let url = guard.url(&self.message.url).map_err(|_| "address")?;
        let request = client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", self.message.id.to_string())
            .header("webhook-timestamp", self.timestamp)
            .header("webhook-signature", &self.signature)
            .body(self.message.body);
        let mut answer = request.send().await.map_err(|error| unsent(&error))?;
        let head = (answer.status(), answer.headers().clone());
        // The answer's status is all that counts; a body that drips or never ends is left alone.
        let reading = async {
            let mut bytes = 0;
            while let Ok(Some(chunk)) = answer.chunk().await {
                bytes += chunk.len();
                if bytes > ANSWER_MAX.0 {
                    break;
                }
            }
        };
        let _left_alone = tokio::time::timeout(ANSWER_MAX.1, reading).await;
        Ok(head)
    }
}

/// What is wrong with a status, if anything is.
fn failure(status: StatusCode) -> Option<&'static str> {
    match status.as_u16() {
        200..=299 => None,
        300..=399 => Some("redirect"),
        410 => Some("gone"),
        _ => Some("status"),
    }
}

/// Why a request got no answer: a word of ours.
fn unsent(error: &reqwest::Error) -> &'static str {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(looked_up) = inner.downcast_ref::<LookUp>() {
            return match looked_up {
                LookUp::Refused(_) => "address",
                LookUp::Unknown => "name",
            };
        }
        if inner.downcast_ref::<rustls::Error>().is_some() {
            return "tls";
        }
        // An I/O error hides what TLS said.
        cause = match inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(hidden) => Some(hidden),
            None => inner.source(),
        };
    }
    match () {
        () if error.is_timeout() => "timeout",
        () if error.is_connect() => "connect",
        () => "interrupted",
    }
}

/// `Retry-After` in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<TimeDelta> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse::<u32>() {
        Ok(seconds) => Some(TimeDelta::seconds(seconds.into())),
        Err(_) => {
            let at = DateTime::parse_from_rfc2822(text).ok()?.with_timezone(&Utc);
            let date = DateTime::parse_from_rfc2822(headers.get("date")?.to_str().ok()?).ok()?;
            Some((at - date.with_timezone(&Utc)).max(TimeDelta::zero()))
        }
    }
}
