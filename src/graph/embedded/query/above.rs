//! What is above a block.

use rusqlite::Connection;

use crate::graph::embedded::failure::Failure;
use crate::graph::embedded::store::Id;

/// The parents of blocks, each looked up once.
pub(super) struct Graph<'db> {
    db: &'db Connection,
    /// By the number of the block: few bytes for each, because all of a graph may be asked about.
    above: Vec<u32>,
}

/// What stands for a parent that was not looked up yet; no row has that number.
const UNKNOWN: u32 = 0;
/// What stands for none.
const NONE: u32 = u32::MAX;

impl<'db> Graph<'db> {
    pub(super) fn new(db: &'db Connection) -> Self {
        Self { db, above: Vec::new() }
    }

    /// What is directly above a block.
    pub(super) fn above(&mut self, id: Id) -> Result<Option<Id>, Failure> {
        let at = usize::try_from(id).unwrap_or_default();
        let mut parent = self.above.get(at).copied().unwrap_or(UNKNOWN);
        if parent == UNKNOWN {
            let mut find = self.db.prepare_cached("SELECT parent FROM node WHERE id = ?1")?;
            parent = find.query_row([id], |row| row.get::<_, Option<u32>>(0))?.unwrap_or(NONE);
            if at >= self.above.len() {
                self.above.resize(at + 1, UNKNOWN);
            }
            self.above[at] = parent;
        }
        Ok((parent != NONE).then(|| parent.into()))
    }
}
