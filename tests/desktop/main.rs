//! Roam Desktop from both sides: the client against a stand-in, and the stand-in against the wire.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

/// How the client deals with Roam: what it sends, how it reads refusals, when it tries again.
mod client;
/// `roam-mcp connect` and `roam-mcp graphs`, as they are typed and on a terminal.
mod connect;
/// Graphs that come and go in `~/.roam-tools.json`.
mod connected;
/// What each tool sends and answers, as its own tests have it.
#[path = "../../src/tools/tests/rows.rs"]
mod rows;
/// The sandbox, as other tools see it.
mod sandbox;
/// Tools from the shell, without a node.
mod shell;
/// The program as a client starts it, and what the client gets wrong.
mod stdio;
/// The two tools that know about tokens, and the graphs they connect.
mod tools;
/// Every row of the tools' own tests, over the whole way from a client to Roam.
mod wire;
