//! `roam-mcp access`.

use std::io::{Write, stdout};
use std::path::Path;

use serde_json::json;

use super::{Failure, state_dir, tools};
use crate::admin::{self, AdminError};
use crate::cli::{AccessArgs, AccessCommand, ExplainArgs};
use crate::config::{ConfigFile, OPENAI_COPY};
use crate::credentials::{Keyring, Store};
use crate::explain::{self, Explanation, Known, Question};
use crate::tools::Outside;

pub(super) async fn run(args: AccessArgs) -> Result<(), Failure> {
    let AccessCommand::Explain(ExplainArgs { who, tool, graph, json, config, state_dir: dir }) = args.command;
    let dir = state_dir(dir)?;
    let tool = tool.map(|tool| tools::find(&tool)).transpose()?.map(|tool| tool.name.to_owned());
    let question = Question { who, tool, graph };
    let explanation = match admin::fetch_explanation(&dir, &question).await {
        Err(AdminError::NotRunning { .. }) => from_files(&dir, config.as_deref(), &question)?,
        answer => answer?,
    };
    let text = if json { format!("{:#}", json!(explanation)) } else { explanation.to_string() };
    Ok(writeln!(stdout(), "{}", text.trim_end())?)
}

/// What the configuration says while no node runs: without the tailnet's grants, and without the graphs.
fn from_files(dir: &Path, config: Option<&Path>, question: &Question) -> Result<Explanation, Failure> {
    let file = ConfigFile::load(config)?;
    let (policy, sources) = (file.policy(None), file.sources.sources(&dir.join(OPENAI_COPY))?);
    let outside = Outside { uploads: None, desktop_for_public: file.funnel.desktop_tools };
    let keys: Keyring = Store::load(dir)?.keys().collect();
    let known = Known {
        policy: &policy,
        keys: &keys,
        owner: None,
        seen: &[],
        graphs: &[],
        outside: &outside,
        sources: &sources,
        require_both: file.funnel.require_both,
    };
    let mut explanation = explain::explain(question, &known)?;
    let note = "no node is running, so this is from the configuration alone, without the tailnet's grants";
    explanation.note = Some(note.into());
    Ok(explanation)
}
