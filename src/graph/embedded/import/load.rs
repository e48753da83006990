//! Putting the pages of an export into a new database.

use rusqlite::{Connection, Statement, params};
use serde_json::{Map, Value};

use super::export::{Node, Person, Text};
use super::indexer::Indexer;
use super::merge;
use crate::graph::embedded::failure::Failure;
use crate::graph::embedded::store::{self, Id, hides};
use crate::graph::embedded::{daily, uid};
use crate::graph::markup::Reference;

/// Takes one page after the other. References wait until all pages are there.
pub(super) struct Loader<'db> {
    pub(super) db: &'db Connection,
    insert: Statement<'db>,
    refer: Statement<'db>,
    indexer: Indexer,
    next: Id,
    pub(super) pages: u64,
    pub(super) blocks: u64,
    pub(super) repaired: u64,
    pub(super) astray: u64,
    /// Pages of the left sidebar, each behind what the export says about its place.
    shortcuts: Vec<(i64, Id)>,
}

/// Why a page cannot be stored.
pub(super) enum Problem {
    /// It is not as it should be; the text says how.
    Export(String),
    Store(Failure),
}

/// Where a block goes.
struct Place {
    parent: Option<Id>,
    page: Id,
    order: i64,
    hidden: bool,
}

impl<'db> Loader<'db> {
    pub(super) fn new(db: &'db Connection) -> Result<Self, Failure> {
        db.execute_batch(
            "CREATE TEMP TABLE waiting (src INTEGER NOT NULL, made_at INTEGER, block INTEGER NOT NULL, name TEXT NOT NULL)",
        )?;
        let insert = db.prepare(
            "INSERT INTO node(id, uid, parent, page, ord, text, hidden, heading, children_view, text_align, open, log_id,
                created_at, created_by, edited_at, edited_by, extra)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )?;
        let refer = db.prepare("INSERT INTO waiting(src, made_at, block, name) VALUES (?1, ?2, ?3, ?4)")?;
        let indexer = Indexer::start()?;
        Ok(Self {
            db,
            insert,
            refer,
            indexer,
            next: 1,
            pages: 0,
            blocks: 0,
            repaired: 0,
            astray: 0,
            shortcuts: Vec::new(),
        })
    }

    /// Stores a page with all its blocks.
    pub(super) fn page(&mut self, mut page: Node) -> Result<(), Problem> {
        let Some(title) = page.title.take() else {
            return Err(Problem::Export("this page has no title".into()));
        };
        let day = daily::from_title(&title);
        page.uid = page.uid.filter(|uid| !uid.is_empty()).or_else(|| day.map(daily::uid));
        page.log_id = page.log_id.or_else(|| day.and_then(daily::log_id));
        page.edited_at = page.last_edit();
        let id = self.next;
        self.shortcuts.extend(page.sidebar.map(|place| (place, id)));
        let place = Place { parent: None, page: id, order: 0, hidden: false };
        self.node(&mut page, title, &place)?;
        self.pages += 1;
        self.children(page.children, id, id, false)
    }

    /// Stores the children of a node. The depth is bounded: what reads an export refuses to go deeper.
    fn children(&mut self, mut children: Vec<Node>, parent: Id, page: Id, hidden: bool) -> Result<(), Problem> {
        // Where orders are written they count, with whatever gaps; without them the children stand in their order.
        children.sort_by_key(|child| child.order.unwrap_or(Id::MAX));
        for (order, mut child) in (0..).zip(children) {
            let Text { string, references } = child.string.take().unwrap_or_default();
            let hidden = hidden || hides(&references);
            let id = self.next;
            self.node(&mut child, string, &Place { parent: Some(parent), page, order, hidden })?;
            self.blocks += 1;
            for reference in references {
                let (block, name) = match reference {
                    Reference::Page(title) => (false, title),
                    Reference::Block(uid) => (true, uid),
                };
                self.refer.execute(params![id, child.created_at, block, name])?;
            }
            self.children(child.children, id, page, hidden)?;
        }
        Ok(())
    }

    fn node(&mut self, node: &mut Node, text: String, place: &Place) -> Result<(), Problem> {
        let uid = match node.uid.take().filter(|uid| !uid.is_empty()) {
            Some(uid) => uid,
            None => {
                self.repaired += 1;
                uid::random()?
            }
        };
        node.people.drain(..).try_for_each(|who| person(self.db, who))?;
        let extra = written(std::mem::take(&mut node.extra));
        let stored = self.insert.execute(params![
            self.next,
            uid,
            place.parent,
            place.page,
            place.order,
            text,
            place.hidden,
            node.heading.filter(|level| (1..=3).contains(level)),
            node.children_view,
            node.text_align,
            node.open.unwrap_or(true),
            node.log_id,
            node.created_at,
            node.created_by,
            node.edited_at,
            node.edited_by,
            extra,
        ]);
        match stored {
            Err(error) if is_taken(&error, "node.uid") => {
                return Err(Problem::Export(format!("the uid {uid:?} is there twice")));
            }
            Err(error) if is_taken(&error, "") => {
                return Err(Problem::Export(format!("the page {text:?} is there twice")));
            }
            stored => stored?,
        };
        self.indexer.add(self.db, self.next, text)?;
        self.next += 1;
        Ok(())
    }

    /// Resolves the references and makes the pages that are only mentioned. Returns how many those are. One that was in the
    /// graph before keeps its uid: blocks and people may have it by now.
    pub(super) fn finish(mut self, before: Option<&Connection>) -> Result<u64, Failure> {
        self.shortcuts.sort_unstable();
        for (order, (_, page)) in (0_i64..).zip(&self.shortcuts) {
            self.db.execute("INSERT INTO shortcut(page, ord) VALUES (?1, ?2)", params![page, order])?;
        }
        let missing: Vec<String> = self
            .db
            .prepare(
                "SELECT DISTINCT name FROM waiting WHERE NOT block
                 AND NOT EXISTS (SELECT 1 FROM node WHERE text = name AND parent IS NULL)",
            )?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let mentioned = missing.len() as u64;
        for title in missing {
            let uid = before.map(|before| merge::uid_of_page(before, &title)).transpose()?.flatten();
            let id = store::create_page(self.db, &title, uid, None)?;
            self.indexer.add(self.db, id, title)?;
        }
        self.indexer.finish(self.db)?;
        self.db.execute_batch(
            "INSERT OR IGNORE INTO refs(src, dst, made_at)
                 SELECT src, target.id, made_at FROM waiting
                 CROSS JOIN node AS target ON target.uid = name WHERE block
                 UNION ALL
                 SELECT src, target.id, made_at FROM waiting
                 CROSS JOIN node AS target ON target.text = name AND target.parent IS NULL WHERE NOT block;
             DROP TABLE waiting;",
        )?;
        Ok(mentioned)
    }
}

/// Stores who somebody is.
pub(super) fn person(db: &Connection, person: Person) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO user(uid, name, extra) VALUES (?1, ?2, ?3)")?.execute(params![
        person.uid,
        person.name,
        written(person.extra)
    ])?;
    Ok(())
}

/// What else is said of something, as it is stored.
fn written(extra: Map<String, Value>) -> Option<String> {
    (!extra.is_empty()).then(|| Value::Object(extra).to_string())
}

/// Whether a row was refused because something unique is there already.
fn is_taken(error: &rusqlite::Error, column: &str) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) && error.to_string().contains(column)
}

impl<E: Into<Failure>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}
