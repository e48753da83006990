//! Binding values to variables: the inputs of a query, and what functions return.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::rc::Rc;

use serde_json::Value as Json;

use super::attribute::Attribute;
use super::budget::Budget;
use super::edn;
use super::error::{QueryError, Text};
use super::facts::Facts;
use super::relation::Relation;
use super::syntax::{Binding, Input, Query, Var};
use super::value::Value;

/// One way to bind variables.
pub(super) type Bound = BTreeMap<Var, Value>;

const NO_ENTITY: &str = "an entity is a number or a lookup, `[:block/uid \"…\"]`";

/// More ways than this to take one value apart were not meant.
const MOST: usize = 100_000;

/// Takes values apart. What comes of it is held from the budget as long as this is there.
pub(super) struct Opener<'a> {
    budget: &'a Budget,
    /// Where the entities are looked up that stand in the value as lookups; only inputs have them.
    facts: Option<&'a Facts<'a>>,
    wrong: &'a dyn Fn(String) -> QueryError,
    held: Cell<usize>,
}

impl<'a> Opener<'a> {
    /// The error of a value that does not fit is made by `wrong`.
    pub(super) fn new(
        budget: &'a Budget,
        facts: Option<&'a Facts<'a>>,
        wrong: &'a dyn Fn(String) -> QueryError,
    ) -> Self {
        Self { budget, facts, wrong, held: Cell::new(0) }
    }

    /// Every way in which a value fits a binding.
    pub(super) fn bindings(&self, binding: &Binding, value: &Value) -> Result<Vec<Bound>, QueryError> {
        match (binding, value) {
            (Binding::Ignore, _) => Ok(vec![self.hold(Bound::new())?]),
            (Binding::Var(var), value) => Ok(vec![self.hold(Bound::from([(*var, self.entity(value)?)]))?]),
            (Binding::Collection(_), Value::Nil) => Ok(Vec::new()),
            (Binding::Collection(item), Value::List(values)) => {
                let mut all = Vec::new();
                for value in values.iter() {
                    all.append(&mut self.bindings(item, value)?);
                }
                Ok(all)
            }
            (Binding::Tuple(parts), Value::List(values)) if values.len() >= parts.len() => {
                let mut all = vec![Bound::new()];
                for (part, value) in parts.iter().zip(values.iter()) {
                    let found = self.bindings(part, value)?;
                    if all.len().saturating_mul(found.len()) > MOST {
                        return Err((self.wrong)(format!("this would make more than {MOST} combinations")));
                    }
                    let pairs = all.iter().flat_map(|bound| found.iter().filter_map(|more| merge(bound, more)));
                    all = pairs.map(|both| self.hold(both)).collect::<Result<_, _>>()?;
                }
                Ok(all)
            }
            (Binding::Tuple(parts), Value::List(values)) => Err((self.wrong)(format!(
                "a list of {} values is needed, and this one has {}",
                parts.len(),
                values.len()
            ))),
            _ => Err((self.wrong)("a list is needed".into())),
        }
    }

    /// A value for one variable. A lookup such as `[":block/uid", "…"]` is the entity that it finds.
    fn entity(&self, value: &Value) -> Result<Value, QueryError> {
        if let (Some(facts), Some([Value::Text(name), unique])) = (self.facts, value.as_list())
            && let Some(attribute) = name.strip_prefix(':').and_then(Attribute::find).filter(|known| known.is_unique())
        {
            return Ok(facts.lookup(attribute, unique)?.map_or(Value::Nil, Value::Int));
        }
        Ok(value.clone())
    }

    fn hold(&self, bound: Bound) -> Result<Bound, QueryError> {
        // A node of the map has room for eleven variables and their values.
        let weight = 400 * (1 + bound.len() / 6);
        self.held.set(self.held.get() + weight);
        self.budget.tick()?;
        self.budget.take(weight)?;
        Ok(bound)
    }
}

impl Drop for Opener<'_> {
    fn drop(&mut self) {
        self.budget.give(self.held.get());
    }
}

/// Both together, unless they contradict each other.
fn merge(one: &Bound, other: &Bound) -> Option<Bound> {
    let agrees = other.iter().all(|(var, value)| one.get(var).is_none_or(|known| known == value));
    agrees.then(|| one.iter().chain(other).map(|(var, value)| (*var, value.clone())).collect())
}

/// The relation that a query starts from.
pub(super) fn relation(
    query: &Query,
    inputs: &[Json],
    facts: &Facts<'_>,
    budget: &Rc<Budget>,
) -> Result<Relation, QueryError> {
    let declared = query.inputs.len();
    if inputs.len() < declared {
        let (_, at) = &query.inputs[inputs.len()];
        return Err(at.wrong(format!("`:in` names {declared} inputs besides `$`, and {} are given", inputs.len())));
    }
    if inputs.len() > declared {
        let problem = format!("`:in` names {declared} inputs besides `$`; add a variable for each input after `$`");
        return Err(QueryError::Input { number: declared + 1, problem });
    }
    let mut relation = Relation::unit(budget);
    for (at, ((input, _), json)) in query.inputs.iter().zip(inputs).enumerate() {
        let Input::Binding(binding) = input else { continue };
        let wrong = |problem| QueryError::Input { number: at + 1, problem };
        let opener = Opener::new(budget, Some(facts), &wrong);
        let found = opener.bindings(binding, &Value::from_json(json))?;
        let mut vars = BTreeSet::new();
        binding.vars(&mut vars);
        let mut next = Relation::empty(vars.iter().copied().collect(), budget);
        let mut seen = HashSet::new();
        for bound in found {
            let row: Vec<Value> = vars.iter().filter_map(|var| bound.get(var).cloned()).collect();
            if seen.insert(row.clone()) {
                next.push(row.into())?;
            }
        }
        relation = relation.join(&next)?;
    }
    Ok(relation)
}

/// An argument of a pull: JSON, or a text of EDN.
pub(super) fn argument(json: &Json) -> Result<Value, QueryError> {
    let Json::String(text) = json else { return Ok(Value::from_json(json)) };
    let form = edn::read(text, Text::Query)?;
    Value::from_form(&form).ok_or_else(|| form.at.wrong(NO_ENTITY))
}

/// The same for a list.
pub(super) fn arguments(json: &Json) -> Result<Vec<Value>, QueryError> {
    let lookups = match json {
        Json::Array(each) => return each.iter().map(argument).collect(),
        text => argument(text)?,
    };
    let problem = || QueryError::Input { number: 1, problem: "a list of entities is needed".into() };
    lookups.as_list().map(<[Value]>::to_vec).ok_or_else(problem)
}

/// The entity that a value names, by its number or by a lookup. `None` if there is no such entity.
pub(super) fn entity(value: &Value, facts: &Facts<'_>) -> Result<Option<i64>, QueryError> {
    let unique = |name: &str| Attribute::find(name.trim_start_matches(':')).filter(|known| known.is_unique());
    match (value, value.as_list()) {
        (Value::Int(entity), _) => return Ok(Some(*entity)),
        (_, Some([Value::Text(name) | Value::Keyword(name), wanted])) => {
            if let Some(attribute) = unique(name) {
                return facts.lookup(attribute, wanted);
            }
        }
        _ => {}
    }
    Err(QueryError::Input { number: 1, problem: NO_ENTITY.into() })
}
