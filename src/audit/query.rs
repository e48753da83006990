//! Finds records.

use std::path::Path;

use jiff::Timestamp;

use super::chain::{self, Line};
use super::{AuditError, Event, Record};

/// Which records are wanted. Everything that is set must fit.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The caller: its login, device, credential or kind, or all the words by which it is told.
    pub caller: Option<String>,
    /// The tool.
    pub tool: Option<String>,
    /// The graph.
    pub graph: Option<String>,
    /// Not before this.
    pub since: Option<Timestamp>,
    /// Only what was denied or refused.
    pub denied: bool,
}

impl Filter {
    fn fits(&self, record: &Record) -> bool {
        let subject = record.subject();
        let denied = matches!(
            record.event,
            Event::Decision { allowed: false, .. } | Event::Refused { .. } | Event::LeftOut { .. }
        );
        self.since.is_none_or(|since| record.time >= since)
            && (!self.denied || denied)
            && self.caller.as_deref().is_none_or(|who| subject.is_some_and(|it| it.caller == who || it.who.is(who)))
            && self
                .tool
                .as_deref()
                .is_none_or(|tool| subject.is_some_and(|subject| subject.tool.as_deref() == Some(tool)))
            && self.graph.as_deref().is_none_or(|graph| subject.is_some_and(|it| it.graph.as_deref() == Some(graph)))
    }
}

/// Gives every record that fits to `found`, oldest first. Lines that are no records are passed over; `verify` finds them.
///
/// # Errors
/// When the files cannot be read, or `found` fails.
pub fn search<E: From<AuditError>>(
    dir: &Path,
    filter: &Filter,
    mut found: impl FnMut(Record) -> Result<(), E>,
) -> Result<(), E> {
    for file in chain::files(dir).map_err(AuditError::io(dir))? {
        for (_, line) in chain::lines(&file).map_err(AuditError::io(&file))? {
            let line = line.map_err(AuditError::io(&file))?;
            if let Ok(Line { record, .. }) = serde_json::from_slice::<Line<Record>>(&line.bytes)
                && filter.fits(&record)
            {
                found(record)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Caller, Level, Peer, TailnetUser};
    use crate::audit::Subject;

    #[test]
    fn a_caller_is_found_by_a_name_and_not_by_a_part_of_another() {
        let record = |login: &str| {
            let user = TailnetUser { id: 1, login: login.into(), node: "laptop".into(), grants: Vec::new() };
            let subject = Subject::new(Peer::Admin, &Caller::User(user), "search", Some("garden"), Level::ReadOnly);
            Record::new(Event::Outcome { subject, failed: false, duration_us: 1 })
        };
        let fits = |caller: &str, login: &str| {
            Filter { caller: Some(caller.into()), ..Filter::default() }.fits(&record(login))
        };
        for named in ["alice@example.com", "Alice@Example.com", "laptop", "user", "alice@example.com on laptop"] {
            assert!(fits(named, "alice@example.com"), "{named}");
        }
        assert!(!fits("alice@example.com", "malice@example.com") && !fits("alice@", "alice@example.com"));
    }
}
