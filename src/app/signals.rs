//! Signals: stop on SIGINT and SIGTERM, and live through SIGHUP.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::tailnet::run_handler_on_alternate_stack;

/// A token that is cancelled by the first SIGINT or SIGTERM. The second one ends the program at once.
pub(super) fn stop_token() -> io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let mut hang_up = listen(SignalKind::hangup())?;
    let token = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                // A terminal that goes away, or an operator who asks for a reload: neither ends a server.
                _ = hang_up.recv() => continue,
            }
            if token.is_cancelled() {
                tracing::warn!("stopped a second time: ending at once");
                std::process::exit(130);
            }
            token.cancel();
        }
    });
    Ok(stop)
}

fn listen(kind: SignalKind) -> io::Result<Signal> {
    let stream = signal(kind)?;
    run_handler_on_alternate_stack(kind.as_raw_value())?;
    Ok(stream)
}
