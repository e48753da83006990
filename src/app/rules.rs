//! Keeps who may do what in step with the files that say so, while the node runs.
//!
//! A file that cannot be understood changes nothing: the rules before it stay in force, and the log and `status` tell.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::access::{Caller, Policy};
use crate::cli::AccessFlags;
use crate::config::{ConfigError, ConfigFile, default_config_file};
use crate::credentials::{FILE, Key, Keyring, Keys, Store, StoreError};
use crate::explain::{self, Explanation, Known, Question};
use crate::http::Gate;
use crate::tailnet::Owner;

/// How often the files are looked at. Three calls of stat(2) take microseconds, see a file however it was replaced, and
/// need no descriptor and no crate.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often it is written down when credentials were last used.
const NOTE_EVERY: u32 = 60;

/// The rules of a running node.
pub(super) struct Rules {
    flags: AccessFlags,
    shared: Vec<Key>,
    dir: PathBuf,
    pub(super) policy: Arc<ArcSwap<Policy>>,
    pub(super) keys: Arc<Keys>,
    pub(super) gate: Arc<ArcSwap<Gate>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    file: ConfigFile,
    owner: Option<Owner>,
    broken_config: Option<String>,
    broken_credentials: Option<String>,
}

/// What files looked like. Equal stamps mean that none was written in between.
type Stamps = [Option<(u64, u64, u64, i64, i64)>; 3];

