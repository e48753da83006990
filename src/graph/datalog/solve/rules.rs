//! Rules. A rule is worked out for the arguments that somebody asks about, and for nothing else.
//!
//! A call leaves what it asks for and takes the answers there are. Then, round after round, each new question is put to
//! the rule's bodies, and each new answer to the calls that it may help; no fact is worked out from the same facts twice
//! (semi-naive evaluation). It ends when nothing is new.

use std::cell::RefCell;
use std::rc::Rc;

use super::pattern::Place;
use super::sink::Sink;
use super::tables::{Mask, Tables, masked, selected};
use super::{Item, Solver};
use crate::graph::datalog::error::QueryError;
use crate::graph::datalog::relation::{Relation, Row};
use crate::graph::datalog::syntax::{Body, Call, Clause, Term, Var, calls};
use crate::graph::datalog::value::Value;

/// What conditions are worked out against.
pub(super) struct Context<'a> {
    tables: &'a RefCell<Tables>,
    /// The call that takes new answers alone, and those.
    new: Option<(usize, &'a [Row])>,
}

impl Context<'_> {
    /// Whether a call takes new answers alone.
    pub(super) fn is_new(&self, site: usize) -> bool {
        self.new_rows(site).is_some()
    }

    pub(super) fn new_rows(&self, site: usize) -> Option<usize> {
        self.new.filter(|(new, _)| *new == site).map(|(_, rows)| rows.len())
    }
}

impl Solver<'_, '_> {
    /// The bindings of `wanted` under which all conditions hold, with everything that follows from the rules.
    pub(in crate::graph::datalog) fn complete(
        &self,
        clauses: &[Clause],
        start: &Relation,
        wanted: &[Var],
    ) -> Result<Relation, QueryError> {
        let tables = RefCell::new(Tables::new(&self.budget));
        loop {
            let context = Context { tables: &tables, new: None };
            let found = self.conjunction(clauses, start.copy()?, wanted, &context)?;
            if !self.saturate(&tables)? {
                return Ok(found);
            }
        }
    }

    /// Answers all questions. Returns whether there were any.
    fn saturate(&self, tables: &RefCell<Tables>) -> Result<bool, QueryError> {
        let mut worked = false;
        loop {
            let mut asked = Vec::new();
            let mut answered = Vec::new();
            {
                let mut tables = tables.borrow_mut();
                for (key, questions) in tables.questions.iter_mut().filter(|(_, rows)| !rows.new.is_empty()) {
                    asked.push((*key, std::mem::take(&mut questions.new)));
                }
                for (rule, answers) in tables.answers.iter_mut().filter(|(_, rows)| !rows.new.is_empty()) {
                    answered.push((*rule, std::mem::take(&mut answers.new)));
                }
            }
            if asked.is_empty() && answered.is_empty() {
                return Ok(worked);
            }
            worked = true;
            for ((rule, mask), rows) in asked {
                for body in &self.rules[rule].bodies {
                    let start = self.table(selected(&body.params, mask), &rows)?;
                    let context = Context { tables, new: None };
                    let items = body.clauses.iter().map(Item::Clause).collect();
                    self.derive(rule, body, items, start, &context)?;
                }
            }
            for (called, rows) in answered {
                self.spread(called, &rows, tables)?;
            }
        }
    }

    /// Puts new answers of a rule to every call that may use them.
    fn spread(&self, called: usize, new: &[Row], tables: &RefCell<Tables>) -> Result<(), QueryError> {
        let asked: Vec<(usize, Mask)> = tables.borrow().questions.keys().copied().collect();
        for (rule, mask) in asked {
            for body in &self.rules[rule].bodies {
                let mut sites = Vec::new();
                calls(&body.clauses, &mut sites);
                for call in sites.into_iter().filter(|call| call.rule == called) {
                    let questions: Vec<Row> = tables
                        .borrow()
                        .questions
                        .get(&(rule, mask))
                        .map(|rows| rows.all.iter().cloned().collect())
                        .unwrap_or_default();
                    let questions = self.table(selected(&body.params, mask), &questions)?;
                    let context = Context { tables, new: Some((call.site, new)) };
                    let direct = |clause: &&Clause| matches!(clause, Clause::Call(other) if other.site == call.site);
                    let top = body.clauses.iter().find(direct).is_some();
                    if !top {
                        let items = body.clauses.iter().map(Item::Clause).collect();
                        self.derive(rule, body, items, questions, &context)?;
                        continue;
                    }
                    // What is new is little, so it comes first.
                    let mut items: Vec<Item<'_>> =
                        body.clauses.iter().filter(|clause| !direct(clause)).map(Item::Clause).collect();
                    items.push(Item::Given(&questions));
                    let start = self.unify(call, new)?;
                    self.derive(rule, body, items, start, &context)?;
                }
            }
        }
        Ok(())
    }

