use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Ceiling, Credential, CredentialKind, Patterns, TailnetNode, TailnetUser};
use super::*;
use Level::{Full, ReadAppend, ReadOnly};

const OWNER: i64 = 7;

fn user_with(id: i64, grants: &[Value]) -> Caller {
    let grants = Rule::from_grants(grants).0;
    Caller::User(TailnetUser { id, login: format!("user{id}@example.com"), node: "laptop".into(), grants })
}

fn user(id: i64) -> Caller {
    user_with(id, &[])
}

fn tagged(grants: &[Value]) -> Caller {
    let grants = Rule::from_grants(grants).0;
    Caller::Tagged(TailnetNode { node: "ci".into(), tags: vec!["tag:ci".into()], grants })
}

fn rule(value: &Value) -> Rule {
    Rule::from_grants(std::slice::from_ref(value)).0.remove(0)
}

fn holder(kind: CredentialKind, of: &Value) -> Caller {
    Caller::Public(Arc::new(Credential { name: "claude".into(), kind, rule: rule(of) }))
}

fn bearer() -> Caller {
    holder(CredentialKind::Bearer, &json!({"access": "full"}))
}

fn path() -> Caller {
    holder(CredentialKind::Path, &json!({"access": "full"}))
}

fn owned() -> Policy {
    Policy { owner: Some(OWNER), ..Policy::default() }
}

fn ceiling(graphs: &str, most: Share) -> Ceiling {
    Ceiling { graphs: Patterns::from_iter([graphs]), most }
}

fn on<'a>(tool: &'a str, needs: Level, graph: &'a str) -> Operation<'a> {
    Operation { tool, needs, graph: Some(graph) }
}

