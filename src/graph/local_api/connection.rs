//! Connections to the Local API. A token goes only over one whose other end has answered as Roam does.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::lenient_json;

/// Roam is on this machine and accepts at once, or it is not there.
pub(super) const CONNECT: Duration = Duration::from_secs(3);
/// A Roam that is there may be busy.
pub(super) const GREETING: Duration = Duration::from_secs(20);
/// The most bytes an answer may have. A page of 1 MB was seen in the wild.
pub(super) const LARGEST: usize = 32 << 20;
/// The most bytes an answer with a file may have: 100 MiB, which is the most that can be uploaded, are 134 in base64.
pub(super) const LARGEST_FILE: usize = 136 << 20;
/// Roam runs on Node, which closes a connection after 5 s without a request; one that is used sooner is alive.
const FRESH: Duration = Duration::from_secs(3);

/// A connection to Roam.
#[derive(Debug)]
pub(super) struct Connection {
    port: u16,
    sender: SendRequest<Full<Bytes>>,
    used: Instant,
    /// Whether the other end has said that it takes no further request.
    ends: bool,
}

/// Why there is no connection to Roam. Nothing was sent that matters.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// Nobody listens there: Roam does not run.
    Silent { port: u16, reason: String },
    /// Somebody accepts the connection and does not answer.
    Mute { port: u16, reason: String },
    /// Somebody answers, and it is not Roam.
    Stranger { port: u16 },
}

/// Why there is no answer to a request.
#[derive(Debug)]
pub(super) enum Loss {
    /// Not a byte of it was sent.
    Unsent,
    /// It was sent, at least in part, and then the connection broke.
    Broken,
    /// It was answered, with more than anybody can want.
    TooLarge,
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl Connection {
    /// Connects, and makes sure that it is Roam who answers, who has as long for that as `patience`.
    pub(super) async fn open(port: u16, patience: Duration) -> Result<Self, Obstacle> {
        let mute = |reason: String| Obstacle::Mute { port, reason };
        let mut connection = Self::dial(port).await?;
        let greeting = request(Method::GET, "/api/graphs/open", Bytes::new());
        match timeout(patience, connection.exchange(greeting)).await {
            Ok(Ok(answer)) if !is_roam(&answer) => Err(Obstacle::Stranger { port }),
            // It is Roam, and wants a connection for each request.
            Ok(Ok(_)) if connection.ends => Self::dial(port).await,
            Ok(Ok(_)) => Ok(connection),
            Ok(Err(Loss::TooLarge)) => Err(Obstacle::Stranger { port }),
            Ok(Err(Loss::Unsent | Loss::Broken)) => Err(mute("the connection was closed".to_owned())),
            Err(_) => Err(mute(format!("no answer in {} s", patience.as_secs()))),
        }
    }

    async fn dial(port: u16) -> Result<Self, Obstacle> {
        let silent = |reason: String| Obstacle::Silent { port, reason };
        let connect = async {
            // The address as it is: `localhost` may be IPv6, where Roam does not listen.
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
            stream.set_nodelay(true)?;
            handshake(TokioIo::new(stream)).await.map_err(io::Error::other)
        };
        match timeout(CONNECT, connect).await {
            Ok(Ok((sender, connection))) => {
                // Ends with the connection, which ends with its sender. How it ended shows in the answers.
                tokio::spawn(connection);
                Ok(Self { port, sender, used: Instant::now(), ends: false })
            }
            Ok(Err(error)) => Err(silent(error.to_string())),
            Err(_) => Err(silent(format!("no connection in {} s", CONNECT.as_secs()))),
        }
    }

    /// Sends one request and reads the whole answer.
    pub(super) async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Loss> {
        self.exchange_within(LARGEST, request).await
    }

    /// Sends one request and reads the whole answer, which may have `largest` bytes.
    pub(super) async fn exchange_within(
        &mut self,
        largest: usize,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Answer, Loss> {
        let host = HeaderValue::from_str(&format!("127.0.0.1:{}", self.port)).map_err(|_| Loss::Unsent)?;
        request.headers_mut().insert(HOST, host);
        self.sender.ready().await.map_err(|_| Loss::Unsent)?;
        let response = self.sender.try_send_request(request).await.map_err(|mut error| {
            // hyper gives the request back if it never began to send it.
            if error.take_message().is_some() { Loss::Unsent } else { Loss::Broken }
        })?;
        self.ends = is_last(&response);
        let answer = read(response, largest).await?;
        self.used = Instant::now();
        Ok(answer)
    }

    fn is_fresh(&self, port: u16) -> bool {
        self.port == port && self.used.elapsed() < FRESH && !self.ends && !self.sender.is_closed()
    }
}

/// Whether the connection is closed after this answer (RFC 9112 section 9.3).
fn is_last(response: &Response<Incoming>) -> bool {
    let named = response.headers().get_all(CONNECTION);
    let says = |word: &str| {
        let mut options = named.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        options.any(|option| option.trim().eq_ignore_ascii_case(word))
    };
    says("close") || (response.version() < Version::HTTP_11 && !says("keep-alive"))
}

async fn read(response: Response<Incoming>, largest: usize) -> Result<Answer, Loss> {
    let status = response.status();
    match Limited::new(response.into_body(), largest).collect().await {
        Ok(body) => Ok(Answer { status, body: body.to_bytes() }),
        Err(error) if error.is::<LengthLimitError>() => Err(Loss::TooLarge),
        Err(_) => Err(Loss::Broken),
    }
}

/// A request as the Local API takes it.
pub(super) fn request(method: Method, path: &str, body: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    // Paths are made of names that were checked; another one would not find its way to an action.
    *request.uri_mut() = path.parse().unwrap_or_default();
    request.headers_mut().insert(CONTENT_TYPE, const { HeaderValue::from_static("application/json") });
    request
}

/// Roam answers with an envelope, also when its Local API is switched off; old builds gave a bare list.
fn is_roam(answer: &Answer) -> bool {
    match lenient_json::parse(&answer.body) {
        Ok(Value::Object(envelope)) => {
            envelope.get("success").is_some_and(Value::is_boolean)
                || envelope.get("error").is_some_and(Value::is_string)
        }
        Ok(Value::Array(graphs)) => answer.status.is_success() && graphs.iter().all(Value::is_object),
        _ => false,
    }
}

/// Connections that wait for their next request.
#[derive(Debug, Default)]
pub(super) struct Idle(Mutex<Vec<Connection>>);

impl Idle {
    /// One to the port that Roam has now, if there is one that surely still lives.
    pub(super) fn take(&self, port: u16) -> Option<Connection> {
        let mut idle = self.lock();
        idle.retain(|connection| connection.is_fresh(port));
        idle.pop()
    }

    pub(super) fn give(&self, connection: Connection) {
        if !connection.ends && !connection.sender.is_closed() {
            self.lock().push(connection);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn who_accepts_and_is_slow_is_told_from_nobody() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // The system accepts for a program that is busy.
        let slow = Connection::open(port, Duration::from_millis(10)).await;
        assert!(matches!(slow, Err(Obstacle::Mute { .. })), "{slow:?}");
        drop(listener);
        let nobody = Connection::open(port, GREETING).await;
        assert!(matches!(nobody, Err(Obstacle::Silent { .. })), "{nobody:?}");
    }
}
