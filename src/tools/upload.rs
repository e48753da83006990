//! Putting a file into a graph.
//!
//! A path or a URL makes this program read a file or open a connection in place of the caller. Whoever calls from
//! outside must get no more by that than they could reach themselves: files of one directory set aside for it, and
//! addresses of the public internet.

mod address;
mod disk;
mod download;

use std::fmt::Display;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::arguments::{Input, filled};
use super::wording::reminder;
use super::{Call, Class, Failure, Hints, Outcome, Reach, Tool, json, media};
use crate::graph::Action;
use download::Downloader;

/// How much one upload may take of this program.
#[derive(Clone, Copy)]
struct Limits {
    /// The most bytes of the file.
    bytes: usize,
    /// How long it may take to fetch it, redirects included.
    patience: Duration,
}

impl Limits {
    /// The user's own processes could do as much without asking. For all others: what a photograph or a paper has.
    fn of(reach: &Reach) -> Self {
        if reach.local {
            Self { bytes: 100 << 20, patience: Duration::from_secs(180) }
        } else {
            Self { bytes: 10 << 20, patience: Duration::from_secs(30) }
        }
    }

    fn too_large(self) -> Failure {
        Failure::Arguments(format!("the file is too large; {} MiB is the most", self.bytes >> 20))
    }
}

/// Base64 in the alphabet of RFC 4648 section 4, with its padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) const FILE_UPLOAD: Tool = Tool {
    name: "file_upload",
    title: "Upload file",
    description: concat!(
        "Puts a file of up to 10 MiB (over stdio 100 MiB by `filePath` or `url`) into the graph and returns its URL; write that into a block as `![](url)` for an \
         image or `{{[[pdf]]: url}}` for a PDF. Give one of `url` (on the public internet), `base64`, or `filePath` (on \
         the computer of the server, which may allow one directory or none).",
        reminder!()
    ),
    class: Class::Append,
    hints: Hints { read_only: false, destructive: false, idempotent: false, open_world: true },
    input: Input::of::<FileUpload>(),
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
    /// The file itself, in base64; a `data:` URL will do. A call has room for a file of 3 MiB over HTTP, and of 11 MiB over stdio.
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
    let limits = Limits::of(&call.reach);
    let file = match sources {
        (Some(path), None, None) => disk::read(path, &call.reach, limits).await?,
        (None, Some(url), None) => Downloader::new(&call.reach).fetch(&url).await?,
        (None, None, Some(text)) => File::given(&text, limits)?,
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
    /// The bytes in any of the forms of base64, as clients have them.
    fn given(text: &str, limits: Limits) -> Result<Self, Failure> {
        let wrong = |problem: &dyn Display| Failure::Arguments(format!("`base64`: {problem}"));
        let (kind, text) = match text.trim_start().strip_prefix("data:").map(|url| url.split_once(";base64,")) {
            None => (None, text),
            Some(None) => return Err(wrong(&"a data: URL must be in base64")),
            Some(Some((kind, text))) => (kind.split(';').next().filter(|kind| !kind.is_empty()), text),
        };
        // The alphabet for URLs has two characters of its own (RFC 4648 section 5).
        let plain = |c| match c {
            '-' => '+',
            '_' => '/',
            c => c,
        };
        let text: String = text.chars().filter(|c| !c.is_whitespace()).map(plain).collect();
        let bytes = BASE64.decode(text).map_err(|error| wrong(&error))?;
        if bytes.len() > limits.bytes {
            return Err(limits.too_large());
        }
        Ok(Self::read(&bytes, None, kind.map(str::to_owned)))
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
        let outside = Limits::of(&Reach::default());
        for bad in ["not base64!", "a", "data:text/plain,hello", "data:"] {
            assert!(File::given(bad, outside).is_err(), "{bad}");
        }
        let large = STANDARD.encode(vec![0; outside.bytes + 1]);
        assert!(File::given(&large, outside).is_err() && File::given(&large, Limits::of(&Reach::local())).is_ok());
    }

    #[test]
    fn every_form_of_base64_is_understood_and_one_is_sent_on() {
        let given = |text| File::given(text, Limits::of(&Reach::default())).unwrap_or_else(|_| panic!("{text}"));
        for text in ["aGVs\nbG8=", "aGVsbG8", "data:;base64,aGVsbG8="] {
            assert_eq!((given(text).base64.as_str(), given(text).kind), ("aGVsbG8=", None), "{text}");
        }
        assert_eq!(given("-_-_").base64, "+/+/");
        let image = given("data:image/png;name=a;base64,aGVsbG8");
        assert_eq!((image.base64.as_str(), image.kind("a.pdf".into()).as_str()), ("aGVsbG8=", "image/png"));
    }
}
