//! Requests that rmcp could not read as any that it knows.

use rmcp::ErrorData;
use rmcp::model::{CallToolRequestParams, CustomRequest, ErrorCode, InitializeRequestParams, PaginatedRequestParams};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::tools;

/// Why a request is not served: it is one of those that are, with parameters that do not fit, or it is none of them.
pub(super) fn refusal(CustomRequest { method, params, .. }: CustomRequest) -> ErrorData {
    let fault = match method.as_str() {
        "initialize" => fault_in::<InitializeRequestParams>,
        "tools/call" => fault_in::<CallToolRequestParams>,
        "tools/list" => fault_in::<PaginatedRequestParams>,
        _ => return not_offered(&method),
    };
    ErrorData::invalid_params(format!("The parameters of {method} do not fit: {}.", fault(params)), None)
}

/// The answer to a method that this server does not have.
pub(super) fn not_offered(method: &str) -> ErrorData {
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("This server does not offer {method}."), None)
}

fn fault_in<T: DeserializeOwned>(params: Option<Value>) -> String {
    match params.map(tools::read::<T>) {
        None => "there are none".into(),
        Some(Err(fault)) => fault,
        Some(Ok(_)) => "`_meta` is not as it should be".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_with_parameters_that_do_not_fit_is_told_which() {
        let info = json!({ "name": "t", "version": "1" });
        for (method, params, expected) in [
            ("tools/call", None, "there are none"),
            ("tools/call", Some(json!({ "name": 5 })), "`name`: invalid type: integer `5`, expected a string"),
            ("tools/call", Some(json!({ "name": "a", "arguments": [] })), "`arguments`: invalid type: sequence"),
            ("tools/call", Some(json!({ "name": "a", "arguments": "{}" })), "`arguments`: invalid type: string"),
            ("tools/call", Some(json!({ "arguments": {} })), "missing field `name`"),
            ("tools/list", Some(json!({ "cursor": 5 })), "`cursor`: invalid type"),
            ("initialize", None, "there are none"),
            (
                "initialize",
                Some(json!({ "protocolVersion": "2025-06-18", "capabilities": {} })),
                "missing field `clientInfo`",
            ),
            (
                "initialize",
                Some(json!({ "protocolVersion": 5, "capabilities": {}, "clientInfo": info })),
                "`protocolVersion`: invalid type",
            ),
        ] {
            let error = refusal(CustomRequest::new(method, params.clone()));
            assert_eq!(error.code, ErrorCode::INVALID_PARAMS);
            assert!(error.message.contains(expected), "{method} {params:?}: {}", error.message);
        }
        assert_eq!(refusal(CustomRequest::new("foo/bar", None)).code, ErrorCode::METHOD_NOT_FOUND);
    }
}
