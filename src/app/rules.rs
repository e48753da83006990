//! Keeps who may do what in step with the files that say so, while the node runs.
//!
//! A file that cannot be understood changes nothing: the rules before it stay in force, and the log and `status` tell.
//! The same goes for a `config.toml` that is gone or has nothing in it any more. Editors and full disks leave that behind,
//! and it would lift every restriction there is.

mod idle;
mod overlay;
#[cfg(test)]
mod tests;
mod told;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwap;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::shared::{self, Revoked};
use crate::access::{Caller, Policy};
use crate::audit::Audit;
use crate::cli::AccessFlags;
use crate::config::{ConfigError, ConfigFile, HttpSection, OPENAI_COPY, RoamTools, Stamp};
use crate::credentials::{Entry, FILE, Keyring, Keys, Store, StoreError};
use crate::explain::{self, Explanation, Known, Question, Unknown};
use crate::graph::Graphs;
use crate::http::Gate;
use crate::secret::Secret;
use crate::tailnet::Owner;
use crate::tools::Outside;
use idle::Names;
use overlay::overlay;
use told::Told;

/// How often the files are looked at. Three calls of stat(2) take microseconds, see a file however it was replaced, and
/// need no descriptor and no crate.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often it is written down when credentials were last used.
const NOTE_EVERY: u32 = 60;

/// Of a revocation that holds for this run alone.
const NOT_KEPT: &str = "no public credential is good any more, but that could not be written down";

/// The rules of a running node.
pub(super) struct Rules {
    flags: AccessFlags,
    roam_tools: PathBuf,
    dir: PathBuf,
    pub(super) policy: Arc<ArcSwap<Policy>>,
    pub(super) keys: Arc<Keys>,
    pub(super) gate: Arc<ArcSwap<Gate>>,
    pub(super) outside: Arc<ArcSwap<Outside>>,
    audit: Audit,
    state: Mutex<State>,
}

struct State {
    http: HttpSection,
    file: ConfigFile,
    /// Whether anything is written in the file that is in force.
    file_counts: bool,
    /// The copy of OpenAI's addresses that was looked for last.
    openai: PathBuf,
    read: Stamps,
    owner: Option<Owner>,
    broken_config: Option<String>,
    broken_credentials: Option<String>,
    /// What is worthless for good, whoever types it at a later start.
    revoked: Revoked,
    /// They were revoked, and could not be taken out of their file.
    ignores_named: bool,
    /// Those that are in their file again although they were revoked.
    back: Vec<String>,
    /// What was in force last, so that a change can be told.
    told: Told,
}

/// What the files looked like. Equal stamps mean that none was written in between.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamps {
    /// `config.toml` and the copy of OpenAI's addresses.
    rules: [Stamp; 2],
    credentials: Stamp,
}

/// Of a file that counted and has nothing in it any more.
const LOST: &str =
    "it is empty or gone, which would lift every rule in it; put it back, or write a comment into it if that is meant";

impl Rules {
    /// Reads the files for the first time. `http` is what `~/.roam-tools.json` (`roam_tools`) or the flags have, and stays.
    ///
    /// # Errors
    /// When a file is not understood: a start is the time to say so.
    pub(super) fn open(
        flags: AccessFlags,
        http: HttpSection,
        roam_tools: PathBuf,
        dir: &Path,
        audit: Audit,
    ) -> anyhow::Result<Arc<Self>> {
        // Of no file: reading takes the first ones.
        let none = Stamp::of(Path::new(""));
        let state = State {
            http,
            file: ConfigFile::default(),
            file_counts: false,
            openai: PathBuf::new(),
            read: Stamps { rules: [none, none], credentials: none },
            owner: None,
            broken_config: None,
            broken_credentials: None,
            revoked: Revoked::load(dir)?,
            ignores_named: false,
            back: Vec::new(),
            told: Told::default(),
        };
        let rules = Self {
            flags,
            roam_tools,
            dir: dir.to_owned(),
            policy: Arc::default(),
            keys: Arc::default(),
            gate: Arc::default(),
            outside: Arc::default(),
            audit,
            state: Mutex::new(state),
        };
        rules.read_config()?;
        rules.read_credentials()?;
        Ok(Arc::new(rules))
    }

    /// Takes over who owns the node.
    pub(super) fn set_owner(&self, owner: Option<&Owner>) {
        let mut state = self.lock();
        state.owner = owner.cloned();
        self.policy.store(Arc::new(state.file.policy(owner.map(|owner| owner.id))));
    }

