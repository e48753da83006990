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
    let directory = tempfile::tempdir().unwrap();
    let args = args(directory.path(), "[]");
    let nameless = ImportArgs { export: directory.path().join("日本.json"), ..args };
    assert!(run(&nameless).unwrap_err().to_string().contains("--name"));
    for bad in ["", "a b", "../x", "日本"] {
        assert!(checked_name(bad).is_err(), "{bad}");
    }
}

/// A loaded graph, and what `export` writes to `out`.
fn exported_to(directory: &Path, out: &str) -> anyhow::Result<()> {
    let args = args(directory, &json!([{ "title": "A", "uid": "a" }]).to_string());
    run(&ImportArgs { replace: true, ..args })?;
    let state_dir = Some(directory.join("state"));
    export(&ExportArgs { graph: "My-notes".into(), out: Some(directory.join(out)), state_dir })
}

#[test]
fn a_pipe_is_written_into_and_stays_one() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read_to_string(pipe).unwrap()
    });
    exported_to(directory.path(), "pipe").unwrap();
    assert!(reader.join().unwrap().contains("\"title\":\"A\""));
    assert!(!pipe.metadata().unwrap().is_file());
}

#[test]
fn a_link_to_something_without_a_path_of_its_own_is_written_into() {
    use std::io::Read as _;
    use std::os::fd::AsRawFd as _;

    let directory = tempfile::tempdir().unwrap();
    let (mut reader, writer) = std::io::pipe().unwrap();
    // As `/dev/stdout` is one.
    exported_to(directory.path(), &format!("/dev/fd/{}", writer.as_raw_fd())).unwrap();
    drop(writer);
    let mut written = String::new();
    reader.read_to_string(&mut written).unwrap();
    assert!(written.contains("\"title\":\"A\""), "{written}");
}

#[test]
fn a_link_stays_one_and_its_target_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::create_dir(path("elsewhere")).unwrap();
    for (link, target) in [("link", "elsewhere/there"), ("dangling", "elsewhere/not yet there")] {
        std::os::unix::fs::symlink(target, path(link)).unwrap();
        if link == "link" {
            std::fs::write(path(target), "old").unwrap();
        }
        exported_to(directory.path(), link).unwrap();
        assert!(path(link).is_symlink());
        assert!(std::fs::read_to_string(path(target)).unwrap().contains("\"title\":\"A\""), "{link}");
    }
}

#[test]
fn a_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let error = exported_to(directory.path(), "state").unwrap_err().to_string();
    assert!(error.contains("is a directory"), "{error}");
}

#[test]
fn a_zip_that_roam_numbered_gives_its_graph_the_name_of_the_file_within() {
    let directory = tempfile::tempdir().unwrap();
    let zip = |file: &str, inside: &[&str]| {
        let path = directory.path().join(file);
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        for name in inside {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        }
        zip.finish().unwrap();
        name_of(&path)
    };
    assert_eq!(zip("Roam-Export-1700000000000.zip", &["garden.json"]).as_deref(), Some("garden"));
    assert_eq!(zip("Roam-Export-1700000000000 (1).zip", &["a/garden.edn"]).as_deref(), Some("garden"));
    assert_eq!(zip("notes.zip", &["garden.json"]).as_deref(), Some("notes"));
    assert_eq!(zip("Roam-Export-2.zip", &["a.json", "b.json"]).as_deref(), Some("Roam-Export-2"));
}

#[test]
fn a_graph_is_meant_by_its_export_by_its_file_or_by_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let graphs = directory.path();
    let database = graphs.join("My-notes.sqlite");
    let export_of = |named: &Path| meant(named, graphs).unwrap().export;
    assert!(export_of(Path::new("My-notes")).is_some(), "there is no such graph yet");
    std::fs::write(&database, "").unwrap();
    for named in [Path::new("My-notes"), &database] {
        let graph = Meant { name: "My-notes".into(), database: database.clone(), export: None };
        assert_eq!(meant(named, graphs), Some(graph), "{named:?}");
    }
    for named in ["My-notes.json", "./My-notes", "/tmp/My-notes.zip", "Other"] {
        assert_eq!(export_of(Path::new(named)).as_deref(), Some(Path::new(named)));
    }
    assert_eq!(meant(Path::new("…"), graphs), None);
    std::fs::write(graphs.join("My-notes.sqlite-wal"), "").unwrap();
    assert_eq!(imported(graphs), ["My-notes"]);
    assert!(imported(&graphs.join("none")).is_empty());
}

#[test]
fn an_export_that_has_changed_is_told_with_the_command_that_loads_it() {
    let directory = tempfile::tempdir().unwrap();
    let args = args(directory.path(), &json!([{ "title": "A", "uid": "a" }]).to_string());
    run(&args).unwrap();
    let database = directory.path().join("state/graphs/My-notes.sqlite");
    assert_eq!(changed(&args.export, &database), None);
    std::fs::write(&args.export, "[]").unwrap();
    let told = changed(&args.export, &database).unwrap();
    let command = format!("`roam-mcp import {} --state-dir {}", args.export.display(), directory.path().display());
    assert!(told.contains(&command) && told.contains("--update") && told.contains("--replace"), "{told}");
}
