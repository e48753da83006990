//! The chain: every line begins with the hash of the line before.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Record;

/// The file that is being written.
pub(super) const CURRENT: &str = "audit.jsonl";
/// The file that holds the hash of the last line, by which a cut-off end is found.
pub(super) const HEAD: &str = "audit.head";

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

/// The files of a log, oldest first: the name of a rotated one is the time at which it was ended.
pub(super) fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let rotated = name.to_str().is_some_and(|name| name.starts_with("audit-") && name.ends_with(".jsonl"));
        if rotated {
            files.push(dir.join(name));
        }
    }
    files.sort();
    let current = dir.join(CURRENT);
    if current.exists() {
        files.push(current);
    }
    Ok(files)
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
