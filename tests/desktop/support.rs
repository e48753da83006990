//! A stand-in for Roam Desktop: the sandbox on a port of its own, a script of faults, and a record of what it got.

mod program;
mod server;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use roam_mcp::access::{self, Caller, Level, Operation, Permit, Policy};
use roam_mcp::config::{GraphEntry, Kind, RoamTools};
use roam_mcp::graph::{
    Action, Connected, Desktop, DesktopSettings, Embedded, ErrorCode, Graph, GraphError, Graphs, Launch,
};
use roam_mcp::sandbox::{Answer, Approver, Asked, Offered, Sandbox, Token};
use roam_mcp::secret::Secret;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

pub(crate) use program::{Outcome, Terminal, command, run};
pub(crate) use server::{Fault, Received, raw};
use server::{Server, Shared};

/// The token that opens the garden from the start.
pub(crate) const TOKEN: &str = "roam-graph-local-token-garden";

/// A machine with a Roam Desktop on it: its files, its windows, its person.
pub(crate) struct Machine {
    pub(crate) sandbox: Sandbox,
    home: TempDir,
    shared: Arc<Shared>,
    server: Mutex<Option<Server>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Machine {
    /// A Roam that runs, with the hosted graph `garden`.
    pub(crate) async fn with_roam() -> Self {
        let machine = Self::without_roam(Kind::Hosted);
        machine.start_roam().await;
        machine
    }

    /// A Roam that does not run yet.
    pub(crate) fn without_roam(kind: Kind) -> Self {
        Self::build(kind, Level::Full, Duration::from_secs(300))
    }

    pub(crate) fn build(kind: Kind, role: Level, dialog: Duration) -> Self {
        let home = TempDir::new().unwrap();
        let (export, database) = (home.path().join("garden.json"), home.path().join("garden.sqlite"));
        std::fs::write(&export, garden().to_string()).unwrap();
        Embedded::import(&export, &database, roam_mcp::graph::Existing::Keep, |_| {}).unwrap();
        let graph = Graph::embedded("garden", "garden", role, Embedded::open(&database).unwrap());

        let (answers, asked) = (Arc::<Mutex<VecDeque<Answer>>>::default(), Arc::<Mutex<Vec<Asked>>>::default());
        let approver: Approver = {
            let (answers, asked) = (Arc::clone(&answers), Arc::clone(&asked));
            Arc::new(move |question| {
                asked.lock().unwrap().push(question);
                let answer = answers.lock().unwrap().pop_front();
                Box::pin(async move {
                    match answer {
                        Some(answer) => answer,
                        None => std::future::pending().await,
                    }
                })
            })
        };
        let sandbox = Sandbox::new(vec![Offered { graph, kind }], approver, dialog);
        sandbox.admit(token(TOKEN, kind, Level::Full));
        let shared = Arc::new(Shared::new(sandbox.router()));
        Self { sandbox, home, shared, server: Mutex::default(), answers, asked }
    }

    /// Starts Roam, on a port that it writes down.
    pub(crate) async fn start_roam(&self) {
        let server = Server::start(Arc::clone(&self.shared)).await;
        self.write_port(server.port);
        *self.server.lock().unwrap() = Some(server);
    }

    /// Ends Roam: its port is closed and its connections break. The port file stays, as it does in life.
    pub(crate) fn stop_roam(&self) {
        self.server.lock().unwrap().take();
    }

    pub(crate) fn write_port(&self, port: u16) {
        std::fs::write(self.port_file(), json!({ "port": port }).to_string()).unwrap();
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.lock().unwrap().as_ref().unwrap().port
    }

    /// The home directory of the person who uses this machine.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn port_file(&self) -> PathBuf {
        self.home.path().join(".roam-local-api.json")
    }

    pub(crate) fn tools_file(&self) -> PathBuf {
        self.home.path().join(".roam-tools.json")
    }

