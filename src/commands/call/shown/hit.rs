//! One of several results.

use serde_json::Value;

use super::{path, plain, readable};

/// The uid to go on with, where it stands, and what it says. A template has a name and its content.
pub(super) fn hit(hit: &Value) -> String {
    let text = |key: &str| hit[key].as_str();
    let Some(says) = text("markdown").or_else(|| text("content")).or_else(|| text("text")) else { return plain(hit) };
    let place = path(&hit["path"]).or_else(|| text("name").map(str::to_owned));
    let head: Vec<&str> = [text("uid"), place.as_deref()].into_iter().flatten().collect();
    format!("{}\n{}", head.join("  "), readable(says))
}
