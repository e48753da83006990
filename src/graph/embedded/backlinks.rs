//! `data.ai.getBacklinks`: the blocks that refer to a page or a block.

use rusqlite::{Connection, OptionalExtension as _};
use serde_json::{Value, json};

use super::bound::Bound;
use super::failure::{Failure, invalid};
use super::fold::fold;
use super::listing::Listing;
use super::read::queried_at;
use super::request::Request;
use super::store::{self, Id};
use super::wanted::Wanted;

pub(super) fn backlinks(db: &Connection, request: &Request, _: &Bound) -> Result<Value, Failure> {
    let target = match (request.text("uid")?, request.text("title")?) {
        (Some(uid), _) if !uid.is_empty() => store::find(db, uid)?,
        (_, Some(title)) => store::find_page(db, title)?,
        _ => return Err(invalid("Give the title of a page, or the uid of a page or block.")),
    };
    let listing = Listing::new(request)?;
    let Some(target) = target else {
        let note = "There is no such page or block.";
        return Ok(json!({ "queriedAt": queried_at(), "total": 0, "shown": 0, "results": [], "note": note }));
    };
    let search = request.text("search")?.map(Wanted::new).transpose()?.filter(|wanted| !wanted.words.is_empty());
    let (total, results) = match search {
        None if listing.is_newest_first() => {
            let ids = newest(db, target, listing.offset, listing.limit)?;
            (count(db, target)?, listing.items(db, &ids)?)
        }
        search => {
            let sources = listing.sort(sources(db, target, listing.key(), search.as_ref())?);
            (sources.len(), listing.show(db, &sources)?)
        }
    };
    let shown = results.len();
    let next = listing.offset.saturating_add(shown);
    let mut answer = json!({ "queriedAt": queried_at(), "total": total, "shown": shown, "results": results });
    if shown > 0 && next < total {
        answer["nextOffset"] = next.into();
        answer["note"] = format!("{shown} of {total}; for the next ones set `offset` to {next}.").into();
    }
    Ok(answer)
}

/// How many blocks that can be seen refer to something.
pub(super) fn count(db: &Connection, target: Id) -> Result<usize, Failure> {
    let count: i64 = db
        .prepare_cached("SELECT count(*) FROM refs WHERE dst = ?1 AND src NOT IN (SELECT id FROM node WHERE hidden)")?
        .query_row([target], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// A part of the blocks that refer to something, the newest first. However many there are, only this part is looked at.
pub(super) fn newest(db: &Connection, target: Id, offset: usize, limit: usize) -> Result<Vec<Id>, Failure> {
    let [offset, limit] = [offset, limit].map(|number| i64::try_from(number).unwrap_or(i64::MAX));
    let mut query = db.prepare_cached(
        "SELECT src FROM refs WHERE dst = ?1 AND src NOT IN (SELECT id FROM node WHERE hidden)
         ORDER BY made_at DESC, src DESC LIMIT ?3 OFFSET ?2",
    )?;
    let rows = query.query_map([target, offset, limit], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The blocks that refer to something and have all the words around them, each with the key that it is sorted by.
fn sources(db: &Connection, target: Id, key: &str, search: Option<&Wanted>) -> Result<Vec<(Option<i64>, Id)>, Failure> {
    let all: Vec<(Option<i64>, Id)> = db
        .prepare_cached(&format!(
            "SELECT {key}, src FROM refs CROSS JOIN node ON node.id = src WHERE dst = ?1 AND NOT node.hidden"
        ))?
        .query_map([target], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let Some(search) = search else { return Ok(all) };
    let mut kept = Vec::new();
    for source in all {
        if mentions(db, source.1, search)? {
            kept.push(source);
        }
    }
    Ok(kept)
}

/// Whether all words are in a block, above it, or directly below it.
fn mentions(db: &Connection, block: Id, wanted: &Wanted) -> Result<bool, Failure> {
    let around: Option<String> = db
        .prepare_cached(
            "WITH RECURSIVE up(id) AS (
                 VALUES (?1)
                 UNION ALL SELECT node.parent FROM up JOIN node ON node.id = up.id WHERE node.parent IS NOT NULL
             )
             SELECT group_concat(text, char(10)) FROM node
             WHERE id IN up OR id IN (SELECT id FROM node WHERE parent = ?1 AND NOT hidden)",
        )?
        .query_row([block], |row| row.get(0))
        .optional()?
        .flatten();
    Ok(wanted.is_in(&fold(&around.unwrap_or_default())))
}
