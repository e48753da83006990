//! Too many connections, too large heads.

use tokio::io::AsyncWriteExt;

use super::super::Limits;
use super::{Feed, Running, ask, until_closed};
use crate::access::Peer;

fn funnel(address: &str) -> Peer {
    Peer::Funnel { source: format!("{address}:1").parse().unwrap() }
}

fn fed(limits: Limits) -> (Feed, Running) {
    let (feed, listener) = Feed::new();
    (feed, Running::on(listener, "127.0.0.1:1".parse().unwrap(), limits, None))
}

#[tokio::test]
async fn one_source_too_often_is_closed_at_once_and_comes_back_when_it_let_go() {
    let (feed, running) = fed(Limits { per_source: 2, ..Limits::default() });
    let mut first = feed.connect(funnel("192.0.2.1")).await;
    let mut second = feed.connect(funnel("192.0.2.1")).await;
    ask(&mut first, "/welcome").await;
    ask(&mut second, "/welcome").await;

    assert_eq!(until_closed(&mut feed.connect(funnel("192.0.2.1")).await).await, "");
    ask(&mut feed.connect(funnel("192.0.2.2")).await, "/peer").await;

    drop(first);
    drop(second);
    running.until_open(0).await;
    ask(&mut feed.connect(funnel("192.0.2.1")).await, "/peer").await;
}

#[tokio::test]
async fn a_connection_of_nobody_who_was_let_in_ends_when_another_one_needs_the_place() {
    let (feed, running) = fed(Limits { connections: 1, ..Limits::default() });
    let mut first = feed.connect(funnel("192.0.2.1")).await;
    ask(&mut first, "/peer").await;
    let mut second = feed.connect(funnel("192.0.2.2")).await;
    ask(&mut second, "/peer").await;
    assert_eq!(until_closed(&mut first).await, "");
    assert_eq!(running.server.open(), 1);
}

#[tokio::test]
async fn the_total_keeps_everyone_out_but_the_admin() {
    let (feed, running) = fed(Limits { connections: 1, ..Limits::default() });
    let mut first = feed.connect(funnel("192.0.2.1")).await;
    ask(&mut first, "/welcome").await;
    assert_eq!(until_closed(&mut feed.connect(funnel("192.0.2.2")).await).await, "");
    let mut admin = feed.connect(Peer::Admin).await;
    assert_eq!(ask(&mut admin, "/peer").await, "Admin");
    assert_eq!(running.server.open(), 2);
}

#[tokio::test]
async fn all_listeners_of_a_server_count_together() {
    let (feed, running) = fed(Limits { connections: 1, ..Limits::default() });
    let (other_feed, other) = Feed::new();
    let (server, stop) = (running.server.clone(), running.stop.clone());
    tokio::spawn(async move { server.serve(other, None, axum::Router::new(), stop).await });
    let mut first = feed.connect(funnel("192.0.2.1")).await;
    ask(&mut first, "/welcome").await;
    assert_eq!(until_closed(&mut other_feed.connect(funnel("192.0.2.2")).await).await, "");
}

#[tokio::test]
async fn a_handler_that_panics_costs_its_connection_and_nothing_else() {
    let (feed, running) = fed(Limits { per_source: 1, ..Limits::default() });
    for _ in 0..3 {
        let mut client = feed.connect(funnel("192.0.2.1")).await;
        client.write_all(b"GET /panic HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        assert_eq!(until_closed(&mut client).await, "");
        running.until_open(0).await;
    }
    ask(&mut feed.connect(funnel("192.0.2.1")).await, "/peer").await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let running = Running::plain(Limits::default()).await;
    let mut client = running.connect().await;
    client.write_all(format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(40_000)).as_bytes()).await.unwrap();
    let received = until_closed(&mut client).await;
    assert!(received.starts_with("HTTP/1.1 431"), "{received}");
}

#[tokio::test]
async fn serving_ends_when_the_listener_does() {
    let (feed, mut running) = fed(Limits::default());
    drop(feed);
    super::patiently(&mut running.accepting).await.unwrap();
}

#[tokio::test]
async fn what_a_client_sends_cannot_change_its_peer() {
    let (feed, _running) = fed(Limits::default());
    let mut client = feed.connect(funnel("192.0.2.1")).await;
    client
        .write_all(
            b"GET /peer HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-forwarded-for: 100.64.0.1\r\nforwarded: for=100.64.0.1\r\n\
              tailscale-user-login: owner@example.com\r\npeer: Admin\r\n\r\n",
        )
        .await
        .unwrap();
    let received = until_closed(&mut client).await;
    assert!(received.ends_with("Funnel { source: 192.0.2.1:1 }"), "{received}");
}
