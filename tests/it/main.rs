//! The integration tests: the real program, on a whole tailnet that exists on this machine only.

#![expect(clippy::unwrap_used, reason = "in a test, what cannot be unwrapped is a failure")]

/// What tests are written with: the tailnet, nodes, clients by identity, MCP requests, waiting for events.
#[cfg(feature = "tailnet")]
mod support;

/// The main job: join, get a certificate, open Funnel, and be called on both planes.
#[cfg(feature = "tailnet")]
mod journey;

/// Who is let in, who is not, and what they are told.
#[cfg(feature = "tailnet")]
mod callers;

/// Rules and credentials that change while a node runs.
#[cfg(feature = "tailnet")]
mod rules;

/// MCP as clients speak it: both eras, their headers, the list of tools.
#[cfg(feature = "tailnet")]
mod protocol;

/// What the operator sees: the start card, `status`, files, restarts, logs.
#[cfg(feature = "tailnet")]
mod operator;

/// Joining the tailnet, and what can go wrong with it.
#[cfg(feature = "tailnet")]
mod joining;

/// What the tailnet allows a node, and what it takes back while the node runs.
#[cfg(feature = "tailnet")]
mod allowance;

/// The public door, opened and shut by its operator.
#[cfg(feature = "tailnet")]
mod door;

/// Control server and certificate authority that are down, come back, or say no.
#[cfg(feature = "tailnet")]
mod outages;

/// Files that are broken or in the way.
#[cfg(feature = "tailnet")]
mod files;

/// The record of who did what.
#[cfg(feature = "tailnet")]
mod audit;

/// What the operator's monitoring sees, and nobody else does.
#[cfg(feature = "tailnet")]
mod metrics;

/// Signals, crashes, and a standard error that nobody reads.
#[cfg(feature = "tailnet")]
mod signals;

/// Requests that lie about who sent them or to whom.
#[cfg(feature = "tailnet")]
mod spoofing;

/// The threats that are in no other module: see the table in docs/SECURITY.md.
#[cfg(feature = "tailnet")]
mod threats;

/// The socket of this machine, and proxies in front of it.
#[cfg(feature = "tailnet")]
mod direct;

/// Clients that are slow, silent, greedy or gone.
#[cfg(feature = "tailnet")]
mod abuse;

/// The command line: help texts, exit codes, completions.
#[cfg(feature = "tailnet")]
mod command_line;

/// What a stranger can learn or break, with no network in between.
mod stranger;

/// Tools from the shell, done by a node.
#[cfg(feature = "tailnet")]
mod shell;

/// Rules about the source itself.
mod guards;
