use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::get;
use bytes::Bytes;
use hyper::body::Frame;

use super::*;

/// A server on 127.0.0.1 that sends its visitors about.
async fn server() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let port = address.port();
    let router = Router::new()
        .route("/pic.png", get(async || ([(CONTENT_TYPE, "image/png; q=1")], "bytes")))
        .route("/data", get(async || ([(CONTENT_TYPE, "application/octet-stream")], "bytes")))
        .route("/gone", get(async || StatusCode::NOT_FOUND))
        .route("/around", get(async || Redirect::temporary("/around")))
        .route("/on", get(async || Redirect::to("/pic.png")))
        .route("/nowhere", get(async || StatusCode::FOUND))
        .route("/file", get(async || Redirect::to("file:///etc/passwd")))
        .route("/other", get(async move || Redirect::to(&format!("http://127.0.0.2:{port}/pic.png"))))
        .route("/endless", get(async || Body::new(Endless)));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A body without an end.
struct Endless;

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(vec![0; 1 << 20].into()))))
    }
}

async fn fetched(downloader: &Downloader, url: &str) -> Result<File, String> {
    downloader.fetch(url).await.map_err(|failure| match failure {
        Failure::Arguments(text) => text,
        Failure::Graph(error) => error.message,
    })
}

async fn refusal(downloader: &Downloader, url: &str) -> String {
    fetched(downloader, url).await.err().unwrap_or_else(|| panic!("{url} was fetched"))
}

#[tokio::test]
async fn a_file_comes_with_its_name_and_type_also_after_a_redirect() {
    let (local, at) = (Downloader::new(&Reach::local()), server().await);
    for (path, name, kind) in
        [("pic.png", "pic.png", Some("image/png")), ("on", "pic.png", Some("image/png")), ("data", "data", None)]
    {
        let file = fetched(&local, &format!("http://{at}/{path}")).await.unwrap_or_else(|text| panic!("{text}"));
        assert_eq!((file.base64.as_str(), file.name.as_deref(), file.kind.as_deref()), ("Ynl0ZXM=", Some(name), kind));
    }
    let refused =
        [("gone", "404"), ("around", "too often"), ("nowhere", "nowhere"), ("file", "https://"), ("endless", "large")];
    for (path, expected) in refused {
        let text = refusal(&local, &format!("http://{at}/{path}")).await;
        assert!(text.contains(expected), "{path}: {text}");
    }
}

#[tokio::test]
async fn from_outside_nothing_of_this_network_is_reached() {
    let (outside, port) = (Downloader::new(&Reach::default()), server().await.port());
    let hosts =
        ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f000001", "2130706433", "0", "100.100.100.100"];
    for host in hosts {
        assert_eq!(refusal(&outside, &format!("http://{host}:{port}/pic.png")).await, NOT_PUBLIC, "{host}");
    }
}

#[tokio::test]
async fn every_redirect_is_checked_again_by_address_and_by_name() {
    let at = server().await;
    // As if 127.0.0.1 were a host of the internet.
    let outside =
        Downloader { allowed: |address| address == IpAddr::from([127, 0, 0, 1]), ..Downloader::new(&Reach::default()) };
    assert!(fetched(&outside, &format!("http://{at}/on")).await.is_ok());
    assert_eq!(refusal(&outside, &format!("http://{at}/other")).await, NOT_PUBLIC);
    let nowhere = Downloader { allowed: |_| false, ..Downloader::new(&Reach::default()) };
    assert_eq!(refusal(&nowhere, &format!("http://localhost:{}/pic.png", at.port())).await, NOT_PUBLIC);
}

#[tokio::test]
async fn only_web_addresses_are_fetched() {
    let local = Downloader::new(&Reach::local());
    for url in ["ftp://example.com/x", "file:///etc/passwd", "data:,x", "gopher://x"] {
        assert!(refusal(&local, url).await.contains("https://"), "{url}");
    }
    assert!(refusal(&local, "not a url").await.starts_with("`url`"));
}
