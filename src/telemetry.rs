//! Log lines on stderr that never block the program, and a safe place for what others print there.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::ValueEnum;
use jiff::Timestamp;
use serde_json::json;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Lines that wait for a slow reader of stderr; more are dropped, because a log must not stop the server.
const WAITING_LINES: usize = 8192;

/// These tell of every request, every bad handshake and every turn of the node. Who wants that names them in the filter.
const TALKATIVE: &str = "rmcp=error,rustls=error,tailscale=warn";

static OUTPUT: OnceLock<(NonBlocking, Format)> = OnceLock::new();

/// Which lines are written: `directives` is a level (`info`) or more (`info,tailscale=debug`).
///
/// # Errors
/// When they are not understood.
pub fn filter(directives: &str) -> Result<EnvFilter, String> {
    let filter = format!("{TALKATIVE},{directives}").parse();
    filter.map_err(|error| format!("--log-level: `{directives}` is not a log level: {error}"))
}

/// Starts logging to the program's own stderr. Keep the guard until the end: dropping it writes the last lines.
///
/// # Errors
/// When descriptors run out.
pub fn start(filter: EnvFilter, format: Format, redirected: &RedirectedStderr) -> io::Result<WorkerGuard> {
    let stderr = redirected.original.try_clone()?;
    let is_terminal = stderr.is_terminal();
    let (output, guard) = NonBlockingBuilder::default().buffered_lines_limit(WAITING_LINES).finish(stderr);
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(output.clone());
    let started = match format {
        // It heeds `NO_COLOR` (no-color.org).
        Format::Text if is_terminal => subscriber.try_init(),
        Format::Text => subscriber.with_ansi(false).try_init(),
        Format::Json => subscriber.json().try_init(),
    };
    started.map_err(io::Error::other)?;
    // A second start would have failed above.
    drop(OUTPUT.set((output, format)));
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    if let Some(earlier) = &redirected.earlier {
        tracing::warn!("an earlier run crashed; what it said is in {}", earlier.display());
    }
    Ok(guard)
}

/// Records that a tool that writes is about to run, in the form of remote access v1. It is no line of the log, which a
/// level would leave out.
pub fn note_write(tool: &str) {
    if let Some((output, format)) = OUTPUT.get() {
        let line = write_line(tool, Timestamp::now(), *format);
        // The writer only fails to queue a line, and then it counts it as dropped.
        drop(output.clone().write_all(line.as_bytes()));
    }
}

fn write_line(tool: &str, now: Timestamp, format: Format) -> String {
    match format {
        Format::Text => format!("[roam-mcp] WRITE {now} {tool}\n"),
        Format::Json => {
            let fields = json!({ "message": "WRITE", "tool": tool });
            let line = json!({ "timestamp": now, "level": "INFO", "fields": fields, "target": "roam_mcp" });
            format!("{line}\n")
        }
    }
}

/// While it lives, descriptor 2 leads into a file, and the stderr that the program was started with is kept aside.
///
/// A fault in Go prints thousands of lines to descriptor 2, and waits when nobody reads them. In a file they harm nobody
/// and can be sent to whoever mends it.
#[derive(Debug)]
pub struct RedirectedStderr {
    original: File,
    earlier: Option<PathBuf>,
}

impl RedirectedStderr {
    /// Redirects into the file `crash`. What an earlier run left there is kept beside it.
    ///
    /// # Errors
    /// When the file cannot be written or descriptors run out.
    pub fn new(crash: &Path) -> io::Result<Self> {
        let kept = crash.with_extension("previous.log");
        let crashed = crash.metadata().is_ok_and(|left| left.len() > 0);
        if crashed {
            std::fs::rename(crash, &kept)?;
        }
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(crash)?;
        let original = rustix::io::fcntl_dupfd_cloexec(io::stderr(), 3)?;
        rustix::stdio::dup2_stderr(&file)?;
        Ok(Self { original: File::from(original), earlier: crashed.then_some(kept) })
    }
}

impl Drop for RedirectedStderr {
    fn drop(&mut self) {
        // Without it the last message would end up in the file; there is nobody to tell.
        let _ = rustix::stdio::dup2_stderr(&self.original);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_told_in_the_form_of_the_lines_around_it() {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        assert_eq!(write_line("search", now, Format::Text), "[roam-mcp] WRITE 2026-01-01T12:00:00Z search\n");
        let line = write_line("search", now, Format::Json);
        let told: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(line.ends_with("}\n") && told["fields"] == json!({ "message": "WRITE", "tool": "search" }), "{line}");
    }
}
