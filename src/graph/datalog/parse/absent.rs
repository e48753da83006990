//! What an entity may lack: `missing?`, `get-else` and `get-some`, as the conditions that they stand for.

use super::Parser;
use crate::graph::datalog::edn::Form;
use crate::graph::datalog::error::{Position, QueryError};
use crate::graph::datalog::function::Function;
use crate::graph::datalog::syntax::{Binding, Clause, Expression, Name, Not, Or, Pattern, Term, Var};
use crate::graph::datalog::value::Value;

impl Parser<'_> {
    /// `[(get-else $ ?e :attribute default) ?value]`: the first value, or the default where there is none.
    pub(super) fn get_else(
        &mut self,
        at: Position,
        (entity, attribute): (&Form, &Form),
        default: &Form,
        binding: &Form,
    ) -> Result<Or, QueryError> {
        let default = self.expression(default)?;
        let found = self.var(binding)?;
        let not_there = self.pattern(entity, std::slice::from_ref(attribute))?;
        let mut required = needed(&not_there);
        let there = self.first(at, entity, attribute, binding)?;
        if let Expression::Var(var) = default
            && !required.contains(&var)
        {
            required.push(var);
        }
        let join = required.iter().copied().chain([found]).collect();
        let otherwise = vec![absent(not_there, at), Clause::Bind(default, Binding::Var(found), at)];
        Ok(Or { required, join, explicit: true, branches: vec![there, otherwise], at })
    }

    /// `[(get-some $ ?e :attribute …) [?attribute ?value]]`: the first of the attributes that there is, and its value.
    pub(super) fn get_some(
        &mut self,
        at: Position,
        entity: &Form,
        attributes: &[Form],
        binding: &Form,
    ) -> Result<Or, QueryError> {
        let Some([name, value]) = binding.vector() else {
            return Err(binding.at.wrong("`get-some` gives two values, `[?attribute ?value]`"));
        };
        let name_to = self.binding(name)?;
        let mut required = Vec::new();
        let mut join = std::collections::BTreeSet::new();
        name_to.vars(&mut join);
        self.binding(value)?.vars(&mut join);
        let mut branches = Vec::new();
        let mut before = Vec::new();
        for attribute in attributes {
            let known = attribute.keyword().ok_or_else(|| attribute.at.wrong("An attribute belongs here"))?;
            let mut branch = self.first(at, entity, attribute, value)?;
            for earlier in &before {
                let pattern = self.pattern(entity, std::slice::from_ref(*earlier))?;
                branch.push(absent(pattern, at));
            }
            branch.push(Clause::Bind(Expression::Constant(Value::keyword(known)), self.binding(name)?, at));
            branches.push(branch);
            before.push(attribute);
            required = needed(&self.pattern(entity, std::slice::from_ref(attribute))?);
        }
        join.extend(&required);
        Ok(Or { required, join: join.into_iter().collect(), explicit: true, branches, at })
    }

    /// That an entity has a value, and of several the least, which is the one that Datascript comes to first.
    fn first(
        &mut self,
        at: Position,
        entity: &Form,
        attribute: &Form,
        value: &Form,
    ) -> Result<Vec<Clause>, QueryError> {
        let pattern = self.pattern(entity, &[attribute.clone(), value.clone()])?;
        let is_many = !matches!(pattern.attribute, Name::Known(attribute) if !attribute.is_many());
        let (Some(found), true) = (pattern.value.var(), is_many) else { return Ok(vec![Clause::Pattern(pattern)]) };
        // No variable of a query can have this name.
        let other = self.intern("?other value");
        let mut another = self.pattern(entity, std::slice::from_ref(attribute))?;
        another.value = Term::Var(other);
        let mut join = needed(&another);
        join.push(found);
        let less = Function::find("<").map(|function| Expression::Apply {
            function,
            arguments: vec![Expression::Var(other), Expression::Var(found)],
            at,
        });
        let clauses = std::iter::once(Clause::Pattern(another)).chain(less.map(Clause::Test)).collect();
        Ok(vec![Clause::Pattern(pattern), Clause::Not(Not { join, explicit: true, clauses, at })])
    }
}

/// That an entity has no value at all.
pub(super) fn absent(pattern: Pattern, at: Position) -> Clause {
    Clause::Not(Not { join: needed(&pattern), explicit: true, clauses: vec![Clause::Pattern(pattern)], at })
}

/// The variables that have to be bound before it can be said that there is no value.
fn needed(pattern: &Pattern) -> Vec<Var> {
    let attribute = if let Name::Var(var) = pattern.attribute { Some(var) } else { None };
    pattern.entity.var().into_iter().chain(attribute).collect()
}
