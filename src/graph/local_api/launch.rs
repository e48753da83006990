//! Starting Roam Desktop, by a link that the system opens with it.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// Opens a link, and returns without waiting for what it opens, or after a moment with why it cannot. May block.
pub type Opener = Arc<dyn Fn(&str) -> io::Result<()> + Send + Sync>;

/// How Roam Desktop is started when it does not run.
#[derive(Clone)]
pub struct Launch {
    /// Opens the link; `None` if Roam is not to be started.
    pub opener: Option<Opener>,
    /// How long a call waits for Roam to come up.
    pub budget: Duration,
    /// The first wait before Roam is tried again; each further one is twice as long, up to [`LONGEST`].
    pub first: Duration,
}

/// A window takes up to this long to come up; opening the link again would only open it twice.
const COOL_DOWN: Duration = Duration::from_secs(60);
/// How long an opener is watched. Roam takes longer to come up, so nobody waits for this alone.
const SOON: Duration = Duration::from_secs(1);
/// The longest wait between two tries.
const LONGEST: Duration = Duration::from_secs(15);

impl Launch {
    /// Starts Roam by the system's own opener and waits for it as long as a person at this machine would.
    pub fn by_system() -> Self {
        Self { opener: Some(Arc::new(open)), budget: Duration::from_millis(60_500), first: Duration::from_millis(500) }
    }

    /// Never starts it.
    pub fn never() -> Self {
        Self { opener: None, ..Self::by_system() }
    }

    /// Waits no longer than this, as for a caller who is far away and has a time-out of their own.
    #[must_use]
    pub fn within(self, budget: Duration) -> Self {
        Self { budget, ..self }
    }

    /// The waits before each further try, which add up to the budget.
    pub(super) fn waits(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        let (mut left, mut next) = (self.budget, self.first);
        std::iter::from_fn(move || {
            let wait = next.min(left);
            left -= wait;
            next = (next * 2).min(LONGEST);
            (!wait.is_zero()).then_some(wait)
        })
    }
}

impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch").field("on", &self.opener.is_some()).field("budget", &self.budget).finish()
    }
}

/// Opens a link once for all who wait for what it opens.
#[derive(Debug)]
pub(super) struct Launcher {
    pub(super) launch: Launch,
    opened: Mutex<HashMap<String, Instant>>,
}

impl Launcher {
    pub(super) fn new(launch: Launch) -> Self {
        Self { launch, opened: Mutex::default() }
    }

    /// Whether Roam is on its way up: started now, or a moment ago by another call.
    pub(super) fn start(&self, link: &str) -> bool {
        let Some(opener) = &self.launch.opener else { return false };
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.retain(|_, at| at.elapsed() < COOL_DOWN);
        if opened.contains_key(link) {
            return true;
        }
        match opener(link) {
            Ok(()) => {
                tracing::info!(link, "starting Roam Desktop");
                opened.insert(link.to_owned(), Instant::now());
                true
            }
            Err(error) => {
                tracing::warn!(%error, "cannot start Roam Desktop");
                false
            }
        }
    }
}

/// Hands the link to the system.
fn open(link: &str) -> io::Result<()> {
    open_by(if cfg!(target_os = "macos") { "open" } else { "xdg-open" }, link)
}

/// Hands the link to a program, as one argument: no shell reads it.
fn open_by(program: &str, link: &str) -> io::Result<()> {
    let mut command = Command::new(program);
    let mut child = command.arg(link).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    // One that cannot open the link says so soon. Others stay until the program they started ends, and the thread keeps no
    // zombie of them behind.
    let (send, end) = mpsc::channel();
    std::thread::spawn(move || send.send(child.wait()));
    match end.recv_timeout(SOON) {
        Ok(Ok(status)) if !status.success() => Err(io::Error::other(format!("`{program} {link}` failed: {status}"))),
        Ok(Err(error)) => Err(error),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn the_waits_double_and_add_up_to_the_budget() {
        let seconds = |launch: Launch| launch.waits().map(|wait| wait.as_secs_f64()).collect::<Vec<_>>();
        assert_eq!(seconds(Launch::by_system()), [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]);
        assert_eq!(seconds(Launch::by_system().within(Duration::from_secs(22))), [0.5, 1.0, 2.0, 4.0, 8.0, 6.5]);
        assert!(seconds(Launch::by_system().within(Duration::ZERO)).is_empty());
    }

    #[test]
    fn an_opener_that_fails_is_not_waited_for() {
        let before = Instant::now();
        assert!(open_by("true", "x").is_ok());
        let failed = open_by("false", "roam://open").unwrap_err();
        assert!(failed.to_string().contains("roam://open") && before.elapsed() < SOON, "{failed}");
        assert!(open_by("sleep", "5").is_ok(), "it may stay");
    }

    #[test]
    fn a_link_is_opened_once_for_all_who_wait() {
        let count = Arc::new(AtomicUsize::new(0));
        let opener: Opener = {
            let count = Arc::clone(&count);
            Arc::new(move |link| {
                count.fetch_add(1, Ordering::Relaxed);
                if link.is_empty() { Err(io::Error::other("no opener")) } else { Ok(()) }
            })
        };
        let launcher = Launcher::new(Launch { opener: Some(opener), ..Launch::by_system() });
        assert!(launcher.start("roam://#/app/a") && launcher.start("roam://#/app/a"));
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert!(launcher.start("roam://#/app/b"));
        assert_eq!(count.load(Ordering::Relaxed), 2);
        assert!(!launcher.start("") && !launcher.start(""), "a failure is no start");
        assert!(!Launcher::new(Launch::never()).start("roam://#/app/a"));
    }
}
