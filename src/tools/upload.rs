//! Putting a file into a graph.
//!
//! A path or a URL makes this program read a file or open a connection in place of the caller. Whoever calls from
//! outside must get no more by that than they could reach themselves: files of one directory set aside for it, and
//! addresses of the public internet.

mod address;
mod disk;
mod download;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::arguments::{filled, schema};
use super::wording::reminder;
use super::{Call, Class, Failure, Hints, Outcome, Tool, json, media};
use crate::graph::Action;
use download::Downloader;

/// The most bytes of a file: what a photograph or a paper has, and what Roam takes within a call.
const LIMIT: usize = 10 << 20;

pub(super) const FILE_UPLOAD: Tool = Tool {
    name: "file_upload",
    title: "Upload file",
    description: concat!(
        "Puts a file of up to 10 MiB into the graph and returns its URL; write that into a block as `![](url)` for an \
         image or `{{[[pdf]]: url}}` for a PDF. Give one of `url` (on the public internet), `base64`, or `filePath` (on \
         the computer of the server, which may allow one directory or none).",
        reminder!()
    ),
    class: Class::Append,
    hints: Hints { read_only: false, destructive: false, idempotent: false, open_world: true },
    input: schema::<FileUpload>,
    output: None,
    run: |call| json(file_upload(call)),
};

/// Arguments of `file_upload`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct FileUpload {
    /// Path of a file on the computer of the server. Give one of `filePath`, `url`, `base64`.
    file_path: Option<String>,
    /// Address to fetch the file from.
    url: Option<String>,
    /// The file itself, in base64.
    base64: Option<String>,
    /// Its type, such as `image/png`; found out if absent.
    mimetype: Option<String>,
    /// Its name; the one it has if absent.
    filename: Option<String>,
}

/// A file on its way into the graph.
struct File {
    base64: String,
    name: Option<String>,
    /// As whoever had the file declared it.
    kind: Option<String>,
}

async fn file_upload(call: Call) -> Outcome {
    let arguments: FileUpload = call.parse()?;
    let sources = (filled(arguments.file_path), filled(arguments.url), filled(arguments.base64));
    let file = match sources {
        (Some(path), None, None) => disk::read(path, &call.reach).await?,
        (None, Some(url), None) => Downloader::new(&call.reach).fetch(&url).await?,
        (None, None, Some(text)) => File::given(&text)?,
        _ => return Err(Failure::Arguments("give one of `filePath`, `url` and `base64`".into())),
    };
    let name = filled(arguments.filename).or_else(|| file.name.clone());
    let kind = filled(arguments.mimetype).unwrap_or_else(|| file.kind(name.as_deref()));
    let request = json!({ "base64": file.base64, "mimetype": kind, "filename": name });
    let answer = call.ask(Action::UploadFile, request).await?;
    Ok(match answer {
        Value::String(embed) => json!({ "url": url_in(&embed) }),
        other => other,
    })
}

impl File {
    fn given(text: &str) -> Result<Self, Failure> {
        let base64: String = text.split_whitespace().collect();
        let bytes = STANDARD.decode(&base64).map_err(|error| Failure::Arguments(format!("`base64`: {error}")))?;
        if bytes.len() > LIMIT {
            return Err(too_large());
        }
        Ok(Self { base64, name: None, kind: None })
    }

    fn read(bytes: &[u8], name: Option<String>, kind: Option<String>) -> Self {
        Self { base64: STANDARD.encode(bytes), name, kind }
    }

    /// As declared, by the name of a file that has one, by how it begins, by the name it is to get.
    fn kind(&self, name: Option<&str>) -> String {
        let declared = self.kind.as_deref().filter(|kind| *kind != media::UNKNOWN);
        declared
            .or_else(|| self.name.as_deref().and_then(media::by_name))
            .or_else(|| media::by_beginning(&self.base64))
            .or_else(|| name.and_then(media::by_name))
            .unwrap_or(media::UNKNOWN)
            .to_owned()
    }
}

fn too_large() -> Failure {
    Failure::Arguments(format!("the file is too large; {} MiB is the most", LIMIT >> 20))
}

/// Roam answers with what shows the file in a block: `![](url)`, `{{[[pdf]]: url}}` or the bare URL.
fn url_in(embed: &str) -> &str {
    let embed = embed.trim();
    let image =
        embed.strip_prefix("![").and_then(|rest| rest.split_once("](")).and_then(|(_, rest)| rest.strip_suffix(')'));
    let component = embed.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    let component = component.and_then(|inner| inner.split_once(": ")).map(|(_, url)| url.trim());
    image.or(component).unwrap_or(embed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_taken_out_of_what_shows_it() {
        for embed in
            ["![](https://x/y?a=b)", "![alt](https://x/y?a=b)", "{{[[pdf]]: https://x/y?a=b}}", " https://x/y?a=b"]
        {
            assert_eq!(url_in(embed), "https://x/y?a=b");
        }
        assert_eq!(url_in("{{odd}}"), "{{odd}}");
    }

    #[test]
    fn base64_is_checked_before_it_goes_anywhere() {
        assert!(File::given("not base64!").is_err());
        assert_eq!(File::given("aGVs\nbG8=").unwrap_or_else(|_| unreachable!()).base64, "aGVsbG8=");
        assert!(File::given(&STANDARD.encode(vec![0; LIMIT + 1])).is_err());
    }
}
