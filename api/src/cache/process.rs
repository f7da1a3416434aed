//! The cache's side in this process: bounded maps.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// So many counters are kept; then what has run out goes, and if that is not enough, everything.
const COUNTERS_MAX: usize = 100_000;
/// The same of values, which are larger: 128 MiB at the very most, some MB as pictures are.
const VALUES_MAX: usize = 500;

struct Entry<T> {
    value: T,
    until: DateTime<Utc>,
}

type Entries<T> = HashMap<String, Entry<T>>;

/// Counters and values.
#[derive(Default)]
pub struct Process {
    counters: Mutex<Entries<u64>>,
    values: Mutex<Entries<Vec<u8>>>,
}

impl Process {
    pub fn add(&self, key: &str, times: u64, life: Duration, now: DateTime<Utc>) -> u64 {
        let mut counters = lock(&self.counters);
        if let Some(counter) = counters.get_mut(key).filter(|counter| counter.until > now) {
            counter.value = counter.value.saturating_add(times);
            return counter.value;
        }
        if times > 0 {
            put(&mut counters, COUNTERS_MAX, (key, times), (now, life));
        }
        times
    }

    pub fn set(&self, key: &str, value: &[u8], life: Duration, now: DateTime<Utc>) {
        put(&mut lock(&self.values), VALUES_MAX, (key, value.to_vec()), (now, life));
    }

    pub fn get(&self, key: &str, now: DateTime<Utc>) -> Option<Vec<u8>> {
        lock(&self.values).get(key).filter(|entry| entry.until > now).map(|entry| entry.value.clone())
    }
}

fn lock<T>(entries: &Mutex<Entries<T>>) -> MutexGuard<'_, Entries<T>> {
    entries.lock().unwrap_or_else(PoisonError::into_inner)
}

fn put<T>(
    entries: &mut Entries<T>,
    most: usize,
    (key, value): (&str, T),
    (now, life): (DateTime<Utc>, Duration),
) {
    if entries.len() >= most {
        entries.retain(|_, entry| entry.until > now);
        if entries.len() >= most {
            entries.clear();
        }
    }
    let until = now + TimeDelta::from_std(life).unwrap_or(TimeDelta::days(1));
    entries.insert(key.to_owned(), Entry { value, until });
}
