//! Holds what the operator wants of the public door, across restarts and until its time is up.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use super::wish::{DoorFlag, Wish, at_start, load, now_of};
use crate::config::replace_file;
use crate::report::ShutBy;
use crate::wall_clock;

const BY_TIME: Wish = Wish::Shut { by: ShutBy::Time };

/// The time of day. A test has its own.
pub(super) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Holds the wish. A clone holds the same.
#[derive(Clone)]
pub(in crate::app) struct Latch {
    file: Arc<Mutex<PathBuf>>,
    flag: DoorFlag,
    wish: watch::Sender<Wish>,
    clock: Clock,
}

impl Latch {
    /// The wish as `file` has it, and as the flags change it.
    pub(in crate::app) fn new(file: PathBuf, flag: DoorFlag) -> Self {
        Self::with_clock(file, flag, Arc::new(Timestamp::now))
    }

    pub(super) fn with_clock(file: PathBuf, flag: DoorFlag, clock: Clock) -> Self {
        let left = load(&file).unwrap_or_else(|error| {
            tracing::warn!(file = %file.display(), %error, "cannot be read, so the public door stays shut");
            Wish::Shut { by: ShutBy::Unreadable }
        });
        let standing = now_of(left, clock());
        let first = at_start(flag, standing);
        // So that a start without the flag finds it as this run leaves it; and so that a time that is up stays up, also for
        // a start with a clock that is behind.
        let kept = if flag == DoorFlag::Open { first } else { standing };
        if kept != left
            && let Err(error) = save(&file, kept)
        {
            tracing::warn!(%error, "how the public door stands is not known to the next start");
        }
        Self { file: Arc::new(Mutex::new(file)), flag, wish: watch::Sender::new(first), clock }
    }

    /// What is wanted now.
    pub(super) fn wish(&self) -> Wish {
        *self.wish.borrow()
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Whether `--no-funnel` holds the door.
    pub(super) fn is_held(&self) -> bool {
        self.flag == DoorFlag::Shut
    }

    /// Sets the operator's wish. Shut is shut, even if that cannot be kept for the next start; but the door opens only
    /// once it is on disk, or a restart would forget when to shut it.
    pub(super) fn set(&self, wish: Wish) -> io::Result<()> {
        // Held to the end, so that of two orders at once the same one is in force and on disk.
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(wish, Wish::Shut { .. }) && !self.is_held() {
            self.wish.send_replace(wish);
        }
        save(&file, wish)?;
        if matches!(wish, Wish::Open { .. }) && !self.is_held() {
            self.wish.send_replace(wish);
        }
        Ok(())
    }

    /// Waits until another wish than `seen` is in force, be it by the time alone.
    pub(super) async fn is_no_longer(&self, seen: Wish) {
        let mut wish = self.wish.subscribe();
        // The sender is in `self`, so this ends with a change only.
        let changed = wish.wait_for(|wish| *wish != seen);
        let Wish::Open { until: Some(until) } = seen else { return drop(changed.await) };
        let is_up = tokio::select! {
            _ = changed => false,
            () = wall_clock::reach(until, || self.now()) => true,
        };
        // The operator may have given it more time in this very moment.
        let shut = is_up
            && self.wish.send_if_modified(|wish| {
                let over = *wish == seen;
                if over {
                    *wish = BY_TIME;
                }
                over
            });
        if shut {
            let latch = self.clone();
            // The file is synced to the disk, which may take a while.
            drop(tokio::task::spawn_blocking(move || latch.keep_shut()).await);
        }
    }

    /// Writes down that the time was up: at the next start the clock may be behind.
    fn keep_shut(&self) {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // An order that came in between has written down another wish.
        if self.wish() == BY_TIME
            && let Err(error) = save(&file, BY_TIME)
        {
            tracing::warn!(%error, "the public door is shut, but that could not be written down");
        }
    }
}

fn save(file: &Path, wish: Wish) -> io::Result<()> {
    replace_file(file, format!("{}\n", serde_json::to_string(&wish)?).as_bytes())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::time::Instant;

    use super::super::wish::tests::{OFF, OPEN, at, until};
    use super::*;

    fn started(file: &Path, flag: DoorFlag) -> Wish {
        let clock: Clock = Arc::new(|| at("2026-01-01T12:00:00Z"));
        Latch::with_clock(file.to_owned(), flag, clock).wish()
    }

    #[test]
    fn what_the_operator_said_is_there_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("door.json");
        assert_eq!(started(&file, DoorFlag::AsLeft), OPEN, "the first time");
        let latch = Latch::new(file.clone(), DoorFlag::AsLeft);
        latch.set(OFF).unwrap();
        assert_eq!(started(&file, DoorFlag::AsLeft), OFF);
        latch.set(until("2026-01-01T13:00:00Z")).unwrap();
        assert_eq!(started(&file, DoorFlag::AsLeft), until("2026-01-01T13:00:00Z"));
        latch.set(OFF).unwrap();
        assert_eq!(started(&file, DoorFlag::Shut), Wish::Shut { by: ShutBy::Flag });
        assert_eq!(started(&file, DoorFlag::AsLeft), OFF, "--no-funnel is for one run");
        assert_eq!(started(&file, DoorFlag::Open), OPEN);
        assert_eq!(started(&file, DoorFlag::AsLeft), OPEN, "--funnel is remembered");
    }

