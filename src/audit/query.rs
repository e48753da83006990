//! Finds records.

use std::path::Path;

use jiff::Timestamp;

use super::chain::{self, Line};
use super::{AuditError, Event, Record};

/// Which records are wanted. Everything that is set must fit.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A part of the caller's name.
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
        let denied = matches!(record.event, Event::Decision { allowed: false, .. } | Event::Refused { .. });
        self.since.is_none_or(|since| record.time >= since)
            && (!self.denied || denied)
            && self.caller.as_deref().is_none_or(|part| subject.is_some_and(|subject| subject.caller.contains(part)))
            && self.tool.as_deref().is_none_or(|tool| subject.is_some_and(|subject| subject.tool == tool))
            && self.graph.as_deref().is_none_or(|graph| subject.is_some_and(|it| it.graph.as_deref() == Some(graph)))
    }
}

/// Gives every record that fits to `found`, oldest first. Lines that are no records are passed over; `verify` finds them.
///
/// # Errors
/// When the files cannot be read, or `found` fails.
pub fn search(
    dir: &Path,
    filter: &Filter,
    mut found: impl FnMut(Record) -> std::io::Result<()>,
) -> Result<(), AuditError> {
    for file in chain::files(dir).map_err(AuditError::io(dir))? {
        for (_, line) in chain::lines(&file).map_err(AuditError::io(&file))? {
            let line = line.map_err(AuditError::io(&file))?;
            if let Ok(Line { record, .. }) = serde_json::from_slice::<Line<Record>>(&line.bytes)
                && filter.fits(&record)
            {
                found(record).map_err(AuditError::io(&file))?;
            }
        }
    }
    Ok(())
}
