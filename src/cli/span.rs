//! Lengths of time and times as they are typed.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp};

/// A length of time from one second on, in weeks, days, hours, minutes and seconds. A day has 24 hours.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let length = text.parse::<Span>().and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
    match length.ok().and_then(|length| Duration::try_from(length).ok()) {
        Some(length) if length >= Duration::from_secs(1) => Ok(length),
        _ => Err("write a time of a second or more, such as 30m, 1h30m, 2d or 4w".into()),
    }
}

/// A time in the past: how long ago, a day or a time of this machine's zone, or RFC 3339.
pub(super) fn since(text: &str) -> Result<Timestamp, String> {
    let now = Timestamp::now();
    if let Ok(length) = span(text) {
        return now.checked_sub(length).map_err(|_| "that is too long ago".into());
    }
    let local = |time: DateTime| time.to_zoned(TimeZone::system()).map(|time| time.timestamp());
    text.parse::<Timestamp>().or_else(|_| text.parse().and_then(local)).map_err(|_| {
        "write how long ago, such as 2h or 7d; a day, such as 2026-11-01; a local time, such as 2026-11-01T14:30; or one \
         with its zone, such as 2026-11-01T14:30:00Z"
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_do() {
        for (text, seconds) in [
            ("2h", 7200),
            ("30m", 1800),
            ("1h30m", 5400),
            ("1h 30m", 5400),
            ("90 minutes", 5400),
            ("1s", 1),
            ("1d", 86_400),
            ("30d", 2_592_000),
            ("2w", 1_209_600),
            ("1d12h", 129_600),
        ] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "2", "d", "0s", "0d", "-2h", "2h ago", "10ms", "99999999999h", "two hours", "1mo", "30x"] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_in_the_past_is_told_from_now_on_a_clock_or_in_full() {
        let ago = since("2h").unwrap().duration_until(Timestamp::now()).as_secs();
        assert!((7200..7210).contains(&ago), "{ago}");
        let local = |time: DateTime| time.to_zoned(TimeZone::system()).unwrap().timestamp();
        for (text, time) in [
            ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z".parse().unwrap()),
            ("2026-11-01T02:00:00+02:00", "2026-11-01T00:00:00Z".parse().unwrap()),
            ("2026-11-01", local(jiff::civil::date(2026, 11, 1).at(0, 0, 0, 0))),
            ("2026-11-01T14:30", local(jiff::civil::date(2026, 11, 1).at(14, 30, 0, 0))),
            ("2026-11-01 14:30:05", local(jiff::civil::date(2026, 11, 1).at(14, 30, 5, 0))),
        ] {
            assert_eq!(since(text), Ok(time), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "1 November"] {
            assert!(since(text).unwrap_err().contains("2026-11-01"), "{text}");
        }
    }
}
