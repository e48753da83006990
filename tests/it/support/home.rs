//! Where a node lives, and how it is started there.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;

use super::PATIENCE;
use super::node::Node;
use super::process::{Exit, Process, collect, roam_mcp};
use super::secrets;
use super::tailnet::tailnet;

/// A small graph: enough to search in, quick to load.
const EXPORT: &str = include_str!("notes.json");

/// Tests that share a node, or load one, are more than its limits are made for.
pub(crate) const UNLIMITED: &str =
    "[limits]\nper_minute = 1000000\nburst = 1000000\nconcurrent = 10000\nstrangers_per_minute = 1000000\n";

/// How to start a node. The directories stay, so that a node can be started again where an earlier one was.
pub(crate) struct Home {
    dir: TempDir,
    pub(crate) hostname: String,
}

/// What differs between starts.
pub(crate) struct Start<'a> {
    home: &'a Home,
    command: Command,
    stderr: Stderr,
    stdout: Stdout,
}

/// What becomes of standard output.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stdout {
    Collected,
    Closed,
    Terminal,
}

/// What becomes of standard error.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stderr {
    Collected,
    Unread,
}

impl Home {
    /// A home for a node of that host name, which must be the test's own: the tailnet's policy goes by it.
    pub(crate) fn new(hostname: &str) -> Self {
        let home = Self { dir: TempDir::new().unwrap(), hostname: hostname.to_owned() };
        std::fs::create_dir(home.path("home")).unwrap();
        std::fs::write(home.path("notes.json"), EXPORT).unwrap();
        home.config(UNLIMITED);
        home
    }

    /// Writes the user's `config.toml`.
    pub(crate) fn config(&self, text: &str) {
        let dir = self.path("home/.config/roam-mcp");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("config.toml"), text).unwrap();
    }

    pub(crate) fn path(&self, inner: &str) -> PathBuf {
        self.dir.path().join(inner)
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.path("state")
    }

    /// `roam-mcp` with this home, and without anything of the environment that could change it.
    pub(crate) fn command(&self) -> Command {
        let mut command = roam_mcp();
        command.env("HOME", self.path("home")).env("ROAM_MCP_STATE_DIR", self.state_dir());
        command
    }

    /// `roam-mcp up` with the tailnet's reusable key.
    pub(crate) fn up(&self) -> Start<'_> {
        let tailnet = tailnet();
        let mut command = self.command();
        command
            .arg("up")
            .args(["--hostname", &self.hostname])
            .args(["--control-url", &tailnet.control])
            .arg("--graph")
            .arg(self.path("notes.json"))
            .envs(&tailnet.env)
            .env("ROAM_MCP_TAILNET_RESOLVER", &tailnet.resolver)
            .env("TS_AUTHKEY", &tailnet.auth_key);
        Start { home: self, command, stderr: Stderr::Collected, stdout: Stdout::Collected }
    }

    /// Starts a node with everything as it is by default.
    pub(crate) async fn node(&self) -> Node {
        self.up().node().await
    }

    /// Makes a credential with `roam-mcp credentials add`; its bearer token.
    pub(crate) fn add_bearer(&self, args: &[&str]) -> String {
        let output = self.command().args(["credentials", "add"]).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        let shown = String::from_utf8(output.stdout).unwrap();
        let token = shown.lines().next().unwrap().rsplit(' ').next().unwrap().to_owned();
        secrets::made(&token);
        token
    }

    /// Runs `roam-mcp` beside the node; what it printed, in which no secret may be.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let output = self.command().args(args).output().unwrap();
        secrets::assert_absent(&format!("the output of {args:?}"), &output.stdout);
        secrets::assert_absent(&format!("the errors of {args:?}"), &output.stderr);
        output
    }

    /// The `http` section of the official tools' file.
    fn credentials(&self) -> (String, String) {
        let file: Value = serde_json::from_slice(&std::fs::read(self.path("home/.roam-tools.json")).unwrap()).unwrap();
        let text = |key: &str| file["http"][key].as_str().unwrap_or_default().to_owned();
        (text("token"), text("pathSecret"))
    }
}

