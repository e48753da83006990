//! `data.ai.roamQuery`: Roam's own queries.
//!
//! A block counts as referring to what it refers to itself, to what the blocks above it refer to, and to its page. To
//! be a result it has to meet at least one of the conditions by itself, or whole subtrees would be listed.

mod above;
mod parse;

use jiff::civil::Date;
use jiff::{ToSpan as _, Zoned};
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde_json::{Value, json};

use super::bound::Bound;
use super::daily;
use super::failure::{Failure, invalid};
use super::fold::fold;
use super::index::{self, Ids};
use super::listing::Listing;
use super::read::queried_at;
use super::request::Request;
use super::store::{self, Id};
use super::wanted::Wanted;
use above::Graph;
use parse::Condition;

/// After so many blocks it is looked whether there is time left.
const OFTEN: usize = 1024;

pub(super) fn query(db: &Connection, request: &Request, bound: &Bound) -> Result<Value, Failure> {
    let listing = Listing::new(request)?;
    let (condition, itself) = match (request.text("uid")?.filter(|uid| !uid.is_empty()), request.text("query")?) {
        (Some(uid), None) => stored(db, uid)?,
        (None, Some(query)) => (parse::condition(query)?, None),
        _ => return Err(invalid("Give either `query`, or `uid` of a block that holds one.")),
    };
    let today = Zoned::now().date();
    let plan = Plan::new(db, &condition, today)?;
    let mut found = Ids::default();
    if !plan.candidates(&mut found) {
        return Err(invalid(
            "The query, or a part of an `or` in it, says only what a block must not be; it needs something to look for.",
        ));
    }
    let mut graph = Graph::new(db);
    let mut key = db.prepare_cached(&format!(
        "SELECT {} FROM node WHERE id = ?1 AND NOT hidden AND parent IS NOT NULL",
        listing.key()
    ))?;
    let mut results = Vec::new();
    for (count, id) in found.iter().enumerate() {
        if count.is_multiple_of(OFTEN) {
            bound.check()?;
        }
        if Some(id) != itself && plan.holds(id, &mut graph)? {
            let visible: Option<Option<i64>> = key.query_row([id], |row| row.get(0)).optional()?;
            results.extend(visible.map(|key| (key, id)));
        }
    }
    let sorted = listing.sort(results);
    let shown = listing.show(db, &sorted)?;
    Ok(json!({ "queriedAt": queried_at(), "total": sorted.len(), "results": shown }))
}

