//! Names in the rules that are nobody's: mistyped, they protect nothing or give nothing, and nothing else would tell.

use crate::access::{Caller, Patterns, Rule};
use crate::config::ConfigFile;
use crate::credentials::Keyring;
use crate::tools::TOOLS;

/// What names are compared with.
pub(super) struct Names<'a> {
    tools: Vec<&'a str>,
    /// Names and nicknames; none are known while there are none.
    graphs: &'a [(String, String)],
}

impl<'a> Names<'a> {
    pub(super) fn new(graphs: &'a [(String, String)]) -> Self {
        // The numbers are no tool, and can be denied like one.
        Self { tools: TOOLS.iter().map(|tool| tool.name).chain(["metrics"]).collect(), graphs }
    }

    /// In `config.toml`.
    pub(super) fn in_file(&self, file: &ConfigFile) -> Vec<String> {
        let listed = [("`deny_tools`", &file.deny_tools), ("`tools` in [funnel]", &file.funnel.tools)];
        let tools = listed.into_iter().flat_map(|(key, patterns)| {
            self.tools(patterns).map(move |idle| format!("config.toml: `{idle}` in {key} is the name of no tool"))
        });
        let graphs = self.graphs(&file.funnel.graphs);
        let graphs = graphs
            .map(|idle| format!("config.toml: `{idle}` in `graphs` in [funnel] is the name of no graph that is here"));
        // A ceiling may go by a nickname.
        let is_idle = |key: &&String| {
            let pattern = Patterns::from_iter([key.as_str()]);
            let fits =
                |(name, nickname): &(String, String)| pattern.matches(name) || pattern.matches_in_any_case(nickname);
            !self.graphs.is_empty() && !self.graphs.iter().any(fits)
        };
        let ceilings = file.graphs.keys().filter(is_idle);
        let ceilings = ceilings
            .map(|idle| format!("config.toml: `{idle}` in [graphs] is no graph that is here, so it protects nothing"));
        tools.chain(graphs).chain(ceilings).collect()
    }

    /// In the rules of credentials.
    pub(super) fn in_keys(&self, keys: &Keyring) -> Vec<String> {
        let rules = keys.keys().map(|key| (format!("credential `{}`", key.credential().name), &key.credential().rule));
        rules.flat_map(|(whose, rule)| self.in_rule(&whose, rule)).collect()
    }

    /// In the grants of callers.
    pub(super) fn in_grants(&self, seen: &[Caller]) -> Vec<String> {
        let of = |caller: &Caller| {
            let of = |rule| self.in_rule(&format!("the tailnet's grants for {caller}"), rule);
            caller.grants().iter().flat_map(of).collect::<Vec<_>>()
        };
        let mut idle: Vec<_> = seen.iter().flat_map(of).collect();
        idle.sort_unstable();
        idle.dedup();
        idle
    }

    fn in_rule(&self, whose: &str, rule: &Rule) -> Vec<String> {
        let tools = self.tools(&rule.tools).map(|idle| format!("{whose}: `{idle}` is the name of no tool"));
        let graphs = self.graphs(&rule.graphs);
        tools.chain(graphs.map(|idle| format!("{whose}: `{idle}` is the name of no graph that is here"))).collect()
    }

    fn tools<'p>(&'p self, patterns: &'p Patterns) -> impl Iterator<Item = &'p str> {
        patterns.idle(&self.tools)
    }

    /// Rules go by names alone: whoever connects a graph chooses its nickname.
    fn graphs(&self, patterns: &Patterns) -> impl Iterator<Item = String> {
        let names: Vec<&str> = self.graphs.iter().map(|(name, _)| name.as_str()).collect();
        let idle: Vec<_> =
            if names.is_empty() { Vec::new() } else { patterns.idle(&names).map(str::to_owned).collect() };
        idle.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::access::TailnetUser;

    #[test]
    fn a_mistyped_graph_or_tool_is_told_wherever_it_stands() {
        let graphs = [("Diary".to_owned(), "priv".to_owned()), ("work".to_owned(), "job".to_owned())];
        let names = Names::new(&graphs);
        let file = |text: &str| toml::from_str::<ConfigFile>(text).unwrap();
        let ceilings =
            "[graphs.Dairy]\nceiling = \"none\"\n[graphs.PRIV]\nceiling = \"none\"\n[graphs.\"*\"]\nceiling = \"full\"";
        assert_eq!(names.in_file(&file(ceilings)).len(), 1, "{:?}", names.in_file(&file(ceilings)));
        assert!(names.in_file(&file(ceilings))[0].contains("`Dairy` in [graphs]"));
        let listed = "deny_tools = [\"delet_*\", \"metrics\"]\n[funnel]\ngraphs = [\"job\", \"work\"]\ntools = [\"*\"]";
        let told = names.in_file(&file(listed));
        assert!(told.len() == 2 && told[0].contains("`delet_*`") && told[1].contains("`job`"), "{told:?}");
        assert!(Names::new(&[]).in_file(&file(ceilings)).is_empty(), "nothing is known without a graph");

        let grants = Rule::from_grants(&[json!({"access": "full", "graphs": ["wrok"], "tools": ["serch", "get_*"]})]).0;
        let user = TailnetUser { id: 1, login: "alice@example.com".into(), node: "laptop".into(), grants };
        let told = names.in_grants(&[Caller::User(user.clone()), Caller::User(user)]);
        assert!(told.len() == 2 && told.iter().all(|told| told.contains("alice@example.com")), "{told:?}");
    }
}
