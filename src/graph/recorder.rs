//! A backend for tests: it takes down what it is asked, and answers what it was told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{Action, Backend, Graph, GraphError, Kind};
use crate::access::Level;

/// A clone shows the same records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder(Arc<Mutex<Records>>);

#[derive(Debug, Default)]
struct Records {
    asked: Vec<Value>,
    answers: VecDeque<Result<Value, GraphError>>,
}

impl Recorder {
    /// A backend that gives these answers, one a call, and null when there are no more.
    pub(crate) fn answering(answers: impl IntoIterator<Item = Result<Value, GraphError>>) -> Self {
        let records = Records { asked: Vec::new(), answers: answers.into_iter().collect() };
        Self(Arc::new(Mutex::new(records)))
    }

    /// A hosted graph called `garden` with this backend.
    pub(crate) fn graph(&self) -> Graph {
        self.called("garden", "g")
    }

    /// A hosted graph of that name and nickname with this backend.
    pub(crate) fn called(&self, name: &str, nickname: &str) -> Graph {
        Graph {
            name: name.into(),
            nickname: nickname.into(),
            kind: Kind::Hosted,
            level: Level::Full,
            backend: Backend::Recorder(self.clone()),
        }
    }

    /// What was asked so far: the action and its arguments, as on the wire.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.0.lock().unwrap().asked.clone()
    }

    pub(super) fn invoke(&self, action: Action, args: Vec<Value>) -> Result<Value, GraphError> {
        let mut records = self.0.lock().unwrap();
        records.asked.push(json!({ "action": action.as_str(), "args": Value::Array(args) }));
        records.answers.pop_front().unwrap_or(Ok(Value::Null))
    }
}
