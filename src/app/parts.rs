//! The tasks that a node is made of.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use anyhow::anyhow;
use tokio::task::JoinSet;

/// Tasks that go on until the program stops. Dropping it ends them.
///
/// Half a node must not look like a whole one: whoever started it starts it again.
#[derive(Default)]
pub(super) struct Parts {
    tasks: Mutex<JoinSet<String>>,
}

impl Parts {
    /// Starts a task; `name` is what the error calls it that its end is.
    pub(super) fn spawn(&self, name: impl Into<String>, task: impl Future<Output = ()> + Send + 'static) {
        let name = name.into();
        self.lock().spawn(async move {
            task.await;
            name
        });
    }

    /// Waits until one of them has ended. There has to be one.
    pub(super) async fn broken(&self) -> anyhow::Error {
        let ended = poll_fn(|context| match self.lock().poll_join_next(context) {
            Poll::Ready(Some(ended)) => Poll::Ready(ended),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        });
        match ended.await {
            Ok(name) => anyhow!("{name} ended by itself, so this node ends too; the log may say why. Start it again"),
            Err(panic) => {
                anyhow!("a part of this node broke off, so it ends; the log says why. Start it again: {panic}")
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<String>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_part_that_ends_is_told_by_its_name_also_one_that_was_started_later() {
        let parts = Arc::new(Parts::default());
        parts.spawn("the first", std::future::pending());
        let broken = tokio::spawn({
            let parts = Arc::clone(&parts);
            async move { parts.broken().await.to_string() }
        });
        tokio::task::yield_now().await;
        parts.spawn("the second", async {});
        let told = broken.await.unwrap();
        assert!(told.contains("the second ended by itself"), "{told}");
    }

    #[tokio::test]
    async fn a_part_that_panics_is_told_as_well() {
        let parts = Parts::default();
        parts.spawn("the clumsy one", async { panic!("oops") });
        let told = parts.broken().await.to_string();
        assert!(told.contains("broke off") && told.contains("oops"), "{told}");
    }
}
