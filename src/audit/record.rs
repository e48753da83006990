//! What a record says.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::access::{Caller, Level, Peer};

/// One record. Its field order is the order in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When.
    pub time: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A call was allowed or denied.
    Decision {
        /// The call.
        #[serde(flatten)]
        subject: Subject,
        /// Which.
        allowed: bool,
        /// The rule that allowed it, or what denied it.
        rule: String,
        /// SHA-256 of the arguments, so that it can be proved what they were.
        arguments: String,
        /// The arguments themselves, if that was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arguments_text: Option<Value>,
    },
    /// An allowed call has ended.
    Outcome {
        /// The call.
        #[serde(flatten)]
        subject: Subject,
        /// Whether the tool reported an error.
        failed: bool,
        /// How long it took, in microseconds.
        duration_us: u64,
    },
    /// A request was turned down before it reached a tool.
    Refused {
        /// On which plane.
        plane: String,
        /// From where.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        /// The HTTP status of the answer.
        status: u16,
        /// Like requests since the last such record, which a flood leaves out.
        #[serde(default, skip_serializing_if = "is_zero")]
        left_out: u64,
    },
    /// The operator gave an order on the admin socket.
    Ordered {
        /// In the words of the command line.
        order: String,
    },
    /// The log could not be written for a while, as with a full disk, and these records are missing.
    Lost {
        /// When the first of them happened.
        since: Timestamp,
        /// How many they are.
        records: u64,
    },
    /// The program found the end of the log damaged by a crash and went on behind it.
    Recovered {
        /// Bytes of a line that was cut short, and dropped.
        dropped_bytes: u64,
        /// Whether records are missing that the program had written.
        records_missing: bool,
    },
}

/// Who called what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// The same in the decision and the outcome of one call.
    pub call: String,
    /// The plane it arrived on.
    pub plane: String,
    /// Who called.
    pub caller: String,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The tool.
    pub tool: String,
    /// The graph, if the tool touches one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<String>,
    /// The level the tool needs.
    pub needs: Level,
}

impl Record {
    /// A record of now.
    pub fn new(event: Event) -> Self {
        Self { time: Timestamp::now(), event }
    }

    /// The call it is about.
    pub fn subject(&self) -> Option<&Subject> {
        match &self.event {
            Event::Decision { subject, .. } | Event::Outcome { subject, .. } => Some(subject),
            Event::Refused { .. } | Event::Ordered { .. } | Event::Lost { .. } | Event::Recovered { .. } => None,
        }
    }
}

impl Subject {
    /// The subject of a call that begins now.
    pub fn new(peer: Peer, caller: &Caller, tool: &str, graph: Option<&str>, needs: Level) -> Self {
        let mut call = [0; 8];
        // Without randomness the number is not unique, which is no reason not to record.
        let _ = getrandom::fill(&mut call);
        Self {
            call: hex::encode(call),
            plane: peer.plane().to_string(),
            caller: caller.to_string(),
            source: peer.source().map(|source| source.to_string()),
            tool: tool.to_owned(),
            graph: graph.map(str::to_owned),
            needs,
        }
    }
}

/// SHA-256 of arguments as compact JSON with their keys in order, in hex.
pub(super) fn digest(arguments: &Map<String, Value>) -> String {
    let mut sorted = arguments.clone();
    sorted.sort_keys();
    for value in sorted.values_mut() {
        value.sort_all_objects();
    }
    hex::encode(Sha256::digest(Value::Object(sorted).to_string()))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_digest_does_not_depend_on_the_order_of_keys() {
        let one = json!({"a": 1, "b": {"x": 1, "y": [{"p": 1, "q": 2}]}});
        let other = json!({"b": {"y": [{"q": 2, "p": 1}], "x": 1}, "a": 1});
        assert_eq!(digest(one.as_object().unwrap()), digest(other.as_object().unwrap()));
        assert_ne!(digest(one.as_object().unwrap()), digest(json!({"a": 1}).as_object().unwrap()));
    }

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        let subject = Subject::new(Peer::Admin, &Caller::Admin, "search", Some("garden"), Level::ReadOnly);
        for event in [
            Event::Decision {
                subject: subject.clone(),
                allowed: false,
                rule: "no rule".into(),
                arguments: "00".into(),
                arguments_text: None,
            },
            Event::Outcome { subject, failed: false, duration_us: 12 },
            Event::Refused { plane: "funnel".into(), source: None, status: 401, left_out: 0 },
            Event::Ordered { order: "funnel off".into() },
            Event::Lost { since: Timestamp::now(), records: 2 },
            Event::Recovered { dropped_bytes: 3, records_missing: true },
        ] {
            let record = Record::new(event);
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record, "{text}");
        }
    }
}
