//! What stands in the places of patterns and calls, and bindings.

use super::Parser;
use crate::graph::datalog::attribute::Attribute;
use crate::graph::datalog::calendar;
use crate::graph::datalog::edn::{Form, Kind};
use crate::graph::datalog::error::QueryError;
use crate::graph::datalog::syntax::{Binding, Term};
use crate::graph::datalog::value::Value;

impl Parser<'_> {
    /// A value, a variable, or `_`.
    pub(super) fn term(&mut self, form: &Form) -> Result<Term, QueryError> {
        match &form.kind {
            Kind::Symbol(name) if name == "_" => Ok(Term::Any),
            Kind::Symbol(name) if name.starts_with('?') => Ok(Term::Var(self.intern(name))),
            _ => self.constant(form).map(Term::Constant),
        }
    }

    /// What stands where an entity belongs.
    pub(super) fn entity(&mut self, form: &Form) -> Result<Term, QueryError> {
        match &form.kind {
            Kind::Vector(parts) => self.lookup(form, parts),
            Kind::Symbol(_) | Kind::Int(_) => self.term(form),
            _ => Err(form.at.wrong(
                "An entity belongs here: a variable, a number, or a lookup such as `[:block/uid \"…\"]` or \
                 `[:node/title \"…\"]`",
            )),
        }
    }

    fn lookup(&mut self, form: &Form, parts: &[Form]) -> Result<Term, QueryError> {
        let [key, value] = parts else {
            return Err(form.at.wrong("A lookup has an attribute and a value, `[:block/uid \"…\"]`"));
        };
        let name = key.keyword().ok_or_else(|| key.at.wrong("A lookup begins with an attribute"))?;
        let attribute = Attribute::named(name, key.at)?;
        if !attribute.is_unique() {
            return Err(key
                .at
                .wrong(format!("`:{name}` does not tell entities apart; :block/uid, :node/title and :user/uid do")));
        }
        Ok(Term::Lookup(attribute, self.constant(value)?))
    }

    /// A value that is written out, or a word for a day.
    pub(super) fn constant(&self, form: &Form) -> Result<Value, QueryError> {
        if let Some(name) = form.symbol() {
            return calendar::resolve(name, self.now).ok_or_else(|| {
                let name: String = name.chars().take(80).collect();
                form.at.wrong(match name.as_str() {
                    _ if name.starts_with("current/") => {
                        format!("`{name}` is what Roam's window shows, and there is no window here")
                    }
                    _ if name.starts_with("ms/") || name.starts_with("dnp/") => {
                        format!("`{name}` is not a day; there are dnp/today, dnp/-1D, ms/this-week-start, ms/=2025-01-31-end …")
                    }
                    _ => format!("`{name}` is neither a variable (`?{name}`) nor a text (`\"{name}\"`)"),
                })
            });
        }
        Value::from_form(form).ok_or_else(|| form.at.wrong("A value or a variable belongs here"))
    }

    /// `?x`, `_`, `[?x ...]`, `[?x ?y]` or `[[?x ?y]]`.
    pub(super) fn binding(&mut self, form: &Form) -> Result<Binding, QueryError> {
        let parts = match &form.kind {
            Kind::Symbol(name) if name == "_" => return Ok(Binding::Ignore),
            Kind::Vector(parts) => parts,
            _ => return self.var(form).map(Binding::Var),
        };
        match parts.as_slice() {
            [] => Err(form.at.wrong("A binding cannot be empty")),
            [item, end] if end.symbol() == Some("...") => Ok(Binding::Collection(Box::new(self.binding(item)?))),
            [inner] if inner.vector().is_some() => Ok(Binding::Collection(Box::new(self.binding(inner)?))),
            parts => parts.iter().map(|part| self.binding(part)).collect::<Result<_, _>>().map(Binding::Tuple),
        }
    }
}
