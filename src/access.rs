//! Who is asking, what they ask for, and whether they may.
//!
//! Three questions, three types, in this order:
//!
//! 1. [`Peer`]: how did the connection arrive? A fact of the listener that accepted it, never of a header or an address.
//! 2. [`Caller`]: who is behind the request? Made from the peer, and on public planes from a credential.
//! 3. [`Permit`]: may this caller do this operation? Only [`decide()`] makes one, and a graph cannot be touched without it.

mod caller;
mod decide;
mod directory;
mod level;
mod origin;
mod peer;
mod policy;
mod rule;
mod sources;

pub use caller::{Caller, Credential, CredentialKind, TailnetNode, TailnetUser};
pub use decide::{ALL_GRAPHS, Denied, Limit, Operation, Permit, admit, allows, decide, sees};
pub use directory::Directory;
pub use level::Level;
pub use origin::{Barrier, Origin};
pub use peer::{Peer, Plane, subscriber};
pub use policy::{Ceiling, Policy, Share, grant};
pub use rule::{CAPABILITY, MalformedGrant, Patterns, Rule};
pub use sources::{Sources, lists};
