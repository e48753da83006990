//! The sections of `config.toml`.

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
    pub tools: Patterns,
    /// Whether a bearer token and a path secret must be shown together.
    pub require_both: bool,
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
    /// A copy of OpenAI's published file.
    pub openai_file: Option<PathBuf>,
    /// Tailscale's addresses.
    pub tailscale: bool,
    /// Loopback and private addresses.
    pub local: bool,
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
        Self { access: Share::Full, graphs: Patterns::default(), tools: Patterns::default(), require_both: false }
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
            // Guessing at ten a second is hopeless: a path secret has 128 bits.
            strangers_per_minute: number(600),
        }
    }
}

impl SourcesSection {
    /// The list that the section makes; without a word in it there is none.
    ///
    /// # Errors
    /// When OpenAI's networks are asked for and not to be had.
    pub fn sources(&self) -> Result<Sources, ConfigError> {
        let Self { allow, anthropic, openai, openai_file, tailscale, local } = self;
        if allow.is_empty() && !(*anthropic || *openai || *tailscale || *local) {
            return Ok(Sources::unlisted());
        }
        let mut networks = allow.clone();
        if *openai {
            networks.extend(published(openai_file.as_deref())?);
        }
        networks.extend(anthropic.then(Sources::anthropic).into_iter().flatten());
        networks.extend(tailscale.then(Sources::tailscale).into_iter().flatten());
        networks.extend(local.then(Sources::local).into_iter().flatten());
        Ok(Sources::only(networks))
    }
}

/// OpenAI's networks, from the copy that the operator keeps.
fn published(file: Option<&Path>) -> Result<Vec<IpNet>, ConfigError> {
    let path = file.ok_or_else(|| ConfigError::Invalid {
        setting: "--allow-openai",
        problem: "name a copy of https://openai.com/chatgpt-connectors.json with --openai-file, or as `openai_file`"
            .into(),
    })?;
    let text = std::fs::read_to_string(path).map_err(ConfigError::io(path))?;
    openai::parse(&text).map_err(|problem| ConfigError::File { path: path.to_owned(), problem })
}
