//! What variables are bound to.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde_json::Value as Json;

use super::edn::{Form, Kind};
use super::function::Pattern;

/// A value. Entities are their numbers, as in Roam's own database.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    /// Never a whole number that an `Int` can hold, so that 1 and 1.0 are one value.
    Float(f64),
    /// Without its colon.
    Keyword(Arc<str>),
    Text(Arc<str>),
    List(Arc<[Value]>),
    Map(Arc<BTreeMap<String, Value>>),
    Pattern(Arc<Pattern>),
}

impl Value {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn keyword(name: &str) -> Self {
        Self::Keyword(name.into())
    }

    pub(super) fn float(number: f64) -> Self {
        // 2^53 is where the numbers of JavaScript stop telling neighbours apart.
        let whole = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
        if whole { Self::Int(number as i64) } else { Self::Float(number) }
    }

    /// What counts as true: everything but nil and false.
    pub(super) fn is_true(&self) -> bool {
        !matches!(self, Self::Nil | Self::Bool(false))
    }

    pub(super) fn as_int(&self) -> Option<i64> {
        if let Self::Int(number) = self { Some(*number) } else { None }
    }

    pub(super) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// About how many bytes it takes beside itself.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Text(text) | Self::Keyword(text) => text.len() + 16,
            Self::List(items) => items.iter().map(|item| 24 + item.weight()).sum::<usize>() + 16,
            Self::Map(entries) => entries.iter().map(|(key, value)| 72 + key.len() + value.weight()).sum(),
            Self::Pattern(pattern) => pattern.weight(),
            Self::Nil | Self::Bool(_) | Self::Int(_) | Self::Float(_) => 0,
        }
    }

    pub(super) fn from_json(json: &Json) -> Self {
        match json {
            Json::Null => Self::Nil,
            Json::Bool(flag) => Self::Bool(*flag),
            Json::Number(number) => match number.as_i64() {
                Some(whole) => Self::Int(whole),
                None => Self::float(number.as_f64().unwrap_or(f64::MAX)),
            },
            Json::String(text) => Self::text(text),
            Json::Array(items) => Self::List(items.iter().map(Self::from_json).collect()),
            Json::Object(entries) => {
                Self::Map(Arc::new(entries.iter().map(|(key, value)| (key.clone(), Self::from_json(value))).collect()))
            }
        }
    }

    /// As JSON has it. A keyword is its name, and keeps its namespace if it has one: `:numbered` is `"numbered"`, and
    /// `:block/uid`, an attribute, is `":block/uid"`.
    pub(super) fn to_json(&self) -> Json {
        match self {
            Self::Nil => Json::Null,
            Self::Bool(flag) => Json::Bool(*flag),
            Self::Int(number) => Json::from(*number),
            Self::Float(number) => Json::from(*number),
            Self::Keyword(name) if name.contains('/') => Json::from(format!(":{name}")),
            Self::Keyword(text) | Self::Text(text) => Json::from(text.as_ref()),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(entries) => entries.iter().map(|(key, value)| (key.clone(), value.to_json())).collect(),
            Self::Pattern(pattern) => Json::from(pattern.as_str()),
        }
    }

    /// A form that stands for itself. `None` for symbols, lists and maps, which do not.
    pub(super) fn from_form(form: &Form) -> Option<Self> {
        match &form.kind {
            Kind::Nil => Some(Self::Nil),
            Kind::Bool(flag) => Some(Self::Bool(*flag)),
            Kind::Int(number) => Some(Self::Int(*number)),
            Kind::Float(number) => Some(Self::float(*number)),
            Kind::Text(text) => Some(Self::text(text)),
            Kind::Keyword(name) => Some(Self::keyword(name)),
            Kind::Vector(forms) | Kind::Set(forms) => forms.iter().map(Self::from_form).collect(),
            Kind::Symbol(_) | Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// Where values of one kind stand among the others.
    fn rank(&self) -> u8 {
        match self {
            Self::Nil => 0,
            Self::Bool(_) => 1,
            Self::Int(_) | Self::Float(_) => 2,
            Self::Keyword(_) => 3,
            Self::Text(_) => 4,
            Self::List(_) => 5,
            Self::Map(_) => 6,
            Self::Pattern(_) => 7,
        }
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::List(items.into_iter().collect())
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(one), Self::Bool(two)) => one.cmp(two),
            (Self::Int(one), Self::Int(two)) => one.cmp(two),
            (Self::Float(one), Self::Float(two)) => one.total_cmp(two),
            // They are never equal, so the tie that rounding makes is broken.
            (Self::Int(one), Self::Float(two)) => (*one as f64).total_cmp(two).then(Ordering::Less),
            (Self::Float(one), Self::Int(two)) => one.total_cmp(&(*two as f64)).then(Ordering::Greater),
            (Self::Keyword(one), Self::Keyword(two)) | (Self::Text(one), Self::Text(two)) => one.cmp(two),
            (Self::List(one), Self::List(two)) => one.cmp(two),
            (Self::Map(one), Self::Map(two)) => one.cmp(two),
            (Self::Pattern(one), Self::Pattern(two)) => one.as_str().cmp(two.as_str()),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Nil => 0_u8.hash(state),
            Self::Bool(flag) => flag.hash(state),
            Self::Int(number) => number.hash(state),
            Self::Float(number) => number.to_bits().hash(state),
            Self::Keyword(text) | Self::Text(text) => text.hash(state),
            Self::List(items) => items.hash(state),
            Self::Map(entries) => entries.hash(state),
            Self::Pattern(pattern) => pattern.as_str().hash(state),
        }
    }
}
