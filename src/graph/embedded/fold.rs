//! Folding text for the search: one form for what is written in several, without case and without accents.
//!
//! The search index and the words that are looked up go through the same function, so they always agree.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use icu_normalizer::properties::{
    CanonicalCombiningClassMapBorrowed, CanonicalCompositionBorrowed, CanonicalDecompositionBorrowed, Decomposed,
};
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

/// Takes letters to pieces: the accent apart, wide and narrow forms to plain ones (NFKD of Unicode).
const PIECES: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfkd();
/// And puts them together again.
const WHOLE: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();
const CLASS: CanonicalCombiningClassMapBorrowed<'static> = CanonicalCombiningClassMapBorrowed::new();

/// Folds a text.
pub(in crate::graph) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    if text.chars().all(is_plain) {
        return text.chars().map(|c| c.to_ascii_lowercase()).collect();
    }
    let pieces = PIECES.normalize_iter(text.chars()).flat_map(char::to_lowercase);
    let folded: String = pieces.filter(|c| !is_accent(*c)).map(without_stroke).collect();
    // A part of a syllable is another syllable, so what is left is put together again.
    WHOLE.normalize(&folded).into_owned()
}

/// The stretch of a text that is folded alike whatever stands around it. At its start a text may have a mark that joins
/// the letter before it, and at its end a letter that a mark behind it changes, as か becomes が.
pub(in crate::graph) fn steadfast(text: &str) -> &str {
    let begins = |c| PIECES.normalize_iter(std::iter::once(c)).next().is_some_and(|c| !joins(c));
    let Some(start) = text.find(begins) else { return "" };
    let text = &text[start..];
    let last = text.rfind(begins).unwrap_or(0);
    let end = fold(&text[last..]);
    let changes = |mark: &char| !fold(&format!("{}{mark}", &text[last..])).starts_with(&end);
    if JOINING.iter().any(changes) { &text[..last] } else { text }
}

/// Whether a letter or mark may become one with what stands before it.
fn joins(c: char) -> bool {
    CLASS.get_u8(c) != 0 || JOINING.contains(&c) || matches!(c, '\u{1161}'..='\u{1175}' | '\u{11a8}'..='\u{11c2}')
}

/// What may change the letter before it, and is not left out of a folded text: whatever some letter is composed with, one
/// vowel and one last consonant of Hangul for all of them, and a mark of each class, because marks are put in order.
static JOINING: LazyLock<BTreeSet<char>> = LazyLock::new(|| {
    let (compose, decompose) = (CanonicalCompositionBorrowed::new(), CanonicalDecompositionBorrowed::new());
    let mut joining = BTreeSet::from(['\u{1161}', '\u{11a8}']);
    let mut classes = BTreeSet::new();
    for c in ('\u{300}'..='\u{2ffff}').filter(|c| !matches!(c, '가'..='힣')) {
        if let Decomposed::Expansion(one, other) = decompose.decompose(c)
            && compose.compose(one, other) == Some(c)
            && !is_accent(other)
        {
            joining.insert(other);
        }
        let class = CLASS.get_u8(c);
        if class != 0 && !is_accent(c) && classes.insert(class) {
            joining.insert(c);
        }
    }
    joining
});

/// Letters that are folded already, but for the case of ASCII: Chinese and Japanese, which are many in one text.
fn is_plain(c: char) -> bool {
    c.is_ascii()
        || matches!(c, '\u{3001}'..='\u{3029}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fe}' | '\u{4e00}'..='\u{9fff}')
}

/// Accents, and the points and signs above and below Hebrew and Arabic letters. The marks of other scripts make
/// other letters, as the vowels of Thai and of Devanagari do and the strokes that make か into が.
fn is_accent(c: char) -> bool {
    c >= '\u{300}' && matches!(CLASS.get_u8(c), 10..=36 | 200..=240)
}

/// Letters with a stroke through them are letters of their own for Unicode, and few keyboards have them.
fn without_stroke(c: char) -> char {
    match c {
        'đ' => 'd',
        'ħ' => 'h',
        'ı' => 'i',
        'ł' => 'l',
        'ø' => 'o',
        // At the end of a Greek word.
        'ς' => 'σ',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{fold, is_plain, steadfast};

    #[test]
    fn neither_case_nor_accents_nor_the_way_a_letter_is_stored_matter() {
        let table = [
            ("Garden", "garden"),
            ("Café", "cafe"),
            ("Cafe\u{301}", "cafe"),
            ("İstanbul", "istanbul"),
            ("ÅNGSTRÖM", "angstrom"),
            ("Đường Nguyễn", "duong nguyen"),
            ("日本語", "日本語"),
            ("Лёд", "лед"),
            ("straße", "straße"),
            ("Łódź Øre", "lodz ore"),
            ("άνοιξη ΛΌΓΟΣ λόγος", "ανοιξη λογοσ λογοσ"),
            ("שָׁלוֹם مُحَمَّد", "שלום محمد"),
            ("ＡＢＣ １２", "abc 12"),
            ("ｶﾞｰﾃﾞﾝ か\u{3099}", "ガーデン が"),
            ("\u{1112}\u{1161}\u{11ab}글 하", "한글 하"),
            ("กิน กัน", "กิน กัน"),
            ("कि कु", "कि कु"),
            ("ﬁne … ½", "fine ... 1⁄2"),
        ];
        for (text, folded) in table {
            assert_eq!(fold(text), folded);
        }
    }

    #[test]
    fn the_ends_of_a_part_are_left_out_where_what_stands_there_could_change_them() {
        let table = [
            ("rose", "rose"),
            ("café", "café"),
            ("日本", "日本"),
            ("か", ""),
            ("いか", "い"),
            ("が", "が"),
            ("\u{3099}x", "x"),
            ("나무", "나"),
            ("한글", "한글"),
            ("a=", "a"),
        ];
        for (text, expected) in table {
            assert_eq!(steadfast(text), expected, "{text}");
        }
    }

    /// Letters and marks that become others beside each other.
    fn letter() -> impl Strategy<Value = char> {
        let letters = "aeZ= ſKİςΣがか\u{3099}\u{309a}ﾞｶウ\u{301}\u{338}\u{327}하한ㅏ\u{1112}\u{1161}\u{11ab}न\u{93c}\u{958}\u{9c7}\u{9be}\u{dd9}\u{dcf}\u{dca}\u{5b0}\u{f71}\u{f72}ﬁ½";
        prop_oneof![4 => prop::sample::select(letters.chars().collect::<Vec<_>>()), 1 => any::<char>()]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn a_text_has_what_is_steadfast_in_each_of_its_parts(
            text in prop::collection::vec(letter(), 1..8), start in 0_usize..8, length in 1_usize..8,
        ) {
            let whole: String = text.iter().collect();
            let part: String = text.iter().skip(start % text.len()).take(length).collect();
            prop_assert!(fold(&whole).contains(&fold(steadfast(&part))), "{part:?} in {whole:?}");
        }
    }

    #[test]
    fn folding_twice_is_folding_once() {
        for c in '\u{0}'..='\u{2ffff}' {
            let once = fold(&c.to_string());
            assert_eq!(fold(&once), once, "{c:?}");
            assert!(!is_plain(c) || once.chars().eq([c.to_ascii_lowercase()]), "{c:?}");
        }
    }
}
