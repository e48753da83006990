//! A file by its path.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::super::{Failure, Reach};
use super::{File, Limits};

/// Why a file is not given.
enum Refusal {
    /// Nobody may upload by path here.
    SwitchedOff,
    /// It is not in the directory for it. Also said of what does not exist there, so that nobody can find out what does
    /// exist elsewhere.
    Outside,
    /// It is a directory, a pipe or a device.
    NotAFile,
    TooLarge(Limits),
    Io(io::Error),
}

/// Reads the file, if the call reaches that far.
pub(super) async fn read(path: String, reach: &Reach, limits: Limits) -> Result<File, Failure> {
    let reach = reach.clone();
    let reading = tokio::task::spawn_blocking(move || read_now(Path::new(&path), &reach, limits));
    match reading.await {
        Ok(Ok(file)) => Ok(file),
        Ok(Err(refusal)) => Err(refusal.into()),
        Err(_) => Err(Refusal::Io(io::ErrorKind::Interrupted.into()).into()),
    }
}

fn read_now(path: &Path, reach: &Reach, limits: Limits) -> Result<File, Refusal> {
    let path = if reach.local { path.to_owned() } else { within(reach.uploads.as_deref(), path)? };
    // Asked before it is opened, because opening a pipe waits for whoever writes to it.
    if !path.metadata().map_err(Refusal::Io)?.is_file() {
        return Err(Refusal::NotAFile);
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(&path).map_err(Refusal::Io)?;
    file.take(limits.bytes as u64 + 1).read_to_end(&mut bytes).map_err(Refusal::Io)?;
    if bytes.len() > limits.bytes {
        return Err(Refusal::TooLarge(limits));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(File::read(&bytes, name, None))
}

/// The true path of a file below `root`, with every link on the way followed before that is asked.
fn within(root: Option<&Path>, path: &Path) -> Result<PathBuf, Refusal> {
    let root = root.ok_or(Refusal::SwitchedOff)?.canonicalize().map_err(Refusal::Io)?;
    match root.join(path).canonicalize() {
        Ok(path) if path.starts_with(&root) => Ok(path),
        _ => Err(Refusal::Outside),
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Arguments(match refusal {
            Refusal::SwitchedOff => {
                "this server takes no uploads by `filePath`; send the file as `base64`, or by a public `url`".into()
            }
            Refusal::Outside => "there is no such file in the directory that this server takes uploads from".into(),
            Refusal::NotAFile => "`filePath` is not a plain file".into(),
            Refusal::TooLarge(limits) => return limits.too_large(),
            Refusal::Io(error) => format!("cannot read the file: {error}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: &Path, reach: &Reach) -> String {
        match read_now(path, reach, Limits::of(reach)).map_err(Failure::from) {
            Err(Failure::Arguments(text)) => text,
            _ => panic!("{} was read", path.display()),
        }
    }

    #[test]
    fn from_outside_only_the_upload_directory_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("uploads");
        std::fs::create_dir_all(root.join("deep")).unwrap();
        std::fs::write(root.join("deep/note.txt"), "hello").unwrap();
        std::fs::write(dir.path().join("secret"), "x").unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret"), root.join("link")).unwrap();
        let outside = Reach { uploads: Some(root.clone()), ..Reach::default() };
        for good in [root.join("deep/note.txt"), "deep/note.txt".into(), "deep/../deep/note.txt".into()] {
            let file = read_now(&good, &outside, Limits::of(&outside)).unwrap_or_else(|_| panic!("{}", good.display()));
            assert_eq!((file.base64.as_str(), file.name.as_deref()), ("aGVsbG8=", Some("note.txt")));
        }
        for bad in [dir.path().join("secret"), "../secret".into(), "link".into(), "/etc/passwd".into(), "none".into()] {
            assert!(refusal(&bad, &outside).contains("no such file"), "{}", bad.display());
        }
        assert!(refusal(Path::new("deep"), &outside).contains("not a plain file"));
        assert!(refusal(Path::new("deep/note.txt"), &Reach::default()).contains("no uploads"));
        let local = Reach::local();
        assert!(read_now(&dir.path().join("secret"), &local, Limits::of(&local)).is_ok());
    }

    #[test]
    fn a_large_file_is_not_read_to_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sparse");
        std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(refusal(&path, &Reach::local()).contains("100 MiB"));
    }
}
