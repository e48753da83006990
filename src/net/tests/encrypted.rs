//! HTTP inside TLS.

use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, ProtocolVersion};

use super::super::Limits;
use super::{Running, ask, ask_h2, certificate, connector, connector_for, h2, handshake, install};
use crate::tls::CertificateSlot;

#[tokio::test]
async fn the_client_chooses_h2_or_http_1_1_and_h2_is_preferred() {
    let (slot, pair) = (CertificateSlot::new(), certificate());
    install(&slot, &pair);
    let running = Running::start(Limits::default(), Some(slot.acceptor())).await;

    for offered in [&["http/1.1"][..], &[]] {
        let mut client = handshake(running.connect().await, &connector(&pair, offered)).await.unwrap();
        assert_eq!(client.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert!(ask(&mut client, "/peer").await.contains("Direct"));
    }

    let client = handshake(running.connect().await, &connector(&pair, &["http/1.1", "h2"])).await.unwrap();
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, _connection) = h2(client).await;
    assert!(ask_h2(&mut sender, "/peer").await.unwrap().contains("Direct"));
}

#[tokio::test]
async fn a_handler_that_panics_costs_an_h2_client_one_request() {
    let (slot, pair) = (CertificateSlot::new(), certificate());
    install(&slot, &pair);
    let running = Running::start(Limits::default(), Some(slot.acceptor())).await;
    let (mut sender, _connection) =
        h2(handshake(running.connect().await, &connector(&pair, &["h2"])).await.unwrap()).await;
    assert!(ask_h2(&mut sender, "/panic").await.is_err());
    assert!(ask_h2(&mut sender, "/peer").await.unwrap().contains("Direct"));
}

#[tokio::test]
async fn a_new_certificate_is_seen_by_new_handshakes_and_old_connections_live_on() {
    let (slot, old, new) = (CertificateSlot::new(), certificate(), certificate());
    install(&slot, &old);
    let running = Running::start(Limits::default(), Some(slot.acceptor())).await;
    let mut before = handshake(running.connect().await, &connector(&old, &["http/1.1"])).await.unwrap();
    ask(&mut before, "/peer").await;

    install(&slot, &new);
    let mut after = handshake(running.connect().await, &connector(&new, &["http/1.1"])).await.unwrap();
    ask(&mut after, "/peer").await;
    assert!(handshake(running.connect().await, &connector(&old, &["http/1.1"])).await.is_err(), "the old one is gone");
    ask(&mut before, "/peer").await;
}

#[tokio::test]
async fn handshakes_fail_cleanly_until_there_is_a_certificate() {
    let (slot, pair) = (CertificateSlot::new(), certificate());
    let running = Running::start(Limits::default(), Some(slot.acceptor())).await;
    let error = handshake(running.connect().await, &connector(&pair, &["h2"])).await.unwrap_err();
    assert!(error.to_string().contains("AccessDenied"), "{error}");

    install(&slot, &pair);
    assert!(handshake(running.connect().await, &connector(&pair, &["h2"])).await.is_ok());
}

#[tokio::test]
async fn a_client_that_comes_back_resumes_its_session() {
    let (slot, pair) = (CertificateSlot::new(), certificate());
    install(&slot, &pair);
    let running = Running::start(Limits::default(), Some(slot.acceptor())).await;
    for version in [&TLS12, &TLS13] {
        let client = connector_for(&pair, &["http/1.1"], &[version]);
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut connection = handshake(running.connect().await, &client).await.unwrap();
            assert_eq!(connection.get_ref().1.handshake_kind(), Some(expected), "{version:?}");
            ask(&mut connection, "/peer").await;
        }
    }
}
