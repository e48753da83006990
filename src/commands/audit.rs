//! `roam-mcp audit`.

use std::collections::VecDeque;
use std::io::{self, Write, stdout};
use std::path::Path;

use super::{Failure, state_dir};
use crate::audit::{self, Event, Filter, Record, Subject};
use crate::cli::{AuditArgs, AuditCommand, AuditSearchArgs};

pub(super) fn run(args: AuditArgs) -> Result<(), Failure> {
    let dir = state_dir(args.state_dir)?.join(audit::DIRECTORY);
    match args.command {
        AuditCommand::Verify => verify(&dir),
        AuditCommand::Tail { lines, json } => tail(&dir, lines, json),
        AuditCommand::Search(args) => search(&dir, args),
    }
}

fn verify(dir: &Path) -> Result<(), Failure> {
    let verified = audit::verify(dir)?.map_err(|broken| Failure::with_code(broken, Failure::BROKEN))?;
    Ok(writeln!(stdout(), "{} records, none changed, dropped or moved. Head: {}", verified.records, verified.head)?)
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
    let mut out = stdout().lock();
    Ok(audit::search(dir, &filter, |record| print(&mut out, &record, json))?)
}

fn print(out: &mut impl Write, record: &Record, json: bool) -> io::Result<()> {
    if json {
        return writeln!(out, "{}", serde_json::to_string(record)?);
    }
    write!(out, "{}  ", record.time.strftime("%F %T"))?;
    match &record.event {
        Event::Decision { subject, allowed: true, .. } => writeln!(out, "allowed   {}", told(subject)),
        Event::Decision { subject, reason, .. } => {
            writeln!(out, "denied    {}: {}", told(subject), reason.as_deref().unwrap_or("no rule allows it"))
        }
        Event::Outcome { subject, failed, duration_us } => {
            let result = if *failed { "failed" } else { "done" };
            writeln!(out, "{result:<9} {} in {:.1} ms", told(subject), *duration_us as f64 / 1000.0)
        }
        Event::Refused { plane, source, status, left_out } => {
            let source = source.as_deref().unwrap_or("unknown");
            writeln!(out, "refused   {status} to {source} on {plane} ({left_out} more like it left out)")
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
