//! How something in a graph is called from outside: an id for `fetch`, a title to show, a URL to open.

use serde_json::Value;

use crate::graph::{Graph, Kind, without_annotations};

/// Characters of a block that make a title.
const TITLE: usize = 100;

/// The id of a page or block: the nickname of the graph, because `fetch` is told nothing else, and the uid.
pub(super) fn id(graph: &Graph, uid: &str) -> String {
    format!("{}/{uid}", graph.nickname())
}

/// The graph in an id.
pub(super) fn graph_of(id: &str) -> Option<&str> {
    id.split_once('/').map(|(graph, _)| graph).filter(|graph| !graph.is_empty())
}

/// The uid in an id.
pub(super) fn uid_of(id: &str) -> &str {
    id.split_once('/').map_or(id, |(_, uid)| uid)
}

/// The address at which Roam shows a page or block; it shows blocks at the addresses of pages.
pub(super) fn url(graph: &Graph, uid: &str) -> String {
    let area = match graph.kind() {
        Kind::Hosted => "app",
        Kind::Offline => "offline",
    };
    let uid: String = uid.bytes().map(escaped).collect();
    format!("https://roamresearch.com/#/{area}/{}/page/{uid}", graph.name())
}

/// A title: the header of a page or the first line of a block, without the annotations.
pub(super) fn title(markdown: &str) -> String {
    let line = markdown.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let line = without_annotations(line);
    let text = line.trim();
    let text = text.strip_prefix("- ").or_else(|| text.strip_prefix("# ")).unwrap_or(text);
    text.chars().take(TITLE).collect()
}

/// Adds id, title and URL to a hit of a search.
pub(super) fn add_to(hit: &mut Value, graph: &Graph) {
    let Value::Object(hit) = hit else { return };
    let text = |key| hit.get(key).and_then(Value::as_str);
    let Some(uid) = text("uid") else { return };
    let shown = text("title").map_or_else(|| title(text("markdown").unwrap_or_default()), str::to_owned);
    let shown = if shown.is_empty() { uid.to_owned() } else { shown };
    let (id, url) = (id(graph, uid), url(graph, uid));
    hit.extend([("id".to_owned(), id.into()), ("title".to_owned(), shown.into()), ("url".to_owned(), url.into())]);
}

fn escaped(byte: u8) -> String {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::recorder::Recorder;

    #[test]
    fn an_id_has_the_graph_and_the_uid_in_it() {
        let graph = Recorder::default().graph();
        assert_eq!(id(&graph, "a/b"), "g/a/b");
        assert_eq!((graph_of("g/a/b"), uid_of("g/a/b")), (Some("g"), "a/b"));
        assert_eq!((graph_of("a"), uid_of("a"), graph_of("/a")), (None, "a", None));
    }

    #[test]
    fn an_address_keeps_what_is_odd_in_a_uid_out_of_its_form() {
        let graph = Recorder::default().graph();
        assert_eq!(url(&graph, "08-03-2026"), "https://roamresearch.com/#/app/garden/page/08-03-2026");
        assert_eq!(url(&graph, "ä/?"), "https://roamresearch.com/#/app/garden/page/%C3%A4%2F%3F");
    }

    #[test]
    fn a_title_is_one_line_without_annotations() {
        for (markdown, expected) in [
            ("# Garden <roam uid=\"a\" refs=\"3\"/>\n\n- Beds", "Garden"),
            ("- see ((x))<ref>soil</ref> now <roam uid=\"b\"/>\n  - below", "see ((x)) now"),
            ("\n\n", ""),
        ] {
            assert_eq!(title(markdown), expected);
        }
        assert_eq!(title(&"é".repeat(500)).chars().count(), TITLE);
    }
}
