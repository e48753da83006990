//! The control socket: requests out, replies and events in, one JSON object a line.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

use super::ffi;
use super::message::{Connection, ErrorKind, Event, Line, NodeError, Reply, Request};

/// A connection on its way to the listener that it belongs to.
pub(super) type Accepted = (UnixStream, Connection);

/// The Rust end of the control socket.
pub(super) struct Control {
    lines: mpsc::UnboundedSender<Vec<u8>>,
    shared: Arc<Shared>,
}

/// What the reading task and the callers share.
#[derive(Default)]
struct Shared {
    next: AtomicU64,
    pending: Mutex<Pending>,
    listeners: Mutex<HashMap<u64, mpsc::UnboundedSender<Accepted>>>,
}

/// Who waits for a reply.
#[derive(Default)]
struct Pending {
    asked: HashMap<u64, oneshot::Sender<Result<Value, NodeError>>>,
    /// Set when no reply comes any more: whoever asked then would wait for ever.
    closed: bool,
}

#[derive(Serialize)]
struct Numbered<'a> {
    id: u64,
    #[serde(flatten)]
    request: &'a Request<'a>,
}

impl Control {
    /// Speaks over `socket`; events other than connections and log lines go to the receiver.
    pub(super) fn new(socket: StdUnixStream) -> std::io::Result<(Self, mpsc::UnboundedReceiver<Event>)> {
        socket.set_nonblocking(true)?;
        let (reader, writer) = UnixStream::from_std(socket)?.into_split();
        let (lines, outgoing) = mpsc::unbounded_channel();
        let (events, incoming) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::default());
        tokio::spawn(write(writer, outgoing));
        tokio::spawn(read(reader, Arc::clone(&shared), events));
        Ok((Self { lines, shared }, incoming))
    }

    /// Sends `request` and waits for the reply.
    pub(super) async fn ask<T: DeserializeOwned>(&self, request: &Request<'_>) -> Result<T, NodeError> {
        let id = self.unique();
        let mut line = serde_json::to_vec(&Numbered { id, request }).map_err(unreadable)?;
        line.push(b'\n');
        let (sender, reply) = oneshot::channel();
        {
            let mut pending = lock(&self.shared.pending);
            if pending.closed {
                return Err(NodeError::gone());
            }
            pending.asked.insert(id, sender);
        }
        if self.lines.send(line).is_err() {
            lock(&self.shared.pending).asked.remove(&id);
            return Err(NodeError::gone());
        }
        let result = reply.await.unwrap_or_else(|_| Err(NodeError::gone()))?;
        serde_json::from_value(result).map_err(unreadable)
    }

    /// Makes a number for a listener, and the queue of its connections.
    ///
    /// The number is ours and the queue is there before Go hears of it, because the first connection can arrive before
    /// the reply to `listen`.
    pub(super) fn register_listener(&self) -> (u64, mpsc::UnboundedReceiver<Accepted>) {
        let number = self.unique();
        let (sender, connections) = mpsc::unbounded_channel();
        lock(&self.shared.listeners).insert(number, sender);
        (number, connections)
    }

    /// Forgets a listener: its queue ends, and connections that still come for it are closed.
    pub(super) fn forget_listener(&self, number: u64) {
        lock(&self.shared.listeners).remove(&number);
    }

    fn unique(&self) -> u64 {
        self.shared.next.fetch_add(1, Ordering::Relaxed) + 1
    }
}

async fn write(mut writer: OwnedWriteHalf, mut lines: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(line) = lines.recv().await {
        if writer.write_all(&line).await.is_err() {
            return;
        }
    }
}

async fn read(reader: OwnedReadHalf, shared: Arc<Shared>, events: mpsc::UnboundedSender<Event>) {
    let mut lines = BufReader::with_capacity(64 << 10, reader).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str(&line) {
            Ok(Line::Reply(reply)) => shared.resolve(reply),
            Ok(Line::Event(Event::Connection(connection))) => shared.hand_over(connection),
            Ok(Line::Event(Event::Log { level, message, dropped })) => {
                if dropped > 0 {
                    tracing::warn!(target: "tailscale", dropped, "log lines lost: they came faster than they were read");
                }
                log(&level, &message);
            }
            Ok(Line::Event(Event::ListenerClosed { listener, message })) => {
                tracing::error!(listener, message, "a listener of the tailnet ended by itself");
                lock(&shared.listeners).remove(&listener);
            }
            // Nobody may be listening any more while the node closes.
            Ok(Line::Event(event)) => drop(events.send(event)),
            Err(error) => {
                tracing::error!(%error, "unreadable line from the embedded node");
                close_what_came(&line);
            }
        }
    }
    *lock(&shared.pending) = Pending { closed: true, ..Pending::default() };
    lock(&shared.listeners).clear();
}

impl Shared {
    fn resolve(&self, reply: Reply) {
        if let Some(sender) = lock(&self.pending).asked.remove(&reply.id) {
            // The asker may have given up.
            drop(sender.send(reply.error.map_or(Ok(reply.result), Err)));
        }
    }

