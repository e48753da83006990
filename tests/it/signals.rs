//! Signals, crashes, and a standard error that nobody reads.

use std::time::Duration;

use axum::http::Method;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::process::Signal;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::client::{Client, Later, Scheme, Stream};
use crate::support::home::Home;
use crate::support::load::Load;
use crate::support::mcp::{bearer, search};
use crate::support::node::Node;
use crate::support::thread_signal::tgkill;
use crate::support::{PATIENCE, within};

/// Longer than the ten seconds that requests in flight get, plus the end itself.
const DRAINED: Duration = Duration::from_secs(15);
const SOON: Duration = Duration::from_secs(8);

/// A request whose head has arrived and whose body is still to come.
struct Pending {
    stream: Box<dyn Stream>,
    body: String,
}

impl Pending {
    async fn on(client: &Client, path: &str) -> Self {
        let mut stream = client.stream().await.unwrap();
        let body = search("squirrels").to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            client.host,
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // The server says this when it begins to read the body.
        read_until(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n").await;
        Self { stream, body }
    }

    async fn finish(mut self) -> String {
        self.stream.write_all(self.body.as_bytes()).await.unwrap();
        read_until(&mut self.stream, "walnut003").await
    }
}

/// The same over HTTP/2.
struct PendingStream {
    body: oneshot::Sender<Bytes>,
    answer: JoinHandle<(u16, String)>,
}

impl PendingStream {
    async fn on(client: &Client, path: &str) -> Self {
        let stream = TokioIo::new(client.with(Scheme::Http2).stream().await.unwrap());
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        let (body, later) = oneshot::channel();
        let post = client.with(Scheme::Http2).post_request(path, &serde_json::Value::Null);
        let asked = sender.send_request(post.map(|_| Later::new(later)));
        let answer = tokio::spawn(async move {
            let answer = asked.await.unwrap();
            let status = answer.status().as_u16();
            (status, String::from_utf8_lossy(&answer.into_body().collect().await.unwrap().to_bytes()).into_owned())
        });
        // The server reads in order, so an answer to what was sent later says that it has the head.
        let (none, later) = oneshot::channel();
        let get = client.with(Scheme::Http2).request(Method::GET, "/health").body(Later::new(later)).unwrap();
        none.send(Bytes::new()).unwrap();
        within(PATIENCE, "an answer", sender.send_request(get)).await.unwrap();
        Self { body, answer }
    }

