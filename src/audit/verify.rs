//! Finds out whether a log is as it was written.

use std::path::{Path, PathBuf};

use super::chain::{self, HEAD, Hash, Line};
use super::{AuditError, Event, Record};

/// A log that is as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Its records.
    pub records: u64,
    /// Records that it says could not be written.
    pub lost: u64,
    /// The hash of the last one, to keep elsewhere: a log that was replaced as a whole does not contain it.
    pub head: String,
}

/// A place at which a log is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}, line {line}: {problem}", file.display())]
pub struct Broken {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: &'static str,
}

/// Follows the chain through all files of the log in `dir`.
///
/// # Errors
/// When the files cannot be read. What is wrong with the chain is the inner result.
pub fn verify(dir: &Path) -> Result<Result<Verified, Broken>, AuditError> {
    let head = std::fs::read_to_string(dir.join(HEAD)).ok().and_then(|text| Hash::from_hex(&text));
    let (mut last, mut records, mut lost, mut head_seen) = (Hash::default(), 0, 0, false);
    let files = chain::files(dir).map_err(AuditError::io(dir))?;
    let mut end = (dir.join(chain::CURRENT), 0);
    for file in files {
        for (number, line) in chain::lines(&file).map_err(AuditError::io(&file))? {
            let line = line.map_err(AuditError::io(&file))?;
            let broken = |problem| Ok(Err(Broken { file: file.clone(), line: number, problem }));
            if !line.whole {
                return broken("the line was cut short; if the node is not running, its next start will say so");
            }
            let Ok(Line { previous, record }) = serde_json::from_slice::<Line<Record>>(&line.bytes) else {
                return broken("this is not a record");
            };
            if previous != last.to_hex() {
                return broken("the line before it was changed, dropped or moved");
            }
            last = Hash::of(&line.bytes);
            head_seen |= head == Some(last);
            records += 1;
            if let Event::Lost { records, .. } = record.event {
                lost += records;
            }
            end = (file.clone(), number);
        }
    }
    if !head_seen && (records > 0 || head.is_some()) {
        let (file, line) = end;
        return Ok(Err(Broken { file, line, problem: "the last line was changed, or records behind it were dropped" }));
    }
    Ok(Ok(Verified { records, lost, head: last.to_hex() }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::writer::Writer;
    use super::*;

    fn refused(status: u16) -> Record {
        Record::new(Event::Refused { plane: "funnel".into(), source: None, status, left_out: 0 })
    }

    fn log(records: u16, rotate_at: u64) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::for_test(dir.path(), rotate_at);
        for status in 0..records {
            writer.write_now(refused(status));
        }
        dir
    }

    #[test]
    fn an_untouched_log_is_whole_across_rotations_and_restarts() {
        let dir = log(20, 700);
        assert!(chain::files(dir.path()).unwrap().len() > 3);
        let before = verify(dir.path()).unwrap().unwrap();
        assert_eq!(before.records, 20);
        Writer::for_test(dir.path(), 700).write_now(refused(99));
        let after = verify(dir.path()).unwrap().unwrap();
        assert_eq!(after.records, 21);
        assert_ne!(after.head, before.head);
    }

    #[test]
    fn a_line_that_a_crash_cut_short_is_recorded_and_continued_behind() {
        let dir = log(3, u64::MAX);
        let path = dir.path().join(chain::CURRENT);
        let mut text = std::fs::read(&path).unwrap();
        text.extend(b"{\"previous\":\"12");
        std::fs::write(&path, text).unwrap();
        assert!(verify(dir.path()).unwrap().is_err());
        drop(Writer::open(dir.path()).unwrap());
        assert_eq!(verify(dir.path()).unwrap().unwrap().records, 4);
        assert!(std::fs::read_to_string(&path).unwrap().contains("\"dropped_bytes\":15"));
    }

    #[test]
    fn an_empty_log_is_whole_and_a_missing_one_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(verify(dir.path()).unwrap().unwrap().records, 0);
        assert!(verify(&dir.path().join("missing")).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_changed_dropped_or_moved_record_is_found(at in 0..12usize, other in 0..12usize, how in 0..3u8, byte in any::<u8>()) {
            let dir = log(12, u64::MAX);
            let path = dir.path().join(chain::CURRENT);
            let text = std::fs::read_to_string(&path).unwrap();
            let mut lines: Vec<Vec<u8>> = text.lines().map(|line| line.as_bytes().to_vec()).collect();
            match how {
                0 => { lines.remove(at); }
                1 => lines.swap(at, other),
                _ => { let middle = lines[at].len() / 2; lines[at][middle] ^= byte; }
            }
            let changed: Vec<u8> = lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect();
            let is_changed = changed != text.as_bytes();
            std::fs::write(&path, changed).unwrap();
            prop_assert_eq!(verify(dir.path()).unwrap().is_err(), is_changed);
        }
    }
}