    /// What happens to the next calls, one after the other.
    pub(crate) fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shared.faults.lock().unwrap().extend(faults);
    }

    /// What happens to the next requests for graphs and tokens.
    pub(crate) fn next_of_endpoints(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shared.lapses.lock().unwrap().extend(faults);
    }

    /// Roam closes each connection after its first answer.
    pub(crate) fn close_after_each_answer(&self) {
        self.shared.keeps_alive.store(false, Ordering::Relaxed);
    }

    /// What the person answers to the next requests for a token; without an answer they are not at their desk.
    pub(crate) fn will_answer(&self, answer: Answer) {
        self.answers.lock().unwrap().push_back(answer);
    }

    /// What the person was asked.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The actions that arrived, whatever became of them.
    pub(crate) fn calls(&self) -> Vec<Received> {
        let all = self.shared.received.lock().unwrap();
        all.iter().filter(|received| received.is_action()).cloned().collect()
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        *self.shared.connections.lock().unwrap()
    }

    /// Resolves once something has arrived that fits.
    pub(crate) async fn arrives(&self, fits: impl Fn(&Received) -> bool) {
        let arrival = self.shared.arrival.notified();
        tokio::pin!(arrival);
        loop {
            arrival.as_mut().enable();
            if self.shared.received.lock().unwrap().iter().any(&fits) {
                return;
            }
            arrival.as_mut().await;
            arrival.set(self.shared.arrival.notified());
        }
    }

    pub(crate) fn settings(&self) -> DesktopSettings {
        DesktopSettings { port_file: self.port_file(), deadline: Duration::from_secs(20), launch: Launch::never() }
    }

    pub(crate) fn desktop(&self) -> Desktop {
        Desktop::new(self.settings())
    }

    /// The garden, connected with the token given.
    pub(crate) fn graph(&self, settings: DesktopSettings, token: &str, kind: Kind) -> Graph {
        RoamTools::save_graph(&self.tools_file(), &entry(token, kind)).unwrap();
        self.graphs(settings).resolve(Some("garden")).unwrap()
    }

    /// The garden, connected as it should be.
    pub(crate) fn garden(&self) -> Graph {
        self.graph(self.settings(), TOKEN, Kind::Hosted)
    }

    pub(crate) fn graphs(&self, settings: DesktopSettings) -> Graphs {
        Connected::new(self.tools_file(), Desktop::new(settings)).into()
    }

    /// A launch that starts Roam here, and a word when it was asked for.
    pub(crate) fn launch(self: &Arc<Self>) -> (Launch, oneshot::Receiver<String>) {
        let (send, word) = oneshot::channel();
        let (send, machine) = (Mutex::new(Some(send)), Arc::clone(self));
        let opener = move |link: &str| {
            let send = send.lock().unwrap().take().expect("the link is opened once");
            let _ = send.send(link.to_owned());
            let machine = Arc::clone(&machine);
            tokio::spawn(async move { machine.start_roam().await });
            Ok(())
        };
        let launch =
            Launch { opener: Some(Arc::new(opener)), budget: Duration::from_secs(20), first: Duration::from_millis(1) };
        (launch, word)
    }
}

pub(crate) fn entry(token: &str, kind: Kind) -> GraphEntry {
    GraphEntry {
        name: "garden".into(),
        kind,
        token: Secret::from(token),
        nickname: "garden".into(),
        access_level: None,
        token_status: None,
    }
}

pub(crate) fn token(text: &str, kind: Kind, level: Level) -> Token {
    Token { secret: Secret::from(text), graph: "garden".into(), kind, level, description: "for a test".into() }
}

fn garden() -> Value {
    json!([{ "title": "Garden", "uid": "gardenpag", "children": [{ "string": "Beds", "uid": "bedsblock" }] }])
}

/// Reads the page of the garden.
pub(crate) async fn read(graph: &Graph) -> Result<Value, GraphError> {
    invoke(graph, Action::GetPage, json!({ "title": "Garden" })).await
}

/// Writes a block into the garden.
pub(crate) async fn write(graph: &Graph) -> Result<Value, GraphError> {
    let location = json!({ "page-title": "Garden", "order": "last" });
    invoke(graph, Action::BlockFromMarkdown, json!({ "location": location, "markdown-string": "Roses" })).await
}

pub(crate) async fn invoke(graph: &Graph, action: Action, argument: Value) -> Result<Value, GraphError> {
    graph.invoke(&permit(graph.name(), action), action, vec![argument]).await
}

fn permit(graph: &str, action: Action) -> Permit {
    let operation = Operation { tool: "test", needs: action.needs(), graph: Some(graph) };
    access::decide(&Policy::default(), &Caller::Admin, &operation).unwrap()
}

/// The code of an error, as it is written.
pub(crate) fn code(error: &GraphError) -> Option<&str> {
    error.code.as_ref().map(ErrorCode::as_str)
}
