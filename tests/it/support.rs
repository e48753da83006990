//! What tests are written with.

/// HTTP clients by identity.
pub(crate) mod client;
/// Where a node lives.
pub(crate) mod home;
/// Clients that call without a pause.
pub(crate) mod load;
/// MCP requests of both eras, and answers.
pub(crate) mod mcp;
/// A node that serves.
pub(crate) mod node;
/// The program under test.
pub(crate) mod process;
/// What must not be anywhere.
pub(crate) mod secrets;
/// The offline tailnet and its admin interface.
pub(crate) mod tailnet;

/// Signals for one thread of another process.
#[expect(unsafe_code, reason = "no library wraps tgkill(2)")]
pub(crate) mod thread_signal;

use std::time::Duration;

/// How long anything that must happen may take. Far more than it needs on a busy machine; nothing waits that long in vain
/// unless a test is about to fail.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until `check` has an answer.
pub(crate) async fn eventually<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    let asked = tokio::time::timeout(PATIENCE, async {
        loop {
            tick.tick().await;
            if let Some(answer) = check().await {
                return answer;
            }
        }
    });
    asked.await.unwrap_or_else(|_| panic!("this never happened: {what}"))
}

/// Waits for what must happen soon.
pub(crate) async fn within<T>(time: Duration, what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(time, future).await.unwrap_or_else(|_| panic!("this took more than {time:?}: {what}"))
}