    fn hand_over(&self, connection: Connection) {
        // Adopted before anything else: whatever happens next, the descriptor is closed in the end.
        let stream = ffi::adopt(connection.fd).and_then(into_stream);
        match (stream, lock(&self.listeners).get(&connection.listener)) {
            (Ok(stream), Some(listener)) => drop(listener.send((stream, connection))),
            (Ok(_), None) => tracing::debug!(listener = connection.listener, "connection for a closed listener"),
            (Err(error), _) => tracing::error!(%error, "cannot take over a connection"),
        }
    }
}

/// Closes the connection that a line which cannot be read handed over: its descriptor is ours, and nobody else's to close.
fn close_what_came(line: &str) {
    let facts: Value = serde_json::from_str(line).unwrap_or_default();
    if facts["event"] == "connection"
        && let Some(fd) = facts["fd"].as_i64().and_then(|fd| fd.try_into().ok())
    {
        drop(ffi::adopt(fd));
    }
}

fn into_stream(fd: OwnedFd) -> std::io::Result<UnixStream> {
    UnixStream::from_std(StdUnixStream::from(fd))
}

fn log(level: &str, message: &str) {
    match level {
        "error" => tracing::error!(target: "tailscale", "{message}"),
        "info" => tracing::info!(target: "tailscale", "{message}"),
        _ => tracing::debug!(target: "tailscale", "{message}"),
    }
}

fn unreadable(error: impl std::fmt::Display) -> NodeError {
    NodeError::new(ErrorKind::Internal, format!("unexpected answer from the embedded node: {error}"))
}

/// A panic elsewhere must not take the node down: the maps are sound after any single operation on them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::os::fd::IntoRawFd;
    use std::time::Duration;

    use tokio::io::AsyncReadExt;

    use super::super::message::{Kind, Status};
    use super::*;

    /// A control socket whose other end is answered by `script`, line by line.
    fn pair(script: impl Fn(Value) -> Option<Value> + Send + 'static) -> (Control, mpsc::UnboundedReceiver<Event>) {
        let (ours, theirs) = StdUnixStream::pair().unwrap();
        std::thread::spawn(move || {
            let mut writer = theirs.try_clone().unwrap();
            for line in BufReader::new(theirs).lines() {
                let Some(answer) = script(serde_json::from_str(&line.unwrap()).unwrap()) else { return };
                writeln!(writer, "{answer}").unwrap();
            }
        });
        Control::new(ours).unwrap()
    }

    #[tokio::test]
    async fn a_reply_reaches_the_one_who_asked() {
        let (control, _events) = pair(|request| {
            Some(serde_json::json!({"id": request["id"], "result": {"name": format!("for-{}", request["id"])}}))
        });
        let (first, second) =
            tokio::join!(control.ask::<Status>(&Request::Status), control.ask::<Status>(&Request::Status));
        assert_ne!(first.unwrap().name, second.unwrap().name);
    }

    #[tokio::test]
    async fn an_error_keeps_its_kind() {
        let (control, _events) = pair(|request| {
            Some(serde_json::json!({"id": request["id"], "error": {"kind": "auth", "message": "invalid key"}}))
        });
        let error = control.ask::<Status>(&Request::Up).await.unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Auth, "invalid key"));
    }

    #[tokio::test]
    async fn when_the_other_side_ends_nobody_waits_forever() {
        let (control, mut events) = pair(|_| None);
        let error = control.ask::<Status>(&Request::Up).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Cancelled);
        // The other direction may still be open.
        let again = tokio::time::timeout(Duration::from_secs(5), control.ask::<Status>(&Request::Status)).await;
        assert_eq!(again.unwrap().unwrap_err().kind, ErrorKind::Cancelled);
        assert!(events.recv().await.is_none());
        let (_, mut connections) = control.register_listener();
        control.forget_listener(1);
        drop(control);
        assert!(connections.recv().await.is_none());
    }

    #[tokio::test]
    async fn a_connection_that_cannot_be_read_is_closed() {
        let (ours, theirs) = StdUnixStream::pair().unwrap();
        let number = ours.into_raw_fd();
        let (control, _events) = pair(move |_| {
            Some(serde_json::json!({
                "event": "connection", "listener": 1, "fd": number, "via": "funnel", "source": "[fe80::1%eth0]:4711",
            }))
        });
        tokio::spawn(async move { control.ask::<Value>(&Request::Status).await });
        theirs.set_nonblocking(true).unwrap();
        let mut theirs = UnixStream::from_std(theirs).unwrap();
        let end = tokio::time::timeout(Duration::from_secs(5), theirs.read(&mut [0; 1])).await;
        assert_eq!(end.expect("it is closed").unwrap(), 0);
    }

    #[tokio::test]
    async fn a_connection_finds_its_listener_by_number() {
        let (control, _events) = pair(|request| {
            let fd = StdUnixStream::pair().unwrap().0;
            fd.set_nonblocking(true).unwrap();
            Some(serde_json::json!({
                "event": "connection", "listener": request["listener"], "fd": fd.into_raw_fd(), "via": "funnel",
                "source": "203.0.113.5:4711",
            }))
        });
        let (number, mut connections) = control.register_listener();
        let request = Request::Listen { listener: number, kind: Kind::Funnel, port: 443 };
        let ask = control.ask::<Value>(&request);
        let (_, connection) =
            tokio::select! { accepted = connections.recv() => accepted.unwrap(), _ = ask => unreachable!() };
        assert_eq!(connection.source, Some("203.0.113.5:4711".parse().unwrap()));
    }
}
