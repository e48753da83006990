//! No secret that a node has may turn up where it does not belong. Looked for at the end of every node of every test.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::Value;

use super::tailnet::tailnet;

/// The file that token and path secret belong in.
const THEIR_FILE: &str = ".roam-tools.json";

/// Whatever opened a door of any node of this run: tests of one binary run side by side, and none may show another's.
static MADE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Notes a secret that was made, so that it is looked for from now on, also after it was replaced.
pub(crate) fn made(secret: &str) {
    // A test may choose short ones, which are found everywhere.
    if secret.len() >= 16 {
        MADE.lock().unwrap().insert(secret.to_owned());
    }
}

/// Looks for every secret that was made in what a client or a command got to see.
pub(crate) fn assert_absent(what: &str, text: &[u8]) {
    for secret in MADE.lock().unwrap().iter() {
        let found = text.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "a secret is in {what}: {}", String::from_utf8_lossy(text));
    }
}

/// Looks through what a process has printed, and through every file of its home and its state directory in `home`.
pub(crate) fn assert_kept(home: &Path, printed: &[(&str, &str)]) {
    let secrets = secrets(home);
    for (what, text) in printed {
        for (secret, value) in &secrets {
            assert!(!text.contains(value.as_str()), "{secret} is on {what}:\n{text}");
        }
        assert!(!text.contains("PRIVATE KEY"), "a private key is on {what}:\n{text}");
    }
    let of_the_node = [home.join("home"), home.join("state")];
    for path in of_the_node.iter().flat_map(|dir| files(dir)) {
        let bytes = std::fs::read(&path).unwrap_or_default();
        if path.ends_with(THEIR_FILE) {
            continue;
        }
        for (secret, value) in &secrets {
            let found = bytes.windows(value.len()).any(|window| window == value.as_bytes());
            assert!(!found, "{secret} is in {}", path.display());
        }
    }
}

/// Those of its file, and all that were made before.
fn secrets(home: &Path) -> Vec<(&'static str, String)> {
    let file = std::fs::read(home.join("home").join(THEIR_FILE)).unwrap_or_default();
    let file: Value = serde_json::from_slice(&file).unwrap_or_default();
    let text = |key: &str| file["http"][key].as_str().unwrap_or_default().to_owned();
    let all = [
        ("the bearer token", text("token")),
        ("the path secret", text("pathSecret")),
        ("the auth key", tailnet().auth_key.clone()),
        ("the OAuth client's secret", tailnet().client_secret.split('?').next().unwrap_or_default().to_owned()),
    ];
    for (_, secret) in &all {
        made(secret);
    }
    MADE.lock().unwrap().iter().map(|secret| ("a secret that was made", secret.clone())).collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}
