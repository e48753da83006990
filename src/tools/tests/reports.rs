//! Errors of the graph, reports of deletions, and reports on many blocks.

use serde_json::{Value, json};

use super::wire::{play, refusal};
use crate::graph::ErrorCode;

fn error(text: &str) -> Value {
    serde_json::from_str::<Value>(text).unwrap()["error"].clone()
}

#[tokio::test]
async fn an_error_of_the_graph_passes_through_with_code_and_facts() {
    for tool in ["update_block", "delete_block", "get_block"] {
        let (reply, asked) =
            play(tool, json!({ "uid": "b" }), [refusal(ErrorCode::from("PEER_NOT_READY".to_owned()), "wait")]).await;
        assert_eq!(error(&reply.text), json!({ "code": "PEER_NOT_READY", "message": "wait" }));
        assert!(reply.is_error && reply.structured.is_none() && asked.len() == 1);
    }
}

#[tokio::test]
async fn nothing_deleted_is_an_error_that_does_not_say_more_than_is_known() {
    let long = "x ".repeat(100);
    for (answer, expected) in [
        (json!({ "deleted": false }), "there is none"),
        (json!({ "deleted": false, "reason": null }), "there is none"),
        (json!({ "deleted": false, "reason": "not-found" }), "there is none"),
        (json!({ "deleted": false, "reason": "locked\nby \"x\"" }), "\"locked by \\\"x\\\"\""),
        (json!({ "deleted": false, "reason": long }), "read it again"),
    ] {
        for tool in ["delete_block", "delete_page"] {
            let (reply, _) = play(tool, json!({ "uid": "b" }), [Ok(answer.clone())]).await;
            let error = error(&reply.text);
            assert_eq!((&error["code"], &error["uid"]), (&json!("NOT_FOUND"), &json!("b")));
            let message = error["message"].as_str().unwrap();
            assert!(message.contains(expected) && message.len() < 250, "{message}");
            assert!(error["reason"].as_str().is_none_or(|reason| reason.chars().count() <= 80));
        }
    }
    for answer in [json!({}), json!("odd"), json!({ "deleted": 0 })] {
        assert!(!play("delete_block", json!({ "uid": "b" }), [Ok(answer)]).await.0.is_error);
    }
}

#[tokio::test]
async fn many_blocks_go_in_one_call_and_are_reported_one_by_one() {
    let results =
        json!([{ "uid": "a", "ok": true, "note": "n" }, { "uid": "b", "ok": false, "code": "X", "message": "m" }]);
    let (reply, asked) = play(
        "update_blocks",
        json!({ "updates": [{ "uid": "a", "string": "s <roam uid=\"a\"/>" }, { "uid": "b", "textAlign": "left" }] }),
        [Ok(json!({ "results": results, "succeeded": 99 }))],
    )
    .await;
    assert_eq!(
        asked,
        [
            json!({ "action": "data.block.updateBlocks", "args": [{ "updates": [{ "uid": "a", "string": "s" }, { "uid": "b", "text-align": "left" }] }] })
        ]
    );
    let report = json!({ "success": false, "succeeded": 1, "failed": 1, "results": results, "graph": "garden" });
    assert_eq!(Value::Object(reply.structured.unwrap()), report);
    let (reply, asked) = play(
        "delete_blocks",
        json!({ "uids": ["a", "a"] }),
        [Ok(json!({ "results": [{ "uid": "a", "ok": true }, { "uid": "a", "ok": true }] }))],
    )
    .await;
    assert_eq!(asked, [json!({ "action": "data.block.deleteBlocks", "args": [{ "uids": ["a", "a"] }] })]);
    assert_eq!(reply.structured.unwrap()["success"], true);
}

#[tokio::test]
async fn a_report_that_does_not_answer_the_request_is_never_read_as_success() {
    let item = json!({ "uid": "a", "ok": true });
    for answer in [
        Value::Null,
        json!([]),
        json!({ "results": {} }),
        json!({ "results": [] }),
        json!({ "results": [item, item] }),
        json!({ "results": [{ "uid": "b", "ok": true }] }),
        json!({ "results": [{ "uid": "a" }] }),
        json!({ "results": [{ "uid": "a", "ok": "yes" }] }),
        json!({ "results": ["a"] }),
    ] {
        let (reply, _) = play("delete_blocks", json!({ "uids": ["a"] }), [Ok(answer.clone())]).await;
        let error = error(&reply.text);
        assert_eq!(
            (&error["code"], &error["action"]),
            (&json!("INTERNAL_ERROR"), &json!("data.block.deleteBlocks")),
            "{answer}"
        );
        assert_eq!(error["payload"], answer);
    }
}

