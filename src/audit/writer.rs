//! The thread that writes: many records with one turn of the disk.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::chain::{self, CURRENT, HEAD, Hash};
use super::{AuditError, Event, Record};

/// A file that has grown to this is ended and a new one begun. Some 150,000 calls.
const ROTATE_AT: u64 = 64 << 20;
/// Records written together at most.
const BATCH: usize = 256;

/// A record on its way to the disk, and who waits for it to arrive; without a record, for all those before it.
pub(super) struct Entry {
    pub(super) record: Option<Record>,
    pub(super) written: Option<oneshot::Sender<bool>>,
}

/// Records that could not be written, which the next one that can tells of.
#[derive(Clone, Copy)]
struct Lost {
    since: Timestamp,
    records: u64,
}

pub(super) struct Writer {
    dir: PathBuf,
    file: File,
    head: File,
    /// Bytes of whole lines.
    length: u64,
    last: Hash,
    rotate_at: u64,
    failing: Arc<AtomicBool>,
    lost: Option<Lost>,
}

impl Writer {
    pub(super) fn open(dir: &Path) -> Result<Self, AuditError> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(AuditError::io(dir))?;
        let end = End::of(dir)?;
        let path = dir.join(CURRENT);
        let file = private(&path).map_err(AuditError::io(&path))?;
        file.set_len(end.length).map_err(AuditError::io(&path))?;
        let head = private(&dir.join(HEAD)).map_err(AuditError::io(dir))?;
        let mut writer = Self {
            dir: dir.to_owned(),
            file,
            head,
            length: end.length,
            last: end.last,
            rotate_at: ROTATE_AT,
            failing: Arc::default(),
            lost: None,
        };
        if end.dropped_bytes > 0 || end.records_missing {
            let event = Event::Recovered { dropped_bytes: end.dropped_bytes, records_missing: end.records_missing };
            tracing::warn!(?event, "the audit log was damaged, as by a crash, and is continued");
            writer.write(&[Record::new(event)], true).map_err(AuditError::io(&path))?;
        }
        Ok(writer)
    }

    /// Set while the last records could not be written.
    pub(super) fn failing(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.failing)
    }

    /// Writes until the last handle is gone.
    pub(super) fn run(mut self, mut entries: mpsc::Receiver<Entry>) {
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(first) = entries.blocking_recv() {
            batch.push(first);
            while batch.len() < BATCH
                && let Ok(next) = entries.try_recv()
            {
                batch.push(next);
            }
            self.take(&mut batch);
        }
    }

    fn take(&mut self, batch: &mut Vec<Entry>) {
        let (records, waiting): (Vec<_>, Vec<_>) = batch.drain(..).map(|entry| (entry.record, entry.written)).unzip();
        let records: Vec<_> = records.into_iter().flatten().collect();
        let result = self.write(&records, waiting.iter().any(Option::is_some));
        self.tell(&result, &records);
        for waiting in waiting.into_iter().flatten() {
            // The caller may have gone.
            let _ = waiting.send(result.is_ok());
        }
    }

    /// Writes all records, or none of them.
    fn write(&mut self, records: &[Record], durable: bool) -> io::Result<()> {
        if self.length >= self.rotate_at {
            self.rotate()?;
        }
        let (mut text, mut last) = (Vec::with_capacity(records.len() * 512), self.last);
        for record in self.gap().iter().chain(records) {
            last = chain::append(&mut text, last, record)?;
        }
        let written = self
            .file
            .write_all_at(&text, self.length)
            .and_then(|()| if durable { self.file.sync_data() } else { Ok(()) });
        if let Err(error) = written {
            // Half a line would break the chain. If even this fails, the next start drops it.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += text.len() as u64;
        self.last = last;
        // Behind the records: a crash in between leaves it at an earlier line, which is still in the chain.
        self.head.write_all_at(last.to_hex().as_bytes(), 0)
    }

    /// Ends the file under a name that sorts by time, and begins a new one.
    fn rotate(&mut self) -> io::Result<()> {
        self.file.sync_all()?;
        let current = self.dir.join(CURRENT);
        let name = format!("audit-{}.jsonl", Timestamp::now().strftime("%Y%m%dT%H%M%S%.9fZ"));
        match std::fs::rename(&current, self.dir.join(name)) {
            // An earlier turn got as far as this.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
        self.file = private(&current)?;
        self.length = 0;
        Ok(())
    }

    /// What the log lacks since the last record.
    fn gap(&self) -> Option<Record> {
        self.lost.map(|Lost { since, records }| Record::new(Event::Lost { since, records }))
    }

    /// A failure is told once, and its end as well.
    fn tell(&mut self, result: &io::Result<()>, records: &[Record]) {
        let was_failing = self.failing.swap(result.is_err(), Ordering::Relaxed);
        if result.is_ok() {
            self.lost = None;
        } else if let Some(first) = records.first() {
            let lost = self.lost.get_or_insert(Lost { since: first.time, records: 0 });
            lost.records += records.len() as u64;
        }
        match result {
            Err(error) if !was_failing => {
                tracing::error!(%error, dir = %self.dir.display(), "the audit log cannot be written")
            }
            Ok(()) if was_failing => tracing::info!("the audit log can be written again"),
            _ => {}
        }
    }
}

/// Where the log ends.
struct End {
    length: u64,
    last: Hash,
    dropped_bytes: u64,
    records_missing: bool,
}

impl End {
    /// Reads the last file through; the earlier ones are `audit verify`'s business.
    fn of(dir: &Path) -> Result<Self, AuditError> {
        let mut end = Self { length: 0, last: Hash::default(), dropped_bytes: 0, records_missing: false };
        let head = std::fs::read_to_string(dir.join(HEAD)).ok().and_then(|text| Hash::from_hex(&text));
        let mut head_seen = head.is_none();
        let files = chain::files(dir).map_err(AuditError::io(dir))?;
        // With a new file just begun, the line before is the last of the one before.
        for path in files.iter().rev().take(2).rev() {
            let is_current = path.ends_with(CURRENT);
            for (_, line) in chain::lines(path).map_err(AuditError::io(path))? {
                let line = line.map_err(AuditError::io(path))?;
                if !line.whole {
                    end.dropped_bytes = line.bytes.len() as u64;
                    continue;
                }
                end.last = Hash::of(&line.bytes);
                head_seen |= head == Some(end.last);
                if is_current {
                    end.length += line.bytes.len() as u64 + 1;
                }
            }
        }
        end.records_missing = !head_seen;
        Ok(end)
    }
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path)
}

