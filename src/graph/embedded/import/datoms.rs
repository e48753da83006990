//! The EDN export: Roam's database as a list of facts, `[entity attribute value transaction]`.
//!
//! The facts are put into temporary tables first, because what is on a page stands all over the file. Then the pages
//! are built one by one, as they come out of the JSON export.

mod entity;

use std::io::BufRead;

use rusqlite::Connection;
use serde_json::Value;

use super::edn::{Edn, trouble};
use super::export::{LEVELS, Node};
use super::load::{Loader, Problem};
use entity::{Entities, Entity, node};

/// What follows from the rest, or names entities by numbers that nothing has here.
const LEFT_OUT: [&str; 9] = [
    ":block/refs",
    ":block/parents",
    ":block/page",
    ":attrs/lookup",
    ":entity/attrs",
    ":create/seen-by",
    ":edit/seen-by",
    ":page/edit-user",
    ":user/display-page",
];
/// How often progress is reported, in facts and in pages.
const STRIDE: u64 = 10_000;
const PAGES: u64 = 64;

/// The facts of an export, in temporary tables.
pub(super) struct Datoms;

impl Datoms {
    /// Reads the export to its end. Progress is told as the number of blocks.
    pub(super) fn read<R: BufRead>(
        db: &Connection,
        edn: &mut Edn<R>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, Problem> {
        entity::create_table(db)?;
        db.execute_batch("CREATE TEMP TABLE child (e INTEGER PRIMARY KEY, parent)")?;
        edn.open(b'{')?;
        let mut found = false;
        while !edn.closes(b'}')? {
            if edn.value()? == ":datoms" {
                found = true;
                datoms(db, edn, progress)?;
            } else {
                edn.value()?;
            }
        }
        edn.end()?;
        if !found {
            return Err(trouble("there are no `:datoms` in it"));
        }
        db.execute_batch("CREATE INDEX temp.child_parent ON child(parent)")?;
        Ok(Self)
    }

    /// Gives the pages to the loader. `last` is the title of the last one that was taken. Progress is told as the part of
    /// the pages that is done, and the number of them and of their blocks.
    pub(super) fn pages(
        self,
        loader: &mut Loader<'_>,
        last: &mut Option<String>,
        progress: &mut dyn FnMut(f64, u64, u64),
    ) -> Result<(), Problem> {
        let db = loader.db;
        let all: i64 = db.query_row("SELECT count(*) FROM entity WHERE title IS NOT NULL", [], |row| row.get(0))?;
        let mut pages = db.prepare("SELECT e FROM entity WHERE title IS NOT NULL ORDER BY e")?;
        let mut rows = pages.query([])?;
        let mut found = 0;
        while let Some(row) = rows.next()? {
            let page = page(db, row.get(0)?, &mut found)?;
            let title = page.title.clone();
            loader.page(page)?;
            *last = title;
            if loader.pages.is_multiple_of(PAGES) {
                progress(loader.pages as f64 / all as f64, loader.pages, loader.blocks);
            }
        }
        drop(rows);
        drop(pages);
        let written: i64 =
            db.query_row("SELECT count(*) FROM entity WHERE string IS NOT NULL AND title IS NULL", [], |row| {
                row.get(0)
            })?;
        loader.astray = written.cast_unsigned().saturating_sub(found);
        entity::people(db)?;
        db.execute_batch("DROP TABLE entity; DROP TABLE child;")?;
        Ok(())
    }
}

/// Reads the list of facts.
fn datoms<R: BufRead>(db: &Connection, edn: &mut Edn<R>, progress: &mut dyn FnMut(u64)) -> Result<(), Problem> {
    // The same fact may stand there twice.
    let mut below = db.prepare(
        "INSERT INTO child(e, parent) VALUES (?1, ?2) ON CONFLICT(e) DO UPDATE SET e = e WHERE parent = excluded.parent",
    )?;
    let mut entities = Entities::new(db)?;
    // The facts of one entity stand together, as a rule.
    let mut current: Option<Entity> = None;
    let (mut count, mut blocks) = (0_u64, 0);
    edn.open(b'[')?;
    while !edn.closes(b']')? {
        let Value::Array(fact) = edn.value()? else { return Err(trouble("a fact is a list")) };
        let [entity, Value::String(attribute), value, ..] = fact.as_slice() else {
            return Err(trouble("a fact is `[entity attribute value transaction]`"));
        };
        let entity = entity.as_i64().ok_or_else(|| trouble("an entity is a number"))?;
        if attribute == ":block/children" {
            let child = value.as_i64().ok_or_else(|| trouble("a child is a number"))?;
            if below.execute([child, entity])? == 0 {
                return Err(trouble(format!("the entity {child} is below two others")));
            }
        } else if !LEFT_OUT.contains(&attribute.as_str()) {
            if current.as_ref().is_none_or(|current| current.id() != entity)
                && let Some(done) = current.replace(entities.load(entity)?)
            {
                entities.store(done)?;
            }
            if let Some(current) = &mut current {
                current.add(attribute, value)?;
            }
            blocks += u64::from(attribute == ":block/string");
        }
        count += 1;
        if count.is_multiple_of(STRIDE) {
            progress(blocks);
        }
    }
    current.map_or(Ok(()), |done| entities.store(done))
}

/// A page with all that is below it. `found` counts the blocks that are written in the export.
fn page(db: &Connection, root: i64, found: &mut u64) -> Result<Node, Problem> {
    let mut tree = db.prepare_cached(
        "WITH RECURSIVE tree(e, depth, ord) AS (
             VALUES (?1, 0, 0)
             UNION ALL
             SELECT child.e, tree.depth + 1, entity.ord
             FROM tree CROSS JOIN child ON child.parent = tree.e CROSS JOIN entity ON entity.e = child.e
             ORDER BY 2 DESC, 3
         )
         SELECT tree.depth, entity.*, (SELECT person FROM entity AS who WHERE who.e = entity.creator) AS created_by,
             (SELECT person FROM entity AS who WHERE who.e = entity.editor) AS edited_by
         FROM tree CROSS JOIN entity ON entity.e = tree.e",
    )?;
    let mut rows = tree.query([root])?;
    // What is above the next block, the page first.
    let mut above: Vec<Node> = Vec::new();
    while let Some(row) = rows.next()? {
        let depth = row.get::<_, u32>(0)? as usize;
        if depth > 0 && row.get::<_, i64>("e")? == root {
            let title = above.first().and_then(|page| page.title.clone()).unwrap_or_default();
            return Err(trouble(format!("the page {title:?} is below itself")));
        }
        if depth > LEVELS {
            return Err(trouble(format!("blocks nest deeper than {LEVELS} levels")));
        }
        close(&mut above, depth);
        let block = node(row)?;
        *found += u64::from(depth > 0 && block.string.is_some());
        above.push(block);
    }
    close(&mut above, 1);
    Ok(above.pop().unwrap_or_default())
}

/// Puts what has all its children below its parent, until so many are left.
fn close(above: &mut Vec<Node>, left: usize) {
    while above.len() > left
        && let Some(done) = above.pop()
        && let Some(parent) = above.last_mut()
    {
        parent.children.push(done);
    }
}
