//! The parts of `roam-mcp`: one binary that joins a tailnet as its own node and serves a Roam Research graph over MCP,
//! privately to tailnet devices and publicly through Funnel.
//!
//! `docs/ARCHITECTURE.md` has the map. Imports point one way: `secret` and `access` know nobody, `graph` needs a
//! [`access::Permit`], `tools` run on graphs, `mcp` speaks the protocol, `http` carries it, and `app` puts it together.

pub mod access;
pub mod admin;
#[cfg(feature = "tailnet")]
pub mod app;
pub mod audit;
pub mod cli;
pub mod commands;
pub mod config;
pub mod credentials;
pub mod explain;
pub mod graph;
pub mod http;
pub mod https;
pub mod lenient_json;
pub mod mcp;
pub mod metrics;
pub mod net;
pub mod report;
pub mod sandbox;
pub mod secret;
pub mod story;
#[cfg(feature = "tailnet")]
pub mod tailnet;
pub mod telemetry;
pub mod tls;
pub mod tools;
pub mod transfer;
pub mod wall_clock;
