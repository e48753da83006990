//! Whether records reach the disk at the moment.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A write takes milliseconds. One that takes this long hangs on its disk.
const HANGS: Duration = Duration::from_secs(5);

/// What the writer tells of itself.
#[derive(Debug, Default)]
pub(super) struct Health {
    failing: AtomicBool,
    /// Since when it is at the disk.
    at_the_disk: Mutex<Option<Instant>>,
}

impl Health {
    /// Whether the last records could not be written, or the write under way hangs.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed) || self.hangs(Instant::now())
    }

    fn hangs(&self, now: Instant) -> bool {
        self.lock().is_some_and(|since| now.duration_since(since) >= HANGS)
    }

    pub(super) fn begins(&self) {
        *self.lock() = Some(Instant::now());
    }

    /// Says how a write ended, and learns how the one before did.
    pub(super) fn ended(&self, failed: bool) -> bool {
        *self.lock() = None;
        self.failing.swap(failed, Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.at_the_disk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_takes_seconds_is_a_failing_one() {
        let health = Health::default();
        health.begins();
        assert!(!health.is_failing());
        assert!(health.hangs(Instant::now() + HANGS));
        health.ended(false);
        assert!(!health.hangs(Instant::now() + HANGS));
        assert!(!health.ended(true) && health.is_failing());
    }
}
