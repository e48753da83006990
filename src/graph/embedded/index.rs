//! The search index: which pages and blocks have which words.
//!
//! Two tables. `posting` has, for each word, the pages and blocks that it is in. `vocabulary` has all the words close
//! together, so that they can be looked through in a millisecond: whoever searches for a part of a word is led by it to
//! the words with that part, and by these to the texts. An index of all parts would be six times as large, and
//! take as much longer to make.
//!
//! The index only narrows a search down. Who asks it looks at the texts that it names, which have to be read anyway.

mod draft;
mod ids;
mod list;
mod token;
mod vocabulary;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use super::fold::fold;
use super::store::Id;

pub(super) use draft::{Batch, Draft};
pub(in crate::graph) use ids::Ids;

/// Counts the changes of what a word is and how it is folded. An index of another number is made anew when its graph is
/// opened.
pub(super) const VERSION: i64 = 1;

/// A quarter of a page of SQLite, less a long word: larger rows would overflow into pages of their own.
const MOST_BYTES: usize = 700;

/// More parts of a search than this leave no fewer texts.
const MOST_PARTS: usize = 24;

/// Puts a text into the index.
pub(super) fn add(db: &Connection, id: Id, text: &str) -> rusqlite::Result<()> {
    replace(db, id, "", text)
}

/// Puts another text of the same page or block into the index. Words that are in both stay where they are.
pub(super) fn replace(db: &Connection, id: Id, before: &str, text: &str) -> rusqlite::Result<()> {
    let (before, text) = (fold(before), fold(text));
    let (old, new) = (words(&before), words(&text));
    for word in old.iter().filter(|word| new.binary_search(word).is_err()) {
        if list::remove(db, word, id)? {
            vocabulary::remove(db, word)?;
        }
    }
    for word in new.iter().filter(|word| old.binary_search(word).is_err()) {
        if list::insert(db, word, id)? {
            vocabulary::insert(db, word)?;
        }
    }
    Ok(())
}

/// Takes a text out of the index, as it was when it was put in.
pub(super) fn remove(db: &Connection, id: Id, text: &str) -> rusqlite::Result<()> {
    replace(db, id, text, "")
}

/// Stores a part of an index that is made all at once. The ids in it are greater than those stored before.
pub(super) fn store(db: &Connection, batch: Batch) -> rusqlite::Result<()> {
    batch.into_iter().try_for_each(|(word, ids)| list::append(db, &word, &ids.decode()))
}

/// Makes the vocabulary of an index that was stored in batches.
pub(super) fn seal(db: &Connection) -> rusqlite::Result<()> {
    vocabulary::build(db)?;
    db.execute("REPLACE INTO meta(key, value) VALUES ('index.version', ?1)", [VERSION])?;
    Ok(())
}

/// Makes the index of a graph anew if it was made with other words than those of today.
pub(super) fn renew(db: &mut Connection) -> rusqlite::Result<()> {
    if version(db)? == VERSION {
        return Ok(());
    }
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch("DELETE FROM posting; DELETE FROM vocabulary;")?;
    let mut texts = transaction.prepare("SELECT id, text FROM node ORDER BY id")?;
    let mut rows = texts.query([])?;
    let mut draft = Draft::default();
    while let Some(row) = rows.next()? {
        draft.add(row.get(0)?, &fold(row.get_ref(1)?.as_str()?));
        if draft.is_full() {
            store(&transaction, draft.take())?;
        }
    }
    store(&transaction, draft.take())?;
    seal(&transaction)?;
    drop(rows);
    drop(texts);
    transaction.commit()
}

fn version(db: &Connection) -> rusqlite::Result<i64> {
    let mut find = db.prepare("SELECT value FROM meta WHERE key = 'index.version'")?;
    // The first number was not written down.
    Ok(find.query_row([], |row| row.get(0)).optional()?.unwrap_or(1))
}

