//! `roam-mcp audit`.

use std::collections::VecDeque;
use std::io::{self, Write, stderr, stdout};
use std::path::Path;

use super::{Failure, state_dir};
use crate::audit::{self, Event, Filter, Record, Subject, Verified};
use crate::cli::{AuditArgs, AuditCommand, AuditSearchArgs};

pub(super) fn run(args: AuditArgs) -> Result<(), Failure> {
    let dir = state_dir(args.state_dir)?.join(audit::DIRECTORY);
    if !dir.is_dir() {
        let problem = format!("there is no audit log in {}", dir.display());
        let advice = "`roam-mcp up` begins one; --state-dir names another node's";
        return Err(Failure::with_code(format!("{problem}: {advice}"), Failure::FAILED));
    }
    match args.command {
        AuditCommand::Verify => verify(&dir),
        AuditCommand::Tail { lines, json } => tail(&dir, lines, json),
        AuditCommand::Search(args) => search(&dir, args),
    }
}

fn verify(dir: &Path) -> Result<(), Failure> {
    let verified = audit::verify(dir)?.map_err(|broken| Failure::with_code(broken, Failure::BROKEN))?;
    let Verified { records, lost, head } = verified;
    let mut out = stdout().lock();
    writeln!(out, "{records} records, none changed, dropped or moved. Head: {head}")?;
    if lost > 0 {
        writeln!(out, "{lost} more could not be written when they happened; `lost` records say since when.")?;
    }
    Ok(())
}

fn tail(dir: &Path, lines: usize, json: bool) -> Result<(), Failure> {
    let mut last = VecDeque::with_capacity(lines.min(4096));
    audit::search(dir, &Filter::default(), |record| {
        if last.len() == lines {
            last.pop_front();
        }
        last.push_back(record);
        Ok(())
    })?;
    let mut out = stdout().lock();
    for record in last.iter().take(lines) {
        print(&mut out, record, json)?;
    }
    Ok(())
}

fn search(dir: &Path, args: AuditSearchArgs) -> Result<(), Failure> {
    let AuditSearchArgs { caller, tool, graph, since, denied, json } = args;
    let filter = Filter { caller, tool, graph, since, denied };
    let (mut out, mut found) = (stdout().lock(), false);
    audit::search(dir, &filter, |record| {
        found = true;
        print(&mut out, &record, json)
    })?;
    if !found {
        // Nobody is left to tell that standard error is closed.
        let _ = writeln!(stderr(), "No record fits.");
    }
    Ok(())
}

fn print(out: &mut impl Write, record: &Record, json: bool) -> io::Result<()> {
    if json {
        return writeln!(out, "{}", serde_json::to_string(record)?);
    }
    write!(out, "{}  ", record.time.strftime("%F %T"))?;
    match &record.event {
        Event::Decision { subject, allowed, rule, .. } => {
            let decision = if *allowed { "allowed   " } else { "denied    " };
            writeln!(out, "{decision}{}: {rule}", told(subject))
        }
        Event::Outcome { subject, failed, duration_us } => {
            let result = if *failed { "failed" } else { "done" };
            writeln!(out, "{result:<9} {} in {:.1} ms", told(subject), *duration_us as f64 / 1000.0)
        }
        Event::Refused { plane, source, status, left_out } => {
            let source = source.as_deref().unwrap_or("unknown");
            write!(out, "refused   {status} to {source} on {plane}")?;
            if *left_out > 0 {
                write!(out, ", and {left_out} more before it that are not on record")?;
            }
            writeln!(out)
        }
        Event::Ordered { order } => writeln!(out, "ordered   {order}"),
        Event::Lost { since, records } => {
            writeln!(out, "lost      {records} records since {since:.0}: the log could not be written")
        }
        Event::Recovered { dropped_bytes, records_missing } => {
            let missing = if *records_missing { "records are missing" } else { "no record is missing" };
            writeln!(out, "recovered after a crash: {dropped_bytes} bytes dropped, {missing}")
        }
    }
}

fn told(subject: &Subject) -> String {
    let Subject { plane, caller, source, tool, graph, needs, .. } = subject;
    let graph = graph.as_ref().map(|graph| format!(" on {graph}")).unwrap_or_default();
    let source = source.as_ref().map(|source| format!(" from {source}")).unwrap_or_default();
    format!("{tool}{graph} ({needs}) for {caller}{source}, {plane}")
}