/// Each line: the policy, the caller, the tool and its level, the graph, and what refuses it, if anything does.
#[test]
fn the_table_of_decisions() {
    let owned = owned();
    let unowned = Policy::default();
    let open = Policy { for_others: Share::ReadOnly.rule(), ..owned.clone() };
    let stern = Policy { for_owner: Share::ReadOnly.rule(), ..owned.clone() };
    let nobody = Policy { for_owner: None, ..owned.clone() };
    let shut = Policy { for_public: None, ..owned.clone() };
    let read_door = Policy { for_public: Share::ReadOnly.rule(), ..owned.clone() };
    let narrow_door = Policy {
        for_public: Some(rule(&json!({"access": "read-append", "graphs": ["work*"], "tools": ["get_*", "create_*"]}))),
        ..owned.clone()
    };
    let layered = Policy {
        ceilings: vec![
            ceiling("work", Share::ReadAppend),
            ceiling("wo*", Share::Full),
            ceiling("archive*", Share::ReadOnly),
            ceiling("archive-deep", Share::Full),
            ceiling("diary", Share::None),
        ],
        ..owned.clone()
    };
    let lidded = Policy { ceilings: vec![ceiling("*", Share::ReadAppend)], ..owned.clone() };
    let work_door = Policy { for_public: Some(rule(&json!({"access": "full", "graphs": ["work"]}))), ..owned.clone() };
    let listed = Policy { deny_tools: Patterns::from_iter(["delete_*", "undo"]), ..open.clone() };

    let append = json!({"access": "read-append", "graphs": ["work*"], "tools": ["get_*", "create_*"]});
    let read = json!({"access": "read-only", "graphs": ["garden"]});
    let both = user_with(8, &[append.clone(), read.clone()]);
    let robot = tagged(&[append.clone(), read.clone()]);
    let full = user_with(8, &[json!({"access": "full"})]);
    let nothing = user_with(8, &[json!({"access": "full", "graphs": []})]);
    let broken = user_with(8, &[json!({"access": "all"})]);
    let claude = holder(CredentialKind::Bearer, &append);
    let only_work = holder(CredentialKind::Bearer, &json!({"access": "full", "graphs": ["work"]}));
    let gardener =
        user_with(8, &[json!({"access": "full", "graphs": ["garden", "g*"]}), json!({"access": "read-only"})]);

    let no_rule = || Some(Barrier::NoRule);
    let unfit = || Some(Barrier::NoRuleFits);
    let public = || Some(Barrier::PublicCeiling);
    let graph = || Some(Barrier::GraphCeiling);
    let denied = |pattern: &str| Some(Barrier::DeniedTool(pattern.into()));

    let table = [
        // The owner's line.
        (&owned, user(OWNER), "get_page", ReadOnly, "garden", None),
        (&owned, user(OWNER), "create_page", ReadAppend, "garden", None),
        (&owned, user(OWNER), "delete_page", Full, "garden", None),
        (&stern, user(OWNER), "get_page", ReadOnly, "garden", None),
        (&stern, user(OWNER), "create_page", ReadAppend, "garden", unfit()),
        (&stern, user(OWNER), "delete_page", Full, "garden", unfit()),
        (&nobody, user(OWNER), "get_page", ReadOnly, "garden", no_rule()),
        (&stern, user_with(OWNER, &[json!({"access": "full"})]), "delete_page", Full, "garden", None),
        (&nobody, user_with(OWNER, std::slice::from_ref(&read)), "get_page", ReadOnly, "garden", None),
        (&nobody, user_with(OWNER, std::slice::from_ref(&read)), "get_page", ReadOnly, "work", unfit()),
        // A node that belongs to nobody has no owner to let in.
        (&unowned, user(OWNER), "get_page", ReadOnly, "garden", no_rule()),
        (&unowned, user(0), "get_page", ReadOnly, "garden", no_rule()),
        (&unowned, user(-1), "get_page", ReadOnly, "garden", no_rule()),
        (&unowned, both.clone(), "get_page", ReadOnly, "garden", None),
        // Everybody else in the tailnet.
        (&owned, user(8), "get_page", ReadOnly, "garden", no_rule()),
        (&owned, tagged(&[]), "get_page", ReadOnly, "garden", no_rule()),
        (&open, user(8), "get_page", ReadOnly, "garden", None),
        (&open, user(8), "create_page", ReadAppend, "garden", unfit()),
        (&open, tagged(&[]), "get_page", ReadOnly, "garden", None),
        (&open, tagged(&[]), "delete_page", Full, "garden", unfit()),
        (&open, user(OWNER), "delete_page", Full, "garden", None),
        // `others` is not for the owner: a node without one treats all alike.
        (&Policy { owner: None, ..open.clone() }, user(OWNER), "get_page", ReadOnly, "garden", None),
        (&Policy { owner: None, ..open.clone() }, user(OWNER), "delete_page", Full, "garden", unfit()),
        // Grants.
        (&owned, both.clone(), "get_page", ReadOnly, "work", None),
        (&owned, both.clone(), "get_block", ReadOnly, "work-2", None),
        (&owned, both.clone(), "create_block", ReadAppend, "work", None),
        (&owned, both.clone(), "search", ReadOnly, "work", unfit()),
        (&owned, both.clone(), "create_block", Full, "work", unfit()),
        (&owned, both.clone(), "get_page", ReadOnly, "garden", None),
        (&owned, both.clone(), "search", ReadOnly, "garden", None),
        (&owned, both.clone(), "create_block", ReadAppend, "garden", unfit()),
        (&owned, both.clone(), "get_page", ReadOnly, "diary", unfit()),
        (&owned, both.clone(), "get_page", ReadOnly, "", unfit()),
        (&owned, robot.clone(), "create_block", ReadAppend, "work", None),
        (&owned, robot.clone(), "create_block", ReadAppend, "garden", unfit()),
        (&owned, robot, "search", ReadOnly, "diary", unfit()),
        (&owned, full.clone(), "delete_page", Full, "anything", None),
        (&owned, nothing.clone(), "get_page", ReadOnly, "garden", unfit()),
        (&owned, nothing, "get_page", ReadOnly, "", unfit()),
        (&owned, broken.clone(), "get_page", ReadOnly, "garden", no_rule()),
        (&open, broken.clone(), "get_page", ReadOnly, "garden", None),
        (&open, broken, "create_page", ReadAppend, "garden", unfit()),
        // A grant and the line of the policy: the union of both.
        (&open, both.clone(), "search", ReadOnly, "diary", None),
        (&open, both.clone(), "create_block", ReadAppend, "work", None),
        (&open, both.clone(), "create_block", ReadAppend, "diary", unfit()),
        // Public callers, under the ceiling of public access.
        (&owned, bearer(), "delete_page", Full, "garden", None),
        (&owned, path(), "delete_page", Full, "garden", None),
        (&shut, bearer(), "get_page", ReadOnly, "garden", public()),
        (&shut, path(), "get_page", ReadOnly, "garden", public()),
        (&shut, user(OWNER), "delete_page", Full, "garden", None),
        (&read_door, path(), "get_page", ReadOnly, "garden", None),
        (&read_door, bearer(), "create_page", ReadAppend, "garden", public()),
        (&read_door, user(OWNER), "delete_page", Full, "garden", None),
        (&read_door, full.clone(), "delete_page", Full, "garden", None),
        (&narrow_door, bearer(), "get_page", ReadOnly, "work", None),
        (&narrow_door, bearer(), "create_page", ReadAppend, "work-2", None),
        (&narrow_door, bearer(), "search", ReadOnly, "work", public()),
        (&narrow_door, bearer(), "get_page", ReadOnly, "garden", public()),
        (&narrow_door, bearer(), "create_page", Full, "work", public()),
        (&narrow_door, user(OWNER), "search", ReadOnly, "garden", None),
        // What a credential is for.
        (&owned, claude.clone(), "create_block", ReadAppend, "work", None),
        (&owned, claude.clone(), "create_block", Full, "work", unfit()),
        (&owned, claude.clone(), "search", ReadOnly, "work", unfit()),
        (&owned, claude.clone(), "get_page", ReadOnly, "garden", unfit()),
        (&read_door, claude.clone(), "get_page", ReadOnly, "work", None),
        (&read_door, claude.clone(), "create_block", ReadAppend, "work", public()),
        (&shut, claude.clone(), "get_page", ReadOnly, "work", public()),
        // A policy for others and for the owner is not for the public.
        (&open, claude.clone(), "get_page", ReadOnly, "garden", unfit()),
        // Ceilings of graphs: the lowest holds, for everybody.
        (&layered, user(OWNER), "create_page", ReadAppend, "work", None),
        (&layered, user(OWNER), "delete_page", Full, "work", graph()),
        (&layered, user(OWNER), "delete_page", Full, "woods", None),
        (&layered, user(OWNER), "get_page", ReadOnly, "archive-2024", None),
        (&layered, user(OWNER), "create_page", ReadAppend, "archive-2024", graph()),
        (&layered, user(OWNER), "create_page", ReadAppend, "archive-deep", graph()),
        (&layered, user(OWNER), "get_page", ReadOnly, "diary", graph()),
        (&layered, user(OWNER), "delete_page", Full, "garden", None),
        (&layered, bearer(), "delete_page", Full, "work", graph()),
        (&layered, bearer(), "get_page", ReadOnly, "diary", graph()),
        (&layered, full.clone(), "create_page", ReadAppend, "archive", graph()),
        (&layered, claude, "create_block", ReadAppend, "work", None),
        (&layered, Caller::Admin, "delete_page", Full, "work", graph()),
        (&layered, Caller::Admin, "delete_page", Full, "garden", None),
        // What concerns all graphs takes a rule, and a public ceiling, for all of them; a ceiling of all graphs is over it.
        (&owned, user(OWNER), "setup_new_graph", Full, ALL_GRAPHS, None),
        (&owned, bearer(), "setup_new_graph", Full, ALL_GRAPHS, None),
        (&owned, full.clone(), "setup_new_graph", Full, ALL_GRAPHS, None),
        (&owned, only_work.clone(), "setup_new_graph", Full, ALL_GRAPHS, unfit()),
        (&owned, only_work.clone(), "delete_page", Full, "work", None),
        (&owned, gardener, "setup_new_graph", Full, ALL_GRAPHS, unfit()),
        (&work_door, bearer(), "setup_new_graph", Full, ALL_GRAPHS, public()),
        (&work_door, only_work, "delete_page", Full, "work", None),
        (&layered, user(OWNER), "setup_new_graph", Full, ALL_GRAPHS, None),
        (&lidded, user(OWNER), "setup_new_graph", Full, ALL_GRAPHS, graph()),
        (&lidded, Caller::Admin, "setup_new_graph", Full, ALL_GRAPHS, graph()),
        // Denied tools: nobody, whatever their rules say.
        (&listed, user(OWNER), "delete_page", Full, "garden", denied("delete_*")),
        (&listed, user(OWNER), "delete_", Full, "garden", denied("delete_*")),
        (&listed, user(OWNER), "undo", Full, "garden", denied("undo")),
        (&listed, user(OWNER), "undo_all", Full, "garden", None),
        (&listed, full, "delete_page", ReadOnly, "garden", denied("delete_*")),
        (&listed, bearer(), "delete_page", Full, "garden", denied("delete_*")),
        (&listed, Caller::Admin, "delete_page", Full, "garden", denied("delete_*")),
        (&listed, user(8), "get_page", ReadOnly, "garden", None),
        // Whoever has no rule is told that, and not what is denied to all.
        (&Policy { for_others: None, ..listed.clone() }, user(9), "delete_page", Full, "garden", no_rule()),
        (&shut, Caller::Admin, "delete_page", Full, "garden", None),
        (&unowned, Caller::Admin, "get_page", ReadOnly, "garden", None),
    ];
    assert!(table.len() >= 80);
    for (policy, caller, tool, needs, graph, barrier) in table {
        let decision = decide(policy, &caller, &on(tool, needs, graph));
        let found = decision.as_ref().err().map(|denied| denied.barrier().clone());
        assert_eq!(found, barrier, "{caller}: {tool} ({needs}) on `{graph}`: {decision:?}");
        if let Ok(permit) = decision {
            assert!(permit.level() >= needs && permit.graph() == Some(graph));
            assert!(sees(policy, &caller, graph), "{caller} may use `{graph}` and so may see it");
        }
    }
}

