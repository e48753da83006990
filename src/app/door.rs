//! Keeps the public door open while the tailnet allows it and the operator wants it.
//!
//! tsnet checks the `funnel` attribute when the port is opened and never again, so a node whose right is withdrawn would
//! go on serving the public. The keeper watches the node's record: it shuts the door when the right goes and opens it
//! when the right comes, also for the first time. The operator's wish, with the time it is good for, is in the [`Latch`].
//! Nothing else opens or shuts the door.

mod ingress;
mod latch;
mod order;
#[cfg(test)]
mod tests;
mod wish;

use std::time::Duration;

use axum::Router;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub(super) use latch::Latch;
pub(super) use order::obey;
pub use wish::DoorFlag;

use crate::net::{Server, Stop};
use crate::report::{Door, RUNNING};
use crate::tailnet::{ErrorKind, NodeError, Status};
use ingress::Ingress;
use wish::Wish;

/// Between tries when opening fails for another reason than the tailnet's policy.
const RETRY: Duration = Duration::from_secs(15);
/// Between tries while the policy does not allow it: a change of the policy is heard of, so these are for what is not.
const REFUSED_RETRY: Duration = Duration::from_secs(10 * 60);
/// What requests in flight have when the door is shut: a call takes milliseconds, and "shut" has to mean now.
const LAST_WORDS: Duration = Duration::from_millis(500);

pub(super) struct Keeper<I> {
    pub(super) ingress: I,
    pub(super) port: u16,
    pub(super) server: Server,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) router: Router,
    pub(super) latch: Latch,
    pub(super) status: watch::Receiver<Status>,
    pub(super) door: watch::Sender<Door>,
    pub(super) stop: CancellationToken,
}

/// How the port was closed.
enum Served {
    /// For good: nobody is in any more.
    Shut,
    /// To be opened again: those who came in may still be there.
    Open,
    /// Not by this side.
    Broken,
}

impl<I: Ingress> Keeper<I> {
    /// Runs until the program stops. That it returns before means that its listener has ended by itself, and with it the
    /// tailnet's side of this node.
    pub(super) async fn keep(mut self) {
        // Of all who came in since the door was last shut, under whatever name, as long as some of them may be in.
        let mut cut = None;
        while !self.stop.is_cancelled() {
            let wish = self.latch.wish();
            if let Wish::Shut { by } = wish {
                self.cut(cut.take()).await;
                self.show(Door::Off { by });
                let stop = self.stop.clone();
                stop.run_until_cancelled(self.latch.is_no_longer(wish)).await;
                continue;
            }
            let seen = self.status.borrow_and_update().clone();
            self.door.send_if_modified(|door| {
                // What keeps it shut is told until it opens, not the tries in between.
                let news = matches!(door, Door::Off { .. } | Door::Open { .. });
                if news {
                    *door = Door::Opening;
                }
                news
            });
            if seen.state != RUNNING {
                self.wait_for_change(wish, &seen, REFUSED_RETRY).await;
                continue;
            }
            match self.ingress.open(self.port).await {
                Ok(listener) => {
                    let all = cut.take().unwrap_or_default();
                    match self.serve(listener, &seen.name, &all).await {
                        Served::Broken => return,
                        Served::Open => cut = Some(all),
                        Served::Shut => {}
                    }
                }
                Err(refusal) => {
                    let retry = match refusal.kind {
                        ErrorKind::FunnelUnavailable | ErrorKind::HttpsUnavailable | ErrorKind::PortUnavailable => {
                            self.cut(cut.take()).await;
                            REFUSED_RETRY
                        }
                        _ => RETRY,
                    };
                    self.refused(refusal).await;
                    self.wait_for_change(wish, &seen, retry).await;
                }
            }
        }
    }

    /// Serves until it is no longer wanted, the right is withdrawn, the node is renamed, the program stops or the listener
    /// ends, which is told.
    ///
    /// The ingress is open for one name: under another, the port has to be opened anew. That is no reason to cut anyone.
    async fn serve(&mut self, listener: I::Listener, name: &str, cut: &CancellationToken) -> Served {
        let number = I::number(&listener);
        let stop = Stop { finish: self.stop.child_token(), cut: cut.clone() };
        let serving = self.server.serve(listener, self.tls.clone(), self.router.clone(), stop.clone());
        tokio::pin!(serving);
        let ended = loop {
            let wish = self.latch.wish();
            let Wish::Open { until } = wish else { break false };
            self.show(Door::Open { port: self.port, until });
            tokio::select! {
                () = &mut serving => break true,
                _ = self.status.wait_for(|status| !allows(status, self.port) || status.name != name) => break false,
                () = self.latch.is_no_longer(wish) => {}
            }
        };
        let shut = matches!(self.latch.wish(), Wish::Shut { .. }) || !allows(&self.status.borrow(), self.port);
        tokio::join!(self.ingress.close(number), async {
            stop.finish.cancel();
            if !ended {
                serving.await;
            }
            if shut {
                self.cut(Some(cut.clone())).await;
            }
        });
        match (ended, shut) {
            (true, _) => Served::Broken,
            (false, true) => Served::Shut,
            (false, false) => Served::Open,
        }
    }

    /// Ends whatever is still open of those who came in, after their last words.
    async fn cut(&self, all: Option<CancellationToken>) {
        // A program that stops has its own deadline.
        if let Some(all) = all
            && self.stop.run_until_cancelled(sleep(LAST_WORDS)).await.is_some()
        {
            all.cancel();
        }
    }

    fn show(&self, door: Door) {
        self.door.send_if_modified(|shown| {
            let news = *shown != door;
            if news {
                tracing::info!("{door}");
                *shown = door;
            }
            news
        });
    }

    /// Tells the operator why the door stays shut: once for each reason, however often it is tried.
    async fn refused(&self, refusal: NodeError) {
        let known = matches!(&*self.door.borrow(), Door::Unavailable { reason, .. } if *reason == refusal.message);
        if !known {
            let shut = self.ingress.explain(refusal).await;
            tracing::warn!("{shut}");
            self.door.send_replace(shut);
        }
    }

    /// A change of the node's record may have brought the right. Anything else is tried again after `retry`.
    async fn wait_for_change(&mut self, wish: Wish, seen: &Status, retry: Duration) {
        tokio::select! {
            _ = self.status.wait_for(|status| rights(status) != rights(seen)) => {}
            () = self.latch.is_no_longer(wish) => {}
            () = sleep(retry) => {}
            () = self.stop.cancelled() => {}
        }
    }
}

/// What of a record says whether the door can be opened. The rest changes with every device of the tailnet.
fn rights(status: &Status) -> (&str, &str, bool, bool, &[u16]) {
    (&status.state, &status.name, status.https, status.funnel, &status.funnel_ports)
}

/// Whether the node is in its tailnet, and has the right to Funnel at `port` there.
fn allows(status: &Status, port: u16) -> bool {
    // A node whose key has expired, or whose approval was withdrawn, keeps its rights and lost its way in.
    status.state == RUNNING && status.https && status.funnel && status.funnel_ports.contains(&port)
}
