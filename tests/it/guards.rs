//! Rules about the source itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|kind| kind == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `http` for `src/http.rs` and for everything below `src/http`.
fn module(path: &Path) -> String {
    let inner = path.strip_prefix(root().join("src")).unwrap();
    let first = inner.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules of this crate that a source names, by `crate::` or, in the binary, by its own name.
fn imports(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for prefix in ["crate::", "roam_mcp::"] {
        for (at, _) in source.match_indices(prefix) {
            let rest = &source[at + prefix.len()..];
            let list = match rest.strip_prefix('{') {
                Some(list) => list.split('}').next().unwrap_or_default().split(',').collect(),
                None => vec![rest],
            };
            for item in list {
                let name: String =
                    item.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                if name.starts_with(|c: char| c.is_ascii_lowercase()) && name != "self" {
                    found.insert(name);
                }
            }
        }
    }
    found
}

/// The layers of the modules, as the table in the document says: `| 7 | `app` | … |`.
fn layers() -> BTreeMap<String, u32> {
    let document = read(&root().join("docs/ARCHITECTURE.md"));
    let rows = document.lines().filter_map(|line| {
        let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
        let layer = cells.next()?.parse().ok()?;
        Some((cells.next()?.trim_matches('`').to_owned(), layer))
    });
    rows.collect()
}

#[test]
fn imports_point_one_way() {
    let layers = layers();
    let rank =
        |module: &str| *layers.get(module).unwrap_or_else(|| panic!("`{module}` is not in the table of modules yet"));
    let mut backwards = Vec::new();
    for file in files(&root().join("src"), "rs") {
        let from = module(&file);
        // It says which modules there are.
        if from == "lib" {
            continue;
        }
        for to in imports(&read(&file)) {
            if to != from && rank(&to) >= rank(&from) {
                backwards.push(format!("{} imports {to}", file.display()));
            }
        }
    }
    assert!(backwards.is_empty(), "{backwards:#?}");
}

#[test]
fn unsafe_code_lives_in_one_file_of_the_program() {
    let keyword = concat!("uns", "afe");
    let has_it = |file: &PathBuf| {
        let source = read(file);
        let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
        code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_')).any(|word| word == keyword)
    };
    let found = |dir: &str| -> Vec<_> {
        let all = files(&root().join(dir), "rs").into_iter().filter(has_it);
        all.map(|file| file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned()).collect()
    };
    assert_eq!(found("src"), ["src/tailnet/ffi.rs"]);
    assert_eq!(found("tests"), ["tests/it/support/thread_signal.rs"]);
}

#[test]
fn modules_are_files_beside_their_folders() {
    for dir in ["src", "tests"] {
        let found: Vec<_> =
            files(&root().join(dir), "rs").into_iter().filter(|file| file.ends_with("mod.rs")).collect();
        assert!(found.is_empty(), "{found:?}");
    }
}

/// The targets of `[text](target)` in a document, without those in code.
fn links(text: &str) -> Vec<String> {
    let mut in_fence = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        } else if !in_fence {
            // What stands between backticks is code.
            let line: String = line.split('`').step_by(2).collect();
            for (at, _) in line.match_indices("](") {
                found.extend(line[at + 2..].split(')').next().map(str::to_owned));
            }
        }
    }
    found
}

/// How GitHub names the anchor of a heading.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let slug = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
    };
    headings.map(slug).collect()
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    let mut documents = files(&root().join("docs"), "md");
    documents.extend(["README.md", "tests/tailnet/README.md"].map(|name| root().join(name)));
    documents.retain(|document| document.exists());
    assert!(!documents.is_empty());
    let mut dead = Vec::new();
    for document in &documents {
        let text = read(document);
        for link in links(&text).iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { document.clone() } else { document.parent().unwrap().join(file) };
            let there = target.exists() && (anchor.is_empty() || anchors(&read(&target)).contains(anchor));
            if !there {
                dead.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn source_files_that_the_documents_name_are_there() {
    let mut documents = files(&root().join("docs"), "md");
    documents.push(root().join("README.md"));
    let (mut named, mut missing) = (0, Vec::new());
    for document in &documents {
        let text = read(document);
        for name in text.split('`').filter(|name| name.ends_with(".rs") && !name.contains(char::is_whitespace)) {
            named += 1;
            if ![root().join(name), root().join("src").join(name)].iter().any(|path| path.exists()) {
                missing.push(format!("{}: {name}", document.display()));
            }
        }
    }
    assert!(named > 15 && missing.is_empty(), "{named} named; missing: {missing:#?}");
}

#[test]
fn every_test_that_the_threat_table_names_is_there() {
    let document = read(&root().join("docs/SECURITY.md"));
    let table = document.split("## Tested").nth(1).unwrap().split("\n## ").next().unwrap();
    let tests: String = files(&root().join("tests/it"), "rs").iter().map(|path| read(path)).collect();
    let named: Vec<_> = table.split('`').skip(1).step_by(2).filter(|name| name.contains('_')).collect();
    assert!(named.len() > 15, "{named:?}");
    for name in named {
        assert!(tests.contains(&format!("fn {name}(")), "{name} is no test");
    }
}
