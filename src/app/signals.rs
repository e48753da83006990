//! Signals: stop on SIGINT and SIGTERM, read the rules again on SIGHUP.

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::tailnet::run_handler_on_alternate_stack;

/// A token that is cancelled by the first SIGINT or SIGTERM, and what SIGHUP wakes. A second SIGINT or SIGTERM ends the
/// program at once.
pub(super) fn listen_to() -> io::Result<(CancellationToken, Arc<Notify>)> {
    let (stop, reload) = (CancellationToken::new(), Arc::new(Notify::new()));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let mut hang_up = listen(SignalKind::hangup())?;
    let (token, asked) = (stop.clone(), Arc::clone(&reload));
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                // A terminal that goes away, or an operator who asks for a reload: neither ends a server.
                _ = hang_up.recv() => {
                    asked.notify_one();
                    continue;
                }
            }
            if token.is_cancelled() {
                tracing::warn!("stopped a second time: ending at once");
                std::process::exit(130);
            }
            token.cancel();
        }
    });
    Ok((stop, reload))
}

fn listen(kind: SignalKind) -> io::Result<Signal> {
    let stream = signal(kind)?;
    run_handler_on_alternate_stack(kind.as_raw_value())?;
    Ok(stream)
}
