//! Daily notes: a page for each day, with a title and a uid made from the date.

use jiff::civil::Date;
use jiff::tz::TimeZone;

/// `August 3rd, 2026`.
pub(in crate::graph) fn title(day: Date) -> String {
    let number = day.day();
    let ending = match (number % 10, number) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{} {number}{ending}, {:04}", day.strftime("%B"), day.year())
}

/// `08-03-2026`.
pub(super) fn uid(day: Date) -> String {
    day.strftime("%m-%d-%Y").to_string()
}

/// The day of a uid.
pub(super) fn from_uid(text: &str) -> Option<Date> {
    let day = Date::strptime("%m-%d-%Y", text).ok()?;
    (uid(day) == text).then_some(day)
}

/// The day of a title.
pub(in crate::graph) fn from_title(text: &str) -> Option<Date> {
    // Most titles are no dates, and this is asked for every page that is made.
    let (month, rest) = text.split_once(' ')?;
    let (number, year) = rest.split_once(", ")?;
    let number = number.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let day = Date::strptime("%B %d %Y", format!("{month} {number} {year}")).ok()?;
    (title(day) == text).then_some(day)
}

/// What Roam marks a daily note with: the beginning of its day, in milliseconds since 1970.
pub(in crate::graph) fn log_id(day: Date) -> Option<i64> {
    day.to_zoned(TimeZone::UTC).ok().map(|start| start.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_day_has_one_title_and_one_uid() {
        let table = [
            (date(2026, 8, 3), "August 3rd, 2026", "08-03-2026"),
            (date(2026, 1, 1), "January 1st, 2026", "01-01-2026"),
            (date(2026, 2, 22), "February 22nd, 2026", "02-22-2026"),
            (date(2025, 12, 11), "December 11th, 2025", "12-11-2025"),
            (date(2025, 12, 12), "December 12th, 2025", "12-12-2025"),
            (date(2025, 12, 13), "December 13th, 2025", "12-13-2025"),
            (date(2024, 2, 29), "February 29th, 2024", "02-29-2024"),
        ];
        for (day, name, id) in table {
            assert_eq!((title(day).as_str(), uid(day).as_str()), (name, id));
            assert_eq!((from_title(name), from_uid(id)), (Some(day), Some(day)));
        }
    }

    #[test]
    fn what_only_looks_like_a_day_is_none() {
        for text in ["August 3th, 2026", "August 03rd, 2026", "august 3rd, 2026", "August 32nd, 2026", "Soil", ""] {
            assert_eq!(from_title(text), None, "{text}");
        }
        for text in ["02-30-2026", "8-3-2026", "2026-08-03", "08/03/2026", ""] {
            assert_eq!(from_uid(text), None, "{text}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight_utc() {
        assert_eq!(log_id(date(2026, 8, 3)), Some(1_785_715_200_000));
    }
}
