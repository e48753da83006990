//! The program itself, run by the person at the machine: with flags, or on a terminal.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use tokio::sync::watch;
use tokio::time::timeout;

/// Longer than anything here takes on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The program, in an environment of its own.
pub(crate) fn command(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roam-mcp"));
    command.env_clear().env("HOME", home).env("TERM", "xterm").args(args);
    command
}

/// Runs the program to its end, with `input` on standard input.
pub(crate) async fn run(home: &Path, args: &[&str], input: &str) -> Outcome {
    let (mut command, input) = (command(home, args), input.to_owned());
    let run = move || {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A program that does not want it may be gone by now.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Outcome { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// The program on a terminal.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: watch::Receiver<String>,
    read: usize,
}

impl Terminal {
    pub(crate) fn run(home: &Path, args: &[&str]) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        tcsetwinsize(&keyboard, Winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let other_end = || OpenOptions::new().read(true).write(true).open(path).unwrap();
        let child = command(home, args).stdin(other_end()).stdout(other_end()).stderr(other_end()).spawn().unwrap();

        let keyboard = File::from(keyboard);
        let mut eye = keyboard.try_clone().unwrap();
        let (send, screen) = watch::channel(String::new());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Ends with an error when the last other end is closed, as terminals do.
            while let Ok(length @ 1..) = eye.read(&mut buffer) {
                send.send_modify(|screen| screen.push_str(&String::from_utf8_lossy(&buffer[..length])));
            }
        });
        Self { child, keyboard, screen, read: 0 }
    }

    /// Waits until `text` shows after what was seen before.
    pub(crate) async fn shows(&mut self, text: &str) {
        let from = self.read;
        let shown = timeout(PATIENCE, self.screen.wait_for(|screen| screen[from..].contains(text))).await;
        let at = shown.ok().and_then(Result::ok).and_then(|screen| screen[from..].find(text));
        let end = at.map(|at| from + at + text.len());
        self.read = end.unwrap_or_else(|| panic!("{text:?} does not show: {:?}", &self.screen.borrow()[from..]));
    }

    pub(crate) fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the program takes key by key what is typed: before that, the terminal would make a signal of Ctrl-C.
    pub(crate) async fn takes_keys(&self) {
        let taken = async {
            while tcgetattr(&self.keyboard).unwrap().local_modes.contains(LocalModes::ICANON) {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, taken).await.unwrap();
    }

    /// What Ctrl-C does where the terminal is not in raw mode.
    pub(crate) fn interrupt(&self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    pub(crate) async fn ends(mut self) -> Option<i32> {
        tokio::task::spawn_blocking(move || self.child.wait().unwrap().code()).await.unwrap()
    }
}
