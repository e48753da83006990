//! An evaluator that is slow and plain: conditions in the order they can be, each against every fact there is.
//!
//! It shares the parser and the functions with the real one, and nothing else. Its facts come from the export, not from
//! the tables.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Zoned;
use serde_json::Value as Json;

use crate::graph::datalog::parse;
use crate::graph::datalog::syntax::{Aggregate, Binding, Call, Clause, Element, Input, Name, Query, Term, Var};
use crate::graph::datalog::value::Value;

/// A fact: entity, attribute, value.
pub(super) type Fact = (i64, &'static str, Value);

type Row = BTreeMap<Var, Value>;

/// What is known of a rule's arguments, and the answers so far.
type Answers = HashMap<(usize, Vec<Option<Value>>), BTreeSet<Vec<Value>>>;

pub(super) struct Naive<'a> {
    facts: &'a [Fact],
    query: Query,
    answers: Answers,
}

/// The rows of a query, sorted.
pub(super) fn rows(facts: &[Fact], source: &str, inputs: &[Json], now: &Zoned) -> Vec<Vec<Json>> {
    let query = parse::query(source, inputs, now).unwrap();
    let mut start = vec![Row::new()];
    for ((input, _), json) in query.inputs.iter().zip(inputs) {
        if let Input::Binding(binding) = input {
            start = extend(&start, binding, &Value::from_json(json));
        }
    }
    let mut naive = Naive { facts, query, answers: Answers::new() };
    loop {
        let clauses = std::mem::take(&mut naive.query.clauses);
        let found = naive.all(&clauses, start.clone());
        naive.query.clauses = clauses;
        if !naive.improve() {
            return naive.result(&found);
        }
    }
}

