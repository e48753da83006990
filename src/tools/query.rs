//! Roam's queries and Datalog.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::arguments::{Input, Number, Sort, SortOrder, filled};
use super::wording::{format_note, reminder};
use super::{Call, Class, Failure, Hints, Outcome, Tool, json, or};
use crate::graph::Action;

pub(super) const ROAM_QUERY: Tool = Tool {
    name: "roam_query",
    title: "Run Roam query",
    description: concat!(
        "Runs one of Roam's own queries: a `{{[[query]]: …}}` block by its uid, with the settings stored there, or a \
         query text. `{and: [[a]] [[b]]}`, `{or: …}`, `{not: …}` and `{between: [[today]] [[last week]]}` nest, and \
         `{search: words}`, `{created-by: [[Name]]}` and `{edited-by: [[Name]]}` go inside of them. A block counts as \
         tagged with whatever the blocks above it are tagged with.",
        format_note!(),
        reminder!()
    ),
    class: Class::Read,
    hints: Hints::READS,
    input: Input::of::<RoamQuery>(),
    output: None,
    run: |call| json(roam_query(call)),
};

pub(super) const DATALOG_QUERY: Tool = Tool {
    name: "datalog_query",
    title: "Run datalog query",
    description: concat!(
        "Runs a Datalog query on the database of the graph and returns its rows as they are: for questions that no \
         other tool answers, such as counting. Texts: `:node/title`, `:block/string`; structure: `:block/uid`, \
         `:block/children`, `:block/parents`, `:block/page`, `:block/order`, `:block/refs`; times in milliseconds: \
         `:create/time`, `:edit/time`. Roam stops it after 20 seconds, so begin with the clause that leaves the least. \
         Blocks that other tools hide are among the rows. Example: [:find (count ?b) . :in $ ?t :where \
         [?p :node/title ?t] [?b :block/refs ?p]] with inputs [\"Soil\"].",
        reminder!()
    ),
    class: Class::Read,
    hints: Hints::READS,
    input: Input::of::<DatalogQuery>(),
    output: None,
    run: |call| json(datalog_query(call)),
};

/// Arguments of `roam_query`.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RoamQuery {
    /// The uid of a block that holds a query. Give either this or `query`.
    uid: Option<String>,
    /// A query, such as `{and: [[project]] [[TODO]]}`.
    query: Option<String>,
    /// With `query`: what to sort by; `created-date` if absent.
    sort: Option<Sort>,
    /// With `query`: in which direction; `desc`, newest first, if absent.
    sort_order: Option<SortOrder>,
    /// With `query`: whether each block comes with the titles and texts above it; yes if absent.
    include_path: Option<bool>,
    /// How many to skip; 0 if absent.
    offset: Option<Number>,
    /// How many to return at most; 20 if absent.
    limit: Option<Number>,
    /// How many levels below each block to show; 1 if absent.
    max_depth: Option<Number>,
}

/// Arguments of `datalog_query`.
#[derive(Deserialize, JsonSchema)]
struct DatalogQuery {
    /// The query, as `[:find … :where …]`.
    query: String,
    /// Values for what `:in` names after `$`, in that order.
    inputs: Option<Vec<Value>>,
}

async fn roam_query(call: Call) -> Outcome {
    let mut arguments: RoamQuery = call.parse()?;
    (arguments.uid, arguments.query) = (filled(arguments.uid), filled(arguments.query));
    match (&arguments.uid, &arguments.query) {
        (Some(_), None) => {
            // The block has its own settings.
            (arguments.sort, arguments.sort_order, arguments.include_path) = (None, None, None);
        }
        (None, Some(_)) => {}
        _ => return Err(Failure::Arguments("give either `uid` or `query`".into())),
    }
    Ok(or(call.ask(Action::RoamQuery, arguments).await?, json!({ "total": 0, "results": [] })))
}

async fn datalog_query(call: Call) -> Outcome {
    let arguments: DatalogQuery = call.parse()?;
    let query = Value::String(arguments.query);
    let args = std::iter::once(query).chain(arguments.inputs.into_iter().flatten()).collect();
    Ok(or(call.invoke(Action::Query, args).await?, json!([])))
}
