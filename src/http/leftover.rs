//! What a refused request still has to send.
//!
//! A server may reset an HTTP/2 stream that it has answered before it has read it all (RFC 9113, section 8.1), and hyper does
//! when the body is dropped. Several clients, curl 7.88 among them, then lose the answer, which says what to do.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::Version;
use hyper::body::{Frame, SizeHint};

use crate::mcp::discard;

/// Requests of tool calls are smaller, and nobody else has a reason to be refused with more.
const LIMIT: usize = 64 * 1024;

/// Has the body of the request read on when nobody wants it any more.
pub(super) fn read_on(request: Request) -> Request {
    if request.version() != Version::HTTP_2 || request.body().is_end_stream() {
        return request;
    }
    request.map(|body| Body::new(Unfinished(body)))
}

struct Unfinished(Body);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.0.is_end_stream() {
            let body = std::mem::take(&mut self.0);
            tokio::spawn(discard(body, LIMIT));
        }
    }
}

impl HttpBody for Unfinished {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;

    const KIBIBYTE: Bytes = Bytes::from_static(&[0; 1024]);

    /// So many KiB, and how many of them were taken.
    struct Kibibytes(usize, Arc<AtomicUsize>);

    impl HttpBody for Kibibytes {
        type Data = Bytes;
        type Error = axum::Error;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
            let more = self.1.load(Relaxed) < self.0;
            Poll::Ready(more.then(|| {
                self.1.fetch_add(1, Relaxed);
                Ok(Frame::data(KIBIBYTE))
            }))
        }
    }

    async fn taken(version: Version, length: usize) -> usize {
        let taken = Arc::new(AtomicUsize::new(0));
        let body = Body::new(Kibibytes(length, Arc::clone(&taken)));
        drop(read_on(Request::builder().version(version).body(body).unwrap()));
        tokio::task::yield_now().await;
        taken.load(Relaxed)
    }

    #[tokio::test]
    async fn what_a_refused_h2_request_still_sends_is_read_up_to_a_limit() {
        assert_eq!(taken(Version::HTTP_2, 10).await, 10);
        assert_eq!(taken(Version::HTTP_2, 1000).await, LIMIT / 1024 + 1);
        assert_eq!(taken(Version::HTTP_11, 10).await, 0);
    }
}
