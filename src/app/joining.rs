//! Getting into the tailnet.

use std::pin::pin;
use std::time::Duration;

use super::UpError;
use super::progress::Progress;
use super::view::View;
use crate::tailnet::{ErrorKind, Node, NodeError, Status};

/// A control server that answers does so in a second or two, with a yes, a no, or a request for a person.
const SILENCE: Duration = Duration::from_secs(5);

/// Joins the tailnet.
pub(super) async fn join(node: &Node, view: &View, progress: &Progress) -> Result<Status, UpError> {
    let step = progress.step("Joining the tailnet");
    let mut joined = pin!(node.up());
    let joined = match tokio::time::timeout(SILENCE, &mut joined).await {
        Ok(joined) => joined,
        Err(_) => {
            if !view.waits_for_person() {
                progress.waiting("The control server does not answer; trying until it does");
            }
            joined.await
        }
    };
    match joined {
        Ok(status) => {
            step.done(&format!("Joined {} as {}", status.tailnet, status.name));
            Ok(status)
        }
        Err(NodeError { kind: ErrorKind::Auth, message, .. }) => Err(UpError::Refused(message)),
        Err(error) => Err(anyhow::Error::from(error).context("cannot join the tailnet").into()),
    }
}
