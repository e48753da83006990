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

pub use config_file::{
    ConfigFile, FunnelSection, GraphSection, LimitsSection, SourcesSection, TailnetSection, UploadsSection,
};
pub use file::{replace as replace_file, target_of as target_of_link};
pub use openai::{URL as OPENAI_URL, parse as openai_networks};
pub use roam_tools::is_one_segment as is_path_segment;
pub use roam_tools::{
    GraphEntry, HttpSection, Kind, RoamTools, Stamp, TOKEN_PREFIX, TokenLevel, TokenStatus, called, has_nickname,
    is_graph_name, slug,
};

/// The name of the program's own copy of OpenAI's addresses, in the state directory.
pub const OPENAI_COPY: &str = "openai.json";

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
    /// A file was written by a newer program.
    #[error("{}: its version is {found}, and this roam-mcp knows version {known}; update roam-mcp", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// The version it has.
        found: u64,
        /// The version that this program knows.
        known: u64,
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

/// `~/.roam-local-api.json`, in which Roam Desktop writes the port of its Local API.
///
/// # Errors
/// When there is no home directory.
pub fn roam_port_path() -> Result<PathBuf, ConfigError> {
    Ok(BaseDirs::new().ok_or(ConfigError::NoHome)?.home_dir().join(".roam-local-api.json"))
}

/// Writes down a port as Roam Desktop does.
///
/// # Errors
/// When the file cannot be written.
pub fn write_roam_port(path: &Path, port: u16) -> Result<(), ConfigError> {
    file::replace(path, format!("{{\"port\":{port}}}\n").as_bytes()).map_err(ConfigError::io(path))
}

/// The name that a graph gets from the file it comes from, in the characters that Roam allows; `None` if none are left.
pub fn graph_name(file: &Path) -> Option<String> {
    let stem = file.file_stem()?.to_string_lossy();
    let name: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    Some(name.trim_matches('-').to_owned()).filter(|name| !name.is_empty())
}

/// Whether somebody sits in front of this process: a window could open, and a person could see it.
pub fn desktop_session() -> bool {
    let given = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(target_os = "macos") { !given("SSH_CONNECTION") } else { given("DISPLAY") || given("WAYLAND_DISPLAY") }
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
    use super::*;

    #[test]
    fn a_graph_is_called_after_its_file() {
        for (file, name) in
            [("garden.json", "garden"), ("/a/My Notes (2).json", "My-Notes--2"), ("x.tar.json", "x-tar")]
        {
            assert_eq!(graph_name(Path::new(file)).as_deref(), Some(name));
        }
        for bad in ["/", "日本.json", "..."] {
            assert_eq!(graph_name(Path::new(bad)), None, "{bad}");
        }
    }

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
