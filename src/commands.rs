//! One file a command: what was typed in, text and an exit code out.

mod access;
mod audit;
mod call;
mod completions;
mod connect;
mod credentials;
mod funnel;
mod graphs;
mod man;
mod opened;
mod sandbox;
mod status;
mod stdio;
mod tools;
#[cfg(feature = "tailnet")]
mod up;
mod visible;

use std::fmt::Display;
use std::io::{self, Write, stderr, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::CommandFactory;

use crate::admin::AdminError;
use crate::cli::{Cli, Command};
use crate::{config, story, transfer};
use visible::visible;

/// Runs a command to its end.
pub fn run(cli: Cli) -> ExitCode {
    let Some(command) = cli.command else { return uncommanded() };
    let result = match command {
        #[cfg(feature = "tailnet")]
        Command::Up(args) => up::run(*args),
        Command::Stdio(args) => block_on(stdio::run(args)),
        Command::Call(args) => block_on(call::run(args)),
        Command::Tools(args) => tools::run(&args),
        Command::Status(args) => block_on(status::run(args)),
        Command::Credentials(args) => block_on(credentials::run(args)),
        Command::Access(args) => block_on(access::run(args)),
        Command::Funnel(args) => block_on(funnel::run(args)),
        Command::Connect(args) => block_on(connect::run(args)),
        Command::Graphs(args) => block_on(graphs::run(args)),
        Command::Sandbox(args) => block_on(sandbox::run(args)),
        Command::Import(args) => transfer::import(&args, &mut stdout()).map_err(Failure::from_story),
        Command::Export(args) => transfer::export(&args).map_err(Failure::from_story),
        Command::Audit(args) => audit::run(args),
        Command::Completions { shell } => completions::run(shell),
        Command::Man { command } => man::run(&command),
    };
    exit_code(result)
}

/// Without a command: a program at the other end of standard input is served, as by Roam's own server, and a person is
/// told what there is.
fn uncommanded() -> ExitCode {
    if stdio::has_client() {
        // Parsed, because the environment may name a graph.
        return run(Cli::of(["roam-mcp", "stdio"]));
    }
    // Nobody is left to tell that standard error is closed.
    let _ = write!(stderr(), "{}", Cli::command().render_help());
    ExitCode::from(Failure::USAGE)
}

fn exit_code(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { message, code }) => {
            if message.is_empty() {
                return ExitCode::from(code);
            }
            // Nobody is left to tell that standard error is closed.
            let _ = writeln!(stderr(), "roam-mcp: {message}");
            ExitCode::from(code)
        }
    }
}

/// The message for people and the code for scripts.
struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// Something went wrong; the message says what.
    const FAILED: u8 = 1;
    /// What was typed cannot work; the code that clap uses.
    const USAGE: u8 = 2;
    /// The control server refused the credential.
    #[cfg(feature = "tailnet")]
    const REFUSED: u8 = 3;
    /// Another process holds the state directory.
    #[cfg(feature = "tailnet")]
    const IN_USE: u8 = 4;
    /// No node is running, or no Roam Desktop.
    const NOT_RUNNING: u8 = 5;
    /// The audit log is not as it was written.
    const BROKEN: u8 = 6;
    /// What was asked for is not there.
    const NOT_FOUND: u8 = 7;
    /// It may have been done or not, and must be looked after before it is tried again.
    const UNKNOWN: u8 = 8;
    /// Ctrl-C, as shells report it.
    const CANCELLED: u8 = 130;

    /// Whatever there is to say has been said.
    fn told(code: u8) -> Self {
        Self { message: String::new(), code }
    }

    fn with_code(message: impl Display, code: u8) -> Self {
        Self { message: message.to_string(), code }
    }
}

impl Failure {
    fn told_by(error: &(dyn std::error::Error + 'static)) -> Self {
        // Whoever read the output, such as `head`, has had enough.
        if is_broken_pipe(error) { Self::told(0) } else { Self::with_code(story::tell(error), Self::FAILED) }
    }

    /// An error with its story, told in one line.
    #[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
    fn from_story(error: anyhow::Error) -> Self {
        Self::told_by(error.as_ref())
    }
}

/// Any error that needs no code of its own.
impl<E: std::error::Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::told_by(&error)
    }
}

fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    let told = error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
    told || error.source().is_some_and(is_broken_pipe)
}

/// What a running node answered, or why it did not.
fn answer<T>(result: Result<T, AdminError>) -> Result<T, Failure> {
    result.map_err(|error| match error {
        AdminError::NotRunning { .. } => Failure::with_code(error, Failure::NOT_RUNNING),
        error => error.into(),
    })
}

/// The state directory that was named, or the usual one.
fn state_dir(named: Option<PathBuf>) -> Result<PathBuf, Failure> {
    Ok(named.map_or_else(config::default_state_dir, Ok)?)
}

/// Writes what is odd about the person's files to standard error. What happens with Roam is told by the command itself.
fn show_warnings() {
    let log = tracing_subscriber::fmt().with_env_filter("roam_mcp::config=warn").with_writer(stderr);
    // Fails when there is a log already, and then that one will do.
    let _ = log.without_time().with_target(false).with_ansi(false).try_init();
}

fn block_on(future: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)
}
