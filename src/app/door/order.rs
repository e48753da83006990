//! What the operator orders, and what comes of it.

use std::time::Duration;

use jiff::Unit;
use tokio::sync::watch;

use super::latch::Latch;
use super::wish::Wish;
use crate::admin::DoorOrder;
use crate::report::{Door, ShutBy};

/// The operator is told how it went, unless it takes longer than a person waits for.
const PATIENCE: Duration = Duration::from_secs(8);

/// Does as told and waits for the door to get there. While the node is not in its tailnet (`joined`) that may take
/// days, so then the door is on its way as soon as the wish is noted.
///
/// # Errors
/// When it cannot be done, in a sentence that says what can.
pub(in crate::app) async fn obey(
    latch: &Latch,
    mut door: watch::Receiver<Door>,
    order: DoorOrder,
    joined: bool,
) -> Result<Door, String> {
    let wish = wish(latch, order)?;
    // The file is synced to the disk, which may take a while.
    let set = {
        let latch = latch.clone();
        tokio::task::spawn_blocking(move || latch.set(wish)).await.map_err(|error| error.to_string())?
    };
    match (set, wish) {
        (Err(error), Wish::Open { .. }) => {
            return Err(format!("the public door stays as it is, because that could not be written down: {error}"));
        }
        (Err(error), Wish::Shut { .. }) => {
            arrive(&mut door, wish, joined).await;
            return Err(format!(
                "the public door is shut, but that could not be written down and is forgotten at the next start: {error}"
            ));
        }
        (Ok(()), _) => arrive(&mut door, wish, joined).await,
    }
    Ok(door.borrow().clone())
}

fn wish(latch: &Latch, order: DoorOrder) -> Result<Wish, String> {
    match order {
        DoorOrder::Shut { .. } => Ok(Wish::Shut { by: ShutBy::Operator }),
        DoorOrder::Open { .. } if latch.is_held() => {
            Err("this node was started with --no-funnel, which holds until it stops; start it again without".into())
        }
        DoorOrder::Open { seconds: None } => Ok(Wish::Open { until: None }),
        DoorOrder::Open { seconds: Some(seconds) } => {
            let until = latch.now().round(Unit::Second).and_then(|now| now.checked_add(Duration::from_secs(seconds)));
            until.map(|until| Wish::Open { until: Some(until) }).map_err(|error| error.to_string())
        }
    }
}

/// Waits until the door is as wished, or the tailnet stands against it.
async fn arrive(door: &mut watch::Receiver<Door>, wish: Wish, joined: bool) {
    let arrived = |door: &Door| match (wish, door) {
        (Wish::Open { until }, Door::Open { until: shown, .. }) => until == *shown,
        (Wish::Open { .. }, Door::Opening) => !joined,
        (Wish::Open { .. }, Door::Unavailable { .. }) | (Wish::Shut { .. }, Door::Off { .. }) => true,
        _ => false,
    };
    // The answer tells how far it has come.
    let _ = tokio::time::timeout(PATIENCE, door.wait_for(arrived)).await;
}
