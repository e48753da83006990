//! `roam-mcp status`.

use std::io::{Write, stdout};

use super::{Failure, state_dir};
use crate::admin::{self, AdminError};
use crate::cli::StatusArgs;
use crate::report;

pub(super) async fn run(args: StatusArgs) -> Result<(), Failure> {
    let dir = state_dir(args.state_dir)?;
    let report = admin::fetch_report(&dir, args.show_secrets).await.map_err(|error| match error {
        AdminError::NotRunning { .. } => Failure::with_code(error, Failure::NOT_RUNNING),
        error => error.into(),
    })?;
    let text = if args.json { format!("{:#}", serde_json::json!(report)) } else { report::status_card(&report) };
    Ok(writeln!(stdout(), "{text}")?)
}
