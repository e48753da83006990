//! `roam-mcp import` and `roam-mcp export`: graphs into and out of the state directory.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufWriter, IsTerminal, Write, stderr, stdout};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tempfile::NamedTempFile;

use crate::cli::{ExportArgs, ImportArgs};
use crate::config::{default_state_dir, graph_name, target_of_link};
use crate::graph::{Embedded, Existing, Imported, Source};

/// Loads an export and says on `out` what was in it.
///
/// # Errors
/// When it cannot be loaded; then the graph that was there is as it was.
pub fn import(args: &ImportArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let name = match &args.name {
        Some(name) => checked_name(name)?.to_owned(),
        None => name_of(&args.export)
            .with_context(|| format!("{}: give the graph a name with --name", args.export.display()))?,
    };
    let database = graphs(args.state_dir.as_deref())?.join(format!("{name}.sqlite"));
    // Two directories may have a file of one name; who gives a name, or names a zip of Roam's, says which graph it is.
    let is_file_name = args.name.is_none() && graph_name(&args.export).as_ref() == Some(&name);
    if is_file_name && !args.update && !args.replace && !args.dry_run && database.exists() {
        Embedded::expect_source(&database, &args.export)?;
    }
    let existing = match args {
        ImportArgs { dry_run: true, update: true, .. } => Existing::RehearseUpdate,
        ImportArgs { dry_run: true, .. } => Existing::Rehearse,
        ImportArgs { update: true, .. } => Existing::Update,
        ImportArgs { replace: true, .. } => Existing::Replace,
        _ => Existing::ReplaceUnchanged,
    };
    let bar = bar();
    let imported = Embedded::import(&args.export, &database, existing, |at| {
        bar.set_length(at.total);
        bar.set_position(at.bytes);
        bar.set_message(format!("{} pages, {} blocks", HumanCount(at.pages), HumanCount(at.blocks)));
    });
    bar.finish_and_clear();
    let verb = if args.dry_run { "Would load" } else { "Loaded" };
    writeln!(out, "{verb} {name}: {}", summary(imported?)).context("cannot write to standard output")
}

/// The name that a graph gets from its export, in the characters that Roam allows. Roam numbers its zips: there the file
/// within has the name.
pub fn name_of(export: &Path) -> Option<String> {
    let file = export.file_name()?.to_string_lossy();
    let numbered = file.starts_with("Roam-Export-") && file.ends_with(".zip");
    let inside = if numbered { Embedded::name_in_zip(export) } else { None };
    graph_name(inside.as_deref().map_or(export, Path::new))
}

/// What `--graph` means.
#[derive(Debug, PartialEq, Eq)]
pub struct Meant {
    /// The name of the graph.
    pub name: String,
    /// Its database, which may not be there yet.
    pub database: PathBuf,
    /// The export that it is the graph of, if that is what was named.
    pub export: Option<PathBuf>,
}

/// Finds out which graph is meant, of those loaded into the directory `graphs` or by itself: by its export, by its own file,
/// or by the name of a graph that is there, if no file is called so. `None` if no name can be made of it.
pub fn meant(named: &Path, graphs: &Path) -> Option<Meant> {
    let name = name_of(named)?;
    if named.extension().is_some_and(|extension| extension == "sqlite") {
        return Some(Meant { name, database: named.to_owned(), export: None });
    }
    let database = graphs.join(format!("{name}.sqlite"));
    let by_name = named == Path::new(&name) && !named.exists() && database.exists();
    Some(Meant { name, database, export: (!by_name).then(|| named.to_owned()) })
}

/// The names of the graphs in the directory `graphs`, in order.
pub fn imported(graphs: &Path) -> Vec<String> {
    let files = std::fs::read_dir(graphs).into_iter().flatten().flatten().map(|entry| entry.path());
    let databases = files.filter(|path| path.extension().is_some_and(|extension| extension == "sqlite"));
    let mut names: Vec<String> = databases.filter_map(|path| graph_name(&path)).collect();
    names.sort_unstable();
    names
}

