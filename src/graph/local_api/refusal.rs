//! From a refusal on the wire to an error that says what to do.
//!
//! Roam's builds differ: a status may come with a code, with a mere message, or with a string in place of the error. The
//! code decides where there is one, then the status.

use serde_json::Map;

use super::API_VERSION;
use super::answer::Refusal;
use crate::config::Kind;
use crate::graph::{ErrorCode, GraphError};

/// Where tokens are made and revoked, in Roam's own words.
const SETTINGS: &str = "Settings > Graph > Local API Tokens";

/// Explains the refusal of an action on the graph `name`.
pub(super) fn of_action(refusal: &Refusal, name: &str, kind: Kind) -> GraphError {
    let code = refusal.code.as_deref();
    let message = refusal.message.as_deref().unwrap_or("Roam gave no reason.");
    if code == Some("VERSION_MISMATCH") {
        return version_mismatch(refusal);
    }
    match refusal.status {
        401 => unauthorized(code, message, name, kind),
        403 => forbidden(refusal, message, name),
        404 => unknown_action(refusal.api_version.as_deref()),
        504 => GraphError::new(
            ErrorCode::INTERNAL_ERROR,
            format!(
                "The graph {name:?} did not finish loading in Roam. If it is encrypted, open it in Roam and enter its \
                 password; then try again."
            ),
        ),
        500..=599 => broken(code, message, name),
        _ => as_it_came(code, message),
    }
}

fn version_mismatch(refusal: &Refusal) -> GraphError {
    let theirs = refusal.api_version.as_deref();
    let advice = match theirs.and_then(major_minor) {
        Some(theirs) if Some(theirs) > major_minor(API_VERSION) => "Update roam-mcp.",
        Some(_) => "Update Roam Desktop.",
        None => "Update whichever of Roam Desktop and roam-mcp is older.",
    };
    let theirs = theirs.unwrap_or("an unknown version");
    let text = format!("Roam's Local API speaks {theirs}, and this program speaks {API_VERSION}. {advice}");
    GraphError::new(ErrorCode::VERSION_MISMATCH, text)
}

fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

fn unauthorized(code: Option<&str>, message: &str, name: &str, kind: Kind) -> GraphError {
    // Older builds say in words what newer ones have a code for.
    let code = code.or_else(|| message.contains("type=offline").then_some("WRONG_GRAPH_TYPE"));
    let text = match code {
        Some("MISSING_TOKEN") => {
            format!("No token was sent for the graph {name:?}. Check its `token` in ~/.roam-tools.json.")
        }
        Some("INVALID_TOKEN_FORMAT") => format!(
            "The token of the graph {name:?} is of another kind. It must begin with roam-graph-local-token-; run \
             `roam-mcp connect` to get one."
        ),
        Some("WRONG_GRAPH_TYPE") => format!(
            "The token is not for a graph of the type {kind}. Change the `type` of {name:?} in ~/.roam-tools.json, or \
             run `roam-mcp connect` again."
        ),
        Some("TOKEN_NOT_FOUND") => format!(
            "Roam does not know the token of the graph {name:?}: it was revoked, or belongs to another graph or \
             computer. Run `roam-mcp connect` again, or make one in Roam under {SETTINGS}."
        ),
        _ => format!(
            "Roam does not accept the token of the graph {name:?}: {message} Check it in ~/.roam-tools.json, or run \
             `roam-mcp connect` again."
        ),
    };
    coded(code, text)
}

fn forbidden(refusal: &Refusal, message: &str, name: &str) -> GraphError {
    let code = refusal.code.as_deref();
    let text = match code {
        Some("INSUFFICIENT_SCOPE") => format!(
            "The token of the graph {name:?} does not allow this. Give it a higher access level in Roam under \
             {SETTINGS}, or run `roam-mcp connect` again."
        ),
        Some("SCOPE_EXCEEDS_PERMISSION") => format!(
            "The person signed in to Roam may not do this in the graph {name:?}. The token is good; an administrator of \
             the graph can change the person's role."
        ),
        Some("GRAPH_BLOCKED") => format!("{message} Unblock it in Roam under {SETTINGS}."),
        Some(_) => message.to_owned(),
        None if refusal.bare => format!("Roam's Local API is switched off. Turn it on in Roam's settings. ({message})"),
        None => format!("Roam denied access to the graph {name:?}: {message} Is its Local API on, in Roam's settings?"),
    };
    coded(code, text)
}

/// What any 404 means, whoever wrote its body.
pub(super) fn unknown_action(api_version: Option<&str>) -> GraphError {
    let text = "This version of Roam Desktop does not have the action. Update Roam Desktop, or do without.";
    let error = GraphError::new(ErrorCode::UNKNOWN_ACTION, text);
    match api_version {
        Some(version) => error.with("apiVersion", version),
        None => error,
    }
}

fn broken(code: Option<&str>, message: &str, name: &str) -> GraphError {
    if code == Some("TOKEN_FILE_CORRUPTED") || message.contains("local-api-tokens.edn") {
        let text = "Roam's own list of tokens is damaged. Restart Roam, then run `roam-mcp connect` again.";
        return GraphError::new(ErrorCode::TOKEN_FILE_CORRUPTED, text);
    }
    if message.to_lowercase().contains("promise error") {
        let text = format!(
            "The window of the graph {name:?} was closed before the call was done. Open the graph in Roam (an encrypted \
             one asks for its password), see whether something was changed, and try again."
        );
        return GraphError::new(ErrorCode::INTERNAL_ERROR, text);
    }
    coded(code.or(Some("INTERNAL_ERROR")), message.to_owned())
}

