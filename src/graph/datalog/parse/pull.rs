//! The pattern of a `pull`.

use super::Parser;
use crate::graph::datalog::attribute::Attribute;
use crate::graph::datalog::edn::{Form, Kind};
use crate::graph::datalog::error::QueryError;
use crate::graph::datalog::pull::{Field, Nested, Pull};
use crate::graph::datalog::value::Value;

impl Parser<'_> {
    pub(super) fn pull(&mut self, form: &Form) -> Result<Pull, QueryError> {
        let specs = form.vector().ok_or_else(|| form.at.wrong("What to pull is a vector, `[:block/string …]`"))?;
        let mut pull = Pull::default();
        for spec in specs {
            match &spec.kind {
                Kind::Symbol(name) if name == "*" => pull.all = true,
                Kind::Text(name) if name == "*" => pull.all = true,
                Kind::Keyword(name) if name == "db/id" => pull.id = true,
                Kind::Map(entries) => {
                    for (key, value) in entries {
                        let mut field = self.field(key)?;
                        if !field.attribute.refers() {
                            return Err(key.at.wrong("This attribute holds no entities that could be pulled"));
                        }
                        field.nested = self.nested(value)?;
                        pull.fields.push(field);
                    }
                }
                _ => {
                    let field = self.field(spec)?;
                    pull.fields.push(field);
                }
            }
        }
        Ok(pull)
    }

    fn nested(&mut self, form: &Form) -> Result<Nested, QueryError> {
        match &form.kind {
            Kind::Symbol(name) if name == "..." => Ok(Nested::Again(None)),
            Kind::Int(depth) if *depth >= 0 => Ok(Nested::Again(Some(depth.cast_unsigned()))),
            Kind::Vector(_) => self.pull(form).map(Nested::Pull),
            _ => Err(form.at.wrong("A vector, a depth or `...` belongs here")),
        }
    }

    /// An attribute, alone or with options: `[:a :limit 10]`, `(:a :as "x")`, `(limit :a 10)`, `(default :a "")`.
    fn field(&mut self, form: &Form) -> Result<Field, QueryError> {
        let parts = match &form.kind {
            Kind::List(parts) | Kind::Vector(parts) => parts,
            _ => return self.plain_field(form),
        };
        match parts.as_slice() {
            [head, attribute, value] if matches!(head.symbol(), Some("limit" | "default" | "as")) => {
                let mut field = self.field(attribute)?;
                self.option(&mut field, head.symbol().unwrap_or_default(), value)?;
                Ok(field)
            }
            [attribute, options @ ..] if options.len() % 2 == 0 => {
                let mut field = self.plain_field(attribute)?;
                for option in options.chunks(2) {
                    let name = option[0].keyword().unwrap_or_default();
                    self.option(&mut field, name, &option[1])?;
                }
                Ok(field)
            }
            _ => Err(form.at.wrong("An attribute with options is written `[:block/children :limit 10]`")),
        }
    }

    fn option(&mut self, field: &mut Field, name: &str, value: &Form) -> Result<(), QueryError> {
        match (name, &value.kind) {
            ("limit", Kind::Nil) => field.limit = None,
            ("limit", Kind::Int(limit)) if *limit >= 0 => field.limit = usize::try_from(*limit).ok(),
            ("as", Kind::Keyword(name)) => {
                field.key = Some(name.rsplit('/').next().unwrap_or(name).to_owned());
            }
            ("as", Kind::Text(name) | Kind::Symbol(name)) => field.key = Some(name.clone()),
            ("default", _) => {
                field.default = Some(Value::from_form(value).ok_or_else(|| value.at.wrong("A value belongs here"))?);
            }
            _ => {
                let problem =
                    "The options of an attribute are `:limit` with a number or nil, `:as` with a name, and `:default`";
                return Err(value.at.wrong(problem));
            }
        }
        Ok(())
    }

    fn plain_field(&mut self, form: &Form) -> Result<Field, QueryError> {
        let name = form.keyword().ok_or_else(|| form.at.wrong("An attribute belongs here, such as `:block/string`"))?;
        let reverse = name.split_once("/_").map(|(space, name)| format!("{space}/{name}"));
        let attribute = Attribute::named(reverse.as_deref().unwrap_or(name), form.at)?;
        if reverse.is_some() && !attribute.refers() {
            return Err(form
                .at
                .wrong(format!("`:{}` holds no entities, so it cannot be followed backwards", attribute.name)));
        }
        Ok(Field {
            attribute,
            reverse: reverse.is_some(),
            key: None,
            limit: Some(Field::LIMIT),
            default: None,
            nested: Nested::No,
        })
    }
}
