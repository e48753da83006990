use serde_json::json;

use super::super::Action;
use super::super::testing::{graph, new_garden};
use super::{ask, page};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_see_whole_writes_and_never_wait_for_them() {
    let (_workshop, graph) = graph(&new_garden());
    let writer = {
        let graph = graph.clone();
        tokio::spawn(async move {
            for _ in 0..20 {
                let argument = json!({ "location": { "page-title": "Log" }, "markdown-string": "- a\n- b\n- c" });
                ask(&graph, Action::BlockFromMarkdown, argument).await;
            }
        })
    };
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let graph = graph.clone();
            tokio::spawn(async move {
                for _ in 0..20 {
                    let log = ask(&graph, Action::GetPage, json!({ "title": "Log" })).await;
                    let lines = log["markdown"].as_str().map_or(0, |text| text.lines().skip(2).count());
                    assert_eq!(lines % 3, 0, "{log}");
                }
            })
        })
        .collect();
    writer.await.unwrap();
    for reader in readers {
        reader.await.unwrap();
    }
    assert_eq!(page(&graph, "Log").await.lines().skip(2).count(), 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_that_have_one_graph_open_write_one_after_the_other() {
    let (workshop, one) = graph(&new_garden());
    let other = workshop.open();
    let write = |graph: super::Embedded| async move {
        for _ in 0..10 {
            let argument =
                json!({ "location": { "page-title": "Log", "order": "first" }, "markdown-string": "[[Soil]]" });
            ask(&graph, Action::BlockFromMarkdown, argument).await;
        }
    };
    tokio::join!(write(one.clone()), write(other));
    assert_eq!(page(&one, "Log").await.lines().skip(2).count(), 20);
}

#[tokio::test]
async fn long_queries_leave_a_reader_to_everybody_else() {
    let (_workshop, graph) = graph(&new_garden());
    let endless =
        "[:find (count ?x) :timeout 100000 :where [(range 100000) [?x ...]] [(range 100000) [?y ...]] [(= ?x -1)]]";
    let query = async || graph.invoke(Action::Query, vec![json!(endless)]).await;
    tokio::select! {
        biased;
        ended = async { tokio::join!(query(), query(), query(), query(), query()) } => panic!("{ended:?}"),
        text = page(&graph, "Garden") => assert!(!text.is_empty()),
    }
}

#[tokio::test]
async fn the_long_queries_of_one_caller_leave_a_reader_to_the_queries_of_another() {
    let (_workshop, graph) = graph(&new_garden());
    let endless =
        "[:find (count ?x) :timeout 100000 :where [(range 100000) [?x ...]] [(range 100000) [?y ...]] [(= ?x -1)]]";
    let mut many = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let graph = graph.clone();
        many.spawn(async move { graph.invoke_for("one", Action::Query, vec![json!(endless)]).await });
    }
    let title = "[:find ?t . :where [_ :node/title ?t] [(= ?t \"Soil\")]]";
    tokio::select! {
        biased;
        ended = many.join_next() => panic!("{ended:?}"),
        found = graph.invoke_for("other", Action::Query, vec![json!(title)]) => assert_eq!(found.unwrap(), "Soil"),
    }
}
