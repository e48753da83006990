//! The two credentials that the node shares with the official tools' file.

mod revoked;

use std::path::Path;

use super::Settings;
use crate::access::{Credential, CredentialKind, Level, Rule};
use crate::config::{ConfigError, HttpSection, RoamTools};
use crate::credentials::Key;
use crate::secret::Secret;
pub(super) use revoked::Revoked;

/// The credentials of the official tools' file, or those that were typed for this run. `dir` is the state directory.
///
/// # Errors
/// When one of them can be guessed, or was revoked, which it stays, or a file is not understood.
pub(super) fn load(settings: &mut Settings, dir: &Path) -> anyhow::Result<HttpSection> {
    let mut file = RoamTools::load(&settings.roam_tools)?;
    if settings.access.regenerate_path_secret {
        file.regenerate_path_secret()?;
    }
    let mut http = file.http()?;
    let (typed_token, typed_secret) = (settings.token.is_some(), settings.path_secret.is_some());
    http.token = settings.token.take().unwrap_or(http.token);
    http.path_secret = settings.path_secret.take().or(http.path_secret);
    refuse_short(&http, [typed_token, typed_secret], &settings.roam_tools)?;
    refuse_revoked(&http, [typed_token, typed_secret], &settings.roam_tools, &Revoked::load(dir)?)?;
    Ok(http)
}

/// A secret that a person made up is what an attacker tries first.
fn refuse_short(http: &HttpSection, typed: [bool; 2], roam_tools: &Path) -> Result<(), ConfigError> {
    let both = [("--token", "token", Some(&http.token)), ("--secret", "pathSecret", http.path_secret.as_ref())];
    for ((setting, key, secret), typed) in both.into_iter().zip(typed) {
        if secret.is_none_or(Secret::is_long) {
            continue;
        }
        let problem = format!("it has fewer than {} characters, so it can be guessed", Secret::LEAST);
        return Err(if typed {
            let problem = format!("{problem}; `openssl rand -hex 32` makes one that cannot");
            ConfigError::Invalid { setting, problem }
        } else {
            let problem = format!("`{key}` in `http`: {problem}; delete the section to get new ones");
            ConfigError::File { path: roam_tools.to_owned(), problem }
        });
    }
    Ok(())
}

/// Not started is better than started with what was to open nothing any more, or with another secret than was typed.
fn refuse_revoked(
    http: &HttpSection,
    typed: [bool; 2],
    roam_tools: &Path,
    revoked: &Revoked,
) -> Result<(), ConfigError> {
    for ((setting, key), typed) in ["--token", "--secret"].into_iter().zip(keys(http)).zip(typed) {
        if !revoked.has(&key) {
            continue;
        }
        return Err(if typed {
            let problem = "`funnel off --revoke` made it worthless, and it stays so; type another one, or none for the \
                           one in ~/.roam-tools.json";
            ConfigError::Invalid { setting, problem: problem.into() }
        } else {
            let problem = "`http` has a credential that `funnel off --revoke` made worthless; delete the section to get \
                           a new one";
            ConfigError::File { path: roam_tools.to_owned(), problem: problem.into() }
        });
    }
    Ok(())
}

/// What they are looked up by: the token, then the path secret if there is one. They have no name but what they are, and allow whatever public access may.
pub(super) fn keys(http: &HttpSection) -> Vec<Key> {
    let credential = |name: &str, kind| Credential { name: name.into(), kind, rule: Rule::everything(Level::Full) };
    let token = Key::plain(&http.token, credential("token", CredentialKind::Bearer));
    let path = http.path_secret.as_ref();
    let path = path.map(|secret| Key::plain(secret, credential("path-secret", CredentialKind::Path)));
    std::iter::once(token).chain(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_can_be_guessed_is_refused_wherever_it_comes_from() {
        let long = "0123456789abcdef";
        let refused = |token: &str, secret: &str, typed| {
            let (token, path_secret) = (token.into(), Some(secret.into()));
            let http = HttpSection { token, path_secret, allowed_hosts: Vec::new() };
            refuse_short(&http, typed, Path::new("/home/me/.roam-tools.json")).err().map(|error| error.to_string())
        };
        assert_eq!(refused(long, long, [true, true]), None);
        for (token, secret, typed, named) in [
            ("a", long, [true, false], "--token"),
            (long, &long[1..], [false, true], "--secret"),
            ("a", long, [false, true], ".roam-tools.json"),
            (long, "b", [true, false], "`pathSecret`"),
        ] {
            let problem = refused(token, secret, typed).unwrap();
            assert!(problem.contains(named) && problem.contains("16"), "{problem}");
        }
    }

    #[test]
    fn what_was_revoked_is_refused_at_every_later_start_whoever_brings_it() {
        let (dir, file) = (tempfile::tempdir().unwrap(), Path::new("/home/me/.roam-tools.json"));
        let http = |token: &str, secret: &str| HttpSection {
            token: token.into(),
            path_secret: Some(secret.into()),
            allowed_hosts: Vec::new(),
        };
        let mut revoked = Revoked::load(dir.path()).unwrap();
        revoked.add(keys(&http("old-token", "old-secret")).iter());
        revoked.save(dir.path()).unwrap();
        let revoked = Revoked::load(dir.path()).unwrap();
        for (http, typed, named) in [
            (http("old-token", "new"), [true, false], "--token"),
            (http("new", "old-secret"), [false, true], "--secret"),
            (http("old-token", "new"), [false, true], ".roam-tools.json"),
            (http("new", "old-secret"), [true, false], ".roam-tools.json"),
        ] {
            let error = refuse_revoked(&http, typed, file, &revoked).unwrap_err().to_string();
            assert!(error.contains(named) && error.contains("--revoke"), "{error}");
        }
        refuse_revoked(&http("new", "newer"), [true, true], file, &revoked).unwrap();
        let written = std::fs::read_to_string(dir.path().join("revoked.json")).unwrap();
        assert!(!written.contains("old"), "{written}");
        std::fs::write(dir.path().join("revoked.json"), "").unwrap();
        Revoked::load(dir.path()).unwrap_err();
    }
}
