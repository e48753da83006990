//! Functions with their arguments.

use super::Parser;
use crate::graph::datalog::edn::{Form, Kind};
use crate::graph::datalog::error::QueryError;
use crate::graph::datalog::function::Function;
use crate::graph::datalog::syntax::Expression;

impl Parser<'_> {
    /// An application, such as `(< ?x 10)`. Arguments may be applications too.
    pub(super) fn expression(&mut self, form: &Form) -> Result<Expression, QueryError> {
        let Some(list) = form.list() else {
            return match &form.kind {
                Kind::Symbol(name) if name.starts_with('?') => Ok(Expression::Var(self.intern(name))),
                _ => self.constant(form).map(Expression::Constant),
            };
        };
        let Some((head, rest)) = list.split_first() else {
            return Err(form.at.wrong("The name of a function is missing"));
        };
        let name = head.symbol().ok_or_else(|| head.at.wrong("The name of a function belongs here"))?;
        let function = Function::find(name).ok_or_else(|| {
            let shown: String = name.chars().take(80).collect();
            let advice = match (name, Function::alike(name)) {
                ("rand" | "rand-int" | "shuffle", _) => ", because a query has one answer".into(),
                (_, Some(alike)) => format!("; did you mean `{alike}`?"),
                _ => String::new(),
            };
            head.at.wrong(format!("The function `{shown}` is not known{advice}"))
        })?;
        let arguments = rest.iter().map(|form| self.expression(form)).collect::<Result<Vec<_>, _>>()?;
        let (fewest, most) = function.arity;
        if arguments.len() < fewest || arguments.len() > most {
            let number = match (fewest, most) {
                (fewest, most) if fewest == most => fewest.to_string(),
                (fewest, usize::MAX) => format!("at least {fewest}"),
                (fewest, most) => format!("{fewest} to {most}"),
            };
            let problem = format!("`{name}` takes {number} arguments, and there are {}", arguments.len());
            return Err(form.at.wrong(problem));
        }
        let expression = Expression::Apply { function, arguments, at: form.at };
        // What is known now is computed now; above all, a pattern is compiled once. What is large is left to the query,
        // which has limits to compute it in.
        let Expression::Apply { arguments, .. } = &expression else { return Ok(expression) };
        let known = |argument: &Expression| {
            if let Expression::Constant(value) = argument { self.known_now.take(value) } else { false }
        };
        if !arguments.iter().all(known) {
            return Ok(expression);
        }
        match expression.value(&|_| None, &|| Ok(())).transpose()? {
            Some(value) if self.known_now.take(&value) => Ok(Expression::Constant(value)),
            _ => Ok(expression),
        }
    }
}
