//! All words, some hundred bytes to a row, to look through for those that contain something.

use memchr::memmem::Finder;
use memchr::{memchr, memrchr};
use rusqlite::{Connection, OptionalExtension as _};

use super::MOST_BYTES;

/// For each part, the words that contain it.
pub(super) fn containing(db: &Connection, parts: &[&str]) -> rusqlite::Result<Vec<Vec<String>>> {
    let mut found = vec![Vec::new(); parts.len()];
    if parts.is_empty() {
        return Ok(found);
    }
    let finders: Vec<Finder<'_>> = parts.iter().map(|part| Finder::new(part.as_bytes())).collect();
    let mut query = db.prepare_cached("SELECT words FROM vocabulary")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let words = row.get_ref(0)?.as_str()?;
        for (finder, found) in finders.iter().zip(&mut found) {
            let mut from = 0;
            while let Some(at) = finder.find(&words.as_bytes()[from..]) {
                let at = from + at;
                let start = memrchr(b'\n', &words.as_bytes()[..at]).map_or(0, |end| end + 1);
                let end = memchr(b'\n', &words.as_bytes()[at..]).map_or(words.len(), |length| at + length);
                found.push(words[start..end].to_owned());
                from = end;
            }
        }
    }
    Ok(found)
}

/// Adds a word, if it is new.
pub(super) fn insert(db: &Connection, word: &str) -> rusqlite::Result<()> {
    let Some((_, words)) = row(db, word)? else { return put(db, &[word]) };
    let mut words: Vec<&str> = words.split('\n').collect();
    let Err(at) = words.binary_search(&word) else { return Ok(()) };
    words.insert(at, word);
    let size = words.iter().map(|word| word.len() + 1).sum::<usize>();
    let (one, other) = words.split_at(if size > MOST_BYTES { words.len() / 2 } else { words.len() });
    put(db, one)?;
    put(db, other)
}

/// Takes a word out, if it is there.
pub(super) fn remove(db: &Connection, word: &str) -> rusqlite::Result<()> {
    let Some((first, words)) = row(db, word)? else { return Ok(()) };
    let words: Vec<&str> = words.split('\n').filter(|other| *other != word).collect();
    if first == word {
        db.prepare_cached("DELETE FROM vocabulary WHERE first = ?1")?.execute([first])?;
    }
    put(db, &words)
}

/// Makes the vocabulary of the lists that are there.
pub(super) fn build(db: &Connection) -> rusqlite::Result<()> {
    let mut query = db.prepare("SELECT DISTINCT word FROM posting ORDER BY word")?;
    let mut rows = query.query([])?;
    let (mut words, mut size) = (Vec::<String>::new(), 0);
    while let Some(row) = rows.next()? {
        let word: String = row.get(0)?;
        size += word.len() + 1;
        if size > MOST_BYTES {
            put(db, &words)?;
            words.clear();
            size = word.len() + 1;
        }
        words.push(word);
    }
    put(db, &words)
}

/// The row that a word belongs to: its first word, and all.
fn row(db: &Connection, word: &str) -> rusqlite::Result<Option<(String, String)>> {
    db.prepare_cached("SELECT first, words FROM vocabulary WHERE first <= ?1 ORDER BY first DESC LIMIT 1")?
        .query_row([word], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// Stores a row of words, in the place of the one with the same first word.
fn put<W: AsRef<str>>(db: &Connection, words: &[W]) -> rusqlite::Result<()> {
    let Some(first) = words.first() else { return Ok(()) };
    let lines = words.iter().map(W::as_ref).collect::<Vec<_>>().join("\n");
    db.prepare_cached("REPLACE INTO vocabulary(first, words) VALUES (?1, ?2)")?.execute([first.as_ref(), &lines])?;
    Ok(())
}

/// Every word, each in its place.
#[cfg(test)]
pub(super) fn all(db: &Connection) -> std::collections::BTreeSet<String> {
    let mut query = db.prepare("SELECT first, words FROM vocabulary ORDER BY first").unwrap();
    let mut rows = query.query([]).unwrap();
    let mut all: Vec<String> = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let (first, words): (String, String) = (row.get(0).unwrap(), row.get(1).unwrap());
        assert!(words.split('\n').next() == Some(first.as_str()));
        all.extend(words.split('\n').map(str::to_owned));
    }
    assert!(all.is_sorted(), "{all:?}");
    all.into_iter().collect()
}
