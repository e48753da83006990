//! Clients that are slow, silent, greedy or gone, as raw bytes on both planes.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, header};
use bytes::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::client::{Client, Connection, Later, Scheme, Stream, tls_config};
use crate::support::home::Home;
use crate::support::mcp::search;
use crate::support::node::Node;
use crate::support::tailnet::{OWNER, tailnet};
use crate::support::{PATIENCE, eventually, within};

/// The limit for handshakes and heads is ten seconds; a busy machine may be late.
const CUT: Duration = Duration::from_secs(16);

/// The first flight of a TLS client.
fn client_hello(name: &str) -> Vec<u8> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut hello = Vec::new();
    ClientConnection::new(Arc::new(tls_config().clone()), name).unwrap().write_tls(&mut hello).unwrap();
    hello
}

/// Waits until the server has ended the connection, and returns what it sent.
async fn ended(mut stream: impl Stream) -> String {
    let mut sent = Vec::new();
    // However it ends: a reset says the same.
    let _ = within(CUT, "the server ends the connection", stream.read_to_end(&mut sent)).await;
    String::from_utf8_lossy(&sent).into_owned()
}

/// Reads one answer's head.
async fn head(stream: &mut (impl Stream + ?Sized)) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        match within(CUT, "an answer", stream.read_u8()).await {
            Ok(byte) => text.push(byte),
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&text)),
        }
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn clients_that_stop_talking_are_cut_wherever_they_stop() {
    let node = Node::shared().await;
    let (owner, plain, public) = (node.owner().await, node.owner_plain().await, node.public());
    // The relay waits for a whole hello. What is in front of the node's own time-outs has to go for these.
    let raw = Client { address: tailnet().public_raw(&node.name).await, ..public.clone() };
    let hello = client_hello(&node.name);
    let half = &hello[..hello.len() / 2];
    let head = format!("POST /mcp HTTP/1.1\r\nHost: {}\r\n", node.name);

    let silent = async |client: &Client| ended(client.tcp().await).await;
    let says = async |client: &Client, bytes: &[u8]| {
        let mut tcp = client.tcp().await;
        tcp.write_all(bytes).await.unwrap();
        ended(tcp).await
    };
    let after_tls = async |client: &Client, bytes: &str| {
        let mut stream = client.stream().await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        ended(stream).await
    };
    let h2 = owner.with(Scheme::Http2);
    tokio::join!(
        silent(&owner),
        silent(&plain),
        silent(&raw),
        says(&owner, half),
        says(&raw, half),
        says(&owner, &hello),
        says(&public, &hello),
        says(&plain, head.as_bytes()),
        after_tls(&owner, ""),
        after_tls(&public, ""),
        after_tls(&owner, &head),
        after_tls(&public, &head),
        after_tls(&h2, "PRI * HTTP/2.0\r\n"),
    );
}

#[tokio::test]
async fn a_head_that_trickles_is_cut_as_well() {
    let node = Node::shared().await;
    let trickle = async |client: Client| {
        let mut stream = client.stream().await.unwrap();
        let began = Instant::now();
        let mut tick = tokio::time::interval(Duration::from_millis(500));
        stream.write_all(format!("POST /mcp HTTP/1.1\r\nHost: {}\r\n", client.host).as_bytes()).await.unwrap();
        let mut buffer = [0; 1024];
        loop {
            tokio::select! {
                read = stream.read(&mut buffer) => if matches!(read, Ok(0) | Err(_)) { break },
                _ = tick.tick() => if stream.write_all(b"x: y\r\n").await.is_err() { break },
            }
            assert!(began.elapsed() < CUT, "it may go on trickling");
        }
    };
    tokio::join!(trickle(node.owner().await), trickle(node.public()), trickle(node.owner_plain().await));
}

#[tokio::test]
async fn a_body_that_is_announced_as_too_large_is_refused_before_it_comes() {
    let node = Node::shared().await;
    for (client, path) in [(node.owner().await, "/mcp".to_owned()), (node.public(), node.secret_path())] {
        let mut stream = client.stream().await.unwrap();
        let request = format!("POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: 1073741824\r\n\r\n", client.host);
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = within(Duration::from_secs(5), "a refusal", head(&mut *stream)).await;
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("connection: close"), "{answer}");
        ended(stream).await;
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_over_http2_as_well() {
    let node = Node::shared().await;
    for (client, path) in [(node.owner().await, "/mcp".to_owned()), (node.public(), node.secret_path())] {
        let client = client.with(Scheme::Http2);
        for announced in [true, false] {
            let stream = TokioIo::new(client.stream().await.unwrap());
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
            tokio::spawn(connection);
            let (body, later) = oneshot::channel();
            let mut request = client.post_request(&path, &serde_json::Value::Null).map(|_| Later::new(later));
            if announced {
                request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(1_u64 << 30));
            } else {
                body.send(vec![b' '; 64 << 20].into()).unwrap();
            }
            let answer = within(PATIENCE, "a refusal", sender.send_request(request)).await.unwrap();
            assert_eq!(answer.status(), 413, "{client:?}, announced: {announced}");
        }
    }
}

