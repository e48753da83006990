//! What counts as a word.
//!
//! Where words are written with spaces between them, a run of letters and digits is a word. Chinese, Japanese and some
//! others write none; there, and among emoji, any two neighbours are a word, or one that stands alone. The punctuation
//! of ASCII is in no word.

/// A run of letters is taken to pieces of so many, or a long address or number would be a word of its own in a
/// vocabulary that is read at each search.
const PIECE: usize = 64;
/// A piece begins at every so many letters, so that each stretch of [`PART`] letters lies in one.
const STEP: usize = 32;
/// So many letters of a part are looked for.
const PART: usize = PIECE - STEP;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A letter or digit where spaces are written.
    Letter,
    /// A letter where none are, or a sign.
    Single,
}

/// The words of a folded text.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    runs(text).flat_map(|(kind, run)| match kind {
        Kind::Letter if run.len() <= PIECE => Windows::whole(run),
        Kind::Letter => Windows { run, size: PIECE, step: STEP },
        Kind::Single => Windows { run, size: 2, step: 1 },
    })
}

/// What has to be a part of some word of each text that contains this folded one.
pub(super) fn parts(text: &str) -> impl Iterator<Item = &str> {
    runs(text).flat_map(|(kind, run)| match kind {
        Kind::Letter => Windows::whole(&run[..after(run, PART)]),
        Kind::Single => Windows { run, size: 2, step: 1 },
    })
}

/// Whether a part is looked for as it is: then a text contains it if one of the text's words does, and else not.
pub(super) fn is_looked_up_whole(text: &str) -> bool {
    let mut parts = parts(text);
    parts.next() == Some(text) && parts.next().is_none()
}

/// Stretches of letters of one kind, as long as they go.
fn runs(text: &str) -> impl Iterator<Item = (Kind, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(|c| kind(c).is_some())?;
        rest = &rest[start..];
        let of = kind(rest.chars().next()?)?;
        let (run, after) = rest.split_at(rest.find(|c| kind(c) != Some(of)).unwrap_or(rest.len()));
        rest = after;
        Some((of, run))
    })
}

fn kind(c: char) -> Option<Kind> {
    if c.is_ascii() {
        c.is_ascii_alphanumeric().then_some(Kind::Letter)
    } else if c.is_whitespace() || c.is_control() {
        None
    } else if is_written_without_spaces(c) || !c.is_alphanumeric() {
        Some(Kind::Single)
    } else {
        Some(Kind::Letter)
    }
}

/// Thai and Lao, Burmese, Khmer; Chinese and Japanese, with the forms of half a width and the rarer signs.
fn is_written_without_spaces(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..='\u{31ff}'
        | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9d}' | '\u{20000}'..='\u{3ffff}')
}

/// Where so many letters end.
fn after(text: &str, letters: usize) -> usize {
    text.char_indices().nth(letters).map_or(text.len(), |(at, _)| at)
}

/// Pieces of a run, of `size` letters each, that begin at every `step`th. The last one ends with the run.
struct Windows<'t> {
    run: &'t str,
    size: usize,
    step: usize,
}

impl<'t> Windows<'t> {
    fn whole(run: &'t str) -> Self {
        Self { run, size: run.len(), step: run.len() }
    }
}

impl<'t> Iterator for Windows<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let window = &self.run[..after(self.run, self.size)];
        let is_last = window.len() == self.run.len();
        self.run = if is_last { "" } else { &self.run[after(self.run, self.step)..] };
        (!window.is_empty()).then_some(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_taken_apart_into_words() {
        let long = format!("{}{}{}", "a".repeat(40), "b".repeat(40), "c".repeat(20));
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            ("-> ((..))", &[]),
            ("the [[rose garden]], 2nd", &["the", "rose", "garden", "2nd"]),
            ("((b-1_c))", &["b", "1", "c"]),
            ("лёд ελλάδα 서울에서", &["лёд", "ελλάδα", "서울에서"]),
            ("東京都へ go", &["東京", "京都", "都へ", "go"]),
            ("本 x本y", &["本", "x", "本", "y"]),
            ("🎉 don’t", &["🎉", "don", "’", "t"]),
            (&long, &[&long[..64], &long[32..96], &long[64..]]),
        ];
        for (text, expected) in table {
            assert_eq!(words(text).collect::<Vec<_>>(), *expected, "{text:?}");
        }
        assert_eq!(parts(&long).collect::<Vec<_>>(), [&long[..32]]);
    }
}
