//! Finds out whether a log is as it was written.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::chain::{self, Hash, Line};
use super::head::{Ending, Head, Trace};
use super::{AuditError, Event, Record};

/// How long a log is watched whose end is not where its head says. The writer of a running node moves both within moments.
const WATCH: Duration = Duration::from_secs(1);

/// What is known of a log beside what stands in its directory.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// The hash of a line that it contains.
    pub head: Option<String>,
    /// Whether its oldest files may have been taken away.
    pub older_removed: bool,
}

/// A log whose chain is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Its records.
    pub records: u64,
    /// Records that it says could not be written.
    pub lost: u64,
    /// The hash of the last one, to keep elsewhere: a log that was replaced as a whole does not contain it.
    pub head: String,
    /// The hash of the line that it goes on from; `None` if it is here from its beginning.
    pub continues: Option<String>,
    /// What the program found when it was started, and when that was.
    pub damage: Vec<(Timestamp, String)>,
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
pub fn verify(dir: &Path, expected: &Expected) -> Result<Result<Verified, Broken>, AuditError> {
    let head = Head::read(dir);
    let found = follow(dir, head, expected)?;
    // A node may have written, or ended a file, in between. Who goes on writing does so behind the right line.
    if found.is_err() && moves(dir, head) { follow(dir, Head::read(dir), expected) } else { Ok(found) }
}

fn follow(dir: &Path, head: Option<Head>, expected: &Expected) -> Result<Result<Verified, Broken>, AuditError> {
    let (mut last, mut continues, mut records, mut lost, mut damage) = (Hash::default(), None, 0, 0, Vec::new());
    let mut trace = Trace::new(head, last);
    let mut wanted = expected.head.as_deref();
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
                if records > 0 {
                    return broken("the line before it was changed, dropped or moved");
                }
                let Some(before) = Hash::from_hex(&previous).filter(|_| expected.older_removed) else {
                    return broken("older records are not here; if you have moved old files away, say --older-removed");
                };
                trace = Trace::new(head, before);
                continues = Some(previous);
            }
            last = Hash::of(&line.bytes);
            trace.line(last);
            wanted = wanted.filter(|&wanted| wanted != last.to_hex());
            records += 1;
            if let Event::Lost { records, .. } = record.event {
                lost += records;
            }
            damage.extend(record.event.damage().map(|damage| (record.time, damage)));
            end = (file.clone(), number);
        }
    }
    let problem = match trace.ending() {
        Ending::AsWritten => wanted.map(|_| "no line has the hash of --head: the log was replaced, or cut before it"),
        Ending::NoHead => Some("audit.head is gone, so records behind this line may be"),
        Ending::Short => Some("the last line was changed, or records behind it were dropped"),
        // Between two writes nobody but a running node puts lines there, and it goes on to say so in its head.
        Ending::Long(_) if moves(dir, head) => wanted.map(|_| "no line has the hash of --head"),
        Ending::Long(_) => Some("there are records behind the last one that the program has written"),
    };
    let (file, line) = end;
    Ok(match problem {
        Some(problem) => Err(Broken { file, line, problem }),
        None => Ok(Verified { records, lost, head: last.to_hex(), continues, damage }),
    })
}

