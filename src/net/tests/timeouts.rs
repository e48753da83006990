//! Clients that are slow, silent or gone.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::Limits;
use super::{Running, ask, ask_h2, certificate, connector, h2, handshake, install, patiently, reply, until_closed};
use crate::tls::CertificateSlot;

const SHORT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(600);

/// Limits that never end a connection, to shorten one by one.
fn endless() -> Limits {
    Limits { handshake: LONG, header: LONG, idle: LONG, stranger_idle: LONG, ping: LONG, ..Limits::default() }
}

#[tokio::test]
async fn a_client_that_says_nothing_is_dropped() {
    let running = Running::plain(Limits { header: SHORT, ..endless() }).await;
    let began = Instant::now();
    assert_eq!(until_closed(&mut running.connect().await).await, "");
    assert!(began.elapsed() >= SHORT);
    running.until_open(0).await;
}

#[tokio::test]
async fn a_client_that_sends_half_a_hello_or_none_is_dropped() {
    let slot = CertificateSlot::new();
    let running = Running::start(Limits { handshake: SHORT, ..endless() }, Some(slot.acceptor())).await;
    // The header of a record of 512 bytes, and a hello that does not come.
    for sent in [&b""[..], b"\x16\x03\x01\x02\x00\x01\x00"] {
        let mut client = running.connect().await;
        client.write_all(sent).await.unwrap();
        assert_eq!(until_closed(&mut client).await, "");
    }
    running.until_open(0).await;
}

#[tokio::test]
async fn a_client_that_says_nothing_after_the_handshake_is_dropped() {
    let (slot, pair) = (CertificateSlot::new(), certificate());
    install(&slot, &pair);
    let running = Running::start(Limits { header: SHORT, ..endless() }, Some(slot.acceptor())).await;
    for alpn in ["h2", "http/1.1"] {
        let mut client = handshake(running.connect().await, &connector(&pair, &[alpn])).await.unwrap();
        let mut received = Vec::new();
        let _ = patiently(client.read_to_end(&mut received)).await;
        running.until_open(0).await;
    }
}

#[tokio::test]
async fn trickling_bytes_do_not_extend_the_time_for_a_head() {
    let running = Running::plain(Limits { header: SHORT, ..endless() }).await;
    let mut client = running.connect().await;
    client.write_all(b"GET /peer HTTP/1.1\r\nx: ").await.unwrap();
    let began = Instant::now();
    patiently(async {
        while client.write_all(b"y").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert!(began.elapsed() >= SHORT / 2);
    running.until_open(0).await;
}

#[tokio::test]
async fn a_later_head_has_its_time_from_its_own_first_byte() {
    let running = Running::plain(Limits { header: SHORT, ..endless() }).await;
    let mut client = running.connect().await;
    assert!(ask(&mut client, "/peer").await.contains("Direct"));

    // Longer than the time for a head, yet nothing has begun.
    tokio::time::sleep(SHORT * 2).await;
    assert!(ask(&mut client, "/peer").await.contains("Direct"));

    let began = Instant::now();
    client.write_all(b"GET /peer HT").await.unwrap();
    assert_eq!(until_closed(&mut client).await, "");
    assert!(began.elapsed() >= SHORT);
}

#[tokio::test]
async fn an_idle_connection_is_closed_when_its_time_is_up_and_a_strangers_sooner() {
    for (limits, path) in
        [(Limits { idle: SHORT, ..endless() }, "/welcome"), (Limits { stranger_idle: SHORT, ..endless() }, "/peer")]
    {
        let running = Running::plain(limits).await;
        let mut client = running.connect().await;
        ask(&mut client, path).await;
        let began = Instant::now();
        assert_eq!(until_closed(&mut client).await, "");
        assert!(began.elapsed() >= SHORT * 2 / 3);
        running.until_open(0).await;
    }
}

#[tokio::test]
async fn whoever_was_let_in_once_is_no_stranger_between_requests() {
    let running = Running::plain(Limits { stranger_idle: SHORT, ..endless() }).await;
    let mut client = running.connect().await;
    for path in ["/welcome", "/peer"] {
        ask(&mut client, path).await;
        tokio::time::sleep(SHORT * 2).await;
    }
    ask(&mut client, "/peer").await;
}

#[tokio::test]
async fn a_body_that_stops_coming_ends_the_connection() {
    let running = Running::plain(Limits { idle: SHORT, ..endless() }).await;
    let mut client = running.connect().await;
    client.write_all(b"POST /length HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n123").await.unwrap();
    until_closed(&mut client).await;
    running.until_open(0).await;
}

#[tokio::test]
async fn a_stream_that_moves_outlives_the_idle_time() {
    let running = Running::plain(Limits { idle: SHORT * 2, ..endless() }).await;
    let mut client = running.connect().await;
    client.write_all(b"GET /ticks HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let received = until_closed(&mut client).await;
    assert_eq!(received.matches("\r\n.\r\n").count(), 12, "{received}");
}

#[tokio::test]
async fn an_idle_h2_connection_is_closed_although_its_peer_answers_pings() {
    let ping = Duration::from_millis(20);
    let running = Running::plain(Limits { stranger_idle: SHORT, ping, ..endless() }).await;
    let (mut sender, connection) = h2(running.connect().await).await;
    ask_h2(&mut sender, "/peer").await.unwrap();
    patiently(connection).await.unwrap().unwrap();
    running.until_open(0).await;
}

#[tokio::test]
async fn a_long_h2_request_outlives_the_idle_time_while_its_peer_answers_pings() {
    let running = Running::plain(Limits { idle: SHORT, ping: SHORT * 2, ..endless() }).await;
    let (mut sender, _connection) = h2(running.connect().await).await;
    let request = tokio::spawn(async move { ask_h2(&mut sender, "/slow").await });
    running.until_slow_is_running().await;
    tokio::time::sleep(SHORT * 4).await;
    running.gate.open.add_permits(1);
    assert_eq!(request.await.unwrap().unwrap(), "done");
}

#[tokio::test]
async fn an_h2_peer_that_has_no_room_for_a_reply_is_cut_although_it_answers_pings() {
    let ping = Duration::from_millis(20);
    let running = Running::plain(Limits { idle: SHORT, ping, ..endless() }).await;
    let io = TokioIo::new(running.connect().await);
    let mut narrow = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (mut sender, connection) = narrow.initial_stream_window_size(0).handshake(io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = axum::http::Request::get("https://node.test/peer").body(Empty::<Bytes>::new()).unwrap();
    let _reply = sender.send_request(request).await.unwrap();
    // However it is told of it, it is no longer connected.
    let _ = patiently(connection).await.unwrap();
    running.until_open(0).await;
}

#[tokio::test]
async fn an_h2_peer_that_vanished_is_noticed_by_ping() {
    let running = Running::plain(Limits { ping: SHORT, ..endless() }).await;
    let mut client = running.connect().await;
    // The preface and empty SETTINGS; the pings that follow stay unanswered.
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    running.until_open(1).await;
    running.until_open(0).await;
}

#[tokio::test]
async fn requests_in_a_pipeline_are_answered_in_order() {
    let running = Running::plain(endless()).await;
    let mut client = running.connect().await;
    let post = |body: &str| format!("POST /length HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    client.write_all((post("1") + &post("22") + &post("333")).as_bytes()).await.unwrap();
    for expected in ["1", "2", "3"] {
        assert_eq!(reply(&mut client).await, expected);
    }
}
