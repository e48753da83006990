//! `roam-mcp audit`.

use std::collections::VecDeque;
use std::io::{self, Write, stderr, stdout};
use std::path::Path;

use super::{Failure, state_dir};
use crate::audit::{self, AuditError, Event, Expected, Filter, Record, Subject, Verified};
use crate::cli::{AuditArgs, AuditCommand, AuditSearchArgs};

pub(super) fn run(args: AuditArgs) -> Result<(), Failure> {
    let dir = state_dir(args.state_dir)?.join(audit::DIRECTORY);
    if !dir.is_dir() {
        let problem = format!("there is no audit log in {}", dir.display());
        let advice = "`roam-mcp up` begins one; --state-dir names another node's";
        return Err(Failure::with_code(format!("{problem}: {advice}"), Failure::FAILED));
    }
    match args.command {
        AuditCommand::Verify { head, older_removed } => verify(&dir, &Expected { head, older_removed }),
        AuditCommand::Tail { lines, json } => tail(&dir, lines, json),
        AuditCommand::Search(args) => search(&dir, args),
    }
}

fn verify(dir: &Path, expected: &Expected) -> Result<(), Failure> {
    let verified = audit::verify(dir, expected)?.map_err(|broken| Failure::with_code(broken, Failure::BROKEN))?;
    let Verified { records, lost, head, continues, damage } = verified;
    let mut out = stdout().lock();
    if let Some(line) = continues {
        writeln!(out, "Older files are not here: the log goes on from the line with the hash {line}.")?;
    }
    if damage.is_empty() {
        writeln!(out, "{records} records, none changed, dropped or moved. Head: {head}")?;
    }
    if lost > 0 {
        writeln!(out, "{lost} more could not be written when they happened; `lost` records say since when.")?;
    }
    if damage.is_empty() {
        return Ok(());
    }
    let found = damage.iter().map(|(time, damage)| format!("at the start of {}, {damage}", at(*time)));
    let found = found.collect::<Vec<_>>().join("\n");
    Err(Failure::with_code(format!("{found}\nthe {records} records that are here follow each other"), Failure::BROKEN))
}

fn tail(dir: &Path, lines: usize, json: bool) -> Result<(), Failure> {
    let mut last = VecDeque::with_capacity(lines.min(4096));
    audit::search(dir, &Filter::default(), |record| {
        if last.len() == lines {
            last.pop_front();
        }
        last.push_back(record);
        Ok::<_, AuditError>(())
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
        Ok::<_, Failure>(print(&mut out, &record, json)?)
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
    write!(out, "{}  ", at(record.time))?;
    match &record.event {
        Event::Decision { subject, allowed, rule, grants, .. } => {
            let decision = if *allowed { "allowed   " } else { "denied    " };
            write!(out, "{decision}{}: {rule}", told(subject))?;
            grants.as_ref().map_or(Ok(()), |grants| write!(out, " {grants}"))?;
            writeln!(out)
        }
        Event::Outcome { subject, failed, duration_us } => {
            let result = if *failed { "failed" } else { "done" };
            writeln!(out, "{result:<9} {} in {:.1} ms", told(subject), *duration_us as f64 / 1000.0)
        }
        Event::Refused { plane, source, status } => {
            let source = source.as_deref().unwrap_or("unknown");
            writeln!(out, "refused   {status} to {source} on {plane}")
        }
        Event::LeftOut { plane, source, requests } => {
            let of = plane.as_deref().map_or("many sources".to_owned(), |plane| {
                format!("{} on {plane}", source.as_deref().unwrap_or("unknown"))
            });
            writeln!(out, "left out  {requests} more that were refused to {of}")
        }
        Event::Changed { file, sha256, actions } => {
            let sha256 = sha256.as_deref().unwrap_or("no file");
            write!(out, "changed   {file} ({sha256})")?;
            if !actions.is_empty() {
                write!(out, ": {}", actions.join(", "))?;
            }
            writeln!(out)
        }
        Event::Ordered { order } => writeln!(out, "ordered   {order}"),
        Event::Lost { since, records } => {
            writeln!(out, "lost      {records} records since {since:.0}: the log could not be written")
        }
        event @ Event::Recovered { dropped_bytes, .. } => match event.damage() {
            Some(damage) => writeln!(out, "recovered at a start: {damage}; {dropped_bytes} bytes dropped"),
            None => writeln!(out, "recovered after a crash: {dropped_bytes} bytes dropped, no record is missing"),
        },
    }
}

fn told(subject: &Subject) -> String {
    let Subject { plane, caller, source, tool, graph, needs, .. } = subject;
    let tool = tool.as_deref().unwrap_or("a request");
    let needs = needs.map(|needs| format!(" ({needs})")).unwrap_or_default();
    let graph = graph.as_ref().map(|graph| format!(" on {graph}")).unwrap_or_default();
    let source = source.as_ref().map(|source| format!(" from {source}")).unwrap_or_default();
    format!("{tool}{graph}{needs} for {caller}{source}, {plane}")
}

/// Times are written as they are recorded, in UTC, and say so.
fn at(time: jiff::Timestamp) -> impl std::fmt::Display {
    time.strftime("%F %TZ")
}
