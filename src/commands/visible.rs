//! Text of a graph on a terminal. Whoever can write into a graph could otherwise move the cursor, rename the window, or fill
//! the clipboard of whoever reads it.

/// The text with every control character written out, save line ends and tabs.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => shown.push(c),
            // C0, DEL and C1 (ECMA-48): a terminal obeys them.
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn a_terminal_is_given_nothing_to_obey() {
        assert_eq!(visible("a\n\tb é 日 👩‍🌾"), "a\n\tb é 日 👩‍🌾");
        let shown = visible("\x1b]52;c;aGk=\x07\u{9b}2J\r\x7f");
        assert_eq!(shown, "\\u{1b}]52;c;aGk=\\u{7}\\u{9b}2J\\r\\u{7f}");
        assert!(!shown.chars().any(char::is_control));
    }
}