    async fn finish(self) -> (u16, String) {
        self.body.send(search("squirrels").to_string().into()).unwrap();
        within(PATIENCE, "the answer", self.answer).await.unwrap()
    }
}

async fn read_until(stream: &mut (impl AsyncRead + Unpin), wanted: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains(wanted) {
        match tokio::time::timeout(PATIENCE, stream.read(&mut buffer)).await {
            Ok(Ok(read @ 1..)) => text.push_str(&String::from_utf8_lossy(&buffer[..read])),
            ended => panic!("{ended:?} before {wanted:?}: {text:?}"),
        }
    }
    text
}

#[tokio::test]
async fn sigterm_and_sigint_under_load_let_requests_in_flight_finish_and_exit_with_0() {
    for (host, signal) in [("terminated", Signal::TERM), ("interrupted", Signal::INT)] {
        let home = Home::new(host);
        let node = home.node().await;
        let load = Load::on(&node).await;
        let over_tailnet = Pending::on(&node.owner().await, "/mcp").await;
        let over_funnel = Pending::on(&node.public(), &node.secret_path()).await;
        let (owner, public) = (node.owner().await, node.public());
        let over_http2 =
            [PendingStream::on(&owner, "/mcp").await, PendingStream::on(&public, &node.secret_path()).await];
        node.process.signal(signal);
        node.process.logs("stopping").await;
        for pending in over_http2 {
            let (status, answer) = pending.finish().await;
            assert!(status == 200 && answer.contains("walnut003"), "{status} {answer}");
        }
        for pending in [over_tailnet, over_funnel] {
            let answer = pending.finish().await;
            assert!(answer.contains("HTTP/1.1 200 OK"), "{answer}");
        }
        assert_eq!(node.process.exited(DRAINED).await.code(), Some(0), "{}", node.process.stderr());
        assert_eq!(load.gone().await, 4, "each client had one call that was not taken, and none that was torn");
    }
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_at_the_deadline() {
    let home = Home::new("endless");
    let node = home.node().await;
    let _pending = Pending::on(&node.public(), &node.secret_path()).await;
    assert_eq!(node.process.stop(DRAINED).await.code(), Some(0));
    assert!(node.process.stderr().contains("cut at the end of their time"), "{}", node.process.stderr());
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_the_end() {
    let home = Home::new("idlers");
    let node = home.node().await;
    let (owner, public) = (node.owner().await.connect().await, node.public().connect().await);
    owner.get("/health").await.expect(200);
    public.get("/health").await.expect(200);
    let _silent = node.owner().await.tcp().await;
    assert_eq!(node.process.stop(SOON).await.code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let home = Home::new("hurried");
    let node = home.node().await;
    let _pending = Pending::on(&node.owner().await, "/mcp").await;
    node.process.signal(Signal::TERM);
    node.process.logs("stopping").await;
    node.process.signal(Signal::TERM);
    assert_eq!(node.process.exited(Duration::from_secs(5)).await.code(), Some(130));
}

#[tokio::test]
async fn a_thousand_sighups_to_the_process_and_to_every_thread_harm_nothing() {
    let home = Home::new("hangup");
    let node = home.node().await;
    let load = Load::on(&node).await;
    let mut sent = 0;
    while sent < 1000 {
        for (thread, _) in node.process.threads() {
            tgkill(node.process.pid(), thread, libc::SIGHUP);
            node.process.signal(Signal::HUP);
            sent += 2;
        }
        // Signals of one kind merge while they wait; answers in between show that they were taken.
        load.progress(3).await;
    }
    assert!(node.process.is_running());
    load.progress(20).await;
    load.finish().await;
    assert_eq!(node.process.stop(SOON).await.code(), Some(0));
}

/// A thread that the Go runtime started. They have the name of the thread that woke it, which is ours and the first of that
/// name, or that of the program where Go starts by itself.
fn go_thread(node: &Node) -> u32 {
    let threads = node.process.threads();
    let mut own = vec![node.process.pid()];
    own.extend(threads.iter().find(|(_, name)| name == "tailnet").map(|(thread, _)| *thread));
    let go =
        threads.iter().find(|(thread, name)| ["tailnet", "roam-mcp"].contains(&name.as_str()) && !own.contains(thread));
    go.unwrap_or_else(|| panic!("no thread of Go: {threads:?}")).0
}

#[tokio::test]
async fn a_fault_in_go_ends_the_process_although_nobody_reads_stderr_and_is_reported_at_the_next_start() {
    let home = Home::new("faulty");
    let node = home.up().stderr_unread().node().await;
    tgkill(node.process.pid(), go_thread(&node), libc::SIGSEGV);
    let status = node.process.exited(PATIENCE).await;
    assert!(!status.success(), "{status}");
    let dump = std::fs::read_to_string(home.state_dir().join("crash.log")).unwrap();
    assert!(dump.contains("SIGSEGV") && dump.contains("goroutine "), "{dump}");
    assert!(!node.process.read_stderr_now().contains("goroutine "), "the dump is in the file alone");

    let next = home.node().await;
    let log = next.process.logs("an earlier run crashed").await;
    let kept = home.state_dir().join("crash.previous.log");
    assert!(log.contains(kept.to_str().unwrap()), "{log}");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), dump);
    next.owner().await.tool("/mcp", "search", json!({"query": "squirrels"})).await;
}

#[tokio::test]
async fn a_flood_of_log_lines_that_nobody_reads_stops_nothing() {
    let home = Home::new("flooded");
    let node = home.up().stderr_unread().args(&["--log-level", "trace"]).node().await;
    let load = Load::on(&node).await;
    load.progress(400).await;
    load.finish().await;
    let block = json!({"pageTitle": "Visitors", "markdown": "a hedgehog came by"});
    within(PATIENCE, "a write", node.owner().await.tool("/mcp", "create_block", block)).await;
    assert_eq!(node.process.stop(SOON).await.code(), Some(0));
    let read = node.process.read_stderr_now();
    // A pipe holds 64 KiB, and a line that does not fit waits outside.
    assert!(read.len() > 60_000, "the pipe was full: {} bytes", read.len());
}

#[tokio::test]
async fn the_most_talkative_log_names_no_secret() {
    let home = Home::new("talkative");
    let node = home.up().args(&["--log-level", "trace"]).node().await;
    let load = Load::on(&node).await;
    load.finish().await;
    let call = bearer(node.public().post_request("/mcp", &search("squirrels")), &node.token);
    node.public().send(call).await.expect(200);
    assert_eq!(node.process.stop(SOON).await.code(), Some(0));
    assert!(node.process.stderr().contains("TRACE"), "it is no such log");
    // That its secrets are not in there is checked at the end of every process.
}

#[tokio::test]
async fn standard_output_that_is_closed_stops_nothing() {
    let home = Home::new("mute");
    let node = home.up().stdout_closed().node().await;
    node.owner().await.tool("/mcp", "search", json!({"query": "squirrels"})).await;
    assert_eq!(node.process.stop(SOON).await.code(), Some(0));
}
