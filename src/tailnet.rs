//! This process as a node of a tailnet.
//!
//! The node itself is Go: `vendor/libtailscale` wraps tsnet in a C archive that is linked into this binary. The two sides
//! share one socket of JSON lines ([`control`]) and pass connections as file descriptor numbers ([`listener`]); the
//! border is crossed by a single C call, in [`ffi`], the only module with `unsafe`.

mod certificate;
mod control;
#[expect(unsafe_code, reason = "the border to Go and to sigaction(2)")]
mod ffi;
mod listener;
mod message;
mod node;
mod whois;

pub use certificate::keep_certificate;
pub use ffi::run_handler_on_alternate_stack;
pub use listener::TailnetListener;
pub use message::{ErrorKind, Event, Health, Kind, NodeError, Owner, Status, WhoIs, WhoIsNode, WhoIsUser};
pub use node::{Node, NodeConfig};
pub use whois::WhoIsCache;
