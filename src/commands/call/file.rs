//! A file out of a graph, put where the user can open it.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::Failure;

/// Writes the file that an answer of `file-get` holds in base64, and returns what to say of it. Any other answer is left
/// as it is.
pub(super) fn saved(answer: Value) -> Result<Value, Failure> {
    let Some(data) = answer["base64"].as_str() else { return Ok(answer) };
    let mime_type = answer["mimetype"].as_str().unwrap_or("application/octet-stream");
    let name = answer["filename"].as_str().and_then(|name| name.rsplit_once('.'));
    save("file", data, mime_type, name.map_or_else(|| subtype(mime_type), |(_, extension)| extension))
}

/// Writes an image.
pub(super) fn save_image(data: &str, mime_type: &str) -> Result<Value, Failure> {
    save("image", data, mime_type, subtype(mime_type))
}

/// `png` of `image/png`, `svg` of `image/svg+xml`.
fn subtype(mime_type: &str) -> &str {
    let (_, kind) = mime_type.split_once('/').unwrap_or_default();
    match kind.split(['+', ';']).next() {
        Some("octet-stream") | None => "bin",
        Some(kind) => kind,
    }
}

fn save(what: &str, data: &str, mime_type: &str, extension: &str) -> Result<Value, Failure> {
    let bytes = STANDARD.decode(data)?;
    // A part of a path that somebody else chose must not lead anywhere.
    let extension: String = extension.chars().filter(char::is_ascii_alphanumeric).take(10).collect();
    let extension = if extension.is_empty() { "bin" } else { &extension };
    let mut file = tempfile::Builder::new().prefix("roam-").suffix(&format!(".{extension}")).tempfile()?;
    file.write_all(&bytes)?;
    let (_, path) = file.keep()?;
    Ok(json!({ "type": what, "path": path, "mimeType": mime_type, "size": bytes.len() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(saved: Result<Value, Failure>) -> (Value, String) {
        let mut saved = saved.unwrap_or_else(|failure| panic!("{}", failure.message));
        let path = saved["path"].take().as_str().unwrap().to_owned();
        std::fs::remove_file(&path).unwrap();
        (saved, path)
    }

    #[test]
    fn an_image_is_put_into_a_file() {
        let (said, path) = written(save_image("aGk=", "image/svg+xml"));
        assert!(path.ends_with(".svg"), "{path}");
        assert_eq!(said, json!({ "type": "image", "path": null, "mimeType": "image/svg+xml", "size": 2 }));
    }

    #[test]
    fn so_is_any_other_file_under_a_name_that_leads_nowhere_else() {
        for (answer, extension) in [
            (json!({ "base64": "aGk=", "mimetype": "application/pdf", "filename": "a.b.PDF" }), "PDF"),
            (json!({ "base64": "aGk=", "mimetype": "application/pdf" }), "pdf"),
            (json!({ "base64": "aGk=", "filename": "x./../../etc" }), "etc"),
            (json!({ "base64": "aGk=" }), "bin"),
        ] {
            let (said, path) = written(saved(answer));
            assert!(path.ends_with(&format!(".{extension}")) && said["type"] == "file", "{path} {said}");
        }
        let other = json!({ "uid": "x" });
        assert_eq!(saved(other.clone()).unwrap_or_default(), other);
    }
}
