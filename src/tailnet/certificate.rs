//! Keeps the TLS certificate of the node's name fresh.

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::message::{ErrorKind, NodeError};
use super::node::Node;
use crate::report::CertificateState;
use crate::secret::Secret;
use crate::tls::{CertificateSlot, Validity};
use crate::wall_clock;

/// The node renews a certificate when it is asked for one late in its life, and at no other time: so ask.
const REREAD: Duration = Duration::from_secs(6 * 60 * 60);
/// A certificate authority that failed once may work a moment later.
const FIRST_RETRY: Duration = Duration::from_secs(5);
/// Let's Encrypt counts failed validations per hour; two tries an hour stay below any limit of theirs.
const LAST_RETRY: Duration = Duration::from_secs(30 * 60);
/// While the certificate in use is good there is no hurry.
const RENEWAL_RETRY: Duration = Duration::from_secs(60 * 60);
/// What a renewal asks for beyond what is left: the other side counts in whole seconds.
const MARGIN: Duration = Duration::from_secs(15);

/// Fetches the certificate of the name in `name` into `slot`, again and again, until dropped.
///
/// An empty name means that the tailnet has no certificates. A changed name starts over at once.
pub async fn keep_certificate(
    node: Node,
    name: watch::Receiver<String>,
    slot: CertificateSlot,
    state: watch::Sender<CertificateState>,
) {
    Keeper { issuer: node, clock: Timestamp::now, slot, state, held: None, retry: FIRST_RETRY }.keep(name).await;
}

/// Where certificates come from.
trait Issuer {
    /// The chain and the key of `domain`. One with less than `min_validity` left is renewed first.
    fn issue(
        &self,
        domain: &str,
        min_validity: Duration,
    ) -> impl Future<Output = Result<(String, Secret), NodeError>> + Send;
}

impl Issuer for Node {
    async fn issue(&self, domain: &str, min_validity: Duration) -> Result<(String, Secret), NodeError> {
        self.certificate(domain, min_validity).await
    }
}

struct Keeper<I, C> {
    issuer: I,
    /// The time of day. A test has its own.
    clock: C,
    slot: CertificateSlot,
    state: watch::Sender<CertificateState>,
    /// The certificate in the slot, if it is for the name of now.
    held: Option<Validity>,
    retry: Duration,
}

impl<I: Issuer, C: Fn() -> Timestamp> Keeper<I, C> {
    async fn keep(mut self, mut name: watch::Receiver<String>) {
        loop {
            let domain = name.borrow_and_update().clone();
            let turn = async {
                if domain.is_empty() {
                    self.state.send_replace(CertificateState::Unavailable);
                    std::future::pending::<()>().await;
                }
                let next = self.fetch(&domain).await;
                wall_clock::reach(next, &self.clock).await;
            };
            tokio::select! {
                () = turn => {}
                // Also in the middle of an order, which can take minutes, for a name that is no longer the node's.
                changed = name.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    (self.held, self.retry) = (None, FIRST_RETRY);
                }
            }
        }
    }

    /// Asks for a certificate; returns when to ask again.
    async fn fetch(&mut self, domain: &str) -> Timestamp {
        // Only now is the answer one that tells why there is no newer one.
        let min_validity = match &self.held {
            Some(held) if renewal(held) <= (self.clock)() => third(held) + MARGIN,
            _ => Duration::ZERO,
        };
        match self.install(domain, min_validity).await {
            Ok(validity) => {
                let now = (self.clock)();
                let (not_after, renewal) = (validity.not_after, renewal(&validity));
                self.held = Some(validity);
                if renewal <= now && !min_validity.is_zero() {
                    let none =
                        NodeError::new(ErrorKind::Certificate, "the certificate authority gave none that is newer");
                    return self.failed(domain, none);
                }
                self.retry = FIRST_RETRY;
                self.state.send_replace(CertificateState::Valid { not_after });
                renewal.clamp(now, now + REREAD)
            }
            Err(error) => self.failed(domain, error),
        }
    }

    async fn install(&self, domain: &str, min_validity: Duration) -> Result<Validity, NodeError> {
        let (chain, key) = self.issuer.issue(domain, min_validity).await?;
        self.slot
            .install(chain.as_bytes(), key.expose().as_bytes())
            .map_err(|error| NodeError::new(ErrorKind::Certificate, error.to_string()))
    }

    fn failed(&mut self, domain: &str, error: NodeError) -> Timestamp {
        let now = (self.clock)();
        let good = self.held.as_ref().filter(|held| held.not_after > now);
        let retry = if good.is_some() { RENEWAL_RETRY } else { self.retry };
        let pause = error.retry_after.map_or(retry, Duration::from_secs_f64).max(retry);
        // At the end of the one in use at the latest: then there is a hurry.
        let retry_at = good.map_or(now + pause, |held| (now + pause).min(held.not_after));
        tracing::warn!(%domain, %error, %retry_at, "no new certificate");
        match good {
            // It is early; nobody has to know.
            Some(held) if renewal(held) > now => {}
            Some(held) => {
                let (not_after, reason) = (held.not_after, error.message);
                self.state.send_replace(CertificateState::Unrenewed { not_after, reason, retry_at });
            }
            None => {
                self.retry = (self.retry * 2).min(LAST_RETRY);
                self.state.send_replace(CertificateState::Failed { reason: error.message, retry_at });
            }
        }
        retry_at
    }
}

/// A third of a certificate's life: the authority has given a new one by then.
fn third(validity: &Validity) -> Duration {
    Duration::try_from(validity.not_after.duration_since(validity.not_before)).unwrap_or_default() / 3
}

/// When a renewal is due.
fn renewal(validity: &Validity) -> Timestamp {
    validity.not_after - third(validity)
}