#[test]
fn a_permit_names_the_rule_that_granted_it() {
    let grants = [json!({"access": "read-only"}), json!({"access": "full", "graphs": ["work"]})];
    let open = Policy { for_others: Share::ReadOnly.rule(), ..owned() };
    let from = |policy: &Policy, caller: &Caller, graph| decide(policy, caller, &on("get_page", ReadOnly, graph));
    for (policy, caller, graph, origin, level) in [
        (&owned(), user(OWNER), "work", Origin::Owner, Full),
        (&owned(), user_with(8, &grants), "garden", Origin::Grant(0), ReadOnly),
        (&owned(), user_with(8, &grants), "work", Origin::Grant(1), Full),
        (&open, user_with(8, &grants), "garden", Origin::Others, ReadOnly),
        (&open, user_with(8, &grants), "work", Origin::Grant(1), Full),
        (&owned(), bearer(), "work", Origin::Credential, Full),
        (&owned(), Caller::Admin, "work", Origin::Operator, Full),
    ] {
        let permit = from(policy, &caller, graph).unwrap();
        assert_eq!((permit.origin(), permit.level()), (origin, level), "{caller} on {graph}");
    }
}

#[test]
fn a_ceiling_lowers_the_level_of_a_permit() {
    let policy = Policy { ceilings: vec![ceiling("work", Share::ReadAppend)], ..owned() };
    let permit = decide(&policy, &user(OWNER), &on("get_page", ReadOnly, "work")).unwrap();
    assert_eq!(permit.level(), ReadAppend);
}

