//! What is said of one entity: a row of a temporary table.

use std::collections::HashSet;

use rusqlite::types::Value as Cell;
use rusqlite::{Connection, OptionalExtension as _, Row, Statement, params_from_iter};
use serde_json::{Map, Value};

use super::super::edn::trouble;
use super::super::export::{Node, Person, Text};
use super::super::load::{self, Problem};

/// What the value of an attribute is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Flag,
}

/// The attributes that are read, each with its column. What else there is goes into `extra`, each attribute with all its
/// values.
const COLUMNS: [(&str, &str, Kind); 16] = [
    (":block/uid", "uid", Kind::Text),
    (":node/title", "title", Kind::Text),
    (":block/string", "string", Kind::Text),
    (":block/order", "ord", Kind::Number),
    (":block/heading", "heading", Kind::Number),
    (":block/open", "open", Kind::Flag),
    (":block/text-align", "align", Kind::Text),
    (":children/view-type", "view", Kind::Text),
    (":log/id", "log", Kind::Number),
    (":page/sidebar", "sidebar", Kind::Number),
    (":create/time", "created", Kind::Number),
    (":create/user", "creator", Kind::Number),
    (":edit/time", "edited", Kind::Number),
    (":edit/user", "editor", Kind::Number),
    (":user/uid", "person", Kind::Text),
    (":user/display-name", "name", Kind::Text),
];

/// Facts of one entity.
pub(super) struct Entity {
    id: i64,
    values: Vec<Value>,
    extra: Map<String, Value>,
}

/// All entities, as far as they were read.
pub(super) struct Entities<'db> {
    load: Statement<'db>,
    store: Statement<'db>,
}

pub(super) fn create_table(db: &Connection) -> rusqlite::Result<()> {
    let columns: Vec<&str> = COLUMNS.iter().map(|(_, column, _)| *column).collect();
    db.execute_batch(&format!("CREATE TEMP TABLE entity (e INTEGER PRIMARY KEY, {}, extra)", columns.join(", ")))
}

/// Keeps who is a person.
pub(super) fn people(db: &Connection) -> Result<(), Problem> {
    let mut people = db.prepare("SELECT person, name, extra FROM entity WHERE person IS NOT NULL")?;
    let mut people = people.query([])?;
    while let Some(row) = people.next()? {
        load::person(db, Person { uid: row.get(0)?, name: row.get(1)?, extra: extra(row)? })?;
    }
    Ok(())
}

impl<'db> Entities<'db> {
    pub(super) fn new(db: &'db Connection) -> rusqlite::Result<Self> {
        let load = db.prepare("SELECT * FROM entity WHERE e = ?1")?;
        let store = db.prepare(&format!("REPLACE INTO entity VALUES (?{}, ?)", ", ?".repeat(COLUMNS.len())))?;
        Ok(Self { load, store })
    }

    /// What was read of an entity so far.
    pub(super) fn load(&mut self, id: i64) -> Result<Entity, Problem> {
        let read = |row: &Row<'_>| {
            let value = |&(_, column, kind): &(&str, &str, Kind)| {
                Ok(match row.get(column)? {
                    Cell::Text(text) => text.into(),
                    Cell::Integer(flag) if kind == Kind::Flag => (flag != 0).into(),
                    Cell::Integer(number) => number.into(),
                    _ => Value::Null,
                })
            };
            let values = COLUMNS.iter().map(value).collect::<rusqlite::Result<_>>()?;
            Ok(Entity { id, values, extra: all_extra(row)? })
        };
        let found = self.load.query_row([id], read).optional()?;
        Ok(found.unwrap_or_else(|| Entity { id, values: vec![Value::Null; COLUMNS.len()], extra: Map::new() }))
    }

    pub(super) fn store(&mut self, entity: Entity) -> Result<(), Problem> {
        let Entity { id, values, mut extra } = entity;
        for values in extra.values_mut().filter_map(Value::as_array_mut) {
            // The same fact may stand there twice.
            let mut seen = HashSet::new();
            values.retain(|value| seen.insert(value.to_string()));
        }
        let cell = |value| match value {
            Value::String(text) => Cell::Text(text),
            Value::Bool(flag) => Cell::Integer(flag.into()),
            Value::Number(number) => number.as_i64().map_or(Cell::Null, Cell::Integer),
            Value::Object(extra) if !extra.is_empty() => Cell::Text(Value::Object(extra).to_string()),
            _ => Cell::Null,
        };
        let values = values.into_iter().chain([Value::Object(extra)]).map(cell);
        self.store.execute(params_from_iter(std::iter::once(Cell::Integer(id)).chain(values)))?;
        Ok(())
    }
}

impl Entity {
    pub(super) fn id(&self) -> i64 {
        self.id
    }

    /// Adds a fact.
    pub(super) fn add(&mut self, attribute: &str, value: &Value) -> Result<(), Problem> {
        let id = self.id;
        let Some(column) = COLUMNS.iter().position(|(name, ..)| *name == attribute) else {
            let values = self.extra.entry(attribute).or_insert_with(|| Value::Array(Vec::new()));
            values.as_array_mut().into_iter().for_each(|values| values.push(value.clone()));
            return Ok(());
        };
        let (fits, expected) = match COLUMNS[column].2 {
            Kind::Text => (value.is_string(), "a text"),
            Kind::Number => (value.is_i64(), "a whole number"),
            Kind::Flag => (value.is_boolean(), "true or false"),
        };
        if !fits {
            return Err(trouble(format!(
                "`{attribute}` of the entity {id} is {expected}, and this is {}",
                shown(value)
            )));
        }
        let known = &mut self.values[column];
        if !known.is_null() && known != value {
            return Err(trouble(format!("the entity {id} has a second `{attribute}`: {}", shown(value))));
        }
        *known = value.clone();
        Ok(())
    }
}

/// A page or block without its children.
pub(super) fn node(row: &Row<'_>) -> rusqlite::Result<Node> {
    let text = |column: &str| row.get::<_, Option<String>>(column);
    let number = |column: &str| row.get::<_, Option<i64>>(column);
    let word =
        |column: &str| Ok::<_, rusqlite::Error>(text(column)?.map(|word| word.trim_start_matches(':').to_owned()));
    Ok(Node {
        title: text("title")?,
        string: text("string")?.map(Text::from),
        uid: text("uid")?,
        children: Vec::new(),
        order: number("ord")?,
        heading: number("heading")?,
        open: number("open")?.map(|open| open != 0),
        text_align: word("align")?,
        children_view: word("view")?,
        log_id: number("log")?,
        sidebar: number("sidebar")?,
        created_at: number("created")?,
        created_by: text("created_by")?,
        edited_at: number("edited")?,
        edited_by: text("edited_by")?,
        people: Vec::new(),
        extra: extra(row)?,
    })
}

/// What else is said: one value as it is, several as a list.
fn extra(row: &Row<'_>) -> rusqlite::Result<Map<String, Value>> {
    let single = |(attribute, values)| match values {
        Value::Array(mut values) if values.len() == 1 => (attribute, values.remove(0)),
        values => (attribute, values),
    };
    Ok(all_extra(row)?.into_iter().map(single).collect())
}

fn all_extra(row: &Row<'_>) -> rusqlite::Result<Map<String, Value>> {
    let stored: Option<String> = row.get("extra")?;
    Ok(stored.and_then(|extra| serde_json::from_str(&extra).ok()).unwrap_or_default())
}

/// A value in an error, which has not room for all of a long one.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 40 { text.chars().take(40).chain("…".chars()).collect() } else { text }
}
