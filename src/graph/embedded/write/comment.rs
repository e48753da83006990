//! `data.block.addComment` and `data.ai.getComments`.
//!
//! The comments on a block stand in daily notes, below a block `[[roam/comments]] ((uid))`: one such block for each
//! day, so a remark of the same day joins the earlier ones.

use jiff::{Timestamp, Zoned};
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::create::insert;
use super::location::{Order, section};
use super::{Found, found, not_found};
use crate::graph::embedded::annotations::without_annotations;
use crate::graph::embedded::daily;
use crate::graph::embedded::failure::{Failure, invalid};
use crate::graph::embedded::outline::Draft;
use crate::graph::embedded::read::{queried_at, time};
use crate::graph::embedded::render::{Extent, markdown};
use crate::graph::embedded::request::Request;
use crate::graph::embedded::store::{self, Id};

/// Adds a comment to a block.
pub(in crate::graph::embedded) fn add(
    db: &Connection,
    request: &Request,
    drafts: Option<&[Draft]>,
) -> Result<Value, Failure> {
    let uid = request.text("block-uid")?.ok_or_else(|| invalid("`block-uid` says what the comment is on."))?;
    let plain;
    let drafts = match (request.text("reply-string")?, drafts) {
        (Some(text), None) => {
            plain = [Draft { depth: 0, text: without_annotations(text), heading: None }];
            &plain[..]
        }
        (None, Some(drafts)) => drafts,
        _ => return Err(invalid("Give either `reply-string` or `reply-markdown`.")),
    };
    if drafts.iter().all(|draft| draft.text.trim().is_empty()) {
        return Err(invalid("The comment is empty."));
    }
    target(db, uid)?;
    let now = Timestamp::now().as_millisecond();
    let today = store::page(db, &daily::title(Zoned::now().date()), now)?;
    let container = section(db, today, &heading(uid), now)?;
    let uids = insert(db, container, Order::Last, drafts, true, now)?;
    store::touch(db, container, now)?;
    let parent: String =
        db.prepare_cached("SELECT uid FROM node WHERE id = ?1")?.query_row([container], |row| row.get(0))?;
    Ok(json!({ "uids": uids, "parentUid": parent }))
}

/// The comments on a block, oldest first.
pub(in crate::graph::embedded) fn get(db: &Connection, request: &Request) -> Result<Value, Failure> {
    let uid = request.text("uid")?.ok_or_else(|| invalid("Give the uid of a block."))?;
    let target = target(db, uid)?;
    let extent = Extent { depth: request.count("maxDepth")?, chars: None };
    let mut containers = db.prepare_cached(
        "SELECT node.id, uid, coalesce((SELECT name FROM user WHERE user.uid = created_by), created_by), created_at
         FROM refs CROSS JOIN node ON node.id = refs.src
         WHERE refs.dst = ?1 AND node.text = ?2 AND NOT node.hidden ORDER BY created_at, node.id",
    )?;
    let mut rows = containers.query(params![target, heading(uid)])?;
    let mut comments = Vec::new();
    while let Some(row) = rows.next()? {
        let (shown, single) = below(db, row.get(0)?, extent)?;
        comments.push(json!({
            "parentUid": row.get::<_, String>(1)?,
            "author": row.get::<_, Option<String>>(2)?,
            "createdTime": row.get::<_, Option<i64>>(3)?.and_then(time),
            "editedTime": last_edit(db, row.get(0)?)?.and_then(time),
            "markdown": shown,
            "singleEditableUid": single,
        }));
    }
    Ok(json!({ "queriedAt": queried_at(), "total": comments.len(), "comments": comments }))
}

/// What stands below a block, and the uid of it if it is a single block.
fn below(db: &Connection, parent: Id, extent: Extent) -> Result<(String, Option<String>), Failure> {
    let blocks: Vec<(Id, String, bool)> = db
        .prepare_cached(
            "SELECT id, uid, EXISTS (SELECT 1 FROM node AS child WHERE child.parent = node.id) FROM node
             WHERE parent = ?1 AND NOT hidden ORDER BY ord",
        )?
        .query_map([parent], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let shown = blocks.iter().map(|(id, ..)| markdown(db, *id, extent)).collect::<Result<Vec<_>, _>>()?;
    let single = match &*blocks {
        [(_, uid, false)] => Some(uid.clone()),
        _ => None,
    };
    Ok((shown.join("\n"), single))
}

/// When a remark of a day was last added or changed.
fn last_edit(db: &Connection, container: Id) -> Result<Option<i64>, Failure> {
    let edited = db
        .prepare_cached(
            "WITH RECURSIVE tree(id) AS (
                 VALUES (?1) UNION ALL SELECT child.id FROM tree JOIN node AS child ON child.parent = tree.id
             )
             SELECT max(edited_at) FROM tree CROSS JOIN node ON node.id = tree.id",
        )?
        .query_row([container], |row| row.get(0))?;
    Ok(edited)
}

/// The block that stands above the comments of a day.
fn heading(uid: &str) -> String {
    format!("[[roam/comments]] (({uid}))")
}

fn target(db: &Connection, uid: &str) -> Result<Id, Failure> {
    match found(db, uid)? {
        Some(Found { id, page: false }) => Ok(id),
        Some(_) => Err(invalid("Comments are on blocks, and that uid is a page.")),
        None => Err(not_found("There is no block with that uid.", uid)),
    }
}
