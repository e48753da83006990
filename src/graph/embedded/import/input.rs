//! The file of an export, or the one within a zip.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use zip::ZipArchive;

use super::ImportError;

/// The text of an export, and how long it is.
pub(super) struct Input<'a> {
    pub(super) reader: Box<dyn Read + Send + 'a>,
    pub(super) total: u64,
}

/// A graph of ten million blocks takes less; what unpacks to more was made to fill a disk.
const MOST_UNPACKED: u64 = 8 << 30;
/// Text packs to a tenth or so of its size. More than this is no text, unless it is so little that it does no harm.
const MOST_PACKED: u64 = 200;
const HARMLESS: u64 = 64 << 20;

/// Opens an export and hands it to `read`.
pub(super) fn open<T>(
    path: &Path,
    mut file: File,
    read: impl FnOnce(Input<'_>) -> Result<T, ImportError>,
) -> Result<T, ImportError> {
    let unreadable = |reason| ImportError::Unreadable { path: path.to_owned(), reason };
    let mut start = [0; 4];
    let is_zip = file.read_exact(&mut start).is_ok() && start == *b"PK\x03\x04";
    file.rewind().map_err(unreadable)?;
    if !is_zip {
        let total = file.metadata().map_err(unreadable)?.len();
        return read(Input { reader: Box::new(file), total });
    }
    let broken = |problem: String| ImportError::Zip { path: path.to_owned(), problem };
    let mut zip = ZipArchive::new(file).map_err(|error| broken(format!("this zip cannot be read: {error}")))?;
    let name = only_export(&zip).map_err(broken)?;
    let entry = zip.by_name(&name).map_err(|error| broken(format!("{name} in it cannot be read: {error}")))?;
    let (packed, total) = (entry.compressed_size(), entry.size());
    if total > MOST_UNPACKED || total > HARMLESS && total / MOST_PACKED > packed.max(1) {
        return Err(broken(format!("{name} in it is said to unpack to {total} bytes, which is no export of Roam")));
    }
    // What a zip says of its sizes may be wrong; nothing is read beyond it.
    read(Input { reader: Box::new(Bounded { reader: entry, left: total }), total })
}

/// The name of the export in a zip; `None` if it is no zip, or there is not just one.
pub(in crate::graph::embedded) fn name_inside(path: &Path) -> Option<String> {
    only_export(&ZipArchive::new(File::open(path).ok()?).ok()?).ok()
}

/// The JSON or EDN file in a zip, of which there has to be one.
fn only_export(zip: &ZipArchive<File>) -> Result<String, String> {
    let is_export = |name: &String| {
        let name = name.to_ascii_lowercase();
        (name.ends_with(".json") || name.ends_with(".edn")) && !name.starts_with("__macosx/")
    };
    let names = zip.file_names().filter_map(|name| name.ok().map(|name| name.into_owned()));
    let mut exports = names.filter(is_export);
    match (exports.next(), exports.next()) {
        (Some(name), None) => Ok(name),
        (None, _) => {
            Err("there is no .json and no .edn file in this zip; in Roam choose JSON or EDN, not Markdown".into())
        }
        (Some(one), Some(other)) => Err(format!(
            "there is more than one export in this zip, such as {one:?} and {other:?}; unpack it and name one"
        )),
    }
}

/// Ends with an error where the zip said that the file ends.
struct Bounded<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.left = self
            .left
            .checked_sub(length as u64)
            .ok_or_else(|| io::Error::other("the zip holds more than it says; was it made by Roam?"))?;
        Ok(length)
    }
}

/// Counts what is read.
pub(super) struct Counting<'a, R> {
    pub(super) reader: R,
    pub(super) count: &'a AtomicU64,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.count.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}
