//! People as entities. The tables name them by text alone, so their numbers are made from the text.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _};

/// The people that this query has met; all of them once somebody asks for that.
pub(super) struct People<'db> {
    db: &'db Connection,
    known: RefCell<BTreeMap<i64, Arc<str>>>,
    complete: Cell<bool>,
}

impl<'db> People<'db> {
    pub(super) fn new(db: &'db Connection) -> Self {
        Self { db, known: RefCell::default(), complete: Cell::new(false) }
    }

    /// The number of somebody who is named in the tables.
    pub(super) fn meet(&self, name: &str) -> i64 {
        let number = number(name);
        self.known.borrow_mut().entry(number).or_insert_with(|| name.into());
        number
    }

    /// The name behind a number.
    pub(super) fn name(&self, number: i64) -> rusqlite::Result<Option<Arc<str>>> {
        let known = |people: &Self| people.known.borrow().get(&number).cloned();
        match known(self) {
            None if number >= FIRST => {
                self.meet_all()?;
                Ok(known(self))
            }
            known => Ok(known),
        }
    }

    /// The number behind a name.
    pub(super) fn find(&self, name: &str) -> rusqlite::Result<Option<i64>> {
        let number = number(name);
        Ok(self.name(number)?.filter(|known| **known == *name).map(|_| number))
    }

    /// What somebody is shown as, if the export says more than what it calls them in the tables.
    pub(super) fn shown(&self, name: &Arc<str>) -> rusqlite::Result<Arc<str>> {
        let mut find = self.db.prepare_cached("SELECT name FROM user WHERE uid = ?1")?;
        let shown: Option<Option<String>> = find.query_row([&**name], |row| row.get(0)).optional()?;
        Ok(shown.flatten().map_or_else(|| Arc::clone(name), Into::into))
    }

    /// Everybody.
    pub(super) fn all(&self) -> rusqlite::Result<Vec<(i64, Arc<str>)>> {
        self.meet_all()?;
        Ok(self.known.borrow().iter().map(|(number, name)| (*number, Arc::clone(name))).collect())
    }

    fn meet_all(&self) -> rusqlite::Result<()> {
        if self.complete.replace(true) {
            return Ok(());
        }
        let mut names = self.db.prepare_cached(
            "SELECT created_by FROM node WHERE created_by IS NOT NULL
             UNION SELECT edited_by FROM node WHERE edited_by IS NOT NULL
             UNION SELECT uid FROM user",
        )?;
        let mut rows = names.query([])?;
        while let Some(row) = rows.next()? {
            self.meet(row.get_ref(0)?.as_str()?);
        }
        Ok(())
    }
}

/// Pages and blocks are counted from 1, and there will never be so many.
const FIRST: i64 = 1 << 50;

/// A hash of the name (FNV-1a), so that the number is the same in every query. With the offset it stays below 2^53,
/// which the numbers of JavaScript can hold.
pub(super) fn number(name: &str) -> i64 {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    FIRST + (hash >> 14).cast_signed()
}
