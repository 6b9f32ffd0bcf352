//! Start times as v2 and API 3.0 write them: `2017-04-19 22:16:00`, in UTC+8, whole seconds,
//! fraction cut.

use crate::model::Timestamp;

/// Beijing is eight hours ahead of UTC all year.
const OFFSET_SECS: i64 = 8 * 3_600;
/// Days from the epoch to 2000-01-01 and to 2200-12-31.
const FIRST_DAY: i64 = 10_957;
const LAST_DAY: i64 = 84_370;

/// Reads a start time. `None` where it is not one, or lies outside the years 2000 to 2200.
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
    let valid = (2000..=2200).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    valid.then(|| {
        let days = days_since_epoch(year, month, day);
        Timestamp::from_secs(days * 86_400 + hour * 3_600 + minute * 60 + second - OFFSET_SECS)
    })
}

/// Writes a second since the epoch as [`parse_start_time`] reads it; what lies outside its years
/// is written as the nearest instant inside.
pub(super) fn format_start_time(second: i64) -> String {
    let second = (second + OFFSET_SECS).clamp(FIRST_DAY * 86_400, LAST_DAY * 86_400 + 86_399);
    let (days, of_day) = (second.div_euclid(86_400), second.rem_euclid(86_400));
    let (mut year, mut month) = (2000, 1);
    let mut left = days - FIRST_DAY;
    while left >= 365 + i64::from(is_leap(year)) {
        left -= 365 + i64::from(is_leap(year));
        year += 1;
    }
    while left >= days_in(year, month) {
        left -= days_in(year, month);
        month += 1;
    }
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!(
        "{year:04}-{month:02}-{:02} {hour:02}:{minute:02}:{second:02}",
        left + 1
    )
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days from 1970-01-01 to a date from 2000 on.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    // Years counted from March, so that the leap day is the last of its year.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    // 153 days in each five months from March: 31, 30, 31, 30, 31.
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    // 719468 days lie between the March that begins the year 0 and the epoch.
    year * 365 + leap_days + day_of_year - 719_468
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