    /// What is wrong with the files, for `status`.
    pub(super) fn problems(&self) -> Vec<String> {
        let state = self.lock();
        let broken = state.broken_config.iter().chain(&state.broken_credentials).cloned();
        let back = (!state.back.is_empty()).then(|| {
            let names = state.back.join(", ");
            format!("{FILE}: `funnel off --revoke` made {names} worthless, and so they stay; `roam-mcp credentials rotate` gives one a new secret")
        });
        broken.chain(back).collect()
    }

    /// The names in them that are nobody's, for `status`: of callers that were `seen`, and of graphs with their nicknames.
    pub(super) fn idle(&self, seen: &[Caller], graphs: &[(String, String)]) -> Vec<String> {
        let names = Names::new(graphs);
        let in_file = names.in_file(&self.lock().file);
        in_file.into_iter().chain(names.in_keys(&self.keys.ring())).chain(names.in_grants(seen)).collect()
    }

    /// The credentials that are shared with the official tools' file, and its other names.
    pub(super) fn http(&self) -> HttpSection {
        self.lock().http.clone()
    }

    /// Where to keep a copy of OpenAI's addresses, if the rules ask for one.
    pub(super) fn wants_openai_at(&self) -> Option<PathBuf> {
        let sources = &self.lock().file.sources;
        (sources.openai && sources.openai_file.is_none()).then(|| self.kept_openai())
    }

    /// Makes every public credential worthless: those with a name are gone, token and path secret are drawn anew. Returns
    /// how many had a name. What cannot be written down holds for this run all the same.
    pub(super) fn revoke_public(&self) -> anyhow::Result<usize> {
        let nobodys = Secret::random(32).map_err(anyhow::Error::msg).context("nothing is revoked")?;
        {
            let mut state = self.lock();
            let allowed_hosts = std::mem::take(&mut state.http.allowed_hosts);
            let shown = HttpSection { token: nobodys, path_secret: None, allowed_hosts };
            let shown = shared::keys(&std::mem::replace(&mut state.http, shown));
            state.revoked.add(shown.iter());
            state.revoked.add(self.keys.ring().keys());
            state.ignores_named = true;
            self.keys.replace(Keyring::default());
        }
        let (renewed, revoked) = (RoamTools::renew_http(&self.roam_tools), Store::revoke_all(&self.dir));
        let worthless = {
            // Also one that was made a moment ago, and was in no keyring yet.
            let (mut state, named) = (self.lock(), revoked.iter().flatten().filter_map(Entry::key));
            state.revoked.add(named.collect::<Vec<_>>().iter());
            state.revoked.clone()
        };
        let noted = worthless.save(&self.dir);
        if let Ok(renewed) = &renewed {
            self.lock().http = renewed.clone();
        }
        self.lock().ignores_named = revoked.is_err();
        self.read_credentials().context(NOT_KEPT)?;
        renewed.context(NOT_KEPT)?;
        noted.context(NOT_KEPT)?;
        revoked.map(|revoked| revoked.len()).context(NOT_KEPT)
    }

    /// What a caller may do.
    pub(super) fn explain(
        &self,
        question: &Question,
        seen: &[Caller],
        graphs: &Graphs,
    ) -> Result<Explanation, Unknown> {
        let meant = |graph: &str| graphs.resolve(Some(graph)).map(|graph| graph.name().to_owned());
        let mut question = question.clone();
        question.graph = question.graph.map(|graph| meant(&graph).unwrap_or(graph));
        let owner = self.lock().owner.clone();
        let owner = owner.as_ref().map(|owner| (owner.login.as_str(), owner.id));
        let names: Vec<String> = graphs.list().iter().map(|graph| graph.name().to_owned()).collect();
        let (policy, keys, gate) = (graphs.under(self.policy.load_full()), self.keys.ring(), self.gate.load());
        let (outside, sources) = (&**self.outside.load(), &gate.sources);
        let known = Known {
            policy: &policy,
            keys: &keys,
            owner,
            seen,
            graphs: &names,
            outside,
            sources,
            require_both: gate.require_both,
        };
        explain::explain(&question, &known)
    }

