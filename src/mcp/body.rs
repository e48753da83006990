//! Reading a request body: all of it, not too much, not for too long, and JSON.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::outline::Outline;
use crate::lenient_json;

/// The most bytes a request may have. A page of a book is 3 kB; 4 MiB leave room for a file in base64.
pub(super) const LIMIT: usize = 4 << 20;
/// The most that it may nest. The deepest honest request, a batch of block updates, has eight levels.
pub(super) const DEPTH: usize = 64;
/// The most values that it may have. The largest honest request, a batch of some thousand updates, has a third of them; 4 MiB of
/// empty lists would be two million.
const PARTS: usize = 100_000;
/// A body that is larger waits for a place among the large ones of its caller: a text of thirty pages is smaller.
const SMALL: usize = 64 << 10;
/// How long a body may take. 4 MiB pass in this time at 1.2 Mbit/s.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much of a body that is too large is read on.
const DISCARDED: usize = 64 << 20;
/// For how long a body that was refused is read on: a client reads its answer by then.
const GRACE: Duration = Duration::from_secs(5);

/// Why a request body was not taken. The texts are for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It has more bytes than a request may have.
    #[error("A request may have at most {LIMIT} bytes.")]
    TooLarge,
    /// It nests deeper than a request may.
    #[error("A request may nest at most {DEPTH} levels.")]
    TooDeep,
    /// It has more values than a request may have.
    #[error("A request may have at most {PARTS} values.")]
    TooMany,
    /// It did not arrive in time.
    #[error("The request took too long to arrive.")]
    TooSlow,
    /// It broke off, or is not JSON.
    #[error("The request is not valid JSON-RPC.")]
    NotJson,
}

/// A body that was read.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) json: Bytes,
    /// Held as long as the body is worked on.
    _large: Option<OwnedSemaphorePermit>,
}

/// Reads `body` whole, or says what is wrong with it. `large` has the places for large ones.
pub(super) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    large: Option<&Arc<Semaphore>>,
) -> Result<Whole, Unreadable> {
    // An honest sender is told before it sends.
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > LIMIT) {
        tokio::spawn(discard(body, DISCARDED));
        return Err(Unreadable::TooLarge);
    }
    let mut bytes = BytesMut::new();
    let mut place = None;
    let read = tokio::time::timeout(PATIENCE, async {
        while let Some(data) = next(&mut body).await? {
            if bytes.len() + data.len() > LIMIT {
                return Err(Unreadable::TooLarge);
            }
            bytes.extend_from_slice(&data);
            if let (Some(large), None, true) = (large, &place, bytes.len() > SMALL) {
                place = Arc::clone(large).acquire_owned().await.ok();
            }
        }
        Ok(())
    });
    let read = read.await.unwrap_or(Err(Unreadable::TooSlow));
    if read == Err(Unreadable::TooLarge) {
        tokio::spawn(discard(body, DISCARDED));
    }
    read?;
    let json = if bytes.len() > SMALL {
        // Milliseconds, in which the threads that serve connections have others to serve.
        let checked = tokio::task::spawn_blocking(move || check(bytes)).await;
        checked.unwrap_or(Err(Unreadable::NotJson))?
    } else {
        check(bytes)?
    };
    Ok(Whole { json, _large: place })
}

/// JSON, as it was meant.
fn check(bytes: BytesMut) -> Result<Bytes, Unreadable> {
    let bytes = match lenient_json::mended(&bytes) {
        Cow::Borrowed(_) => bytes.freeze(),
        Cow::Owned(mended) => mended.into(),
    };
    let outline = Outline::of(&bytes);
    // rmcp answers 415 to what it cannot read; the specification wants JSON-RPC's own error.
    match serde_json::from_slice::<serde::de::IgnoredAny>(&bytes) {
        Ok(_) if outline.deepest() > DEPTH => Err(Unreadable::TooDeep),
        Ok(_) if outline.parts() > PARTS => Err(Unreadable::TooMany),
        Ok(_) => Ok(bytes),
        Err(_) => Err(Unreadable::NotJson),
    }
}

