//! The graph as facts: entity, attribute, value. Each way to look for them is one statement.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{CachedStatement, Connection, Row, params_from_iter};
use serde_json::{Map, Value as Json};

use super::attribute::{Attribute, Holds, Rows, Stored};
use super::error::QueryError;
use super::people::People;
use super::value::Value;
use crate::graph::embedded::index;

/// What is known of the facts that are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Nothing,
    Entity,
    Value,
    /// Folded parts that are indexed, each on a line, that all values contain.
    Words,
}

/// All facts of a graph.
pub(super) struct Facts<'db> {
    db: &'db Connection,
    people: People<'db>,
    /// What [`Facts::candidates`] found: a query is planned anew at each of its steps.
    narrowed: RefCell<HashMap<String, String>>,
}

/// Facts of one attribute, looked for in one way.
pub(super) struct Datoms<'a, 'db> {
    facts: &'a Facts<'db>,
    attribute: &'static Attribute,
    known: Known,
    statement: Option<CachedStatement<'a>>,
}

/// Takes facts. An error ends the search.
pub(super) type Each<'a> = &'a mut dyn FnMut(i64, Value) -> Result<(), QueryError>;

/// So many bytes of candidates are kept. A word that is in all of a million blocks takes half of it, and a query may look
/// for thousands.
const MOST_KEPT: usize = 16 << 20;

const BELOW: &str = "WITH RECURSIVE below(id) AS (
    SELECT id FROM node WHERE parent = ?1
    UNION ALL SELECT node.id FROM below CROSS JOIN node ON node.parent = below.id
) SELECT id, ?1 FROM below";
const ABOVE: &str = "WITH RECURSIVE above(id) AS (
    SELECT parent FROM node WHERE id = ?1 AND parent IS NOT NULL
    UNION ALL SELECT parent FROM above CROSS JOIN node ON node.id = above.id WHERE parent IS NOT NULL
) SELECT ?1, id FROM above";
const ALL_ABOVE: &str = "WITH RECURSIVE pair(id, above) AS (
    SELECT id, parent FROM node WHERE parent IS NOT NULL
    UNION ALL SELECT pair.id, node.parent FROM pair CROSS JOIN node ON node.id = above WHERE node.parent IS NOT NULL
) SELECT id, above FROM pair";

impl<'db> Facts<'db> {
    pub(super) fn new(db: &'db Connection) -> Self {
        Self { db, people: People::new(db), narrowed: RefCell::default() }
    }

