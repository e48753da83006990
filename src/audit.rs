//! The record of who did what: one line per decision and one per outcome, each carrying the hash of the line before.
//!
//! `docs/AUDIT.md` has the format. A thread of its own writes; callers wait for it only when their record must be on disk
//! before they go on, which is before every write to a graph.

mod chain;
mod query;
mod record;
mod verify;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};

use crate::access::{Barrier, Origin, Peer};

pub use query::{Filter, search};
pub use record::{Event, Record, Subject};
pub use verify::{Broken, Verified, verify};

use writer::{Entry, Writer};

/// Records that wait for the disk; callers wait when there are more.
const QUEUE: usize = 4096;

/// The name of the directory in the state directory.
pub const DIRECTORY: &str = "audit";

/// What happens to calls that write while the log cannot be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum OnAuditFailure {
    /// They are refused: nothing changes that is not on record.
    #[default]
    BlockWrites,
    /// They go on; the program's own log tells of the failure.
    Log,
}

/// How calls are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditSettings {
    /// Whether arguments are kept in full.
    pub arguments: bool,
    /// What happens while the log cannot be written.
    pub on_failure: OnAuditFailure,
}

/// Takes records. Clones write to the same log.
#[derive(Clone, Debug)]
pub struct Audit {
    settings: AuditSettings,
    entries: mpsc::Sender<Entry>,
    failing: Arc<AtomicBool>,
    refusals: Arc<Mutex<Refusals>>,
}

/// Why the log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A file could not be read or written.
    #[error("audit log {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The record could not be made durable.
    #[error("the audit log cannot be written at the moment, so nothing is changed; the server's log says why")]
    NotWritten,
}

impl AuditError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

impl Audit {
    /// Opens the log in `dir` and continues its chain. A line that a crash cut short is dropped, and that is recorded.
    ///
    /// # Errors
    /// When the log cannot be read or written.
    pub fn open(dir: &Path, settings: AuditSettings) -> Result<Self, AuditError> {
        Self::over(Writer::open(dir)?, settings).map_err(AuditError::io(dir))
    }

    fn over(writer: Writer, settings: AuditSettings) -> io::Result<Self> {
        let (entries, queue) = mpsc::channel(QUEUE);
        let failing = writer.failing();
        std::thread::Builder::new().name("audit".into()).spawn(move || writer.run(queue))?;
        Ok(Self { settings, entries, failing, refusals: Arc::default() })
    }

    /// Whether the last records could not be written. The next one that can be tells how many are lost.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Records that a call may go on, and puts that on disk first if the call writes.
    ///
    /// # Errors
    /// When it writes, the record cannot be put on disk now, and that is not to be lived with.
    pub async fn allowed(
        &self,
        subject: &Subject,
        rule: Origin,
        writes: bool,
        arguments: &Map<String, Value>,
    ) -> Result<(), AuditError> {
        let entry = self.decision(subject, true, rule.to_string(), arguments);
        if !writes {
            self.record(entry).await;
            return Ok(());
        }
        let (sender, written) = oneshot::channel();
        self.send(Entry { record: Some(entry), written: Some(sender) }).await;
        let written = written.await.unwrap_or(false);
        if written || self.settings.on_failure == OnAuditFailure::Log { Ok(()) } else { Err(AuditError::NotWritten) }
    }

    /// Records that a call was denied, and by what.
    pub async fn denied(&self, subject: &Subject, barrier: &Barrier, arguments: &Map<String, Value>) {
        self.record(self.decision(subject, false, barrier.to_string(), arguments)).await;
    }

    /// Records what the operator ordered, before it is done.
    pub async fn ordered(&self, order: String) {
        self.record(Record::new(Event::Ordered { order })).await;
    }

    /// Records how an allowed call ended.
    pub async fn ended(&self, subject: Subject, failed: bool, took: Duration) {
        let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.record(Record::new(Event::Outcome { subject, failed, duration_us })).await;
    }

