//! HTTP clients. Who they are is decided by the address that they connect to: a forward of somebody's device, or the
//! public side of the relay.

use std::io::BufReader;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use axum::http::{HeaderMap, Method, Request, StatusCode, Version, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;

use super::tailnet::tailnet;
use super::{PATIENCE, secrets};

/// How a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Plain,
    Http1,
    Http2,
}

/// A client of one node. Clones are the same identity.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// Where it connects to.
    pub(crate) address: String,
    /// The name that it asks for, in TLS and in HTTP.
    pub(crate) host: String,
    pub(crate) scheme: Scheme,
}

/// One connection, for requests one after the other or at the same time.
#[derive(Clone)]
pub(crate) enum Connection {
    Http1(Arc<tokio::sync::Mutex<http1::SendRequest<Full<Bytes>>>>, Client),
    Http2(http2::SendRequest<Full<Bytes>>, Client),
}

/// An answer that has arrived whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// An answer that began and did not come to its end.
#[derive(Debug)]
pub(crate) struct Torn(hyper::Error);

impl std::error::Error for Torn {}

impl std::fmt::Display for Torn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "in the middle of an answer: {}", self.0)
    }
}

/// What a raw connection reads and writes.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A body that comes when the test says so.
pub(crate) struct Later(Option<oneshot::Receiver<Bytes>>);

impl Later {
    pub(crate) fn new(body: oneshot::Receiver<Bytes>) -> Self {
        Self(Some(body))
    }
}

impl Body for Later {
    type Data = Bytes;
    type Error = oneshot::error::RecvError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(later) = &mut self.0 else { return Poll::Ready(None) };
        let came = ready!(Pin::new(later).poll(context));
        self.0 = None;
        Poll::Ready(Some(came.map(Frame::data)))
    }
}

impl Client {
    pub(crate) fn new(address: &str, host: &str, scheme: Scheme) -> Self {
        Self { address: address.to_owned(), host: host.to_owned(), scheme }
    }

    /// The same client over HTTP/1.1 or HTTP/2.
    pub(crate) fn with(&self, scheme: Scheme) -> Self {
        Self { scheme, ..self.clone() }
    }

    /// Opens a connection, waiting for it as long as for anything else.
    pub(crate) async fn connect(&self) -> Connection {
        self.try_connect().await.unwrap_or_else(|error| panic!("{self:?} cannot connect: {error}"))
    }

    pub(crate) async fn try_connect(&self) -> Result<Connection, Failure> {
        let stream = TokioIo::new(self.stream().await?);
        if self.scheme == Scheme::Http2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
            tokio::spawn(connection);
            Ok(Connection::Http2(sender, self.clone()))
        } else {
            let (sender, connection) = http1::handshake(stream).await?;
            tokio::spawn(connection);
            Ok(Connection::Http1(Arc::new(sender.into()), self.clone()))
        }
    }

    /// A connection to write bytes on, after TLS.
    pub(crate) async fn stream(&self) -> Result<Box<dyn Stream>, Failure> {
        let tcp = TcpStream::connect(&self.address).await?;
        tcp.set_nodelay(true)?;
        if self.scheme == Scheme::Plain {
            return Ok(Box::new(tcp));
        }
        let mut config = tls_config().clone();
        config.alpn_protocols = match self.scheme {
            Scheme::Http2 => vec![b"h2".to_vec()],
            _ => vec![b"http/1.1".to_vec()],
        };
        let name = ServerName::try_from(self.host.clone())?;
        let tls = tokio::time::timeout(PATIENCE, TlsConnector::from(Arc::new(config)).connect(name, tcp)).await??;
        Ok(Box::new(tls))
    }

    /// A connection to write bytes on, before TLS.
    pub(crate) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.unwrap()
    }

    /// A request to be changed and sent.
    pub(crate) fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let builder = Request::builder().method(method);
        match self.scheme {
            Scheme::Http2 => builder.uri(format!("https://{}{path}", self.host)),
            _ => builder.uri(path).header(header::HOST, &self.host),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path).body(Bytes::new()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(self.post_request(path, body)).await
    }

    /// A `POST` of JSON to be changed and sent.
    pub(crate) fn post_request(&self, path: &str, body: &Value) -> Request<Bytes> {
        self.request(Method::POST, path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, text/event-stream")
            .body(body.to_string().into())
            .unwrap()
    }

    /// One request on a connection of its own.
    pub(crate) async fn send(&self, request: Request<Bytes>) -> Reply {
        self.try_send(request).await.unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }

    pub(crate) async fn try_send(&self, request: Request<Bytes>) -> Result<Reply, Failure> {
        self.try_connect().await?.try_send(request).await
    }
}

impl Connection {
    pub(crate) fn client(&self) -> &Client {
        match self {
            Self::Http1(_, client) | Self::Http2(_, client) => client,
        }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(self.client().post_request(path, body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(self.client().request(Method::GET, path).body(Bytes::new()).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Bytes>) -> Reply {
        self.try_send(request).await.unwrap_or_else(|error| panic!("{:?}: {error}", self.client()))
    }

    pub(crate) async fn try_send(&self, request: Request<Bytes>) -> Result<Reply, Failure> {
        let request = request.map(Full::new);
        let exchange = async {
            let response = match self {
                Self::Http1(sender, _) => {
                    let mut sender = sender.lock().await;
                    sender.ready().await?;
                    sender.send_request(request).await?
                }
                Self::Http2(sender, _) => sender.clone().send_request(request).await?,
            };
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(Torn)?.to_bytes();
            secrets::assert_absent("an answer", &body);
            secrets::assert_absent("the headers of an answer", format!("{:?}", parts.headers).as_bytes());
            Ok(Reply { status: parts.status.as_u16(), version: parts.version, headers: parts.headers, body })
        };
        tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| "no answer")?
    }

    /// Resolves when the other side has ended the connection.
    pub(crate) async fn ended(&self) {
        super::eventually("the connection ends", async || match self {
            Self::Http1(sender, _) => sender.lock().await.is_closed().then_some(()),
            Self::Http2(sender, _) => sender.is_closed().then_some(()),
        })
        .await;
    }
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The JSON-RPC message, as a document or as the one message of an event stream.
    pub(crate) fn json(&self) -> Value {
        let text = self.text();
        let message = if self.header("content-type").starts_with("text/event-stream") {
            let data = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
            let messages: Vec<_> = data.filter(|data| !data.is_empty()).collect();
            assert_eq!(messages.len(), 1, "one message was expected: {text}");
            messages[0].to_owned()
        } else {
            text
        };
        serde_json::from_str(&message).unwrap_or_else(|error| panic!("{error}: {} {message:?}", self.status))
    }

    /// Asserts the status, showing the answer if it is another one.
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} {}", StatusCode::from_u16(self.status).unwrap(), self.text());
        self
    }

    /// Everything but the date: what a stranger could tell two answers apart by.
    pub(crate) fn comparable(&self) -> (u16, Vec<(String, String)>, Bytes) {
        let headers = self.headers.iter().filter(|(name, _)| *name != header::DATE);
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        (self.status, headers, self.body.clone())
    }
}

/// Trusts the tailnet's certificate authority and nothing else.
pub(crate) fn tls_config() -> &'static ClientConfig {
    static CONFIG: OnceLock<ClientConfig> = OnceLock::new();
    CONFIG.get_or_init(|| {
        let pem = BufReader::new(std::fs::File::open(&tailnet().roots).unwrap());
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_reader_iter(pem) {
            roots.add(root.unwrap()).unwrap();
        }
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    })
}