    /// Prepares a search.
    pub(super) fn datoms<'a>(
        &'a self,
        attribute: &'static Attribute,
        known: Known,
    ) -> Result<Datoms<'a, 'db>, QueryError> {
        let statement = sql(attribute, known).map(|sql| self.db.prepare_cached(&sql)).transpose()?;
        Ok(Datoms { facts: self, attribute, known, statement })
    }

    /// How many facts there are, counted up to `most`.
    pub(super) fn count(
        &self,
        attribute: &'static Attribute,
        known: Known,
        value: &Value,
        most: usize,
    ) -> Result<usize, QueryError> {
        let datoms = Datoms { facts: self, attribute, known, statement: None };
        let (Some(sql), Some(parameter)) = (sql(attribute, known), datoms.parameter(value)?) else { return Ok(0) };
        let counted = format!("SELECT count(*) FROM (SELECT 1 FROM ({sql}) LIMIT {most})");
        let count: i64 = self.db.prepare_cached(&counted)?.query_row(params_from_iter(parameter), |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// The texts that may contain all of some parts, as SQLite takes a list.
    fn candidates(&self, parts: &str) -> Result<String, QueryError> {
        if let Some(list) = self.narrowed.borrow().get(parts) {
            return Ok(list.clone());
        }
        let mut list = String::from("[");
        for id in index::narrow(self.db, parts.lines())?.unwrap_or_default().iter() {
            let comma = if list.len() > 1 { "," } else { "" };
            let _ = write!(list, "{comma}{id}");
        }
        list.push(']');
        let mut narrowed = self.narrowed.borrow_mut();
        let kept: usize = narrowed.iter().map(|(parts, list)| parts.len() + list.len()).sum();
        if kept + parts.len() + list.len() <= MOST_KEPT {
            narrowed.insert(parts.to_owned(), list.clone());
        }
        Ok(list)
    }

    /// The one entity that has a value. Only for attributes whose values are unique.
    pub(super) fn lookup(&self, attribute: &'static Attribute, value: &Value) -> Result<Option<i64>, QueryError> {
        let mut found = None;
        self.datoms(attribute, Known::Value)?.each(value, &mut |entity, _| {
            found = Some(entity);
            Ok(())
        })?;
        Ok(found)
    }

    /// About how many pages and blocks there are.
    pub(super) fn size(&self) -> Result<usize, QueryError> {
        let last: Option<i64> = self.db.prepare_cached("SELECT max(id) FROM node")?.query_row([], |row| row.get(0))?;
        Ok(usize::try_from(last.unwrap_or_default()).unwrap_or_default())
    }
}

impl Datoms<'_, '_> {
    /// Hands out every fact that has this value, or this entity, or matches these words.
    pub(super) fn each(&mut self, value: &Value, each: Each<'_>) -> Result<(), QueryError> {
        if let Stored::Name | Stored::Shown | Stored::Address = self.attribute.stored {
            let people = self.everybody(value)?;
            return people.into_iter().try_for_each(|(number, name)| each(number, Value::Text(name)));
        }
        let Some(parameter) = self.parameter(value)? else { return Ok(()) };
        let Some(mut statement) = self.statement.take() else { return Ok(()) };
        let mut found = statement.query(params_from_iter(parameter))?;
        while let Some(row) = found.next()? {
            if let Some(value) = self.read(row)? {
                each(row.get(0)?, value)?;
            }
        }
        drop(found);
        self.statement = Some(statement);
        Ok(())
    }

    /// Whether the attribute has any facts.
    pub(super) fn any(&mut self) -> Result<bool, QueryError> {
        let Some(mut statement) = self.statement.take() else { return Ok(!self.everybody(&Value::Nil)?.is_empty()) };
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            if self.read(row)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What SQLite is given for a value; `None` if nothing can have such a value.
    fn parameter(&self, value: &Value) -> Result<Option<Vec<Sql>>, QueryError> {
        let holds = match &self.attribute.stored {
            Stored::Column { holds, .. } => Some(*holds),
            _ => None,
        };
        let one = match (self.known, value) {
            (Known::Nothing, _) => return Ok(Some(Vec::new())),
            (Known::Value, _) if matches!(self.attribute.stored, Stored::Extra(_)) => return Ok(Some(Vec::new())),
            (Known::Words, Value::Text(parts)) => Sql::Text(self.facts.candidates(parts)?),
            (Known::Entity, Value::Int(entity)) => Sql::Integer(*entity),
            (Known::Value, Value::Int(person)) if matches!(self.attribute.stored, Stored::Person(_)) => {
                match self.facts.people.name(*person)? {
                    Some(name) => Sql::Text(name.to_string()),
                    None => return Ok(None),
                }
            }
            (Known::Value, Value::Text(text)) if holds == Some(Holds::Text) => Sql::Text(text.to_string()),
            (Known::Value, Value::Keyword(name)) if holds == Some(Holds::Keyword) => Sql::Text(name.to_string()),
            (Known::Value, Value::Bool(flag)) if holds == Some(Holds::Flag) => Sql::Integer((*flag).into()),
            (Known::Value, Value::Int(number)) if matches!(holds, None | Some(Holds::Number)) => Sql::Integer(*number),
            _ => return Ok(None),
        };
        Ok(Some(vec![one]))
    }

    fn read(&self, row: &Row<'_>) -> Result<Option<Value>, QueryError> {
        let stored = row.get_ref(1)?;
        Ok(match (&self.attribute.stored, stored) {
            (Stored::Person(_), ValueRef::Text(_)) => {
                Some(Value::Int(self.facts.people.meet(stored.as_str().map_err(rusqlite::Error::from)?)))
            }
            (Stored::Extra(keys), ValueRef::Text(json)) => {
                let extra: Map<String, Json> = serde_json::from_slice(json).unwrap_or_default();
                keys.iter().find_map(|key| extra.get(*key)).filter(|json| !json.is_null()).map(Value::from_json)
            }
            (Stored::Column { holds: Holds::Flag, .. }, ValueRef::Integer(flag)) => Some(Value::Bool(flag != 0)),
            (Stored::Column { holds: Holds::Keyword, .. }, ValueRef::Text(_)) => {
                Some(Value::keyword(stored.as_str().map_err(rusqlite::Error::from)?))
            }
            (_, ValueRef::Text(_)) => Some(Value::text(stored.as_str().map_err(rusqlite::Error::from)?)),
            (_, ValueRef::Integer(number)) => Some(Value::Int(number)),
            (_, ValueRef::Real(number)) => Some(Value::float(number)),
            _ => None,
        })
    }

    /// People, by their number or by the name they go by.
    fn everybody(&self, value: &Value) -> Result<Vec<(i64, Arc<str>)>, QueryError> {
        let people = &self.facts.people;
        let mut found = match (&self.attribute.stored, self.known, value) {
            (Stored::Nowhere { .. }, ..) => Vec::new(),
            // Several may be shown alike.
            (_, Known::Nothing, _) | (Stored::Shown, Known::Value, _) => people.all()?,
            (_, Known::Entity, Value::Int(number)) => {
                people.name(*number)?.map(|name| (*number, name)).into_iter().collect()
            }
            (_, Known::Value, Value::Text(name)) => {
                people.find(name)?.map(|number| (number, Arc::clone(name))).into_iter().collect()
            }
            _ => Vec::new(),
        };
        if self.attribute.stored == Stored::Shown {
            for (_, name) in &mut found {
                *name = people.shown(name)?;
            }
            found.retain(|(_, name)| self.known != Known::Value || *value == Value::Text(Arc::clone(name)));
        }
        if self.attribute.stored == Stored::Address {
            found.retain(|(_, name)| name.contains('@'));
        }
        Ok(found)
    }
}

/// The statement for a search. Its columns are the entity and the value; its parameter, if it has one, is what is known.
fn sql(attribute: &Attribute, known: Known) -> Option<String> {
    let simple = |entity: &str, value: &str, from: &str, order: &str| {
        let rows = format!("SELECT {entity}, {value} FROM {from}");
        Some(match known {
            Known::Nothing => rows,
            Known::Entity => format!("{rows} AND {entity} = ?1{order}"),
            Known::Value => format!("{rows} AND {value} = ?1"),
            Known::Words => format!(
                "SELECT id, text FROM (SELECT value AS candidate FROM json_each(?1)) CROSS JOIN node ON id = candidate
                 WHERE {}",
                from.split_once(" WHERE ").map_or("true", |(_, condition)| condition)
            ),
        })
    };
    match &attribute.stored {
        Stored::Column { column, rows, .. } => {
            let only = match rows {
                Rows::All => "",
                Rows::Pages => " AND parent IS NULL",
                Rows::Blocks => " AND parent IS NOT NULL",
            };
            simple("id", column, &format!("node WHERE {column} IS NOT NULL{only}"), "")
        }
        Stored::Children => simple("parent", "id", "node WHERE parent IS NOT NULL", " ORDER BY ord"),
        Stored::Shortcut => simple("page", "ord", "shortcut WHERE true", ""),
        Stored::Refs => simple("src", "dst", "refs WHERE true", ""),
        Stored::Person(column) => simple("id", column, &format!("node WHERE {column} IS NOT NULL"), ""),
        Stored::Page if known == Known::Value => {
            Some(format!("{BELOW} WHERE EXISTS (SELECT 1 FROM node WHERE id = ?1 AND parent IS NULL)"))
        }
        Stored::Page => simple("id", "page", "node WHERE parent IS NOT NULL", ""),
        Stored::Parents => Some(match known {
            Known::Entity => ABOVE.to_owned(),
            Known::Value => BELOW.to_owned(),
            Known::Nothing | Known::Words => ALL_ABOVE.to_owned(),
        }),
        // What is in `extra` is compared by whoever asks.
        Stored::Extra(_) if known == Known::Entity => {
            Some("SELECT id, extra FROM node WHERE extra IS NOT NULL AND id = ?1".into())
        }
        Stored::Extra(_) => Some("SELECT id, extra FROM node WHERE extra IS NOT NULL".into()),
        Stored::Name | Stored::Shown | Stored::Address | Stored::Nowhere { .. } => None,
    }
}
