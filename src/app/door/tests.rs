//! The keeper with a tailnet that a test plays, real connections, and paused time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use axum::routing::get;
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::*;
use crate::access::Peer;
use crate::admin::DoorOrder;
use crate::net::{Limits, Listener};
use crate::report::{Obstacle, ShutBy};

/// A relay, whose connections the test makes.
#[derive(Clone, Default)]
struct Relay(Arc<Played>);

#[derive(Default)]
struct Played {
    opened: AtomicU64,
    closed: AtomicU64,
    tried: AtomicU64,
    refuses: AtomicBool,
    stumbles: AtomicBool,
    explained: AtomicU64,
    feed: std::sync::Mutex<Option<mpsc::UnboundedSender<UnixStream>>>,
}

struct Fed(u64, mpsc::UnboundedReceiver<UnixStream>);

impl Listener for Fed {
    type Io = UnixStream;

    async fn accept(&mut self) -> Option<(UnixStream, Peer)> {
        let source = "203.0.113.7:4711".parse().unwrap();
        self.1.recv().await.map(|stream| (stream, Peer::Funnel { source }))
    }
}

impl Ingress for Relay {
    type Listener = Fed;

    async fn open(&self, _port: u16) -> Result<Fed, NodeError> {
        self.0.tried.fetch_add(1, SeqCst);
        for (fails, kind) in [(&self.0.refuses, ErrorKind::FunnelUnavailable), (&self.0.stumbles, ErrorKind::Internal)]
        {
            if fails.load(SeqCst) {
                return Err(NodeError { kind, message: "not allowed".into(), retry_after: None });
            }
        }
        let (feed, fed) = mpsc::unbounded_channel();
        *self.0.feed.lock().unwrap() = Some(feed);
        Ok(Fed(self.0.opened.fetch_add(1, SeqCst) + 1, fed))
    }

    async fn explain(&self, refusal: NodeError) -> Door {
        self.0.explained.fetch_add(1, SeqCst);
        Door::Unavailable { obstacle: Obstacle::Policy, reason: refusal.message, enable_url: None }
    }

    fn number(listener: &Fed) -> u64 {
        listener.0
    }

    async fn close(&self, number: u64) {
        self.0.closed.fetch_max(number, SeqCst);
    }
}

struct Kept {
    dir: TempDir,
    relay: Relay,
    latch: Latch,
    status: watch::Sender<Status>,
    door: watch::Receiver<Door>,
    server: Server,
    began: Instant,
    entered: Arc<Notify>,
    stop: CancellationToken,
}

const NOON: &str = "2026-01-01T12:00:00Z";

fn kept(flag: DoorFlag) -> Kept {
    kept_in(tempfile::tempdir().unwrap(), flag)
}

fn kept_in(dir: TempDir, flag: DoorFlag) -> Kept {
    let began = Instant::now();
    let clock = move || NOON.parse::<Timestamp>().unwrap() + began.elapsed();
    let latch = Latch::with_clock(dir.path().join("door.json"), flag, Arc::new(clock));
    let (relay, server, stop) = (Relay::default(), Server::new(Limits::default()), CancellationToken::new());
    let (status, door) = (watch::Sender::new(allowed()), watch::Sender::new(Door::Opening));
    let entered = Arc::new(Notify::new());
    let forever = {
        let entered = Arc::clone(&entered);
        async move || {
            entered.notify_one();
            std::future::pending::<()>().await;
        }
    };
    let kept = Kept {
        dir,
        relay: relay.clone(),
        latch: latch.clone(),
        status: status.clone(),
        door: door.subscribe(),
        server: server.clone(),
        began,
        entered,
        stop: stop.clone(),
    };
    let router = Router::new().route("/", get(async || "in")).route("/forever", get(forever));
    let status = status.subscribe();
    tokio::spawn(Keeper { ingress: relay, port: 443, server, tls: None, router, latch, status, door, stop }.keep());
    kept
}

fn allowed() -> Status {
    Status {
        name: "roam".into(),
        state: "Running".into(),
        https: true,
        funnel: true,
        funnel_ports: vec![443],
        ..Status::default()
    }
}

fn unavailable() -> Door {
    Door::Unavailable { obstacle: Obstacle::Policy, reason: "not allowed".into(), enable_url: None }
}

fn off(by: ShutBy) -> Door {
    Door::Off { by }
}

fn open(until: Option<&str>) -> Door {
    Door::Open { port: 443, until: until.map(|until| until.parse().unwrap()) }
}