#[test]
fn a_graph_is_seen_by_those_with_a_rule_for_it_unless_a_ceiling_hides_it() {
    let policy = Policy { ceilings: vec![ceiling("diary", Share::None)], ..owned() };
    let gardener = user_with(8, &[json!({"access": "read-only", "graphs": ["garden"]})]);
    let narrow = Policy { for_public: Some(rule(&json!({"access": "full", "graphs": ["work"]}))), ..owned() };
    for (policy, caller, graph, seen) in [
        (&policy, &user(OWNER), "garden", true),
        (&policy, &user(OWNER), "diary", false),
        (&policy, &gardener, "garden", true),
        (&policy, &gardener, "work", false),
        (&narrow, &bearer(), "work", true),
        (&narrow, &bearer(), "garden", false),
        (&narrow, &user(OWNER), "garden", true),
    ] {
        assert_eq!(sees(policy, caller, graph), seen, "{caller}: {graph}");
    }
}

#[test]
fn a_refusal_names_the_caller_and_what_is_missing() {
    let reader = user_with(8, &[json!({"access": "read-only"})]);
    let text = decide(&owned(), &reader, &on("delete_page", Full, "garden")).unwrap_err().to_string();
    for part in ["user8@example.com", "delete_page", "garden", "full"] {
        assert!(text.contains(part), "{text}");
    }
    let narrow = user_with(8, &[json!({"access": "full", "tools": ["get_*"]})]);
    let listed = Policy { deny_tools: Patterns::from_iter(["delete_*"]), ..owned() };
    let lidded = Policy { ceilings: vec![ceiling("garden", Share::ReadOnly)], ..owned() };
    let shut = Policy { for_public: Share::ReadOnly.rule(), ..owned() };
    for (policy, caller, why) in [
        (&owned(), &narrow, "their access is for other tools"),
        (&listed, &user(OWNER), "switched off for everybody"),
        (&lidded, &user(OWNER), "nobody may do that there"),
        (&shut, &bearer(), "public access does not go that far"),
    ] {
        let text = decide(policy, caller, &on("delete_page", Full, "garden")).unwrap_err().to_string();
        assert!(text.contains(why) && !text.contains("needs"), "{text}");
    }
    let text = admit(&owned(), &user(9)).unwrap_err().to_string();
    assert!(text.contains("user9@example.com") && text.contains("grant"), "{text}");
}

