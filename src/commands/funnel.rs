//! `roam-mcp funnel`.

use std::io::{Write, stdout};

use super::{Failure, answer, state_dir};
use crate::admin::{self, DoorOrder};
use crate::cli::{FunnelArgs, FunnelCommand};
use crate::report::Door;

pub(super) async fn run(args: FunnelArgs) -> Result<(), Failure> {
    let dir = state_dir(args.state_dir)?;
    let (door, opens) = match args.command {
        FunnelCommand::On { time } => {
            let seconds = time.map(|time| time.as_secs());
            (answer(admin::turn_door(&dir, DoorOrder::Open { seconds }).await)?, true)
        }
        FunnelCommand::Off => (answer(admin::turn_door(&dir, DoorOrder::Shut).await)?, false),
        FunnelCommand::Status => (answer(admin::fetch_report(&dir, false).await)?.funnel, false),
    };
    let failed = opens && !matches!(door, Door::Open { .. });
    if args.json {
        writeln!(stdout(), "{:#}", serde_json::json!(door))?;
    } else if !failed {
        writeln!(stdout(), "{door}")?;
    }
    if failed { Err(Failure::with_code(door, Failure::FAILED)) } else { Ok(()) }
}
