//! An index in the making, in memory.

use std::collections::HashMap;

use super::list::Steps;
use super::token;
use crate::graph::embedded::store::Id;

/// The words of many texts, each with its list, in the order in which they are stored.
pub(in crate::graph::embedded) type Batch = Vec<(Box<str>, Steps)>;

/// About what a list takes beside its word and its steps.
const LIST: usize = 128;

/// A draft of more bytes than this is stored before it is gone on with. A million blocks take about this.
const MOST: usize = 64 << 20;

/// Words are spread over so many tables, each small enough for the cache of a processor, which is filled with many words
/// at a time. One table of all words would be fetched from memory for each of them anew.
const TABLES: usize = 64;
/// So many words wait for a table.
const WAITING: usize = 4096;

/// Takes texts in ascending order of their ids.
pub(in crate::graph::embedded) struct Draft {
    tables: Vec<Table>,
    /// The words that are too long for the tables, which are few.
    long: HashMap<Box<str>, Steps>,
    /// About how much memory the lists take.
    bytes: usize,
}

/// The lists of some short words.
#[derive(Default)]
struct Table {
    waiting: Vec<(Short, Id)>,
    lists: HashMap<Short, Steps>,
}

impl Default for Draft {
    fn default() -> Self {
        Self { tables: (0..TABLES).map(|_| Table::default()).collect(), long: HashMap::new(), bytes: 0 }
    }
}

impl Draft {
    /// Adds a folded text.
    pub(in crate::graph::embedded) fn add(&mut self, id: Id, text: &str) {
        for word in token::words(text) {
            if let Some(word) = Short::new(word) {
                let table = &mut self.tables[word.table()];
                table.waiting.push((word, id));
                if table.waiting.len() == WAITING {
                    self.bytes += table.fill();
                }
            } else {
                let list = self.long.entry(word.into()).or_default();
                self.bytes += list.push(id) + if list.bytes() == 0 { LIST + word.len() } else { 0 };
            }
        }
    }

    /// Whether the lists take as much memory as they may.
    pub(in crate::graph::embedded) fn is_full(&self) -> bool {
        self.bytes > MOST
    }

    /// Hands out what was collected, and begins again.
    pub(in crate::graph::embedded) fn take(&mut self) -> Batch {
        let Self { tables, long, .. } = std::mem::take(self);
        let short = tables.into_iter().flat_map(|mut table| {
            table.fill();
            table.lists
        });
        let mut batch: Batch = short.map(|(word, list)| (word.text(), list)).chain(long).collect();
        batch.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        batch
    }
}

impl Table {
    /// Adds what waits to the lists, and returns about how many bytes it took.
    fn fill(&mut self) -> usize {
        let lists = self.lists.len();
        let steps: usize = self.waiting.drain(..).map(|(word, id)| self.lists.entry(word).or_default().push(id)).sum();
        steps + LIST * (self.lists.len() - lists)
    }
}

/// A word of up to sixteen bytes, as a number. No word has a zero in it, so its end is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Short(u128);

impl Short {
    fn new(word: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        bytes.get_mut(..word.len())?.copy_from_slice(word.as_bytes());
        Some(Self(u128::from_le_bytes(bytes)))
    }

    /// Which table it is in.
    fn table(self) -> usize {
        // The golden ratio, as Knuth has it: the highest bits of the product depend on all of the word.
        let mixed = (self.0 as u64 ^ (self.0 >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as usize % TABLES
    }

    fn text(self) -> Box<str> {
        let bytes = self.0.to_le_bytes();
        let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..length]).into()
    }
}
