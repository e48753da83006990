//! No secret that a node has may turn up where it does not belong. Looked for at the end of every node of every test.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::tailnet::tailnet;

/// The file that token and path secret belong in.
const THEIR_FILE: &str = ".roam-tools.json";

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
    // A test may choose short ones, which are found everywhere.
    all.into_iter().filter(|(_, secret)| secret.len() >= 16).collect()
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
