//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::Service;
use tracing::debug;

use super::Limits;
use super::activity::{Activity, Watched};
use super::slots::Slot;
use super::watch::{Expired, Watch};

/// Time for a peer to take note that its idle connection ends.
const GOODBYE: Duration = Duration::from_secs(5);

/// The least that hyper accepts as the size of its buffer.
const H1_BUFFER: usize = 8 * 1024;
/// What a client may send of one body, and of all bodies, before anyone reads it: tool calls are a few KiB.
const H2_STREAM_WINDOW: u32 = 256 * 1024;
const H2_CONNECTION_WINDOW: u32 = 1024 * 1024;
/// What of one reply waits for a slow client in memory.
const H2_SEND_BUFFER: usize = 64 * 1024;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// What a client has said that it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoken {
    Untold,
    H1,
    H2,
}

/// Everything that connections have in common.
#[derive(Debug)]
pub(super) struct Protocol {
    limits: Limits,
    /// For connections that have not said what they speak.
    any: auto::Builder<TokioExecutor>,
    /// For those that have. A connection whose first bytes are looked at to find out would keep twice the buffer.
    h1: auto::Builder<TokioExecutor>,
    h2: auto::Builder<TokioExecutor>,
}

impl Protocol {
    pub(super) fn new(limits: Limits) -> Self {
        let mut http = auto::Builder::new(TokioExecutor::new());
        http.http1()
            .timer(TokioTimer::new())
            // hyper's own time-out counts the time between requests as well; `Watch` knows the difference.
            .header_read_timeout(None)
            // Who closes its half right after the request still gets the reply.
            .half_close(true)
            // A head has to fit in the buffer. Bodies pass in pieces of that size, which with TLS is a record's anyway.
            .max_buf_size(H1_BUFFER.max(limits.header_bytes as usize));
        http.http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(limits.ping)
            .keep_alive_timeout(limits.ping)
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(limits.header_bytes)
            .initial_stream_window_size(H2_STREAM_WINDOW)
            .initial_connection_window_size(H2_CONNECTION_WINDOW)
            .max_send_buf_size(H2_SEND_BUFFER);
        Self { limits, h1: http.clone().http1_only(), h2: http.clone().http2_only(), any: http }
    }

    fn http(&self, spoken: Spoken) -> &auto::Builder<TokioExecutor> {
        match spoken {
            Spoken::Untold => &self.any,
            Spoken::H1 => &self.h1,
            Spoken::H2 => &self.h2,
        }
    }

    /// Serves a connection until it ends, or until `stop` and the request in flight is answered.
    pub(super) async fn run<Io>(
        &self,
        io: Io,
        slot: &Slot,
        tls: Option<TlsAcceptor>,
        app: Router,
        stop: CancellationToken,
    ) where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let ended = match tls {
            None => self.serve(io, Spoken::Untold, slot, app, stop).await,
            Some(tls) => self.serve_tls(io, &tls, slot, app, stop).await,
        };
        if let Err(error) = ended {
            debug!(plane = %slot.peer().plane(), error = &*error, "connection ended");
        }
    }

    async fn serve_tls<Io>(
        &self,
        io: Io,
        tls: &TlsAcceptor,
        slot: &Slot,
        app: Router,
        stop: CancellationToken,
    ) -> Result<(), Error>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // In boxes, because a task is as large as all that ever moves through it.
        let handshake = Box::pin(timeout(self.limits.handshake, tls.accept(io)));
        let stream = tokio::select! {
            stream = handshake => Box::new(stream.map_err(|_| "no TLS handshake in time")??),
            () = stop.cancelled() => return Ok(()),
        };
        // RFC 9113, section 3.2: over TLS, HTTP/2 is agreed on by ALPN and not otherwise.
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        self.serve(stream, if h2 { Spoken::H2 } else { Spoken::H1 }, slot, app, stop).await
    }

    async fn serve<Io>(
        &self,
        io: Io,
        spoken: Spoken,
        slot: &Slot,
        app: Router,
        stop: CancellationToken,
    ) -> Result<(), Error>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Activity::new(spoken == Spoken::H2);
        let io = TokioIo::new(Watched::new(io, Arc::clone(&activity)));
        let requests = Arc::clone(&activity);
        let (peer, standing) = (slot.peer(), slot.standing());
        let service = service_fn(move |mut request: Request<Incoming>| {
            let in_flight = requests.begin(request.version());
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(standing.clone());
            let reply = app.clone().call(request);
            async move { reply.await.map(|reply| reply.map(|body| in_flight.until_sent(body))) as Result<_, Infallible> }
        });

        let mut connection = pin!(self.http(spoken).serve_connection(io, service));
        let mut watch = Watch::new(self.limits, &activity, standing);
        let mut stopped = pin!(stop.cancelled());
        let mut leaving = false;
        std::future::poll_fn(|cx| {
            loop {
                if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                    return Poll::Ready(ended);
                }
                if !leaving && stopped.as_mut().poll(cx).is_ready() {
                    leaving = true;
                    connection.as_mut().graceful_shutdown();
                    continue;
                }
                match ready!(watch.poll(cx)) {
                    Expired::Idle if !leaving => {
                        leaving = true;
                        watch.cut_at(Instant::now() + GOODBYE);
                        connection.as_mut().graceful_shutdown();
                    }
                    expired => return Poll::Ready(Err(expired.reason().into())),
                }
            }
        })
        .await
    }
}
