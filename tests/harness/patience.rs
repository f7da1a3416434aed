//! Waiting for what another thread or process brings about: as long as it takes, and no story fails by a slow machine.

use std::time::{Duration, Instant};

/// What takes longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits until there is something to be had.
///
/// # Panics
/// When there is nothing for [`PATIENCE`], saying `what` was waited for.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let patient_until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < patient_until, "never: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Waits until something is so.
///
/// # Panics
/// As [`eventually`].
#[track_caller]
pub fn until(what: &str, mut is: impl FnMut() -> bool) {
    eventually(what, || is().then_some(()));
}
