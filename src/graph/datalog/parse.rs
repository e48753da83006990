//! From text to a query whose names are resolved.

mod absent;
mod clause;
mod expression;
mod find;
mod pull;
mod rules;
mod scope;
mod term;

use std::collections::HashMap;
use std::time::Duration;

use jiff::Zoned;
use serde_json::Value as Json;

use super::allowance::Allowance;
use super::edn::{self, Form, Kind};
use super::error::{Position, QueryError, Text};
use super::pull::Pull;
use super::syntax::{Input, Query, Rule, Var};

/// Reads a query. The inputs are needed because the rules come with them.
pub(super) fn query(source: &str, inputs: &[Json], now: &Zoned) -> Result<Query, QueryError> {
    let form = edn::read(source, Text::Query)?;
    let sections = Sections::split(&form)?;
    let mut parser = Parser::new(now);
    let at = form.at;

    let specs = sections.get("in");
    let mut declared = Vec::new();
    for form in specs.filter(|form| form.symbol() != Some("$")) {
        let input = match form.symbol() {
            Some("%") => Input::Rules,
            Some(name) if name.starts_with('$') => {
                return Err(form.at.wrong("There is one database here, and it is called `$`"));
            }
            _ => Input::Binding(parser.binding(form)?),
        };
        declared.push((input, form.at));
    }
    let rules = declared.iter().zip(inputs).find(|((input, _), _)| matches!(input, Input::Rules));
    parser.rules(rules.map(|(_, json)| json))?;

    let find = parser.find(&sections, at)?;
    let with = sections.get("with").map(|form| parser.var(form)).collect::<Result<Vec<_>, _>>()?;
    let clauses = parser.clauses(&sections.get("where").collect::<Vec<_>>())?;
    let timeout = sections.get("timeout").next().map(timeout).transpose()?;
    let Parser { names, rules, .. } = parser;
    let mut query = Query { names, find, with, inputs: declared, clauses, rules, timeout };
    scope::check(&mut query, at)?;
    Ok(query)
}

/// Reads the pattern of a pull that is no part of a query.
pub(super) fn pull(pattern: &str, now: &Zoned) -> Result<Pull, QueryError> {
    let form = edn::read(pattern, Text::Query)?;
    Parser::new(now).pull(&form)
}

/// What the reading of one query remembers.
struct Parser<'a> {
    names: Vec<String>,
    now: &'a Zoned,
    sites: usize,
    rules: Vec<Rule>,
    /// The rules by name.
    known: HashMap<String, usize>,
    /// The conditions so far.
    conditions: usize,
    /// What may still be computed while the query is read, which no time limit ends.
    known_now: Allowance,
}

impl<'a> Parser<'a> {
    fn new(now: &'a Zoned) -> Self {
        Self {
            names: Vec::new(),
            now,
            sites: 0,
            rules: Vec::new(),
            known: HashMap::new(),
            conditions: 0,
            known_now: Allowance::arguments(),
        }
    }

    /// The number of a variable.
    fn intern(&mut self, name: &str) -> Var {
        Var(self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        }))
    }

    /// A variable, and nothing else.
    fn var(&mut self, form: &Form) -> Result<Var, QueryError> {
        match form.symbol().filter(|name| name.starts_with('?')) {
            Some(name) => Ok(self.intern(name)),
            None => Err(form.at.wrong("A variable belongs here; variables begin with `?`")),
        }
    }
}

/// The parts of a query, each with its forms: `[:find ?x :where …]`, or the same as a map of vectors.
struct Sections<'a>(Vec<(&'a str, Position, Vec<&'a Form>)>);

impl<'a> Sections<'a> {
    fn split(form: &'a Form) -> Result<Self, QueryError> {
        let mut sections = Self(Vec::new());
        match &form.kind {
            Kind::Vector(forms) => {
                for form in forms {
                    match (form.keyword(), sections.0.last_mut()) {
                        (Some(name), _) => sections.add(name, form.at)?,
                        (None, Some((.., forms))) => forms.push(form),
                        (None, None) => return Err(form.at.wrong("A query begins with `:find`")),
                    }
                }
            }
            Kind::Map(entries) => {
                for (key, value) in entries {
                    let name = key.keyword().ok_or_else(|| key.at.wrong("The keys of a query are keywords"))?;
                    sections.add(name, key.at)?;
                    let forms = value.vector().map_or_else(|| vec![value], |forms| forms.iter().collect());
                    if let Some((.., section)) = sections.0.last_mut() {
                        *section = forms;
                    }
                }
            }
            _ => return Err(form.at.wrong("A query is a vector, `[:find … :where …]`")),
        }
        Ok(sections)
    }

    fn add(&mut self, name: &'a str, at: Position) -> Result<(), QueryError> {
        const KNOWN: [&str; 8] = ["find", "with", "in", "where", "timeout", "keys", "strs", "syms"];
        if !KNOWN.contains(&name) {
            return Err(at.wrong(format!("`:{name}` is no part of a query; there are :{}", KNOWN.join(" :"))));
        }
        if self.0.iter().any(|(there, ..)| *there == name) {
            return Err(at.wrong(format!("`:{name}` is there twice")));
        }
        self.0.push((name, at, Vec::new()));
        Ok(())
    }

    fn get(&self, wanted: &str) -> impl Iterator<Item = &'a Form> {
        let found = self.0.iter().find(|(name, ..)| *name == wanted);
        found.map(|(.., forms)| forms.clone()).unwrap_or_default().into_iter()
    }

    fn place(&self, wanted: &str) -> Option<Position> {
        self.0.iter().find(|(name, ..)| *name == wanted).map(|(_, at, _)| *at)
    }
}

fn timeout(form: &Form) -> Result<Duration, QueryError> {
    match form.kind {
        Kind::Int(millis) if millis > 0 => Ok(Duration::from_millis(millis.cast_unsigned())),
        _ => Err(form.at.wrong("`:timeout` is a number of milliseconds")),
    }
}
