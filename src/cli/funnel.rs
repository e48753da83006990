//! `roam-mcp funnel`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueHint};
use jiff::SignedDuration;

pub(super) const EXAMPLES: &str = "\
Examples:
  roam-mcp funnel off                ends what is open, and stays off at the next start
  roam-mcp funnel on --for 2h        shuts itself, also when the node is restarted meanwhile
  roam-mcp funnel status --json

Exit codes: 0 as asked, 1 failed or not open yet, 2 wrong usage, 5 no node is running.";

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
    On {
        /// Shut it again after this time, such as 2h, 30m or 1h30m
        #[arg(long = "for", value_name = "TIME", value_parser = time)]
        time: Option<Duration>,
    },
    /// Shut it, end the connections through it within a second, and keep it shut
    Off,
    /// Show where it stands
    Status,
}

/// A year is long for a door that is to shut itself, and far from the end of what clocks can count.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

fn time(text: &str) -> Result<Duration, String> {
    let time = text.parse::<SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    match time {
        Some(time) if (Duration::from_secs(1)..=LONGEST).contains(&time) => Ok(time),
        _ => Err("write a time from 1s to a year, such as 2h, 30m or 1h30m".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_do() {
        for (text, seconds) in
            [("2h", 7200), ("30m", 1800), ("1h30m", 5400), ("1h 30m", 5400), ("90 minutes", 5400), ("1s", 1)]
        {
            assert_eq!(time(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "2", "0s", "-2h", "2h ago", "10ms", "9000h", "99999999999h", "two hours", "1mo"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
