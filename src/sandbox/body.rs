//! The bodies of requests: JSON objects of a bounded size.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// The most bytes a request may have: a file comes in base64.
pub(super) const LIMIT: usize = 32 << 20;

/// A body that was read as `T`, whatever its content type: clients of the Local API are small scripts, too.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await.map_err(|_| Problem::TooLarge)?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| Problem::Invalid(format!("The body is off: {error}.")))
    }
}
