//! The conditions of `:where` and of rules.

use std::collections::BTreeSet;

use super::Parser;
use super::absent::absent;
use crate::graph::datalog::attribute::Attribute;
use crate::graph::datalog::edn::{Form, Kind};
use crate::graph::datalog::error::{Position, QueryError};
use crate::graph::datalog::syntax::{Call, Clause, Name, Not, Or, Pattern, Term, Var, vars};

impl Parser<'_> {
    pub(super) fn clauses(&mut self, forms: &[&Form]) -> Result<Vec<Clause>, QueryError> {
        let mut clauses = Vec::new();
        for form in forms {
            self.clause(form, &mut clauses)?;
        }
        Ok(clauses)
    }

    fn clause(&mut self, form: &Form, clauses: &mut Vec<Clause>) -> Result<(), QueryError> {
        /// More than anybody writes; to find the best order of them stays quick.
        const MOST: usize = 3000;
        self.conditions += 1;
        if self.conditions > MOST {
            return Err(form
                .at
                .wrong(format!("There are more than {MOST} conditions; give lists as inputs, `[?x ...]`")));
        }
        let (list, vector) = (form.list(), form.vector().map(without_source));
        match (list.map(without_source), vector) {
            (Some([head, rest @ ..]), _) => self.combined(form.at, head, rest, clauses),
            (_, Some([only])) if only.list().is_some() => self.applied(only, None, clauses),
            (_, Some([applied, binding])) if applied.list().is_some() => self.applied(applied, Some(binding), clauses),
            (_, Some([entity, attribute, value, any])) if any.symbol() == Some("_") => {
                let pattern = self.pattern(entity, &[attribute.clone(), value.clone()])?;
                clauses.push(Clause::Pattern(pattern));
                Ok(())
            }
            (_, Some([_, _, _, _, ..])) => {
                Err(form.at.wrong("A pattern has an entity, an attribute and a value; transactions are not kept here"))
            }
            (_, Some([entity, rest @ ..])) => {
                clauses.push(Clause::Pattern(self.pattern(entity, rest)?));
                Ok(())
            }
            _ => {
                Err(form.at.wrong("A condition is a pattern `[?e :attribute ?v]`, a test `[(…)]`, or a list `(not …)`"))
            }
        }
    }

    pub(super) fn pattern(&mut self, entity: &Form, rest: &[Form]) -> Result<Pattern, QueryError> {
        let entity = self.entity(entity)?;
        let attribute = match rest.first() {
            None => Name::Any,
            Some(form) => match &form.kind {
                Kind::Keyword(name) => Name::Known(Attribute::asked(name, form.at)?),
                Kind::Symbol(name) if name == "_" => Name::Any,
                Kind::Symbol(name) if name.starts_with('?') => Name::Var(self.intern(name)),
                _ => return Err(form.at.wrong("An attribute belongs here, such as `:block/string`")),
            },
        };
        let value = match (rest.get(1), &attribute) {
            (None, _) => Term::Any,
            (Some(form), Name::Known(attribute)) if attribute.refers() => self.entity(form)?,
            (Some(form), _) => self.term(form)?,
        };
        Ok(Pattern { entity, attribute, value })
    }

    /// `[(…)]` and `[(…) binding]`.
    fn applied(&mut self, list: &Form, binding: Option<&Form>, clauses: &mut Vec<Clause>) -> Result<(), QueryError> {
        let parts = list.list().unwrap_or_default();
        let (head, rest) = (parts.first().and_then(Form::symbol), without_source(parts.get(1..).unwrap_or_default()));
        match (head, rest, binding) {
            (Some("missing?"), [entity, attribute], None) => {
                let pattern = self.pattern(entity, std::slice::from_ref(attribute))?;
                clauses.push(absent(pattern, list.at));
            }
            (Some("get-else"), [entity, attribute, default], Some(binding)) => {
                let or = self.get_else(list.at, (entity, attribute), default, binding)?;
                clauses.push(Clause::Or(or));
            }
            (Some("get-some"), [entity, attributes @ ..], Some(binding)) if !attributes.is_empty() => {
                let or = self.get_some(list.at, entity, attributes, binding)?;
                clauses.push(Clause::Or(or));
            }
            (Some(name @ ("missing?" | "get-else" | "get-some")), ..) => {
                return Err(list.at.wrong(match name {
                    "missing?" => "It is written `[(missing? $ ?e :attribute)]`",
                    "get-else" => "It is written `[(get-else $ ?e :attribute default) ?value]`",
                    _ => "It is written `[(get-some $ ?e :attribute :attribute) [?attribute ?value]]`",
                }));
            }
            (.., None) => {
                let expression = self.expression(list)?;
                clauses.push(Clause::Test(expression));
            }
            (.., Some(binding)) => {
                let expression = self.expression(list)?;
                clauses.push(Clause::Bind(expression, self.binding(binding)?, list.at));
            }
        }
        Ok(())
    }

    /// `(not …)` and its kin, or a rule.
    fn combined(
        &mut self,
        at: Position,
        head: &Form,
        rest: &[Form],
        clauses: &mut Vec<Clause>,
    ) -> Result<(), QueryError> {
        let forms: Vec<&Form> = rest.iter().collect();
        let name =
            head.symbol().ok_or_else(|| head.at.wrong("`not`, `or`, `and` or the name of a rule belongs here"))?;
        if matches!(name, "and" | "or" | "not") && rest.is_empty() || name.ends_with("-join") && rest.len() < 2 {
            return Err(at.wrong(format!("`{name}` holds nothing")));
        }
        match name {
            "and" => clauses.extend(self.clauses(&forms)?),
            "not" => {
                let inner = self.clauses(&forms)?;
                clauses.push(Clause::Not(Not {
                    join: vars(&inner).into_iter().collect(),
                    explicit: false,
                    clauses: inner,
                    at,
                }));
            }
            "not-join" => {
                let (_, join) = self.joined(forms[0])?;
                let inner = self.clauses(&forms[1..])?;
                clauses.push(Clause::Not(Not { join, explicit: true, clauses: inner, at }));
            }
            "or" => {
                let branches = forms.iter().map(|form| self.clauses(&[*form])).collect::<Result<Vec<_>, _>>()?;
                let join: BTreeSet<Var> = branches.iter().flat_map(|branch| vars(branch)).collect();
                let join = join.into_iter().collect();
                clauses.push(Clause::Or(Or { required: Vec::new(), join, explicit: false, branches, at }));
            }
            "or-join" => {
                let (required, join) = self.joined(forms[0])?;
                let branches = forms[1..].iter().map(|form| self.clauses(&[*form])).collect::<Result<Vec<_>, _>>()?;
                clauses.push(Clause::Or(Or { required, join, explicit: true, branches, at }));
            }
            _ => clauses.push(Clause::Call(self.call(head, name, rest)?)),
        }
        Ok(())
    }

    /// The variables of an `or-join`, and those of them that have to be bound: `[[?a] ?b]`.
    fn joined(&mut self, form: &Form) -> Result<(Vec<Var>, Vec<Var>), QueryError> {
        let forms = form.vector().ok_or_else(|| form.at.wrong("The variables to join by belong here, `[?x ?y]`"))?;
        let (required, rest) = match forms {
            [first, rest @ ..] if first.vector().is_some() => (first.vector().unwrap_or_default(), rest),
            _ => (&[][..], forms),
        };
        let required = required.iter().map(|form| self.var(form)).collect::<Result<Vec<_>, _>>()?;
        let rest = rest.iter().map(|form| self.var(form)).collect::<Result<Vec<_>, _>>()?;
        if required.is_empty() && rest.is_empty() {
            return Err(form.at.wrong("There is no variable to join by"));
        }
        Ok((required.clone(), required.into_iter().chain(rest).collect()))
    }

    fn call(&mut self, head: &Form, name: &str, rest: &[Form]) -> Result<Call, QueryError> {
        let shown: String = name.chars().take(80).collect();
        let rule = *self.known.get(name).ok_or_else(|| {
            head.at.wrong(format!("There is no rule `{shown}`; rules come as the input for `%`, and a function is called as `[({shown} …)]`"))
        })?;
        let arity = self.rules[rule].arity;
        if rest.len() != arity {
            return Err(head.at.wrong(format!("The rule `{name}` has {arity} variables, and here are {}", rest.len())));
        }
        let terms = rest.iter().map(|form| match form.vector() {
            // A lookup is meant, if it is one.
            Some([key, _]) if key.keyword().is_some() => self.entity(form),
            _ => self.term(form),
        });
        let terms = terms.collect::<Result<Vec<_>, _>>()?;
        self.sites += 1;
        Ok(Call { rule, terms, site: self.sites, at: head.at })
    }
}

/// What follows after `$`, the only database.
fn without_source(forms: &[Form]) -> &[Form] {
    match forms {
        [first, rest @ ..] if first.symbol() == Some("$") => rest,
        _ => forms,
    }
}
