//! The wire: HTTP/1.1 as Roam speaks it, and every way in which it can go wrong.

use std::collections::VecDeque;
use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};
use tower::ServiceExt;

/// What happens to an action instead of what should.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// This answer, and nothing is done.
    Answer(u16, String),
    /// A redirect to this place.
    Redirect(String),
    /// The connection breaks, and nothing is done.
    BreakBefore,
    /// It is done, and then the connection breaks.
    BreakAfter,
    /// It is done, and the answer never comes.
    Hang,
    /// It is done and answered, later.
    Delay(Duration),
}

/// A request, as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) host: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: Value,
}

impl Received {
    pub(crate) fn is_action(&self) -> bool {
        !self.path.starts_with("/api/graphs/")
    }
}

/// What outlives a restart of Roam.
pub(crate) struct Shared {
    router: Router,
    /// What happens to actions.
    pub(crate) faults: Mutex<VecDeque<Fault>>,
    /// What happens to requests for graphs and tokens. The greeting is not among them.
    pub(crate) lapses: Mutex<VecDeque<Fault>>,
    /// Whether a connection takes more than one request.
    pub(crate) keeps_alive: AtomicBool,
    pub(crate) received: Mutex<Vec<Received>>,
    pub(crate) connections: Mutex<usize>,
    pub(crate) arrival: Notify,
}

impl Shared {
    pub(crate) fn new(router: Router) -> Self {
        let (faults, lapses, received) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (keeps_alive, connections) = (AtomicBool::new(true), Mutex::default());
        Self { router, faults, lapses, keeps_alive, received, connections, arrival: Notify::new() }
    }

    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let bytes = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let text = |name| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let received = Received {
            path: parts.uri.to_string(),
            host: text(header::HOST).unwrap_or_default(),
            authorization: text(header::AUTHORIZATION),
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
        };
        let script = match received.path.as_str() {
            "/api/graphs/open" => None,
            _ if received.is_action() => Some(&self.faults),
            _ => Some(&self.lapses),
        };
        let fault = script.and_then(|script| script.lock().unwrap().pop_front());
        self.received.lock().unwrap().push(received);
        self.arrival.notify_waiters();

        let work = self.work(Request::from_parts(parts, Body::from(bytes)));
        match fault {
            None => Ok(work.await),
            Some(Fault::Answer(status, body)) => Ok(Response::builder().status(status).body(Body::from(body)).unwrap()),
            Some(Fault::Redirect(to)) => {
                Ok(Response::builder().status(307).header(header::LOCATION, to).body(Body::empty()).unwrap())
            }
            Some(Fault::BreakBefore) => Err(io::ErrorKind::ConnectionReset.into()),
            Some(Fault::BreakAfter) => {
                work.await;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Some(Fault::Hang) => {
                work.await;
                std::future::pending().await
            }
            Some(Fault::Delay(delay)) => {
                tokio::time::sleep(delay).await;
                Ok(work.await)
            }
        }
    }

    async fn work(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }
}

/// A running Roam. Dropped, it takes its connections with it.
pub(crate) struct Server {
    pub(crate) port: u16,
    accepting: AbortHandle,
}

impl Server {
    pub(crate) async fn start(shared: Arc<Shared>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                *shared.connections.lock().unwrap() += 1;
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(|request| shared.answer(request));
                    // A fault ends the connection with an error, which is the point of it.
                    let keep = shared.keeps_alive.load(Ordering::Relaxed);
                    let _ =
                        http1::Builder::new().keep_alive(keep).serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { port, accepting: accepting.abort_handle() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One request over a connection of its own, as a script would send it.
pub(crate) async fn raw(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> (u16, Value) {
    let stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", format!("127.0.0.1:{port}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(http_body_util::Full::new(body.into())).unwrap();
    let response = sender.send_request(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}
