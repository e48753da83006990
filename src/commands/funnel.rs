//! `roam-mcp funnel`.

use std::io::{Write, stdout};

use super::{Failure, answer, state_dir};
use crate::admin::{self, DoorOrder, Turned};
use crate::cli::{FunnelArgs, FunnelCommand};
use crate::report::{Door, RUNNING, Report};

pub(super) async fn run(args: FunnelArgs) -> Result<(), Failure> {
    let dir = state_dir(args.state_dir)?;
    let order = match args.command {
        FunnelCommand::On { time } => Some(DoorOrder::Open { seconds: time.map(|time| time.as_secs()) }),
        FunnelCommand::Off { revoke } => Some(DoorOrder::Shut { revoke }),
        FunnelCommand::Status => None,
    };
    let turned = match order {
        Some(order) => answer(admin::turn_door(&dir, order).await)?,
        None => Turned { door: answer(admin::fetch_report(&dir, false).await)?.funnel, revoked: None, direct: None },
    };
    let not_open = matches!(order, Some(DoorOrder::Open { .. })) && !matches!(turned.door, Door::Open { .. });
    if args.json {
        writeln!(stdout(), "{:#}", serde_json::json!(turned))?;
    } else if !not_open {
        writeln!(stdout(), "{}", turned.door)?;
        if let Some(named) = turned.revoked {
            writeln!(stdout(), "Revoked {named} named credentials; token and path secret are new.")?;
        }
        if let Some(address) = &turned.direct {
            writeln!(stdout(), "Calls with a credential are still taken at {address}, where --listen has them.")?;
        }
    }
    if !not_open {
        return Ok(());
    }
    // A node that cannot be asked any more has said all that there is to say.
    let noted = admin::fetch_report(&dir, false).await.ok().and_then(|report| noted(&report));
    Err(Failure::with_code(noted.unwrap_or_else(|| turned.door.to_string()), Failure::FAILED))
}

/// What an order to open means to a node that is not in its tailnet.
fn noted(report: &Report) -> Option<String> {
    if report.node.state == RUNNING {
        return None;
    }
    let next = match &report.node.login_url {
        Some(url) => format!("let it in at {url}"),
        None => "`roam-mcp status` tells what it waits for".to_owned(),
    };
    Some(format!("that is noted, and the public door opens when the node is in its tailnet; {next}"))
}
