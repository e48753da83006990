//! Changing what opens the public door, which ends whatever was done with the old.

use serde_json::Value;

use std::path::Path;

use super::{HttpSection, PATH_SECRET_BYTES, RoamTools, TOKEN_BYTES};
use crate::config::ConfigError;

impl RoamTools {
    /// Draws a new token, and a new path secret unless that is switched off.
    ///
    /// # Errors
    /// As [`RoamTools::http`].
    pub fn renew_http(path: &Path) -> Result<HttpSection, ConfigError> {
        Self::load(path)?.http()?;
        Self::edit(path, |file| {
            let (token, path_secret) = (file.draw(TOKEN_BYTES)?, file.draw(PATH_SECRET_BYTES)?);
            if let Some(section) = file.root.get_mut("http").and_then(Value::as_object_mut) {
                section.insert("token".into(), token.expose().into());
                if section.contains_key("pathSecret") {
                    section.insert("pathSecret".into(), path_secret.expose().into());
                }
            }
            file.http()
        })
    }

    /// Draws a new path secret into the `http` section, which is made if there is none.
    ///
    /// # Errors
    /// As [`RoamTools::http`].
    pub fn regenerate_path_secret(&mut self) -> Result<(), ConfigError> {
        self.http()?;
        self.root = Self::edit(&self.path, |file| {
            let secret = file.draw(PATH_SECRET_BYTES)?;
            if let Some(section) = file.root.get_mut("http").and_then(Value::as_object_mut) {
                section.insert("pathSecret".into(), secret.expose().into());
            }
            Ok(file.root.clone())
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_change_and_a_path_that_is_off_stays_off() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".roam-tools.json");
        for (section, has_path) in [
            (r#"{"token": "used-token", "pathSecret": "used-secret", "more": 2}"#, true),
            (r#"{"token": "used-token"}"#, false),
        ] {
            std::fs::write(&path, format!(r#"{{"other": 1, "http": {section}}}"#)).unwrap();
            let renewed = RoamTools::renew_http(&path).unwrap();
            assert_eq!((renewed.token.expose().len(), renewed.path_secret.is_some()), (64, has_path));
            let after = std::fs::read_to_string(&path).unwrap();
            assert!(after.contains(renewed.token.expose()) && after.contains("other"), "{after}");
            assert!(!after.contains("used-"), "{after}");
        }
    }

    #[test]
    fn the_path_secret_changes_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".roam-tools.json");
        std::fs::write(&path, r#"{"other": 1, "http": {"token": "abc", "pathSecret": "old", "more": 2}}"#).unwrap();
        RoamTools::load(&path).unwrap().regenerate_path_secret().unwrap();
        let after: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(
            (&after["other"], &after["http"]["token"], &after["http"]["more"]),
            (&1.into(), &"abc".into(), &2.into())
        );
        assert_eq!(after["http"]["pathSecret"].as_str().map(str::len), Some(32));
    }
}
