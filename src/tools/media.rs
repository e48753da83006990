//! What kind of file something is.

/// What nothing is known about.
pub(super) const UNKNOWN: &str = "application/octet-stream";

/// By how the file begins, in base64: the first bytes of a format are the first characters of its encoding.
const BEGINNINGS: &[(&str, &str)] = &[
    ("/9j/", "image/jpeg"),
    ("iVBOR", "image/png"),
    ("R0lG", "image/gif"),
    ("UklGR", "image/webp"),
    ("Qk", "image/bmp"),
    ("JVBE", "application/pdf"),
    ("SUkq", "image/tiff"),
    ("TU0A", "image/tiff"),
    ("AAAB", "image/x-icon"),
];

const EXTENSIONS: &[(&[&str], &str)] = &[
    (&["jpg", "jpeg"], "image/jpeg"),
    (&["png"], "image/png"),
    (&["gif"], "image/gif"),
    (&["webp"], "image/webp"),
    (&["bmp"], "image/bmp"),
    (&["svg"], "image/svg+xml"),
    (&["ico"], "image/x-icon"),
    (&["tif", "tiff"], "image/tiff"),
    (&["heic"], "image/heic"),
    (&["heif"], "image/heif"),
    (&["avif"], "image/avif"),
    (&["pdf"], "application/pdf"),
    (&["html", "htm"], "text/html"),
    (&["txt"], "text/plain"),
    (&["md", "markdown"], "text/markdown"),
    (&["csv"], "text/csv"),
    (&["tsv"], "text/tab-separated-values"),
    (&["json"], "application/json"),
    (&["xml"], "application/xml"),
    (&["yaml", "yml"], "application/yaml"),
    (&["css"], "text/css"),
    (&["js"], "text/javascript"),
    (&["rtf"], "application/rtf"),
    (&["mp3"], "audio/mpeg"),
    (&["wav"], "audio/wav"),
    (&["m4a"], "audio/mp4"),
    (&["ogg"], "audio/ogg"),
    (&["mp4"], "video/mp4"),
    (&["webm"], "video/webm"),
    (&["mov"], "video/quicktime"),
    (&["doc"], "application/msword"),
    (&["docx"], "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (&["xls"], "application/vnd.ms-excel"),
    (&["xlsx"], "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (&["ppt"], "application/vnd.ms-powerpoint"),
    (&["pptx"], "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    (&["zip"], "application/zip"),
];

/// The type of a file by its beginning in base64.
pub(super) fn by_beginning(base64: &str) -> Option<&'static str> {
    BEGINNINGS.iter().find(|(beginning, _)| base64.starts_with(beginning)).map(|(_, kind)| *kind)
}

/// The type of a file by its name.
pub(super) fn by_name(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    let extension = extension.to_ascii_lowercase();
    EXTENSIONS.iter().find(|(known, _)| known.contains(&extension.as_str())).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_known_by_name_or_by_beginning() {
        assert_eq!(by_name("a.b.PNG"), Some("image/png"));
        assert_eq!(by_name("voice.m4a"), Some("audio/mp4"));
        assert_eq!((by_name("png"), by_name("a."), by_name("")), (None, None, None));
        assert_eq!(by_beginning("iVBORw0KGgo="), Some("image/png"));
        assert_eq!((by_beginning("aGVsbG8="), by_beginning("")), (None, None));
    }
}
