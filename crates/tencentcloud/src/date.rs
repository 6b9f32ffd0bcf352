//! Dates in signatures and in HTTP headers.

use std::time::{Duration, UNIX_EPOCH};

use crate::Timestamp;

/// Returns the UTC date of a Unix time, such as `2019-02-25`.
pub(super) fn utc_date(unix_seconds: i64) -> String {
    let utc = Timestamp::from_secs(unix_seconds).utc();
    let (year, month, day) = (utc.year(), u8::from(utc.month()), utc.day());
    format!("{year:04}-{month:02}-{day:02}")
}

/// Parses an HTTP date in any form of RFC 9110 into Unix seconds.
pub(super) fn parse_http_date(text: &str) -> Option<i64> {
    // A leap second counts as the last second of its minute.
    let text = text.replace(":60 GMT", ":59 GMT");
    let date = httpdate::parse_http_date(&text).ok()?;
    i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

/// Returns the wait that a `Retry-After` header asks for at the Unix time `now`. The header has
/// whole seconds or a date.
pub(super) fn parse_retry_after(text: &str, now: i64) -> Option<Duration> {
    let text = text.trim();
    let seconds = match text.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => u64::try_from(parse_http_date(text)?.saturating_sub(now)).unwrap_or(0),
    };
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The forms of RFC 9110, section 10.2.3. The date below is what `date -u -d @1700000030`
    /// prints.
    #[test]
    fn a_wait_is_in_seconds_or_a_date() {
        for (text, now, seconds) in [
            ("120", 0, Some(120)),
            (" 0 ", 0, Some(0)),
            ("Tue, 14 Nov 2023 22:13:50 GMT", 1_700_000_000, Some(30)),
            ("Tue, 14 Nov 2023 22:13:50 GMT", 1_700_000_100, Some(0)),
            ("-1", 0, None),
            ("1.5", 0, None),
            ("soon", 0, None),
            ("99999999999999999999999", 0, None),
        ] {
            let wait = parse_retry_after(text, now);
            assert_eq!(wait, seconds.map(Duration::from_secs), "{text}");
        }
    }

    /// The dates that `date -u -d @N` prints for these Unix times.
    #[test]
    fn dates_are_the_calendars() {
        for (seconds, date) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (1_551_113_065, "2019-02-25"),
            (1_709_251_199, "2024-02-29"),
            (1_709_251_200, "2024-03-01"),
            (951_782_400, "2000-02-29"),
            (4_107_542_400, "2100-03-01"),
            (4_102_444_799, "2099-12-31"),
            (1_735_689_599, "2024-12-31"),
        ] {
            assert_eq!(utc_date(seconds), date, "{seconds}");
        }
    }

    #[test]
    fn the_date_header_is_read() {
        for (text, seconds) in [
            ("Tue, 14 Nov 2023 22:13:20 GMT", 1_700_000_000),
            ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_799),
            // Two obsolete forms that recipients must accept.
            ("Tuesday, 14-Nov-23 22:13:20 GMT", 1_700_000_000),
            ("Tue Nov 14 22:13:20 2023", 1_700_000_000),
        ] {
            assert_eq!(parse_http_date(text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn nonsense_is_no_date() {
        for text in [
            "",
            "now",
            "Tue, 14 Nov 2023 22:13:20 +0800",
            "Tue, 14 Nov 2023 24:13:20 GMT",
            "Tue, 14 Nov 2023 22:60:20 GMT",
            "Tue, 14 Nov 2023 22:13 GMT",
            "Tue, 14 nov 2023 22:13:20 GMT",
            "Tue, 4 Nov 2023 22:13:20 GMT",
            "Tue, 29 Feb 2023 22:13:20 GMT",
            "Tue, 00 Nov 2023 22:13:20 GMT",
            "Tue, +4 Nov 2023 22:13:20 GMT",
            "Tue, 14 Nov 1969 22:13:20 GMT",
            "Mon, 14 Nov 2023 22:13:20 GMT",
        ] {
            assert_eq!(parse_http_date(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_date_written_and_read_is_the_same(seconds in 0i64..253_402_300_800) {
            let date = Timestamp::from_secs(seconds).utc();
            let (weekday, month) = (date.weekday().to_string(), date.month().to_string());
            let header = format!(
                "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                &weekday[..3], date.day(), &month[..3], date.year(),
                date.hour(), date.minute(), date.second(),
            );
            prop_assert_eq!(parse_http_date(&header), Some(seconds));
        }

        #[test]
        fn any_text_and_any_time_is_judged(text in ".{0,40}", seconds in any::<i64>()) {
            let _ = parse_http_date(&text);
            prop_assert!(utc_date(seconds).len() >= 10);
        }
    }
}
