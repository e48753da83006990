//! `GET /metrics`: for the operator, and on the tailnet for those who may do everything anyway.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};

use super::Site;
use super::identify::identify;
use super::refusal::Refusal;
use crate::access::{self, Caller, Level, Operation, Peer, Policy};
use crate::metrics::CONTENT_TYPE;

/// To everybody else, and on every other plane, this is a path like any that does not exist.
pub(super) async fn show(State(site): State<Arc<Site>>, request: Request) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let Some(peer @ (Peer::Tailnet { .. } | Peer::Admin)) = peer else { return Refusal::UnknownPath.into_response() };
    match identify(&site, &site.gate.load(), peer, request.headers(), None).await {
        Ok(caller) if request.method() == Method::GET && may_see(&site.policy.load(), &caller) => {
            ([(header::CONTENT_TYPE, CONTENT_TYPE)], site.metrics.render()).into_response()
        }
        _ => Refusal::UnknownPath.into_response(),
    }
}

/// The operator, the owner, and whoever has full access to all graphs: a pattern that matches the name `*` matches every name.
fn may_see(policy: &Policy, caller: &Caller) -> bool {
    let is_owner = matches!(caller, Caller::User(user) if policy.owner == Some(user.id));
    let everything = Operation { tool: "metrics", needs: Level::Full, graph: Some("*") };
    is_owner || access::decide(policy, caller, &everything).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::access::{Rule, TailnetNode, TailnetUser};

    #[test]
    fn only_those_who_may_do_everything_see_the_numbers() {
        let policy = Policy { owner: Some(7), for_owner: Some(Rule::everything(Level::ReadOnly)), ..Policy::default() };
        let tagged = |grant: Value| {
            let grants = Rule::from_grants(&[grant]).0;
            Caller::Tagged(TailnetNode { node: "monitor".into(), tags: vec!["tag:monitor".into()], grants })
        };
        let user = |id| {
            let grants = Vec::new();
            Caller::User(TailnetUser { id, login: "alice@example.com".into(), node: "laptop".into(), grants })
        };
        let table = [
            (Caller::Admin, true),
            (user(7), true),
            (user(8), false),
            (tagged(json!({"access": "full"})), true),
            (tagged(json!({"access": "full", "graphs": ["work", "*"], "tools": ["metrics"]})), true),
            (tagged(json!({"access": "full", "graphs": ["work*"]})), false),
            (tagged(json!({"access": "full", "graphs": ["*k"]})), false),
            (tagged(json!({"access": "full", "graphs": []})), false),
            (tagged(json!({"access": "full", "tools": ["get_*"]})), false),
            (tagged(json!({"access": "read-append"})), false),
        ];
        for (caller, sees) in table {
            assert_eq!(may_see(&policy, &caller), sees, "{caller:?}");
        }
    }
}
