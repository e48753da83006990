//! The chain: every line begins with the hash of the line before.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Record;

/// The file that is being written.
pub(super) const CURRENT: &str = "audit.jsonl";

/// SHA-256 of a line without its newline; all zeros before the first one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Hash([u8; 32]);

/// A line of the file: the hash of the one before, then the record.
#[derive(Serialize, Deserialize)]
pub(super) struct Line<R> {
    pub(super) previous: String,
    #[serde(flatten)]
    pub(super) record: R,
}

impl Hash {
    pub(super) fn of(line: &[u8]) -> Self {
        Self(Sha256::digest(line).into())
    }

    pub(super) fn to_hex(self) -> String {
        hex::encode(self.0)
    }

    pub(super) fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

/// Writes `record` behind the line with the hash `previous`, and returns the new line's hash.
pub(super) fn append(out: &mut Vec<u8>, previous: Hash, record: &Record) -> serde_json::Result<Hash> {
    let start = out.len();
    serde_json::to_writer(&mut *out, &Line { previous: previous.to_hex(), record })?;
    let hash = Hash::of(&out[start..]);
    out.push(b'\n');
    Ok(hash)
}

/// The files of a log, oldest first: rotated ones by their number, then the one that is being written.
pub(super) fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<_> = rotated(dir)?.into_iter().map(|number| dir.join(name(number))).collect();
    let current = dir.join(CURRENT);
    if current.exists() {
        files.push(current);
    }
    Ok(files)
}

/// The file that the current one becomes when it is full. A number, and no time: clocks are set back.
pub(super) fn next(dir: &Path) -> io::Result<PathBuf> {
    Ok(dir.join(name(rotated(dir)?.last().map_or(1, |last| last + 1))))
}

fn rotated(dir: &Path) -> io::Result<BTreeSet<u64>> {
    let number = |name: &str| name.strip_prefix("audit-")?.strip_suffix(".jsonl")?.parse().ok();
    let mut rotated = BTreeSet::new();
    for entry in std::fs::read_dir(dir)? {
        rotated.extend(entry?.file_name().to_str().and_then(number).filter(|&found| dir.join(name(found)).exists()));
    }
    Ok(rotated)
}

fn name(number: u64) -> String {
    format!("audit-{number:06}.jsonl")
}

/// The lines of a file with their numbers, without their newlines. The last one may have none.
pub(super) fn lines(path: &Path) -> io::Result<impl Iterator<Item = (usize, io::Result<RawLine>)> + use<>> {
    let mut file = BufReader::new(File::open(path)?);
    Ok((1..).map_while(move |number| {
        let mut bytes = Vec::new();
        match file.read_until(b'\n', &mut bytes) {
            Ok(0) => None,
            Ok(_) => {
                let whole = bytes.pop_if(|last| *last == b'\n').is_some();
                Some((number, Ok(RawLine { bytes, whole })))
            }
            Err(error) => Some((number, Err(error))),
        }
    }))
}

/// A line as it stands in the file.
pub(super) struct RawLine {
    pub(super) bytes: Vec<u8>,
    /// Whether it ends in a newline.
    pub(super) whole: bool,
}
