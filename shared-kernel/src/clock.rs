//! The one place that reads the time. Domain functions take `now` as a value instead.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// A source of the present moment. Cloning shares the offset, so a test that moves one moves all.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_seconds: Arc<AtomicI64>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// The present moment, to the microsecond (what PostgreSQL stores, so that a value survives a round trip).
    pub fn now(&self) -> DateTime<Utc> {
        #[allow(clippy::disallowed_methods, reason = "this is the place the lint points to")]
        let now = Utc::now() + TimeDelta::seconds(self.offset_seconds.load(Ordering::Relaxed));
        chrono::DurationRound::duration_trunc(now, TimeDelta::microseconds(1))
            .expect("a microsecond divides every instant PostgreSQL can hold")
    }

    /// Moves this clock and its clones by `delta` (tests and demo only).
    pub fn advance(&self, delta: TimeDelta) {
        self.offset_seconds.fetch_add(delta.num_seconds(), Ordering::Relaxed);
    }
}