#[test]
fn a_tool_that_takes_no_graph_is_decided_by_level_and_tool_alone() {
    let list = Operation { tool: "list_graphs", needs: ReadOnly, graph: None };
    let restart = Operation { tool: "restart", needs: Full, graph: None };
    let nowhere = user_with(8, &[json!({"access": "full", "graphs": []})]);
    let narrow =
        holder(CredentialKind::Bearer, &json!({"access": "read-only", "graphs": ["work"], "tools": ["get_*"]}));
    let lidded = Policy { ceilings: vec![ceiling("*", Share::None)], ..owned() };
    let listed = Policy { deny_tools: Patterns::from_iter(["list_*"]), ..owned() };
    let read_door = Policy { for_public: Share::ReadOnly.rule(), ..owned() };
    let work_door = Policy {
        for_public: Some(rule(&json!({"access": "full", "graphs": ["work"], "tools": ["get_*"]}))),
        ..owned()
    };
    for (policy, caller, operation, refused) in [
        (&owned(), user(OWNER), list, None),
        (&owned(), user(OWNER), restart, None),
        (&owned(), user(8), list, Some(Barrier::NoRule)),
        (&owned(), nowhere.clone(), list, None),
        (&owned(), narrow.clone(), list, Some(Barrier::NoRuleFits)),
        (&owned(), bearer(), restart, None),
        (&lidded, user(OWNER), list, None),
        (&listed, user(OWNER), list, Some(Barrier::DeniedTool("list_*".into()))),
        (&listed, Caller::Admin, list, Some(Barrier::DeniedTool("list_*".into()))),
        (&read_door, bearer(), list, None),
        (&read_door, bearer(), restart, Some(Barrier::PublicCeiling)),
        (&work_door, bearer(), list, Some(Barrier::PublicCeiling)),
    ] {
        let decision = decide(policy, &caller, &operation);
        assert_eq!(decision.as_ref().err().map(Denied::barrier), refused.as_ref(), "{caller}: {}", operation.tool);
        assert!(decision.is_err() || decision.unwrap().graph().is_none());
    }
}

fn names() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[ab*]{0,3}", 0..3)
}

fn grant() -> impl Strategy<Value = Value> {
    let level = prop::sample::select(vec!["read-only", "read-append", "full", "root"]);
    (level, names(), names())
        .prop_map(|(access, graphs, tools)| json!({"access": access, "graphs": graphs, "tools": tools}))
}

fn share() -> impl Strategy<Value = Share> {
    prop::sample::select(vec![Share::None, Share::ReadOnly, Share::ReadAppend, Share::Full])
}

fn policy() -> impl Strategy<Value = Policy> {
    let ceilings = prop::collection::vec(("[ab*]{0,3}", share()), 0..3);
    (share(), share(), share(), ceilings, names()).prop_map(|(owner, others, public, ceilings, deny)| Policy {
        owner: Some(OWNER),
        for_owner: owner.rule(),
        for_others: others.rule(),
        for_public: public.rule(),
        ceilings: ceilings.into_iter().map(|(graphs, most)| ceiling(&graphs, most)).collect(),
        deny_tools: deny.into_iter().collect(),
    })
}

fn caller() -> impl Strategy<Value = Caller> {
    let grants = || prop::collection::vec(grant(), 0..4);
    prop_oneof![
        grants().prop_map(|grants| user_with(OWNER, &grants)),
        grants().prop_map(|grants| user_with(8, &grants)),
        grants().prop_map(|grants| tagged(&grants)),
        grant().prop_filter_map("a rule", |grant| {
            (grant["access"] != "root").then(|| holder(CredentialKind::Path, &grant))
        }),
        Just(Caller::Admin),
    ]
}

fn with_grants(caller: &Caller, grants: Vec<Rule>) -> Caller {
    match caller.clone() {
        Caller::User(user) => Caller::User(TailnetUser { grants, ..user }),
        Caller::Tagged(node) => Caller::Tagged(TailnetNode { grants, ..node }),
        other => other,
    }
}

fn grants_of(caller: &Caller) -> &[Rule] {
    match caller {
        Caller::User(user) => &user.grants,
        Caller::Tagged(node) => &node.grants,
        Caller::Public(_) | Caller::Admin => &[],
    }
}

