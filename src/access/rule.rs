//! What one grant allows.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::Level;

/// Name of the application capability in the tailnet's grants.
pub const CAPABILITY: &str = "roam-mcp.internal/cap/roam-mcp";

/// An access level on some graphs through some tools. Several rules allow whatever one of them allows.
///
/// In a grant: `{"access": "read-append", "graphs": ["work"], "tools": ["search*", "get_*"]}`; without `graphs` or `tools`
/// it is for all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The level.
    pub access: Level,
    /// The graphs, by canonical name.
    #[serde(default)]
    pub graphs: Patterns,
    /// The tools, by name.
    #[serde(default, deserialize_with = "Patterns::of_tools")]
    pub tools: Patterns,
}

/// Names, in which `*` stands for any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patterns(Vec<Pattern>);

/// A name with stars in it. Most have one at the end or none, and those are matched without looking for stars again.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Any,
    Exactly(String),
    Opening(String),
    Stars(String),
}

/// A grant that means nothing to this program, and so grants nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a grant for {CAPABILITY} is not understood and grants nothing: {value}: {problem}")]
pub struct MalformedGrant {
    /// What stands there.
    pub value: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Rule {
    /// A level on every graph through every tool.
    pub fn everything(access: Level) -> Self {
        Self { access, graphs: Patterns::default(), tools: Patterns::default() }
    }

    /// Reads the values that the tailnet's grants give for [`CAPABILITY`].
    pub fn from_grants(values: &[Value]) -> (Vec<Self>, Vec<MalformedGrant>) {
        let (mut rules, mut malformed) = (Vec::new(), Vec::new());
        for value in values {
            match Self::deserialize(value) {
                Ok(rule) => rules.push(rule),
                Err(error) => malformed.push(MalformedGrant { value: value.to_string(), problem: error.to_string() }),
            }
        }
        (rules, malformed)
    }
}

impl Patterns {
    /// No name at all.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// Reads names of tools. The shell spells them with hyphens, and no tool has one in its name.
    pub(crate) fn of_tools<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::tools)
    }

    /// Tools as they are typed.
    pub fn tools(names: Vec<String>) -> Self {
        names.into_iter().map(|name| name.replace('-', "_")).collect()
    }

    /// The patterns that are none of `names`.
    pub fn idle<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a str> {
        let idle = |pattern: &&Pattern| !names.iter().any(|name| pattern.matches(name));
        self.0.iter().filter(idle).map(Pattern::as_str)
    }

    /// Whether one of the patterns is `name`.
    pub fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(name))
    }

    /// Whether one of the patterns is `name`, in capitals or not.
    pub fn matches_in_any_case(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.0.iter().any(|pattern| Pattern::from(pattern.as_str().to_lowercase()).matches(&name))
    }

    /// The first pattern that is `name`, as it was written.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|pattern| pattern.matches(name)).map(Pattern::as_str)
    }
}

impl Pattern {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(text) => text == name,
            Self::Opening(text) => text.strip_suffix('*').is_some_and(|opening| name.starts_with(opening)),
            Self::Stars(text) => matches(text, name),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Any => "*",
            Self::Exactly(text) | Self::Opening(text) | Self::Stars(text) => text,
        }
    }
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        match text.find('*') {
            None => Self::Exactly(text),
            Some(0) if text.len() == 1 => Self::Any,
            Some(at) if at + 1 == text.len() => Self::Opening(text),
            Some(_) => Self::Stars(text),
        }
    }
}

impl<S: Into<String>> FromIterator<S> for Patterns {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self(names.into_iter().map(|name| Pattern::from(name.into())).collect())
    }
}

impl Default for Patterns {
    /// All names.
    fn default() -> Self {
        Self(vec![Pattern::Any])
    }
}

impl Serialize for Patterns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Pattern::as_str))
    }
}

impl<'de> Deserialize<'de> for Patterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<String>::deserialize(deserializer).map(Self::from_iter)
    }
}

impl fmt::Display for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, pattern) in self.0.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { ", " }, pattern.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on graphs [{}] through tools [{}]", self.access, self.graphs, self.tools)
    }
}

/// The text before the first `*` opens the name, the text after the last one ends it, and what is between comes in order.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|opening| name.strip_prefix(opening)) else { return false };
    let Some(ending) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(ending)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*", "anything", true),
            ("work", "work", true),
            ("work", "works", false),
            ("work", "wor", false),
            ("get_*", "get_page", true),
            ("get_*", "get_", true),
            ("get_*", "forget_page", false),
            ("*_page", "get_page", true),
            ("*_page", "get_pages", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
            ("a**c", "ac", true),
            ("", "", true),
            ("", "x", false),
            ("*é*", "café au lait", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} against {name}");
            assert_eq!(Patterns::from_iter([pattern]).matches(name), expected, "{pattern} against {name}, prepared");
        }
    }

    #[test]
    fn a_malformed_grant_grants_nothing_and_is_told() {
        let values = [
            json!({"access": "read-only"}),
            json!({"access": "everything"}),
            json!({"acess": "full"}),
            json!({"access": "full", "graph": "work"}),
            json!({"access": "full", "graphs": "work"}),
            json!("full"),
            json!(null),
        ];
        let (rules, malformed) = Rule::from_grants(&values);
        assert_eq!(rules, [Rule::everything(Level::ReadOnly)]);
        assert_eq!(malformed.len(), 6);
        assert!(malformed[1].to_string().contains("acess"), "{}", malformed[1]);
    }

    #[test]
    fn tools_can_be_spelled_as_in_the_shell_and_graphs_cannot() {
        let (rules, _) = Rule::from_grants(&[json!({"access": "full", "graphs": ["my-notes"], "tools": ["get-*"]})]);
        assert!(rules[0].tools.matches("get_page") && rules[0].graphs.matches("my-notes"));
        assert!(!rules[0].graphs.matches("my_notes"));
    }

    #[test]
    fn a_pattern_that_is_nothing_there_is_found() {
        let patterns = Patterns::from_iter(["*", "get_*", "delet_*", "serch"]);
        assert_eq!(patterns.idle(&["get_page", "search"]).collect::<Vec<_>>(), ["delet_*", "serch"]);
    }

    #[test]
    fn an_empty_list_is_nothing_and_not_everything() {
        let (rules, _) = Rule::from_grants(&[json!({"access": "full", "graphs": []})]);
        assert!(!rules[0].graphs.matches("work"));
    }
}
