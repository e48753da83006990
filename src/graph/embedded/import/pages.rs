//! The array of pages, read without ever holding more than one of them.

use std::cell::Cell;

use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};

use super::Progress;
use super::export::Node;
use super::load::{Loader, Problem};
use crate::graph::embedded::failure::Failure;

/// The array, as the JSON reader sees it: each element goes to the loader and is gone.
pub(super) struct Pages<'a, 'db> {
    pub(super) loader: Loader<'db>,
    pub(super) progress: &'a mut dyn FnMut(Progress),
    pub(super) count: &'a Cell<u64>,
    pub(super) total: u64,
    /// Title of the last page that was stored, to tell where trouble begins.
    pub(super) last: Option<String>,
    /// Why a page could not be stored; the JSON reader only learns that it has to stop.
    pub(super) failure: Option<Failure>,
}

impl<'de> DeserializeSeed<'de> for &mut Pages<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut Pages<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of pages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        while let Some(page) = array.next_element::<Node>()? {
            let title = page.title.clone();
            match self.loader.page(page) {
                Ok(()) => self.last = title,
                Err(Problem::Export(problem)) => return Err(A::Error::custom(problem)),
                Err(Problem::Store(failure)) => {
                    self.failure = Some(failure);
                    return Err(A::Error::custom("not stored"));
                }
            }
            let (pages, blocks) = (self.loader.pages, self.loader.blocks);
            (self.progress)(Progress { bytes: self.count.get(), total: self.total, pages, blocks });
        }
        Ok(())
    }
}
