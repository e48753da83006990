//! A query after it was understood. Names are resolved: variables are numbers, attributes and functions are known.

use std::collections::BTreeSet;
use std::time::Duration;

use super::allowance::{Allowance, TOO_LARGE};
use super::attribute::Attribute;
use super::error::{Position, QueryError};
use super::function::Function;
use super::pull::Pull;
use super::value::Value;

/// A variable: its number among the names of the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Var(pub(super) usize);

/// A whole query.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) names: Vec<String>,
    pub(super) find: Find,
    /// Variables that tell rows apart although nothing shows them.
    pub(super) with: Vec<Var>,
    pub(super) inputs: Vec<(Input, Position)>,
    pub(super) clauses: Vec<Clause>,
    pub(super) rules: Vec<Rule>,
    pub(super) timeout: Option<Duration>,
}

/// What `:find` asks for.
#[derive(Debug)]
pub(super) struct Find {
    pub(super) elements: Vec<Element>,
    pub(super) shape: Shape,
    /// The names of `:keys`, for rows as objects.
    pub(super) keys: Option<Vec<String>>,
}

/// How a result is put together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    Relation,
    Collection,
    Tuple,
    Scalar,
}

/// One column of a result.
#[derive(Debug)]
pub(super) enum Element {
    Var(Var),
    Pull(Var, Pull),
    Aggregate { function: Aggregate, count: Amount, var: Var },
}

/// How many values an aggregate makes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Amount {
    /// One that is no list.
    One,
    Known(usize),
    /// What an input says.
    Given(Var),
}

/// What is made of a group of rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Aggregate {
    Count,
    CountDistinct,
    Sum,
    Min,
    Max,
    Average,
    Median,
    Distinct,
    Variance,
    Deviation,
    /// Some of the values, each once.
    Sample,
    /// Some of the values, perhaps one of them again.
    Random,
}

/// What an input is for.
#[derive(Debug)]
pub(super) enum Input {
    Rules,
    Binding(Binding),
}

/// Variables, in the form of the value that is taken apart for them.
#[derive(Debug)]
pub(super) enum Binding {
    Ignore,
    Var(Var),
    Tuple(Vec<Binding>),
    Collection(Box<Binding>),
}

/// One condition of `:where`.
#[derive(Debug)]
pub(super) enum Clause {
    Pattern(Pattern),
    Test(Expression),
    /// With the place of what is computed.
    Bind(Expression, Binding, Position),
    Not(Not),
    Or(Or),
    Call(Call),
}

/// Facts of the form `[entity attribute value]`.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) entity: Term,
    pub(super) attribute: Name,
    pub(super) value: Term,
}

/// Which attribute.
#[derive(Debug)]
pub(super) enum Name {
    Known(&'static Attribute),
    Var(Var),
    Any,
}

/// What stands in a place of a pattern or a call.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Term {
    Any,
    Var(Var),
    Constant(Value),
    /// The entity that alone has this value.
    Lookup(&'static Attribute, Value),
}

/// What must not be: no row of `clauses` agrees on the variables of `join`.
#[derive(Debug)]
pub(super) struct Not {
    pub(super) join: Vec<Var>,
    /// Whether the query names the variables of `join` itself.
    pub(super) explicit: bool,
    pub(super) clauses: Vec<Clause>,
    pub(super) at: Position,
}

/// One of several ways. They share the variables of `join` with the rest; their other variables are their own.
#[derive(Debug)]
pub(super) struct Or {
    /// Variables that have to be bound before.
    pub(super) required: Vec<Var>,
    pub(super) join: Vec<Var>,
    /// Whether the query names the variables of `join` itself.
    pub(super) explicit: bool,
    pub(super) branches: Vec<Vec<Clause>>,
    pub(super) at: Position,
}

/// Facts that follow from a rule.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) rule: usize,
    pub(super) terms: Vec<Term>,
    /// A number that no other call has.
    pub(super) site: usize,
    pub(super) at: Position,
}

/// All rules of one name.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) arity: usize,
    pub(super) bodies: Vec<Body>,
}

