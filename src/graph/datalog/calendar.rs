//! Words for days, in place of constants: `ms/today-start`, `dnp/-1D`, `ms/=2025-01-01-end`.
//!
//! `ms/…` is a moment in milliseconds since 1970, in the time zone of this machine; `dnp/…` is the title of a daily note.
//! Weeks begin on Sunday, as in Roam's calendar.

use jiff::civil::Date;
use jiff::{ToSpan as _, Zoned};

use super::value::Value;
use crate::graph::embedded::daily;

/// What such a word stands for. `None` if it is none.
pub(super) fn resolve(word: &str, now: &Zoned) -> Option<Value> {
    let (space, name) = word.split_once('/')?;
    match space {
        "dnp" => {
            let day = match name.strip_suffix("-start").or_else(|| name.strip_suffix("-end")) {
                Some(period) => edge(span(period, now.date())?, name.ends_with("-end")),
                None => span(name, now.date())?.0,
            };
            Some(Value::text(&daily::title(day)))
        }
        "ms" => {
            let (period, end) = match name.strip_suffix("-end") {
                Some(period) => (period, true),
                None => (name.strip_suffix("-start")?, false),
            };
            let day = edge(span(period, now.date())?, end);
            let start = |day: Date| day.to_zoned(now.time_zone().clone()).ok();
            let moment = match end {
                true => start(day.checked_add(1.day()).ok()?)?.timestamp().as_millisecond() - 1,
                false => start(day)?.timestamp().as_millisecond(),
            };
            Some(Value::Int(moment))
        }
        _ => None,
    }
}

fn edge((first, last): (Date, Date), end: bool) -> Date {
    if end { last } else { first }
}

/// The first and the last day of a period.
fn span(period: &str, today: Date) -> Option<(Date, Date)> {
    if let Some(date) = period.strip_prefix('=') {
        let day = Date::strptime("%Y-%m-%d", date).ok()?;
        return Some((day, day));
    }
    let (offset, unit) = match period {
        "today" => (0, "D"),
        "yesterday" => (-1, "D"),
        "tomorrow" => (1, "D"),
        _ if period.starts_with(['+', '-']) => {
            let unit = period.get(period.len().checked_sub(1)?..)?;
            (period.strip_suffix(unit)?.parse().ok()?, unit)
        }
        _ => {
            let (which, unit) = period.split_once('-')?;
            let offset = ["last", "this", "next"].iter().position(|word| *word == which)?;
            let unit = ["week", "month", "quarter", "year"].iter().position(|word| *word == unit)?;
            (i32::try_from(offset).ok()? - 1, ["W", "M", "Q", "Y"][unit])
        }
    };
    let month = |first: Date, months: i32| first.first_of_month().checked_add(months.months()).ok();
    let months = |first: Date, each: i32| {
        let first = month(first, offset.checked_mul(each).filter(|months| months.abs() < 100_000)?)?;
        Some((first, month(first, each)?.yesterday().ok()?))
    };
    if offset.abs() > 1_000_000 {
        return None;
    }
    match unit {
        "D" => today.checked_add(offset.days()).ok().map(|day| (day, day)),
        "W" => {
            let back = i32::from(today.weekday().to_sunday_zero_offset());
            let first = today.checked_sub(back.days()).ok()?.checked_add((offset * 7).days()).ok()?;
            Some((first, first.checked_add(6.days()).ok()?))
        }
        "M" => months(today, 1),
        "Q" => months(month(today, -i32::from((today.month() - 1) % 3))?, 3),
        "Y" => months(month(today, -i32::from(today.month() - 1))?, 12),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn a_word_stands_for_a_day_or_a_moment() {
        // A Wednesday.
        let now = date(2026, 8, 5).at(15, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap();
        let table = [
            ("dnp/today", "August 5th, 2026"),
            ("dnp/yesterday", "August 4th, 2026"),
            ("dnp/+1D", "August 6th, 2026"),
            ("dnp/this-week-start", "August 2nd, 2026"),
            ("dnp/this-week-end", "August 8th, 2026"),
            ("dnp/last-month-start", "July 1st, 2026"),
            ("dnp/this-quarter-end", "September 30th, 2026"),
            ("dnp/-1Q-start", "April 1st, 2026"),
            ("dnp/+0Y-end", "December 31st, 2026"),
            ("dnp/=2025-01-01", "January 1st, 2025"),
        ];
        for (word, title) in table {
            assert_eq!(resolve(word, &now), Some(Value::text(title)), "{word}");
        }
        let midnight = 1_785_888_000_000;
        let day = 86_400_000;
        let table = [
            ("ms/today-start", midnight),
            ("ms/today-end", midnight + day - 1),
            ("ms/-5D-start", midnight - 5 * day),
            ("ms/+1W-end", midnight + 11 * day - 1),
            ("ms/=2026-08-04-end", midnight - 1),
        ];
        for (word, moment) in table {
            assert_eq!(resolve(word, &now), Some(Value::Int(moment)), "{word}");
        }
        for word in
            ["ms/today", "ms/+D-start", "dnp/soon", "dnp/=2025-02-30", "ms/+999999999D-end", "ms/-1é-end", "x/y"]
        {
            assert_eq!(resolve(word, &now), None, "{word}");
        }
    }
}
