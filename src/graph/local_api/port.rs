//! The port of the Local API: what Roam wrote down, or the port it starts with.

use std::path::Path;

use serde::Deserialize;

/// The port that Roam tries first.
pub(super) const DEFAULT: u16 = 3333;

#[derive(Deserialize)]
struct PortFile {
    port: u16,
}

/// Reads the port anew: Roam takes another one when its usual port is taken, and leaves the file behind when it ends.
pub(super) fn read(file: &Path) -> u16 {
    let text = std::fs::read(file).unwrap_or_default();
    let written = serde_json::from_slice::<PortFile>(&text).map(|file| file.port);
    written.ok().filter(|port| *port != 0).unwrap_or(DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_port_is_taken_for_a_port() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("port");
        assert_eq!(read(&file), DEFAULT);
        for (text, port) in [
            (r#"{"port": 3334}"#, 3334),
            (r#"{"port": 3334, "last-graph": "x"}"#, 3334),
            (r#"{"port": 0}"#, DEFAULT),
            (r#"{"port": 65536}"#, DEFAULT),
            (r#"{"port": -1}"#, DEFAULT),
            (r#"{"port": "3334"}"#, DEFAULT),
            ("{}", DEFAULT),
            ("3334", DEFAULT),
            ("", DEFAULT),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(read(&file), port, "{text}");
        }
    }
}
