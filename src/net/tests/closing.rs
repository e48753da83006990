//! Connections that end: by the client's half, by a stop, by a deadline.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixListener, UnixStream};

use super::super::Limits;
use super::{PATIENCE, Running, ask, ask_h2, certificate, connector, h2, handshake, install, patiently, until_closed};
use crate::tls::CertificateSlot;

const SLOW: &[u8] = b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn a_client_that_closes_its_half_after_the_request_is_answered() {
    let running = Running::plain(Limits::default()).await;
    let mut client = running.connect().await;
    client.write_all(SLOW).await.unwrap();
    client.shutdown().await.unwrap();
    running.until_slow_is_running().await;
    running.gate.open.add_permits(1);
    let received = until_closed(&mut client).await;
    assert!(received.ends_with("done"), "{received}");
    running.until_open(0).await;
}

#[tokio::test]
async fn a_client_that_closes_its_half_of_tls_is_answered() {
    let (slot, pair) = (CertificateSlot::new(), certificate());
    install(&slot, &pair);
    let running = Running::start(Limits::default(), Some(slot.acceptor())).await;
    let mut client = handshake(running.connect().await, &connector(&pair, &["http/1.1"])).await.unwrap();
    client.write_all(SLOW).await.unwrap();
    client.shutdown().await.unwrap();
    running.until_slow_is_running().await;
    running.gate.open.add_permits(1);
    let received = until_closed(&mut client).await;
    assert!(received.ends_with("done"), "{received}");
}

#[tokio::test]
async fn a_stop_lets_running_requests_finish_and_nobody_new_in() {
    let mut running = Running::plain(Limits::default()).await;
    let mut idle = running.connect().await;
    ask(&mut idle, "/peer").await;
    let mut h1 = running.connect().await;
    h1.write_all(SLOW).await.unwrap();
    let (mut sender, _connection) = h2(running.connect().await).await;
    let h2 = tokio::spawn(async move { ask_h2(&mut sender, "/slow").await });
    running.until_slow_is_running().await;
    running.until_slow_is_running().await;

    running.stop().await;
    assert_eq!(until_closed(&mut idle).await, "", "an idle connection has nothing to finish");
    assert!(TcpStream::connect(running.address).await.is_err());

    running.gate.open.add_permits(2);
    assert_eq!(patiently(running.server.drain(PATIENCE)).await, 0);
    assert_eq!(running.server.open(), 0);
    assert!(until_closed(&mut h1).await.ends_with("done"));
    assert_eq!(h2.await.unwrap().unwrap(), "done");
}

#[tokio::test]
async fn the_deadline_cuts_what_does_not_finish() {
    let mut running = Running::plain(Limits::default()).await;
    let mut h1 = running.connect().await;
    h1.write_all(SLOW).await.unwrap();
    let (mut sender, _connection) = h2(running.connect().await).await;
    let h2 = tokio::spawn(async move { ask_h2(&mut sender, "/slow").await });
    running.until_slow_is_running().await;
    running.until_slow_is_running().await;

    running.stop().await;
    assert_eq!(patiently(running.server.drain(Duration::from_millis(50))).await, 2);
    assert_eq!(until_closed(&mut h1).await, "");
    assert!(h2.await.unwrap().is_err());
    running.until_slow_is_gone().await;
    running.until_slow_is_gone().await;
    running.until_open(0).await;
}

#[tokio::test]
async fn a_cut_ends_whatever_does_not_finish() {
    let mut running = Running::plain(Limits::default()).await;
    let mut h1 = running.connect().await;
    h1.write_all(SLOW).await.unwrap();
    let (mut sender, _connection) = h2(running.connect().await).await;
    let h2 = tokio::spawn(async move { ask_h2(&mut sender, "/slow").await });
    // A stream that would go on, and a peer that never confirms the end of its HTTP/2 connection.
    let mut ticks = running.connect().await;
    ticks.write_all(b"GET /ticks HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut mute = running.connect().await;
    mute.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    running.until_slow_is_running().await;
    running.until_slow_is_running().await;
    running.until_open(4).await;

    running.stop().await;
    running.cut.cancel();
    running.until_open(0).await;
    assert_eq!(until_closed(&mut h1).await, "");
    assert!(h2.await.unwrap().is_err());
    running.until_slow_is_gone().await;
    running.until_slow_is_gone().await;
}

#[tokio::test]
async fn a_stop_ends_a_handshake_at_once() {
    let mut running = Running::start(Limits::default(), Some(CertificateSlot::new().acceptor())).await;
    let _client = running.connect().await;
    running.until_open(1).await;
    running.stop().await;
    assert_eq!(patiently(running.server.drain(PATIENCE)).await, 0);
}

#[tokio::test]
async fn draining_a_server_without_connections_takes_no_time() {
    assert_eq!(super::Server::new(Limits::default()).drain(PATIENCE).await, 0);
}

#[tokio::test]
async fn the_admin_socket_is_its_own_plane() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let _running = Running::on(listener, "127.0.0.1:1".parse().unwrap(), Limits::default(), None);
    assert_eq!(ask(&mut UnixStream::connect(&path).await.unwrap(), "/peer").await, "Admin");
}
