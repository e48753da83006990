//! What public callers show: bearer tokens and path secrets, each with a name and with rights of its own.
//!
//! [`Store`] is the file that the operator changes, [`Keyring`] what a running server looks secrets up in. Both know only
//! hashes: a secret is shown once, when it is made.

mod entry;
mod keyring;
mod store;

pub use entry::{Entry, Name, Wanted};
pub use keyring::{Found, Key, Keyring, Keys};
pub use store::{FILE, Store, StoreError};
