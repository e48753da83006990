//! Results as a person reads them: markdown without what is meant for models, and nothing of it left out.

mod hit;

use serde_json::{Map, Value};

use super::problem;
use crate::graph::without_annotations;
use hit::hit;

/// Where in a longer list a result stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Paging {
    offset: u64,
    limit: u64,
}

impl Paging {
    /// What was asked for, if the tool hands out its results in parts.
    pub(super) fn of(arguments: &Map<String, Value>, schema: &Map<String, Value>) -> Option<Self> {
        schema.get("properties")?.get("offset")?;
        let number = |key: &str| match arguments.get(key) {
            Some(Value::String(text)) => text.parse().ok(),
            Some(value) => value.as_u64(),
            None => None,
        };
        // Twenty is the default of every tool that has a limit.
        Some(Self { offset: number("offset").unwrap_or(0), limit: number("limit").unwrap_or(20) })
    }
}

/// A result by its shape. One of an unknown shape is shown as it is.
pub(super) fn shown(value: &Value, paging: Option<Paging>) -> String {
    let Value::Object(fields) = value else { return plain(value) };
    let list = |key: &str| fields.get(key).and_then(Value::as_array);
    if fields.get("markdown").is_some_and(Value::is_string) {
        return page(value);
    }
    if let Some(results) = list("results") {
        return match fields.get("succeeded") {
            Some(done) => {
                let lines: Vec<_> = results.iter().map(problem::result).collect();
                format!("{} done, {} failed\n{}", plain(done), plain(&value["failed"]), lines.join("\n"))
            }
            None => with_footer(&results.iter().map(hit).collect::<Vec<_>>(), value, paging),
        };
    }
    if let Some(comments) = list("comments") {
        return with_footer(&comments.iter().map(comment).collect::<Vec<_>>(), value, paging);
    }
    if let Some(graphs) = list("graphs").filter(|_| !fields.contains_key("status")) {
        return listed(graphs, value);
    }
    if let Some(suggestions) = fields.get("suggestions").filter(|suggestions| suggestions.is_object()) {
        return recents(suggestions);
    }
    if fields.contains_key("guidelines") {
        return guidelines(fields);
    }
    if let (Some(title), Some(text)) = (value["title"].as_str(), value["text"].as_str()) {
        return format!("{title}\n{}\n\n{}", plain(&value["url"]), readable(text));
    }
    plain(value)
}

/// A page or a block, where it stands, and what refers to it.
fn page(value: &Value) -> String {
    let mut parts = Vec::new();
    parts.extend(path(&value["path"]));
    parts.push(readable(value["markdown"].as_str().unwrap_or_default()));
    let linked = &value["linkedReferences"];
    if let Some(results) = linked["results"].as_array().filter(|results| !results.is_empty()) {
        parts.push("\nLinked references:".to_owned());
        parts.extend(results.iter().map(|result| format!("\n{}", hit(result))));
        parts.extend(linked["note"].as_str().map(|note| format!("\n{note}")));
        if linked["total"].as_u64().is_some_and(|total| total > results.len() as u64) {
            let uid = plain(&value["uid"]);
            parts.push(format!(
                "\n{} of {}; all: roam-mcp call get-backlinks --uid {uid}",
                results.len(),
                plain(&linked["total"])
            ));
        }
    }
    parts.join("\n")
}

/// The items, and below them how many there are and how to get the next.
fn with_footer(items: &[String], of: &Value, paging: Option<Paging>) -> String {
    let mut parts = vec![if items.is_empty() { "Nothing found.".to_owned() } else { items.join("\n\n") }];
    parts.extend(of["note"].as_str().map(str::to_owned));
    let total = of["total"].as_u64();
    // Roam leaves hidden blocks out after it has counted, so the next part begins where this one was to end.
    let next = of["nextOffset"].as_u64().or_else(|| {
        let Paging { offset, limit } = paging?;
        offset.checked_add(limit).filter(|next| limit > 0 && total.is_some_and(|total| *next < total))
    });
    match (total.filter(|total| *total > 0), next) {
        (Some(total), Some(next)) => parts.push(format!("{} of {total}, next: --offset {next}", items.len())),
        (Some(total), None) => parts.push(format!("{} of {total}", items.len())),
        (None, Some(next)) => parts.push(format!("next: --offset {next}")),
        (None, None) => {}
    }
    parts.join("\n\n")
}

fn comment(comment: &Value) -> String {
    let when = comment["editedTime"].as_str().or_else(|| comment["createdTime"].as_str());
    let uid = comment["singleEditableUid"].as_str().or_else(|| comment["parentUid"].as_str());
    let head: Vec<&str> = [uid, comment["author"].as_str(), when].into_iter().flatten().collect();
    format!("{}\n{}", head.join("  "), readable(comment["markdown"].as_str().unwrap_or_default()))
}