impl Kept {
    async fn is(&self, wanted: &Door) {
        self.door.clone().wait_for(|door| door == wanted).await.unwrap();
    }

    async fn order(&self, order: DoorOrder) -> Result<Door, String> {
        let joined = self.status.borrow().state == "Running";
        obey(&self.latch, self.door.clone(), order, joined).await
    }

    /// A connection from the public; `None` if nobody takes it.
    fn connect(&self) -> Option<UnixStream> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let feed = self.relay.0.feed.lock().unwrap();
        feed.as_ref()?.send(theirs).ok().map(|()| ours)
    }

    async fn ask(&self, path: &str) -> UnixStream {
        let mut io = self.connect().unwrap();
        io.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
        io
    }
}

async fn until_closed(mut io: UnixStream) {
    let mut rest = Vec::new();
    // A reset is an end like any other.
    let _ = io.read_to_end(&mut rest).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_in_no_tailnet_yet_notes_the_wish_at_once() {
    let kept = kept(DoorFlag::AsLeft);
    kept.status.send_replace(Status::default());
    assert_eq!(kept.order(DoorOrder::Shut { revoke: false }).await, Ok(off(ShutBy::Operator)));
    let asked = Instant::now();
    assert_eq!(kept.order(DoorOrder::Open { seconds: None }).await, Ok(Door::Opening));
    assert_eq!(asked.elapsed().as_secs(), 0);
    kept.status.send_replace(allowed());
    kept.is(&open(None)).await;
}

#[tokio::test(start_paused = true)]
async fn the_door_opens_for_a_while_and_shuts_itself() {
    let kept = kept(DoorFlag::AsLeft);
    kept.is(&open(None)).await;
    assert_eq!(kept.order(DoorOrder::Open { seconds: Some(7200) }).await, Ok(open(Some("2026-01-01T14:00:00Z"))));
    assert_eq!(kept.relay.0.opened.load(SeqCst), 1, "an open door is not opened again");
    let io = kept.ask("/").await;
    kept.is(&off(ShutBy::Time)).await;
    assert_eq!(kept.began.elapsed().as_secs(), 7200);
    until_closed(io).await;
    assert_eq!(kept.relay.0.closed.load(SeqCst), 1);
    assert!(kept.connect().is_none());
}

#[tokio::test(start_paused = true)]
async fn off_ends_idle_and_endless_connections_within_a_second() {
    let kept = kept(DoorFlag::AsLeft);
    kept.is(&open(None)).await;
    let (idle, endless) = (kept.connect().unwrap(), kept.ask("/forever").await);
    kept.entered.notified().await;
    let asked = Instant::now();
    assert_eq!(kept.order(DoorOrder::Shut { revoke: false }).await, Ok(off(ShutBy::Operator)));
    until_closed(idle).await;
    until_closed(endless).await;
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert_eq!(kept.server.open(), 0);
    assert!(kept.connect().is_none());
    assert_eq!(kept.order(DoorOrder::Open { seconds: None }).await, Ok(open(None)));
    assert!(kept.connect().is_some());
}

#[tokio::test(start_paused = true)]
async fn the_tailnet_withdraws_the_right_whatever_the_operator_wants() {
    let kept = kept(DoorFlag::AsLeft);
    kept.is(&open(None)).await;
    let endless = kept.ask("/forever").await;
    kept.entered.notified().await;
    kept.relay.0.refuses.store(true, SeqCst);
    kept.status.send_replace(Status { funnel: false, ..allowed() });
    kept.is(&unavailable()).await;
    until_closed(endless).await;
    assert_eq!(kept.relay.0.closed.load(SeqCst), 1);
    assert_eq!(kept.order(DoorOrder::Open { seconds: Some(60) }).await, Ok(unavailable()));
    assert_eq!(kept.order(DoorOrder::Shut { revoke: false }).await, Ok(off(ShutBy::Operator)));

    kept.relay.0.refuses.store(false, SeqCst);
    kept.status.send_replace(allowed());
    kept.is(&off(ShutBy::Operator)).await;
    assert_eq!(kept.relay.0.opened.load(SeqCst), 1, "a right alone opens nothing");
}

#[tokio::test(start_paused = true)]
async fn a_door_that_is_not_allowed_is_tried_when_a_right_comes_and_explained_once() {
    let kept = kept(DoorFlag::AsLeft);
    kept.is(&open(None)).await;
    kept.relay.0.refuses.store(true, SeqCst);
    let forbidden = Status { funnel: false, ..allowed() };
    kept.status.send_replace(forbidden.clone());
    kept.is(&unavailable()).await;
    for _ in 0..100 {
        // A device of the tailnet comes or goes.
        kept.status.send_replace(forbidden.clone());
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(kept.relay.0.tried.load(SeqCst), 2, "once in vain");
    kept.status.send_replace(Status { https: false, ..forbidden });
    sleep(Duration::from_secs(3600)).await;
    assert!((4..20).contains(&kept.relay.0.tried.load(SeqCst)), "now and then, for what nobody tells");
    assert_eq!(kept.relay.0.explained.load(SeqCst), 1);

    kept.relay.0.refuses.store(false, SeqCst);
    kept.status.send_replace(allowed());
    sleep(Duration::from_millis(1)).await;
    kept.is(&open(None)).await;
}

#[tokio::test(start_paused = true)]
async fn the_door_opens_again_each_time_that_the_node_comes_back() {
    let kept = kept(DoorFlag::AsLeft);
    for round in 1..4 {
        kept.is(&open(None)).await;
        assert_eq!(kept.relay.0.opened.load(SeqCst), round);
        let away = if round == 1 { "NeedsMachineAuth" } else { "NeedsLogin" };
        for state in [away, "Starting", "Running"] {
            kept.status.send_modify(|status| status.state = state.into());
            sleep(LAST_WORDS * 2).await;
            assert_eq!(*kept.door.borrow() == open(None), state == "Running", "{state}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_name_opens_the_door_anew_at_once_and_cuts_nobody_until_it_is_shut() {
    let kept = kept(DoorFlag::AsLeft);
    kept.is(&open(None)).await;
    let endless = kept.ask("/forever").await;
    kept.entered.notified().await;
    kept.status.send_replace(Status { name: "phoenix".into(), ..allowed() });
    // The first moment in which nobody has anything to do.
    sleep(Duration::from_millis(1)).await;
    kept.is(&open(None)).await;
    assert!(kept.began.elapsed() < LAST_WORDS);
    assert_eq!((kept.relay.0.opened.load(SeqCst), kept.server.open()), (2, 1));
    kept.order(DoorOrder::Shut { revoke: false }).await.unwrap();
    until_closed(endless).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_came_in_under_an_old_name_is_cut_although_the_door_does_not_open_again() {
    for withdrawn in [false, true] {
        let kept = kept(DoorFlag::AsLeft);
        kept.is(&open(None)).await;
        let endless = kept.ask("/forever").await;
        kept.entered.notified().await;
        (if withdrawn { &kept.relay.0.refuses } else { &kept.relay.0.stumbles }).store(true, SeqCst);
        kept.status.send_replace(Status { name: "phoenix".into(), ..allowed() });
        kept.door.clone().wait_for(|door| matches!(door, Door::Unavailable { .. })).await.unwrap();
        if !withdrawn {
            assert_eq!(kept.server.open(), 1, "what may work in a moment cuts nobody");
            kept.order(DoorOrder::Shut { revoke: false }).await.unwrap();
        }
        let asked = Instant::now();
        until_closed(endless).await;
        assert!(asked.elapsed() <= LAST_WORDS, "{:?}", asked.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn no_funnel_holds_for_its_run() {
    let kept = kept(DoorFlag::Shut);
    kept.is(&off(ShutBy::Flag)).await;
    let refused = kept.order(DoorOrder::Open { seconds: None }).await.unwrap_err();
    assert!(refused.contains("--no-funnel"), "{refused}");
    assert_eq!(kept.order(DoorOrder::Shut { revoke: false }).await, Ok(off(ShutBy::Flag)));
    assert_eq!(kept.relay.0.opened.load(SeqCst), 0);

    let next = kept_in(kept.dir, DoorFlag::AsLeft);
    next.is(&off(ShutBy::Operator)).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_of_the_program_leaves_requests_their_time() {
    let kept = kept(DoorFlag::AsLeft);
    kept.is(&open(None)).await;
    let _endless = kept.ask("/forever").await;
    kept.entered.notified().await;
    kept.stop.cancel();
    sleep(Duration::from_secs(5)).await;
    assert_eq!(kept.server.open(), 1, "the drain decides");
}

#[tokio::test(start_paused = true)]
async fn a_time_beyond_all_clocks_is_refused() {
    let kept = kept(DoorFlag::AsLeft);
    kept.order(DoorOrder::Open { seconds: Some(u64::MAX) }).await.unwrap_err();
    kept.is(&open(None)).await;
}
