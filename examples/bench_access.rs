//! What the access layer costs: `cargo run --release --no-default-features --example bench_access`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use roam_mcp::access::{self, Caller, Credential, CredentialKind, Level, Operation, Policy, Rule, TailnetUser};
use roam_mcp::credentials::{Key, Keyring};
use roam_mcp::secret::Secret;
use serde_json::json;

const ROUNDS: u32 = 2_000;

#[expect(clippy::print_stdout, reason = "a benchmark tells its result")]
fn main() {
    let grants: Vec<_> = (0..100)
        .map(|n| json!({"access": "read-append", "graphs": [format!("graph-{n}")], "tools": ["search*", "get_*", "create_*"]}))
        .collect();
    let grants = Rule::from_grants(&grants).0;
    let user = TailnetUser { id: 8, login: "alice@example.com".into(), node: "laptop".into(), grants };
    let (policy, caller) = (Policy::default(), Caller::User(user));
    for (what, graph) in [("the last of 100 rules allows", "graph-99"), ("none of 100 rules allows", "diary")] {
        let operation = Operation { tool: "create_block", needs: Level::ReadAppend, graph: Some(graph) };
        let took = measure(|| drop(black_box(access::decide(&policy, black_box(&caller), &operation))));
        println!("decide, {what}: {took:?}");
    }
    let ring: Keyring = (0..20)
        .map(|n| {
            let rule = Rule::everything(Level::Full);
            let credential = Credential { name: format!("c{n}"), kind: CredentialKind::Bearer, rule };
            Key::plain(&Secret::from(format!("{n:064}")), credential)
        })
        .collect();
    let (shown, now) = (format!("{:064}", 19), jiff::Timestamp::now());
    let find = |shown: &str| ring.find(CredentialKind::Bearer, black_box(shown), None, now);
    assert!(find(&shown).is_some() && find("wrong").is_none());
    println!("look-up of a credential among 20: {:?}", measure(|| drop(black_box(find(&shown)))));
}

/// The time of one round, in the quickest of fifty batches: whatever else the machine does can only add to it.
fn measure(mut round: impl FnMut()) -> Duration {
    let mut batch = || {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            round();
        }
        start.elapsed() / ROUNDS
    };
    (0..50).map(|_| batch()).min().unwrap_or_default()
}