/// The next piece; trailers are no part of it.
async fn next(body: &mut Body) -> Result<Option<Bytes>, Unreadable> {
    match body.frame().await {
        Some(Ok(frame)) => Ok(Some(frame.into_data().unwrap_or_default())),
        Some(Err(_)) => Err(Unreadable::NotJson),
        None => Ok(None),
    }
}

/// Reads on for a while after a refusal, `most` bytes or a little more: to close on a client that is still sending would
/// reset the connection, and the answer would be lost with it.
pub async fn discard(mut body: Body, most: usize) {
    let reading = async {
        let mut bytes = 0;
        while let Ok(Some(data)) = next(&mut body).await {
            bytes += data.len();
            if bytes > most {
                return;
            }
        }
    };
    // Whether it ended or not, the connection closes now.
    let _ = tokio::time::timeout(GRACE, reading).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_of(body: impl Into<Body>) -> Result<Bytes, Unreadable> {
        read(&HeaderMap::new(), body.into(), None).await.map(|whole| whole.json)
    }

    #[tokio::test]
    async fn json_passes_and_anything_else_does_not() {
        assert_eq!(read_of("{\"a\": 1}").await.unwrap(), "{\"a\": 1}");
        for bad in ["", "{", "{} {}", "hello", "\u{feff}{}"] {
            assert!(matches!(read_of(bad).await, Err(Unreadable::NotJson)), "{bad}");
        }
    }

    #[tokio::test]
    async fn strings_are_taken_as_javascript_writes_them() {
        assert_eq!(read_of(r#"{"a": "x \ud83d"}"#).await.unwrap(), r#"{"a": "x \ufffd"}"#);
        assert_eq!(read_of(&b"{\"a\": \"\xff\"}"[..]).await.unwrap(), "{\"a\": \"\u{fffd}\"}");
    }

    #[tokio::test]
    async fn deep_nesting_is_refused_and_not_recursed_into() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(matches!(read_of("[".repeat(1_000_000)).await, Err(Unreadable::NotJson)));
        assert!(matches!(read_of(nested(1_000_000)).await, Err(Unreadable::TooDeep)));
        assert!(matches!(read_of(nested(DEPTH + 1)).await, Err(Unreadable::TooDeep)));
        assert!(read_of(nested(DEPTH)).await.is_ok());
        assert!(read_of(r#"{"a": "\\\"[[[[", "b": ["#.to_owned() + &"[],".repeat(100) + "[]]}").await.is_ok());
        assert!(read_of(format!("[{:?}]", "[\"{".repeat(100))).await.is_ok(), "in strings they are text");
    }

    #[tokio::test]
    async fn too_much_is_refused_whether_announced_or_not() {
        assert!(matches!(read_of(vec![b' '; LIMIT + 1]).await, Err(Unreadable::TooLarge)));
        let announced = [(header::CONTENT_LENGTH, "1073741824".parse().unwrap())].into_iter().collect();
        assert!(matches!(read(&announced, Body::empty(), None).await, Err(Unreadable::TooLarge)));
    }

    #[tokio::test]
    async fn more_values_than_anybody_sends_are_refused() {
        let lists = |many: usize| format!("[{}[]]", "[],".repeat(many));
        assert!(read_of(lists(PARTS / 2 - 1)).await.is_ok());
        assert!(matches!(read_of(lists(PARTS / 2)).await, Err(Unreadable::TooMany)));
        assert!(read_of(format!("[{:?}]", ",".repeat(PARTS))).await.is_ok(), "in strings they are text");
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_body_waits_for_a_place_and_a_small_one_does_not() {
        let large = Arc::new(Semaphore::new(1));
        let send = async |body: String| read(&HeaderMap::new(), body.into(), Some(&large)).await;
        let text = |length| format!("{:?}", "x".repeat(length));
        let first = send(text(SMALL)).await.unwrap();
        assert!(send(text(SMALL - 2)).await.is_ok());
        assert!(matches!(send(text(SMALL)).await, Err(Unreadable::TooSlow)));
        drop(first);
        assert!(send(text(SMALL)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        assert!(matches!(read_of(Body::new(Silent)).await, Err(Unreadable::TooSlow)));
    }

    /// A body that says nothing.
    struct Silent;

    impl axum::body::HttpBody for Silent {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            std::task::Poll::Pending
        }
    }
}
