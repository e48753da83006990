//! The program under test, as a child process with a home and a state directory of its own.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{OnceCell, watch};

use super::client::{Client, Scheme};
use super::tailnet::{OWNER, tailnet};
use super::{PATIENCE, eventually};

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
    stdout_closed: bool,
}

/// What becomes of standard error.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stderr {
    Collected,
    Unread,
}

/// A running process. Killed when dropped, and when the test process dies in whatever way.
pub(crate) struct Process {
    child: Mutex<Child>,
    /// Waits for the end of its standard input, which comes with the end of the test process, kills the child and
    /// removes its home.
    guard: Mutex<Child>,
    pid: u32,
    state_dir: PathBuf,
    stdout: watch::Receiver<String>,
    stderr: watch::Receiver<String>,
    unread: Mutex<Option<ChildStderr>>,
}

/// A process that serves.
pub(crate) struct Node {
    pub(crate) process: Process,
    pub(crate) hostname: String,
    /// The name that the control server gave.
    pub(crate) name: String,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) token: String,
    pub(crate) path_secret: String,
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
        Start { home: self, command, stderr: Stderr::Collected, stdout_closed: false }
    }

    /// Starts a node with everything as it is by default.
    pub(crate) async fn node(&self) -> Node {
        self.up().node().await
    }

    /// The `http` section of the official tools' file.
    fn credentials(&self) -> (String, String) {
        let file: Value = serde_json::from_slice(&std::fs::read(self.path("home/.roam-tools.json")).unwrap()).unwrap();
        let text = |key: &str| file["http"][key].as_str().unwrap_or_default().to_owned();
        (text("token"), text("pathSecret"))
    }
}