/// One way for a rule to hold.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) params: Vec<Var>,
    /// Parameters that have to be bound by the caller.
    pub(super) required: Vec<Var>,
    pub(super) at: Position,
    pub(super) clauses: Vec<Clause>,
}

/// What is computed from values.
#[derive(Debug)]
pub(super) enum Expression {
    Constant(Value),
    Var(Var),
    Apply { function: &'static Function, arguments: Vec<Expression>, at: Position },
}

impl Binding {
    pub(super) fn vars(&self, found: &mut BTreeSet<Var>) {
        match self {
            Self::Ignore => {}
            Self::Var(var) => drop(found.insert(*var)),
            Self::Tuple(parts) => parts.iter().for_each(|part| part.vars(found)),
            Self::Collection(item) => item.vars(found),
        }
    }
}

impl Expression {
    pub(super) fn vars(&self, found: &mut BTreeSet<Var>) {
        match self {
            Self::Constant(_) => {}
            Self::Var(var) => drop(found.insert(*var)),
            Self::Apply { arguments, .. } => arguments.iter().for_each(|argument| argument.vars(found)),
        }
    }

    /// What comes out with these values for the variables; `None` if one has no value. Each function that is applied is
    /// counted with `tick`, and none takes or makes more than an allowance.
    pub(super) fn value(
        &self,
        of: &dyn Fn(Var) -> Option<Value>,
        tick: &dyn Fn() -> Result<(), QueryError>,
    ) -> Option<Result<Value, QueryError>> {
        match self {
            Self::Constant(value) => Some(Ok(value.clone())),
            Self::Var(var) => of(*var).map(Ok),
            Self::Apply { function, arguments, at } => {
                let wrong = |problem: &str| at.wrong(format!("`{}` {problem}", function.name));
                let mut values = Vec::with_capacity(arguments.len());
                let mut left = Allowance::arguments();
                for argument in arguments {
                    match argument.value(of, tick)? {
                        Ok(value) if left.take(&value) => values.push(value),
                        Ok(_) => return Some(Err(wrong("is given too much at once"))),
                        Err(error) => return Some(Err(error)),
                    }
                }
                Some(match tick().map(|()| (function.apply)(&values)) {
                    Err(error) => Err(error),
                    Ok(Err(problem)) => Err(wrong(&problem)),
                    Ok(Ok(value)) if Allowance::result().take(&value) => Ok(value),
                    Ok(Ok(_)) => Err(wrong(TOO_LARGE)),
                })
            }
        }
    }

    /// Where it stands, as far as that matters to somebody.
    pub(super) fn place(&self) -> Option<Position> {
        if let Self::Apply { at, .. } = self { Some(*at) } else { None }
    }
}

impl Term {
    pub(super) fn var(&self) -> Option<Var> {
        if let Self::Var(var) = self { Some(*var) } else { None }
    }
}

impl Clause {
    /// The variables that this shares with the clauses beside it.
    pub(super) fn vars(&self, found: &mut BTreeSet<Var>) {
        match self {
            Self::Pattern(pattern) => {
                found.extend(pattern.entity.var().into_iter().chain(pattern.value.var()));
                if let Name::Var(var) = pattern.attribute {
                    found.insert(var);
                }
            }
            Self::Test(expression) => expression.vars(found),
            Self::Bind(expression, binding, _) => {
                expression.vars(found);
                binding.vars(found);
            }
            Self::Not(not) => found.extend(&not.join),
            Self::Or(or) => found.extend(or.join.iter().chain(&or.required)),
            Self::Call(call) => found.extend(call.terms.iter().filter_map(Term::var)),
        }
    }
}

/// The variables that some clauses share with what is around them.
pub(super) fn vars(clauses: &[Clause]) -> BTreeSet<Var> {
    let mut found = BTreeSet::new();
    clauses.iter().for_each(|clause| clause.vars(&mut found));
    found
}

/// The calls in some clauses that are not within a `not`, whose facts have to be complete before.
pub(super) fn calls<'a>(clauses: &'a [Clause], found: &mut Vec<&'a Call>) {
    for clause in clauses {
        match clause {
            Clause::Call(call) => found.push(call),
            Clause::Or(or) => or.branches.iter().for_each(|branch| calls(branch, found)),
            _ => {}
        }
    }
}
