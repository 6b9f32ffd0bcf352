//! Start times as v2 and API 3.0 write them: `2017-04-19 22:16:00`, in UTC+8, whole seconds,
//! fraction cut.

use std::ops::RangeInclusive;

use time::{Date, Month};

use crate::model::Timestamp;

/// Beijing is eight hours ahead of UTC all year.
const OFFSET_SECS: i64 = 8 * 3_600;
/// Start times are of these years.
const YEARS: RangeInclusive<i64> = 2000..=2200;
/// The first and the last second of these years, as a clock in Beijing shows them.
const FIRST: i64 = 946_684_800;
const LAST: i64 = 7_289_654_399;

/// Parses a start time. `None` if it is not one, or outside the years 2000 to 2200.
pub(super) fn parse_start_time(text: &str) -> Option<Timestamp> {
    let bytes: &[u8; 19] = text.as_bytes().try_into().ok()?;
    let separators = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')];
    if separators
        .iter()
        .any(|&(at, separator)| bytes[at] != separator)
    {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0i64, |sum, byte| {
            byte.is_ascii_digit()
                .then(|| sum * 10 + i64::from(byte - b'0'))
        })
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !YEARS.contains(&year) {
        return None;
    }
    let month = Month::try_from(month as u8).ok()?;
    let date = Date::from_calendar_date(year as i32, month, day as u8).ok()?;
    let at = date.with_hms(hour as u8, minute as u8, second as u8).ok()?;
    let shown = at.as_utc().unix_timestamp();
    Some(Timestamp::from_secs(shown - OFFSET_SECS))
}

/// Formats a second since the epoch for [`parse_start_time`], limited to the same years.
pub(super) fn format_start_time(second: i64) -> String {
    let shown = (second + OFFSET_SECS).clamp(FIRST, LAST);
    let utc = Timestamp::from_secs(shown).utc();
    let (year, month, day) = (utc.year(), u8::from(utc.month()), utc.day());
    let (hour, minute, second) = utc.as_hms();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beijing_text_becomes_utc() {
        // The API's own example: its request id is a UUID of version 1 that holds the UTC time
        // 2017-04-19 14:16:00, which is 1492611360 (date -u -d '2017-04-19 14:16:00' +%s).
        assert_eq!(
            parse_start_time("2017-04-19 22:16:00"),
            Some(Timestamp::from_secs(1_492_611_360))
        );
        // date -u -d '2024-02-28 16:00:01' +%s, the leap day in Beijing.
        assert_eq!(
            parse_start_time("2024-02-29 00:00:01"),
            Some(Timestamp::from_secs(1_709_136_001))
        );
        // date -u -d '2100-02-28 15:59:59' +%s; 2100 has no leap day.
        assert_eq!(
            parse_start_time("2100-02-28 23:59:59"),
            Some(Timestamp::from_secs(4_107_513_599))
        );
    }

    #[test]
    fn a_time_is_written_as_it_is_read() {
        for (second, text) in [
            (1_492_611_360, "2017-04-19 22:16:00"),
            (1_709_136_001, "2024-02-29 00:00:01"),
            (4_107_513_599, "2100-02-28 23:59:59"),
            // date -u -d '2024-12-31 15:59:59' +%s
            (1_735_660_799, "2024-12-31 23:59:59"),
            (i64::MIN / 2, "2000-01-01 00:00:00"),
            (i64::MAX / 2, "2200-12-31 23:59:59"),
        ] {
            assert_eq!(format_start_time(second), text);
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2017-04-19",
            "2017-04-19T22:16:00",
            "2017-13-19 22:16:00",
            "2017-02-29 22:16:00",
            "2017-04-19 24:00:00",
            "2017-04-19 22:60:00",
            "2017-04-19 22:16:60",
            "1999-04-19 22:16:00",
            "2017-04-1x 22:16:00",
            "0000-00-00 00:00:00",
            "+017-04-19 22:16:00",
        ] {
            assert_eq!(parse_start_time(text), None, "{text}");
        }
    }
}
