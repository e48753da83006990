//! Changing the path secret, which ends whatever was done with the old one.

use serde_json::Value;

use super::{PATH_SECRET_BYTES, RoamTools};
use crate::config::ConfigError;

impl RoamTools {
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
