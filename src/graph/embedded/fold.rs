//! Folding text for the search: one form for what is written in several, without case and without accents.
//!
//! The search index and the words that are looked up go through the same function, so they always agree.

use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;
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
    use super::{fold, is_plain};

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
    fn folding_twice_is_folding_once() {
        for c in '\u{0}'..='\u{2ffff}' {
            let once = fold(&c.to_string());
            assert_eq!(fold(&once), once, "{c:?}");
            assert!(!is_plain(c) || once.chars().eq([c.to_ascii_lowercase()]), "{c:?}");
        }
    }
}