/// Whether anything in a folded text is indexed.
pub(in crate::graph) fn is_indexed(text: &str) -> bool {
    token::parts(text).next().is_some()
}

/// The pages and blocks whose text may contain all of these folded texts. `None` if nothing in them is indexed, so that
/// any may.
pub(in crate::graph) fn narrow<'t>(
    db: &Connection,
    texts: impl IntoIterator<Item = &'t str>,
) -> rusqlite::Result<Option<Ids>> {
    Ok(narrowed(db, texts)?.map(|(ids, _)| ids))
}

/// The same for words, with whether each of the pages and blocks is known to contain them all.
pub(super) fn having(db: &Connection, words: &[String]) -> rusqlite::Result<Option<(Ids, bool)>> {
    let found = narrowed(db, words.iter().map(String::as_str))?;
    let is_decided = words.len() <= MOST_PARTS && words.iter().all(|word| token::is_looked_up_whole(word));
    Ok(found.map(|(ids, all_read)| (ids, all_read && is_decided)))
}

/// The ids, and whether the lists of all parts were read.
fn narrowed<'t>(db: &Connection, texts: impl IntoIterator<Item = &'t str>) -> rusqlite::Result<Option<(Ids, bool)>> {
    let mut parts: Vec<&str> = texts.into_iter().flat_map(token::parts).collect();
    // The longest first, which are in the fewest texts.
    parts.sort_unstable_by_key(|part| (std::cmp::Reverse(part.len()), *part));
    parts.dedup();
    parts.truncate(MOST_PARTS);
    let mut words = vocabulary::containing(db, &parts)?;
    words.sort_by_key(Vec::len);
    let mut found: Option<Ids> = None;
    for words in words {
        // To read the list of a word takes about as long as to look at a text.
        if found.as_ref().is_some_and(|found| found.len() <= words.len()) {
            return Ok(found.map(|found| (found, false)));
        }
        let mut having = Ids::default();
        words.iter().try_for_each(|word| list::read(db, word, &mut having))?;
        found = Some(match found {
            None => having,
            Some(found) => found.and(&having),
        });
    }
    Ok(found.map(|found| (found, true)))
}

