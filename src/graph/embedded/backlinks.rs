//! `data.ai.getBacklinks`: the blocks that refer to a page or a block.

use rusqlite::{Connection, OptionalExtension as _};
use serde_json::{Value, json};

use super::failure::{Failure, invalid};
use super::fold::fold;
use super::listing::Listing;
use super::read::queried_at;
use super::request::Request;
use super::search::words;
use super::store::{self, Id};

pub(super) fn backlinks(db: &Connection, request: &Request) -> Result<Value, Failure> {
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
    let mut sources: Vec<(Option<i64>, Id)> = db
        .prepare_cached(&format!(
            "SELECT {}, src FROM refs CROSS JOIN node ON node.id = src WHERE dst = ?1 AND NOT node.hidden",
            listing.key()
        ))?
        .query_map([target], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    if let Some(search) = request.text("search")? {
        let search = fold(search);
        let words: Vec<&str> = words(&search).collect();
        let mut kept = Vec::new();
        for source in sources {
            if words.is_empty() || mentions(db, source.1, &words)? {
                kept.push(source);
            }
        }
        sources = kept;
    }
    let sources = listing.sort(sources);
    let results = listing.show(db, &sources)?;
    let (total, shown) = (sources.len(), results.len());
    let next = listing.offset.saturating_add(shown);
    let mut answer = json!({ "queriedAt": queried_at(), "total": total, "shown": shown, "results": results });
    if shown > 0 && next < total {
        answer["nextOffset"] = next.into();
        answer["note"] = format!("{shown} of {total}; for the next ones set `offset` to {next}.").into();
    }
    Ok(answer)
}

/// Whether all words are in a block, above it, or directly below it.
fn mentions(db: &Connection, block: Id, words: &[&str]) -> Result<bool, Failure> {
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
    let around = fold(&around.unwrap_or_default());
    Ok(words.iter().all(|word| around.contains(word)))
}
