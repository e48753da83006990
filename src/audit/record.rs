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
        /// What the rule says, if it is one that stands nowhere else: a grant is known by its number alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grants: Option<Value>,
        /// SHA-256 of the arguments, so that it can be proved what they were; none were read of what was denied at the door.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arguments: Option<String>,
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
    },
    /// Requests like those refused before, of which a flood leaves no records.
    LeftOut {
        /// On which plane; none for those of all sources beyond the number that is kept apart.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plane: Option<String>,
        /// From where.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        /// How many, in the minute before.
        requests: u64,
    },
    /// The operator gave an order on the admin socket.
    Ordered {
        /// In the words of the command line.
        order: String,
    },
    /// What is in force from here on: at the start, and when it is another than before.
    Changed {
        /// The file that says so.
        file: String,
        /// SHA-256 of the file; none without one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
        /// What was done to it, as far as it is known: a verb and a name.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        actions: Vec<String>,
    },
    /// The log could not be written for a while, as with a full disk, and these records are missing.
    Lost {
        /// When the first of them happened.
        since: Timestamp,
        /// How many they are.
        records: u64,
    },
    /// The program found the end of the log other than it was written, and went on behind it.
    Recovered {
        /// Bytes of a line that was cut short, and dropped.
        dropped_bytes: u64,
        /// Whether records are missing that the program had written.
        records_missing: bool,
        /// Whether the file is gone that says where the log ends.
        #[serde(default, skip_serializing_if = "is_false")]
        head_missing: bool,
        /// Records behind the last one that the program had written.
        #[serde(default, skip_serializing_if = "is_zero")]
        records_added: u64,
    },
}

/// Who called what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// The same in the decision and the outcome of one call.
    pub call: String,
    /// The plane it arrived on.
    pub plane: String,
    /// Who called, in words.
    pub caller: String,
    /// The same, to search by.
    #[serde(default)]
    pub who: Who,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The tool; none if the caller was denied at the door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The graph, if the tool touches one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<String>,
    /// The level the tool needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<Level>,
}

/// Who a caller is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Who {
    /// `user`, `tagged`, `credential` or `operator`.
    pub kind: String,
    /// The user's login name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// The device in the tailnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The name of the credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl Event {
    /// What of the log's end tells of damage, which a crash of the program does not do.
    pub fn damage(&self) -> Option<String> {
        match self {
            Self::Recovered { records_missing: true, .. } => Some("the last records were gone".into()),
            Self::Recovered { head_missing: true, .. } => {
                Some("audit.head was gone, so nobody knows whether the last records were".into())
            }
            Self::Recovered { records_added: added @ 1.., .. } => {
                Some(format!("{added} records stood behind the last one that the program had written"))
            }
            _ => None,
        }
    }
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
            _ => None,
        }
    }
}

impl Subject {
    /// The subject of a call that begins now.
    pub fn new(peer: Peer, caller: &Caller, tool: &str, graph: Option<&str>, needs: Level) -> Self {
        let (tool, graph, needs) = (Some(tool.to_owned()), graph.map(str::to_owned), Some(needs));
        Self { tool, graph, needs, ..Self::at_the_door(peer, caller) }
    }

    /// The subject of a request of which no more is known than who it is from.
    pub fn at_the_door(peer: Peer, caller: &Caller) -> Self {
        let mut call = [0; 8];
        // Without randomness the number is not unique, which is no reason not to record.
        let _ = getrandom::fill(&mut call);
        Self {
            call: hex::encode(call),
            plane: peer.plane().to_string(),
            caller: caller.to_string(),
            who: Who::of(caller),
            source: peer.source().map(|source| source.to_string()),
            tool: None,
            graph: None,
            needs: None,
        }
    }
}

impl Who {
    fn of(caller: &Caller) -> Self {
        let (kind, nobody) = (str::to_owned, Self::default());
        match caller {
            Caller::User(user) => {
                Self { kind: kind("user"), login: Some(user.login.clone()), node: Some(user.node.clone()), ..nobody }
            }
            Caller::Tagged(node) => Self { kind: kind("tagged"), node: Some(node.node.clone()), ..nobody },
            Caller::Public(credential) => {
                Self { kind: kind("credential"), credential: Some(credential.name.clone()), ..nobody }
            }
            Caller::Admin => Self { kind: kind("operator"), ..nobody },
        }
    }

    /// Whether one of the names is `name`. Logins and devices are the same in capitals.
    pub fn is(&self, name: &str) -> bool {
        let names = [&self.login, &self.node, &self.credential].into_iter().flatten();
        names.chain([&self.kind]).any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// The longest text of arguments that is kept. More is in the digest alone, so that no call fills the disk by itself.
const LONGEST: usize = 64 << 10;

/// Arguments as they are kept in full: the first part of those that are longer than that.
pub(super) fn text(arguments: &Map<String, Value>) -> Value {
    let text = Value::Object(arguments.clone());
    let written = text.to_string();
    if written.len() <= LONGEST {
        return text;
    }
    Value::String(format!("{}…", &written[..written.floor_char_boundary(LONGEST)]))
}

/// SHA-256 of arguments as compact JSON with their keys in order, in hex.
pub(super) fn digest(arguments: &Map<String, Value>) -> String {
    let mut sorted = Value::Object(arguments.clone());
    sorted.sort_all_objects();
    hex::encode(Sha256::digest(sorted.to_string()))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it by reference")]
fn is_false(flag: &bool) -> bool {
    !flag
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
                grants: None,
                arguments: Some("00".into()),
                arguments_text: None,
            },
            Event::Outcome { subject, failed: false, duration_us: 12 },
            Event::Refused { plane: "funnel".into(), source: None, status: 401 },
            Event::LeftOut { plane: None, source: None, requests: 7 },
            Event::Changed { file: "config.toml".into(), sha256: None, actions: vec!["add claude".into()] },
            Event::Ordered { order: "funnel off".into() },
            Event::Lost { since: Timestamp::now(), records: 2 },
            Event::Recovered { dropped_bytes: 3, records_missing: true, head_missing: false, records_added: 1 },
        ] {
            let record = Record::new(event);
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record, "{text}");
        }
    }

    #[test]
    fn arguments_are_kept_in_full_up_to_a_length() {
        let arguments = json!({"query": "squirrels"});
        assert_eq!(text(arguments.as_object().unwrap()), arguments);
        let long = json!({"markdown": "ä".repeat(LONGEST)});
        let kept = text(long.as_object().unwrap());
        assert!((LONGEST - 4..LONGEST + 4).contains(&kept.as_str().unwrap().len()));
    }
}
