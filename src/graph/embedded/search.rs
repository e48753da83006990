//! `data.ai.search`: pages and blocks by the words in them, best first.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::{Value, json};

use super::failure::{Failure, invalid};
use super::fold::fold;
use super::index;
use super::listing::MAX_LIMIT;
use super::read::queried_at;
use super::render::{Extent, markdown, path};
use super::request::Request;
use super::store::Id;

/// A hit is shown up to here; `get_block` shows the rest.
const HIT_CHARS: usize = 1000;
/// What an empty query suggests when the caller sets no limit of its own.
const RECENT_PAGES: usize = 20;

/// How well a page or a block fits. The order is the order of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    TitleEquals,
    TitleContains,
    TitleHasAllWords,
    BlockContains,
    BlockHasAllWords,
}

/// What is looked for, folded.
struct Query {
    phrase: String,
    words: Vec<String>,
}

/// A page or block that fits. Among equals the last edited comes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Hit {
    rank: Rank,
    age: std::cmp::Reverse<i64>,
    id: Id,
}

pub(super) fn search(db: &Connection, request: &Request) -> Result<Value, Failure> {
    let query = Query::new(request.text("query")?.unwrap_or_default());
    let (pages, blocks) = match request.text("scope")?.unwrap_or("all") {
        "all" => (true, true),
        "pages" => (true, false),
        "blocks" => (false, true),
        _ => return Err(invalid("`scope` is `pages`, `blocks` or `all`.")),
    };
    let limit = request.count("limit")?.unwrap_or(RECENT_PAGES).min(MAX_LIMIT);
    if query.words.is_empty() {
        return suggestions(db, limit);
    }
    let offset = request.count("offset")?.unwrap_or(0);
    let with_path = request.flag("includePath")?.unwrap_or(true);
    let extent = Extent { depth: Some(request.count("maxDepth")?.unwrap_or(0)), chars: Some(HIT_CHARS) };

    let mut hits = hits(db, &query, pages, blocks)?;
    hits.sort_unstable();
    let mut results = Vec::new();
    for hit in hits.iter().skip(offset).take(limit) {
        let uid: String =
            db.prepare_cached("SELECT uid FROM node WHERE id = ?1")?.query_row([hit.id], |row| row.get(0))?;
        results.push(if hit.rank <= Rank::TitleHasAllWords {
            let header = Extent { depth: Some(0), ..extent };
            json!({ "uid": uid, "markdown": markdown(db, hit.id, header)?, "type": "page" })
        } else {
            let mut result = json!({ "uid": uid, "markdown": markdown(db, hit.id, extent)? });
            if with_path {
                result["path"] = json!(path(db, hit.id)?);
            }
            result
        });
    }
    Ok(json!({ "queriedAt": queried_at(), "total": hits.len(), "results": results }))
}

/// Everything that fits, in no order.
fn hits(db: &Connection, query: &Query, pages: bool, blocks: bool) -> Result<Vec<Hit>, Failure> {
    const COLUMNS: &str = "SELECT node.id, node.parent IS NULL, node.text, node.edited_at";
    let judge = |row: &Row<'_>| -> rusqlite::Result<Option<Hit>> {
        let page: bool = row.get(1)?;
        if !(if page { pages } else { blocks }) {
            return Ok(None);
        }
        let text = row.get_ref(2)?.as_str()?;
        let Some(rank) = query.rank(page, &fold(text)) else { return Ok(None) };
        let age = std::cmp::Reverse(row.get::<_, Option<i64>>(3)?.unwrap_or(0));
        Ok(Some(Hit { rank, age, id: row.get(0)? }))
    };
    let Some(candidates) = index::narrow(db, [query.phrase.as_str()])? else {
        // Nothing but ASCII punctuation is asked for. Reading everything takes about a second per million blocks.
        let mut all = db.prepare_cached(&format!("{COLUMNS} FROM node WHERE NOT hidden"))?;
        return Ok(all.query_map([], judge)?.filter_map(Result::transpose).collect::<Result<_, _>>()?);
    };
    let mut one = db.prepare_cached(&format!("{COLUMNS} FROM node WHERE id = ?1 AND NOT hidden"))?;
    let mut hits = Vec::new();
    for id in candidates.iter() {
        hits.extend(one.query_row([id], judge).optional()?.flatten());
    }
    Ok(hits)
}

/// The words of a folded text.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty())
}

impl Query {
    fn new(text: &str) -> Self {
        let phrase = fold(text.trim());
        Self { words: words(&phrase).map(str::to_owned).collect(), phrase }
    }

    fn rank(&self, page: bool, text: &str) -> Option<Rank> {
        let contains = text.contains(&self.phrase);
        match page {
            true if text == self.phrase => Some(Rank::TitleEquals),
            true if contains => Some(Rank::TitleContains),
            false if contains => Some(Rank::BlockContains),
            _ if !self.words.iter().all(|word| text.contains(word.as_str())) => None,
            true => Some(Rank::TitleHasAllWords),
            false => Some(Rank::BlockHasAllWords),
        }
    }
}

/// What an empty query gets. Nobody opens pages here, so only the edited ones are known.
fn suggestions(db: &Connection, limit: usize) -> Result<Value, Failure> {
    let mut recent = db.prepare_cached(
        "SELECT uid, text, coalesce((SELECT name FROM user WHERE user.uid = edited_by), edited_by), edited_at FROM node
         WHERE parent IS NULL AND edited_at IS NOT NULL ORDER BY edited_at DESC LIMIT ?1",
    )?;
    let pages = recent
        .query_map(params![i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
            let edited_at = Timestamp::from_millisecond(row.get(3)?).ok().map(|at| format!("{at:.3}"));
            Ok(json!({
                "uid": row.get::<_, String>(0)?,
                "title": row.get::<_, String>(1)?,
                "editedBy": row.get::<_, Option<String>>(2)?,
                "editedAt": edited_at,
            }))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(json!({
        "queriedAt": queried_at(),
        "suggestions": { "recentlyOpenedByUser": [], "recentlyEditedPages": pages },
    }))
}
