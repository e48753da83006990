//! Schemas of structured results.
//!
//! ChatGPT checks results against a list of tools that may be a day old. So every field is optional, fields that are not
//! listed may come, and what is listed here is never taken away or narrowed.

use serde_json::{Map, Value, json};

pub(super) fn uid() -> Map<String, Value> {
    object(json!({ "uid": { "type": "string", "description": "Uid of the new page." } }))
}

pub(super) fn uids() -> Map<String, Value> {
    let text = "Uids of the new top-level blocks, in order.";
    object(json!({ "uids": { "type": "array", "items": { "type": "string" }, "description": text } }))
}

pub(super) fn success() -> Map<String, Value> {
    object(json!({ "success": { "type": "boolean" } }))
}

pub(super) fn deletion() -> Map<String, Value> {
    object(json!({ "success": { "type": "boolean" }, "deleted": {} }))
}

pub(super) fn batch() -> Map<String, Value> {
    let item = json!({
        "uid": { "type": "string" }, "ok": { "type": "boolean" }, "code": { "type": "string" },
        "message": { "type": "string" }, "note": {}, "deleted": {}, "reason": {},
    });
    object(json!({
        "success": { "type": "boolean", "description": "Whether all of them succeeded." },
        "succeeded": { "type": "number" },
        "failed": { "type": "number" },
        "results": { "type": "array", "items": { "type": "object", "properties": item }, "description": "One per item, in order." },
    }))
}

pub(super) fn search() -> Map<String, Value> {
    let hit = json!({
        "id": { "type": "string", "description": "What `fetch` takes." },
        "title": { "type": "string" },
        "url": { "type": "string", "description": "Opens it in Roam." },
    });
    object(json!({ "results": { "type": "array", "items": { "type": "object", "properties": hit } } }))
}

pub(super) fn document() -> Map<String, Value> {
    let text = json!({ "type": "string" });
    object(json!({ "id": text, "title": text, "text": text, "url": text, "metadata": { "type": "object" } }))
}

fn object(mut properties: Value) -> Map<String, Value> {
    properties["graph"] = json!({ "type": "string", "description": "The graph it is about." });
    Map::from_iter([("type".to_owned(), "object".into()), ("properties".to_owned(), properties)])
}