#[tokio::test]
async fn a_call_in_which_nothing_was_done_is_an_error_with_the_code_they_share() {
    let gone = json!({ "ok": false, "deleted": false });
    for (first, second, code, message) in [
        (gone.clone(), gone.clone(), "NOT_FOUND", "Nothing was deleted for \"a\", \"b\""),
        (
            json!({ "ok": false, "code": "X", "message": "m" }),
            json!({ "ok": false, "code": "X", "message": "m" }),
            "X",
            "m",
        ),
        (json!({ "ok": false, "code": "X", "message": "m" }), json!({ "ok": false, "code": "X" }), "X", "All 2 failed"),
        (json!({ "ok": false, "code": "X" }), gone, "BATCH_FAILED", "All 2 failed"),
        (json!({ "ok": false }), json!({ "ok": false }), "BATCH_FAILED", "All 2 failed"),
    ] {
        let with = |uid: &str, mut item: Value| {
            item["uid"] = uid.into();
            item
        };
        let results = json!([with("a", first), with("b", second)]);
        let (reply, _) =
            play("delete_blocks", json!({ "uids": ["a", "b"] }), [Ok(json!({ "results": results }))]).await;
        let error = error(&reply.text);
        assert!(error["code"] == code && error["message"].as_str().unwrap().starts_with(message), "{error}");
        assert_eq!((&error["results"], &error["succeeded"], &error["failed"]), (&results, &json!(0), &json!(2)));
    }
}

#[tokio::test]
async fn a_roam_without_batches_gets_the_blocks_one_by_one() {
    let unknown = || refusal(ErrorCode::UNKNOWN_ACTION, "update Roam");
    let (reply, asked) = play(
        "delete_blocks",
        json!({ "uids": ["a", "b", "c"] }),
        [
            unknown(),
            Ok(json!([])),
            Ok(Value::Null),
            Ok(json!({ "deleted": false, "reason": "not-found" })),
            refusal(ErrorCode::INTERNAL_ERROR, "locked"),
        ],
    )
    .await;
    assert_eq!(asked[2], json!({ "action": "data.block.delete", "args": [{ "block": { "uid": "a" } }] }));
    let report = json!({ "success": false, "succeeded": 1, "failed": 2, "graph": "garden", "results": [
        { "uid": "a", "ok": true }, { "uid": "b", "ok": false, "deleted": false, "reason": "not-found" },
        { "uid": "c", "ok": false, "code": "INTERNAL_ERROR", "message": "locked" },
    ] });
    assert_eq!(Value::Object(reply.structured.unwrap()), report);

    let (reply, _) = play(
        "update_blocks",
        json!({ "updates": [{ "uid": "a" }, { "uid": "b" }] }),
        [unknown(), refusal(ErrorCode::CONNECTION_FAILED, "gone")],
    )
    .await;
    let told = error(&reply.text);
    assert_eq!((&told["code"], &told["message"]), (&json!("CONNECTION_FAILED"), &json!("gone")));

    let (reply, asked) = play(
        "update_blocks",
        json!({ "updates": [{ "uid": "a", "heading": 1 }, { "uid": "b" }, { "uid": "c" }] }),
        [unknown(), Ok(Value::Null), refusal(ErrorCode::from("CONNECTION_FAILED".to_owned()), "gone")],
    )
    .await;
    assert_eq!(asked[1], json!({ "action": "data.block.update", "args": [{ "block": { "uid": "a", "heading": 1 } }] }));
    assert_eq!(asked.len(), 3, "after a lost connection nothing more is tried");
    let results = reply.structured.unwrap()["results"].clone();
    assert_eq!(results[2]["code"], "NOT_TRIED");

    let (reply, _) = play(
        "update_blocks",
        json!({ "updates": [{ "uid": "a" }, { "uid": "b" }, { "uid": "c" }] }),
        [unknown(), Ok(Value::Null), refusal(ErrorCode::OUTCOME_UNKNOWN, "lost")],
    )
    .await;
    let told = error(&reply.text);
    assert_eq!((&told["code"], &told["succeeded"]), (&json!("OUTCOME_UNKNOWN"), &json!(1)), "nobody knows about b");
    assert_eq!(
        (&told["failed"], &told["unknown"], &told["results"][2]["code"]),
        (&json!(1), &json!(1), &json!("NOT_TRIED"))
    );

    let (reply, asked) = play(
        "delete_blocks",
        json!({ "uids": ["a", "b"] }),
        [unknown(), refusal(ErrorCode::INTERNAL_ERROR, "no queries"), refusal(ErrorCode::UNKNOWN_ACTION, "neither")],
    )
    .await;
    assert_eq!((error(&reply.text)["message"].clone(), asked.len()), (json!("update Roam"), 3));
}

