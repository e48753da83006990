//! The record of who did what: one line per decision and one per outcome, each carrying the hash of the line before.
//!
//! `docs/AUDIT.md` has the format. A thread of its own writes; callers wait for it only when their record must be on disk
//! before they go on, which is before every write to a graph.

mod aside;
mod chain;
mod head;
mod health;
mod query;
mod record;
mod verify;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::access::{Barrier, Caller, Origin, Peer, Rule};

pub use query::{Filter, search};
pub use record::{Event, Record, Subject, Who};
pub use verify::{Broken, Expected, Verified, verify};

use aside::Aside;
use health::Health;
use writer::{Entry, Writer};

/// Records that wait for the disk; callers wait when there are more.
const QUEUE: usize = 4096;

/// An order is answered by then, on record or not yet.
const RECORDED: Duration = Duration::from_secs(2);
/// How often it is written down what happened in passing.
const EVERY: Duration = Duration::from_secs(1);

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
    health: Arc<Health>,
    damaged: bool,
    aside: Arc<Mutex<Aside>>,
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
        let (health, damaged) = (writer.health(), writer.found_damage());
        std::thread::Builder::new().name("audit".into()).spawn(move || writer.run(queue))?;
        Ok(Self { settings, entries, health, damaged, aside: Arc::default() })
    }

    /// Whether records do not reach the disk: the last ones could not be written, the disk hangs, or nobody writes any more.
    /// The next one that can be written tells how many are lost.
    pub fn is_failing(&self) -> bool {
        self.health.is_failing() || self.entries.is_closed()
    }

    /// Whether the log was found to be other than it was written, at this start.
    pub fn was_damaged(&self) -> bool {
        self.damaged
    }

    /// Records that a call may go on, and puts that on disk first if the call writes.
    ///
    /// # Errors
    /// When it writes, the record cannot be put on disk now, and that is not to be lived with.
    pub async fn allowed(
        &self,
        subject: &Subject,
        rule: Origin,
        granted: Option<&Rule>,
        writes: bool,
        arguments: &Map<String, Value>,
    ) -> Result<(), AuditError> {
        let mut entry = self.decision(subject, true, rule.to_string(), arguments);
        if let Event::Decision { grants, .. } = &mut entry.event {
            *grants = granted.and_then(|rule| serde_json::to_value(rule).ok());
        }
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

    /// Records what the operator has ordered, and waits only so long for a disk that hangs; the record goes on its way.
    pub async fn ordered(&self, order: String) {
        let (audit, record) = (self.clone(), Record::new(Event::Ordered { order }));
        let recorded = tokio::spawn(async move { audit.record(record).await });
        if tokio::time::timeout(RECORDED, recorded).await.is_err() {
            tracing::error!("an order is not on record yet: the audit log's disk hangs");
        }
    }

    /// Records within a second what nobody waits for.
    pub fn note(&self, event: Event) {
        self.aside().note(event);
    }

    /// Records how an allowed call ended.
    pub async fn ended(&self, subject: Subject, failed: bool, took: Duration) {
        let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.record(Record::new(Event::Outcome { subject, failed, duration_us })).await;
    }

    /// Records, within a second, that a request was turned down at the door. Of a flood, only some and how many more there
    /// were.
    pub fn refused(&self, peer: Peer, status: u16) {
        self.aside().refused(peer, status);
    }

    /// Records, within a second, that somebody was turned down, if their name is known. No flood hides this. Whose name is not
    /// known takes as long here, so that nobody learns from that whether a secret is right.
    pub fn turned_away(&self, peer: Peer, known: Option<(Caller, Barrier)>) {
        self.aside().turned_away(peer, known);
    }

    /// Writes down what was recorded in passing, until `stop`.
    pub async fn keep(self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
            self.write_aside(false).await;
        }
    }

    async fn write_aside(&self, at_the_end: bool) {
        let records = self.aside().take(Instant::now(), at_the_end);
        for record in records {
            self.record(record).await;
        }
    }

    fn aside(&self) -> MutexGuard<'_, Aside> {
        self.aside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decision(&self, subject: &Subject, allowed: bool, rule: String, arguments: &Map<String, Value>) -> Record {
        Record::new(Event::Decision {
            subject: subject.clone(),
            allowed,
            rule,
            grants: None,
            arguments: Some(record::digest(arguments)),
            arguments_text: self.settings.arguments.then(|| record::text(arguments)),
        })
    }

    async fn record(&self, record: Record) {
        self.send(Entry { record: Some(record), written: None }).await;
    }

    /// Waits until all that was recorded so far is on disk, which at the end of the program nobody else does.
    pub async fn flush(&self) {
        self.write_aside(true).await;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Level;

    fn subject() -> Subject {
        Subject::new(Peer::Admin, &Caller::Admin, "create_block", Some("garden"), Level::ReadAppend)
    }

    #[tokio::test]
    async fn what_was_allowed_is_on_disk_before_it_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let audit = Audit::open(dir.path(), AuditSettings::default()).unwrap();
        audit.allowed(&subject(), Origin::Operator, None, true, &Map::new()).await.unwrap();
        assert_eq!(verify(dir.path(), &Expected::default()).unwrap().unwrap().records, 1);
    }

    #[tokio::test]
    async fn while_the_disk_fails_writes_are_refused_and_reads_go_on() {
        let dir = tempfile::tempdir().unwrap();
        let strict = Audit::over(Writer::that_fails(dir.path()), AuditSettings::default()).unwrap();
        assert!(matches!(
            strict.allowed(&subject(), Origin::Operator, None, true, &Map::new()).await,
            Err(AuditError::NotWritten)
        ));
        assert!(strict.is_failing());
        strict.allowed(&subject(), Origin::Operator, None, false, &Map::new()).await.unwrap();
        let settings = AuditSettings { on_failure: OnAuditFailure::Log, ..AuditSettings::default() };
        let lenient = Audit::over(Writer::that_fails(dir.path()), settings).unwrap();
        lenient.allowed(&subject(), Origin::Operator, None, true, &Map::new()).await.unwrap();
    }

    #[tokio::test]
    async fn what_happened_in_passing_is_on_disk_at_the_end_of_the_program() {
        let dir = tempfile::tempdir().unwrap();
        let audit = Audit::open(dir.path(), AuditSettings::default()).unwrap();
        let device = Peer::Tailnet { address: "100.64.0.9:1".parse().unwrap() };
        for _ in 0..70 {
            audit.refused(device, 404);
        }
        audit.turned_away(device, Some((Caller::Admin, Barrier::WrongSource)));
        audit.flush().await;
        let (mut events, denied) = (Vec::new(), Filter { denied: true, ..Filter::default() });
        let found = |record: Record| {
            events.push(record.event);
            Ok::<_, AuditError>(())
        };
        search(dir.path(), &denied, found).unwrap();
        assert_eq!(events.len(), 12);
        assert!(matches!(&events[10], Event::Decision { allowed: false, rule, .. } if rule.contains("source")));
        assert!(matches!(&events[11], Event::LeftOut { requests: 60, .. }));
    }

    #[tokio::test]
    async fn a_writer_that_is_gone_is_a_failing_one() {
        let (entries, queue) = mpsc::channel(1);
        drop(queue);
        let settings = AuditSettings::default();
        let audit = Audit { settings, entries, health: Arc::default(), damaged: false, aside: Arc::default() };
        assert!(audit.is_failing());
        audit.allowed(&subject(), Origin::Operator, None, true, &Map::new()).await.unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_waits_no_longer_for_a_disk_that_hangs_and_is_recorded_when_it_goes_on() {
        let (entries, mut queue) = mpsc::channel(1);
        let settings = AuditSettings::default();
        let audit = Audit { settings, entries, health: Arc::default(), damaged: false, aside: Arc::default() };
        audit.record(Record::new(Event::Ordered { order: "fills the queue".into() })).await;
        let began = tokio::time::Instant::now();
        audit.ordered("funnel off".into()).await;
        assert_eq!(began.elapsed().as_secs(), RECORDED.as_secs());
        queue.recv().await.unwrap();
        let event = queue.recv().await.and_then(|entry| entry.record).map(|record| record.event);
        assert_eq!(event, Some(Event::Ordered { order: "funnel off".into() }));
    }
}
