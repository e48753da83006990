//! Which daily note is meant.

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::{Failure, refuse};

/// The daily note that a word or a date means, as the target of new blocks.
pub(super) fn daily_note(day: &str, today: Date) -> Result<Value, Failure> {
    Ok(json!({ "daily-note-page": date(day.trim(), today)? }))
}

/// As `MM-DD-YYYY`. What has that shape passes as it is: Roam knows which days there are.
fn date(day: &str, today: Date) -> Result<String, Failure> {
    let date = match day.to_lowercase().as_str() {
        "today" => Ok(today),
        "yesterday" => today.checked_sub(1.day()),
        "tomorrow" => today.checked_add(1.day()),
        _ if is_shaped_like_a_date(day) => return Ok(day.to_owned()),
        _ => return Err(refuse("A daily note is `today`, `yesterday`, `tomorrow` or a date as `MM-DD-YYYY`.")),
    };
    let date = date.map_err(|_| refuse("That day is beyond the end of the calendar."))?;
    Ok(date.strftime("%m-%d-%Y").to_string())
}

fn is_shaped_like_a_date(text: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| if at == 2 || at == 5 { byte == b'-' } else { byte.is_ascii_digit() };
    text.len() == 10 && text.bytes().enumerate().all(fits)
}
