//! What the operator wants of the public door.

use std::path::Path;
use std::{fs, io};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::report::ShutBy;

/// What was said about the door when the program was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoorFlag {
    /// Nothing: it stands as it was left, and open the first time.
    AsLeft,
    /// `--funnel`: open, whatever was left.
    Open,
    /// `--no-funnel`: shut for this run.
    Shut,
}

/// What the operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "door", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Wish {
    /// The public may come in.
    Open {
        /// Until then; `None` for as long as nobody shuts it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// It may not.
    Shut {
        /// Who said so.
        by: ShutBy,
    },
}

/// What is left of a wish at that time.
pub(super) fn now_of(left: Wish, now: Timestamp) -> Wish {
    match left {
        Wish::Open { until: Some(until) } if until <= now => Wish::Shut { by: ShutBy::Time },
        left => left,
    }
}

/// The wish with which a run begins.
pub(super) fn at_start(flag: DoorFlag, left: Wish) -> Wish {
    match (flag, left) {
        (DoorFlag::Shut, _) => Wish::Shut { by: ShutBy::Flag },
        // A time that still runs was promised; the flag asks for no more than an open door.
        (DoorFlag::AsLeft, left) | (DoorFlag::Open, left @ Wish::Open { .. }) => left,
        (DoorFlag::Open, Wish::Shut { .. }) => Wish::Open { until: None },
    }
}

/// What was left; open if nothing was.
pub(super) fn load(file: &Path) -> io::Result<Wish> {
    match fs::read(file) {
        Ok(text) => Ok(serde_json::from_slice(&text)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Wish::Open { until: None }),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::app::door) const OPEN: Wish = Wish::Open { until: None };
    pub(in crate::app::door) const OFF: Wish = Wish::Shut { by: ShutBy::Operator };

    pub(in crate::app::door) fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    pub(in crate::app::door) fn until(text: &str) -> Wish {
        Wish::Open { until: Some(at(text)) }
    }

    #[test]
    fn a_run_begins_as_the_last_one_was_left_unless_a_flag_says_otherwise() {
        let (now, later, past) =
            (at("2026-01-01T12:00:00Z"), until("2026-01-01T13:00:00Z"), until("2026-01-01T12:00:00Z"));
        let (by_flag, by_time) = (Wish::Shut { by: ShutBy::Flag }, Wish::Shut { by: ShutBy::Time });
        let broken = Wish::Shut { by: ShutBy::Unreadable };
        let table = [
            (DoorFlag::AsLeft, OPEN, OPEN),
            (DoorFlag::AsLeft, OFF, OFF),
            (DoorFlag::AsLeft, later, later),
            (DoorFlag::AsLeft, past, by_time),
            (DoorFlag::AsLeft, broken, broken),
            (DoorFlag::Open, OPEN, OPEN),
            (DoorFlag::Open, OFF, OPEN),
            (DoorFlag::Open, later, later),
            (DoorFlag::Open, past, OPEN),
            (DoorFlag::Open, broken, OPEN),
            (DoorFlag::Shut, OPEN, by_flag),
            (DoorFlag::Shut, OFF, by_flag),
            (DoorFlag::Shut, later, by_flag),
            (DoorFlag::Shut, past, by_flag),
            (DoorFlag::Shut, broken, by_flag),
        ];
        for (flag, left, wish) in table {
            assert_eq!(at_start(flag, now_of(left, now)), wish, "{flag:?} {left:?}");
        }
    }
}