/// What to tell of an export that has changed since its graph was loaded. Loading it again may throw away what was added
/// since, so that is left to the operator.
pub fn changed(export: &Path, database: &Path) -> Option<String> {
    let (now, then) = (Source::of(export).ok()?, Embedded::source(database)?);
    if now == then {
        return None;
    }
    let state_dir = database.parent().and_then(Path::parent);
    let state_dir = state_dir.filter(|dir| default_state_dir().is_ok_and(|usual| usual != **dir));
    let state_dir = state_dir.map(|dir| format!(" --state-dir {}", dir.display())).unwrap_or_default();
    let export = export.display();
    Some(format!(
        "{export} has changed since it was loaded, and the graph is as it was: `roam-mcp import {export}{state_dir} --update` \
         loads it again and keeps what was added here, `--replace` in its place drops that"
    ))
}

/// Writes a graph to a file, whole or not at all, or to standard output. What is no file, such as a pipe or a device, is
/// written to as it is.
///
/// # Errors
/// When there is no such graph, or the output cannot be written.
pub fn export(args: &ExportArgs) -> anyhow::Result<()> {
    let name = checked_name(&args.graph)?;
    let database = graphs(args.state_dir.as_deref())?.join(format!("{name}.sqlite"));
    if !database.exists() {
        bail!("there is no graph {name:?} in {}; load it with `roam-mcp import`", database.display());
    }
    let Some(path) = &args.out else {
        Embedded::export(&database, &mut BufWriter::new(stdout().lock()))?;
        return Ok(());
    };
    let unwritable = || format!("cannot write {}", path.display());
    let (pages, blocks) = match path.metadata() {
        Ok(there) if there.is_dir() => bail!("{} is a directory; name a file in it", path.display()),
        Ok(there) if !there.is_file() => {
            let pipe = OpenOptions::new().write(true).open(path).with_context(unwritable)?;
            Embedded::export(&database, &mut BufWriter::new(pipe))?
        }
        _ => target_of_link(path)
            .map_err(Into::into)
            .and_then(|file| replace(&file, &database))
            .with_context(unwritable)?,
    };
    let _ = writeln!(stderr(), "Wrote {}: {}, {}", path.display(), many(pages, "page"), many(blocks, "block"));
    Ok(())
}

/// Puts the export in the place of a file when it is complete.
fn replace(path: &Path, database: &Path) -> anyhow::Result<(u64, u64)> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft = NamedTempFile::with_prefix_in(".exporting-", directory)?;
    let exported = Embedded::export(database, &mut BufWriter::new(draft.as_file()))?;
    draft.as_file().sync_all()?;
    draft.persist(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()?;
    Ok(exported)
}

/// Where the graphs are, made private to their owner if it is not there yet.
fn graphs(state_dir: Option<&Path>) -> anyhow::Result<PathBuf> {
    let state_dir = state_dir.map_or_else(default_state_dir, |dir| Ok(dir.to_owned()))?;
    let path = state_dir.join("graphs");
    DirBuilder::new().recursive(true).mode(0o700).create(&path).with_context(|| {
        format!("cannot use {} as state directory; choose another with --state-dir", state_dir.display())
    })?;
    Ok(path)
}

/// A name in the characters that Roam allows.
fn checked_name(name: &str) -> anyhow::Result<&str> {
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
        bail!("{name:?} cannot be the name of a graph; use letters, digits, `-` and `_`");
    }
    Ok(name)
}

fn bar() -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let template = "{bar:30} {bytes} of {total_bytes}, {eta} left: {msg}";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn summary(imported: Imported) -> String {
    let Imported { pages, blocks, mentioned, repaired, kept, overwritten, astray } = imported;
    let mut summary = format!("{} and {}", many(pages, "page"), many(blocks, "block"));
    for (count, what) in [
        (mentioned, "that are only mentioned"),
        (repaired, "that had no uid and got one"),
        (kept, "that were added here and the export lacks"),
        (overwritten, "that were changed or deleted here and are as in the export again"),
        (astray, "that are below no page and were left out"),
    ] {
        if count > 0 {
            summary.push_str(&format!("; {} {what}", HumanCount(count)));
        }
    }
    summary
}

fn many(count: u64, what: &str) -> String {
    format!("{} {what}{}", HumanCount(count), if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
