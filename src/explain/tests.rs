use super::*;
use crate::access::{Patterns, Share};
use crate::secret::Secret;

/// What there is: two graphs, an owner, and a credential.
struct World {
    policy: Policy,
    keys: Keyring,
    outside: Outside,
    sources: Sources,
    require_both: bool,
}

impl World {
    fn new(policy: Policy) -> Self {
        let rule = Rule { access: Level::ReadAppend, ..Rule::everything(Level::Full) };
        let credential = Credential { name: "claude".into(), kind: CredentialKind::Bearer, rule };
        let keys = [Key::plain(&Secret::from("x"), credential)].into_iter().collect();
        Self { policy, keys, outside: Outside::default(), sources: Sources::unlisted(), require_both: false }
    }

    fn asked(&self, who: &str, tool: &str) -> Result<Explanation, Unknown> {
        let graphs = ["garden".to_owned(), "diary".to_owned()];
        let known = Known {
            policy: &self.policy,
            keys: &self.keys,
            owner: Some(("amelie@example.com", 7)),
            seen: &[],
            graphs: &graphs,
            outside: &self.outside,
            sources: &self.sources,
            require_both: self.require_both,
        };
        explain(&Question { who: who.into(), tool: Some(tool.into()), graph: None }, &known)
    }

    fn told(&self, who: &str, tool: &str) -> String {
        self.asked(who, tool).unwrap().to_string()
    }
}

fn owned() -> Policy {
    Policy { owner: Some(7), ..Policy::default() }
}

#[test]
fn it_tells_the_rule_or_what_stands_in_the_way() {
    let policy = World::new(owned());
    let listed = World::new(Policy { deny_tools: Patterns::from_iter(["create_*"]), ..owned() });
    let (for_public, for_others) = (Share::ReadOnly.rule(), Share::ReadOnly.rule());
    let reading = World::new(Policy { for_public, for_others, ..owned() });
    for (world, who, parts) in [
        (&policy, "owner", ["allowed  create_block on garden", "by `owner` in [tailnet]"]),
        (&policy, "amelie@example.com", ["allowed  create_block on diary", "by `owner` in [tailnet]"]),
        (&policy, "bob@example.com", ["no rule is for them", "grants of the tailnet are known once"]),
        (&policy, "public", ["whoever shows a credential with full access", "by their credential"]),
        (&policy, "claude", ["holder of the credential `claude`\n", "allowed  create_block on garden"]),
        (&policy, "token", ["holder of the credential `token`\n", "allowed  create_block on garden"]),
        (&reading, "public", ["denied   create_block", "(read-append): the ceiling of public access"]),
        (&reading, "bob@example.com", ["denied   create_block", "(read-append): no rule allows it"]),
        (&listed, "owner", ["denied   create_block", "(read-append): `create_*` in `deny_tools`"]),
    ] {
        let text = world.told(who, "create_block");
        assert!(parts.iter().all(|part| text.contains(part)), "{who}: {text}");
    }
}

#[test]
fn a_name_that_nobody_has_is_no_caller() {
    let world = World::new(owned());
    let unknown = world.asked("z", "search").unwrap_err().to_string();
    assert!(unknown.starts_with("there is no credential `z`; `roam-mcp credentials list` shows them"), "{unknown}");
}

#[test]
fn a_tool_that_acts_on_the_desktop_is_told_as_a_call_would_find_it() {
    let mut world = World::new(owned());
    let denied = world.told("public", "setup_new_graph");
    assert!(denied.contains("denied   setup_new_graph") && denied.contains("`desktop_tools` in [funnel]"), "{denied}");
    assert!(world.told("owner", "setup_new_graph").contains("allowed  setup_new_graph"));
    world.outside.desktop_for_public = true;
    assert!(world.told("public", "setup_new_graph").contains("allowed  setup_new_graph"));
}

#[test]
fn the_networks_that_a_public_caller_has_to_come_from_are_told() {
    let mut world = World::new(owned());
    assert!(world.asked("public", "search").unwrap().conditions.is_empty());
    world.sources = Sources::only(["192.0.2.0/24".parse().unwrap()]);
    assert!(world.told("claude", "search").contains("public calls are taken from 192.0.2.0/24 alone, [sources]"));
    assert!(world.asked("owner", "search").unwrap().conditions.is_empty());
    world.sources = Sources::only([]);
    assert!(world.told("public", "search").contains("so no public call is taken"));
}

#[test]
fn that_both_credentials_are_demanded_is_told() {
    let mut world = World::new(owned());
    assert!(!world.told("claude", "search").contains("require_both"));
    world.require_both = true;
    assert!(world.told("claude", "search").contains("a path secret must be shown as well"));
    assert!(!world.told("owner", "search").contains("require_both"));
}

#[test]
fn without_a_node_the_owner_is_somebody_and_nobody_else() {
    let world = World::new(Policy::default());
    let known = Known {
        policy: &world.policy,
        keys: &world.keys,
        owner: None,
        seen: &[],
        graphs: &[],
        outside: &world.outside,
        sources: &world.sources,
        require_both: false,
    };
    let question = |who: &str| Question { who: who.into(), tool: Some("search".into()), graph: Some("garden".into()) };
    let allowed = |who| explain(&question(who), &known).unwrap().verdicts[0].allowed;
    assert!(allowed("owner") && !allowed("bob@example.com"));
}