    /// Looks at the files until `stop`, and at once when told to.
    pub(super) async fn watch(self: Arc<Self>, reload: Arc<Notify>, stop: CancellationToken) {
        let mut last = self.lock().read;
        for round in 1_u32.. {
            let asked = tokio::select! {
                () = stop.cancelled() => break,
                () = reload.notified() => true,
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            let (now, read) = (self.stamps(), self.lock().read);
            // This one is replaced whole, and a revocation must not wait.
            if asked || now.credentials != read.credentials {
                self.reload_credentials();
            }
            // These may be in the middle of being written, until two looks see the same.
            if asked || (now.rules != read.rules && now.rules == last.rules) {
                self.reload_config();
            }
            last = now;
            if round.is_multiple_of(NOTE_EVERY) {
                Arc::clone(&self).note_used().await;
            }
        }
        self.note_used().await;
    }

    fn reload_config(&self) {
        let problem = heard("rules", self.read_config());
        self.lock().broken_config = problem;
    }

    fn reload_credentials(&self) {
        let problem = heard("credentials", self.read_credentials());
        self.lock().broken_credentials = problem;
    }

    /// Takes over `config.toml` with the flags above it, or nothing of it.
    fn read_config(&self) -> Result<(), ConfigError> {
        let named = self.flags.config.as_deref();
        // Stamps are taken before reading: a change in between shows in the next ones.
        self.lock().read.rules[0] = Stamp::of(&ConfigFile::path(named)?);
        let (mut file, text) = ConfigFile::read(named)?.map(|(file, text)| (file, Some(text))).unwrap_or_default();
        if self.lock().file_counts && text.is_none() {
            return Err(ConfigError::File { path: ConfigFile::path(named)?, problem: LOST.into() });
        }
        overlay(&mut file, &self.flags);
        self.look_at_openai(file.sources.openai_file.clone().unwrap_or_else(|| self.kept_openai()));
        let (sources, both) = (file.sources.sources(&self.kept_openai())?, file.funnel.require_both);
        let outside = Outside { uploads: file.uploads.checked()?, desktop_for_public: file.funnel.desktop_tools };
        let mut state = self.lock();
        let proxies = file.sources.trust_proxy.clone();
        self.gate.store(Arc::new(self.gate.load().followed_by(sources, both, proxies, file.limits)));
        self.outside.store(Arc::new(outside));
        self.policy.store(Arc::new(file.policy(state.owner.as_ref().map(|owner| owner.id))));
        (state.file, state.file_counts) = (file, text.is_some());
        state.told.rules(text.as_deref()).into_iter().for_each(|event| self.audit.note(event));
        Ok(())
    }

    fn look_at_openai(&self, copy: PathBuf) {
        let mut state = self.lock();
        state.read.rules[1] = Stamp::of(&copy);
        state.openai = copy;
    }

    fn read_credentials(&self) -> Result<(), StoreError> {
        self.lock().read.credentials = Stamp::of(&self.dir.join(FILE));
        // One lock over reading and taking over: a revocation in between would be undone.
        let mut state = self.lock();
        let store = Store::load(&self.dir)?;
        let (back, named): (Vec<_>, Vec<_>) = store.keys().partition(|key| state.revoked.has(key));
        let named = named.into_iter().filter(|_| !state.ignores_named);
        self.keys.replace(shared::keys(&state.http).into_iter().chain(named).collect::<Keyring>());
        state.back = back.iter().map(|key| key.credential().name.clone()).collect();
        state.told.credentials(&store).into_iter().for_each(|event| self.audit.note(event));
        Ok(())
    }

    async fn note_used(self: Arc<Self>) {
        let used = self.keys.take_used();
        if used.is_empty() {
            return;
        }
        // It is synced to the disk, which may take a while.
        let noted = tokio::task::spawn_blocking(move || Store::note_used(&self.dir, used)).await;
        if let Ok(Err(error)) = noted {
            tracing::warn!(%error, "cannot write down when credentials were used");
        }
    }

    fn stamps(&self) -> Stamps {
        let config = ConfigFile::path(self.flags.config.as_deref()).unwrap_or_default();
        let rules = [Stamp::of(&config), Stamp::of(&self.lock().openai)];
        Stamps { rules, credentials: Stamp::of(&self.dir.join(FILE)) }
    }

    fn kept_openai(&self) -> PathBuf {
        self.dir.join(OPENAI_COPY)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs what came of reading, and gives what is wrong.
fn heard<E: std::error::Error>(what: &str, read: Result<(), E>) -> Option<String> {
    match &read {
        Ok(()) => tracing::info!("{what} read again"),
        Err(problem) => tracing::warn!("{problem}; what was in force before stays so"),
    }
    read.err().map(|problem| problem.to_string())
}