impl Naive<'_> {
    fn all(&mut self, clauses: &[Clause], mut rows: Vec<Row>) -> Vec<Row> {
        let mut left: Vec<&Clause> = clauses.iter().collect();
        while !left.is_empty() && !rows.is_empty() {
            let ready = left.iter().position(|clause| rows.iter().all(|row| ready(clause, row))).expect("stuck");
            let clause = left.remove(ready);
            let mut found = BTreeSet::new();
            for row in rows {
                found.extend(self.one(clause, &row));
            }
            rows = found.into_iter().collect();
        }
        rows
    }

    fn one(&mut self, clause: &Clause, row: &Row) -> Vec<Row> {
        let of = |var: Var| row.get(&var).cloned();
        match clause {
            Clause::Pattern(pattern) => {
                let name = |fact: &Fact| Value::keyword(fact.1);
                let attribute = match pattern.attribute {
                    Name::Known(attribute) => Term::Constant(Value::keyword(attribute.name)),
                    // A keyword that came as JSON is a text.
                    Name::Var(var) => match row.get(&var).and_then(Value::as_text) {
                        Some(text) => Term::Constant(Value::keyword(text.trim_start_matches(':'))),
                        None => Term::Var(var),
                    },
                    Name::Any => Term::Any,
                };
                let matching = self.facts.iter().filter_map(|fact| {
                    let row = self.term(&pattern.entity, &Value::Int(fact.0), row)?;
                    let row = self.term(&attribute, &name(fact), &row)?;
                    self.term(&pattern.value, &fact.2, &row)
                });
                matching.collect()
            }
            Clause::Test(expression) => {
                let holds = expression.value(&of, &|| Ok(())).unwrap().unwrap().is_true();
                if holds { vec![row.clone()] } else { Vec::new() }
            }
            Clause::Bind(expression, binding, _) => {
                let value = expression.value(&of, &|| Ok(())).unwrap().unwrap();
                if value == Value::Nil { Vec::new() } else { extend(std::slice::from_ref(row), binding, &value) }
            }
            Clause::Not(not) => {
                let inner = only(row, &not.join);
                let mut apart = Naive { facts: self.facts, query: self.copy(), answers: Answers::new() };
                let found = loop {
                    let found = apart.all(&not.clauses, vec![inner.clone()]);
                    if !apart.improve() {
                        break found;
                    }
                };
                self.query.rules = apart.query.rules;
                if found.is_empty() { vec![row.clone()] } else { Vec::new() }
            }
            Clause::Or(or) => {
                let inner = only(row, &or.join);
                let found = or.branches.iter().flat_map(|branch| self.all(branch, vec![inner.clone()]));
                let found: Vec<Row> = found.collect();
                found.into_iter().map(|found| row.clone().into_iter().chain(only(&found, &or.join)).collect()).collect()
            }
            Clause::Call(call) => self.call(call, row),
        }
    }

    /// The rules move into the evaluator of a `not` and back again.
    fn copy(&mut self) -> Query {
        let empty = parse::query("[:find ?x :in ?x]", &[], &Zoned::now()).unwrap();
        Query { rules: std::mem::take(&mut self.query.rules), ..empty }
    }

    fn term(&self, term: &Term, value: &Value, row: &Row) -> Option<Row> {
        match term {
            Term::Any => Some(row.clone()),
            Term::Constant(constant) => (constant == value).then(|| row.clone()),
            Term::Lookup(attribute, unique) => {
                let has = |fact: &&Fact| fact.1 == attribute.name && fact.2 == *unique;
                let entity = self.facts.iter().find(has).map(|fact| Value::Int(fact.0));
                (entity.as_ref() == Some(value)).then(|| row.clone())
            }
            Term::Var(var) => match row.get(var) {
                Some(known) => (known == value).then(|| row.clone()),
                None => {
                    let mut row = row.clone();
                    row.insert(*var, value.clone());
                    Some(row)
                }
            },
        }
    }

    fn call(&mut self, call: &Call, row: &Row) -> Vec<Row> {
        let known: Vec<Option<Value>> = call
            .terms
            .iter()
            .map(|term| match term {
                Term::Constant(value) => Some(value.clone()),
                Term::Var(var) => row.get(var).cloned(),
                _ => None,
            })
            .collect();
        let answers = self.answers.entry((call.rule, known)).or_default().clone();
        let fits = |answer: &Vec<Value>| {
            call.terms.iter().zip(answer).try_fold(row.clone(), |row, (term, value)| self.term(term, value, &row))
        };
        answers.iter().filter_map(fits).collect()
    }

    /// Works out every question to every rule once more. Returns whether that led to anything.
    fn improve(&mut self) -> bool {
        let mut improved = false;
        let mut before = usize::MAX;
        loop {
            let size = |answers: &Answers| answers.len() + answers.values().map(BTreeSet::len).sum::<usize>();
            if size(&self.answers) == before {
                return improved;
            }
            improved |= before != usize::MAX;
            before = size(&self.answers);
            let rules = std::mem::take(&mut self.query.rules);
            for key in self.answers.keys().cloned().collect::<Vec<_>>() {
                for body in &rules[key.0].bodies {
                    let start = body.params.iter().zip(&key.1);
                    let start = start.filter_map(|(param, value)| Some((*param, value.clone()?))).collect();
                    // The rules themselves are needed only within a `not`, which these tests use in queries alone.
                    for row in self.all(&body.clauses, vec![start]) {
                        let answer = body.params.iter().map(|param| row[param].clone()).collect();
                        self.answers.entry(key.clone()).or_default().insert(answer);
                    }
                }
            }
            self.query.rules = rules;
        }
    }

    fn result(&self, found: &[Row]) -> Vec<Vec<Json>> {
        let find = &self.query.find;
        let var = |element: &Element| match element {
            Element::Var(var) | Element::Aggregate { var, .. } | Element::Pull(var, _) => *var,
        };
        let mut all: BTreeSet<Row> = BTreeSet::new();
        let wanted: Vec<Var> = find.elements.iter().map(var).chain(self.query.with.iter().copied()).collect();
        all.extend(found.iter().map(|row| only(row, &wanted)));
        let mut groups: BTreeMap<Vec<Value>, Vec<Row>> = BTreeMap::new();
        let aggregated = find.elements.iter().any(|element| matches!(element, Element::Aggregate { .. }));
        for (number, row) in all.into_iter().enumerate() {
            let plain = find.elements.iter().filter(|element| !matches!(element, Element::Aggregate { .. }));
            let mut key: Vec<Value> = plain.map(|element| row[&var(element)].clone()).collect();
            if !aggregated {
                key.push(Value::Int(number as i64));
            }
            groups.entry(key).or_default().push(row);
        }
        let column = |element: &Element, rows: &[Row]| match element {
            Element::Aggregate { function, var, .. } => {
                let values: Vec<&Value> = rows.iter().map(|row| &row[var]).collect();
                let sum = || values.iter().filter_map(|value| value.as_number()).sum::<f64>();
                match function {
                    Aggregate::Count => Value::Int(values.len() as i64),
                    Aggregate::CountDistinct => Value::Int(values.iter().collect::<BTreeSet<_>>().len() as i64),
                    Aggregate::Sum => Value::float(sum()),
                    Aggregate::Average => Value::float(sum() / values.len() as f64),
                    Aggregate::Min => (**values.iter().min().unwrap()).clone(),
                    Aggregate::Max => (**values.iter().max().unwrap()).clone(),
                    other => unimplemented!("{other:?}"),
                }
            }
            element => rows[0][&var(element)].clone(),
        };
        let row = |rows: &Vec<Row>| find.elements.iter().map(|element| column(element, rows).to_json()).collect();
        groups.values().map(row).collect()
    }
}

