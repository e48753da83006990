//! Binding values to variables: the inputs of a query, and what functions return.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value as Json;

use super::attribute::Attribute;
use super::budget::Budget;
use super::error::QueryError;
use super::facts::Facts;
use super::relation::Relation;
use super::syntax::{Binding, Input, Query, Var};
use super::value::Value;

/// One way to bind variables.
pub(super) type Bound = BTreeMap<Var, Value>;

/// More ways than this to take one value apart were not meant.
const MOST: usize = 100_000;

/// Every way in which a value fits a binding. The error says why it does not.
pub(super) fn bindings(binding: &Binding, value: &Value) -> Result<Vec<Bound>, String> {
    match (binding, value) {
        (Binding::Ignore, _) => Ok(vec![Bound::new()]),
        (Binding::Var(var), value) => Ok(vec![Bound::from([(*var, value.clone())])]),
        (Binding::Collection(_), Value::Nil) => Ok(Vec::new()),
        (Binding::Collection(item), Value::List(values)) => {
            let each = values.iter().map(|value| bindings(item, value));
            Ok(each.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        }
        (Binding::Tuple(parts), Value::List(values)) if values.len() >= parts.len() => {
            let mut all = vec![Bound::new()];
            for (part, value) in parts.iter().zip(values.iter()) {
                let found = bindings(part, value)?;
                if all.len().saturating_mul(found.len()) > MOST {
                    return Err(format!("this would make more than {MOST} combinations"));
                }
                all = all.iter().flat_map(|bound| found.iter().filter_map(|more| merge(bound, more))).collect();
            }
            Ok(all)
        }
        (Binding::Tuple(parts), Value::List(values)) => {
            Err(format!("a list of {} values is needed, and this one has {}", parts.len(), values.len()))
        }
        _ => Err("a list is needed".into()),
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
        let value = value(json, binding, facts)?;
        let found = bindings(binding, &value).map_err(|problem| QueryError::Input { number: at + 1, problem })?;
        let vars: Vec<Var> = {
            let mut vars = std::collections::BTreeSet::new();
            binding.vars(&mut vars);
            vars.into_iter().collect()
        };
        let mut next = Relation::empty(vars.clone(), budget);
        let mut seen = std::collections::HashSet::new();
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

/// An input as a value. A lookup such as `[":block/uid", "…"]` for one variable is the entity that it finds.
fn value(json: &Json, binding: &Binding, facts: &Facts<'_>) -> Result<Value, QueryError> {
    let value = Value::from_json(json);
    if let (Binding::Var(_), Value::List(parts)) = (binding, &value)
        && let [Value::Text(name), unique] = &**parts
        && let Some(attribute) = name.strip_prefix(':').and_then(Attribute::find).filter(|known| known.is_unique())
    {
        return Ok(facts.lookup(attribute, unique)?.map_or(Value::Nil, Value::Int));
    }
    Ok(value)
}
