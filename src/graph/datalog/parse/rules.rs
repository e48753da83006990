//! Rules: those that come as the input for `%`, and those that Roam has built in.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value as Json;

use super::Parser;
use crate::graph::datalog::edn::{self, Form};
use crate::graph::datalog::error::{Position, QueryError, Text};
use crate::graph::datalog::syntax::{Body, Rule, Var};

/// Roam's own rules. Days are given as titles of daily notes.
const BUILT_IN: &str = r#"[
[(created-by ?name ?b) [?u :user/display-name ?name] [?b :create/user ?u]]
[(edited-by ?name ?b) [?u :user/display-name ?name] [?b :edit/user ?u]]
[(by ?name ?b) (or (created-by ?name ?b) (edited-by ?name ?b))]
[(refs-page ?title ?b) [?p :node/title ?title] [?b :block/refs ?p]]
[(block-or-parent-refs-page ?title ?b) (refs-page ?title ?b)]
[(block-or-parent-refs-page ?title ?b) (refs-page ?title ?above) [?b :block/parents ?above]]
[(created-between [?from ?to] ?b) [?b :create/time ?t] [(<= ?from ?t ?to)]]
[(edited-between [?from ?to] ?b) [?b :edit/time ?t] [(<= ?from ?t ?to)]]
[(daily-note-between [?from ?to] ?p) [(roam/day ?from) ?first] [(roam/day ?to) ?last] [(some? ?first)] [(some? ?last)]
    [?p :log/id _] [?p :node/title ?title] [(roam/day ?title) ?day] [(some? ?day)] [(<= ?first ?day ?last)]]
[(in-dnp-between [?from ?to] ?b) (daily-note-between ?from ?to ?p) [?b :block/page ?p]]
[(refs-dnp-between [?from ?to] ?b) (daily-note-between ?from ?to ?p) [?b :block/refs ?p]]
[(in-or-refs-dnp-between [?from ?to] ?b) (in-dnp-between ?from ?to ?b)]
[(in-or-refs-dnp-between [?from ?to] ?b) (refs-dnp-between ?from ?to ?b)]
[(in-dnp ?title ?b) [?p :node/title ?title] [?p :log/id _] [?b :block/page ?p]]
[(refs-dnp ?title ?b) [?p :node/title ?title] [?p :log/id _] [?b :block/refs ?p]]
[(in-or-refs-dnp ?title ?b) (in-dnp ?title ?b)]
[(in-or-refs-dnp ?title ?b) (refs-dnp ?title ?b)]
]"#;

/// More rules than anybody writes; what looks at all of them together stays quick.
const MOST: usize = 200;

/// A rule whose clauses are still to be read.
struct Draft {
    rule: usize,
    params: Vec<Var>,
    required: Vec<Var>,
    at: Position,
    clauses: Vec<Form>,
}

impl Parser<'_> {
    /// Reads all rules. A rule of the query hides a built-in one of its name, except from the other built-in ones.
    pub(super) fn rules(&mut self, input: Option<&Json>) -> Result<(), QueryError> {
        self.read(&edn::read(BUILT_IN, Text::BuiltIn)?)?;
        let Some(json) = input else { return Ok(()) };
        let problem = "The input for `%` is a text with the rules, `[[(name ?x) …] …]`";
        let source = json.as_str().ok_or_else(|| Position::start(Text::Rules).wrong(problem))?;
        self.read(&edn::read(source, Text::Rules)?)
    }

    fn read(&mut self, form: &Form) -> Result<(), QueryError> {
        for Draft { rule, params, required, at, clauses } in self.heads(form)? {
            let clauses = self.clauses(&clauses.iter().collect::<Vec<_>>())?;
            self.rules[rule].bodies.push(Body { params, required, at, clauses });
        }
        Ok(())
    }

    /// What each rule is about. From here on the rules are known by name, so that they can call each other.
    fn heads(&mut self, form: &Form) -> Result<Vec<Draft>, QueryError> {
        let mut drafts = Vec::new();
        let mut own: HashMap<String, usize> = HashMap::new();
        let rules = form.vector().ok_or_else(|| form.at.wrong("Rules are a vector, `[[(name ?x) …] …]`"))?;
        if rules.len() > MOST {
            return Err(form.at.wrong(format!("There are more than {MOST} rules")));
        }
        for rule in rules {
            let Some(([head, clauses @ ..], [name, params @ ..])) =
                rule.vector().and_then(|parts| Some((parts, parts.first()?.list()?)))
            else {
                return Err(rule.at.wrong("A rule is written `[(name ?x ?y) …]`"));
            };
            let name = name.symbol().ok_or_else(|| name.at.wrong("The name of a rule belongs here"))?;
            if matches!(name, "not" | "or" | "and" | "not-join" | "or-join") {
                return Err(head.at.wrong(format!("A rule cannot be called `{name}`")));
            }
            let (required, rest) = match params {
                [first, rest @ ..] => match first.vector() {
                    Some(required) => (required, rest),
                    None => (&[][..], params),
                },
                [] => return Err(head.at.wrong("A rule has at least one variable")),
            };
            let required = required.iter().map(|form| self.var(form)).collect::<Result<Vec<_>, _>>()?;
            let rest = rest.iter().map(|form| self.var(form)).collect::<Result<Vec<_>, _>>()?;
            let params: Vec<Var> = required.iter().copied().chain(rest).collect();
            if params.len() > 32 || params.iter().collect::<BTreeSet<_>>().len() < params.len() {
                return Err(head.at.wrong("The variables of a rule are different ones, and not more than 32"));
            }
            if clauses.is_empty() {
                return Err(head.at.wrong(format!("The rule `{name}` says nothing")));
            }
            let rule = *own.entry(name.to_owned()).or_insert_with(|| {
                self.rules.push(Rule { name: name.to_owned(), arity: params.len(), bodies: Vec::new() });
                self.rules.len() - 1
            });
            if self.rules[rule].arity != params.len() {
                return Err(head.at.wrong(format!("The rule `{name}` has another number of variables above")));
            }
            drafts.push(Draft { rule, params, required, at: head.at, clauses: clauses.to_vec() });
        }
        self.known.extend(own);
        Ok(drafts)
    }
}
