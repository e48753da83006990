//! `roam-mcp funnel`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueHint};

use super::span::span;

pub(super) const EXAMPLES: &str = "\
Examples:
  roam-mcp funnel off                ends what is open, and stays off at the next start
  roam-mcp funnel off --revoke       and nothing that anybody has of it is good any more
  roam-mcp funnel on --for 2h        shuts itself, also when the node is restarted meanwhile
  roam-mcp funnel status --json

Exit codes: 0 as asked, 1 failed or not open yet, 2 wrong usage, 5 no node is running.";

const ON_EXAMPLES: &str = "\
Examples:
  roam-mcp funnel on
  roam-mcp funnel on --for 2h        shuts itself, also when the node is restarted meanwhile";

/// `roam-mcp funnel`.
#[derive(Debug, Args)]
pub struct FunnelArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub command: FunnelCommand,

    /// State directory of the node
    #[arg(long, value_name = "DIR", env = "ROAM_MCP_STATE_DIR", value_hint = ValueHint::DirPath, global = true)]
    pub state_dir: Option<PathBuf>,

    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// What can be done with the public door.
#[derive(Debug, Subcommand)]
pub enum FunnelCommand {
    /// Open it
    #[command(after_help = ON_EXAMPLES)]
    On {
        /// Shut it again after this time, such as 2h, 1h30m or 1d
        #[arg(long = "for", value_name = "TIME", value_parser = time)]
        time: Option<Duration>,
    },
    /// Shut it, end the connections through it within a second, and keep it shut; --listen goes on
    Off {
        /// Make every public credential worthless too: named ones are gone, token and path secret are drawn anew
        #[arg(long)]
        revoke: bool,
    },
    /// Show where it stands
    Status,
}

/// A year is long for a door that is to shut itself, and far from the end of what clocks can count.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

fn time(text: &str) -> Result<Duration, String> {
    let time = span(text)?;
    if time <= LONGEST { Ok(time) } else { Err("a year is the longest".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_is_opened_for_a_year_at_the_most() {
        assert_eq!(time("1d"), Ok(Duration::from_secs(86_400)));
        assert_eq!(time("366d"), Ok(LONGEST));
        assert!(time("8785h").is_err());
    }
}
