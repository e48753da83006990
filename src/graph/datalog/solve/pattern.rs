//! Working a pattern into a relation.

use super::sink::Sink;
use super::words::words;
use super::{Item, Solver};
use crate::graph::datalog::attribute::{ATTRIBUTES, Attribute};
use crate::graph::datalog::error::QueryError;
use crate::graph::datalog::facts::Known;
use crate::graph::datalog::relation::{Relation, Row};
use crate::graph::datalog::syntax::{Clause, Name, Pattern, Term, Var};
use crate::graph::datalog::value::Value;

/// What is known of one place of a pattern.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// Nothing, and nobody asks.
    Open,
    /// It gives a value to a variable.
    New(Var),
    /// It is the same for all rows.
    Fixed(Value),
    /// Each row has it in this column.
    Column(usize),
}

/// A pattern with one attribute, for some rows.
struct Search<'a> {
    attribute: &'static Attribute,
    entity: Place,
    value: Place,
    /// The attribute itself, where a variable wants it.
    name: Option<Value>,
    rows: &'a [Row],
    words: Option<&'a str>,
}

impl Solver<'_, '_> {
    /// What is known of a place. `None` for a lookup that finds nothing.
    pub(super) fn place(&self, relation: &Relation, term: &Term) -> Result<Option<Place>, QueryError> {
        Ok(match term {
            Term::Any => Some(Place::Open),
            Term::Var(var) => Some(relation.column(*var).map_or(Place::New(*var), Place::Column)),
            Term::Constant(value) => Some(Place::Fixed(value.clone())),
            Term::Lookup(attribute, value) => {
                self.facts.lookup(attribute, value)?.map(|entity| Place::Fixed(Value::Int(entity)))
            }
        })
    }

    pub(super) fn pattern<'s>(
        &self,
        relation: &Relation,
        pattern: &Pattern,
        steps: &[&Clause],
        rest: &[Item<'_>],
        sink: impl FnOnce(Vec<Var>) -> Sink<'s>,
    ) -> Result<Relation, QueryError> {
        let places = (self.place(relation, &pattern.entity)?, self.place(relation, &pattern.value)?);
        let (Some(entity), Some(value)) = places else { return sink(Vec::new()).finish() };
        let mut added = Vec::new();
        for place in [&entity, &value] {
            if let Place::New(var) = place
                && !added.contains(var)
            {
                added.push(*var);
            }
        }
        let (known, column) = match pattern.attribute {
            Name::Known(attribute) => (Some(attribute), None),
            Name::Any => (None, None),
            Name::Var(var) => {
                let column = relation.column(var);
                if column.is_none() {
                    added.push(var);
                }
                (None, column)
            }
        };
        // Where a part of the facts is left out, two of them can give the same row.
        let single = known.is_some_and(|attribute| !attribute.is_many());
        let open = matches!(entity, Place::Open)
            || matches!(value, Place::Open) && !single
            || matches!(pattern.attribute, Name::Any);
        let names_it = matches!(pattern.attribute, Name::Var(_)) && column.is_none();
        let mut sink = if open { sink(added).with_repetitions() } else { sink(added) };
        let attributes = ATTRIBUTES.iter().filter(|attribute| match known {
            Some(known) => *attribute == known,
            None => attribute.is_kept(),
        });
        for attribute in attributes {
            let name = Value::keyword(attribute.name);
            // A variable for the attribute may have come as a text, because JSON has no keywords.
            let written = Value::text(&format!(":{}", attribute.name));
            let own: Vec<Row>;
            let rows = match column {
                Some(at) => {
                    own = relation.rows().iter().filter(|row| row[at] == name || row[at] == written).cloned().collect();
                    &own
                }
                None => relation.rows(),
            };
            if rows.is_empty() {
                continue;
            }
            let words = words(attribute, &pattern.value, steps, rest);
            let name = names_it.then_some(name);
            let (entity, value) = (entity.clone(), value.clone());
            self.search(&Search { attribute, entity, value, name, rows, words: words.as_deref() }, &mut sink)?;
        }
        sink.finish()
    }

