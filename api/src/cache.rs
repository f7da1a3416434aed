//! What may be lost: counters of limits, small values, live updates. In Redis, shared between processes, when there is
//! one; else in this process. The two sides pass the same tests.
//!
//! | key or channel | type | lifetime | what |
//! |---|---|---|---|
//! | `unioncard:limit:<limit>:<subject>:<window>` | counter | the window | how often a subject did what the limit counts; subjects are keyed hashes |
//! | `unioncard:value:preview:<version>:<design>:<dpi>:<day>:<names>` | string | an hour | a preview of a card's design, PNG ([`crate::print::previews`]) |
//! | `unioncard:live` | channel | none | `<origin> <member> <json>`: a member's page has news |
//!
//! Redis may vanish, come back empty or hang: every call gives up after [`TIMEOUT`], the next second goes without
//! Redis, and counters go on in the process, so that no limit opens.

mod process;
mod redis;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use shared_kernel::ids::MemberId;
use tokio::sync::broadcast;
use uuid::Uuid;

use process::Process;
use redis::Redis;

/// No call to Redis takes longer.
pub const TIMEOUT: Duration = Duration::from_millis(250);
/// A larger value is not kept.
pub const VALUE_BYTES_MAX: usize = 256 << 10;
/// So many live messages wait for a slow reader; it then misses the oldest and reads everything anew.
const LIVE_WAITING_MAX: usize = 1_024;

/// So many times a window of time, windows following each other.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// What is limited.
    pub name: &'static str,
    /// How often it may be.
    pub times: u64,
    /// In what time; whole seconds.
    pub window: Duration,
}

impl Limit {
    fn seconds(self) -> i64 {
        i64::try_from(self.window.as_secs()).unwrap_or(i64::MAX).max(1)
    }

    /// The number of the window `now` is in.
    fn window_at(self, now: DateTime<Utc>) -> i64 {
        now.timestamp().div_euclid(self.seconds())
    }

    /// Seconds until the window ends.
    pub fn seconds_left(self, now: DateTime<Utc>) -> u64 {
        u64::try_from(self.seconds() - now.timestamp().rem_euclid(self.seconds())).unwrap_or(1)
    }

    fn key(self, subject: &str, now: DateTime<Utc>) -> String {
        format!("{}:{subject}:{}", self.name, self.window_at(now))
    }
}

/// Counters and small values.
#[derive(Clone)]
pub struct Cache {
    process: Arc<Process>,
    redis: Option<Arc<Redis>>,
}

/// Redis' address can't be read.
#[derive(Debug, thiserror::Error)]
#[error("REDIS_URL: {0}")]
pub struct CacheError(#[from] ::redis::RedisError);

impl Cache {
    /// In Redis when an address is given, else in this process. Redis need not be there yet.
    ///
    /// # Errors
    /// [`CacheError`]
    pub fn open(redis_url: Option<&str>) -> Result<Self, CacheError> {
        let redis = redis_url.map(Redis::open).transpose()?.map(Arc::new);
        Ok(Self { process: Arc::default(), redis })
    }

    /// Counts once more and says how often it was in this window.
    pub async fn count(&self, limit: Limit, subject: &str, now: DateTime<Utc>) -> u64 {
        let key = limit.key(subject, now);
        // The process counts along, so that a limit goes on where it was when Redis goes.
        let here = self.process.add(&key, 1, limit.window, now);
        let sent = key.clone();
        self.ask(move |redis| redis.add(&sent, 1, limit.window)).await.map_or(here, |there| there.max(here))
    }

    /// How often it was in this window.
    pub async fn counted(&self, limit: Limit, subject: &str, now: DateTime<Utc>) -> u64 {
        let key = limit.key(subject, now);
        let here = self.process.add(&key, 0, limit.window, now);
        let sent = key.clone();
        self.ask(move |redis| redis.add(&sent, 0, limit.window)).await.map_or(here, |there| there.max(here))
    }

    /// Keeps a value of [`VALUE_BYTES_MAX`] at most, without personal data, for a while or until it is lost.
    pub async fn set(&self, name: &str, value: &[u8], life: Duration, now: DateTime<Utc>) {
        if value.len() > VALUE_BYTES_MAX {
            return;
        }
        if self.redis.is_none() {
            self.process.set(name, value, life, now);
        }
        let (name, value) = (name.to_owned(), value.to_vec());
        self.ask(move |redis| redis.set(&name, &value, life)).await;
    }

    /// A value kept before, unless it has run out or was lost.
    pub async fn get(&self, name: &str, now: DateTime<Utc>) -> Option<Vec<u8>> {
        if self.redis.is_none() {
            return self.process.get(name, now);
        }
        let name = name.to_owned();
        self.ask(move |redis| redis.get(&name)).await.flatten()
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Redis) -> Option<T> + Send + 'static,
    ) -> Option<T> {
        let redis = Arc::clone(self.redis.as_ref()?);
        actix_web::web::block(move || question(&redis)).await.ok().flatten()
    }
}

/// News for a member's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveMessage {
    /// Whose page.
    pub member: MemberId,
    /// What to tell it: JSON.
    pub json: Arc<str>,
}

/// Live updates to every process' open pages.
pub struct Live {
    origin: Uuid,
    here: broadcast::Sender<LiveMessage>,
    redis: Option<Arc<Redis>>,
}

impl Live {
    /// Live updates through the same Redis, if there is one: a thread listens there as long as this lives.
    ///
    /// # Errors
    /// When the thread can't be started.
    pub fn open(cache: &Cache) -> std::io::Result<Arc<Self>> {
        let (here, _) = broadcast::channel(LIVE_WAITING_MAX);
        let live = Arc::new(Self { origin: Uuid::new_v4(), here, redis: cache.redis.clone() });
        if let Some(redis) = &live.redis {
            let (redis, listener) = (Arc::clone(redis), Arc::downgrade(&live));
            std::thread::Builder::new().name("live-updates".into()).spawn(move || {
                redis.listen(
                    || listener.strong_count() > 0,
                    |text| {
                        if let Some(live) = listener.upgrade() {
                            live.heard(text);
                        }
                    },
                );
            })?;
        }
        Ok(live)
    }

    /// Tells a member's open pages, here and in other processes. With Redis it may block up to [`TIMEOUT`].
    pub fn publish(&self, member: MemberId, json: &serde_json::Value) {
        let json = json.to_string();
        if let Some(redis) = &self.redis {
            redis.publish(&format!("{} {member} {json}", self.origin));
        }
        // Nobody listening is fine.
        let _ = self.here.send(LiveMessage { member, json: json.into() });
    }

    /// Everything told from now on; a reader that falls too far behind is told so.
    pub fn subscribe(&self) -> broadcast::Receiver<LiveMessage> {
        self.here.subscribe()
    }

    fn heard(&self, text: &str) {
        let mut parts = text.splitn(3, ' ');
        let (Some(origin), Some(member), Some(json)) = (parts.next(), parts.next(), parts.next()) else {
            return;
        };
        if let Ok(member) = member.parse()
            && origin.parse() != Ok(self.origin)
        {
            let _ = self.here.send(LiveMessage { member, json: json.into() });
        }
    }
}
