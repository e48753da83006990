//! `~/.roam-tools.json`: the official tools' file, of which only the `http` section is ours.

mod path_secret;

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{ConfigError, file};
use crate::secret::Secret;

/// Bytes of randomness in a bearer token; 64 hex digits.
const TOKEN_BYTES: usize = 32;
/// Bytes of randomness in a path secret; 32 hex digits.
const PATH_SECRET_BYTES: usize = 16;
/// The version of the file that this program knows.
const VERSION: u64 = 1;

/// The file, with every key that others put there.
#[derive(Debug)]
pub struct RoamTools {
    path: PathBuf,
    root: Map<String, Value>,
}

/// The `http` section of remote access v1.
#[derive(Clone, Debug)]
pub struct HttpSection {
    /// Opens `/mcp` as a bearer token.
    pub token: Secret,
    /// Opens `/<secret>/mcp`; `None` switches that path off.
    pub path_secret: Option<Secret>,
    /// More names to answer to.
    pub allowed_hosts: Vec<String>,
}

impl RoamTools {
    /// Reads the file; one that does not exist is empty.
    ///
    /// # Errors
    /// When it cannot be read, is not a JSON object, or was written by a newer program.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let problem = |problem: String| ConfigError::File { path: path.to_owned(), problem };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                json!({"version": VERSION, "graphs": []}).to_string()
            }
            Err(error) => return Err(ConfigError::io(path)(error)),
        };
        let root: Map<String, Value> = serde_json::from_str(&text).map_err(|error| {
            problem(format!("not a JSON object ({error}); mend it, or move it away to start afresh"))
        })?;
        match root.get("version").map(Value::as_u64) {
            None | Some(Some(1..=VERSION)) => Ok(Self { path: path.to_owned(), root }),
            _ => Err(problem(format!("its version is not {VERSION}; this roam-mcp is too old for it"))),
        }
    }

    /// The `http` section. A first run makes it: token and path secret are drawn and saved, unknown keys are kept.
    ///
    /// A section that is there is left as it is. Without `pathSecret` in it, the secret path is off.
    ///
    /// # Errors
    /// When the section does not have the expected form, or the file cannot be written.
    pub fn http(&mut self) -> Result<HttpSection, ConfigError> {
        if !self.root.contains_key("http") {
            let token = self.draw(TOKEN_BYTES)?;
            let path_secret = self.draw(PATH_SECRET_BYTES)?;
            self.root.insert("http".into(), json!({"token": token.expose(), "pathSecret": path_secret.expose()}));
            self.save()?;
            tracing::info!(path = %self.path.display(), "new credentials for public clients");
        }
        let section = self.root.get("http").and_then(Value::as_object);
        section.and_then(HttpSection::parse).ok_or_else(|| ConfigError::File {
            path: self.path.clone(),
            problem:
                "`http` needs `token` (text), and may have `pathSecret` (text) and `allowedHosts` (list of text); \
                      mend it, or delete the section to get a new one"
                    .into(),
        })
    }

    fn draw(&self, bytes: usize) -> Result<Secret, ConfigError> {
        Secret::random(bytes).map_err(|error| ConfigError::io(&self.path)(io::Error::other(error)))
    }

    fn save(&self) -> Result<(), ConfigError> {
        let mut text =
            serde_json::to_vec_pretty(&self.root).map_err(io::Error::from).map_err(ConfigError::io(&self.path))?;
        text.push(b'\n');
        file::replace(&self.path, &text).map_err(ConfigError::io(&self.path))
    }
}

impl HttpSection {
    /// Absent is a default; anything else must have its form.
    fn parse(section: &Map<String, Value>) -> Option<Self> {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let token = section.get("token").and_then(text)?;
        let path_secret = match section.get("pathSecret") {
            None => None,
            Some(value) => Some(Secret::from(text(value).filter(|secret| is_one_segment(secret))?)),
        };
        let allowed_hosts = match section.get("allowedHosts") {
            None => Vec::new(),
            Some(list) => list.as_array()?.iter().map(text).collect::<Option<_>>()?,
        };
        Some(Self { token: Secret::from(token), path_secret, allowed_hosts })
    }
}

/// A path secret must survive in a URL as it is.
pub fn is_one_segment(secret: &str) -> bool {
    secret.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b'~'))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn in_dir(contents: Option<&str>) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".roam-tools.json");
        if let Some(contents) = contents {
            std::fs::write(&path, contents).unwrap();
        }
        (dir, path)
    }

    #[test]
    fn a_first_run_draws_both_secrets_and_later_runs_keep_them() {
        let (_dir, path) = in_dir(None);
        let first = RoamTools::load(&path).unwrap().http().unwrap();
        assert_eq!((first.token.expose().len(), first.path_secret.as_ref().unwrap().expose().len()), (64, 32));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let second = RoamTools::load(&path).unwrap().http().unwrap();
        assert!(second.token.matches(first.token.expose()));
        assert!(second.path_secret.unwrap().matches(first.path_secret.unwrap().expose()));
    }

    #[test]
    fn unknown_keys_and_their_order_are_kept() {
        let (_dir, path) =
            in_dir(Some(r#"{"zeta": 1, "version": 1, "graphs": [{"x": null}], "alpha": {"b": 1, "a": 2}}"#));
        RoamTools::load(&path).unwrap().http().unwrap();
        let after: Map<String, Value> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(after.keys().collect::<Vec<_>>(), ["zeta", "version", "graphs", "alpha", "http"]);
        assert_eq!(after["alpha"].to_string(), r#"{"b":1,"a":2}"#);
    }

    #[test]
    fn a_section_without_a_path_secret_switches_the_path_off() {
        let (_dir, path) = in_dir(Some(r#"{"http": {"token": "abc", "allowedHosts": ["notes.example"]}}"#));
        let section = RoamTools::load(&path).unwrap().http().unwrap();
        assert!(section.path_secret.is_none());
        assert_eq!(section.allowed_hosts, ["notes.example"]);
    }

    #[test]
    fn a_broken_file_is_an_error_and_stays_as_it_is() {
        for broken in ["", "[]", "{", r#"{"version": 2}"#, r#"{"version": "1"}"#] {
            let (_dir, path) = in_dir(Some(broken));
            let error = RoamTools::load(&path).unwrap_err().to_string();
            assert!(error.contains(".roam-tools.json"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), broken);
        }
        let sections = [
            "1",
            "{}",
            r#"{"token": ""}"#,
            r#"{"token": 5}"#,
            r#"{"token": "a", "pathSecret": ""}"#,
            r#"{"token": "a", "pathSecret": "a/b"}"#,
            r#"{"token": "a", "allowedHosts": "x"}"#,
        ];
        for section in sections {
            let text = format!(r#"{{"http": {section}}}"#);
            let (_dir, path) = in_dir(Some(&text));
            assert!(RoamTools::load(&path).unwrap().http().is_err(), "{section}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