    /// Records that a request was turned down at the door. Of a flood, only some and how many more there were.
    pub async fn refused(&self, peer: Peer, status: u16) {
        let left_out = self.refusals.lock().unwrap_or_else(PoisonError::into_inner).admit(Instant::now());
        if let Some(left_out) = left_out {
            let source = peer.source().map(|source| source.to_string());
            self.record(Record::new(Event::Refused { plane: peer.plane().to_string(), source, status, left_out }))
                .await;
        }
    }

    fn decision(&self, subject: &Subject, allowed: bool, rule: String, arguments: &Map<String, Value>) -> Record {
        Record::new(Event::Decision {
            subject: subject.clone(),
            allowed,
            rule,
            arguments: record::digest(arguments),
            arguments_text: self.settings.arguments.then(|| Value::Object(arguments.clone())),
        })
    }

    async fn record(&self, record: Record) {
        self.send(Entry { record: Some(record), written: None }).await;
    }

    /// Waits until all that was recorded so far is on disk, which at the end of the program nobody else does.
    pub async fn flush(&self) {
        let (sender, written) = oneshot::channel();
        self.send(Entry { record: None, written: Some(sender) }).await;
        // The writer tells of its failures itself.
        let _ = written.await;
    }

    /// Waits only while the queue is full. The writer ends with the last handle, and this is one.
    async fn send(&self, entry: Entry) {
        drop(self.entries.send(entry).await);
    }
}

/// Keeps a flood of refusals from filling the disk.
#[derive(Debug, Default)]
struct Refusals {
    minute: Option<Instant>,
    recorded: u32,
    left_out: u64,
}

/// Refusals recorded in a minute; a person who looks for an attack needs no more.
const REFUSALS_A_MINUTE: u32 = 60;

impl Refusals {
    /// Whether one more is recorded, and how many were not since the last one that was.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.minute.is_none_or(|began| now.duration_since(began) >= Duration::from_secs(60)) {
            (self.minute, self.recorded) = (Some(now), 0);
        }
        if self.recorded == REFUSALS_A_MINUTE {
            self.left_out += 1;
            return None;
        }
        self.recorded += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Caller, Level};

    fn subject() -> Subject {
        Subject::new(Peer::Admin, &Caller::Admin, "create_block", Some("garden"), Level::ReadAppend)
    }

    #[tokio::test]
    async fn what_was_allowed_is_on_disk_before_it_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let audit = Audit::open(dir.path(), AuditSettings::default()).unwrap();
        audit.allowed(&subject(), Origin::Operator, true, &Map::new()).await.unwrap();
        assert_eq!(verify(dir.path()).unwrap().unwrap().records, 1);
    }

    #[tokio::test]
    async fn while_the_disk_fails_writes_are_refused_and_reads_go_on() {
        let dir = tempfile::tempdir().unwrap();
        let strict = Audit::over(Writer::that_fails(dir.path()), AuditSettings::default()).unwrap();
        assert!(matches!(
            strict.allowed(&subject(), Origin::Operator, true, &Map::new()).await,
            Err(AuditError::NotWritten)
        ));
        assert!(strict.is_failing());
        strict.allowed(&subject(), Origin::Operator, false, &Map::new()).await.unwrap();
        let settings = AuditSettings { on_failure: OnAuditFailure::Log, ..AuditSettings::default() };
        let lenient = Audit::over(Writer::that_fails(dir.path()), settings).unwrap();
        lenient.allowed(&subject(), Origin::Operator, true, &Map::new()).await.unwrap();
    }

    #[test]
    fn of_a_flood_some_are_recorded_and_the_rest_counted() {
        let (mut refusals, start) = (Refusals::default(), Instant::now());
        let recorded = (0..1000).filter(|_| refusals.admit(start).is_some()).count();
        assert_eq!(recorded, 60);
        assert_eq!(refusals.admit(start + Duration::from_secs(61)), Some(940));
        assert_eq!(refusals.admit(start + Duration::from_secs(62)), Some(0));
    }
}
