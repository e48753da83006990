//! What `up` works with, made from what was typed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::DoorFlag;
use crate::audit::AuditSettings;
use crate::cli::{AccessFlags, DesktopFlags, UpArgs};
use crate::config::{self, ConfigError};
use crate::secret::Secret;
use crate::tailnet::NodeConfig;

/// The settings of a node.
#[derive(Debug)]
pub struct Settings {
    /// How it joins. Its directory is that of [`super::StateDir`].
    pub node: NodeConfig,
    /// What was said about the public door.
    pub funnel: DoorFlag,
    /// The export to serve; `None` for the graphs of Roam Desktop that were connected.
    pub graph: Option<PathBuf>,
    /// How Roam Desktop is dealt with.
    pub desktop: DesktopFlags,
    /// The socket of this machine that takes calls too.
    pub listen: Option<SocketAddr>,
    /// The port of the public door.
    pub funnel_port: u16,
    /// How calls are recorded.
    pub audit: AuditSettings,
    /// Whether to print secrets.
    pub show_secrets: bool,
    /// The official tools' file, which holds the public credentials.
    pub roam_tools: PathBuf,
    /// Who may call, as far as it was typed.
    pub access: AccessFlags,
    /// The bearer token of this run, if it is not the one in that file.
    pub token: Option<Secret>,
    /// The path secret of this run, if it is not the one in that file.
    pub path_secret: Option<Secret>,
}

/// Key of an OAuth client, which Tailscale also accepts in place of an auth key.
const CLIENT_SECRET_PREFIX: &str = "tskey-client-";

impl Settings {
    /// Reads what the arguments point to.
    ///
    /// # Errors
    /// When a file that was named cannot be read, or settings contradict each other.
    pub fn new(mut args: UpArgs) -> Result<Self, ConfigError> {
        let mut auth_key = secret("--auth-key", args.auth_key.as_deref())?;
        if let Some(path) = &args.auth_key_file {
            auth_key = secret("--auth-key-file", Some(&read(path)?))?;
        }
        let mut client_secret = secret("--client-secret", args.client_secret.as_deref())?;
        if let Some(path) = &args.client_secret_file {
            client_secret = secret("--client-secret-file", Some(&read(path)?))?;
        }
        if auth_key.is_some() && client_secret.is_some() {
            return Err(ConfigError::Invalid {
                setting: "--client-secret",
                problem:
                    "there is an auth key as well, and a node joins with one of the two: leave out --client-secret, \
                          --client-secret-file and TS_CLIENT_SECRET, or --auth-key, --auth-key-file and TS_AUTHKEY"
                        .into(),
            });
        }
        if client_secret.is_none()
            && auth_key.as_ref().is_some_and(|key| key.expose().starts_with(CLIENT_SECRET_PREFIX))
        {
            client_secret = auth_key.take();
        }
        let token = secret("--token", args.access.token.take().as_deref())?;
        let path_secret = secret("--secret", args.access.secret.take().as_deref())?;
        if path_secret.as_ref().is_some_and(|secret| !config::is_path_segment(secret.expose())) {
            return Err(ConfigError::Invalid {
                setting: "--secret",
                problem: "it goes into a URL; use letters, digits, `-`, `_`, `.` and `~`".into(),
            });
        }
        let tags = args.tags.into_iter().map(tag).collect::<Result<Vec<_>, _>>()?;
        if client_secret.is_some() && tags.is_empty() {
            return Err(ConfigError::Invalid {
                setting: "--tags",
                problem: "an OAuth client joins tagged nodes only; name the tags it may give".into(),
            });
        }
        Ok(Self {
            node: NodeConfig {
                dir: PathBuf::new(),
                hostname: args.hostname,
                control_url: args.control_url,
                auth_key,
                client_secret,
                tags,
                ephemeral: args.ephemeral,
                verbose: args.log.level().contains("tailscale"),
                resolver: args.tailnet_resolver,
            },
            graph: args.graph,
            funnel: match (args.funnel, args.no_funnel) {
                // Of two flags the last one counts, so both means: a flag, against the environment.
                (true, _) => DoorFlag::Open,
                (false, true) => DoorFlag::Shut,
                (false, false) => DoorFlag::AsLeft,
            },
            desktop: args.desktop,
            listen: args.listen,
            funnel_port: args.funnel_port.parse().unwrap_or(443),
            audit: AuditSettings { arguments: args.audit_arguments, on_failure: args.audit_failure },
            show_secrets: args.show_secrets,
            roam_tools: config::roam_tools_path()?,
            access: args.access,
            token,
            path_secret,
        })
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Io { path: path.to_owned(), source })
}

