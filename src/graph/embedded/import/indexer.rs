//! The search index of an import, made on a thread of its own.

use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use crate::graph::embedded::failure::Failure;
use crate::graph::embedded::fold::fold;
use crate::graph::embedded::index::{self, Batch, Draft};
use crate::graph::embedded::store::Id;

/// Texts are handed over in so many at a time.
const TEXTS: usize = 512;
/// So many times that may wait, which bounds the memory.
const WAITING: usize = 8;

type Texts = Vec<(Id, String)>;

pub(super) struct Indexer {
    texts: Texts,
    to_thread: SyncSender<Texts>,
    made: Receiver<Batch>,
    thread: JoinHandle<()>,
}

impl Indexer {
    pub(super) fn start() -> Result<Self, Failure> {
        let (to_thread, texts) = mpsc::sync_channel(WAITING);
        // Without a bound, so that the two threads never wait for each other. A part is fetched as soon as it is made.
        let (from_thread, made) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("indexer".into())
            .spawn(move || index(&texts, &from_thread))
            .map_err(|_| Failure::Stopped)?;
        Ok(Self { texts: Vec::with_capacity(TEXTS), to_thread, made, thread })
    }

    /// Adds a text. What is ready is stored in the database.
    pub(super) fn add(&mut self, db: &Connection, id: Id, text: String) -> Result<(), Failure> {
        self.texts.push((id, text));
        if self.texts.len() == TEXTS {
            self.send();
            self.made.try_iter().try_for_each(|batch| index::store(db, batch))?;
        }
        Ok(())
    }

    /// Stores the rest of the index.
    pub(super) fn finish(mut self, db: &Connection) -> Result<(), Failure> {
        self.send();
        drop(self.to_thread);
        self.made.iter().try_for_each(|batch| index::store(db, batch))?;
        self.thread.join().map_err(|_| Failure::Stopped)?;
        Ok(index::seal(db)?)
    }

    fn send(&mut self) {
        let texts = std::mem::replace(&mut self.texts, Vec::with_capacity(TEXTS));
        // It fails only if the thread has panicked, which is found at the end.
        let _ = self.to_thread.send(texts);
    }
}

fn index(texts: &Receiver<Texts>, made: &Sender<Batch>) {
    let mut draft = Draft::default();
    for (id, text) in texts.iter().flatten() {
        draft.add(id, &fold(&text));
        if draft.is_full() {
            let _ = made.send(draft.take());
        }
    }
    let _ = made.send(draft.take());
}
