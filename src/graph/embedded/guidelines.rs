//! `data.ai.getGraphGuidelines` and `data.ai.searchTemplates`: what the owner has written for assistants.

use jiff::Zoned;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::bound::Bound;
use super::daily;
use super::failure::Failure;
use super::fold::fold;
use super::read::queried_at;
use super::render::{Extent, item, markdown};
use super::request::Request;
use super::store::{Id, find_page};
use crate::graph::markup::unlink_page;

const GUIDELINES: &str = "roam/agent guidelines";
const TEMPLATES: &str = "roam/templates";

pub(super) fn guidelines(db: &Connection, _: &Request) -> Result<Value, Failure> {
    let written = match find_page(db, GUIDELINES)? {
        Some(page) => Some(markdown(db, page, Extent::default())?),
        None => None,
    };
    let shortcuts: Vec<String> = db
        .prepare_cached("SELECT text FROM shortcut JOIN node ON node.id = shortcut.page ORDER BY shortcut.ord")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let today = daily::title(Zoned::now().date());
    let today = find_page(db, &today)?.map(|_| today);
    Ok(json!({
        "queriedAt": queried_at(),
        // A header without a line below it says nothing.
        "guidelines": written.filter(|text| text.contains('\n')),
        "starredPages": shortcuts,
        "todaysDailyNotePage": today,
    }))
}

/// The blocks tagged `[[roam/templates]]`, by name. Hide tags mean nothing here, as in Roam.
pub(super) fn templates(db: &Connection, request: &Request, _: &Bound) -> Result<Value, Failure> {
    let wanted = fold(request.text("query")?.unwrap_or_default().trim());
    let tag: Option<Id> = find_page(db, TEMPLATES)?;
    let tagged: Vec<(Id, String, String)> = db
        .prepare_cached(
            "SELECT id, uid, text FROM refs CROSS JOIN node ON node.id = src WHERE dst = ?1 ORDER BY text, id",
        )?
        .query_map([tag], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let mut results = Vec::new();
    for (id, uid, text) in tagged {
        let name = unlink_page(&text, TEMPLATES).replace(TEMPLATES, "").trim().to_owned();
        if fold(&name).contains(&wanted) {
            results.push(json!({ "name": name, "uid": uid, "content": content(db, id)? }));
        }
    }
    Ok(json!({ "queriedAt": queried_at(), "results": results }))
}

/// What is below a template, as it is to be copied: without annotations.
fn content(db: &Connection, template: Id) -> Result<String, Failure> {
    let mut below = db.prepare_cached(
        "WITH RECURSIVE tree(id, depth, ord) AS (
             SELECT id, 0, ord FROM node WHERE parent = ?1
             UNION ALL
             SELECT child.id, tree.depth + 1, child.ord FROM tree JOIN node AS child ON child.parent = tree.id
             ORDER BY 2 DESC, 3
         )
         SELECT tree.depth, node.text FROM tree CROSS JOIN node ON node.id = tree.id",
    )?;
    let mut rows = below.query([template])?;
    let mut shown = String::new();
    while let Some(row) = rows.next()? {
        if !shown.is_empty() {
            shown.push('\n');
        }
        item(&mut shown, row.get(0)?, &row.get::<_, String>(1)?, "");
    }
    Ok(shown)
}
