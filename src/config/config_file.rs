//! `config.toml`: who may call, from where, and how much. `docs/config.example.toml` has every key.

mod problem;

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Deserialize;

use super::{ConfigError, openai};
use crate::access::{Ceiling, Patterns, Policy, Rule, Share, Sources};

/// The file. Every key has a default, so an empty file and no file are the same.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConfigFile {
    /// Tools that nobody may use, whatever else is written.
    pub deny_tools: Patterns,
    /// Callers of the tailnet.
    pub tailnet: TailnetSection,
    /// Callers from the public internet.
    pub funnel: FunnelSection,
    /// Ceilings, by the graphs they are for.
    pub graphs: BTreeMap<String, GraphSection>,
    /// From where public callers may come.
    pub sources: SourcesSection,
    /// How much callers may ask for.
    pub limits: LimitsSection,
}

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

impl Default for ConfigFile {
    fn default() -> Self {
        Self {
            deny_tools: Patterns::none(),
            tailnet: TailnetSection::default(),
            funnel: FunnelSection::default(),
            graphs: BTreeMap::new(),
            sources: SourcesSection::default(),
            limits: LimitsSection::default(),
        }
    }
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
            per_minute: number(600),
            burst: number(100),
            // Models call a dozen tools in parallel, and a person may use several clients.
            concurrent: number(32),
            // A client that connects asks for some ten documents that may not be there, and hosted clients share addresses.
            // Guessing at ten a second is hopeless: a path secret has 128 bits.
            strangers_per_minute: number(600),
        }
    }
}

impl ConfigFile {
    /// Reads the file. Without a name the usual one is read, if there is one.
    ///
    /// # Errors
    /// When a file that was named is missing, or a file is not understood: with its line and key.
    pub fn load(named: Option<&Path>) -> Result<Self, ConfigError> {
        let path = named.map_or_else(super::default_config_file, |path| Ok(path.to_owned()))?;
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map_err(|problem| ConfigError::File { path, problem }),
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => Ok(Self::default()),
            Err(error) => Err(ConfigError::io(&path)(error)),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| problem::explain(text, &error))
    }

    /// The policy that the file describes, for a node of that owner.
    pub fn policy(&self, owner: Option<i64>) -> Policy {
        let FunnelSection { access, graphs, tools, .. } = self.funnel.clone();
        let ceilings = self.graphs.iter();
        Policy {
            owner,
            for_owner: self.tailnet.owner.rule(),
            for_others: self.tailnet.others.rule(),
            for_public: access.level().map(|access| Rule { access, graphs, tools }),
            ceilings: ceilings
                .map(|(name, graph)| Ceiling { graphs: [name.as_str()].into_iter().collect(), most: graph.ceiling })
                .collect(),
            deny_tools: self.deny_tools.clone(),
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

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../docs/config.example.toml");

    #[test]
    fn the_example_is_the_default() {
        assert_eq!(ConfigFile::parse(EXAMPLE).unwrap(), ConfigFile::default());
        assert_eq!(ConfigFile::parse("").unwrap(), ConfigFile::default());
        assert_eq!(ConfigFile::default().policy(None), Policy::default());
    }

    #[test]
    fn the_example_says_something_about_every_key_and_its_comments_work_as_well() {
        let uncommented: Vec<_> = EXAMPLE
            .lines()
            .map(|line| {
                line.strip_prefix("# ").filter(|line| line.contains(" = ") || line.starts_with('[')).unwrap_or(line)
            })
            .collect();
        let file = ConfigFile::parse(&uncommented.join("\n")).unwrap();
        assert!(!file.graphs.is_empty() && file.sources.openai_file.is_some());
        let keys = ["deny_tools", "owner", "others", "access", "graphs", "tools", "require_both", "ceiling", "allow"];
        let more = ["anthropic", "openai", "openai_file", "tailscale", "local", "per_minute", "burst", "concurrent"];
        for key in keys.iter().chain(&more).chain(&["strangers_per_minute"]) {
            assert!(EXAMPLE.contains(&format!("{key} = ")), "{key}");
        }
    }

    #[test]
    fn what_is_written_becomes_the_policy() {
        let text = r#"
            deny_tools = ["delete_*"]
            [tailnet]
            owner = "read-append"
            others = "read-only"
            [funnel]
            access = "read-append"
            graphs = ["work"]
            [graphs."archive-*"]
            ceiling = "read-only"
        "#;
        let policy = ConfigFile::parse(text).unwrap().policy(Some(7));
        assert_eq!((policy.owner, policy.for_owner), (Some(7), Share::ReadAppend.rule()));
        assert_eq!(policy.for_others, Share::ReadOnly.rule());
        assert!(policy.for_public.is_some_and(|rule| rule.graphs.matches("work") && !rule.graphs.matches("garden")));
        assert!(policy.ceilings[0].graphs.matches("archive-1") && policy.deny_tools.matches("delete_page"));
    }

    #[test]
    fn a_mistake_is_named_with_its_line_its_key_and_a_way_out() {
        for (text, parts) in [
            ("[tailnet]\nownr = \"full\"", &["line 2", "`ownr`", "`owner`"][..]),
            ("deny_tool = []", &["line 1", "`deny_tool`", "`deny_tools`"]),
            ("\n\n[tailnets]\nowner = \"full\"", &["line 3", "`tailnets`", "`tailnet`"]),
            ("[tailnet]\nowner = \"ful\"", &["line 2", "`owner`", "`ful`", "`full`"]),
            ("[funnel]\naccess = 5", &["line 2", "`access`"]),
            ("[funnel]\nrequire_both = \"yes\"", &["line 2", "`require_both`"]),
            ("[graphs.work]", &["ceiling"]),
            ("[sources]\nallow = [\"10.0.0.0/33\"]", &["line 2", "`allow`"]),
            ("[limits]\nburst = 0", &["line 2", "`burst`"]),
            ("[tailnet", &["line 1"]),
            ("[tailnet]\n[tailnet]", &["line 2"]),
        ] {
            let problem = ConfigFile::parse(text).unwrap_err();
            for part in parts {
                assert!(problem.contains(part), "{text:?}: {problem}");
            }
        }
    }

    #[test]
    fn sources_are_listed_as_soon_as_one_is() {
        let sources = |text: &str| ConfigFile::parse(&format!("[sources]\n{text}")).unwrap().sources.sources();
        assert!(!sources("").unwrap().is_listed());
        for listed in ["allow = [\"192.0.2.0/24\"]", "anthropic = true", "tailscale = true", "local = true"] {
            assert!(sources(listed).unwrap().is_listed(), "{listed}");
        }
        assert!(sources("openai = true").is_err(), "a list that cannot be had is not an open door");
        assert!(sources("openai = true\nopenai_file = \"/nowhere\"").is_err());
    }

    #[test]
    fn a_file_that_was_named_must_be_there() {
        let error = ConfigFile::load(Some(Path::new("/nowhere/config.toml"))).unwrap_err().to_string();
        assert!(error.contains("/nowhere/config.toml"), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(\\[?[a-z_]{0,9}\\]?( = )?[\"\\[\\]a-z0-9*/.]{0,9}\n?){0,6}") {
            let _ = ConfigFile::parse(&text);
        }
    }
}
