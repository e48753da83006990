//! The sections of `config.toml`.

use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Deserialize;

use crate::access::{Patterns, Share, Sources};
use crate::config::{ConfigError, openai};

/// `[tailnet]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TailnetSection {
    /// The owner's own devices.
    pub owner: Share,
    /// Other users and tagged nodes, without a grant.
    pub others: Share,
}

/// `[funnel]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FunnelSection {
    /// The most that a credential can allow.
    pub access: Share,
    /// The graphs it can be for.
    pub graphs: Patterns,
    /// The tools it can be for.
    #[serde(deserialize_with = "Patterns::of_tools")]
    pub tools: Patterns,
    /// Whether a bearer token and a path secret must be shown together.
    pub require_both: bool,
    /// Whether the tools that act on this computer can be for public callers too.
    pub desktop_tools: bool,
}

/// `[uploads]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadsSection {
    /// The directory from which files can be uploaded by their path; `None` for nowhere.
    pub root: Option<PathBuf>,
}

/// `[graphs."<name>"]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphSection {
    /// The most that anybody may do there.
    pub ceiling: Share,
}

/// `[sources]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourcesSection {
    /// Networks.
    pub allow: Vec<IpNet>,
    /// Anthropic's.
    pub anthropic: bool,
    /// OpenAI's.
    pub openai: bool,
    /// The operator's copy of OpenAI's published file, in place of the one that the program keeps.
    pub openai_file: Option<PathBuf>,
    /// Tailscale's addresses.
    pub tailscale: bool,
    /// Loopback and private addresses.
    pub local: bool,
    /// Proxies in front of this machine's own socket, whose word about a client counts.
    pub trust_proxy: Vec<IpNet>,
}

/// `[limits]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsSection {
    /// Requests of one caller, over time.
    pub per_minute: NonZeroU32,
    /// Requests of one caller at once, before `per_minute` counts.
    pub burst: NonZeroU32,
    /// Requests of one caller that run at the same time.
    pub concurrent: NonZeroU32,
    /// Requests of one public address without a right credential, over time.
    pub strangers_per_minute: NonZeroU32,
}

impl Default for TailnetSection {
    fn default() -> Self {
        Self { owner: Share::Full, others: Share::None }
    }
}

impl Default for FunnelSection {
    fn default() -> Self {
        let (graphs, tools) = (Patterns::default(), Patterns::default());
        Self { access: Share::Full, graphs, tools, require_both: false, desktop_tools: false }
    }
}

impl Default for LimitsSection {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            // An agent that works without a pause makes two or three calls a second.
            per_minute: number(1200),
            burst: number(200),
            // As many as one HTTP/2 connection carries, so that no client is refused what its connection allows.
            concurrent: number(100),
            // A client that connects asks for some ten documents that may not be there, and hosted clients share addresses.
            // Guessing is hopeless at any speed: a path secret has 128 bits. This spares the machine.
            strangers_per_minute: number(600),
        }
    }
}

impl UploadsSection {
    /// The directory, if one is set and it is there.
    ///
    /// # Errors
    /// When it is no directory.
    pub fn checked(&self) -> Result<Option<PathBuf>, ConfigError> {
        match &self.root {
            Some(root) if !root.is_dir() => {
                let problem = "uploads by path are to come from here, and it is no directory; make it, or name another";
                Err(ConfigError::File { path: root.clone(), problem: problem.into() })
            }
            root => Ok(root.clone()),
        }
    }
}

impl SourcesSection {
    /// The list that the section makes; without a word in it there is none. `kept` is the copy of OpenAI's networks that
    /// the program keeps; until there is one, nobody comes in from there.
    ///
    /// # Errors
    /// When the file with OpenAI's networks cannot be read.
    pub fn sources(&self, kept: &Path) -> Result<Sources, ConfigError> {
        let Self { allow, anthropic, openai, openai_file, tailscale, local, trust_proxy: _ } = self;
        if allow.is_empty() && !(*anthropic || *openai || *tailscale || *local) {
            return Ok(Sources::unlisted());
        }
        let mut networks = allow.clone();
        if *openai {
            networks.extend(published(openai_file.as_deref(), kept)?);
        }
        networks.extend(anthropic.then(Sources::anthropic).into_iter().flatten());
        networks.extend(tailscale.then(Sources::tailscale).into_iter().flatten());
        networks.extend(local.then(Sources::local).into_iter().flatten());
        Ok(Sources::only(networks))
    }
}

/// OpenAI's networks, from the copy that the operator keeps, or else the program.
fn published(named: Option<&Path>, kept: &Path) -> Result<Vec<IpNet>, ConfigError> {
    let path = named.unwrap_or(kept);
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => return Ok(Vec::new()),
        text => text.map_err(ConfigError::io(path))?,
    };
    openai::parse(&text).map_err(|problem| ConfigError::File { path: path.to_owned(), problem })
}
