//! Real sockets, real TLS, and limits so short that nobody waits.

mod closing;
mod encrypted;
mod limits;
mod timeouts;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Extension, Router};
use http_body_util::{BodyExt, Empty};
use hyper::body::Frame;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::{TlsAcceptor, TlsConnector, client};
use tokio_util::sync::CancellationToken;

use super::{Limits, Listener, Server, Standing, Stop};
use crate::access::Peer;
use crate::tls::CertificateSlot;

/// More than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the handler of `/slow` tells the test, and waits for.
#[derive(Clone)]
struct Gate {
    entered: Arc<Semaphore>,
    open: Arc<Semaphore>,
    left: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
        let closed = || Arc::new(Semaphore::new(0));
        Self { entered: closed(), open: closed(), left: closed() }
    }
}

struct Running {
    server: Server,
    address: SocketAddr,
    stop: CancellationToken,
    cut: CancellationToken,
    gate: Gate,
    accepting: JoinHandle<()>,
}

impl Running {
    async fn plain(limits: Limits) -> Self {
        Self::start(limits, None).await
    }

    async fn start(limits: Limits, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self::on(listener, address, limits, tls)
    }

    fn on(listener: impl Listener, address: SocketAddr, limits: Limits, tls: Option<TlsAcceptor>) -> Self {
        let (server, stop, gate) = (Server::new(limits), Stop::default(), Gate::new());
        let accepting = tokio::spawn({
            let (server, stop, app) = (server.clone(), stop.clone(), app(gate.clone()));
            async move { server.serve(listener, tls, app, stop).await }
        });
        Self { server, address, stop: stop.finish, cut: stop.cut, gate, accepting }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn stop(&mut self) {
        self.stop.cancel();
        patiently(&mut self.accepting).await.unwrap();
    }

    /// Waits until `open` connections are counted.
    async fn until_open(&self, open: usize) {
        patiently(async {
            while self.server.open() != open {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
    }

    async fn until_slow_is_running(&self) {
        patiently(self.gate.entered.acquire()).await.unwrap().forget();
    }

    /// Waits until the handler of `/slow` is done, or dropped.
    async fn until_slow_is_gone(&self) {
        patiently(self.gate.left.acquire()).await.unwrap().forget();
    }
}

/// A listener whose connections the test makes, with peers of its choice.
struct Fed(mpsc::Receiver<(UnixStream, Peer)>);

impl Listener for Fed {
    type Io = UnixStream;

    async fn accept(&mut self) -> Option<(UnixStream, Peer)> {
        self.0.recv().await
    }
}

struct Feed(mpsc::Sender<(UnixStream, Peer)>);

impl Feed {
    fn new() -> (Self, Fed) {
        let (sender, receiver) = mpsc::channel(1);
        (Self(sender), Fed(receiver))
    }

    async fn connect(&self, peer: Peer) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().unwrap();
        self.0.send((theirs, peer)).await.unwrap();
        ours
    }
}

fn app(gate: Gate) -> Router {
    Router::new()
        .route("/peer", get(async |Extension(peer): Extension<Peer>| format!("{peer:?}")))
        .route("/welcome", get(welcome))
        .route("/slow", get(slow))
        .route("/panic", get(async || -> () { panic!("asked to") }))
        .route("/length", post(async |body: Bytes| body.len().to_string()))
        .route("/ticks", get(async || Body::new(Ticks::new(12, Duration::from_millis(50)))))
        .with_state(gate)
}

async fn welcome(Extension(standing): Extension<Standing>) -> &'static str {
    standing.welcome();
    "come in"
}

async fn slow(State(gate): State<Gate>) -> &'static str {
    struct Leaving(Gate);
    impl Drop for Leaving {
        fn drop(&mut self) {
            self.0.left.add_permits(1);
        }
    }
    let _leaving = Leaving(gate.clone());
    gate.entered.add_permits(1);
    gate.open.acquire().await.unwrap().forget();
    "done"
}

/// A body of `left` dots, one each `every`.
struct Ticks {
    left: usize,
    interval: tokio::time::Interval,
}

impl Ticks {
    fn new(left: usize, every: Duration) -> Self {
        Self { left, interval: tokio::time::interval(every) }
    }
}

impl HttpBody for Ticks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        ready!(self.interval.poll_tick(cx));
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b".")))))
    }
}

async fn patiently<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

/// Everything until the other side closes; a reset is an end like any other.
async fn until_closed(io: &mut (impl AsyncRead + Unpin)) -> String {
    let mut received = Vec::new();
    match patiently(io.read_to_end(&mut received)).await {
        Err(error) if !matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof) => {
            panic!("{error}")
        }
        _ => String::from_utf8(received).unwrap(),
    }
}

/// One request on a connection that stays open; the reply's body.
async fn ask(io: &mut (impl AsyncRead + AsyncWrite + Unpin), path: &str) -> String {
    io.write_all(format!("GET {path} HTTP/1.1\r\nhost: node.test\r\n\r\n").as_bytes()).await.unwrap();
    reply(io).await
}

/// A reply with a Content-Length; its body.
async fn reply(io: &mut (impl AsyncRead + Unpin)) -> String {
    let mut received = Vec::new();
    let head_end = loop {
        let byte = patiently(io.read_u8()).await.unwrap();
        received.push(byte);
        if received.ends_with(b"\r\n\r\n") {
            break String::from_utf8(std::mem::take(&mut received)).unwrap();
        }
    };
    assert!(head_end.starts_with("HTTP/1.1 200"), "{head_end}");
    let length = head_end.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    patiently(io.read_exact(&mut body)).await.unwrap();
    String::from_utf8(body).unwrap()
}

type H2 = (SendRequest<Empty<Bytes>>, JoinHandle<hyper::Result<()>>);

async fn h2(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> H2 {
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await.unwrap();
    (sender, tokio::spawn(connection))
}

async fn ask_h2(sender: &mut SendRequest<Empty<Bytes>>, path: &str) -> hyper::Result<String> {
    let request = axum::http::Request::get(format!("https://node.test{path}")).body(Empty::new()).unwrap();
    let body = patiently(sender.send_request(request)).await?.into_body();
    Ok(String::from_utf8(patiently(body.collect()).await?.to_bytes().to_vec()).unwrap())
}

/// A self-signed certificate for `node.test`.
fn certificate() -> rcgen::CertifiedKey<rcgen::KeyPair> {
    rcgen::generate_simple_self_signed(["node.test".to_owned()]).unwrap()
}

fn install(slot: &CertificateSlot, pair: &rcgen::CertifiedKey<rcgen::KeyPair>) {
    slot.install(pair.cert.pem().as_bytes(), pair.signing_key.serialize_pem().as_bytes()).unwrap();
}

/// A client that trusts `pair` and speaks `alpn`. It remembers sessions, so only its first handshake is a full one.
fn connector(pair: &rcgen::CertifiedKey<rcgen::KeyPair>, alpn: &[&str]) -> TlsConnector {
    connector_for(pair, alpn, rustls::DEFAULT_VERSIONS)
}

fn connector_for(
    pair: &rcgen::CertifiedKey<rcgen::KeyPair>,
    alpn: &[&str],
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(pair.cert.der().clone()).unwrap();
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

async fn handshake(io: TcpStream, connector: &TlsConnector) -> io::Result<client::TlsStream<TcpStream>> {
    patiently(connector.connect(ServerName::try_from("node.test").unwrap(), io)).await
}
