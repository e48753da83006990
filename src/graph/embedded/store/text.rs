//! What follows from the text of a page or block: its references, its place in the search index, whether it is hidden.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Id, find, page};
use crate::graph::embedded::failure::Failure;
use crate::graph::embedded::fold::fold;
use crate::graph::embedded::index;
use crate::graph::markup::{Reference, references};

/// Pages whose tag hides a block from the tools, with everything below it.
const HIDE_TAGS: [&str; 2] = [".rm-hide", ".rm-private"];

/// Stores a reference, with the time of the block that it is in.
const REFER: &str = "INSERT OR IGNORE INTO refs(src, dst, made_at) VALUES (?1, ?2, ?3)";

/// Gives a page another title or a block another text.
pub(in crate::graph::embedded) fn set_text(db: &Connection, id: Id, text: &str, now: i64) -> Result<(), Failure> {
    let (is_page, made, before): (bool, Option<i64>, String) = db
        .prepare_cached("SELECT parent IS NULL, created_at, text FROM node WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    db.prepare_cached("UPDATE node SET text = ?2 WHERE id = ?1")?.execute(params![id, text])?;
    index::replace(db, id, &before, text)?;
    let new = references(text);
    if is_page || new == references(&before) {
        return Ok(());
    }
    db.prepare_cached("DELETE FROM refs WHERE src = ?1")?.execute([id])?;
    let references = new;
    let hides = hides(&references);
    refer(db, id, references, made, now)?;
    let (hidden, above): (bool, bool) = db
        .prepare_cached(
            "SELECT node.hidden, up.hidden FROM node JOIN node AS up ON up.id = node.parent WHERE node.id = ?1",
        )?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if hidden != (hides || above) {
        rehide(db, id)?;
    }
    Ok(())
}

/// Stores what a block made at some time refers to. Pages that are not there are made.
pub(super) fn refer(
    db: &Connection,
    id: Id,
    references: Vec<Reference>,
    made: Option<i64>,
    now: i64,
) -> Result<(), Failure> {
    for reference in references {
        let target = match reference {
            Reference::Page(title) => Some(page(db, &title, now)?),
            Reference::Block(uid) => find(db, &uid)?,
        };
        if let Some(target) = target {
            db.prepare_cached(REFER)?.execute(params![id, target, made])?;
        }
    }
    Ok(())
}

/// Finds the blocks that named the uid of something before it was there.
pub(super) fn adopt(db: &Connection, id: Id) -> Result<(), Failure> {
    let uid: String = db.prepare_cached("SELECT uid FROM node WHERE id = ?1")?.query_row([id], |row| row.get(0))?;
    let reference = Reference::Block(uid.clone());
    for (block, text) in containing(db, &format!("(({uid}))"))? {
        if references(&text).contains(&reference) {
            let made: Option<i64> =
                db.prepare_cached("SELECT created_at FROM node WHERE id = ?1")?.query_row([block], |row| row.get(0))?;
            db.prepare_cached(REFER)?.execute(params![block, id, made])?;
        }
    }
    Ok(())
}

/// The pages with `[[title]]` within their own title.
pub(in crate::graph::embedded) fn titled_with(db: &Connection, title: &str) -> Result<Vec<(Id, String)>, Failure> {
    // There are few pages, and their titles stand together in an index. The words would lead to every block with the link.
    let mut titles =
        db.prepare_cached("SELECT id, text FROM node INDEXED BY node_title WHERE parent IS NULL AND instr(text, ?1)")?;
    let rows = titles.query_map([format!("[[{title}]]")], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The blocks whose text contains exactly this.
fn containing(db: &Connection, part: &str) -> Result<Vec<(Id, String)>, Failure> {
    let texts = "SELECT id, text FROM node WHERE parent IS NOT NULL AND instr(text, ?1)";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let Some(candidates) = index::narrow(db, [fold(part).as_str()])? else {
        // What is all punctuation is in no index, and is hardly ever asked for.
        return Ok(db.prepare_cached(texts)?.query_map([part], read)?.collect::<Result<_, _>>()?);
    };
    let mut one = db.prepare_cached(&format!("{texts} AND id = ?2"))?;
    let mut found = Vec::new();
    for id in candidates.iter() {
        found.extend(one.query_row(params![part, id], read).optional()?);
    }
    Ok(found)
}

/// The blocks that refer to something.
pub(in crate::graph::embedded) fn referring(db: &Connection, target: Id) -> rusqlite::Result<Vec<(Id, String)>> {
    let mut found =
        db.prepare_cached("SELECT id, text FROM refs CROSS JOIN node ON node.id = refs.src WHERE refs.dst = ?1")?;
    let rows = found.query_map([target], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// Removes a page or block that has no children, and everything that follows from its text.
pub(in crate::graph::embedded) fn forget(db: &Connection, id: Id) -> Result<(), rusqlite::Error> {
    let text: Option<String> =
        db.prepare_cached("SELECT text FROM node WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()?;
    text.map_or(Ok(()), |text| index::remove(db, id, &text))?;
    for removal in
        ["DELETE FROM refs WHERE src = ?1", "DELETE FROM refs WHERE dst = ?1", "DELETE FROM node WHERE id = ?1"]
    {
        db.prepare_cached(removal)?.execute([id])?;
    }
    Ok(())
}

/// Whether a block with these references is hidden from the tools.
pub(in crate::graph::embedded) fn hides(references: &[Reference]) -> bool {
    references
        .iter()
        .any(|reference| matches!(reference, Reference::Page(title) if HIDE_TAGS.contains(&title.as_str())))
}

/// Works out again whether a block, and each block below it, is hidden.
pub(in crate::graph::embedded) fn rehide(db: &Connection, id: Id) -> Result<(), rusqlite::Error> {
    let [one, other] = HIDE_TAGS;
    let mut referring = db.prepare_cached(
        "WITH RECURSIVE tree(id) AS (
             VALUES (?1) UNION ALL SELECT child.id FROM tree JOIN node AS child ON child.parent = tree.id
         )
         SELECT DISTINCT block.id, block.text
         FROM node AS tag CROSS JOIN refs ON refs.dst = tag.id CROSS JOIN node AS block ON block.id = refs.src
         WHERE tag.text IN (?2, ?3) AND tag.parent IS NULL AND refs.src IN tree",
    )?;
    let rows = referring.query_map(params![id, one, other], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let referring: Vec<(Id, String)> = rows.collect::<Result<_, _>>()?;
    // A reference to the page of a tag by its uid is none to the tag.
    let tagged: Vec<Id> =
        referring.into_iter().filter(|(_, text)| hides(&references(text))).map(|(id, _)| id).collect();
    let mut tree = db.prepare_cached(
        "WITH RECURSIVE
         tagged(id) AS (SELECT value FROM json_each(?2)),
         tree(id, hidden) AS (
             SELECT node.id, up.hidden OR node.id IN tagged FROM node JOIN node AS up ON up.id = node.parent WHERE node.id = ?1
             UNION ALL
             SELECT child.id, tree.hidden OR child.id IN tagged FROM tree JOIN node AS child ON child.parent = tree.id
         )
         SELECT tree.id, tree.hidden FROM tree CROSS JOIN node ON node.id = tree.id WHERE node.hidden <> tree.hidden",
    )?;
    let tagged = serde_json::Value::from(tagged).to_string();
    let rows = tree.query_map(params![id, tagged], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let changed: Vec<(Id, bool)> = rows.collect::<Result<_, _>>()?;
    for (id, hidden) in changed {
        db.prepare_cached("UPDATE node SET hidden = ?2 WHERE id = ?1")?.execute(params![id, hidden])?;
    }
    Ok(())
}
