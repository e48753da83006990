//! The parts of `roam-mcp`: one binary that joins a tailnet as its own node and serves a Roam Research graph over MCP,
//! privately to tailnet devices and publicly through Funnel.
//!
//! `docs/ARCHITECTURE.md` has the map. Imports point one way: `secret` and `access` know nobody, `graph` needs a
//! [`access::Permit`], `tools` run on graphs, `mcp` speaks the protocol, `http` carries it, and `app` puts it together.

pub mod access;
pub mod graph;
pub mod secret;
pub mod tools;
