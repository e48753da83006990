//! A file from a URL, without being sent to places that the caller could not reach.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, Response, Url};

use super::super::{Failure, Reach, media};
use super::address::is_elsewhere;
use super::{File, Limits};
use crate::https;

/// As many redirects as a browser would call reasonable.
const REDIRECTS: usize = 5;
/// Said of every address that is refused: who asks learns nothing about the names and addresses of this network.
const NOT_PUBLIC: &str = "`url` does not lead to the public internet";

/// Downloads from the addresses it may.
pub(super) struct Downloader {
    allowed: fn(IpAddr) -> bool,
    limits: Limits,
}

impl Downloader {
    /// As far as the call reaches.
    pub(super) fn new(reach: &Reach) -> Self {
        Self { allowed: if reach.local { |_| true } else { is_elsewhere }, limits: Limits::of(reach) }
    }

    /// Fetches the file.
    pub(super) async fn fetch(&self, url: &str) -> Result<File, Failure> {
        let url = Url::parse(url).map_err(|error| refuse(format!("`url`: {error}")))?;
        match tokio::time::timeout(self.limits.patience, self.follow(url)).await {
            Ok(file) => file,
            Err(_) => Err(refuse("fetching `url` took too long")),
        }
    }

    /// Redirects are followed by hand: each of them may lead anywhere.
    async fn follow(&self, mut url: Url) -> Result<File, Failure> {
        let client = self.client()?;
        for _ in 0..=REDIRECTS {
            self.check(&url)?;
            let response = client.get(url.clone()).send().await.map_err(|error| tell(&error))?;
            if !response.status().is_redirection() {
                return receive(response, &url, self.limits).await;
            }
            let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            let next = location.and_then(|location| url.join(location).ok());
            url = next.ok_or_else(|| refuse("`url` redirects to nowhere"))?;
        }
        Err(refuse("`url` redirects too often"))
    }

    /// What can be told from the URL alone. A name is looked at when it is looked up, by [`Checked`].
    fn check(&self, url: &Url) -> Result<(), Failure> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse("`url` must begin with https:// or http://"));
        }
        let address = url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse().ok());
        match address {
            Some(address) if !(self.allowed)(address) => Err(refuse(NOT_PUBLIC)),
            _ => Ok(()),
        }
    }

    fn client(&self) -> Result<Client, Failure> {
        let broken = |error: &dyn Error| {
            tracing::error!(%error, "cannot set up downloads");
            refuse("the server cannot fetch files by `url`; its log has the reason")
        };
        https::client()
            .map_err(|error| broken(&error))?
            .dns_resolver(Arc::new(Checked { allowed: self.allowed }))
            // A proxy would look names up itself, where nobody checks them.
            .no_proxy()
            .build()
            .map_err(|error| broken(&error))
    }
}

/// The system's resolver, with answers that must all be allowed. The connection goes to the very addresses that were
/// checked, so a name that changes its mind in between gains nothing.
struct Checked {
    allowed: fn(IpAddr) -> bool,
}

#[derive(Debug, thiserror::Error)]
#[error("{NOT_PUBLIC}")]
struct NotPublic;

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.allowed;
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if !found.iter().all(|address| allowed(address.ip())) {
                return Err(NotPublic.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

async fn receive(mut response: Response, url: &Url, limits: Limits) -> Result<File, Failure> {
    if !response.status().is_success() {
        return Err(refuse(format!("`url` answers with status {}", response.status().as_u16())));
    }
    let declared = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = declared.and_then(|kind| kind.split(';').next()).map(|kind| kind.trim().to_owned());
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| tell(&error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > limits.bytes {
            return Err(limits.too_large());
        }
    }
    let last = url.path_segments().and_then(|mut segments| segments.next_back()).filter(|last| !last.is_empty());
    let kind = kind.filter(|kind| !kind.is_empty() && kind != media::UNKNOWN);
    Ok(File::read(&bytes, Some(last.unwrap_or("image").to_owned()), kind))
}

fn tell(error: &reqwest::Error) -> Failure {
    let mut source = error.source();
    while let Some(inner) = source {
        if inner.is::<NotPublic>() {
            return refuse(NOT_PUBLIC);
        }
        source = inner.source();
    }
    tracing::info!(%error, "a download failed");
    refuse(if error.is_connect() { "cannot connect to `url`" } else { "fetching `url` failed" })
}

fn refuse(message: impl Into<String>) -> Failure {
    Failure::Arguments(message.into())
}

#[cfg(test)]
mod tests;
