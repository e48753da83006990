//! `roam-mcp stdio`.

use std::convert::identity;
use std::io::{stderr, stdin};

use rustix::fs::{FileType, fstat};

use super::{Failure, opened};
use crate::cli::GraphArgs;
use crate::mcp;

/// Serves until standard input ends. Nothing but the protocol goes to standard output, and the log to standard error.
pub(super) async fn run(args: GraphArgs) -> Result<(), Failure> {
    let log = tracing_subscriber::fmt().with_writer(stderr).with_max_level(tracing::Level::WARN).with_ansi(false);
    // Fails when there is a log already, and then that one will do.
    let _ = log.try_init();
    let graphs = opened::open(&args, identity)?;
    Ok(mcp::stdio::serve_process(graphs).await?)
}

/// Whether a program is at the other end of standard input: a pipe, a socket or a file, and neither a terminal nor
/// `/dev/null`.
pub(super) fn has_client() -> bool {
    fstat(stdin()).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) != FileType::CharacterDevice)
}
