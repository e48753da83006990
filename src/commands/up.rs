//! `roam-mcp up`.

use std::time::Duration;

use super::{Failure, state_dir};
use rustix::fs::Mode;

use crate::app::{self, Settings, StateDir, StateDirError, UpError};
use crate::cli::UpArgs;
use crate::config::ConfigError;
use crate::telemetry;

/// More threads only pass work around: connections are woken by Go, and heavy work runs on threads of its own.
const WORKERS: usize = 2;

pub(super) fn run(args: UpArgs) -> Result<(), Failure> {
    let dir = state_dir(args.state_dir.clone())?;
    // What was typed first: a mistake there leaves nothing behind.
    let filter = telemetry::filter(args.log.level()).map_err(|error| Failure::with_code(error, Failure::USAGE))?;
    let format = args.log.log_format;
    let settings = Settings::new(args).map_err(|error| failure(&UpError::Other(error.into())))?;

    // All that is written is for this user alone, from the moment it is there.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let state = StateDir::open(&dir).map_err(|error| failure(&error.into()))?;
    let stderr = telemetry::RedirectedStderr::new(&state.crash_log())?;
    let _log = telemetry::start(filter, format, &stderr)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    let result = runtime.block_on(app::up(settings, state));
    // A query that still runs on a blocking thread must not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result.map_err(|error| failure(&error))
}

fn failure(error: &UpError) -> Failure {
    let code = match error {
        UpError::Refused(..) => Failure::REFUSED,
        UpError::StateDir(StateDirError::InUse { .. }) => Failure::IN_USE,
        UpError::Other(error) if matches!(error.downcast_ref(), Some(ConfigError::Invalid { .. })) => Failure::USAGE,
        UpError::StateDir(StateDirError::Exposed { .. } | StateDirError::Unusable { .. }) | UpError::Other(_) => {
            Failure::FAILED
        }
    };
    Failure::with_code(error, code)
}
