//! The offline tailnet of `tests/tailnet`, started once for the whole binary.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::client::{Client, Scheme};

/// The owner of every node, unless a test says otherwise.
pub(crate) const OWNER: &str = "operator@example.com";

/// Where everything is: the line that the program prints.
#[derive(Debug, Deserialize)]
pub(crate) struct Tailnet {
    pub(crate) control: String,
    pub(crate) auth_key: String,
    /// The secret of an OAuth client.
    pub(crate) client_secret: String,
    pub(crate) roots: PathBuf,
    pub(crate) resolver: String,
    pub(crate) public: String,
    pub(crate) domain: String,
    pub(crate) env: HashMap<String, String>,
    admin: String,
    /// The program ends with its standard input, so it dies with the test process, however that ends.
    #[serde(skip)]
    _program: Option<Child>,
}

/// A control URL that can be cut.
pub(crate) struct ControlLink {
    id: u64,
    pub(crate) url: String,
}

/// One node as the control server sees it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Registered {
    pub(crate) host: String,
    pub(crate) name: String,
    pub(crate) addresses: Vec<std::net::IpAddr>,
    pub(crate) online: bool,
    pub(crate) ephemeral: bool,
    pub(crate) request_tags: Vec<String>,
    pub(crate) ingress_enabled: bool,
}

/// The answer to a raw ingress request.
#[derive(Debug, Deserialize)]
pub(crate) struct Ingress {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// The tailnet of this binary.
pub(crate) fn tailnet() -> &'static Tailnet {
    static TAILNET: OnceLock<Tailnet> = OnceLock::new();
    TAILNET.get_or_init(Tailnet::start)
}

impl Tailnet {
    fn start() -> Self {
        let mut child = Command::new(program())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the offline tailnet starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let started: Self = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Self { _program: Some(child), ..started }
    }

    /// Changes what the tailnet allows the nodes of one host name: the fields of `POST /nodes`.
    pub(crate) async fn allow(&self, host: &str, mut change: Value) {
        change["host"] = host.into();
        self.call::<Value>("/nodes", &change).await;
    }

    /// Forgets the nodes of a host name.
    pub(crate) async fn forget(&self, host: &str) {
        self.call::<Value>("/nodes/remove", &json!({"host": host})).await;
    }

    /// The nodes of a host name, oldest first.
    pub(crate) async fn nodes(&self, host: &str) -> Vec<Registered> {
        let reply = self.admin().get("/nodes").await;
        let all: Vec<Registered> = serde_json::from_slice(&reply.body).unwrap();
        all.into_iter().filter(|node| node.host == host).collect()
    }

    /// A loopback address whose connections a device of `login` dials on to `target`.
    pub(crate) async fn forward(&self, login: &str, target: &str) -> String {
        let device = format!("{}-laptop", login.split('@').next().unwrap());
        self.forward_from(&json!({"host": device, "login": login}), target).await
    }

    /// The same, from a node with tags.
    pub(crate) async fn forward_tagged(&self, tag: &str, target: &str) -> String {
        let device = format!("{}-server", tag.trim_start_matches("tag:"));
        self.forward_from(&json!({"host": device, "tags": [tag]}), target).await
    }

    async fn forward_from(&self, peer: &Value, target: &str) -> String {
        self.call::<Value>("/peers", peer).await;
        self.address("/forward", &json!({"peer": peer["host"], "target": target})).await
    }

    /// A public entry, whose clients seem to come from `source`.
    pub(crate) async fn public_from(&self, source: &str, port: u16) -> String {
        self.address("/public", &json!({"source": source, "target_port": port})).await
    }

    /// A public entry that hands its clients to the node of that name before they have said anything.
    pub(crate) async fn public_raw(&self, name: &str) -> String {
        self.address("/public", &json!({"name": name})).await
    }

    /// Delivers a connection as the relay does, and tells what the node says to that.
    pub(crate) async fn ingress(&self, host: &str, target: &str) -> Ingress {
        self.call("/ingress", &json!({"host": host, "target": target, "source": "203.0.113.7:4711"})).await
    }

    /// Whether the relay can open an ordinary connection to a tailnet address.
    pub(crate) async fn relay_reaches(&self, address: &str) -> bool {
        self.call::<Value>("/relay-dial", &json!({"address": address})).await["connected"] == true
    }

    /// A new way to the control server.
    pub(crate) async fn control_link(&self) -> ControlLink {
        let link: Value = self.call("/control-links", &json!({})).await;
        ControlLink { id: link["id"].as_u64().unwrap(), url: link["url"].as_str().unwrap().to_owned() }
    }

    /// Cuts a link so that connections hang.
    pub(crate) async fn cut(&self, link: &ControlLink) {
        self.set(link, json!({"up": false})).await;
    }

    /// Cuts a link so that connections are refused.
    pub(crate) async fn refuse(&self, link: &ControlLink) {
        self.set(link, json!({"up": false, "refuse": true})).await;
    }

    /// Restores a link.
    pub(crate) async fn restore(&self, link: &ControlLink) {
        self.set(link, json!({"up": true})).await;
    }

    async fn set(&self, link: &ControlLink, state: Value) {
        self.call::<Value>(&format!("/control-links/{}", link.id), &state).await;
    }

    /// Logs a node in at its login URL, as a person would.
    pub(crate) async fn approve(&self, url: &str) {
        self.call::<Value>("/approve", &json!({"url": url})).await;
    }

    /// An auth key: `reusable`, `single-use` or `expired`.
    pub(crate) async fn key(&self, kind: &str) -> String {
        self.call::<Value>("/keys", &json!({"kind": kind})).await["key"].as_str().unwrap().to_owned()
    }

    async fn address(&self, path: &str, body: &Value) -> String {
        self.call::<Value>(path, body).await["address"].as_str().unwrap().to_owned()
    }

    async fn call<T: DeserializeOwned>(&self, path: &str, body: &Value) -> T {
        let reply = self.admin().post(path, body).await;
        assert_eq!(reply.status, 200, "{path} {body}: {}", reply.text());
        serde_json::from_slice(&reply.body).unwrap()
    }

    fn admin(&self) -> Client {
        let address = self.admin.trim_start_matches("http://");
        Client::new(address, address, Scheme::Plain)
    }
}

/// The tailnet's program: the one that the environment names, or one built now.
fn program() -> PathBuf {
    if let Some(built) = std::env::var_os("ROAM_MCP_TEST_TAILNET") {
        return built.into();
    }
    let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("tailnet");
    let status = Command::new(std::env::var_os("ROAM_MCP_GO").unwrap_or_else(|| "go".into()))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tailnet"))
        .arg("build")
        .arg("-o")
        .arg(&program)
        .arg(".")
        .status()
        .expect("Go runs; ROAM_MCP_GO can name it");
    assert!(status.success(), "the offline tailnet does not build");
    program
}
