//! Waiting for a time of day.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

/// A machine that slept, or whose clock was set, is noticed within this time.
pub const LOOK: Duration = Duration::from_secs(15);

/// Waits until `now` says that it is `until`: by the clock on the wall, which goes on while the machine sleeps; or by the
/// other one, which nobody can set back.
pub async fn reach(until: Timestamp, now: impl Fn() -> Timestamp) {
    let left = || Duration::try_from(until.duration_since(now())).unwrap_or_default();
    let deadline = Instant::now() + left();
    loop {
        let wait = left().min(deadline.duration_since(Instant::now()));
        if wait.is_zero() {
            return;
        }
        sleep(wait.min(LOOK)).await;
    }
}
