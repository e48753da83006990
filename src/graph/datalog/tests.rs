//! Queries against small graphs.
