//! `GET /metrics`: for the operator, and on the tailnet for those who may do everything anyway.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use serde_json::Map;

use super::Site;
use super::identify::identify;
use super::limits::until_sent;
use super::refusal::Refusal;
use crate::access::{self, ALL_GRAPHS, Level, Operation, Peer};
use crate::audit::Subject;
use crate::metrics::CONTENT_TYPE;

/// To everybody else, and on every other plane, this is a path like any that does not exist.
pub(super) async fn show(State(site): State<Arc<Site>>, request: Request) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let Some(peer @ (Peer::Tailnet { .. } | Peer::Admin)) = peer else {
        return super::unknown(State(site), request).await.into_response();
    };
    let gate = site.gate.load_full();
    let Ok(caller) = identify(&site, &gate, peer, request.headers(), None).await else {
        return Refusal::UnknownPath.into_response();
    };
    if request.method() != Method::GET {
        return Refusal::UnknownPath.into_response();
    }
    let permit = match access::decide(&site.policy.load(), &caller, &EVERYTHING) {
        Ok(permit) => permit,
        Err(denied) => {
            site.audit.turned_away(peer, Some((caller, denied.barrier().clone())));
            return Refusal::UnknownPath.into_response();
        }
    };
    let place = match gate.limits.enter(&caller) {
        Ok(place) => place,
        Err(wait) => return Refusal::TooMuch(wait).into_response(),
    };
    let (began, nothing) = (Instant::now(), Map::new());
    let subject = Subject::new(peer, &caller, EVERYTHING.tool, None, EVERYTHING.needs);
    let granted = access::grant(&caller, permit.origin());
    // It reads, so it goes on whatever becomes of the record.
    let _ = site.audit.allowed(&subject, permit.origin(), granted, false, &nothing).await;
    let response = ([(header::CONTENT_TYPE, CONTENT_TYPE)], site.metrics.render()).into_response();
    site.audit.ended(subject, false, began.elapsed()).await;
    until_sent(place, response)
}

/// The numbers tell of all graphs, so they take full access to all of them.
const EVERYTHING: Operation<'_> = Operation { tool: "metrics", needs: Level::Full, graph: Some(ALL_GRAPHS) };

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::access::{Caller, Policy, Rule, TailnetNode, TailnetUser};

    #[test]
    fn only_those_who_may_do_everything_see_the_numbers() {
        let policy = Policy { owner: Some(7), ..Policy::default() };
        let stern = Policy { for_owner: None, ..policy.clone() };
        let listed = Policy { deny_tools: ["metrics"].into_iter().collect(), ..policy.clone() };
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
            let may_see = |policy| access::decide(policy, &caller, &EVERYTHING).is_ok();
            assert_eq!(may_see(&policy), sees, "{caller:?}");
            assert!(!may_see(&listed), "{caller:?}");
        }
        assert!(access::decide(&stern, &user(7), &EVERYTHING).is_err());
    }
}