impl Rules {
    /// Reads the files for the first time. `shared` are the credentials that stay, those of `~/.roam-tools.json`.
    ///
    /// # Errors
    /// When a file is not understood: a start is the time to say so.
    pub(super) fn open(flags: AccessFlags, shared: Vec<Key>, dir: &Path) -> anyhow::Result<Arc<Self>> {
        let rules = Self {
            flags,
            shared,
            dir: dir.to_owned(),
            policy: Arc::default(),
            keys: Arc::default(),
            gate: Arc::default(),
            state: Mutex::default(),
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
        state.broken_config.iter().chain(&state.broken_credentials).cloned().collect()
    }

    /// What a caller may do.
    pub(super) fn explain(&self, question: &Question, seen: &[Caller], graphs: &[String]) -> Explanation {
        let owner = self.lock().owner.clone();
        let owner = owner.as_ref().map(|owner| (owner.login.as_str(), owner.id));
        let (policy, keys) = (self.policy.load(), self.keys.ring());
        explain::explain(question, &Known { policy: &policy, keys: &keys, owner, seen, graphs })
    }

    /// Looks at the files until `stop`, and at once when told to.
    pub(super) async fn watch(self: Arc<Self>, reload: Arc<Notify>, stop: CancellationToken) {
        let mut known = self.stamps();
        for round in 1_u32.. {
            let asked = tokio::select! {
                () = stop.cancelled() => break,
                () = reload.notified() => true,
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            let now = self.stamps();
            if asked || now != known {
                known = now;
                self.reload();
            }
            if round.is_multiple_of(NOTE_EVERY) {
                self.note_used();
            }
        }
        self.note_used();
    }

    fn reload(&self) {
        let config = self.read_config().err().map(|error| error.to_string());
        let credentials = self.read_credentials().err().map(|error| error.to_string());
        for problem in config.iter().chain(&credentials) {
            tracing::warn!("{problem}; what was in force before stays so");
        }
        if config.is_none() && credentials.is_none() {
            tracing::info!("rules and credentials read again");
        }
        let mut state = self.lock();
        (state.broken_config, state.broken_credentials) = (config, credentials);
    }

    /// Takes over `config.toml` with the flags above it, or nothing of it.
    fn read_config(&self) -> Result<(), ConfigError> {
        let mut file = ConfigFile::load(self.flags.config.as_deref())?;
        overlay(&mut file, &self.flags);
        let (sources, both) = (file.sources.sources()?, file.funnel.require_both);
        let mut state = self.lock();
        self.gate.store(Arc::new(self.gate.load().followed_by(sources, both, file.limits)));
        self.policy.store(Arc::new(file.policy(state.owner.as_ref().map(|owner| owner.id))));
        state.file = file;
        Ok(())
    }

    fn read_credentials(&self) -> Result<(), StoreError> {
        let store = Store::load(&self.dir)?;
        self.keys.replace(self.shared.iter().cloned().chain(store.keys()).collect::<Keyring>());
        Ok(())
    }

    fn note_used(&self) {
        let used = self.keys.take_used();
        if !used.is_empty()
            && let Err(error) = Store::note_used(&self.dir, used)
        {
            tracing::warn!(%error, "cannot write down when credentials were used");
        }
    }

    fn stamps(&self) -> Stamps {
        let stamp = |path: Option<PathBuf>| {
            let facts = path?.metadata().ok()?;
            Some((facts.dev(), facts.ino(), facts.len(), facts.mtime(), facts.mtime_nsec()))
        };
        let config = self.flags.config.clone().or_else(|| default_config_file().ok());
        let openai = self.lock().file.sources.openai_file.clone();
        [stamp(config), stamp(Some(self.dir.join(FILE))), stamp(openai)]
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was typed wins over the file, key by key.
fn overlay(file: &mut ConfigFile, flags: &AccessFlags) {
    let sources = &mut file.sources;
    if !flags.allow_ip.is_empty() {
        sources.allow.clone_from(&flags.allow_ip);
    }
    if flags.openai_file.is_some() {
        sources.openai_file.clone_from(&flags.openai_file);
    }
    sources.anthropic |= flags.allow_anthropic;
    sources.openai |= flags.allow_openai;
    sources.tailscale |= flags.allow_tailscale;
    sources.local |= flags.allow_local;
    file.funnel.require_both |= flags.require_both;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{CredentialKind, Level, Rule};
    use crate::credentials::Wanted;

    fn rules(dir: &Path) -> Arc<Rules> {
        let flags = AccessFlags { config: Some(dir.join("config.toml")), ..AccessFlags::default() };
        Rules::open(flags, Vec::new(), dir).unwrap()
    }

    fn write(dir: &Path, text: &str) {
        std::fs::write(dir.join("config.toml"), text).unwrap();
    }

    #[test]
    fn a_broken_file_keeps_what_was_in_force_and_is_told_until_it_is_mended() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "[tailnet]\nothers = \"read-only\"");
        let rules = rules(dir.path());
        let others = || rules.policy.load().for_others.as_ref().map(|rule| rule.access);
        assert_eq!(others(), Some(Level::ReadOnly));

        write(dir.path(), "[tailnet]\nothers = \"all\"");
        rules.reload();
        assert_eq!(others(), Some(Level::ReadOnly));
        assert!(rules.problems()[0].contains("line 2"), "{:?}", rules.problems());

        // A credential that is revoked meanwhile is revoked.
        let wanted = Wanted {
            name: "claude".parse().unwrap(),
            kind: CredentialKind::Bearer,
            rule: Rule::everything(Level::Full),
            sources: Vec::new(),
            expires: None,
        };
        let secret = Store::add(dir.path(), wanted).unwrap();
        rules.reload();
        assert!(rules.keys.find(CredentialKind::Bearer, secret.expose(), None).is_some());
        Store::revoke(dir.path(), "claude").unwrap();
        rules.reload();
        assert!(rules.keys.find(CredentialKind::Bearer, secret.expose(), None).is_none());

        write(dir.path(), "");
        rules.reload();
        assert_eq!((others(), rules.problems().len()), (None, 0));
    }

    #[test]
    fn what_was_typed_wins_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "[sources]\nallow = [\"192.0.2.0/24\"]");
        let allow_ip = vec!["203.0.113.0/24".parse().unwrap()];
        let flags = AccessFlags {
            config: Some(dir.path().join("config.toml")),
            allow_ip,
            require_both: true,
            ..AccessFlags::default()
        };
        let rules = Rules::open(flags, Vec::new(), dir.path()).unwrap();
        let funnel = |address: &str| crate::access::Peer::Funnel { source: address.parse().unwrap() };
        let gate = rules.gate.load();
        assert!(gate.require_both && gate.sources.allow(&funnel("203.0.113.1:1")));
        assert!(!gate.sources.allow(&funnel("192.0.2.1:1")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_of_a_file_is_seen_and_a_reload_can_be_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "");
        let rules = rules(dir.path());
        let (reload, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let watching = tokio::spawn(Arc::clone(&rules).watch(Arc::clone(&reload), stop.clone()));
        tokio::time::sleep(LOOK_EVERY * 2).await;
        write(dir.path(), "deny_tools = [\"search\"]");
        tokio::time::sleep(LOOK_EVERY * 2).await;
        assert!(rules.policy.load().deny_tools.matches("search"));
        stop.cancel();
        watching.await.unwrap();
    }
}