/// A secret that `setting` gave. An empty one was meant to be something.
fn secret(setting: &'static str, text: Option<&str>) -> Result<Option<Secret>, ConfigError> {
    match text.map(str::trim) {
        None => Ok(None),
        Some("") => Err(ConfigError::Invalid {
            setting,
            problem: "it is empty; put the key in, or leave the setting out".into(),
        }),
        Some(text) => Ok(Some(Secret::from(text))),
    }
}

fn tag(tag: String) -> Result<String, ConfigError> {
    match tag.strip_prefix("tag:") {
        Some(name) if !name.is_empty() => Ok(tag),
        _ => {
            Err(ConfigError::Invalid { setting: "--tags", problem: format!("`{tag}` is not a tag; write `tag:name`") })
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn settings(args: &[&str]) -> Result<Settings, ConfigError> {
        let base = ["roam-mcp", "up", "--graph", "g.json"];
        let Some(Command::Up(up)) = Cli::try_parse_from(base.iter().chain(args)).unwrap().command else {
            unreachable!()
        };
        Settings::new(*up)
    }

    #[test]
    fn the_door_stays_as_it_was_left_unless_told_otherwise() {
        assert_eq!(settings(&[]).unwrap().funnel, DoorFlag::AsLeft);
        assert_eq!(settings(&["--no-funnel"]).unwrap().funnel, DoorFlag::Shut);
        assert_eq!(settings(&["--no-funnel", "--funnel"]).unwrap().funnel, DoorFlag::Open);
        assert_eq!(settings(&["--funnel", "--no-funnel"]).unwrap().funnel, DoorFlag::Shut);
        assert_eq!(settings(&["--funnel-port", "8443"]).unwrap().funnel_port, 8443);
    }

    #[test]
    fn without_an_export_roam_desktop_is_served_and_started_unless_told_otherwise() {
        let typed = |args: &[&str]| {
            let line = ["roam-mcp", "up"].iter().chain(args);
            let Some(Command::Up(up)) = Cli::try_parse_from(line).unwrap().command else { unreachable!() };
            Settings::new(*up).unwrap()
        };
        assert!(typed(&[]).graph.is_none() && !typed(&[]).desktop.no_launch);
        assert!(typed(&["--no-launch"]).desktop.no_launch);
    }

    #[test]
    fn a_key_comes_from_a_file_without_its_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "tskey-auth-abc\n").unwrap();
        let settings = settings(&["--auth-key-file", path.to_str().unwrap()]).unwrap();
        assert!(settings.node.auth_key.unwrap().matches("tskey-auth-abc"));
    }

    #[test]
    fn what_cannot_work_is_named() {
        let empty = tempfile::NamedTempFile::new().unwrap();
        let empty = empty.path().to_str().unwrap();
        let both = ["--auth-key", "tskey-auth-x", "--client-secret", "tskey-client-x", "--tags", "tag:roam"];
        for (args, named) in [
            (&["--auth-key", ""][..], "--auth-key: "),
            (&["--auth-key-file", empty], "--auth-key-file: "),
            (&["--client-secret", ""], "--client-secret: "),
            (&["--client-secret-file", empty], "--client-secret-file: "),
            (&both, "TS_AUTHKEY"),
            (&both, "--client-secret: "),
            (&["--auth-key-file", "/nowhere/key"], "/nowhere/key"),
            (&["--tags", "roam"], "tag:name"),
            (&["--secret", "a/b"], "--secret"),
            (&["--token", " "], "--token"),
            (&["--tags", "tag:"], "tag:name"),
            (&["--client-secret", "tskey-client-x"], "--tags"),
            (&["--auth-key", "tskey-client-x"], "--tags"),
        ] {
            let error = settings(args).unwrap_err().to_string();
            assert!(error.contains(named), "{args:?}: {error}");
        }
    }
}