/// A refusal that needs no more words than Roam's.
pub(super) fn as_it_came(code: Option<&str>, message: &str) -> GraphError {
    coded(code, message.to_owned())
}

fn coded(code: Option<&str>, message: String) -> GraphError {
    GraphError { code: code.map(|code| ErrorCode::from(code.to_owned())), message, context: Map::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, code: Option<&str>, message: Option<&str>) -> Refusal {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Refusal { status, code: text(code), message: text(message), ..Refusal::default() }
    }

    #[test]
    fn every_status_and_code_has_its_error_and_its_remedy() {
        let table = [
            (400, Some("VALIDATION_ERROR"), Some("no such key"), Some("VALIDATION_ERROR"), "no such key"),
            (400, None, Some("odd"), None, "odd"),
            (401, Some("MISSING_TOKEN"), None, Some("MISSING_TOKEN"), "~/.roam-tools.json"),
            (401, Some("INVALID_TOKEN_FORMAT"), None, Some("INVALID_TOKEN_FORMAT"), "roam-graph-local-token-"),
            (401, Some("WRONG_GRAPH_TYPE"), None, Some("WRONG_GRAPH_TYPE"), "`type`"),
            (401, None, Some("use ?type=offline"), Some("WRONG_GRAPH_TYPE"), "`type`"),
            (401, Some("TOKEN_NOT_FOUND"), None, Some("TOKEN_NOT_FOUND"), "roam-mcp connect"),
            (401, None, Some("no."), None, "roam-mcp connect"),
            (401, None, None, None, "roam-mcp connect"),
            (403, Some("INSUFFICIENT_SCOPE"), None, Some("INSUFFICIENT_SCOPE"), "higher access level"),
            (403, Some("SCOPE_EXCEEDS_PERMISSION"), None, Some("SCOPE_EXCEEDS_PERMISSION"), "role"),
            (403, Some("GRAPH_BLOCKED"), Some("Blocked."), Some("GRAPH_BLOCKED"), "Unblock"),
            (403, None, Some("denied."), None, "settings"),
            (404, Some("UNKNOWN_ACTION"), None, Some("UNKNOWN_ACTION"), "Update Roam"),
            (404, None, None, Some("UNKNOWN_ACTION"), "Update Roam"),
            (404, Some("ELSE"), None, Some("UNKNOWN_ACTION"), "Update Roam"),
            (408, Some("TIMEOUT"), Some("late"), Some("TIMEOUT"), "late"),
            (409, Some("REQUEST_IN_PROGRESS"), Some("wait"), Some("REQUEST_IN_PROGRESS"), "wait"),
            (429, None, Some("slow down"), None, "slow down"),
            (500, None, Some("it broke"), Some("INTERNAL_ERROR"), "it broke"),
            (500, Some("INTERNAL_ERROR"), None, Some("INTERNAL_ERROR"), "no reason"),
            (500, Some("PEER_NOT_READY"), Some("later"), Some("PEER_NOT_READY"), "later"),
            (500, Some("TOKEN_FILE_CORRUPTED"), None, Some("TOKEN_FILE_CORRUPTED"), "damaged"),
            (500, None, Some("cannot read local-api-tokens.edn"), Some("TOKEN_FILE_CORRUPTED"), "damaged"),
            (500, None, Some("Promise Error: x"), Some("INTERNAL_ERROR"), "was closed"),
            (504, None, None, Some("INTERNAL_ERROR"), "password"),
            (200, Some("NEW_CODE"), Some("new"), Some("NEW_CODE"), "new"),
        ];
        for (status, code, message, expected, part) in table {
            let error = of_action(&refusal(status, code, message), "Garden", Kind::Hosted);
            assert_eq!(error.code.as_ref().map(ErrorCode::as_str), expected, "{status} {code:?} {message:?}");
            assert!(error.message.contains(part), "{status} {code:?}: {}", error.message);
        }
        let off = Refusal { bare: true, ..refusal(403, None, Some("disabled")) };
        assert!(of_action(&off, "Garden", Kind::Hosted).message.contains("switched off"));
    }

    #[test]
    fn a_mismatch_says_who_must_be_updated() {
        for (theirs, advice) in [
            (Some("1.2.0"), "Update roam-mcp"),
            (Some("2.0.0"), "Update roam-mcp"),
            (Some("1.0.9"), "Update Roam Desktop"),
            (Some("x"), "whichever"),
            (None, "whichever"),
        ] {
            let refusal =
                Refusal { api_version: theirs.map(str::to_owned), ..refusal(400, Some("VERSION_MISMATCH"), None) };
            let error = of_action(&refusal, "Garden", Kind::Hosted);
            assert_eq!(error.code, Some(ErrorCode::VERSION_MISMATCH));
            assert!(error.message.contains(advice) && error.message.contains(API_VERSION), "{}", error.message);
        }
    }

    #[test]
    fn a_missing_action_carries_the_version_that_lacks_it() {
        let refusal = Refusal { api_version: Some("1.1.2".into()), ..refusal(404, None, None) };
        assert_eq!(of_action(&refusal, "Garden", Kind::Hosted).context["apiVersion"], "1.1.2");
    }
}
