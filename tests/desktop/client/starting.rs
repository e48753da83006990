use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use roam_mcp::config::Kind;
use roam_mcp::graph::{DesktopSettings, Launch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{Machine, TOKEN, code, read, write};

#[tokio::test]
async fn a_roam_that_does_not_run_is_started_once_and_every_call_waits_for_it() {
    let machine = Arc::new(Machine::without_roam(Kind::Hosted));
    machine.write_port(closed_port().await);
    let (launch, link) = machine.launch();
    let graph = machine.graph(DesktopSettings { launch, ..machine.settings() }, TOKEN, Kind::Hosted);
    let (page, block) = tokio::join!(read(&graph), write(&graph));
    assert_eq!(page.unwrap()["uid"], "gardenpag");
    block.unwrap();
    assert_eq!(link.await.unwrap(), "roam://#/app/garden");
    assert_eq!(machine.calls().len(), 2);
}

#[tokio::test]
async fn a_roam_that_stays_away_is_given_up_when_the_budget_is_spent() {
    let machine = Machine::without_roam(Kind::Hosted);
    machine.write_port(closed_port().await);
    let launch = Launch { opener: Some(Arc::new(|_| Ok(()))), budget: Duration::from_millis(50), ..Launch::never() };
    let graph = machine.graph(DesktopSettings { launch, ..machine.settings() }, TOKEN, Kind::Hosted);
    let error = write(&graph).await.unwrap_err();
    assert_eq!(code(&error), Some("CONNECTION_FAILED"));
    assert!(error.message.contains("Try again in a moment"), "{error}");
}

#[tokio::test]
async fn without_leave_to_start_it_the_error_says_to_start_it() {
    let machine = Machine::without_roam(Kind::Hosted);
    machine.write_port(closed_port().await);
    let error = write(&machine.garden()).await.unwrap_err();
    assert_eq!(code(&error), Some("CONNECTION_FAILED"));
    assert!(error.message.contains("Start Roam Desktop") && error.message.contains("Nothing was changed"), "{error}");
}

#[tokio::test]
async fn a_stranger_on_roams_port_gets_no_token() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stranger = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = vec![0; 4096];
        let length = stream.read(&mut heard).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
        let more = stream.read(&mut heard[length..]).await.unwrap();
        String::from_utf8(heard[..length + more].to_vec()).unwrap()
    });
    let machine = Machine::without_roam(Kind::Hosted);
    machine.write_port(port);
    let error = write(&machine.garden()).await.unwrap_err();
    assert_eq!(code(&error), Some("CONNECTION_FAILED"));
    assert!(error.message.contains("another program"), "{error}");
    let heard = stranger.await.unwrap();
    assert!(heard.starts_with("GET /api/graphs/open ") && !heard.to_lowercase().contains("authorization"), "{heard}");
}

#[tokio::test]
async fn a_roam_that_accepts_connections_is_not_started_again() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let machine = Machine::without_roam(Kind::Hosted);
    machine.write_port(listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let launch = Launch { opener: Some(Arc::new(|link| panic!("{link} was opened"))), ..Launch::by_system() };
    let graph = machine.graph(DesktopSettings { launch, ..machine.settings() }, TOKEN, Kind::Hosted);
    let error = write(&graph).await.unwrap_err();
    assert_eq!(code(&error), Some("CONNECTION_FAILED"));
    assert!(error.message.contains("does not answer") && !error.message.contains("Start Roam"), "{error}");
}

async fn closed_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port()
}
