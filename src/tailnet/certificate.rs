//! Keeps the TLS certificate of the node's name fresh.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::message::{ErrorKind, NodeError};
use super::node::Node;
use crate::report::CertificateState;
use crate::tls::CertificateSlot;

/// The node renews a certificate when it is asked for one late in its life, and at no other time: so ask.
const REREAD: Duration = Duration::from_secs(6 * 60 * 60);
/// A certificate authority that failed once may work a moment later.
const FIRST_RETRY: Duration = Duration::from_secs(5);
/// Let's Encrypt counts failed validations per hour; two tries an hour stay below any limit of theirs.
const LAST_RETRY: Duration = Duration::from_secs(30 * 60);

/// Fetches the certificate of the name in `name` into `slot`, again and again, until dropped.
///
/// An empty name means that the tailnet has no certificates. A changed name starts over at once.
pub async fn keep_certificate(
    node: Node,
    mut name: watch::Receiver<String>,
    slot: CertificateSlot,
    state: watch::Sender<CertificateState>,
) {
    let mut retry = FIRST_RETRY;
    loop {
        let domain = name.borrow_and_update().clone();
        let pause = if domain.is_empty() {
            state.send_replace(CertificateState::Unavailable);
            Duration::MAX
        } else {
            match fetch(&node, &domain, &slot).await {
                Ok(not_after) => {
                    retry = FIRST_RETRY;
                    state.send_replace(CertificateState::Valid { not_after });
                    REREAD
                }
                Err(error) => {
                    let pause = error.retry_after.map_or(retry, Duration::from_secs_f64).max(retry);
                    retry = (retry * 2).min(LAST_RETRY);
                    let retry_at = Timestamp::now() + pause;
                    tracing::warn!(%domain, %error, %retry_at, "no certificate");
                    state.send_replace(CertificateState::Failed { reason: error.message, retry_at });
                    pause
                }
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            changed = name.changed() => if changed.is_err() { return },
        }
    }
}

async fn fetch(node: &Node, domain: &str, slot: &CertificateSlot) -> Result<Timestamp, NodeError> {
    let (chain, key) = node.certificate(domain).await?;
    let validity = slot
        .install(chain.as_bytes(), key.expose().as_bytes())
        .map_err(|error| NodeError::new(ErrorKind::Certificate, error.to_string()))?;
    Ok(validity.not_after)
}
