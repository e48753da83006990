//! `roam-mcp status`.

use std::io::{Write, stdout};

use super::{Failure, answer, state_dir};
use crate::admin;
use crate::cli::StatusArgs;
use crate::report;

pub(super) async fn run(args: StatusArgs) -> Result<(), Failure> {
    let dir = state_dir(args.state_dir)?;
    let report = answer(admin::fetch_report(&dir, args.show_secrets).await)?;
    let text = if args.json { format!("{:#}", serde_json::json!(report)) } else { report::status_card(&report) };
    Ok(writeln!(stdout(), "{text}")?)
}
