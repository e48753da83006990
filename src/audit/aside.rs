//! What is written down within a second: what happened at the door, and what is in force.
//!
//! Nobody waits for these records, and no time is spent on the disk for them while a request is being answered: so an answer
//! takes as long for a right secret from a wrong address, which is on record by its name, as for any unknown path.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Event, Record, Subject};
use crate::access::{Barrier, Caller, Peer, Plane, subscriber};

/// Refusals of one source that are recorded in a minute; a person who looks for an attack needs no more.
const OF_A_SOURCE: u32 = 10;
/// Sources that are counted apart in a minute. All others are counted as one.
const SOURCES: usize = 64;
/// Refusals of all those others that are recorded in a minute.
const OF_THE_OTHERS: u32 = 60;
/// Records that wait; with a disk that hangs there may be more to come than memory holds.
const WAITING: usize = 4096;

/// Records on their way to the writer.
#[derive(Debug, Default)]
pub(super) struct Aside {
    waiting: Vec<Waiting>,
    minute: Option<Instant>,
    sources: HashMap<(Plane, Option<IpAddr>), Count>,
    others: Count,
}

#[derive(Debug)]
enum Waiting {
    Record(Box<Record>),
    /// Made into words later, for the time that it would take.
    TurnedAway(Timestamp, Peer, Caller, Barrier),
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    recorded: u32,
    left_out: u64,
}

impl Aside {
    /// Adds what happened.
    pub(super) fn note(&mut self, event: Event) {
        self.add(Waiting::Record(Box::new(Record::new(event))));
    }

    /// Adds that somebody was turned down, if their name is known; the clock is read either way.
    pub(super) fn turned_away(&mut self, peer: Peer, known: Option<(Caller, Barrier)>) {
        let now = std::hint::black_box(Timestamp::now());
        if let Some((caller, barrier)) = known {
            self.add(Waiting::TurnedAway(now, peer, caller, barrier));
        }
    }

    /// What there is no room for is counted.
    fn add(&mut self, waiting: Waiting) {
        if self.waiting.len() < WAITING {
            self.waiting.push(waiting);
        } else {
            self.others.left_out += 1;
        }
    }

    /// Adds a refusal, of which a flood leaves some out. One that comes first is always there, whatever others do, as long as
    /// not too many do it.
    pub(super) fn refused(&mut self, peer: Peer, status: u16) {
        let source = (peer.plane(), peer.source().map(subscriber));
        let is_others = self.sources.len() >= SOURCES && !self.sources.contains_key(&source);
        let (count, most) = if is_others {
            (&mut self.others, OF_THE_OTHERS)
        } else {
            (self.sources.entry(source).or_default(), OF_A_SOURCE)
        };
        if count.recorded == most {
            count.left_out += 1;
            return;
        }
        count.recorded += 1;
        let source = peer.source().map(|source| source.to_string());
        self.note(Event::Refused { plane: peer.plane().to_string(), source, status });
    }

    /// All that waits, and once a minute, or `at_the_end`, what was left out of it.
    pub(super) fn take(&mut self, now: Instant, at_the_end: bool) -> Vec<Record> {
        let began = *self.minute.get_or_insert(now);
        let mut records: Vec<_> = self.waiting.drain(..).map(Waiting::record).collect();
        if at_the_end || now.duration_since(began) >= Duration::from_secs(60) {
            self.minute = Some(now);
            let of_sources = self.sources.drain().map(|((plane, source), count)| {
                (Some(plane.to_string()), source.map(|source| source.to_string()), count.left_out)
            });
            let all = of_sources.chain([(None, None, std::mem::take(&mut self.others).left_out)]);
            let left_out = all.filter(|(.., requests)| *requests > 0);
            records.extend(
                left_out.map(|(plane, source, requests)| Record::new(Event::LeftOut { plane, source, requests })),
            );
        }
        records
    }
}

impl Waiting {
    fn record(self) -> Record {
        match self {
            Self::Record(record) => *record,
            Self::TurnedAway(time, peer, caller, barrier) => {
                let (subject, rule) = (Subject::at_the_door(peer, &caller), barrier.to_string());
                let (allowed, grants, arguments, arguments_text) = (false, None, None, None);
                Record { time, event: Event::Decision { subject, allowed, rule, grants, arguments, arguments_text } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn from(number: u32) -> Peer {
        Peer::Funnel { source: (Ipv4Addr::from(number), 4242).into() }
    }

    fn left_out(records: &[Record]) -> Vec<(Option<&str>, u64)> {
        let of = |record| match record {
            &Record { event: Event::LeftOut { ref source, requests, .. }, .. } => Some((source.as_deref(), requests)),
            _ => None,
        };
        records.iter().filter_map(of).collect()
    }

    #[test]
    fn a_flood_from_one_source_hides_no_other_and_the_rest_of_it_is_counted() {
        let (mut aside, start) = (Aside::default(), Instant::now());
        assert!(aside.take(start, false).is_empty());
        for _ in 0..1000 {
            aside.refused(from(1), 404);
        }
        aside.refused(from(2), 401);
        let records = aside.take(start + Duration::from_secs(1), false);
        assert_eq!(records.len(), 11);
        assert!(matches!(&records[10].event, Event::Refused { status: 401, .. }));
        let minute = aside.take(start + Duration::from_secs(60), false);
        assert_eq!(left_out(&minute), [(Some("0.0.0.1"), 990)]);
        aside.refused(from(1), 404);
        assert_eq!(aside.take(start + Duration::from_secs(61), true).len(), 1, "a new minute, and nothing left out");
    }

    #[test]
    fn a_flood_from_many_sources_is_bounded_and_counted_at_the_end() {
        let (mut aside, start) = (Aside::default(), Instant::now());
        for number in 0..5000 {
            aside.refused(from(number), 404);
        }
        let records = aside.take(start, true);
        let most = SOURCES + usize::try_from(OF_THE_OTHERS).unwrap();
        assert_eq!(records.len(), most + 1);
        assert_eq!(left_out(&records), [(None, (5000 - most) as u64)]);
    }
}
