use serde_json::json;

use super::*;

const FIRST: Option<Paging> = Some(Paging { offset: 0, limit: 20 });

#[test]
fn a_page_is_its_markdown_without_annotations_and_what_refers_to_it() {
    let markdown = "# Soil <roam uid=\"p\"/>\n\n- see ((x))<ref>beds</ref> <roam uid=\"b\"/>";
    let mut page = json!({ "uid": "p", "markdown": markdown });
    assert_eq!(shown(&page, None), "# Soil\n\n- see ((x)) ‹beds›");
    page["linkedReferences"] =
        json!({ "total": 9, "shown": 1, "results": [{ "uid": "r", "markdown": "- [[Soil]]", "path": ["Beds"] }] });
    assert_eq!(
        shown(&page, None),
        "# Soil\n\n- see ((x)) ‹beds›\n\nLinked references:\n\nr  Beds\n- [[Soil]]\n\n\
         1 of 9; all: roam-mcp call get-backlinks --uid p"
    );
}

#[test]
fn a_path_shows_in_whatever_form_it_comes() {
    for path in [json!(["Soil", "Beds"]), json!("Soil > Beds"), json!([{ "uid": "p", "title": "Soil" }, "Beds"])] {
        let block = json!({ "uid": "b", "markdown": "- x <roam uid=\"b\"/>", "path": path });
        assert_eq!(shown(&block, None), "Soil > Beds\n- x");
        assert_eq!(shown(&json!({ "results": [block] }), None), "b  Soil > Beds\n- x");
    }
}

#[test]
fn below_hits_stands_how_many_there_are_and_how_to_get_the_next() {
    let hits = |more: Value| {
        let mut found = json!({ "results": [{ "uid": "a", "markdown": "- x" }, { "uid": "b", "markdown": "- y" }] });
        found.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        found
    };
    for (more, paging, footer) in [
        (json!({ "total": 44 }), FIRST, "\n\n2 of 44, next: --offset 20"),
        (json!({ "total": 44 }), Some(Paging { offset: 40, limit: 20 }), "\n\n2 of 44"),
        (json!({ "total": 44, "nextOffset": 30 }), FIRST, "\n\n2 of 44, next: --offset 30"),
        (json!({ "total": 44, "note": "hidden" }), None, "\n\nhidden\n\n2 of 44"),
        (json!({}), None, ""),
    ] {
        assert_eq!(shown(&hits(more), paging), format!("a\n- x\n\nb\n- y{footer}"));
    }
    assert_eq!(shown(&json!({ "total": 0, "results": [] }), FIRST), "Nothing found.");
    let template = json!({ "results": [{ "name": "Week", "uid": "t", "content": "- a" }] });
    assert_eq!(shown(&template, None), "t  Week\n- a");
}

#[test]
fn the_part_that_was_asked_for_is_read_as_it_was_typed() {
    let schema = |tool: &str| crate::tools::find(tool).unwrap().input_schema();
    let of = |tool: &str, arguments: Value| Paging::of(arguments.as_object().unwrap(), &schema(tool));
    assert_eq!(of("search", json!({})), FIRST);
    let typed = Some(Paging { offset: 20, limit: 5 });
    assert_eq!(of("search", json!({ "offset": "20", "limit": 5 })), typed);
    assert_eq!(of("get_page", json!({})), None);
}

#[test]
fn what_is_not_markdown_is_no_json_either() {
    for (value, expected) in [
        (
            json!({ "total": 1, "comments": [{ "parentUid": "c", "author": "Ann", "editedTime": "2026-03-01T10:00:00Z",
                "markdown": "- nice <roam uid=\"d\"/>", "singleEditableUid": "d" }] }),
            "d  Ann  2026-03-01T10:00:00Z\n- nice\n\n1 of 1",
        ),
        (
            json!({ "graphs": [{ "nickname": "g", "name": "garden", "accessLevel": "full" }], "instruction": "x" }),
            "  g  garden  full",
        ),
        (json!({ "graphs": [] }), "No graph is connected. `roam-mcp connect` connects one."),
        (
            json!({ "suggestions": { "recentlyOpenedByUser": [
                { "uid": "p", "title": "Soil", "type": "page", "openedAt": "2026-03-01", "blocks": [{ "uid": "b", "string": "x" }] },
                { "type": "dailyNotePagesView" },
            ], "recentlyEditedPages": [{ "uid": "q", "title": "Beds", "editedBy": "Ann", "editedAt": "2026-03-02" }] } }),
            "Recently opened:\n  p  2026-03-01  Soil\n    b  x\n  dailyNotePagesView\n\n\
             Recently edited:\n  q  2026-03-02  Beds (Ann)",
        ),
        (
            json!({ "guidelines": "Be kind.\nTwice.", "starredPages": ["Soil"], "todaysDailyNotePage": null,
                "nextSteps": "x", "roamSyntax": "y", "accessLevel": "full", "graph": "g" }),
            "Be kind.\nTwice.\n\nstarredPages: Soil\naccessLevel: full",
        ),
        (json!({ "id": "g/p", "title": "Soil", "text": "# Soil <roam uid=\"p\"/>", "url": "u" }), "Soil\nu\n\n# Soil"),
        (
            json!({ "success": false, "succeeded": 1, "failed": 1, "results": [
                { "uid": "a", "ok": true }, { "uid": "b", "ok": false, "message": "boom" },
            ] }),
            "1 done, 1 failed\n  a  done\n  b  failed: boom",
        ),
        (json!("plain"), "plain"),
        (json!([[1]]), "[\n  [\n    1\n  ]\n]"),
    ] {
        assert_eq!(shown(&value, None), expected);
    }
}
