//! The database file: its tables, and how a connection to it is set up.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// Marks the file as ours in its header: "roam" in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x726f_616d;
/// Counts the changes of the tables below.
pub(super) const VERSION: i32 = 5;

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
/// * `local` is 1 for what was made here, 2 for what came with the export and was changed here, 0 for the rest. `gone` has
///   the uids of what came with the export and was deleted here.
/// * `refs` has the time of its block, so that the newest references of thousands are found without looking at all.
/// * `shortcut` holds the pages of the left sidebar; their `ord` too counts from 0 without gaps.
/// * `user` has who is named in `created_by` and `edited_by`, as far as the export says more of them than that; `extra` as
///   in `node`.
/// * `source` has the exports that this is the graph of, by their paths.
///
/// The search index (see `index`) is `posting` and `vocabulary`. FTS5 finds parts of words, and words in scripts without
/// spaces, only with its trigrams, which take twice as long to make as all the rest.
///
/// * A row of `posting` is some of the nodes with a word: the first of them, and in `rest` the steps to the others.
/// * A row of `vocabulary` is some of all words, in order, each on a line; `first` is the first of them.
pub(in crate::graph) const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE source (path TEXT PRIMARY KEY) WITHOUT ROWID;
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
CREATE TABLE gone (uid TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE user (uid TEXT PRIMARY KEY, name TEXT, extra TEXT) WITHOUT ROWID;
CREATE TABLE shortcut (page INTEGER PRIMARY KEY REFERENCES node(id), ord INTEGER NOT NULL);
CREATE TABLE posting (
    word TEXT NOT NULL, first INTEGER NOT NULL, rest BLOB NOT NULL, PRIMARY KEY (word, first)
) WITHOUT ROWID;
CREATE TABLE vocabulary (first TEXT PRIMARY KEY, words TEXT NOT NULL) WITHOUT ROWID;
";

/// The indexes that an import does without until the end, which makes it faster.
pub(super) const INDEXES: &str = "
CREATE INDEX node_children ON node(parent, ord) WHERE parent IS NOT NULL;
CREATE INDEX node_recent ON node(edited_at) WHERE parent IS NULL;
CREATE INDEX node_hidden ON node(id) WHERE hidden;
CREATE INDEX refs_back ON refs(dst, made_at, src);
";

/// Notes what is done here to what came with an export; another export would undo it. What moves up or down because
/// something else came or went is not changed by that.
pub(super) const TRIGGERS: &str = "
CREATE TRIGGER node_changed AFTER UPDATE OF text, parent, heading, children_view, text_align, open ON node
WHEN old.local = 0 BEGIN UPDATE node SET local = 2 WHERE id = old.id; END;
CREATE TRIGGER node_deleted AFTER DELETE ON node
WHEN old.local <> 1 BEGIN INSERT OR IGNORE INTO gone(uid) VALUES (old.uid); END;
CREATE TRIGGER shortcut_added AFTER INSERT ON shortcut
BEGIN UPDATE node SET local = 2 WHERE id = new.page AND local = 0; END;
CREATE TRIGGER shortcut_deleted AFTER DELETE ON shortcut
BEGIN UPDATE node SET local = 2 WHERE id = old.page AND local = 0; END;
";

/// What the planner is told of the tables: those of a graph of a million blocks. A plan for many rows is good for few, and
/// a graph may be imported with one page and grow; what `ANALYZE` finds at the import would make walks down a page read
/// the whole table at each step.
pub(super) const STATISTICS: &str = "
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1(tbl, idx, stat) VALUES
    ('node', 'node_uid', '1050000 1'),
    ('node', 'node_title', '50000 1'),
    ('node', 'node_children', '1000000 5 1'),
    ('node', 'node_recent', '50000 1'),
    ('node', 'node_hidden', '1000 1'),
    ('refs', 'refs', '240000 2 1'),
    ('refs', 'refs_back', '240000 11 1 1'),
    ('posting', 'posting', '126000 1 1'),
    ('vocabulary', 'vocabulary', '1100 1');
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
