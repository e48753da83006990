//! Getting into the tailnet.

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use super::UpError;
use super::progress::Progress;
use super::view::View;
use crate::tailnet::{ErrorKind, Node, NodeConfig, NodeError, Status};

/// A control server that answers does so in a second or two, with a yes, a no, or a request for a person.
const SILENCE: Duration = Duration::from_secs(5);

/// What a node joins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// An auth key.
    AuthKey,
    /// The secret of an OAuth client.
    OauthClient,
    /// Nothing but itself, and a person.
    None,
}

impl Credential {
    fn of(config: &NodeConfig) -> Self {
        match (&config.client_secret, &config.auth_key) {
            (Some(_), _) => Self::OauthClient,
            (None, Some(_)) => Self::AuthKey,
            (None, None) => Self::None,
        }
    }

    /// What to do when it is refused.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::AuthKey => {
                "Make a new auth key in the admin console (Settings, Keys), or run without one to log in by a URL."
            }
            Self::OauthClient => {
                "Look at the OAuth client in the admin console (Settings, OAuth clients): its secret has to be the one given \
                 here, with the scope to make auth keys, and it has to own the tags in --tags."
            }
            Self::None => "Ask an administrator of the tailnet whether this node may join.",
        }
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AuthKey => "the auth key",
            Self::OauthClient => "the OAuth client",
            Self::None => "this node",
        })
    }
}

/// Joins the tailnet.
pub(super) async fn join(
    node: &Node,
    config: &NodeConfig,
    view: &View,
    progress: &Progress,
) -> Result<Status, UpError> {
    let step = progress.step("Joining the tailnet");
    let mut joined = pin!(node.up());
    let joined = match tokio::time::timeout(SILENCE, &mut joined).await {
        Ok(joined) => joined,
        Err(_) => {
            if !view.waits_for_person() {
                progress.waiting("The control server does not answer; trying until it does");
            }
            joined.await
        }
    };
    match joined {
        Ok(status) => {
            step.done(&format!("Joined {} as {}", status.tailnet, status.name));
            Ok(status)
        }
        Err(NodeError { kind: ErrorKind::Auth, message, .. }) => Err(UpError::Refused(Credential::of(config), message)),
        Err(error) => Err(anyhow::Error::from(error).context("cannot join the tailnet").into()),
    }
}