#[cfg(test)]
impl Writer {
    /// A writer that rotates early and writes at once.
    pub(super) fn for_test(dir: &Path, rotate_at: u64) -> Self {
        Self { rotate_at, ..Self::open(dir).unwrap() }
    }

    /// A writer whose file takes nothing, as on a full disk.
    pub(super) fn that_fails(dir: &Path) -> Self {
        Self { file: File::open(dir).unwrap(), ..Self::open(dir).unwrap() }
    }

    pub(super) fn write_now(&mut self, record: Record) {
        self.write(&[record], false).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::super::verify;
    use super::*;

    fn entry() -> Entry {
        Entry { record: Some(Record::new(Event::Ordered { order: "funnel off".into() })), written: None }
    }

    #[test]
    fn what_a_full_disk_swallowed_is_counted_in_the_next_record() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(dir.path()).unwrap();
        writer.take(&mut vec![entry()]);
        let disk = std::mem::replace(&mut writer.file, File::open(dir.path()).unwrap());
        writer.take(&mut vec![entry(), entry()]);
        writer.take(&mut vec![entry()]);
        assert!(writer.failing.load(Ordering::Relaxed));
        writer.file = disk;
        writer.take(&mut vec![entry()]);
        let verified = verify(dir.path()).unwrap().unwrap();
        assert_eq!((verified.records, verified.lost), (3, 3));
        writer.take(&mut vec![entry()]);
        assert_eq!(verify(dir.path()).unwrap().unwrap().lost, 3, "they are told of once");
    }

    #[test]
    fn a_rotation_that_stopped_half_way_is_finished_later() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::for_test(dir.path(), 1);
        writer.take(&mut vec![entry()]);
        std::fs::rename(dir.path().join(CURRENT), dir.path().join("audit-20260101T000000.000000000Z.jsonl")).unwrap();
        writer.take(&mut vec![entry()]);
        assert_eq!(verify(dir.path()).unwrap().unwrap().records, 2);
    }
}