proptest! {
    #[test]
    fn one_more_grant_never_takes_a_right_away(
        policy in policy(), caller in caller(), more in grant(), tool in "[ab]{0,3}", graph in "[ab]{0,3}",
        needs in prop::sample::select(vec![ReadOnly, ReadAppend, Full]),
    ) {
        let all = grants_of(&caller).iter().cloned().chain(Rule::from_grants(&[more]).0).collect();
        let before = decide(&policy, &caller, &on(&tool, needs, &graph));
        let after = decide(&policy, &with_grants(&caller, all), &on(&tool, needs, &graph));
        if let Ok(before) = before {
            prop_assert!(after.is_ok_and(|after| after.level() >= before.level()));
        }
    }

    #[test]
    fn a_denied_tool_is_denied_to_everybody(
        policy in policy(), caller in caller(), tool in "[ab]{0,3}", graph in "[ab]{0,3}",
        needs in prop::sample::select(vec![ReadOnly, ReadAppend, Full]),
    ) {
        let listed = Policy { deny_tools: Patterns::from_iter([tool.clone()]), ..policy };
        prop_assert!(decide(&listed, &caller, &on(&tool, needs, &graph)).is_err());
        let anywhere = Operation { tool: &tool, needs, graph: None };
        prop_assert!(!allows(&listed, &caller, &anywhere));
    }

    #[test]
    fn no_permit_without_a_rule_and_none_above_a_ceiling(
        policy in policy(), caller in caller(), tool in "[ab]{0,3}", graph in "[ab]{0,3}",
        needs in prop::sample::select(vec![ReadOnly, ReadAppend, Full]),
    ) {
        let decision = decide(&policy, &caller, &on(&tool, needs, &graph));
        prop_assert_eq!(decision.is_ok(), allows(&policy, &caller, &on(&tool, needs, &graph)));
        if let Ok(permit) = decision {
            let allowing = policy.rules(&caller).find(|(origin, _)| *origin == permit.origin()).map(|(_, rule)| rule);
            let fits = |rule: &Rule| rule.access >= permit.level() && rule.graphs.matches(&graph) && rule.tools.matches(&tool);
            prop_assert!(allowing.is_some_and(fits));
            for ceiling in policy.ceilings.iter().filter(|ceiling| ceiling.graphs.matches(&graph)) {
                prop_assert!(ceiling.most.level().is_some_and(|most| most >= permit.level()));
            }
            if matches!(caller, Caller::Public(_)) {
                prop_assert!(policy.for_public.is_some_and(|most| most.access >= permit.level()));
            }
        }
    }

    #[test]
    fn what_concerns_all_graphs_is_for_those_who_may_do_it_on_each(
        policy in policy(), caller in caller(), tool in "[ab]{0,3}", graph in "[ab]{0,3}",
        needs in prop::sample::select(vec![ReadOnly, ReadAppend, Full]),
    ) {
        if allows(&policy, &caller, &on(&tool, needs, ALL_GRAPHS)) {
            let unlimited = Policy { ceilings: Vec::new(), ..policy };
            prop_assert!(allows(&unlimited, &caller, &on(&tool, needs, &graph)));
        }
    }

    #[test]
    fn ceilings_by_nickname_only_take_away(
        policy in policy(), caller in caller(), tool in "[ab]{0,3}", name in "[ab]{1,3}", nickname in "[ab]{1,3}",
        needs in prop::sample::select(vec![ReadOnly, ReadAppend, Full]),
    ) {
        let named = Arc::new(policy.clone()).with_nicknames([(name.as_str(), nickname.as_str())].into_iter());
        let lowest = named.ceilings.iter().filter(|ceiling| ceiling.graphs.matches(&name)).map(|ceiling| ceiling.most).min();
        for ceiling in policy.ceilings.iter().filter(|ceiling| ceiling.graphs.matches(&nickname)) {
            prop_assert!(lowest.is_some_and(|lowest| lowest <= ceiling.most));
        }
        if allows(&named, &caller, &on(&tool, needs, &name)) {
            prop_assert!(allows(&policy, &caller, &on(&tool, needs, &name)));
        }
    }

    #[test]
    fn who_is_not_admitted_is_allowed_nothing(
        policy in policy(), caller in caller(), tool in "[ab]{0,3}", graph in "[ab]{0,3}",
    ) {
        if admit(&policy, &caller).is_err() {
            prop_assert!(decide(&policy, &caller, &on(&tool, ReadOnly, &graph)).is_err());
        }
    }
}