    /// Chooses the way to the facts: by the entity, by the value, by words, or all of them.
    fn search(&self, search: &Search<'_>, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let Search { attribute, entity, value, .. } = search;
        match (entity, value) {
            (Place::Open, Place::Open) => {
                // It is enough that there is one.
                if !self.facts.datoms(attribute, Known::Nothing)?.any()? {
                    return Ok(());
                }
                let added: Vec<Value> = search.name.iter().cloned().collect();
                search.rows.iter().try_for_each(|row| sink.push(row, &added))
            }
            (Place::Fixed(known), _) => self.once(search, Known::Entity, known, sink),
            (Place::Column(_), Place::Fixed(known)) if self.is_rare(search, known)? => {
                self.once(search, Known::Value, known, sink)
            }
            (Place::Column(at), _) => self.each_row(search, Known::Entity, *at, sink),
            (_, Place::Fixed(known)) => match search.words {
                Some(words) if !attribute.is_indexed() => self.once(search, Known::Words, &Value::text(words), sink),
                _ => self.once(search, Known::Value, known, sink),
            },
            (_, Place::Column(at)) if attribute.is_indexed() => self.each_row(search, Known::Value, *at, sink),
            _ => match search.words {
                Some(words) => self.once(search, Known::Words, &Value::text(words), sink),
                None => self.once(search, Known::Nothing, &Value::Nil, sink),
            },
        }
    }

    /// Whether fewer facts have this value than there are rows to ask about.
    fn is_rare(&self, search: &Search<'_>, value: &Value) -> Result<bool, QueryError> {
        let rows = search.rows.len();
        let indexed = search.attribute.is_indexed() && rows > 1;
        Ok(indexed && self.facts.count(search.attribute, Known::Value, value, rows)? < rows)
    }

    /// One search, and each fact goes to all the rows that it fits.
    fn once(&self, search: &Search<'_>, known: Known, with: &Value, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let columns: Vec<usize> = [&search.entity, &search.value]
            .into_iter()
            .filter_map(|place| if let Place::Column(at) = place { Some(*at) } else { None })
            .collect();
        let mut index = std::collections::HashMap::<Vec<Value>, Vec<&Row>>::new();
        for row in search.rows {
            index.entry(columns.iter().map(|at| row[*at].clone()).collect()).or_default().push(row);
        }
        self.facts.datoms(search.attribute, known)?.each(with, &mut |entity, value| {
            self.budget.tick()?;
            let mut key = Vec::with_capacity(columns.len());
            if matches!(search.entity, Place::Column(_)) {
                key.push(Value::Int(entity));
            }
            if matches!(search.value, Place::Column(_)) {
                key.push(value.clone());
            }
            let Some(rows) = index.get(&key) else { return Ok(()) };
            let Some(added) = search.added(entity, value) else { return Ok(()) };
            rows.iter().try_for_each(|row| sink.push(row, &added))
        })
    }

    /// A search for each row.
    fn each_row(&self, search: &Search<'_>, known: Known, at: usize, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let mut datoms = self.facts.datoms(search.attribute, known)?;
        for row in search.rows {
            self.budget.tick()?;
            datoms.each(&row[at], &mut |entity, value| {
                let fits = |place: &Place, found: &Value| match place {
                    Place::Column(at) => row[*at] == *found,
                    _ => true,
                };
                if !fits(&search.entity, &Value::Int(entity)) || !fits(&search.value, &value) {
                    return Ok(());
                }
                search.added(entity, value).map_or(Ok(()), |added| sink.push(row, &added))
            })?;
        }
        Ok(())
    }
}

impl Search<'_> {
    /// The values of new variables, if the fact has what is fixed.
    fn added(&self, entity: i64, value: Value) -> Option<Vec<Value>> {
        let entity = Value::Int(entity);
        let is = |place: &Place, found: &Value| if let Place::Fixed(known) = place { known == found } else { true };
        if !is(&self.entity, &entity) || !is(&self.value, &value) {
            return None;
        }
        let mut added = Vec::with_capacity(3);
        match (&self.entity, &self.value) {
            (Place::New(one), Place::New(two)) if one == two => {
                if entity != value {
                    return None;
                }
                added.push(entity);
            }
            (one, two) => {
                if let Place::New(_) = one {
                    added.push(entity);
                }
                if let Place::New(_) = two {
                    added.push(value);
                }
            }
        }
        added.extend(self.name.clone());
        Some(added)
    }
}
