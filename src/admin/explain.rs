//! `roam-mcp access explain` on a running node.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Json;
use axum::routing::get;

use super::{AdminError, ask};
use crate::explain::{Explanation, Question};
use axum::http::Method;

/// Answers with what the node knows.
pub type Explainer = Arc<dyn Fn(&Question) -> Explanation + Send + Sync>;

/// The route.
pub fn explainer(explainer: Explainer) -> Router {
    Router::new().route("/explain", get(explain)).with_state(explainer)
}

async fn explain(State(explainer): State<Explainer>, Query(question): Query<Question>) -> Json<Explanation> {
    Json(explainer(&question))
}

/// Asks the node that runs with `state_dir`.
///
/// # Errors
/// When none runs there, or it cannot be asked.
pub async fn fetch_explanation(state_dir: &Path, question: &Question) -> Result<Explanation, AdminError> {
    let query = serde_urlencoded::to_string(question).unwrap_or_default();
    ask(state_dir, Method::GET, &format!("/explain?{query}")).await
}
