//! The list of the pages and blocks with one word, in rows of a few hundred each.
//!
//! Each row has the ids from its `first` up to before the `first` of the next one. What follows on the first is stored as
//! the steps from one to the next, in groups of seven bits, the lowest group first; the highest bit says that there is
//! another group. A word is in neighbouring blocks or in few, so that most steps take one byte or two.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Ids, MOST_BYTES};
use crate::graph::embedded::store::Id;

/// The number of no row.
const NONE: Id = 0;

/// Ids in ascending order, each stored as its step from the one before.
#[derive(Debug, Default)]
pub(in crate::graph::embedded) struct Steps {
    first: Id,
    last: Id,
    rest: Vec<u8>,
}

impl Steps {
    pub(super) fn of(first: Id) -> Self {
        Self { first, last: first, rest: Vec::new() }
    }

    fn all(ids: &[Id]) -> Self {
        let mut steps = Self::of(ids.first().copied().unwrap_or_default());
        for id in ids {
            steps.push(*id);
        }
        steps
    }

    /// Adds an id that is not less than the last one, if it is not the last one. Returns how many bytes it took.
    pub(super) fn push(&mut self, id: Id) -> usize {
        if self.first == NONE {
            (self.first, self.last) = (id, id);
        }
        let before = self.rest.len();
        let mut step = (id - self.last).cast_unsigned();
        while step > 0 {
            let more = step >= 0x80;
            self.rest.push(step as u8 & 0x7f | u8::from(more) << 7);
            step >>= 7;
        }
        self.last = id;
        self.rest.len() - before
    }

    pub(super) fn bytes(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn decode(&self) -> Vec<Id> {
        decode(self.first, &self.rest).collect()
    }
}

fn decode(first: Id, rest: &[u8]) -> impl Iterator<Item = Id> + '_ {
    let mut bytes = rest.iter();
    let mut last = first;
    let following = std::iter::from_fn(move || {
        let (mut step, mut shift) = (0, 0);
        loop {
            let byte = bytes.next()?;
            // A file that was damaged may say anything.
            step |= Id::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                last = last.checked_add(step)?;
                return Some(last);
            }
            shift += 7;
        }
    });
    std::iter::once(first).chain(following)
}

/// Adds all the pages and blocks with a word to `ids`.
pub(super) fn read(db: &Connection, word: &str, ids: &mut Ids) -> rusqlite::Result<()> {
    let mut query = db.prepare_cached("SELECT first, rest FROM posting WHERE word = ?1")?;
    let mut rows = query.query([word])?;
    while let Some(row) = rows.next()? {
        ids.extend(decode(row.get(0)?, row.get_ref(1)?.as_blob()?));
    }
    Ok(())
}

/// Stores ids, in ascending order, as rows of their own. A row that begins as one of them is replaced.
pub(super) fn append(db: &Connection, word: &str, ids: &[Id]) -> rusqlite::Result<()> {
    /// Ten groups hold any step.
    const LONGEST: usize = 10;
    let mut insert = db.prepare_cached("REPLACE INTO posting(word, first, rest) VALUES (?1, ?2, ?3)")?;
    let mut ids = ids.iter().copied();
    while let Some(first) = ids.next() {
        let mut row = Steps::of(first);
        while row.bytes() + LONGEST <= MOST_BYTES
            && let Some(id) = ids.next()
        {
            row.push(id);
        }
        insert.execute(params![word, row.first, row.rest])?;
    }
    Ok(())
}

/// Adds one id. Returns whether it is the first one of a new word, or may be.
pub(super) fn insert(db: &Connection, word: &str, id: Id) -> rusqlite::Result<bool> {
    let Some((first, mut ids)) = row(db, word, id)? else {
        append(db, word, &[id])?;
        return Ok(true);
    };
    if let Err(at) = ids.binary_search(&id) {
        ids.insert(at, id);
        // A full row that grows in its middle becomes two halves; what grows at its end goes on in the next one.
        let middle = at + 1 < ids.len() && Steps::all(&ids).bytes() > MOST_BYTES;
        let (one, other) = ids.split_at(if middle { ids.len() / 2 } else { ids.len() });
        put(db, word, first, one)?;
        append(db, word, other)?;
    }
    Ok(false)
}

/// Takes one id out. Returns whether none is left.
pub(super) fn remove(db: &Connection, word: &str, id: Id) -> rusqlite::Result<bool> {
    let Some((first, mut ids)) = row(db, word, id)? else { return Ok(false) };
    if let Ok(at) = ids.binary_search(&id) {
        ids.remove(at);
        put(db, word, first, &ids)?;
    }
    let mut others = db.prepare_cached("SELECT 1 FROM posting WHERE word = ?1")?;
    Ok(ids.is_empty() && !others.exists([word])?)
}

/// The row that an id belongs to: the first id in it, and all.
fn row(db: &Connection, word: &str, id: Id) -> rusqlite::Result<Option<(Id, Vec<Id>)>> {
    db.prepare_cached("SELECT first, rest FROM posting WHERE word = ?1 AND first <= ?2 ORDER BY first DESC LIMIT 1")?
        .query_row(params![word, id], |row| {
            let first = row.get(0)?;
            Ok((first, decode(first, row.get_ref(1)?.as_blob()?).collect()))
        })
        .optional()
}

/// Stores what the row that began with `first` has become.
fn put(db: &Connection, word: &str, first: Id, ids: &[Id]) -> rusqlite::Result<()> {
    if ids.first() != Some(&first) {
        db.prepare_cached("DELETE FROM posting WHERE word = ?1 AND first = ?2")?.execute(params![word, first])?;
    }
    append(db, word, ids)
}
