//! The program under test, as a child process.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus};
use std::sync::Mutex;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::sync::watch;

use super::{PATIENCE, eventually, secrets};

/// A running process. Killed when dropped, and when the test process dies in whatever way.
pub(crate) struct Process {
    pub(super) child: Mutex<Child>,
    /// Waits for the end of its standard input, which comes with the end of the test process, kills the child and
    /// removes its home.
    pub(super) guard: Mutex<Child>,
    pub(super) pid: u32,
    /// Where its home and its state directory are.
    pub(super) dir: PathBuf,
    /// Whether it was asked to print secrets.
    pub(super) shows_secrets: bool,
    pub(super) state_dir: PathBuf,
    pub(super) stdout: watch::Receiver<String>,
    pub(super) stderr: watch::Receiver<String>,
    pub(super) unread: Mutex<Option<ChildStderr>>,
}

/// A process that has ended.
#[derive(Debug)]
pub(crate) struct Exit {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program itself.
pub(crate) fn roam_mcp() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roam-mcp"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("COLUMNS", "100");
    command
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
            self.try_status().filter(|status| status["serving"] == true)
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
        let text = String::from_utf8_lossy(&text).into_owned();
        secrets::assert_kept(&self.dir, &[("standard error", &text)]);
        text
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
        // A test that has failed has said why.
        if !std::thread::panicking() {
            let (stdout, stderr) = (self.stdout(), self.stderr());
            let stdout = if self.shows_secrets { "" } else { stdout.as_str() };
            secrets::assert_kept(&self.dir, &[("standard output", stdout), ("standard error", &stderr)]);
        }
    }
}

/// Reads a pipe to its end.
pub(super) fn collect(mut pipe: impl Read + Send + 'static) -> watch::Receiver<String> {
    let (sender, receiver) = watch::channel(String::new());
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = pipe.read(&mut buffer) {
            sender.send_modify(|text| text.push_str(&String::from_utf8_lossy(&buffer[..read])));
        }
    });
    receiver
}