/// The query in a block, and the block, which is not among its own results.
fn stored(db: &Connection, uid: &str) -> Result<(Condition, Option<Id>), Failure> {
    let found: Option<(Id, String)> = db
        .prepare_cached("SELECT id, text FROM node WHERE uid = ?1 AND NOT hidden")?
        .query_row([uid], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (id, text) = found.ok_or_else(|| invalid("There is no block with that uid."))?;
    let query = parse::in_block(&text).ok_or_else(|| invalid("That block holds no `{{[[query]]: …}}`."))?;
    Ok((parse::condition(query)?, Some(id)))
}

/// A condition with the blocks that meet it by themselves.
enum Plan {
    And(Vec<Plan>),
    Or(Vec<Plan>),
    Not(Vec<Plan>),
    /// Blocks that refer to something; what is below them, or on those pages or below those blocks, counts too.
    Refers {
        by_itself: Ids,
        targets: Ids,
    },
    Is(Ids),
}

impl Plan {
    fn new(db: &Connection, condition: &Condition, today: Date) -> Result<Self, Failure> {
        let all = |conditions: &[Condition]| -> Result<Vec<Self>, Failure> {
            conditions.iter().map(|condition| Self::new(db, condition, today)).collect()
        };
        Ok(match condition {
            Condition::And(inner) => Self::And(all(inner)?),
            Condition::Or(inner) => Self::Or(all(inner)?),
            Condition::Not(inner) => Self::Not(all(inner)?),
            Condition::Page(title) => Self::refers(db, store::find_page(db, title)?.into_iter().collect())?,
            Condition::Block(uid) => Self::refers(db, store::find(db, uid)?.into_iter().collect())?,
            Condition::Between(from, to) => {
                let (from, to) = (day(from, today)?, day(to, today)?);
                let days = daily_notes(db, from.min(to), from.max(to))?;
                let mut plan = Self::refers(db, days)?;
                if let Self::Refers { by_itself, targets } = &mut plan {
                    for day in targets.iter() {
                        by_itself.add(&ids(db, "SELECT id FROM node WHERE parent = ?1", [day])?);
                    }
                }
                plan
            }
            Condition::Search(text) => Self::Is(with_words(db, text)?),
            Condition::CreatedBy(name) => Self::Is(by(db, "created_by = ?1", name)?),
            Condition::EditedBy(name) => Self::Is(by(db, "edited_by = ?1", name)?),
            Condition::By(name) => Self::Is(by(db, "created_by = ?1 OR edited_by = ?1", name)?),
        })
    }

    fn refers(db: &Connection, targets: Ids) -> Result<Self, Failure> {
        let mut by_itself = Ids::default();
        for target in targets.iter() {
            by_itself.add(&ids(db, "SELECT src FROM refs WHERE dst = ?1", [target])?);
        }
        Ok(Self::Refers { by_itself, targets })
    }

    /// Collects the blocks that could be results. Tells whether there is anything that a result must have.
    fn candidates(&self, found: &mut Ids) -> bool {
        match self {
            Self::And(inner) => inner.iter().fold(false, |any, plan| plan.candidates(found) | any),
            // A result may have come by each of them alone.
            Self::Or(inner) => inner.iter().fold(true, |all, plan| plan.candidates(found) & all),
            Self::Not(_) => false,
            Self::Refers { by_itself: blocks, .. } | Self::Is(blocks) => {
                found.add(blocks);
                true
            }
        }
    }

    fn holds(&self, block: Id, graph: &mut Graph<'_>) -> Result<bool, Failure> {
        match self {
            Self::And(inner) => {
                for plan in inner {
                    if !plan.holds(block, graph)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Or(inner) => {
                for plan in inner {
                    if plan.holds(block, graph)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(inner) => {
                for plan in inner {
                    if plan.holds(block, graph)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Is(blocks) => Ok(blocks.contains(block)),
            Self::Refers { by_itself, targets } => {
                let mut at = Some(block);
                while let Some(id) = at {
                    if by_itself.contains(id) || targets.contains(id) && id != block {
                        return Ok(true);
                    }
                    at = graph.above(id)?;
                }
                Ok(false)
            }
        }
    }
}

/// The daily notes from one day to another, both included. The day is in the title: how far from midnight in UTC the
/// mark of a daily note is depends on where it was made.
fn daily_notes(db: &Connection, from: Date, to: Date) -> Result<Ids, Failure> {
    let mut query = db.prepare_cached("SELECT id, text FROM node WHERE parent IS NULL AND log_id IS NOT NULL")?;
    let mut rows = query.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if daily::from_title(&row.get::<_, String>(1)?).is_some_and(|day| (from..=to).contains(&day)) {
            found.push(row.get(0)?);
        }
    }
    Ok(found.into_iter().collect())
}

/// The blocks that have all the words. There may be pages among them, which are never results.
fn with_words(db: &Connection, text: &str) -> Result<Ids, Failure> {
    let wanted = Wanted::new(text)?;
    let has_all = |row: &Row<'_>| -> rusqlite::Result<Option<Id>> {
        let text = fold(row.get_ref(1)?.as_str()?);
        Ok(if wanted.is_in(&text) { Some(row.get(0)?) } else { None })
    };
    let blocks = "SELECT id, text FROM node WHERE parent IS NOT NULL";
    let candidates = match index::having(db, &wanted.words)? {
        Some((found, true)) => return Ok(found),
        Some((candidates, false)) => candidates,
        None => {
            let mut all = db.prepare_cached(blocks)?;
            return Ok(all.query_map([], has_all)?.filter_map(Result::transpose).collect::<Result<_, _>>()?);
        }
    };
    let mut one = db.prepare_cached(&format!("{blocks} AND id = ?1"))?;
    let mut found = Ids::default();
    for id in candidates.iter() {
        found.extend(one.query_row([id], has_all).optional()?.flatten());
    }
    Ok(found)
}

/// The blocks of an author, who is known by what the export calls them or by the name that it gives them.
fn by(db: &Connection, condition: &str, name: &str) -> Result<Ids, Failure> {
    let condition = condition.replace("= ?1", "IN (SELECT ?1 UNION ALL SELECT uid FROM user WHERE name = ?1)");
    ids(db, &format!("SELECT id FROM node WHERE parent IS NOT NULL AND ({condition})"), [name])
}

fn ids(db: &Connection, sql: &str, parameters: impl rusqlite::Params) -> Result<Ids, Failure> {
    let mut query = db.prepare_cached(sql)?;
    let rows = query.query_map(parameters, |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A day by its title or by a word.
fn day(text: &str, today: Date) -> Result<Date, Failure> {
    if let Some(day) = daily::from_title(text) {
        return Ok(day);
    }
    let word = text.to_lowercase();
    let span = match word.split_whitespace().collect::<Vec<_>>().join(" ").as_str() {
        "today" => 0.days(),
        "yesterday" => -1.days(),
        "tomorrow" => 1.day(),
        "last week" => -1.week(),
        "next week" => 1.week(),
        "last month" => -1.month(),
        "next month" => 1.month(),
        "last year" => -1.year(),
        "next year" => 1.year(),
        _ => {
            let shown: String = text.chars().take(80).collect();
            return Err(invalid(format!(
                "{shown:?} is no day. Write it as `[[August 3rd, 2026]]`, or `today`, `last week` and the like."
            )));
        }
    };
    today.checked_add(span).map_err(|_| invalid("That day is beyond the end of the calendar."))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::day;

    #[test]
    fn a_day_is_a_title_or_a_word() {
        let today = date(2026, 3, 31);
        let table = [
            ("August 3rd, 2026", date(2026, 8, 3)),
            ("today", today),
            ("Yesterday", date(2026, 3, 30)),
            ("last  week", date(2026, 3, 24)),
            ("last month", date(2026, 2, 28)),
            ("next year", date(2027, 3, 31)),
        ];
        for (text, expected) in table {
            assert_eq!(day(text, today).unwrap(), expected, "{text}");
        }
        assert!(day("someday", today).is_err() && day("tomorrow", jiff::civil::Date::MAX).is_err());
    }
}
