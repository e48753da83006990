//! Where connections come from.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};
use tracing::warn;

use crate::access::Peer;

/// Time for descriptors to come back when there are none left.
const PAUSE: Duration = Duration::from_secs(1);

/// A source of connections that knows the [`Peer`] of each.
pub trait Listener: Send + 'static {
    /// The bytes of a connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection; `None` when there will never be another. Must be cancel safe.
    fn accept(&mut self) -> impl Future<Output = Option<(Self::Io, Peer)>> + Send;
}

impl Listener for TcpListener {
    type Io = TcpStream;

    async fn accept(&mut self) -> Option<(TcpStream, Peer)> {
        let mut failures = Failures::default();
        loop {
            match TcpListener::accept(self).await {
                Ok((stream, address)) => {
                    // A reply is one write; waiting to fill a segment only delays its last part. On a socket that is
                    // closed already this fails and does not matter.
                    let _ = stream.set_nodelay(true);
                    return Some((stream, Peer::Direct { address }));
                }
                Err(error) => failures.survive(&error).await,
            }
        }
    }
}

#[cfg(unix)]
impl Listener for UnixListener {
    type Io = UnixStream;

    async fn accept(&mut self) -> Option<(UnixStream, Peer)> {
        let mut failures = Failures::default();
        loop {
            match UnixListener::accept(self).await {
                Ok((stream, _)) => return Some((stream, Peer::Admin)),
                Err(error) => failures.survive(&error).await,
            }
        }
    }
}

/// Failures in a row. What fails here is one connection, or the process is short of something for a while.
#[derive(Debug, Default)]
struct Failures {
    warned: bool,
}

impl Failures {
    async fn survive(&mut self, error: &io::Error) {
        if is_one_connection(error) {
            return;
        }
        if !self.warned {
            warn!(%error, "cannot accept connections for now; is the limit of open files too low?");
            self.warned = true;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The client gave up between SYN and accept.
fn is_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
