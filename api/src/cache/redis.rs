//! The cache's side in Redis: a few blocking connections with short timeouts.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::{Client, Commands, Connection, RedisError, RedisResult};

use super::TIMEOUT;

/// So many idle connections are kept.
const IDLE_MAX: usize = 8;
/// After a failure nobody asks Redis for so long.
const REST: Duration = Duration::from_secs(1);
const LIVE: &str = "unioncard:live";

/// Connections to one Redis.
pub struct Redis {
    client: Client,
    idle: Mutex<Vec<Connection>>,
    resting_until: Mutex<Option<Instant>>,
}

impl Redis {
    pub fn open(url: &str) -> RedisResult<Self> {
        let client = Client::open(url)?;
        Ok(Self { client, idle: Mutex::default(), resting_until: Mutex::default() })
    }

    pub fn add(&self, key: &str, times: u64, life: Duration) -> Option<u64> {
        let key = format!("unioncard:limit:{key}");
        self.with(|connection| {
            if times == 0 {
                return connection.get::<_, Option<u64>>(&key).map(Option::unwrap_or_default);
            }
            let (counted,): (u64,) = redis::pipe()
                .atomic()
                .incr(&key, times)
                .expire(&key, i64::try_from(life.as_secs()).unwrap_or(i64::MAX).max(1))
                .ignore()
                .query(connection)?;
            Ok(counted)
        })
    }

    pub fn set(&self, key: &str, value: &[u8], life: Duration) -> Option<()> {
        self.with(|connection| {
            connection.set_ex(format!("unioncard:value:{key}"), value, life.as_secs().max(1))
        })
    }

    pub fn get(&self, key: &str) -> Option<Option<Vec<u8>>> {
        self.with(|connection| connection.get(format!("unioncard:value:{key}")))
    }

    pub fn publish(&self, message: &str) {
        let _: Option<u64> = self.with(|connection| connection.publish(LIVE, message));
    }

    /// Hands on what others publish as long as somebody wants it, connecting anew when Redis was away.
    pub fn listen(&self, wanted: impl Fn() -> bool, heard: impl Fn(&str)) {
        while wanted() {
            if let Err(error) = self.listen_once(&wanted, &heard) {
                tracing::debug!(%error, "live updates of other processes are cut off");
                std::thread::sleep(REST);
            }
        }
    }

    fn listen_once(&self, wanted: &impl Fn() -> bool, heard: &impl Fn(&str)) -> RedisResult<()> {
        let mut connection = self.client.get_connection_with_timeout(TIMEOUT)?;
        let mut channel = connection.as_pubsub();
        channel.subscribe(LIVE)?;
        channel.set_read_timeout(Some(REST))?;
        while wanted() {
            match channel.get_message() {
                Ok(message) => heard(&message.get_payload::<String>()?),
                Err(error) if error.is_timeout() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Runs a command; none when Redis is away, hangs or answers nonsense.
    fn with<T>(&self, command: impl FnOnce(&mut Connection) -> RedisResult<T>) -> Option<T> {
        if lock(&self.resting_until).is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let connection = lock(&self.idle).pop().map_or_else(|| self.connect(), Ok);
        let answered = connection.and_then(|mut connection| Ok((command(&mut connection)?, connection)));
        match answered {
            Ok((answer, connection)) => {
                let mut idle = lock(&self.idle);
                if idle.len() < IDLE_MAX {
                    idle.push(connection);
                }
                Some(answer)
            }
            Err(error) => {
                self.rest(&error);
                None
            }
        }
    }

    fn connect(&self) -> RedisResult<Connection> {
        let connection = self.client.get_connection_with_timeout(TIMEOUT)?;
        connection.set_read_timeout(Some(TIMEOUT))?;
        connection.set_write_timeout(Some(TIMEOUT))?;
        Ok(connection)
    }

    fn rest(&self, error: &RedisError) {
        tracing::warn!(%error, "Redis is away; limits count in this process");
        // The other idle connections are most likely dead too.
        lock(&self.idle).clear();
        *lock(&self.resting_until) = Some(Instant::now() + REST);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
