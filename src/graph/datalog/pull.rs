//! `(pull ?e […])`, and `data.pull`: entities as JSON objects.

use std::rc::Rc;

use serde_json::{Map, Value as Json, json};

use super::attribute::{ATTRIBUTES, Attribute};
use super::budget::Budget;
use super::error::QueryError;
use super::facts::{Facts, Known};
use super::value::Value;

/// What is pulled of an entity.
#[derive(Debug, Default)]
pub(super) struct Pull {
    /// Every attribute it has.
    pub(super) all: bool,
    pub(super) id: bool,
    pub(super) fields: Vec<Field>,
}

/// One attribute of it.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) attribute: &'static Attribute,
    /// Whether the entities are wanted that have this one as their value.
    pub(super) reverse: bool,
    /// What `:as` calls it.
    pub(super) key: Option<String>,
    pub(super) limit: Option<usize>,
    pub(super) default: Option<Value>,
    pub(super) nested: Nested,
}

/// What is pulled of the entities that a field refers to.
#[derive(Debug)]
pub(super) enum Nested {
    /// Their number.
    No,
    Pull(Pull),
    /// The same as here, to a depth.
    Again(Option<u64>),
}

impl Field {
    /// As in Roam: more values than this come only with `:limit nil`.
    pub(super) const LIMIT: usize = 1000;
}

/// What an attribute is written under.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keys {
    /// `string`, as Roam has it within a query.
    Short,
    /// `:block/string`, as Roam has it in a pull of its own.
    Full,
}

impl Keys {
    fn of(self, field: &Field) -> String {
        let (space, name) = field.attribute.name.split_once('/').unwrap_or_default();
        let back = if field.reverse { "_" } else { "" };
        match (&field.key, self) {
            (Some(key), _) => key.clone(),
            (None, Self::Short) => format!("{back}{name}"),
            (None, Self::Full) => format!(":{space}/{back}{name}"),
        }
    }

    /// A keyword keeps its colon where attributes keep theirs.
    fn value(self, value: &Value) -> Json {
        match (self, value) {
            (Self::Full, Value::Keyword(name)) => Json::from(format!(":{name}")),
            _ => value.to_json(),
        }
    }

    fn id(self) -> &'static str {
        match self {
            Self::Short => "id",
            Self::Full => ":db/id",
        }
    }
}

/// Pulls entities out of a database.
pub(super) struct Puller<'a, 'db> {
    facts: &'a Facts<'db>,
    budget: Rc<Budget>,
    keys: Keys,
}

/// Blocks do not nest deeper in practice, and replies that do are more than their readers can take.
const DEEPEST: usize = 200;

impl<'a, 'db> Puller<'a, 'db> {
    pub(super) fn new(facts: &'a Facts<'db>, budget: &Rc<Budget>, keys: Keys) -> Self {
        Self { facts, budget: Rc::clone(budget), keys }
    }

    /// An entity; null if there is nothing to tell about it.
    pub(super) fn entity(&self, entity: i64, pull: &Pull) -> Result<Json, QueryError> {
        self.pull(entity, pull, None, &mut Vec::new())
    }

    fn pull(&self, entity: i64, pull: &Pull, depth: Option<u64>, above: &mut Vec<i64>) -> Result<Json, QueryError> {
        let mut object = Map::new();
        if pull.all {
            for attribute in ATTRIBUTES.iter().filter(|attribute| attribute.is_kept()) {
                let field = Field {
                    attribute,
                    reverse: false,
                    key: None,
                    limit: Some(Field::LIMIT),
                    default: None,
                    nested: Nested::No,
                };
                self.field(&mut object, entity, &field, pull, None, above)?;
            }
        }
        for field in &pull.fields {
            self.field(&mut object, entity, field, pull, depth, above)?;
        }
        if pull.id || pull.all && !object.is_empty() {
            object.insert(self.keys.id().into(), entity.into());
        }
        // What is pulled is kept to the end, so its memory is never given back.
        self.budget
            .take(object.iter().map(|(key, value)| 100 + key.len() + value.as_str().map_or(0, str::len)).sum())?;
        Ok(if object.is_empty() { Json::Null } else { Json::Object(object) })
    }

    fn field(
        &self,
        object: &mut Map<String, Json>,
        entity: i64,
        field: &Field,
        pull: &Pull,
        depth: Option<u64>,
        above: &mut Vec<i64>,
    ) -> Result<(), QueryError> {
        let values = self.values(entity, field)?;
        let mut found = Vec::new();
        for value in values {
            self.budget.tick()?;
            let shown = match (&field.nested, value.as_int().filter(|_| field.attribute.refers())) {
                (_, None) => self.keys.value(&value),
                (Nested::No, Some(other)) => json!({ self.keys.id(): other }),
                (Nested::Pull(nested), Some(other)) => self.deeper(other, nested, None, above)?,
                (Nested::Again(limit), Some(other)) => {
                    let left = depth.or(*limit);
                    match left {
                        Some(0) => break,
                        // An entity that leads back to itself is not shown within itself.
                        _ if other == entity || above.contains(&other) => json!({ self.keys.id(): other }),
                        left => {
                            above.push(entity);
                            let shown = self.deeper(other, pull, left.map(|left| left - 1), above);
                            above.pop();
                            shown?
                        }
                    }
                }
            };
            if !shown.is_null() {
                found.push(shown);
            }
        }
        let many = field.reverse || field.attribute.is_many();
        let key = || self.keys.of(field);
        match (found.is_empty(), &field.default) {
            (true, Some(default)) => drop(object.insert(key(), self.keys.value(default))),
            (true, None) => {}
            (false, _) if many => drop(object.insert(key(), Json::Array(found))),
            (false, _) => drop(found.pop().and_then(|value| object.insert(key(), value))),
        }
        Ok(())
    }

    fn deeper(&self, entity: i64, pull: &Pull, depth: Option<u64>, above: &mut Vec<i64>) -> Result<Json, QueryError> {
        if above.len() >= DEEPEST {
            return Err(QueryError::DepthLimit(DEEPEST));
        }
        self.pull(entity, pull, depth, above)
    }

    fn values(&self, entity: i64, field: &Field) -> Result<Vec<Value>, QueryError> {
        let known = if field.reverse { Known::Value } else { Known::Entity };
        let mut datoms = self.facts.datoms(field.attribute, known)?;
        let mut values = Vec::new();
        let limit = field.limit.unwrap_or(usize::MAX);
        datoms.each(&Value::Int(entity), &mut |owner, value| {
            if values.len() < limit {
                values.push(if field.reverse { Value::Int(owner) } else { value });
            }
            self.budget.tick()
        })?;
        Ok(values)
    }
}
