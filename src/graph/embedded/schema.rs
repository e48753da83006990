//! The database file: its tables, and how a connection to it is set up.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// Marks the file as ours in its header: "roam" in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x726f_616d;
/// Counts the changes of the tables below.
pub(super) const VERSION: i32 = 3;

/// Another process may hold the write lock while it stores a large paste; nobody waits longer than a client would.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Holds the inner pages of every index of a million blocks. There are at most five connections.
const CACHE_KIBIBYTES: i32 = 16 * 1024;

/// Pages and blocks are one table, because Roam's references, uids and parents do not tell them apart.
///
/// * A page has no parent, and `text` is its title. A block has one, and `text` is its string.
/// * `page` is the page a block is on; a page is on itself.
/// * `ord` counts from 0 without gaps among the children of one parent.
/// * `hidden` is 1 for a block that carries a hide tag, and for everything below it.
/// * `log_id` marks daily notes. `extra` keeps what the export says and nothing here reads, as JSON.
/// * `local` is 1 for what was made here; the rest came with an export.
/// * `refs` has the time of its block, so that the newest references of thousands are found without looking at all.
/// * `shortcut` holds the pages of the left sidebar; their `ord` too counts from 0 without gaps.
///
/// `words` is the search index over folded text (see `fold`). It stores trigrams: the other tokenizers of SQLite know
/// words only by the spaces between them, which Chinese and Japanese do not write, while a trigram index finds any
/// substring in any language. It keeps neither the text nor positions (`content=''`, `detail=none`), which makes it a
/// third as large; the search checks its candidates against the text, which it needs for the ranking anyway.
pub(in crate::graph) const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE node (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL,
    parent INTEGER REFERENCES node(id),
    page INTEGER NOT NULL REFERENCES node(id),
    ord INTEGER NOT NULL,
    text TEXT NOT NULL,
    hidden INTEGER NOT NULL DEFAULT 0,
    heading INTEGER,
    children_view TEXT,
    text_align TEXT,
    open INTEGER NOT NULL DEFAULT 1,
    log_id INTEGER,
    created_at INTEGER,
    created_by TEXT,
    edited_at INTEGER,
    edited_by TEXT,
    extra TEXT,
    local INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX node_uid ON node(uid);
CREATE UNIQUE INDEX node_title ON node(text) WHERE parent IS NULL;
CREATE TABLE refs (
    src INTEGER NOT NULL, dst INTEGER NOT NULL, made_at INTEGER, PRIMARY KEY (src, dst)
) WITHOUT ROWID;
CREATE TABLE shortcut (page INTEGER PRIMARY KEY REFERENCES node(id), ord INTEGER NOT NULL);
CREATE VIRTUAL TABLE words USING fts5(
    text, content='', contentless_delete=1, detail=none, tokenize='trigram case_sensitive 1'
);
";

/// The indexes that an import does without until the end, which makes it faster.
pub(super) const INDEXES: &str = "
CREATE INDEX node_children ON node(parent, ord) WHERE parent IS NOT NULL;
CREATE INDEX node_recent ON node(edited_at) WHERE parent IS NULL;
CREATE INDEX node_hidden ON node(id) WHERE hidden;
CREATE INDEX refs_back ON refs(dst, made_at, src);
";

/// Opens a database that exists, for reading alone or for writing too.
pub(super) fn connect(path: &Path, write: bool) -> rusqlite::Result<Connection> {
    let access = if write { OpenFlags::SQLITE_OPEN_READ_WRITE } else { OpenFlags::SQLITE_OPEN_READ_ONLY };
    // Each connection is used by one thread at a time, so SQLite's own mutex is not needed.
    let db = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.set_prepared_statement_cache_capacity(128);
    db.pragma_update(None, "cache_size", -CACHE_KIBIBYTES)?;
    // One plan for each statement: otherwise statements are planned anew for the values that are bound to them.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    if write {
        // What a client was told is written must survive a power cut, and writes here are few and small.
        db.pragma_update(None, "synchronous", "FULL")?;
        // To look for what refers to a row by its `page` takes an index that nothing else needs; without one, each
        // deletion reads the whole table.
        db.pragma_update(None, "foreign_keys", false)?;
    }
    Ok(db)
}
