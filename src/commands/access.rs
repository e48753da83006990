//! `roam-mcp access`.

use std::io::{Write, stdout};
use std::path::Path;

use serde_json::json;

use super::{Failure, state_dir};
use crate::admin::{self, AdminError};
use crate::cli::{AccessArgs, AccessCommand, ExplainArgs};
use crate::config::ConfigFile;
use crate::credentials::{Keyring, Store};
use crate::explain::{self, Explanation, Known, Question};

pub(super) async fn run(args: AccessArgs) -> Result<(), Failure> {
    let AccessCommand::Explain(ExplainArgs { who, tool, graph, json, config, state_dir: dir }) = args.command;
    let dir = state_dir(dir)?;
    let question = Question { who, tool, graph };
    if let Some(tool) = question.tool.as_deref().filter(|tool| crate::tools::find(tool).is_none()) {
        return Err(Failure::with_code(format!("there is no tool `{tool}`"), Failure::FAILED));
    }
    let explanation = match admin::fetch_explanation(&dir, &question).await {
        Err(AdminError::NotRunning { .. }) => from_files(&dir, config.as_deref(), &question)?,
        answer => answer?,
    };
    let text = if json { format!("{:#}", json!(explanation)) } else { explanation.to_string() };
    Ok(writeln!(stdout(), "{}", text.trim_end())?)
}

/// What the configuration says while no node runs: without the tailnet's grants, and without the graphs.
fn from_files(dir: &Path, config: Option<&Path>, question: &Question) -> Result<Explanation, Failure> {
    let policy = ConfigFile::load(config)?.policy(None);
    let keys: Keyring = Store::load(dir)?.keys().collect();
    let known = Known { policy: &policy, keys: &keys, owner: None, seen: &[], graphs: &[] };
    let mut explanation = explain::explain(question, &known);
    let note = "no node is running, so this is from the configuration alone, without the tailnet's grants";
    explanation.note = Some(note.into());
    Ok(explanation)
}
