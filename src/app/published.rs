//! Keeps a copy of the addresses that OpenAI publishes, while the rules ask for them.
//!
//! The copy lies in the state directory, so a start without the internet has the last one; `Rules` takes a new one over
//! as it does any of its files.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::rules::Rules;
use crate::config::{OPENAI_URL, openai_networks, replace_file};
use crate::https;

/// The list changes every few weeks.
const REFRESH: Duration = Duration::from_secs(12 * 60 * 60);
const RETRY: Duration = Duration::from_secs(5 * 60);
/// How soon it is noticed that the rules ask for the list.
const LOOK: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(30);
/// A hundred times what the list has.
const LIMIT: usize = 1 << 20;

/// Runs until `stop`.
pub(super) async fn keep(rules: Arc<Rules>, stop: CancellationToken) {
    stop.run_until_cancelled(refresh(&rules, OPENAI_URL)).await;
}

async fn refresh(rules: &Rules, url: &str) {
    loop {
        let Some(copy) = rules.wants_openai_at().filter(|copy| !is_fresh(copy)) else {
            sleep(LOOK).await;
            continue;
        };
        match fetch(url, &copy).await {
            Ok(()) => tracing::info!(copy = %copy.display(), "took over the addresses that OpenAI publishes"),
            Err(error) => {
                tracing::warn!("cannot fetch {url}: {error:#}; the last copy stays in use, if there is one");
                sleep(RETRY).await;
            }
        }
    }
}

/// A clock that was set back makes a copy old rather than young for years.
fn is_fresh(copy: &Path) -> bool {
    let written = copy.metadata().and_then(|facts| facts.modified());
    written.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age < REFRESH))
}

/// Replaces the copy by what is published now, if that is a list.
async fn fetch(url: &str, copy: &Path) -> anyhow::Result<()> {
    let client = https::client()?.timeout(PATIENCE).build()?;
    let mut response = client.get(url).send().await?.error_for_status()?;
    let mut text = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        text.extend_from_slice(&chunk);
        if text.len() > LIMIT {
            bail!("it is larger than {LIMIT} bytes");
        }
    }
    let list = std::str::from_utf8(&text)?;
    openai_networks(list).map_err(anyhow::Error::msg).context("that is no list of addresses")?;
    let copy = copy.to_owned();
    // It is synced to the disk, which may take a while.
    tokio::task::spawn_blocking(move || replace_file(&copy, &text).with_context(|| copy.display().to_string())).await?
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;

    use super::*;

    const LIST: &str = r#"{"prefixes": [{"ipv4Prefix": "192.0.2.0/28"}]}"#;

    async fn served(router: Router) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, router).into_future());
        format!("http://{address}")
    }

    #[tokio::test]
    async fn a_list_is_kept_and_anything_else_leaves_the_last_copy() {
        let url = served(
            Router::new()
                .route("/list", get(|| async { LIST }))
                .route("/empty", get(|| async { r#"{"prefixes": []}"# }))
                .route("/error", get(|| async { (StatusCode::BAD_GATEWAY, LIST) }))
                .route("/elsewhere", get(|| async { (StatusCode::FOUND, [("location", "/list")]) }))
                .route("/huge", get(|| async { " ".repeat(LIMIT + 1) + LIST })),
        )
        .await;
        let dir = tempfile::tempdir().unwrap();
        let copy = dir.path().join("openai.json");
        assert!(!is_fresh(&copy));
        fetch(&format!("{url}/list"), &copy).await.unwrap();
        assert!(is_fresh(&copy));
        for bad in ["empty", "error", "elsewhere", "huge", "missing"] {
            fetch(&format!("{url}/{bad}"), &copy).await.unwrap_err();
            assert_eq!(std::fs::read_to_string(&copy).unwrap(), LIST, "{bad}");
        }
    }
}
