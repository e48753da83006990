//! Roam's markup, as far as a graph has to understand it.
