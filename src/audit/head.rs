//! `audit.head`: where the log ends, by which a cut-off or lengthened end is found.
//!
//! It names two lines: the last one, and the one that will be the last when the write under way is done. Both are the same
//! between writes. A crash in the middle of a write therefore leaves a log that ends somewhere between the two, and that is
//! the only end a crash of the program can leave. The two files may reach the disk in any order when the power goes; that
//! shows as damage, because nobody can tell it from somebody's doing.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::chain::Hash;

/// The name of the file.
pub(super) const HEAD: &str = "audit.head";

/// What it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The last line whose write is done.
    pub(super) done: Hash,
    /// The last line of the write under way.
    pub(super) next: Hash,
}

impl Head {
    /// Reads the file in `dir`; `None` if it is not there or not understood.
    pub(super) fn read(dir: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(dir.join(HEAD)).ok()?;
        // One alone is both.
        let (done, next) = text.split_once(' ').unwrap_or((&text, &text));
        Some(Self { done: Hash::from_hex(done)?, next: Hash::from_hex(next)? })
    }

    /// Both have one length, so what was there is replaced whole.
    pub(super) fn write(self, file: &File) -> io::Result<()> {
        file.write_all_at(format!("{} {}\n", self.done.to_hex(), self.next.to_hex()).as_bytes(), 0)
    }
}

/// How a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Where its head says, or within the write that a crash broke off.
    AsWritten,
    /// It has lines, and no head that is understood.
    NoHead,
    /// The line is not there that the head names.
    Short,
    /// There are so many lines behind the one that the head names.
    Long(u64),
}

/// Compares the lines of a log with its head, as they are read.
pub(super) struct Trace {
    head: Option<Head>,
    /// Whether the line of a write that was done was there.
    done: bool,
    /// Whether the last line was there.
    next: bool,
    lines: u64,
    behind: u64,
}

impl Trace {
    /// Of a log that begins, or begins to be looked at, behind the line `first`.
    pub(super) fn new(head: Option<Head>, first: Hash) -> Self {
        let is = |line: fn(Head) -> Hash| head.is_some_and(|head| line(head) == first);
        Self { head, done: is(|head| head.done), next: is(|head| head.next), lines: 0, behind: 0 }
    }

    pub(super) fn line(&mut self, line: Hash) {
        self.lines += 1;
        let Some(head) = self.head else { return };
        self.behind += u64::from(self.next);
        self.done |= head.done == line;
        self.next |= head.next == line;
    }

    pub(super) fn ending(&self) -> Ending {
        match self.head {
            None if self.lines > 0 => Ending::NoHead,
            Some(_) if self.behind > 0 => Ending::Long(self.behind),
            Some(head) if self.next || (self.done && head.next != head.done) => Ending::AsWritten,
            Some(_) => Ending::Short,
            None => Ending::AsWritten,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_ends_at_its_head_or_within_the_write_that_a_crash_broke_off() {
        let line = |number: u8| Hash::of(&[number]);
        let ending = |head: Option<(u8, u8)>, lines: &[u8]| {
            let head = head.map(|(done, next)| Head { done: line(done), next: line(next) });
            let mut trace = Trace::new(head, Hash::default());
            lines.iter().for_each(|&number| trace.line(line(number)));
            trace.ending()
        };
        assert_eq!(ending(Some((3, 3)), &[1, 2, 3]), Ending::AsWritten);
        for broken_off in [&[1][..], &[1, 2], &[1, 2, 3]] {
            assert_eq!(ending(Some((1, 3)), broken_off), Ending::AsWritten, "{broken_off:?}");
        }
        assert_eq!(ending(Some((3, 3)), &[1, 2]), Ending::Short);
        assert_eq!(ending(Some((2, 3)), &[1]), Ending::Short);
        assert_eq!(ending(Some((3, 3)), &[]), Ending::Short);
        assert_eq!(ending(Some((3, 3)), &[1, 2, 3, 4, 5]), Ending::Long(2));
        assert_eq!(ending(Some((1, 3)), &[1, 2, 3, 4]), Ending::Long(1));
        assert_eq!(ending(None, &[1]), Ending::NoHead);
        assert_eq!(ending(None, &[]), Ending::AsWritten);
        assert_eq!(
            Trace::new(Some(Head { done: Hash::default(), next: line(1) }), Hash::default()).ending(),
            Ending::AsWritten
        );
    }

    #[test]
    fn the_file_comes_back_as_it_was_written_and_anything_else_is_no_head() {
        let dir = tempfile::tempdir().unwrap();
        let head = Head { done: Hash::of(b"1"), next: Hash::of(b"2") };
        head.write(&File::create(dir.path().join(HEAD)).unwrap()).unwrap();
        assert_eq!(Head::read(dir.path()), Some(head));
        std::fs::write(dir.path().join(HEAD), head.next.to_hex()).unwrap();
        assert_eq!(Head::read(dir.path()), Some(Head { done: head.next, ..head }));
        for broken in ["", "00 00"] {
            std::fs::write(dir.path().join(HEAD), broken).unwrap();
            assert_eq!(Head::read(dir.path()), None, "{broken}");
        }
    }
}
