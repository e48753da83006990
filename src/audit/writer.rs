//! The thread that writes: many records with one turn of the disk.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::chain::{self, CURRENT, Hash};
use super::head::{Ending, HEAD, Head, Trace};
use super::health::Health;
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
    health: Arc<Health>,
    lost: Option<Lost>,
    damaged: bool,
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
            health: Arc::default(),
            lost: None,
            damaged: end.ending != Ending::AsWritten,
        };
        if end.dropped_bytes > 0 || writer.damaged {
            let event = end.event();
            match event.damage() {
                Some(damage) => tracing::error!("audit log: {damage}"),
                None => {
                    tracing::warn!(dropped_bytes = end.dropped_bytes, "a crash cut the audit log's last line short")
                }
            }
            writer.write(&[Record::new(event)], true).map_err(AuditError::io(&path))?;
        }
        writer.tell_head("the audit log is continued");
        Ok(writer)
    }

    /// How the writing goes.
    pub(super) fn health(&self) -> Arc<Health> {
        Arc::clone(&self.health)
    }

    /// Whether the log was found to be other than it was written.
    pub(super) fn found_damage(&self) -> bool {
        self.damaged
    }

    /// The hash of the last line in the program's own log, which is elsewhere: see docs/AUDIT.md.
    fn tell_head(&self, what: &str) {
        tracing::info!(head = self.last.to_hex(), "{what}");
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
        let is_flush = records.iter().any(Option::is_none);
        let records: Vec<_> = records.into_iter().flatten().collect();
        self.health.begins();
        let result = self.write(&records, waiting.iter().any(Option::is_some));
        self.tell(&result, &records);
        if is_flush {
            self.tell_head("the audit log is on disk");
        }
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
        // Before the records: a crash in between leaves a log that ends between the two lines.
        Head { done: self.last, next: last }.write(&self.head)?;
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
        // The records are there, and the head names them already.
        let _ = Head { done: last, next: last }.write(&self.head);
        Ok(())
    }

    /// Ends the file under the next number, and begins a new one.
    fn rotate(&mut self) -> io::Result<()> {
        self.file.sync_all()?;
        let current = self.dir.join(CURRENT);
        match std::fs::rename(&current, chain::next(&self.dir)?) {
            // An earlier turn got as far as this.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
        self.file = private(&current)?;
        self.length = 0;
        File::open(&self.dir)?.sync_all()?;
        self.tell_head("a file of the audit log is full");
        Ok(())
    }

    /// What the log lacks since the last record.
    fn gap(&self) -> Option<Record> {
        self.lost.map(|Lost { since, records }| Record::new(Event::Lost { since, records }))
    }

    /// A failure is told once, and its end as well.
    fn tell(&mut self, result: &io::Result<()>, records: &[Record]) {
        let was_failing = self.health.ended(result.is_err());
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
    ending: Ending,
}

impl End {
    /// Reads the last file through; the earlier ones are `audit verify`'s business.
    fn of(dir: &Path) -> Result<Self, AuditError> {
        let (mut length, mut last, mut dropped_bytes) = (0, Hash::default(), 0);
        let files = chain::files(dir).map_err(AuditError::io(dir))?;
        let mut trace = Trace::new(Head::read(dir), last);
        // With a new file just begun, the line before is the last of the one before.
        for path in files.iter().rev().take(2).rev() {
            let is_current = path.ends_with(CURRENT);
            for (_, line) in chain::lines(path).map_err(AuditError::io(path))? {
                let line = line.map_err(AuditError::io(path))?;
                if !line.whole {
                    dropped_bytes = line.bytes.len() as u64;
                    continue;
                }
                last = Hash::of(&line.bytes);
                trace.line(last);
                if is_current {
                    length += line.bytes.len() as u64 + 1;
                }
            }
        }
        Ok(Self { length, last, dropped_bytes, ending: trace.ending() })
    }

    fn event(&self) -> Event {
        Event::Recovered {
            dropped_bytes: self.dropped_bytes,
            records_missing: self.ending == Ending::Short,
            head_missing: self.ending == Ending::NoHead,
            records_added: if let Ending::Long(behind) = self.ending { behind } else { 0 },
        }
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
    use super::super::{Expected, verify};
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
        assert!(writer.health.is_failing());
        writer.file = disk;
        writer.take(&mut vec![entry()]);
        let verified = verify(dir.path(), &Expected::default()).unwrap().unwrap();
        assert_eq!((verified.records, verified.lost), (3, 3));
        writer.take(&mut vec![entry()]);
        assert_eq!(verify(dir.path(), &Expected::default()).unwrap().unwrap().lost, 3, "they are told of once");
    }

    #[test]
    fn a_rotation_that_stopped_half_way_is_finished_later() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::for_test(dir.path(), 1);
        writer.take(&mut vec![entry()]);
        std::fs::rename(dir.path().join(CURRENT), dir.path().join("audit-000001.jsonl")).unwrap();
        writer.take(&mut vec![entry()]);
        assert_eq!(verify(dir.path(), &Expected::default()).unwrap().unwrap().records, 2);
    }

    #[test]
    fn a_head_that_cannot_be_written_stops_the_records_that_it_would_name() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(dir.path()).unwrap();
        writer.take(&mut vec![entry()]);
        let head = std::mem::replace(&mut writer.head, File::open(dir.path()).unwrap());
        writer.take(&mut vec![entry()]);
        writer.head = head;
        writer.take(&mut vec![entry()]);
        let verified = verify(dir.path(), &Expected::default()).unwrap().unwrap();
        assert_eq!((verified.records, verified.lost), (3, 1), "what is told as lost is not on disk");
    }

    #[test]
    fn files_follow_each_other_by_number_whatever_the_clock_says() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::for_test(dir.path(), 1);
        for _ in 0..12 {
            writer.take(&mut vec![entry()]);
        }
        let files = chain::files(dir.path()).unwrap();
        assert!(files[9].ends_with("audit-000010.jsonl") && files[11].ends_with(CURRENT), "{files:?}");
        assert_eq!(verify(dir.path(), &Expected::default()).unwrap().unwrap().records, 12);
    }
}