/// The graphs there are, or why they cannot be told.
fn listed(graphs: &[Value], value: &Value) -> String {
    let mut parts = Vec::new();
    if !value["error"].is_null() {
        parts.push(problem::told(value));
    }
    parts.push(match graphs {
        [] => "No graph is connected. `roam-mcp connect` connects one.".to_owned(),
        graphs => table(graphs),
    });
    parts.join("\n")
}

/// Nickname, name, access and, if it was heard of, token of each graph.
pub(super) fn table(graphs: &[Value]) -> String {
    let text = |graph: &Value, key: &str| graph[key].as_str().unwrap_or_default().to_owned();
    let width = |key: &str| graphs.iter().map(|graph| text(graph, key).chars().count()).max().unwrap_or_default();
    let (nicknames, names) = (width("nickname"), width("name"));
    let line = |graph: &Value| {
        let (nickname, name) = (text(graph, "nickname"), text(graph, "name"));
        let access = format!("{:<9}  {}", text(graph, "accessLevel"), text(graph, "lastKnownTokenStatus"));
        format!("  {nickname:nicknames$}  {name:names$}  {}", access.trim_end())
    };
    graphs.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What was looked at and changed last.
fn recents(suggestions: &Value) -> String {
    let mut parts = Vec::new();
    for (key, title) in [("recentlyOpenedByUser", "Recently opened:"), ("recentlyEditedPages", "Recently edited:")] {
        let items: Vec<String> =
            suggestions[key].as_array().into_iter().flatten().map(|item| format!("  {}", recent(item))).collect();
        if !items.is_empty() {
            parts.push(format!("{title}\n{}", items.join("\n")));
        }
    }
    if parts.is_empty() { "Nothing found.".to_owned() } else { parts.join("\n\n") }
}

fn recent(item: &Value) -> String {
    let Some(title) = item["title"].as_str() else {
        return item["type"].as_str().map_or_else(|| plain(item), str::to_owned);
    };
    let when = item["openedAt"].as_str().or_else(|| item["editedAt"].as_str());
    let head: Vec<&str> = [item["uid"].as_str(), when, Some(title)].into_iter().flatten().collect();
    let by = item["editedBy"].as_str().map(|by| format!(" ({by})")).unwrap_or_default();
    let blocks = item["blocks"].as_array().into_iter().flatten();
    let blocks = blocks.map(|block| format!("\n    {}  {}", plain(&block["uid"]), plain(&block["string"])));
    format!("{}{by}{}", head.join("  "), blocks.collect::<String>())
}

/// The guidelines as the owner wrote them. What models are told besides is left to them.
fn guidelines(fields: &Map<String, Value>) -> String {
    let mut parts = Vec::new();
    parts.extend(fields.get("warning").map(plain));
    parts.push(match fields.get("guidelines").and_then(Value::as_str) {
        Some(text) => readable(text),
        None => "The owner has written no guidelines; they go on the page [[roam/agent guidelines]].".to_owned(),
    });
    let mut facts = Vec::new();
    for (key, fact) in fields {
        let text = match fact {
            Value::Null => continue,
            Value::Array(items) if items.iter().all(Value::is_string) => {
                items.iter().map(plain).collect::<Vec<_>>().join(", ")
            }
            fact => plain(fact),
        };
        if !matches!(key.as_str(), "guidelines" | "warning" | "nextSteps" | "roamSyntax" | "graph") && !text.is_empty()
        {
            facts.push(format!("{key}: {text}"));
        }
    }
    if !facts.is_empty() {
        parts.push(facts.join("\n"));
    }
    parts.join("\n\n")
}

/// Where something stands. Versions of Roam write it in different ways.
fn path(path: &Value) -> Option<String> {
    let step = |step: &Value| match step {
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let named = ["title", "markdown", "string", "uid"].iter().find_map(|key| fields.get(*key)?.as_str());
            named.map_or_else(|| plain(step), str::to_owned)
        }
        other => plain(other),
    };
    let text = match path {
        Value::Null => return None,
        Value::Array(steps) => steps.iter().map(step).collect::<Vec<_>>().join(" > "),
        other => step(other),
    };
    Some(readable(&text)).filter(|text| !text.is_empty())
}

/// Whoever reads a reference wants its preview, and whoever writes has `--json-output`.
fn readable(markdown: &str) -> String {
    without_annotations(&markdown.replace("<ref>", " ‹").replace("</ref>", "›"))
}

/// A text as it is, anything else as JSON.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(_) | Value::Array(_) => format!("{value:#}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
