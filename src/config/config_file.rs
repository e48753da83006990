//! `config.toml`: who may call, from where, and how much. `docs/config.example.toml` has every key.

mod problem;
mod sections;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ConfigError;
use crate::access::{Ceiling, Patterns, Policy, Rule};

pub use sections::{FunnelSection, GraphSection, LimitsSection, SourcesSection, TailnetSection, UploadsSection};

/// The file. Every key has a default, so an empty file and no file are the same at a start; see [`ConfigFile::read`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConfigFile {
    /// Tools that nobody may use, whatever else is written.
    #[serde(deserialize_with = "Patterns::of_tools")]
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
    /// Which files of this computer callers may upload.
    pub uploads: UploadsSection,
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
            uploads: UploadsSection::default(),
        }
    }
}

impl ConfigFile {
    /// Reads the file. Without a name the usual one is read, if there is one.
    ///
    /// # Errors
    /// When a file that was named is missing, or a file is not understood: with its line and key.
    pub fn load(named: Option<&Path>) -> Result<Self, ConfigError> {
        Ok(Self::read(named)?.map(|(file, _)| file).unwrap_or_default())
    }

    /// As [`load`](Self::load), with the text that was read; `None` if there is no file, or nothing in it. A comment is
    /// something.
    ///
    /// # Errors
    /// As for [`load`](Self::load).
    pub fn read(named: Option<&Path>) -> Result<Option<(Self, String)>, ConfigError> {
        let path = Self::path(named)?;
        match std::fs::read_to_string(&path) {
            Ok(text) if text.trim().is_empty() => Ok(None),
            Ok(text) => match Self::parse(&text) {
                Ok(file) => Ok(Some((file, text))),
                Err(problem) => Err(ConfigError::File { path, problem }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => Ok(None),
            Err(error) => Err(ConfigError::io(&path)(error)),
        }
    }

    /// The file that is read: the one that was named, or the usual one.
    ///
    /// # Errors
    /// When there is no home directory to look in.
    pub fn path(named: Option<&Path>) -> Result<PathBuf, ConfigError> {
        named.map_or_else(super::default_config_file, |path| Ok(path.to_owned()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Peer, Share};

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
        assert!(!file.graphs.is_empty() && file.sources.openai_file.is_some() && file.uploads.root.is_some());
        let keys = ["deny_tools", "owner", "others", "access", "graphs", "tools", "require_both", "ceiling", "allow"];
        let more = [
            "anthropic",
            "openai",
            "openai_file",
            "tailscale",
            "local",
            "trust_proxy",
            "per_minute",
            "burst",
            "concurrent",
        ];
        for key in keys.iter().chain(&more).chain(&["strangers_per_minute", "desktop_tools", "root"]) {
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
    fn tools_can_be_spelled_as_in_the_shell() {
        let text = "deny_tools = [\"delete-blocks\"]\n[funnel]\ntools = [\"get-*\"]";
        let policy = ConfigFile::parse(text).unwrap().policy(None);
        assert!(policy.deny_tools.matches("delete_blocks"));
        assert!(policy.for_public.is_some_and(|rule| rule.tools.matches("get_page")));
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
        let dir = tempfile::tempdir().unwrap();
        let kept = dir.path().join("openai.json");
        let sources = |text: &str| ConfigFile::parse(&format!("[sources]\n{text}")).unwrap().sources.sources(&kept);
        assert!(!sources("").unwrap().is_listed());
        for listed in ["allow = [\"192.0.2.0/24\"]", "anthropic = true", "tailscale = true", "local = true"] {
            assert!(sources(listed).unwrap().is_listed(), "{listed}");
        }
        assert!(sources("openai = true\nopenai_file = \"/nowhere\"").is_err());
        let openai = Peer::Funnel { source: "192.0.2.1:443".parse().unwrap() };
        let yet = sources("openai = true").unwrap();
        assert!(yet.is_listed() && !yet.allow(&openai), "a list that cannot be had is not an open door");
        std::fs::write(&kept, r#"{"prefixes": [{"ipv4Prefix": "192.0.2.0/28"}]}"#).unwrap();
        assert!(sources("openai = true").unwrap().allow(&openai));
        std::fs::write(&kept, "[]").unwrap();
        assert!(sources("openai = true").is_err());
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
