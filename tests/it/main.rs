//! The integration tests: the real program, on a whole tailnet that exists on this machine only.

/// What tests are written with: the tailnet, nodes, clients by identity, MCP requests, waiting for events.
#[cfg(feature = "tailnet")]
mod support;

/// The main job: join, get a certificate, open Funnel, and be called on both planes.
#[cfg(feature = "tailnet")]
mod journey;