/// Whether somebody writes at this moment.
#[expect(clippy::disallowed_methods, reason = "another process writes, and no event tells of it")]
fn moves(dir: &Path, before: Option<Head>) -> bool {
    let began = Instant::now();
    while Head::read(dir) == before {
        if began.elapsed() >= WATCH {
            return false;
        }
        std::thread::sleep(WATCH / 100);
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::writer::Writer;
    use super::*;

    fn refused(status: u16) -> Record {
        Record::new(Event::Refused { plane: "funnel".into(), source: None, status })
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
        let before = verify(dir.path(), &Expected::default()).unwrap().unwrap();
        assert_eq!(before.records, 20);
        Writer::for_test(dir.path(), 700).write_now(refused(99));
        let after = verify(dir.path(), &Expected::default()).unwrap().unwrap();
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
        assert!(verify(dir.path(), &Expected::default()).unwrap().is_err());
        drop(Writer::open(dir.path()).unwrap());
        assert_eq!(verify(dir.path(), &Expected::default()).unwrap().unwrap().records, 4);
        assert!(std::fs::read_to_string(&path).unwrap().contains("\"dropped_bytes\":15"));
    }

    #[test]
    fn an_empty_log_is_whole_and_a_missing_one_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(verify(dir.path(), &Expected::default()).unwrap().unwrap().records, 0);
        assert!(verify(&dir.path().join("missing"), &Expected::default()).is_err());
    }

    /// What somebody may do to a log while the program does not run.
    #[derive(Clone, Copy, Debug)]
    enum Attack {
        Drop(usize),
        Swap(usize, usize),
        Flip(usize),
        Insert(usize),
        Append(u16),
        CutTail(usize),
        RemoveHead,
        CutTailAndHead(usize),
        RemoveFile(usize),
        SwapFiles(usize, usize),
    }

    fn attack() -> impl Strategy<Value = Attack> {
        let at = 0..24_usize;
        prop_oneof![
            at.clone().prop_map(Attack::Drop),
            (at.clone(), at.clone()).prop_map(|(one, other)| Attack::Swap(one, other)),
            at.clone().prop_map(Attack::Flip),
            at.clone().prop_map(Attack::Insert),
            (1..4_u16).prop_map(Attack::Append),
            (1..4_usize).prop_map(Attack::CutTail),
            Just(Attack::RemoveHead),
            (1..4_usize).prop_map(Attack::CutTailAndHead),
            (0..4_usize).prop_map(Attack::RemoveFile),
            (0..4_usize, 0..4_usize).prop_map(|(one, other)| Attack::SwapFiles(one, other)),
        ]
    }

    impl Attack {
        /// Lines are counted through all files.
        fn on(self, dir: &Path) {
            let files = chain::files(dir).unwrap();
            let mut lines: Vec<(usize, Vec<u8>)> = Vec::new();
            for (at, file) in files.iter().enumerate() {
                lines.extend(chain::lines(file).unwrap().map(|(_, line)| (at, line.unwrap().bytes)));
            }
            let count = lines.len();
            match self {
                Self::Drop(at) => drop(lines.remove(at % count)),
                Self::Swap(one, other) => {
                    let (one, other) = (one % count, other % count);
                    let text = lines[other].1.clone();
                    lines[other].1 = std::mem::replace(&mut lines[one].1, text);
                }
                Self::Flip(at) => {
                    let line = &mut lines[at % count].1;
                    let middle = line.len() / 2;
                    line[middle] ^= 1;
                }
                Self::Insert(at) => {
                    let (file, before) = lines[at % count].clone();
                    let mut forged = Vec::new();
                    chain::append(&mut forged, Hash::of(&before), &refused(500)).unwrap();
                    forged.pop();
                    lines.insert(at % count + 1, (file, forged));
                }
                Self::Append(forged) => {
                    for status in 0..forged {
                        let (file, before) = lines.last().unwrap().clone();
                        let mut text = Vec::new();
                        chain::append(&mut text, Hash::of(&before), &refused(status)).unwrap();
                        text.pop();
                        lines.push((file, text));
                    }
                }
                Self::CutTail(tail) | Self::CutTailAndHead(tail) => lines.truncate(count - tail),
                Self::RemoveHead => {}
                Self::RemoveFile(at) => lines.retain(|(file, _)| *file != at % files.len()),
                Self::SwapFiles(one, other) => {
                    let (one, other) = (one % files.len(), other % files.len());
                    for (file, _) in &mut lines {
                        *file = if *file == one {
                            other
                        } else if *file == other {
                            one
                        } else {
                            *file
                        };
                    }
                }
            }
            for (at, path) in files.iter().enumerate() {
                let of_file = lines.iter().filter(|(file, _)| *file == at);
                let text: Vec<u8> = of_file.flat_map(|(_, line)| line.iter().copied().chain([b'\n'])).collect();
                if text.is_empty() { std::fs::remove_file(path).unwrap() } else { std::fs::write(path, text).unwrap() }
            }
            if matches!(self, Self::RemoveHead | Self::CutTailAndHead(_)) {
                std::fs::remove_file(dir.join(super::super::head::HEAD)).unwrap();
            }
        }
    }

    fn text_of(dir: &Path) -> Vec<Vec<u8>> {
        chain::files(dir).unwrap().iter().map(|file| std::fs::read(file).unwrap()).collect()
    }

    fn is_found(dir: &Path) -> bool {
        let found = follow(dir, Head::read(dir), &Expected::default()).unwrap();
        found.is_err() || !found.unwrap().damage.is_empty()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn whatever_is_done_to_a_log_is_found_also_after_the_next_start(attack in attack(), rotate_at in prop_oneof![Just(u64::MAX), Just(1500)]) {
            let dir = log(12, rotate_at);
            let before = text_of(dir.path());
            attack.on(dir.path());
            let is_changed = text_of(dir.path()) != before || matches!(attack, Attack::RemoveHead);
            prop_assert_eq!(is_found(dir.path()), is_changed);
            let mut writer = Writer::for_test(dir.path(), rotate_at);
            writer.write_now(refused(99));
            prop_assert_eq!(is_found(dir.path()), is_changed, "after a start");
        }
    }

    #[test]
    fn a_log_without_its_oldest_files_is_whole_for_those_who_say_so() {
        let dir = log(20, 700);
        let files = chain::files(dir.path()).unwrap();
        std::fs::remove_file(&files[0]).unwrap();
        std::fs::remove_file(&files[1]).unwrap();
        let broken = verify(dir.path(), &Expected::default()).unwrap().unwrap_err();
        assert!(broken.problem.contains("--older-removed"), "{broken}");
        let told = Expected { older_removed: true, ..Expected::default() };
        let verified = verify(dir.path(), &told).unwrap().unwrap();
        assert!(verified.records < 20 && verified.continues.is_some(), "{verified:?}");
        std::fs::remove_file(&files[3]).unwrap();
        verify(dir.path(), &told).unwrap().unwrap_err();
    }

    #[test]
    fn a_head_that_was_kept_elsewhere_is_looked_for() {
        let dir = log(3, u64::MAX);
        let kept = Expected {
            head: Some(verify(dir.path(), &Expected::default()).unwrap().unwrap().head),
            ..Expected::default()
        };
        Writer::open(dir.path()).unwrap().write_now(refused(404));
        verify(dir.path(), &kept).unwrap().unwrap();
        let other = log(9, u64::MAX);
        assert!(verify(other.path(), &kept).unwrap().unwrap_err().problem.contains("--head"));
    }
}
