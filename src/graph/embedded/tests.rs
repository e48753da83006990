//! The embedded graph as a whole: what goes in, and what comes out.

mod crash;
mod editing;
mod finding;
mod formats;
mod growing;
mod importing;
mod invariants;
mod pages;
mod reading;
mod sharing;
mod transfer;
mod writing;

use serde_json::Value;

use super::{Action, Embedded};

/// Does an action that has to succeed.
async fn ask(graph: &Embedded, action: Action, argument: Value) -> Value {
    graph.invoke(action, vec![argument]).await.unwrap()
}

/// The markdown of a page.
async fn page(graph: &Embedded, title: &str) -> String {
    let answer = ask(graph, Action::GetPage, serde_json::json!({ "title": title })).await;
    answer["markdown"].as_str().unwrap_or_else(|| panic!("{title}: {answer}")).to_owned()
}

/// The texts of a page, without the annotations.
async fn texts(graph: &Embedded, title: &str) -> Vec<String> {
    let shown = page(graph, title).await;
    shown.lines().skip(2).map(|line| line.split(" <roam").next().unwrap().to_owned()).collect()
}
