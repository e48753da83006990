//! `data.ai.search`: pages and blocks by the words in them, best first.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::{Value, json};

use super::bound::Bound;
use super::failure::{Failure, invalid};
use super::fold::fold;
use super::index::{self, Ids};
use super::listing::{self, MAX_LIMIT, Room};
use super::read::queried_at;
use super::render::Extent;
use super::request::Request;
use super::store::Id;
use super::wanted::Wanted;

/// A hit is shown up to here; `get_block` shows the rest.
const HIT_CHARS: usize = 1000;
/// What an empty query suggests when the caller sets no limit of its own.
const RECENT_PAGES: usize = 20;

/// To look at a text takes some three microseconds. Where words are in more texts than this, the rest is only counted.
const LOOKED_AT: usize = 2_500;

/// How well a page or a block fits. The order is the order of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    TitleEquals,
    TitleContains,
    TitleHasAllWords,
    BlockContains,
    BlockHasAllWords,
}

/// A page or block that fits. Among equals the last edited comes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Hit {
    rank: Rank,
    age: std::cmp::Reverse<i64>,
    id: Id,
}

pub(super) fn search(db: &Connection, request: &Request, bound: &Bound) -> Result<Value, Failure> {
    let wanted = Wanted::new(request.text("query")?.unwrap_or_default())?;
    let (pages, blocks) = match request.text("scope")?.unwrap_or("all") {
        "all" => (true, true),
        "pages" => (true, false),
        "blocks" => (false, true),
        _ => return Err(invalid("`scope` is `pages`, `blocks` or `all`.")),
    };
    let limit = request.count("limit")?.unwrap_or(RECENT_PAGES).min(MAX_LIMIT);
    if wanted.words.is_empty() {
        return suggestions(db, limit);
    }
    let offset = request.count("offset")?.unwrap_or(0);
    let with_path = request.flag("includePath")?.unwrap_or(true);
    let extent = Extent { depth: Some(request.count("maxDepth")?.unwrap_or(0)), chars: Some(HIT_CHARS) };

    let Found { mut hits, total, note } = Search { db, wanted, pages, blocks, bound }.found()?;
    hits.sort_unstable();
    let mut room = Room::default();
    let mut results = Vec::new();
    for hit in hits.iter().skip(offset).take(limit) {
        // Of a page its title is shown.
        let depth = if hit.rank <= Rank::TitleHasAllWords { Some(0) } else { extent.depth };
        results.push(listing::item(db, hit.id, Extent { depth, ..extent }, with_path, &mut room)?);
    }
    let mut answer = json!({ "queriedAt": queried_at(), "total": total, "results": results });
    if let Some(note) = note {
        answer["note"] = note.into();
    }
    Ok(answer)
}

/// A search under way.
struct Search<'a> {
    db: &'a Connection,
    wanted: Wanted,
    pages: bool,
    blocks: bool,
    bound: &'a Bound,
}

/// What was found, in no order.
struct Found {
    hits: Vec<Hit>,
    total: usize,
    /// What the caller has to know of it.
    note: Option<String>,
}

const COLUMNS: &str = "SELECT node.id, node.parent IS NULL, node.text, node.edited_at";

impl Search<'_> {
    fn found(&self) -> Result<Found, Failure> {
        let Some((candidates, is_decided)) = index::having(self.db, &self.wanted.words)? else {
            // Nothing but ASCII punctuation is asked for. Reading everything takes about a second per million blocks.
            let mut all = self.db.prepare_cached(&format!("{COLUMNS} FROM node WHERE NOT hidden"))?;
            let hits = all.query_map([], |row| self.judge(row))?.filter_map(Result::transpose);
            return Ok(Found::all(hits.collect::<Result<_, _>>()?));
        };
        if candidates.len() > LOOKED_AT {
            return self.among_many(&candidates, is_decided);
        }
        let mut hits = Vec::new();
        self.look_at(candidates.iter(), &mut hits, usize::MAX)?;
        Ok(Found::all(hits))
    }

    /// Of words that are in very many texts, those on pages and those stored last are looked at.
    fn among_many(&self, candidates: &Ids, is_decided: bool) -> Result<Found, Failure> {
        let mut all_pages =
            self.db.prepare_cached("SELECT id FROM node WHERE parent IS NULL ORDER BY edited_at DESC")?;
        let pages = all_pages.query_map([], |row| row.get(0))?.collect::<Result<Vec<Id>, _>>()?;
        let pages: Vec<Id> = pages.into_iter().filter(|id| candidates.contains(*id)).collect();
        let mut hits = Vec::new();
        if self.pages {
            self.look_at(pages.iter().copied(), &mut hits, LOOKED_AT)?;
        }
        if self.blocks {
            let titles: Ids = pages.iter().copied().collect();
            let blocks = candidates.iter_back().filter(|id| !titles.contains(*id));
            self.look_at(blocks, &mut hits, LOOKED_AT)?;
        }
        let total = match (is_decided, self.pages, self.blocks) {
            (false, ..) => hits.len(),
            (true, true, false) => pages.len(),
            (true, pages_too, _) => {
                let mut hidden = self.db.prepare_cached("SELECT id FROM node WHERE hidden")?;
                let hidden: Ids = hidden.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
                let shown = candidates.len() - hidden.and(candidates).len();
                if pages_too { shown } else { shown - pages.len() }
            }
        };
        let counted = if is_decided { "`total` counts all" } else { "`total` counts those of them that fit" };
        let note = format!(
            "These words are in very many texts. Looked at were up to {LOOKED_AT} titles and the {LOOKED_AT} blocks stored \
             last; {counted}. Another word, or a rarer one, finds the others."
        );
        Ok(Found { total, hits, note: Some(note) })
    }

    /// Looks at texts until so many were seen.
    fn look_at(&self, ids: impl Iterator<Item = Id>, hits: &mut Vec<Hit>, most: usize) -> Result<(), Failure> {
        let mut one = self.db.prepare_cached(&format!("{COLUMNS} FROM node WHERE id = ?1 AND NOT hidden"))?;
        for id in ids.take(most) {
            hits.extend(one.query_row([id], |row| self.judge(row)).optional()?.flatten());
        }
        self.bound.check()
    }

    fn judge(&self, row: &Row<'_>) -> rusqlite::Result<Option<Hit>> {
        let page: bool = row.get(1)?;
        if !(if page { self.pages } else { self.blocks }) {
            return Ok(None);
        }
        let text = row.get_ref(2)?.as_str()?;
        let Some(rank) = rank(&self.wanted, page, &fold(text)) else { return Ok(None) };
        let age = std::cmp::Reverse(row.get::<_, Option<i64>>(3)?.unwrap_or(0));
        Ok(Some(Hit { rank, age, id: row.get(0)? }))
    }
}

impl Found {
    fn all(hits: Vec<Hit>) -> Self {
        Self { total: hits.len(), hits, note: None }
    }
}

/// How well a folded text fits.
fn rank(wanted: &Wanted, page: bool, text: &str) -> Option<Rank> {
    let contains = text.contains(&wanted.phrase);
    match page {
        true if text == wanted.phrase => Some(Rank::TitleEquals),
        true if contains => Some(Rank::TitleContains),
        false if contains => Some(Rank::BlockContains),
        _ if !wanted.is_in(text) => None,
        true => Some(Rank::TitleHasAllWords),
        false => Some(Rank::BlockHasAllWords),
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
