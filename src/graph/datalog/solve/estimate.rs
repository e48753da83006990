//! What it would cost to work a condition into a relation: about how many facts are touched, and rows made.

use std::collections::BTreeSet;

use super::pattern::Place;
use super::ready::{is_bound, waits};
use super::rules::Context;
use super::words::words;
use super::{Item, Solver};
use crate::graph::datalog::attribute::{Attribute, Rows, Stored};
use crate::graph::datalog::error::QueryError;
use crate::graph::datalog::facts::Known;
use crate::graph::datalog::relation::Relation;
use crate::graph::datalog::syntax::{Clause, Name, Pattern, Var};
use crate::graph::datalog::value::Value;

/// Indexes are asked no further than this; what has more is common.
const COMMON: usize = 2000;
/// So many rows speak for all.
const SAMPLE: usize = 4;

impl Solver<'_, '_> {
    /// `None` while the condition has to wait.
    pub(super) fn cost(
        &self,
        relation: &Relation,
        item: &Item<'_>,
        items: &[Item<'_>],
        context: &Context<'_>,
    ) -> Result<Option<f64>, QueryError> {
        let rows = relation.len() as f64;
        let size = self.size as f64;
        let clause = match item {
            Item::Clause(clause) => *clause,
            Item::Given(given) => {
                let shared = given.vars.iter().any(|var| relation.has(*var));
                return Ok(Some(if shared { rows } else { rows * given.len() as f64 }));
            }
        };
        let bound: BTreeSet<Var> = relation.vars.iter().copied().collect();
        if waits(clause, &bound, self.rules).is_some() {
            return Ok(None);
        }
        Ok(Some(match clause {
            Clause::Test(_) => rows,
            Clause::Bind(..) => rows * 8.0,
            Clause::Not(_) => rows * 2.0,
            Clause::Pattern(pattern) => self.pattern_cost(relation, pattern, items)?,
            Clause::Or(or) => {
                let mut sum = 0.0;
                for branch in &or.branches {
                    let items: Vec<Item<'_>> = branch.iter().map(Item::Clause).collect();
                    let mut least: f64 = size * 4.0;
                    for item in &items {
                        least = least.min(self.cost(relation, item, &items, context)?.unwrap_or(least));
                    }
                    sum += least;
                }
                sum
            }
            Clause::Call(call) => match context.new_rows(call.site) {
                Some(new) => rows.max(new as f64),
                None if call.terms.iter().any(|term| is_bound(term, &bound)) => rows * 20.0,
                None => rows * size * 2.0,
            },
        }))
    }

    fn pattern_cost(&self, relation: &Relation, pattern: &Pattern, items: &[Item<'_>]) -> Result<f64, QueryError> {
        let places = (self.place(relation, &pattern.entity)?, self.place(relation, &pattern.value)?);
        let (Some(entity), Some(value)) = places else { return Ok(0.0) };
        let rows = relation.len() as f64;
        let Name::Known(attribute) = pattern.attribute else {
            let known = !matches!((&entity, &value), (Place::Open | Place::New(_), Place::Open | Place::New(_)));
            return Ok(rows * if known { 20.0 } else { self.size as f64 * 12.0 });
        };
        let by = |known| self.typical(relation, attribute, known);
        let everything = self.everything(attribute);
        let has_entity = matches!(entity, Place::Fixed(_) | Place::Column(_));
        if has_entity {
            let each = if attribute.is_many() { by((Known::Entity, &entity))? } else { 1.0 };
            let checked = matches!(value, Place::Fixed(_) | Place::Column(_));
            let rare = match &value {
                Place::Fixed(_) if attribute.is_indexed() => by((Known::Value, &value))?,
                _ => f64::MAX,
            };
            return Ok((rows * if checked { each * 0.5 } else { each }).min(rare));
        }
        match &value {
            Place::Fixed(_) | Place::Column(_) if attribute.is_indexed() => Ok(rows * by((Known::Value, &value))?),
            Place::Column(_) => Ok(everything / 2.0 + rows),
            _ => {
                let found = match words(attribute, &pattern.value, &[], items) {
                    Some(words) => self.facts.count(attribute, Known::Words, &Value::text(&words), COMMON)? as f64,
                    None if matches!(value, Place::Fixed(_)) => everything / 4.0,
                    None => everything,
                };
                Ok(rows * found)
            }
        }
    }

    /// How many facts one row typically leads to.
    fn typical(
        &self,
        relation: &Relation,
        attribute: &'static Attribute,
        (known, place): (Known, &Place),
    ) -> Result<f64, QueryError> {
        let count = |value: &Value| self.facts.count(attribute, known, value, COMMON).map(|count| count as f64);
        match place {
            Place::Fixed(value) => count(value),
            Place::Column(at) => {
                let step = (relation.len() / SAMPLE).max(1);
                let sample: Vec<_> = relation.rows().iter().step_by(step).take(SAMPLE).collect();
                let mut sum = 0.0;
                for row in &sample {
                    sum += count(&row[*at])?;
                }
                Ok(sum / sample.len().max(1) as f64)
            }
            Place::Open | Place::New(_) => Ok(self.everything(attribute)),
        }
    }

    /// About how many facts an attribute has. Pages are few among blocks, and few blocks are headings.
    fn everything(&self, attribute: &Attribute) -> f64 {
        let size = self.size as f64;
        match &attribute.stored {
            Stored::Column { rows: Rows::Pages, .. } => size / 16.0,
            Stored::Column { column: "heading" | "text_align" | "children_view", .. } | Stored::Extra(_) => size / 4.0,
            Stored::Column { .. } | Stored::Children | Stored::Page | Stored::Refs | Stored::Person(_) => size,
            Stored::Parents => size * 4.0,
            Stored::Name | Stored::Shown | Stored::Address | Stored::Shortcut | Stored::Nowhere { .. } => 4.0,
        }
    }
}
