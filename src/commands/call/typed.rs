//! Arguments of a tool as they are typed.

use clap::{Command, CommandFactory as _};
use serde_json::{Map, Value};

use crate::cli::Cli;

/// What was typed behind the name of a tool.
#[derive(Debug, PartialEq)]
pub(super) struct Typed {
    pub(super) source: Source,
    pub(super) json_output: bool,
    /// Nothing is wanted but to know what the tool takes.
    pub(super) help: bool,
}

/// Where the arguments are.
#[derive(Debug, PartialEq)]
pub(super) enum Source {
    /// Typed one by one.
    Arguments(Map<String, Value>),
    /// Typed as JSON.
    Json(String),
    /// Still to be read.
    StandardInput,
}

impl Typed {
    /// Reads `--some-name value`, `--some-name=value` and the words that are for `call` itself. The schema of the tool
    /// says which names there are and what kind of value each takes. `json` are the arguments that came before the tool.
    pub(super) fn parse(words: &[String], json: Option<String>, schema: &Map<String, Value>) -> Result<Self, String> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let (mut arguments, mut whole) = (Map::new(), json.map(Source::Json));
        let (mut json_output, mut help) = (false, false);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--json-output" => json_output = true,
                "--help" | "-h" => help = true,
                "-" => set_once(&mut whole, Source::StandardInput)?,
                _ => {
                    let (flag, value) = match word.split_once('=') {
                        Some((flag, value)) => (flag, Some(value)),
                        None => (word.as_str(), None),
                    };
                    let name = flag.strip_prefix("--").ok_or_else(|| format!("`{word}` is not `--argument value`"))?;
                    let value = value.or_else(|| words.next().map(String::as_str));
                    let value = value.ok_or_else(|| format!("`{flag}` needs a value"))?;
                    if name == "json" {
                        set_once(&mut whole, Source::Json(value.to_owned()))?;
                        continue;
                    }
                    let known = properties.and_then(|known| known.iter().find(|(key, _)| kebab(key) == kebab(name)));
                    let (key, kind) = known.ok_or_else(|| unknown(name, properties))?;
                    put(&mut arguments, key, read(value, kind).map_err(|problem| format!("`{flag}`: {problem}"))?)?;
                }
            }
        }
        match whole {
            Some(_) if !arguments.is_empty() => Err("give the arguments either one by one or as JSON".to_owned()),
            whole => Ok(Self { source: whole.unwrap_or(Source::Arguments(arguments)), json_output, help }),
        }
    }
}

fn set_once(whole: &mut Option<Source>, source: Source) -> Result<(), String> {
    match whole.replace(source) {
        None => Ok(()),
        Some(_) => Err("the arguments are given as JSON twice".to_owned()),
    }
}

/// A list may be given item by item; anything else once.
fn put(arguments: &mut Map<String, Value>, key: &str, value: Value) -> Result<(), String> {
    match (arguments.get_mut(key), value) {
        (None, value) => {
            arguments.insert(key.to_owned(), value);
            Ok(())
        }
        (Some(Value::Array(items)), Value::Array(more)) => {
            items.extend(more);
            Ok(())
        }
        (Some(_), _) => Err(format!("`--{}` is given twice", kebab(key))),
    }
}

/// A value as the tool wants it. Numbers stay text: the tools read those.
fn read(text: &str, kind: &Value) -> Result<Value, String> {
    match kind["type"].as_str() {
        Some("boolean") => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err("true or false".to_owned()),
        },
        Some("object") => serde_json::from_str(text).map_err(|error| format!("not JSON: {error}")),
        Some("array") => Ok(match serde_json::from_str(text) {
            Ok(Value::Array(items)) => Value::Array(items),
            Ok(item) if kind["items"]["type"] != "string" => Value::Array(vec![item]),
            _ => Value::Array(vec![text.into()]),
        }),
        _ => Ok(text.into()),
    }
}

fn unknown(name: &str, properties: Option<&Map<String, Value>>) -> String {
    let known: Vec<String> = properties.into_iter().flatten().map(|(key, _)| format!("--{}", kebab(key))).collect();
    let takes = format!("this tool has no `--{name}`; it takes {}", known.join(", "));
    let command = Cli::command();
    let ours = command.find_subcommand("call").into_iter().flat_map(Command::get_arguments);
    if ours.into_iter().any(|argument| argument.get_long() == Some(name)) {
        return format!("{takes}. roam-mcp's own flags come before the tool: `roam-mcp call --{name} … TOOL`");
    }
    takes
}

