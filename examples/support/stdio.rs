//! The two processes that `bench_stdio` measures: the program as a client's own server, and the stand-in for Roam Desktop.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

const TOKEN: &str = "roam-graph-local-token-bench";

/// The first thing that a client says.
pub(crate) fn initialize() -> Value {
    let params = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "bench", "version": "1" } });
    json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params })
}

/// A home directory in which the graph of the stand-in is connected.
pub(crate) struct Home(tempfile::TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        let graph = json!({ "name": "garden", "nickname": "garden", "token": TOKEN });
        let text = json!({ "version": 1, "graphs": [graph] }).to_string();
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(home.tools_file()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        home
    }

    pub(crate) fn tools_file(&self) -> PathBuf {
        self.0.path().join(".roam-tools.json")
    }

    pub(crate) fn port_file(&self) -> PathBuf {
        self.0.path().join(".roam-local-api.json")
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.0.path()).stderr(Stdio::inherit());
        command
    }
}

/// A process that ends with its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `roam-mcp stdio`.
pub(crate) struct Server {
    process: Process,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Server {
    pub(crate) fn start(program: &Path, home: &Home) -> Self {
        let mut command = home.command(program);
        let mut child = command.arg("stdio").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { process: Process(child), input, output }
    }

    /// Sends a request, and waits for the answer.
    pub(crate) fn ask(&mut self, request: &Value) -> String {
        self.input.write_all(format!("{request}\n").as_bytes()).unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }

    /// What it holds of the machine's memory now, where `/proc` tells.
    pub(crate) fn resident_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }
}

/// `roam-mcp sandbox`, with a connection to it.
pub(crate) struct StandIn {
    connection: BufReader<TcpStream>,
    search: Vec<u8>,
    /// Open until the end: the stand-in goes on printing.
    _card: Lines<BufReader<ChildStdout>>,
    _process: Process,
}

impl StandIn {
    pub(crate) fn start(program: &Path, home: &Home) -> Self {
        let mut command = home.command(program);
        command.args(["sandbox", "--graph", "docs/garden.json", "--port", "0", "--token", TOKEN, "--write-port-file"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut card = BufReader::new(child.stdout.take().unwrap()).lines();
        // Once it has said where it is, it can be asked.
        let port = card.find_map(|line| line.unwrap().rsplit_once("127.0.0.1:").map(|(_, port)| port.parse().unwrap()));
        let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port.unwrap())).unwrap();
        connection.set_nodelay(true).unwrap();
        // What the tool `search` makes of a query.
        let body = json!({
            "action": "data.ai.search",
            "args": [{ "query": "soil", "scope": "all", "offset": 0, "limit": 20, "includePath": true }],
            "expectedApiVersion": "1.1.5",
        })
        .to_string();
        let head = format!(
            "POST /api/garden HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {TOKEN}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Self {
            connection: BufReader::new(connection),
            search: (head + &body).into_bytes(),
            _card: card,
            _process: Process(child),
        }
    }

    /// Asks the same as the tool, and reads the whole answer.
    pub(crate) fn search(&mut self) -> Vec<u8> {
        self.connection.get_mut().write_all(&self.search).unwrap();
        let (mut length, mut line) = (0, String::new());
        while line != "\r\n" {
            line.clear();
            self.connection.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.connection.read_exact(&mut body).unwrap();
        body
    }
}
