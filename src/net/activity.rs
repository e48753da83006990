//! What happens on a connection, noted so cheaply that every read and write can afford it.
//!
//! hyper has a time-out for heads, but it also runs while a kept-alive connection waits for its next request, and it
//! allocates and registers a timer for each one. So the connection is watched from outside: what moves bytes leaves a mark
//! here, and one timer per connection looks at the marks (see [`super::watch`]).

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Version;
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// Length of the text that every HTTP/2 client begins with (RFC 9113, section 3.4).
const PREFACE: u32 = 24;

/// The marks of one connection. All of them are independent, so relaxed order is enough.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    /// When the head that is being read began, in microseconds after `opened`; `NO_HEAD` for none.
    head: AtomicU64,
    moved: AtomicBool,
    h2: AtomicBool,
    /// Bytes until the HTTP/2 preface is complete.
    preface: AtomicU32,
    requests: AtomicU32,
    /// Those of the requests whose reply has not begun.
    unanswered: AtomicU32,
}

const NO_HEAD: u64 = u64::MAX;

impl Activity {
    /// A connection that was just opened, and owes a head.
    pub(super) fn new(h2: bool) -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            head: AtomicU64::new(0),
            moved: AtomicBool::new(false),
            h2: AtomicBool::new(h2),
            preface: AtomicU32::new(PREFACE),
            requests: AtomicU32::new(0),
            unanswered: AtomicU32::new(0),
        })
    }

    /// When the head that is being read began.
    pub(super) fn head_began(&self) -> Option<Instant> {
        match self.head.load(Relaxed) {
            NO_HEAD => None,
            micros => Some(self.opened + Duration::from_micros(micros)),
        }
    }

    /// Whether there was any life since the last call.
    ///
    /// On HTTP/2 pings move bytes all the time, so bytes are no life. There a request is, until its reply begins, for pings
    /// prove that its peer waits for it; and then each piece of the reply that the peer has room for.
    pub(super) fn take_moved(&self) -> bool {
        self.moved.swap(false, Relaxed) || (self.h2.load(Relaxed) && self.unanswered.load(Relaxed) > 0)
    }

    /// Whether a request is between its head and the end of its reply.
    pub(super) fn in_flight(&self) -> bool {
        self.requests.load(Relaxed) > 0
    }

    /// Marks the arrival of a request. It is in flight until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>, version: Version) -> InFlight {
        if version == Version::HTTP_2 {
            self.h2.store(true, Relaxed);
        }
        self.head.store(NO_HEAD, Relaxed);
        self.moved.store(true, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        self.unanswered.fetch_add(1, Relaxed);
        InFlight { activity: Arc::clone(self), answered: false }
    }

    fn read(&self, bytes: usize) {
        if self.h2.load(Relaxed) {
            self.read_h2(bytes);
            return;
        }
        self.moved.store(true, Relaxed);
        // While a request is in flight these are its body, or requests in a pipeline. hyper reads on when it is done.
        if !self.in_flight() && self.head.load(Relaxed) == NO_HEAD {
            let micros = u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(NO_HEAD - 1);
            self.head.store(micros, Relaxed);
        }
    }

    /// HTTP/2 has one head to wait for, the preface; after it, a peer that trickles cannot answer a ping in between.
    fn read_h2(&self, bytes: usize) {
        let left = self.preface.load(Relaxed);
        if left == 0 {
            return;
        }
        let left = left.saturating_sub(u32::try_from(bytes).unwrap_or(u32::MAX));
        self.preface.store(left, Relaxed);
        if left == 0 {
            self.head.store(NO_HEAD, Relaxed);
            self.moved.store(true, Relaxed);
        }
    }

    fn wrote(&self) {
        if !self.h2.load(Relaxed) {
            self.moved.store(true, Relaxed);
        }
    }
}

/// A request between its head and the end of its reply.
#[derive(Debug)]
pub(super) struct InFlight {
    activity: Arc<Activity>,
    answered: bool,
}

impl InFlight {
    /// Keeps the request in flight until `body` has been sent or dropped.
    pub(super) fn until_sent(mut self, body: Body) -> Reply {
        self.answer();
        Reply { body, in_flight: self }
    }

    fn answer(&mut self) {
        if !std::mem::replace(&mut self.answered, true) {
            self.activity.unanswered.fetch_sub(1, Relaxed);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.answer();
        self.activity.moved.store(true, Relaxed);
        self.activity.requests.fetch_sub(1, Relaxed);
    }
}

/// The body of a reply.
#[derive(Debug)]
pub(super) struct Reply {
    body: Body,
    in_flight: InFlight,
}

impl HttpBody for Reply {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.in_flight.activity.moved.store(true, Relaxed);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that marks what it reads and writes.
#[derive(Debug)]
pub(super) struct Watched<Io> {
    io: Io,
    activity: Arc<Activity>,
}

impl<Io> Watched<Io> {
    pub(super) fn new(io: Io, activity: Arc<Activity>) -> Self {
        Self { io, activity }
    }

    fn mark(&self, written: &io::Result<usize>) {
        if written.is_ok() {
            self.activity.wrote();
        }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Watched<Io> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        let bytes = buf.filled().len() - before;
        if bytes > 0 {
            self.activity.read(bytes);
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Watched<Io> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, buf));
        self.mark(&written);
        Poll::Ready(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, bufs));
        self.mark(&written);
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
