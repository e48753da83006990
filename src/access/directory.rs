//! Where the identity of a tailnet device comes from.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use super::Caller;

/// Knows who is behind a tailnet address.
pub trait Directory: Send + Sync {
    /// The caller at `address`; `None` if the tailnet has no answer, which is never an identity.
    fn who_is(&self, address: IpAddr) -> Pin<Box<dyn Future<Output = Option<Caller>> + Send + '_>>;
}
