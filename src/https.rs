//! The program's own way out: what its HTTPS clients have in common.

use std::sync::Arc;
use std::time::Duration;

use reqwest::ClientBuilder;
use reqwest::redirect::Policy;
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;

const CONNECT: Duration = Duration::from_secs(5);

/// A client that trusts whom the system trusts, follows no redirect by itself and tells nobody where it comes from.
///
/// # Errors
/// When the system's certificates cannot be used.
pub fn client() -> Result<ClientBuilder, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    Ok(ClientBuilder::new()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .user_agent(concat!("roam-mcp/", env!("CARGO_PKG_VERSION"))))
}
