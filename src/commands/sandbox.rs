//! `roam-mcp sandbox`: graphs in, a listener on loopback, and a person or a flag that allows tokens.

use std::io::{self, BufRead, IsTerminal, Write, stderr, stdin, stdout};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::{Failure, opened};
use crate::access::Level;
use crate::cli::{Approve, SandboxArgs};
use crate::config::{self, ConfigError, Kind, TOKEN_PREFIX};
use crate::graph::{Embedded, Existing, Graph};
use crate::net::{Limits, Server};
use crate::sandbox::{Answer, Approver, Asked, DIALOG, Offered, Sandbox, Token, no_one};
use crate::secret::Secret;

/// Requests in flight at the end have this long.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves the Local API until SIGINT or SIGTERM.
pub(super) async fn run(args: SandboxArgs) -> Result<(), Failure> {
    let scratch = TempDir::with_prefix("roam-mcp-sandbox-")?;
    let kind = if args.offline { Kind::Offline } else { Kind::Hosted };
    let mut graphs = Vec::new();
    for file in &args.graph {
        graphs.push(Offered { graph: open(file, scratch.path(), args.role.into())?, kind });
    }
    let tokens = tokens(&args)?;
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await.map_err(|error| port_taken(args.port, &error))?;
    let port = listener.local_addr()?.port();

    let sandbox = Sandbox::new(graphs.clone(), approver(args.approve, args.access_level.into()), DIALOG);
    for offered in &graphs {
        for secret in &tokens {
            sandbox.admit(Token {
                secret: secret.clone(),
                graph: offered.graph.name().to_owned(),
                kind,
                level: args.access_level.into(),
                description: "from the command line".into(),
            });
        }
    }
    let port_file = PortFile::write(args.write_port_file.as_ref(), port)?;
    writeln!(stdout(), "{}", card(port, &graphs, &tokens, port_file.as_ref()))?;

    let (server, stop) = (Server::new(Limits::default()), stop_token()?);
    server.serve(listener, None, sandbox.router(), stop).await;
    server.drain(DRAIN).await;
    Ok(())
}

fn port_taken(port: u16, error: &io::Error) -> Failure {
    let advice = "Roam Desktop itself may be running, so choose another --port";
    Failure::with_code(format!("cannot listen on 127.0.0.1:{port}: {error}; {advice}"), Failure::FAILED)
}

/// Opens a graph. An export is loaded into `scratch`, and what is done to it is forgotten at the end.
fn open(file: &Path, scratch: &Path, role: Level) -> Result<Graph, Failure> {
    let name = opened::name_of(file)?;
    let store = if file.extension().is_some_and(|extension| extension == "sqlite") {
        Embedded::open(file)?
    } else {
        let database = scratch.join(format!("{name}.sqlite"));
        if database.exists() {
            let problem = format!("two files make a graph called {name:?}; rename one of them");
            return Err(ConfigError::Invalid { setting: "--graph", problem }.into());
        }
        Embedded::import(file, &database, Existing::Keep, |_| {})?;
        Embedded::open(&database)?
    };
    Ok(Graph::embedded(&name, name.to_lowercase(), role, store))
}

/// The tokens to take from the start: those that were given, or a new one.
fn tokens(args: &SandboxArgs) -> Result<Vec<Secret>, Failure> {
    if let Some(wrong) = args.token.iter().find(|token| !token.starts_with(TOKEN_PREFIX)) {
        let shown: String = wrong.chars().take(4).collect();
        let problem = format!("`{shown}…` is no token of the Local API; those begin with {TOKEN_PREFIX}");
        return Err(ConfigError::Invalid { setting: "--token", problem }.into());
    }
    if args.token.is_empty() {
        let random = Secret::random(16).map_err(io::Error::other)?;
        return Ok(vec![Secret::from(format!("{TOKEN_PREFIX}{}", random.expose()))]);
    }
    Ok(args.token.iter().map(|token| Secret::from(token.as_str())).collect())
}

fn card(port: u16, graphs: &[Offered], tokens: &[Secret], port_file: Option<&PortFile>) -> String {
    let names: Vec<String> = graphs.iter().map(|it| format!("{} ({})", it.graph.name(), it.kind)).collect();
    let mut card = format!("Local API on http://127.0.0.1:{port}\nGraphs    {}", names.join(", "));
    for token in tokens {
        card.push_str(&format!("\nToken     {}", token.expose()));
    }
    card.push_str(&match port_file {
        Some(file) => format!("\nPort file {}", file.path.display()),
        None => "\nNo port file was written; `--write-port-file` makes other Roam tools find this".to_owned(),
    });
    card
}

/// The file by which other tools find the sandbox; taken away at the end, if it is still about this one.
struct PortFile {
    path: PathBuf,
    port: u16,
}

impl PortFile {
    fn write(asked: Option<&Option<PathBuf>>, port: u16) -> Result<Option<Self>, ConfigError> {
        let Some(path) = asked else { return Ok(None) };
        let path = path.clone().map_or_else(config::roam_port_path, Ok)?;
        config::write_roam_port(&path, port)?;
        Ok(Some(Self { path, port }))
    }
}

impl Drop for PortFile {
    fn drop(&mut self) {
        let said = std::fs::read(&self.path).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        let ours = said.is_some_and(|said| said["port"] == self.port);
        if ours {
            // It would only name a port that nobody listens on.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn approver(approve: Approve, most: Level) -> Approver {
    match approve {
        Approve::Always => Arc::new(move |asked| Box::pin(async move { Answer::Allow(asked.level.min(most)) })),
        Approve::Ask if stdin().is_terminal() => terminal(most),
        Approve::Ask | Approve::Never => no_one(),
    }
}

/// Asks on the terminal, one request at a time.
fn terminal(most: Level) -> Approver {
    let (send, lines) = mpsc::unbounded_channel();
    // Standard input cannot be waited for and given up; a thread reads it, and whoever asks takes what comes next.
    std::thread::spawn(move || stdin().lock().lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    let lines = Arc::new(Mutex::new(lines));
    Arc::new(move |asked| {
        let lines = Arc::clone(&lines);
        Box::pin(async move { ask(&mut *lines.lock().await, &asked, most).await })
    })
}

async fn ask(lines: &mut mpsc::UnboundedReceiver<String>, asked: &Asked, most: Level) -> Answer {
    // What was typed before the question is no answer to it.
    while lines.try_recv().is_ok() {}
    let level = asked.level.min(most);
    let _ = write!(
        stderr(),
        "\n{:?} asks for {level} access to {} ({}).\nAllow? [y]es, [n]o, ne[v]er: ",
        asked.description,
        asked.graph,
        asked.kind
    );
    match lines.recv().await.unwrap_or_default().trim().to_lowercase().as_str() {
        "y" | "yes" => Answer::Allow(level),
        "v" | "never" => Answer::Block,
        _ => Answer::Deny,
    }
}

fn stop_token() -> io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        token.cancel();
    });
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_file_is_taken_away_only_while_it_is_about_this_sandbox() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("port.json");
        let written = || PortFile::write(Some(&Some(path.clone())), 3334).unwrap();
        drop(written());
        assert!(!path.exists());
        for other in ["{\"port\":33340}", "{\"port\":3333,\"pid\":3334}", "3334"] {
            let file = written();
            std::fs::write(&path, other).unwrap();
            drop(file);
            assert!(path.exists(), "{other}");
        }
    }
}