/// `maxDepth` and `max_depth` are typed as `max-depth`.
pub(super) fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for c in name.chars() {
        match c {
            '_' => kebab.push('-'),
            c if c.is_ascii_uppercase() => kebab.extend(['-', c.to_ascii_lowercase()]),
            c => kebab.push(c),
        }
    }
    kebab
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use serde_json::json;

    use super::*;
    use crate::cli::Command as CliCommand;
    use crate::tools::{TOOLS, find};

    fn typed(tool: &str, words: &[&str]) -> Result<Typed, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Typed::parse(&words, None, &find(tool).unwrap().input_schema())
    }

    #[test]
    fn arguments_are_typed_in_kebab_case_with_values_as_the_tool_wants_them() {
        let table = [
            (
                "search",
                &["--query", "--soil", "--max-depth=2", "--includePath", "false", "--graph", "g"][..],
                json!({ "query": "--soil", "maxDepth": "2", "includePath": false, "graph": "g" }),
            ),
            (
                "delete_blocks",
                &["--uids", "a", "--uids", "[\"b\", \"c\"]", "--uids=5"],
                json!({ "uids": ["a", "b", "c", "5"] }),
            ),
            (
                "datalog_query",
                &["--query", "q", "--inputs", "5", "--inputs", "x"],
                json!({ "query": "q", "inputs": [5, "x"] }),
            ),
            (
                "call_extension_tool",
                &["--tool", "a/b", "--args", "{\"x\": 1}"],
                json!({ "tool": "a/b", "args": { "x": 1 } }),
            ),
            ("update_blocks", &["--updates", "{\"uid\": \"a\"}"], json!({ "updates": [{ "uid": "a" }] })),
            ("create_block", &["--order", "0", "--markdown", "a=b"], json!({ "order": "0", "markdown": "a=b" })),
            ("list_graphs", &[], json!({})),
        ];
        for (tool, words, expected) in table {
            let Ok(Typed { source: Source::Arguments(arguments), json_output: false, help: false }) =
                typed(tool, words)
            else {
                panic!("{words:?}")
            };
            assert_eq!(Value::Object(arguments), expected);
        }
    }

    #[test]
    fn every_argument_of_every_tool_may_stand_first() {
        for tool in TOOLS {
            for key in tool.input_schema()["properties"].as_object().unwrap().keys() {
                let flag = format!("--{}", kebab(key));
                for before in [&[][..], &["--graph", "notes.json", "--json-output"]] {
                    let line = [&["roam-mcp", "call"][..], before, &[tool.name, &flag, "true"]].concat();
                    let Some(CliCommand::Call(args)) = Cli::try_parse_from(line).unwrap().command else { panic!() };
                    assert_eq!(args.words, [tool.name, &flag, "true"]);
                    assert_eq!(
                        (args.graphs.graph.is_some(), args.json_output),
                        (!before.is_empty(), !before.is_empty())
                    );
                }
            }
        }
    }

    #[test]
    fn json_may_stand_before_the_tool_and_is_then_all_there_is() {
        let schema = find("search").unwrap().input_schema();
        let before = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            Typed::parse(&words, Some("{}".to_owned()), &schema)
        };
        assert_eq!(before(&[]).unwrap().source, Source::Json("{}".into()));
        assert!(before(&["-"]).unwrap_err().contains("twice"));
        assert!(before(&["--query", "a"]).unwrap_err().contains("either"));
    }

    #[test]
    fn all_arguments_may_come_as_json() {
        let json = Typed { source: Source::Json("{}".into()), json_output: true, help: false };
        assert_eq!(typed("search", &["--json-output", "--json", "{}"]), Ok(json));
        let stdin = Typed { source: Source::StandardInput, json_output: false, help: false };
        assert_eq!(typed("search", &["-"]), Ok(stdin));
    }

    #[test]
    fn help_is_asked_for_in_the_place_of_an_argument_and_not_of_a_value() {
        for (words, help) in [(&["--help"][..], true), (&["--query", "a", "-h"], true), (&["--query", "--help"], false)]
        {
            assert_eq!(typed("search", words).unwrap().help, help, "{words:?}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_named() {
        for (words, named) in [
            (&["query"][..], "query"),
            (&["--query"], "needs a value"),
            (&["--colour", "red"], "--query, --scope"),
            (&["--state-dir", "d"], "flags come before the tool: `roam-mcp call --state-dir … TOOL`"),
            (&["--query", "a", "--query", "b"], "twice"),
            (&["--include-path", "yes"], "true or false"),
            (&["--json", "{}", "-"], "twice"),
            (&["--json", "{}", "--query", "a"], "either"),
        ] {
            let problem = typed("search", words).unwrap_err();
            assert!(problem.contains(named), "{words:?}: {problem}");
        }
    }
}
