//! Says what is wrong in a TOML file, so that it is found and mended at once.

/// More alike than this, and one was probably meant for the other; as clap has it.
const ALIKE: f64 = 0.7;

/// The line, the key, what is wrong, and the name that was probably meant.
pub(super) fn explain(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().trim().replace('\n', ", ");
    let meant = nearest(&message).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    let Some(at) = error.span().map(|span| span.start.min(text.len())) else { return message + &meant };
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let key = key_of(text.lines().nth(line - 1).unwrap_or_default());
    // serde names an unknown key itself.
    let key = key.filter(|key| !message.contains(&format!("`{key}`"))).map(|key| format!(", `{key}`"));
    format!("line {line}{}: {message}{meant}", key.unwrap_or_default())
}

/// The key in front of a value.
fn key_of(line: &str) -> Option<&str> {
    line.split_once('=').map(|(key, _)| key.trim()).filter(|key| !key.is_empty())
}

/// The expected name that is most like the one that was found, in serde's `unknown field `x`, expected one of `a`, `b``.
fn nearest(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("unknown field ").or_else(|| message.strip_prefix("unknown variant "))?;
    let mut names = rest.split('`').skip(1).step_by(2);
    let found = names.next()?;
    let alike = names.map(|name| (strsim::jaro_winkler(found, name), name)).filter(|(alike, _)| *alike > ALIKE);
    alike.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}