    #[test]
    fn a_file_that_cannot_be_read_keeps_the_door_shut() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("door.json");
        for text in [
            "",
            "{",
            "[]",
            "{\"door\":\"ajar\"}",
            "{\"door\":\"open\",\"until\":\"noon\"}",
            "{\"door\":\"open\",\"unti\":1}",
        ] {
            fs::write(&file, text).unwrap();
            assert_eq!(started(&file, DoorFlag::AsLeft), Wish::Shut { by: ShutBy::Unreadable }, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_kept_is_shut_and_not_opened() {
        let latch = Latch::new(PathBuf::from("/nowhere/door.json"), DoorFlag::AsLeft);
        latch.set(OFF).unwrap_err();
        assert_eq!(latch.wish(), OFF);
        latch.set(OPEN).unwrap_err();
        assert_eq!(latch.wish(), OFF);
    }

    /// A latch whose wall clock follows tokio's, plus what the test adds to it.
    fn timed(shift: watch::Receiver<i64>) -> (tempfile::TempDir, Latch) {
        let dir = tempfile::tempdir().unwrap();
        let (noon, began) = (at("2026-01-01T12:00:00Z"), Instant::now());
        let clock = move || noon + began.elapsed() + jiff::SignedDuration::from_secs(*shift.borrow());
        let latch = Latch::with_clock(dir.path().join("door.json"), DoorFlag::AsLeft, Arc::new(clock));
        (dir, latch)
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_is_up_when_it_is_up() {
        let (_dir, latch) = timed(watch::channel(0).1);
        let began = Instant::now();
        latch.set(until("2026-01-01T14:00:00Z")).unwrap();
        latch.is_no_longer(until("2026-01-01T14:00:00Z")).await;
        assert_eq!(latch.wish(), Wish::Shut { by: ShutBy::Time });
        assert_eq!(began.elapsed().as_secs(), 2 * 60 * 60);
        let file = latch.file.lock().unwrap().clone();
        assert_eq!(started(&file, DoorFlag::AsLeft), latch.wish(), "for a clock that is two hours behind as well");
    }

    #[test]
    fn a_time_that_was_up_once_is_up_for_every_later_start() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("door.json");
        for flag in [DoorFlag::AsLeft, DoorFlag::Shut] {
            save(&file, until("2026-01-01T11:00:00Z")).unwrap();
            started(&file, flag);
            let behind: Clock = Arc::new(|| at("2025-12-31T12:00:00Z"));
            let later = Latch::with_clock(file.clone(), DoorFlag::AsLeft, behind);
            assert_eq!(later.wish(), Wish::Shut { by: ShutBy::Time }, "after {flag:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn neither_a_machine_that_sleeps_nor_a_clock_set_back_stretches_the_time() {
        for (shift, after) in [(3 * 60 * 60, 15), (-3 * 60 * 60, 2 * 60 * 60)] {
            let (set, shifted) = watch::channel(0);
            let (_dir, latch) = timed(shifted);
            let began = Instant::now();
            latch.set(until("2026-01-01T14:00:00Z")).unwrap();
            tokio::join!(latch.is_no_longer(until("2026-01-01T14:00:00Z")), async { set.send_replace(shift) });
            assert_eq!(latch.wish(), Wish::Shut { by: ShutBy::Time });
            assert_eq!(began.elapsed().as_secs(), after, "{shift}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn more_time_can_be_given() {
        let (_dir, latch) = timed(watch::channel(0).1);
        latch.set(until("2026-01-01T13:00:00Z")).unwrap();
        latch.set(until("2026-01-01T14:00:00Z")).unwrap();
        latch.is_no_longer(until("2026-01-01T13:00:00Z")).await;
        assert_eq!(latch.wish(), until("2026-01-01T14:00:00Z"));
    }
}