#[tokio::test]
async fn a_stranger_is_refused_before_any_of_the_body_is_read() {
    let node = Node::shared().await;
    let mut stream = node.public().stream().await.unwrap();
    let request = format!("POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Length: 1073741824\r\n\r\n", node.name);
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = within(Duration::from_secs(5), "a refusal", head(&mut *stream)).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

#[tokio::test]
async fn a_body_without_an_end_is_refused_at_its_limit_and_fills_no_memory() {
    let home = Home::new("bottomless");
    let node = home.node().await;
    node.owner().await.tool("/mcp", "search", json!({"query": "squirrels"})).await;
    let before = node.process.memory();
    let pour = async |client: Client, path: String| {
        let stream = client.stream().await.unwrap();
        let (mut reader, mut writer) = tokio::io::split(stream);
        let head_text = format!("POST {path} HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n", client.host);
        writer.write_all(head_text.as_bytes()).await.unwrap();
        let pouring = async {
            let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
            let mut sent = 0_usize;
            while writer.write_all(chunk.as_bytes()).await.is_ok() {
                sent += chunk.len();
                assert!(sent < 256 << 20, "the server takes it all");
            }
        };
        let mut answer = Vec::new();
        let reading = async {
            let _ = reader.read_to_end(&mut answer).await;
        };
        within(PATIENCE, "the end of the connection", async { tokio::join!(pouring, reading) }).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let answers = tokio::join!(
        pour(node.owner().await, "/mcp".to_owned()),
        pour(node.owner_plain().await, "/mcp".to_owned()),
        pour(node.public(), node.secret_path()),
    );
    for answer in [answers.0, answers.1, answers.2] {
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer:?}");
    }
    let grown = node.process.memory().saturating_sub(before) >> 20;
    assert!(grown < 100, "{grown} MiB more for three bodies of at most 4 MiB");
}

#[tokio::test]
async fn a_client_that_closes_its_half_after_the_request_gets_its_answer() {
    let node = Node::shared().await;
    let (owner, plain, public) = (node.owner().await, node.owner_plain().await, node.public());
    for (client, path) in [(owner, "/mcp".to_owned()), (plain, "/mcp".to_owned()), (public, node.secret_path())] {
        for _ in 0..10 {
            let mut stream = client.stream().await.unwrap();
            let body = search("squirrels").to_string();
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                client.host,
                body.len()
            );
            stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let answer = ended(stream).await;
            assert!(answer.contains("200 OK") && answer.contains("walnut003"), "{client:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn what_is_no_http_at_all_ends_the_connection_and_nothing_else() {
    let node = Node::shared().await;
    let noise: Vec<u8> = (0..4096_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let too_long = format!("GET /{} HTTP/1.1\r\nHost: {}\r\n\r\n", "x".repeat(64 << 10), node.name);
    for bytes in [&noise[..], too_long.as_bytes(), b"\r\n\r\n\r\n", b"\0\0\0\0", b"\x16\x03\x01\xff\xff"] {
        for client in [node.owner().await, node.owner_plain().await, node.public()] {
            let mut tcp = client.tcp().await;
            // Over Funnel the relay is the first to be annoyed.
            let _ = tcp.write_all(bytes).await;
            let _ = tcp.shutdown().await;
            ended(tcp).await;
            let mut stream = client.stream().await.unwrap();
            let _ = stream.write_all(bytes).await;
            let _ = stream.shutdown().await;
            ended(stream).await;
        }
    }
    node.owner().await.tool("/mcp", "search", json!({"query": "squirrels"})).await;
}

#[tokio::test]
async fn connections_that_come_and_go_leave_nothing_behind() {
    let home = Home::new("turnstile");
    let node = home.node().await;
    let (owner, public) = (node.owner().await, node.public());
    let hello = client_hello(&node.name);
    owner.get("/health").await.expect(200);
    public.get("/health").await.expect(200);
    let open = async || node.process.status()["connections"].as_u64().unwrap();
    eventually("the first connections are gone", async || (open().await <= 1).then_some(())).await;
    let before = node.process.descriptors();

    let visit = |client: Client, hello: Vec<u8>, name: String, at: usize| async move {
        match at % 4 {
            0 => drop(client.tcp().await),
            1 => {
                let _ = client.tcp().await.write_all(&hello).await;
            }
            2 => drop(client.stream().await),
            _ => {
                if let Ok(mut stream) = client.stream().await {
                    let head = format!("POST /mcp HTTP/1.1\r\nHost: {name}\r\nContent-Length: 99\r\n\r\n{{");
                    let _ = stream.write_all(head.as_bytes()).await;
                }
            }
        }
    };
    let mut visits = JoinSet::new();
    for at in 0..2000 {
        let client = if at % 2 == 0 { &owner } else { &public };
        visits.spawn(visit(client.clone(), hello.clone(), node.name.clone(), at / 2));
        if visits.len() >= 16 {
            visits.join_next().await.unwrap().unwrap();
        }
    }
    while visits.join_next().await.is_some() {}
    eventually("all connections are gone", async || (open().await <= 1).then_some(())).await;
    eventually("no descriptor is left", async || (node.process.descriptors() <= before + 2).then_some(())).await;
    owner.tool("/mcp", "search", json!({"query": "squirrels"})).await;
}

#[tokio::test]
async fn quick_short_connections_that_the_server_closes_do_not_stall() {
    let home = Home::new("sprinter");
    let node = home.node().await;
    let plain = node.owner_plain().await;
    let request = Arc::new(format!("GET /health HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", node.name));
    let visit = |address: String, request: Arc<String>| async move {
        let began = Instant::now();
        let mut tcp = TcpStream::connect(address).await.unwrap();
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        began.elapsed()
    };
    let mut visits = JoinSet::new();
    let mut slowest = Duration::ZERO;
    for _ in 0..1500 {
        visits.spawn(visit(plain.address.clone(), Arc::clone(&request)));
        if visits.len() >= 8 {
            slowest = slowest.max(visits.join_next().await.unwrap().unwrap());
        }
    }
    while let Some(took) = visits.join_next().await {
        slowest = slowest.max(took.unwrap());
    }
    assert!(slowest < Duration::from_secs(2), "one took {slowest:?}");
}

/// A connection that has been used and is kept open; `None` if the server had no place for it.
async fn kept(client: &Client) -> Option<Connection> {
    let connection = client.try_connect().await.ok()?;
    let request = client.request(axum::http::Method::GET, "/health").body(Bytes::new()).unwrap();
    connection.try_send(request).await.ok().map(|_| connection)
}

/// The same, of somebody who has shown a right credential on it.
async fn let_in(client: &Client, path: &str) -> Option<Connection> {
    let connection = client.try_connect().await.ok()?;
    let reply = connection.try_send(client.post_request(path, &search("squirrels"))).await.ok()?;
    assert_eq!(reply.status, 200, "{}", reply.text());
    Some(connection)
}

#[tokio::test]
async fn one_source_gets_64_connections_and_leaves_room_for_everybody_else() {
    let home = Home::new("crowded");
    let node = home.node().await;
    let greedy = node.public_from("203.0.113.20").await;
    let mut held = Vec::new();
    for _ in 0..64 {
        held.push(let_in(&greedy, &node.secret_path()).await.expect("a place"));
    }
    assert!(kept(&greedy).await.is_none(), "the source has what it may have");
    assert!(kept(&node.public_from("203.0.113.21").await).await.is_some());
    assert!(kept(&node.owner().await).await.is_some());
    node.process.logs("too many connections").await;
    drop(held.pop());
    eventually("a place is free again", async || kept(&greedy).await).await;
    for connection in &held {
        connection.get("/health").await.expect(200);
    }
}

#[tokio::test]
async fn strangers_who_hold_every_public_place_keep_nobody_out_who_may_come_in() {
    let home = Home::new("besieged");
    let node = home.node().await;
    let mut sources = Vec::new();
    for last in 0..17 {
        sources.push(node.public_from(&format!("198.51.100.{last}")).await);
    }
    let mut arrivals = JoinSet::new();
    let mut held = Vec::new();
    for at in 0..17 * 64 {
        let client = sources[at % sources.len()].clone();
        arrivals.spawn(async move { kept(&client).await });
        if arrivals.len() >= 32 {
            held.extend(arrivals.join_next().await.unwrap().unwrap());
        }
    }
    while let Some(arrived) = arrivals.join_next().await {
        held.extend(arrived.unwrap());
    }
    let open = node.process.status()["connections"].as_u64().unwrap();
    assert!(open <= 1024 + 1, "{open}: four fifths of all places are for the public, and one asks");
    let holder = let_in(&node.public(), &node.secret_path()).await.expect("a place for who shows a right credential");
    node.owner().await.tool("/mcp", "search", json!({"query": "squirrels"})).await;
    let forward = tailnet().forward(OWNER, &format!("{}:80", node.addresses[0])).await;
    assert!(kept(&Client::new(&forward, &node.name, Scheme::Plain)).await.is_some());
    for client in &sources {
        assert!(kept(client).await.is_some(), "an old stranger makes room for a new one");
    }
    holder.get("/health").await.expect(200);
}
