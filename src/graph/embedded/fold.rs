//! Folding text for the search: without case and, in Latin script, without accents.
//!
//! The search index and the words that are looked up go through the same function, so they always agree.

/// Accented letters by the letter they are searched as. Latin-1, Latin Extended-A and -B, and Vietnamese, lower case.
const ACCENTED: &[(char, &str)] = &[
    ('a', "àáâãäåāăąǎǟǡǻȁȃȧạảấầẩẫậắằẳẵặ"),
    ('c', "çćĉċč"),
    ('d', "ďđḍ"),
    ('e', "èéêëēĕėęěȅȇȩẹẻẽếềểễệ"),
    ('g', "ĝğġģǧǵ"),
    ('h', "ĥħȟḥ"),
    ('i', "ìíîïĩīĭįıǐȉȋỉị"),
    ('j', "ĵǰ"),
    ('k', "ķǩḳ"),
    ('l', "ĺļľłḷ"),
    ('n', "ñńņňǹṇ"),
    ('o', "òóôõöøōŏőơǒǫǭȍȏȫȭȯȱọỏốồổỗộớờởỡợ"),
    ('r', "ŕŗřȑȓṛ"),
    ('s', "śŝşšșṣ"),
    ('t', "ţťțṭ"),
    ('u', "ùúûüũūŭůűųưǔǖǘǚǜȕȗụủứừửữự"),
    ('w', "ŵẁẃẅ"),
    ('y', "ýÿŷȳỳỵỷỹ"),
    ('z', "źżžẓ"),
];

/// Folds a text.
pub(in crate::graph) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(char::to_lowercase).filter(|c| !is_combining(*c)).map(without_accent).collect()
}

/// Marks that stand after the letter they belong to.
fn is_combining(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

fn without_accent(c: char) -> char {
    // The blocks that the table draws from; everything else is itself.
    if !('\u{e0}'..='\u{233}').contains(&c) && !('\u{1e00}'..='\u{1eff}').contains(&c) {
        return c;
    }
    ACCENTED.iter().find(|(_, accented)| accented.contains(c)).map_or(c, |(plain, _)| *plain)
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn case_and_accents_do_not_matter_and_other_scripts_stay() {
        let table = [
            ("Garden", "garden"),
            ("Café", "cafe"),
            ("Cafe\u{301}", "cafe"),
            ("İstanbul", "istanbul"),
            ("ÅNGSTRÖM", "angstrom"),
            ("Đường Nguyễn", "duong nguyen"),
            ("日本語", "日本語"),
            ("Лёд", "лёд"),
            ("straße", "straße"),
        ];
        for (text, folded) in table {
            assert_eq!(fold(text), folded);
        }
    }

    #[test]
    fn folding_twice_is_folding_once() {
        let all: String = ('\u{0}'..='\u{24f}').chain('\u{1e00}'..='\u{1eff}').collect();
        assert_eq!(fold(&fold(&all)), fold(&all));
    }
}
