//! The program: parse, start the log, run, exit code.

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use roam_mcp::admin::{self, AdminError};
use roam_mcp::cli::{Cli, Command, StatusArgs};
use roam_mcp::{config, report, transfer};

/// Something failed; the message on stderr says what.
const FAILED: u8 = 1;
/// No node is running.
const NOT_RUNNING: u8 = 5;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        #[cfg(feature = "tailnet")]
        Command::Up(args) => up::run(*args),
        Command::Status(args) => block_on(status(args)),
        Command::Import(args) => {
            transfer::import(&args, &mut stdout()).map_err(|error| Failure::new(format!("{error:#}"), FAILED))
        }
        Command::Export(args) => transfer::export(&args).map_err(|error| Failure::new(format!("{error:#}"), FAILED)),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "roam-mcp", &mut stdout());
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { message, code }) => {
            // Nobody is left to tell that standard error is closed.
            let _ = writeln!(std::io::stderr(), "roam-mcp: {message}");
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
    fn new(message: impl ToString, code: u8) -> Self {
        Self { message: message.to_string(), code }
    }
}

async fn status(args: StatusArgs) -> Result<(), Failure> {
    let dir = match args.state_dir {
        Some(dir) => dir,
        None => config::default_state_dir().map_err(|error| Failure::new(error, FAILED))?,
    };
    let report = admin::fetch_report(&dir, args.show_secrets).await.map_err(|error| match error {
        AdminError::NotRunning { .. } => Failure::new(error, NOT_RUNNING),
        _ => Failure::new(error, FAILED),
    })?;
    let text = if args.json { format!("{:#}", serde_json::json!(report)) } else { report::status_card(&report) };
    writeln!(stdout(), "{text}").map_err(|error| Failure::new(error, FAILED))
}

fn block_on(future: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(future),
        Err(error) => Err(Failure::new(error, FAILED)),
    }
}

#[cfg(feature = "tailnet")]
mod up {
    use std::time::Duration;

    use roam_mcp::app::{self, Settings, StateDir, StateDirError, UpError};
    use roam_mcp::cli::UpArgs;
    use roam_mcp::{config, telemetry};

    use super::{FAILED, Failure};

    /// What was typed cannot work; the code that clap uses.
    const USAGE: u8 = 2;
    /// The control server refused the credential.
    const REFUSED: u8 = 3;
    /// Another process holds the state directory.
    const IN_USE: u8 = 4;
    /// More threads only pass work around: connections are woken by Go, and heavy work runs on threads of its own.
    const WORKERS: usize = 2;

    pub(super) fn run(args: UpArgs) -> Result<(), Failure> {
        let dir = args
            .state_dir
            .clone()
            .map_or_else(config::default_state_dir, Ok)
            .map_err(|error| Failure::new(error, FAILED))?;
        let (filter, format) = (args.log.log_level.clone(), args.log.log_format);
        let state = StateDir::open(&dir).map_err(|error| failure(&error.into()))?;
        let settings = Settings::new(args, &state).map_err(|error| failure(&error))?;

        let stderr =
            telemetry::RedirectedStderr::new(&state.crash_log()).map_err(|error| Failure::new(error, FAILED))?;
        let _log = telemetry::start(&filter, format, &stderr).map_err(|error| Failure::new(error, USAGE))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_all()
            .build()
            .map_err(|error| Failure::new(error, FAILED))?;
        let result = runtime.block_on(app::up(settings, state));
        // A query that still runs on a blocking thread must not hold up the end.
        runtime.shutdown_timeout(Duration::from_secs(1));
        result.map_err(|error| failure(&error))
    }

    fn failure(error: &UpError) -> Failure {
        let code = match error {
            UpError::Refused(_) => REFUSED,
            UpError::StateDir(StateDirError::InUse { .. }) => IN_USE,
            UpError::StateDir(StateDirError::Unusable { .. }) | UpError::Other(_) => FAILED,
        };
        Failure::new(error, code)
    }
}