    fn derive(
        &self,
        rule: usize,
        body: &Body,
        items: Vec<Item<'_>>,
        start: Relation,
        context: &Context<'_>,
    ) -> Result<(), QueryError> {
        let found = self.work(items, start, &body.params, context)?;
        let mut tables = context.tables.borrow_mut();
        found.rows().iter().try_for_each(|row| tables.answer(rule, row))
    }

    fn table(&self, vars: Vec<Var>, rows: &[Row]) -> Result<Relation, QueryError> {
        let mut table = Relation::empty(vars, &self.budget);
        rows.iter().try_for_each(|row| table.push(Rc::clone(row)))?;
        Ok(table)
    }

    /// Answers as bindings of the variables of a call.
    fn unify(&self, call: &Call, rows: &[Row]) -> Result<Relation, QueryError> {
        let unit = Relation::unit(&self.budget);
        let keep = call.terms.iter().filter_map(Term::var).collect();
        let sink = |added| Sink::new(&unit, added, &[], &keep, &self.budget);
        self.matching(&unit, call, sink, |_, _| Ok(rows.to_vec()))
    }

    /// Works a call into a relation.
    pub(super) fn call<'s>(
        &self,
        relation: &Relation,
        call: &Call,
        context: &Context<'_>,
        sink: impl FnOnce(Vec<Var>) -> Sink<'s>,
    ) -> Result<Relation, QueryError> {
        if let Some((_, rows)) = context.new.filter(|(site, _)| *site == call.site) {
            let new = self.unify(call, rows)?;
            return self.join(relation, &new, sink);
        }
        self.matching(relation, call, sink, |mask, known| {
            let mut tables = context.tables.borrow_mut();
            let question: Row = known.to_vec().into();
            tables.ask(call.rule, mask, &question)?;
            Ok(tables.index(call.rule, mask).get(known).cloned().unwrap_or_default())
        })
    }

    /// Every row with each answer that fits it and the terms of a call.
    fn matching<'s>(
        &self,
        relation: &Relation,
        call: &Call,
        sink: impl FnOnce(Vec<Var>) -> Sink<'s>,
        answers: impl Fn(Mask, &[Value]) -> Result<Vec<Row>, QueryError>,
    ) -> Result<Relation, QueryError> {
        let places: Option<Vec<Place>> =
            call.terms.iter().map(|term| self.place(relation, term)).collect::<Result<Option<_>, _>>()?;
        let Some(places) = places else { return sink(Vec::new()).finish() };
        // A variable that stands twice is new once.
        let mut added = Vec::new();
        for place in &places {
            if let Place::New(var) = place
                && !added.contains(var)
            {
                added.push(*var);
            }
        }
        let mut mask = 0;
        for (at, place) in places.iter().enumerate() {
            if matches!(place, Place::Fixed(_) | Place::Column(_)) {
                mask |= 1 << at;
            }
        }
        let mut sink = sink(added.clone()).with_repetitions();
        for row in relation.rows() {
            let known: Vec<Value> = places
                .iter()
                .filter_map(|place| match place {
                    Place::Fixed(value) => Some(value.clone()),
                    Place::Column(at) => Some(row[*at].clone()),
                    Place::Open | Place::New(_) => None,
                })
                .collect();
            for answer in answers(mask, &known)? {
                self.budget.tick()?;
                if masked(&answer, mask) != known {
                    continue;
                }
                let of = |var: &Var| {
                    let mut all = places.iter().zip(answer.iter()).filter_map(|(place, value)| match place {
                        Place::New(new) if new == var => Some(value),
                        _ => None,
                    });
                    let first = all.next()?;
                    all.all(|other| other == first).then(|| first.clone())
                };
                let found: Option<Vec<Value>> = added.iter().map(of).collect();
                if let Some(found) = found {
                    sink.push(row, &found)?;
                }
            }
        }
        sink.finish()
    }
}
