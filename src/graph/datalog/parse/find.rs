//! `:find`, `:keys`.

use super::{Parser, Sections};
use crate::graph::datalog::edn::{Form, Kind};
use crate::graph::datalog::error::{Position, QueryError};
use crate::graph::datalog::syntax::{Aggregate, Amount, Element, Find, Shape};

const AGGREGATES: [(&str, Aggregate); 12] = [
    ("count", Aggregate::Count),
    ("count-distinct", Aggregate::CountDistinct),
    ("sum", Aggregate::Sum),
    ("min", Aggregate::Min),
    ("max", Aggregate::Max),
    ("avg", Aggregate::Average),
    ("median", Aggregate::Median),
    ("variance", Aggregate::Variance),
    ("stddev", Aggregate::Deviation),
    ("distinct", Aggregate::Distinct),
    ("rand", Aggregate::Random),
    ("sample", Aggregate::Sample),
];

impl Parser<'_> {
    pub(super) fn find(&mut self, sections: &Sections<'_>, at: Position) -> Result<Find, QueryError> {
        let place = sections.place("find").ok_or_else(|| at.wrong("`:find` is missing; it says what to return"))?;
        let forms: Vec<&Form> = sections.get("find").collect();
        let is = |form: &Form, name| form.symbol() == Some(name);
        let (forms, shape) = match *forms {
            [] => return Err(place.wrong("`:find` names nothing")),
            [element, end] if is(end, ".") => (vec![element], Shape::Scalar),
            [only] => match only.vector() {
                Some([element, end]) if is(end, "...") => (vec![element], Shape::Collection),
                Some([]) => return Err(only.at.wrong("`:find` names nothing")),
                Some(elements) => (elements.iter().collect(), Shape::Tuple),
                None => (forms, Shape::Relation),
            },
            _ => (forms, Shape::Relation),
        };
        let elements = forms.into_iter().map(|form| self.element(form)).collect::<Result<Vec<_>, _>>()?;
        let mut keys = None;
        for section in ["keys", "strs", "syms"] {
            let Some(at) = sections.place(section) else { continue };
            let names = sections.get(section).map(|form| match &form.kind {
                Kind::Symbol(name) | Kind::Keyword(name) | Kind::Text(name) => Ok(name.clone()),
                _ => Err(form.at.wrong(format!("`:{section}` has names"))),
            });
            let names = names.collect::<Result<Vec<_>, _>>()?;
            if names.len() != elements.len() || !matches!(shape, Shape::Relation | Shape::Tuple) {
                return Err(at.wrong(format!("`:{section}` has one name for each column of `:find`")));
            }
            keys = Some(names);
        }
        Ok(Find { elements, shape, keys })
    }

    fn element(&mut self, form: &Form) -> Result<Element, QueryError> {
        let Some(list) = form.list() else { return self.var(form).map(Element::Var) };
        let Some((head, rest)) = list.split_first() else {
            return Err(form.at.wrong("A column of `:find` cannot be empty"));
        };
        match (head.symbol(), rest) {
            (Some("pull"), [var, pattern]) => Ok(Element::Pull(self.var(var)?, self.pull(pattern)?)),
            (Some("pull"), [source, var, pattern]) if source.symbol() == Some("$") => {
                Ok(Element::Pull(self.var(var)?, self.pull(pattern)?))
            }
            (Some("pull"), _) => Err(form.at.wrong("A pull is written `(pull ?entity [:attribute …])`")),
            (Some(name), _) => {
                let known = AGGREGATES.iter().find(|(known, _)| *known == name);
                let (_, function) = known.ok_or_else(|| {
                    let names = AGGREGATES.map(|(name, _)| name).join(", ");
                    head.at.wrong(format!("`{name}` cannot be used in `:find`; there are pull, {names}"))
                })?;
                self.aggregate(form, *function, rest)
            }
            (None, _) => Err(head.at.wrong("`pull` or the name of an aggregate belongs here")),
        }
    }

    fn aggregate(&mut self, form: &Form, function: Aggregate, rest: &[Form]) -> Result<Element, QueryError> {
        match rest {
            [var] => Ok(Element::Aggregate { function, count: Amount::One, var: self.var(var)? }),
            [count, var] => {
                use Aggregate::{Max, Min, Random, Sample};
                if !matches!(function, Min | Max | Sample | Random) {
                    return Err(count.at.wrong("Only `min`, `max`, `sample` and `rand` take a number"));
                }
                let amount = match count.kind {
                    Kind::Int(number) => {
                        let number = usize::try_from(number);
                        Amount::Known(number.map_err(|_| count.at.wrong("This number cannot be negative"))?)
                    }
                    _ => Amount::Given(self.var(count)?),
                };
                Ok(Element::Aggregate { function, count: amount, var: self.var(var)? })
            }
            _ => Err(form.at.wrong("An aggregate takes one variable, as in `(count ?block)`")),
        }
    }
}
