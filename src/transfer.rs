//! `roam-mcp import` and `roam-mcp export`: graphs into and out of the state directory.

use std::fs::{DirBuilder, File};
use std::io::{BufWriter, IsTerminal, Write, stderr, stdout};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tempfile::NamedTempFile;

use crate::cli::{ExportArgs, ImportArgs};
use crate::config::default_state_dir;
use crate::graph::{Embedded, Existing, Imported};

/// Loads an export and says on `out` what was in it.
///
/// # Errors
/// When it cannot be loaded; then the graph that was there is as it was.
pub fn import(args: &ImportArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let name = match &args.name {
        Some(name) => checked_name(name)?.to_owned(),
        None => name_of(&args.export)?,
    };
    let database = graphs(args.state_dir.as_deref())?.join(format!("{name}.sqlite"));
    let existing = match args {
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

/// Writes a graph to a file, whole or not at all, or to standard output.
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
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unwritable = || format!("cannot write {}", path.display());
    let draft = NamedTempFile::with_prefix_in(".exporting-", directory).with_context(unwritable)?;
    let (pages, blocks) = Embedded::export(&database, &mut BufWriter::new(draft.as_file()))?;
    draft.as_file().sync_all().with_context(unwritable)?;
    draft.persist(path).with_context(unwritable)?;
    File::open(directory).and_then(|directory| directory.sync_all()).with_context(unwritable)?;
    let _ = writeln!(stderr(), "Wrote {}: {}, {}", path.display(), many(pages, "page"), many(blocks, "block"));
    Ok(())
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

/// The graph is called after the file, unless it is told otherwise.
fn name_of(export: &Path) -> anyhow::Result<String> {
    let stem = export.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let name: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    match name.trim_matches('-') {
        "" => bail!("{}: give the graph a name with --name", export.display()),
        name => Ok(name.to_owned()),
    }
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
    let Imported { pages, blocks, mentioned, repaired, kept } = imported;
    let mut summary = format!("{} and {}", many(pages, "page"), many(blocks, "block"));
    for (count, what) in [
        (mentioned, "that are only mentioned"),
        (repaired, "that had no uid and got one"),
        (kept, "that were added here and the export lacks"),
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
mod tests {
    use serde_json::json;

    use super::*;

    fn args(directory: &Path, export: &str) -> ImportArgs {
        std::fs::write(directory.join("My notes.json"), export).unwrap();
        ImportArgs {
            export: directory.join("My notes.json"),
            name: None,
            state_dir: Some(directory.join("state")),
            update: false,
            replace: false,
            dry_run: false,
        }
    }

    fn run(args: &ImportArgs) -> anyhow::Result<String> {
        let mut out = Vec::new();
        import(args, &mut out).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn an_export_goes_in_and_comes_out_again() {
        let directory = tempfile::tempdir().unwrap();
        let exported = json!([{ "title": "A", "uid": "a", "children": [{ "string": "[[B]]", "uid": "b" }] }]);
        let args = args(directory.path(), &exported.to_string());
        assert_eq!(
            run(&ImportArgs { dry_run: true, ..args }).unwrap(),
            "Would load My-notes: 1 page and 1 block; 1 that are only mentioned\n"
        );
        let args = self::args(directory.path(), &exported.to_string());
        let out = |graph: &str| ExportArgs {
            graph: graph.into(),
            out: Some(directory.path().join("out.json")),
            state_dir: args.state_dir.clone(),
        };
        assert!(export(&out("My-notes")).unwrap_err().to_string().contains("roam-mcp import"));
        assert!(run(&args).unwrap().starts_with("Loaded My-notes"));
        export(&out("My-notes")).unwrap();
        let read: serde_json::Value =
            serde_json::from_slice(&std::fs::read(directory.path().join("out.json")).unwrap()).unwrap();
        assert_eq!(read[0], exported[0]);
        assert!(export(&out("../state")).is_err());
    }

    #[test]
    fn a_name_is_taken_from_the_file_or_refused() {
        for (file, name) in [("garden.json", "garden"), ("/a/My Notes (2).zip", "My-Notes--2"), ("x.tar.json", "x-tar")]
        {
            assert_eq!(name_of(Path::new(file)).unwrap(), name);
        }
        assert!(name_of(Path::new("日本.json")).is_err());
        for bad in ["", "a b", "../x", "日本"] {
            assert!(checked_name(bad).is_err(), "{bad}");
        }
    }
}