impl Start<'_> {
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        if matches!(name, "ROAM_MCP_TOKEN" | "ROAM_MCP_SECRET") {
            secrets::made(value);
        }
        self.command.env(name, value);
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.env("TS_AUTHKEY", key)
    }

    pub(crate) fn without_key(mut self) -> Self {
        self.command.env_remove("TS_AUTHKEY");
        self
    }

    /// Another way to the control server.
    pub(crate) fn control(self, url: &str) -> Self {
        self.instead(&tailnet().control, url.as_ref())
    }

    /// Another graph.
    pub(crate) fn graph(self, path: &Path) -> Self {
        let notes = self.home.path("notes.json");
        self.instead(notes, path.as_ref())
    }

    /// The same command with one argument exchanged: clap takes each option once.
    fn instead(mut self, argument: impl AsRef<OsStr>, other: &OsStr) -> Self {
        let mut command = Command::new(self.command.get_program());
        command.env_clear().envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.args(self.command.get_args().map(|known| if known == argument.as_ref() { other } else { known }));
        self.command = command;
        self
    }

    /// Leaves standard error a pipe that nobody reads, as a careless supervisor does.
    pub(crate) fn stderr_unread(mut self) -> Self {
        self.stderr = Stderr::Unread;
        self
    }

    /// Closes the reading end of standard output at once.
    pub(crate) fn stdout_closed(mut self) -> Self {
        self.stdout = Stdout::Closed;
        self
    }

    /// Shows standard output on a terminal.
    pub(crate) fn on_terminal(mut self) -> Self {
        self.stdout = Stdout::Terminal;
        self.env("TERM", "xterm")
    }

    /// Starts the process and waits for nothing.
    pub(crate) fn process(mut self) -> Process {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let screen = (self.stdout == Stdout::Terminal).then(|| {
            let (screen, program) = terminal();
            self.command.stdout(program);
            screen
        });
        let mut child = self.command.spawn().unwrap();
        let pid = child.id();
        let guard = Command::new("sh")
            .args(["-c", r#"read -r _; kill -KILL "$1"; rm -rf "$2""#, "sh", &pid.to_string()])
            .arg(self.home.dir.path())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = match (self.stdout, child.stdout.take(), screen) {
            (Stdout::Collected, Some(pipe), _) => collect(pipe),
            (Stdout::Terminal, _, Some(screen)) => collect(screen),
            _ => watch::channel(String::new()).1,
        };
        let pipe = child.stderr.take().unwrap();
        let (stderr, unread) = match self.stderr {
            Stderr::Collected => (collect(pipe), None),
            Stderr::Unread => (watch::channel(String::new()).1, Some(pipe)),
        };
        Process {
            child: Mutex::new(child),
            guard: Mutex::new(guard),
            pid,
            dir: self.home.dir.path().to_owned(),
            shows_secrets: self.command.get_args().any(|arg| arg == "--show-secrets"),
            state_dir: self.home.state_dir(),
            stdout,
            stderr,
            unread: Mutex::new(unread),
        }
    }

    /// Starts the process and waits until it serves.
    pub(crate) async fn node(self) -> Node {
        let (home, card) = (self.home, self.stdout != Stdout::Closed);
        let process = self.process();
        let status = process.serving().await;
        if card {
            // The last line that every start card has; its reader may be behind the admin socket.
            process.prints("claude mcp add").await;
        }
        let (token, path_secret) = home.credentials();
        secrets::made(&token);
        secrets::made(&path_secret);
        Node {
            hostname: home.hostname.clone(),
            name: status["node"]["name"].as_str().unwrap().to_owned(),
            addresses: serde_json::from_value(status["node"]["addresses"].clone()).unwrap(),
            token,
            path_secret,
            process,
        }
    }

    /// Starts the process and waits for its end.
    pub(crate) async fn exit(self) -> Exit {
        let process = self.process();
        let code = process.exited(PATIENCE).await.code();
        Exit { code, stdout: process.stdout(), stderr: process.stderr() }
    }
}

/// A terminal: what shows on it, and the end that a program writes to.
fn terminal() -> (File, File) {
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&screen).unwrap();
    unlockpt(&screen).unwrap();
    tcsetwinsize(&screen, Winsize { ws_row: 50, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let name = ptsname(&screen, Vec::new()).unwrap().into_string().unwrap();
    (File::from(screen), OpenOptions::new().read(true).write(true).open(name).unwrap())
}

/// The mode of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().unwrap().permissions().mode() & 0o777
}
