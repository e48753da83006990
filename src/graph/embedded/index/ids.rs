//! Many ids at once.

use crate::graph::embedded::store::Id;

/// Some of the pages and blocks of a graph: a bit for each, which is little even for all of them.
#[derive(Clone, Debug, Default)]
pub(in crate::graph) struct Ids(Vec<u64>);

impl Ids {
    /// How many there are.
    pub(in crate::graph) fn len(&self) -> usize {
        self.0.iter().map(|bits| bits.count_ones() as usize).sum()
    }

    /// All of them, in order.
    pub(in crate::graph) fn iter(&self) -> impl Iterator<Item = Id> + '_ {
        (0..).zip(&self.0).flat_map(|(at, bits)| {
            let mut left = *bits;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                (left != 0).then(|| {
                    left &= left - 1;
                    at * 64 + Id::from(bit)
                })
            })
        })
    }

    /// Whether one of them is this.
    pub(in crate::graph) fn contains(&self, id: Id) -> bool {
        usize::try_from(id).is_ok_and(|id| self.0.get(id / 64).is_some_and(|bits| bits >> (id % 64) & 1 == 1))
    }

    /// All of them, the greatest first.
    pub(in crate::graph) fn iter_back(&self) -> impl Iterator<Item = Id> + '_ {
        self.0.iter().enumerate().rev().flat_map(|(at, bits)| {
            (0..64).rev().filter(move |bit| bits >> bit & 1 == 1).map(move |bit| (at * 64 + bit) as Id)
        })
    }

    /// Adds those that are in another set.
    pub(in crate::graph) fn add(&mut self, others: &Self) {
        self.0.resize(self.0.len().max(others.0.len()), 0);
        self.0.iter_mut().zip(&others.0).for_each(|(bits, others)| *bits |= others);
    }

    /// Those that are in both.
    pub(in crate::graph) fn and(mut self, other: &Self) -> Self {
        self.0.truncate(other.0.len());
        self.0.iter_mut().zip(&other.0).for_each(|(bits, others)| *bits &= others);
        self
    }
}

impl FromIterator<Id> for Ids {
    fn from_iter<I: IntoIterator<Item = Id>>(ids: I) -> Self {
        let mut all = Self::default();
        all.extend(ids);
        all
    }
}

impl Extend<Id> for Ids {
    fn extend<I: IntoIterator<Item = Id>>(&mut self, ids: I) {
        // Rows are numbered from 1 without large gaps; a damaged file must not make this large.
        for id in ids.into_iter().filter_map(|id| u32::try_from(id).ok()) {
            let (at, bit) = (id as usize / 64, id % 64);
            if at >= self.0.len() {
                self.0.resize(at + 1, 0);
            }
            self.0[at] |= 1 << bit;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_once_and_in_order() {
        let (mut some, mut others) = (Ids::default(), Ids::default());
        some.extend([130, 1, 63, 64, 1]);
        others.extend([64, 2, 130]);
        assert_eq!((some.len(), some.iter().collect::<Vec<_>>()), (4, vec![1, 63, 64, 130]));
        assert_eq!(some.iter_back().collect::<Vec<_>>(), [130, 64, 63, 1]);
        assert!(some.contains(64) && ![0, 2, 129, 1000, -1].iter().any(|id| some.contains(*id)));
        let mut both = others.clone();
        both.add(&some);
        assert_eq!(both.iter().collect::<Vec<_>>(), [1, 2, 63, 64, 130]);
        assert_eq!(some.and(&others).iter().collect::<Vec<_>>(), [64, 130]);
        assert_eq!((Ids::default().len(), others.and(&Ids::default()).iter().count()), (0, 0));
    }
}