/// The program itself.
pub(crate) fn roam_mcp() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roam-mcp"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("COLUMNS", "100");
    command
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
        self.stdout_closed = true;
        self
    }

    /// Starts the process and waits for nothing.
    pub(crate) fn process(mut self) -> Process {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        let pid = child.id();
        let guard = Command::new("sh")
            .args(["-c", r#"read -r _; kill -KILL "$1"; rm -rf "$2""#, "sh", &pid.to_string()])
            .arg(self.home.dir.path())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let stdout = if self.stdout_closed { watch::channel(String::new()).1 } else { collect(stdout) };
        let pipe = child.stderr.take().unwrap();
        let (stderr, unread) = match self.stderr {
            Stderr::Collected => (collect(pipe), None),
            Stderr::Unread => (watch::channel(String::new()).1, Some(pipe)),
        };
        Process {
            child: Mutex::new(child),
            guard: Mutex::new(guard),
            pid,
            state_dir: self.home.state_dir(),
            stdout,
            stderr,
            unread: Mutex::new(unread),
        }
    }

    /// Starts the process and waits until it serves.
    pub(crate) async fn node(self) -> Node {
        let (home, card) = (self.home, !self.stdout_closed);
        let process = self.process();
        let status = process.serving().await;
        if card {
            // The last line that every start card has; its reader may be behind the admin socket.
            process.prints("claude mcp add").await;
        }
        let (token, path_secret) = home.credentials();
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

/// A process that has ended.
#[derive(Debug)]
pub(crate) struct Exit {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Process {
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn stdout(&self) -> String {
        self.stdout.borrow().clone()
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.borrow().clone()
    }

    /// Waits until standard output contains `text`.
    pub(crate) async fn prints(&self, text: &str) -> String {
        self.output(self.stdout.clone(), text).await
    }

    /// Waits until standard error contains `text`.
    pub(crate) async fn logs(&self, text: &str) -> String {
        self.output(self.stderr.clone(), text).await
    }

    async fn output(&self, mut output: watch::Receiver<String>, text: &str) -> String {
        let found = tokio::time::timeout(PATIENCE, output.wait_for(|output| output.contains(text))).await;
        match found {
            Ok(Ok(output)) => output.clone(),
            _ => panic!("{text:?} was not printed\n--- stdout\n{}--- stderr\n{}", self.stdout(), self.stderr()),
        }
    }

    /// The report of the admin socket, if it answers.
    pub(crate) fn try_status(&self) -> Option<Value> {
        let mut socket = UnixStream::connect(self.state_dir.join("admin.sock")).ok()?;
        socket.set_read_timeout(Some(PATIENCE)).ok()?;
        socket.write_all(b"GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
        let mut reply = String::new();
        socket.read_to_string(&mut reply).ok()?;
        serde_json::from_str(reply.split_once("\r\n\r\n")?.1).ok()
    }

    pub(crate) fn status(&self) -> Value {
        self.try_status().unwrap_or_else(|| panic!("no status\n--- stderr\n{}", self.stderr()))
    }

    /// Waits until the status is as wanted.
    pub(crate) async fn status_is(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let waited = eventually(what, async || {
            last = self.try_status()?;
            wanted(&last).then(|| last.clone())
        });
        match tokio::time::timeout(PATIENCE - Duration::from_millis(100), waited).await {
            Ok(status) => status,
            Err(_) => panic!("{what}: {:#}\n--- stderr\n{}", self.try_status().unwrap_or_default(), self.stderr()),
        }
    }

    /// Waits until the start is over.
    pub(crate) async fn serving(&self) -> Value {
        eventually("the node serves", async || {
            if let Some(status) = self.child.lock().unwrap().try_wait().unwrap() {
                // The readers may be a moment behind.
                panic!("it ended: {status}\n--- stdout\n{}--- stderr\n{}", self.stdout(), self.stderr());
            }
            self.try_status()
        })
        .await
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid.try_into().unwrap()).unwrap(), signal).unwrap();
    }

    pub(crate) fn is_running(&self) -> bool {
        self.child.lock().unwrap().try_wait().unwrap().is_none()
    }

    /// Waits for the end, and for the last of what it printed.
    pub(crate) async fn exited(&self, deadline: Duration) -> ExitStatus {
        let ended = tokio::time::timeout(deadline, async {
            let status = eventually("the process ends", async || self.child.lock().unwrap().try_wait().unwrap()).await;
            for output in [&self.stdout, &self.stderr] {
                // The sender goes when the pipe has ended.
                let _ = output.clone().wait_for(|_| false).await;
            }
            status
        });
        ended.await.unwrap_or_else(|_| panic!("it did not end within {deadline:?}\n--- stderr\n{}", self.stderr()))
    }

    /// Asks it to stop, and returns how it ended.
    pub(crate) async fn stop(&self, deadline: Duration) -> ExitStatus {
        self.signal(Signal::TERM);
        self.exited(deadline).await
    }

    /// Stops it without a word, as a power cut does.
    pub(crate) async fn kill(&self) {
        self.signal(Signal::KILL);
        self.exited(PATIENCE).await;
    }

    /// Numbers of the threads of the process, with their names.
    pub(crate) fn threads(&self) -> Vec<(u32, String)> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid)).unwrap();
        tasks
            .filter_map(|task| {
                let path = task.unwrap().path();
                let name = std::fs::read_to_string(path.join("comm")).ok()?;
                Some((path.file_name()?.to_str()?.parse().ok()?, name.trim().to_owned()))
            })
            .collect()
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid)).unwrap().count()
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Reads what an unread standard error holds, to its end.
    pub(crate) fn read_stderr_now(&self) -> String {
        let mut text = Vec::new();
        self.unread.lock().unwrap().take().unwrap().read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The guard first: it must not outlive the process whose number it knows.
        for child in [&self.guard, &self.child] {
            let mut child = child.lock().unwrap();
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Node {
    /// A node that many tests share, because they change nothing about it but its graph.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<(Home, Node)> = OnceCell::const_new();
        let start = async || {
            let home = Home::new("shared");
            let node = home.node().await;
            (home, node)
        };
        &SHARED.get_or_init(start).await.1
    }

    /// The owner, on a device of theirs.
    pub(crate) async fn owner(&self) -> Client {
        self.user(OWNER).await
    }

    /// A user of the tailnet, on a device of theirs.
    pub(crate) async fn user(&self, login: &str) -> Client {
        self.client(&tailnet().forward(login, &self.target(443)).await)
    }

    /// A node with a tag.
    pub(crate) async fn tagged(&self, tag: &str) -> Client {
        self.client(&tailnet().forward_tagged(tag, &self.target(443)).await)
    }

    /// The owner, by plain HTTP.
    pub(crate) async fn owner_plain(&self) -> Client {
        Client::new(&tailnet().forward(OWNER, &self.target(80)).await, &self.name, Scheme::Plain)
    }

    /// Somebody on the public internet.
    pub(crate) fn public(&self) -> Client {
        self.client(&tailnet().public)
    }

    /// Somebody on the public internet at that address.
    pub(crate) async fn public_from(&self, source: &str) -> Client {
        self.client(&tailnet().public_from(source, 443).await)
    }

    /// The path that opens the public door.
    pub(crate) fn secret_path(&self) -> String {
        format!("/{}/mcp", self.path_secret)
    }

    fn client(&self, address: &str) -> Client {
        Client::new(address, &self.name, Scheme::Http1)
    }

    /// By address, because that works without a control server too.
    fn target(&self, port: u16) -> String {
        format!("{}:{port}", self.addresses[0])
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> watch::Receiver<String> {
    let (sender, receiver) = watch::channel(String::new());
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = pipe.read(&mut buffer) {
            sender.send_modify(|text| text.push_str(&String::from_utf8_lossy(&buffer[..read])));
        }
    });
    receiver
}

/// The mode of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().unwrap().permissions().mode() & 0o777
}
