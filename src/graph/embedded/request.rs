//! The arguments of an action: one object, as the Local API has it.

use serde_json::{Map, Value};

use super::failure::{Failure, invalid};

pub(super) struct Request(Map<String, Value>);

impl From<Map<String, Value>> for Request {
    fn from(object: Map<String, Value>) -> Self {
        Self(object)
    }
}

impl Request {
    /// Takes the one object out of the arguments of an action.
    pub(super) fn new(args: Vec<Value>) -> Result<Self, Failure> {
        match args.into_iter().next() {
            None => Ok(Self(Map::new())),
            Some(Value::Object(object)) => Ok(Self(object)),
            Some(_) => Err(invalid("The argument of this action is an object.")),
        }
    }

    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&str>, Failure> {
        self.typed(key, "a string", Value::as_str)
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, Failure> {
        self.typed(key, "true or false", Value::as_bool)
    }

    pub(super) fn object(&self, key: &str) -> Result<Option<Self>, Failure> {
        let object = |value: &Value| value.as_object().map(|object| Self(object.clone()));
        match self.value(key) {
            None => Ok(None),
            Some(value) => object(value).map(Some).ok_or_else(|| invalid(format!("`{key}` is an object."))),
        }
    }

    /// A list of at least one and at most so many.
    pub(super) fn items(&self, key: &str, most: usize) -> Result<&[Value], Failure> {
        match self.value(key) {
            Some(Value::Array(items)) if (1..=most).contains(&items.len()) => Ok(items),
            _ => Err(invalid(format!("`{key}` is a list of 1 to {most}."))),
        }
    }

    /// A count. Fractions are cut off, and nothing is less than none, as in Roam.
    pub(super) fn count(&self, key: &str) -> Result<Option<usize>, Failure> {
        // The conversion saturates at both ends, and that is what is wanted.
        self.typed(key, "a number", |value| value.as_f64().map(|number| number as usize))
    }

    fn typed<'a, T>(&'a self, key: &str, what: &str, read: fn(&'a Value) -> Option<T>) -> Result<Option<T>, Failure> {
        match self.value(key) {
            None => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| invalid(format!("`{key}` is {what}."))),
        }
    }
}