/// The words of a folded text, each once.
fn words(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = token::words(text).collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::graph::embedded::schema::TABLES;

    /// Every word with every page or block that it is in.
    pub(in crate::graph::embedded) fn entries(db: &Connection) -> BTreeSet<(String, Id)> {
        let mut rows = db.prepare("SELECT DISTINCT word FROM posting").unwrap();
        let words: BTreeSet<String> = rows.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(vocabulary::all(db), words, "the vocabulary");
        let mut entries = BTreeSet::new();
        for word in words {
            let mut ids = Ids::default();
            list::read(db, &word, &mut ids).unwrap();
            entries.extend(ids.iter().map(|id| (word.clone(), id)));
        }
        entries
    }

    fn new() -> Connection {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(TABLES).unwrap();
        db
    }

    /// Words that share parts, in scripts with and without spaces.
    fn text() -> impl Strategy<Value = String> {
        let word = prop_oneof!["[ab]{1,5}", "[日本語ก]{1,4}", "[aé ,-]{1,4}", "[ab]{60,140}", "🎉|((x-y))"];
        prop::collection::vec(word, 0..6).prop_map(|words| words.join(" "))
    }

    proptest! {
        #[test]
        fn whatever_a_text_contains_leads_to_it(
            texts in prop::collection::vec(text(), 1..12), start in 0_usize..200, length in 1_usize..200,
        ) {
            let db = new();
            for (id, text) in (1..).zip(&texts) {
                add(&db, id, text).unwrap();
            }
            for (id, text) in (1..).zip(&texts) {
                let part: String = fold(text).chars().skip(start % text.chars().count().max(1)).take(length).collect();
                if let Some(found) = narrow(&db, [part.as_str()]).unwrap() {
                    prop_assert!(found.iter().any(|found| found == id), "{part:?} in {text:?}");
                }
                let words: Vec<String> = part.split_whitespace().map(str::to_owned).collect();
                if let Some((found, true)) = having(&db, &words).unwrap() {
                    let contains = |text: &String| words.iter().all(|word| fold(text).contains(word));
                    let expected: Vec<Id> = (1..).zip(&texts).filter(|(_, text)| contains(text)).map(|(id, _)| id).collect();
                    prop_assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{:?} in {:?}", words, texts);
                }
            }
        }

        #[test]
        fn an_index_made_at_once_is_one_made_step_by_step(
            texts in prop::collection::vec(text(), 1..40), at in 0_usize..40,
        ) {
            let (slow, quick) = (new(), new());
            let mut draft = Draft::default();
            for (number, (id, text)) in (1..).zip(&texts).enumerate() {
                add(&slow, id * 1000, text).unwrap();
                draft.add(id * 1000, &fold(text));
                if number == at {
                    store(&quick, draft.take()).unwrap();
                }
            }
            store(&quick, draft.take()).unwrap();
            seal(&quick).unwrap();
            prop_assert_eq!(entries(&slow), entries(&quick));
            for ((id, before), text) in (1..).zip(&texts).zip(texts.iter().rev()) {
                replace(&slow, id * 1000, before, text).unwrap();
                remove(&quick, id * 1000, before).unwrap();
                add(&quick, id * 1000, text).unwrap();
            }
            prop_assert_eq!(entries(&slow), entries(&quick));
            for (id, text) in (1..).zip(texts.iter().rev()) {
                remove(&quick, id * 1000, text).unwrap();
            }
            prop_assert_eq!(entries(&quick), BTreeSet::new());
        }
    }

    #[test]
    fn an_index_of_other_words_is_made_anew_and_this_one_has_its_number() {
        let mut db = new();
        db.execute_batch(crate::graph::embedded::schema::INDEXES).unwrap();
        for (id, text) in [(1, "Rose garden"), (2, "日本")] {
            db.execute("INSERT INTO node(id, uid, page, ord, text) VALUES (?1, ?1, ?1, 0, ?2)", (id, text)).unwrap();
            add(&db, id, text).unwrap();
        }
        let expected = entries(&db);
        db.execute_batch("DELETE FROM posting; DELETE FROM vocabulary; INSERT INTO meta VALUES ('index.version', 0)")
            .unwrap();
        renew(&mut db).unwrap();
        assert_eq!((entries(&db), version(&db).unwrap()), (expected, VERSION));

        // Whoever changes what letters are folded to, or what a word is, raises the number.
        let mut sum = 0xcbf2_9ce4_8422_2325_u64;
        for c in '\u{0}'..='\u{2ffff}' {
            let text = fold(&format!("a{c}b{c}"));
            for byte in words(&text).join(" ").bytes() {
                sum = (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        assert_eq!((VERSION, format!("{sum:x}").as_str()), (1, "52cae9114c769033"));
    }

    #[test]
    fn long_lists_and_large_vocabularies_are_kept_in_many_rows() {
        let db = new();
        // Neither upwards nor downwards, so that rows are split in the middle, too.
        let numbers: Vec<Id> = (0..4_000).map(|n| n * 1_709 % 4_001 + 1).collect();
        for number in &numbers {
            add(&db, *number, &format!("common n{number}")).unwrap();
        }
        assert_eq!(entries(&db).len(), 2 * numbers.len());
        for (column, table) in [("rest", "posting"), ("words", "vocabulary")] {
            let longest = format!("SELECT max(length({column})), count(*) FROM {table}");
            let (longest, rows): (i64, i64) = db.query_row(&longest, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            assert!(longest <= MOST_BYTES as i64 && rows > 4, "{table}: {longest} in {rows}");
        }
        for number in &numbers {
            remove(&db, *number, &format!("common n{number}")).unwrap();
        }
        assert_eq!(entries(&db), BTreeSet::new());
    }
}
