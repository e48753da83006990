//! What works, made once from what was typed.

mod config_file;
mod file;
mod openai;
mod roam_tools;

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use directories::{BaseDirs, ProjectDirs};

pub use config_file::{ConfigFile, FunnelSection, GraphSection, LimitsSection, SourcesSection, TailnetSection};
pub use file::replace as replace_file;
pub use roam_tools::is_one_segment as is_path_segment;
pub use roam_tools::{HttpSection, RoamTools};

/// A setting that cannot work, with the way to mend it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The system does not say where the user's files are.
    #[error("cannot find your home directory; set HOME, or name a directory with --state-dir")]
    NoHome,
    /// A value does not fit.
    #[error("{setting}: {problem}")]
    Invalid {
        /// The flag, variable or key.
        setting: &'static str,
        /// What is wrong with it and what would be right.
        problem: String,
    },
    /// A file that was named cannot be used.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what to do.
        problem: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ConfigError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

/// Where the node keeps its state unless told otherwise: `~/.local/state/roam-mcp` on Linux,
/// `~/Library/Application Support/roam-mcp` on macOS.
///
/// # Errors
/// When there is no home directory.
pub fn default_state_dir() -> Result<PathBuf, ConfigError> {
    let dirs = ProjectDirs::from("", "", "roam-mcp").ok_or(ConfigError::NoHome)?;
    Ok(dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir()).to_owned())
}

/// Where `config.toml` is unless told otherwise: `~/.config/roam-mcp` on Linux, `~/Library/Application Support/roam-mcp` on
/// macOS.
///
/// # Errors
/// When there is no home directory.
pub fn default_config_file() -> Result<PathBuf, ConfigError> {
    let dirs = ProjectDirs::from("", "", "roam-mcp").ok_or(ConfigError::NoHome)?;
    Ok(dirs.config_dir().join("config.toml"))
}

/// `~/.roam-tools.json`, which the official Roam tools read and write as well.
///
/// # Errors
/// When there is no home directory.
pub fn roam_tools_path() -> Result<PathBuf, ConfigError> {
    Ok(BaseDirs::new().ok_or(ConfigError::NoHome)?.home_dir().join(".roam-tools.json"))
}

/// Makes a directory that only its owner can open, unless it is there.
///
/// # Errors
/// When it cannot be made.
pub fn make_private_dir(path: &Path) -> Result<(), ConfigError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(ConfigError::io(path))
}

/// Checks a host name: one DNS label of letters, digits and inner hyphens (RFC 1123 section 2.1).
///
/// # Errors
/// When it is none.
pub fn host_label(name: &str) -> Result<String, String> {
    let inner = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
    let fits =
        (1..=63).contains(&name.len()) && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-');
    if fits { Ok(name.to_ascii_lowercase()) } else { Err("use 1 to 63 letters, digits and inner hyphens".into()) }
}

#[cfg(test)]
mod tests {
    use super::host_label;

    #[test]
    fn host_names_are_single_dns_labels() {
        for good in ["roam", "roam-2", "ROAM", "r", &"a".repeat(63)] {
            assert_eq!(host_label(good).unwrap(), good.to_ascii_lowercase());
        }
        for bad in ["", "-roam", "roam-", "roam.example", "ro am", "röam", &"a".repeat(64)] {
            assert!(host_label(bad).is_err(), "{bad}");
        }
    }
}