fn only(row: &Row, vars: &[Var]) -> Row {
    row.iter().filter(|(var, _)| vars.contains(var)).map(|(var, value)| (*var, value.clone())).collect()
}

fn extend(rows: &[Row], binding: &Binding, value: &Value) -> Vec<Row> {
    let found = taken_apart(binding, value);
    let agree = |row: &Row, more: &Row| more.iter().all(|(var, value)| row.get(var).is_none_or(|known| known == value));
    let both = |row: &Row, more: &Row| row.clone().into_iter().chain(more.clone()).collect();
    rows.iter()
        .flat_map(|row| found.iter().filter(|more| agree(row, more)).map(|more| both(row, more)).collect::<Vec<_>>())
        .collect()
}

/// Every way in which a value fits a binding, which it has to fit.
fn taken_apart(binding: &Binding, value: &Value) -> Vec<Row> {
    match binding {
        Binding::Ignore => vec![Row::new()],
        Binding::Var(var) => vec![Row::from([(*var, value.clone())])],
        Binding::Collection(item) => {
            value.as_list().unwrap().iter().flat_map(|value| taken_apart(item, value)).collect()
        }
        Binding::Tuple(parts) => {
            let values = value.as_list().unwrap();
            assert!(values.len() >= parts.len(), "{value:?}");
            let each = parts.iter().zip(values);
            each.fold(vec![Row::new()], |rows, (part, value)| extend(&rows, part, value))
        }
    }
}

/// Whether everything that a condition needs has a value.
fn ready(clause: &Clause, row: &Row) -> bool {
    let mut needed = BTreeSet::new();
    match clause {
        Clause::Test(expression) | Clause::Bind(expression, ..) => expression.vars(&mut needed),
        Clause::Not(not) => needed.extend(&not.join),
        Clause::Or(or) => {
            needed.extend(&or.required);
            // A branch of tests alone needs what it tests.
            for branch in &or.branches {
                if branch.iter().all(|clause| matches!(clause, Clause::Test(_))) {
                    branch.iter().for_each(|clause| clause.vars(&mut needed));
                }
            }
        }
        Clause::Call(_) | Clause::Pattern(_) => {}
    }
    needed.iter().all(|var| row.contains_key(var))
}
