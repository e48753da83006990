//! What is to be connected, from what was typed and what there is.

use super::DEFAULT_LEVEL;
use crate::cli::{ConnectArgs, KindArg, LevelArg};
use crate::commands::{Failure, visible};
use crate::config::{GraphEntry, Kind, TokenLevel, TokenStatus, has_nickname, slug};
use crate::graph::{Desktop, Listed, TokenState};

/// A graph to connect; nothing is left to be decided.
#[derive(Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) nickname: String,
    pub(super) level: TokenLevel,
    /// Whether the level is a wish that Roam's person may grant in part.
    pub(super) asked: bool,
}

/// What was typed, and makes sense by itself.
#[derive(Debug, PartialEq)]
pub(super) struct Wanted {
    name: String,
    kind: Option<Kind>,
    nickname: String,
    level: TokenLevel,
    public: bool,
}

impl Wanted {
    /// `None` if no graph was named: there is a dialog for that.
    pub(super) fn new(args: &ConnectArgs) -> Result<Option<Self>, Failure> {
        let usage = |text: &str| Failure::with_code(text, Failure::USAGE);
        if args.public && args.kind == Some(KindArg::Offline) {
            return Err(usage("a --public graph is a hosted one; leave --type out"));
        }
        if args.public && args.access_level.is_some_and(|level| level != LevelArg::ReadOnly) {
            return Err(usage("a --public graph can be read and no more; leave --access-level out"));
        }
        let nickname = args.nickname.as_deref().map(slug);
        if nickname == Some(None) {
            return Err(usage("--nickname needs letters or digits (a to z, 0 to 9)"));
        }
        let Some(name) = args.graph.clone() else { return Ok(None) };
        let nickname = nickname.flatten().ok_or_else(|| usage("give it a short name with --nickname"))?;
        let level = match args.access_level {
            _ if args.public => TokenLevel::ReadOnly,
            Some(level) => level.into(),
            None => DEFAULT_LEVEL,
        };
        let kind = if args.public { Some(Kind::Hosted) } else { args.kind.map(Into::into) };
        Ok(Some(Self { name, kind, nickname, level, public: args.public }))
    }

    /// The plan for a token that is there already.
    pub(super) fn without_asking(self, known: &[GraphEntry]) -> Result<Plan, Failure> {
        let kind = self.kind.unwrap_or_default();
        check_nickname(known, &self.nickname, &self.name, kind)?;
        Ok(Plan { name: self.name, kind, nickname: self.nickname, level: self.level, asked: false })
    }

    /// Finds the graph in Roam, and makes sure that a token for it could be saved.
    pub(super) async fn settle(self, known: &[GraphEntry], desktop: &Desktop) -> Result<Plan, Failure> {
        let kind = match self.kind {
            Some(kind) if self.public => kind,
            _ => find(&desktop.available_graphs().await?, &self.name, self.kind)?,
        };
        check_nickname(known, &self.nickname, &self.name, kind)?;
        if let Some(entry) = known.iter().find(|entry| entry.name == self.name && entry.kind == kind)
            && !is_revoked(entry, &desktop.token_state(&entry.name, entry.kind, &entry.token).await)
        {
            let text = format!(
                "{} is connected already, as {}; to get another token, first run `roam-mcp connect --remove --nickname {}`",
                entry.name, entry.nickname, entry.nickname
            );
            return Err(Failure::with_code(text, Failure::FAILED));
        }
        Ok(Plan { name: self.name, kind, nickname: self.nickname, level: self.level, asked: true })
    }
}

/// A token that is of no use any more may be replaced.
pub(super) fn is_revoked(entry: &GraphEntry, state: &TokenState) -> bool {
    match state {
        TokenState::Active { .. } => false,
        TokenState::Revoked => true,
        TokenState::Unknown => entry.token_status == Some(TokenStatus::Revoked),
    }
}

fn find(available: &[Listed], name: &str, kind: Option<Kind>) -> Result<Kind, Failure> {
    let fits = |graph: &&Listed| graph.name == name && kind.is_none_or(|kind| graph.kind == kind);
    available.iter().find(fits).map(|graph| graph.kind).ok_or_else(|| {
        let text = if available.is_empty() {
            "Roam lists no graphs; log in to Roam Desktop first".to_owned()
        } else {
            let shown = |graph: &Listed| format!("{} ({})", visible(&graph.name), graph.kind);
            let names: Vec<_> = available.iter().map(shown).collect();
            format!(
                "Roam has no such graph; there are: {}. For a public graph of somebody else's, add --public",
                names.join(", ")
            )
        };
        Failure::with_code(text, Failure::FAILED)
    })
}

pub(super) fn check_nickname(known: &[GraphEntry], nickname: &str, name: &str, kind: Kind) -> Result<(), Failure> {
    match has_nickname(known, nickname, name, kind) {
        None => Ok(()),
        Some(GraphEntry { name, .. }) => {
            let text = format!("the nickname {nickname:?} belongs to {name}; choose another one with --nickname");
            Err(Failure::with_code(text, Failure::FAILED))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn wanted(args: &[&str]) -> Result<Option<Wanted>, u8> {
        let Some(Command::Connect(args)) =
            Cli::try_parse_from(["roam-mcp", "connect"].iter().chain(args)).map_err(|_| 2)?.command
        else {
            unreachable!()
        };
        Wanted::new(&args).map_err(|failure| failure.code)
    }

    #[test]
    fn what_was_typed_makes_sense_or_is_refused_before_anybody_is_asked() {
        assert_eq!(wanted(&[]), Ok(None));
        let plain = wanted(&["--graph", "Garden", "--nickname", "My Garden"]).unwrap().unwrap();
        assert_eq!((plain.nickname.as_str(), plain.level, plain.kind), ("my-garden", TokenLevel::Full, None));
        let public = wanted(&["--graph", "help", "--nickname", "h", "--public"]).unwrap().unwrap();
        assert_eq!((public.level, public.kind), (TokenLevel::ReadOnly, Some(Kind::Hosted)));
        for wrong in [
            &["--graph", "Garden"][..],
            &["--graph", "Garden", "--nickname", "日本"],
            &["--graph", "a/b", "--nickname", "a"],
            &["--graph", "", "--nickname", "a"],
            &["--graph", "a", "--nickname", "a", "--access-level", "root"],
            &["--graph", "a", "--nickname", "a", "--type", "local"],
            &["--graph", "a", "--nickname", "a", "--public", "--type", "offline"],
            &["--graph", "a", "--nickname", "a", "--public", "--access-level", "full"],
            &["--token-stdin"],
            &["--public", "--type", "offline"],
            &["--public", "--access-level", "full"],
            &["--nickname", "日本"],
        ] {
            assert_eq!(wanted(wrong), Err(2), "{wrong:?}");
        }
    }
}