#[tokio::test]
async fn one_by_one_a_block_goes_with_the_one_above_it_and_once() {
    let (reply, asked) = play(
        "delete_blocks",
        json!({ "uids": ["par", "child", "par", "other"] }),
        [
            refusal(ErrorCode::UNKNOWN_ACTION, "update Roam"),
            Ok(json!([["child", "par"]])),
            Ok(Value::Null),
            Ok(json!({ "deleted": false })),
        ],
    )
    .await;
    assert_eq!((&asked[1]["action"], &asked[1]["args"][2]), (&json!("q"), &json!(["par", "child", "par", "other"])));
    assert_eq!((asked.len(), &asked[3]["args"][0]["block"]["uid"]), (4, &json!("other")));
    let report = reply.structured.unwrap();
    assert_eq!((&report["succeeded"], &report["failed"]), (&json!(3), &json!(1)));
    for (at, note) in [(1, "with \"par\""), (2, "earlier in this call.")] {
        assert!(report["results"][at]["note"].as_str().unwrap().contains(note), "{report:?}");
    }
}

#[tokio::test]
async fn a_report_claims_no_more_than_roam_said() {
    let update = json!({ "updates": [{ "uid": "a", "string": "x" }] });
    let absent = json!({ "uid": "a", "ok": false, "code": "NOT_FOUND", "message": "no block", "reason": null });
    let (reply, _) = play("update_blocks", update, [Ok(json!({ "results": [absent] }))]).await;
    let told = error(&reply.text);
    assert_eq!((&told["code"], &told["message"]), (&json!("NOT_FOUND"), &json!("no block")));
    assert_eq!(told["results"][0].get("reason"), None, "the schema knows no null");

    let kept = |uid, reason| json!({ "uid": uid, "ok": false, "deleted": false, "reason": reason });
    let results = [kept("a", json!("protected")), kept("b", json!("locked\nby x")), kept("c", json!("not-found"))];
    let uids = json!({ "uids": ["a", "b", "c"] });
    let (reply, _) = play("delete_blocks", uids, [Ok(json!({ "results": results }))]).await;
    let told = error(&reply.text);
    let message = told["message"].as_str().unwrap();
    assert_eq!(told["code"], "NOT_FOUND");
    for part in ["\"a\" because of \"protected\"", "\"b\" because of \"locked by x\"", "Read them again"] {
        assert!(message.contains(part) && !message.contains("none of them"), "{message}");
    }
}

#[tokio::test]
async fn what_is_not_turned_on_or_too_new_is_explained() {
    let (reply, _) =
        play("semantic_search", json!({ "query": "q" }), [refusal(ErrorCode::INTERNAL_ERROR, "No Embeddings yet")])
            .await;
    let told = error(&reply.text);
    assert_eq!((&told["code"], &told["fallbackTool"]), (&json!("INTERNAL_ERROR"), &json!("search")));
    let (reply, _) =
        play("semantic_search", json!({ "query": "q" }), [refusal(ErrorCode::INTERNAL_ERROR, "window closed")]).await;
    assert_eq!(error(&reply.text), json!({ "code": "INTERNAL_ERROR", "message": "window closed" }));
    let (reply, _) =
        play("call_extension_tool", json!({ "tool": "t" }), [refusal(ErrorCode::UNKNOWN_ACTION, "404")]).await;
    assert!(error(&reply.text)["message"].as_str().unwrap().contains("Update"));
}
