//! Formats of times in the API.

const BEIJING_OFFSET_MS: i64 = 8 * 3_600_000;

/// Returns `YYYY-MM-DD HH:MM:SS` in UTC+8, without the fraction. The vendor's times have neither
/// zone nor fraction; its samples show that they are Beijing time and truncated.
pub(crate) fn beijing_text(unix_ms: i64) -> String {
    let [year, month, day, hour, minute, second, _] =
        civil(unix_ms.saturating_add(BEIJING_OFFSET_MS));
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Returns `YYYY-MM-DDTHH:MM:SS.mmmZ`, the format of user code inside a function, whose clock is
/// UTC.
pub(crate) fn utc_text(unix_ms: i64) -> String {
    let [year, month, day, hour, minute, second, ms] = civil(unix_ms);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Returns `YYYY-MM-DD` in UTC.
pub(crate) fn utc_date(unix_ms: i64) -> String {
    let [year, month, day, ..] = civil(unix_ms);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Parses a text in the format of [`beijing_text`]; returns `None` for any other text.
pub(crate) fn parse_beijing(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let days = day_number(number(0..4)?, number(5..7)?, number(8..10)?);
    let of_day = number(11..13)? * 3_600 + number(14..16)? * 60 + number(17..19)?;
    let unix_ms = (days * 86_400 + of_day) * 1_000 - BEIJING_OFFSET_MS;
    // A text that is formatted differently was not a valid date, for example 30 February.
    (beijing_text(unix_ms) == text).then_some(unix_ms)
}

/// Returns the format of HTTP's `Date` header.
pub(crate) fn http_date(unix_ms: i64) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let [year, month, day, hour, minute, second, _] = civil(unix_ms);
    // 1970-01-01 was a Thursday.
    let weekday = WEEKDAYS[unix_ms.div_euclid(86_400_000).rem_euclid(7) as usize];
    let month = MONTHS[(month - 1) as usize];
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Returns the second in which a row that starts at this time is shown.
pub(crate) fn second_of(unix_ms: i64) -> i64 {
    unix_ms.div_euclid(1_000)
}

/// Returns year, month, day, hour, minute, second and millisecond, without a zone.
fn civil(unix_ms: i64) -> [i64; 7] {
    let (days, of_day) = (
        unix_ms.div_euclid(86_400_000),
        unix_ms.rem_euclid(86_400_000),
    );
    let (year, month, day) = date(days);
    let seconds = of_day / 1_000;
    [
        year,
        month,
        day,
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60,
        of_day % 1_000,
    ]
}

/// Returns the Gregorian date of a day number counted from 1970-01-01.
///
/// Years are taken to begin on 1 March, so that the leap day is the last of its year and month
/// lengths follow one straight line.
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Returns the day number of a Gregorian date, counted from 1970-01-01: the inverse of [`date`].
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let from_march = (month + 9).rem_euclid(12);
    let year = year - i64::from(month <= 2);
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn writes_and_reads_what_others_write() {
        // From `date -u -d @1709222399` and the example of RFC 9110, 5.6.7.
        let leap_day = http_date(1_709_222_399_999);
        assert_eq!(leap_day, "Thu, 29 Feb 2024 15:59:59 GMT");
        assert_eq!(http_date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(utc_date(1_709_251_199_000), "2024-02-29");
        assert_eq!(utc_date(1_709_251_200_000), "2024-03-01");
        let parsed = parse_beijing("2017-04-19 22:16:00");
        assert_eq!(parsed, Some(1_492_611_360_000));
        let no_dates = [
            "2017-02-29 00:00:00",
            "2017-13-01 00:00:00",
            "2017-04-19 22:16:60",
        ];
        let other_formats = [
            "2017-04-19T22:16:00",
            "2017-04-19 22:16:00Z",
            "2017-4-19 22:16:00",
        ];
        let chinese = "\u{5904}\u{7406}\u{5904}\u{7406}\u{5904}\u{7406}\u{5904}";
        let others = ["", "2017-04-19", chinese];
        for wrong in [no_dates, other_formats, others].concat() {
            assert_eq!(parse_beijing(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_it_writes(second in 0..32_000_000_000_i64) {
            prop_assert_eq!(parse_beijing(&beijing_text(second * 1_000)), Some(second * 1_000));
        }
    }

    #[test]
    fn shows_utc_plus_8_with_the_fraction_cut() {
        // 2017-04-19 14:16:00.0156 Z, decoded from a request id in the vendor's own sample.
        assert_eq!(beijing_text(1_492_611_360_015), "2017-04-19 22:16:00");
        assert_eq!(beijing_text(1_492_611_360_999), "2017-04-19 22:16:00");
        // 2018-06-11 10:46:45.626 Z, from the vendor's sample of API 3.0.
        assert_eq!(beijing_text(1_528_714_005_626), "2018-06-11 18:46:45");
    }

    #[test]
    fn crosses_midnight_leap_days_and_the_epoch() {
        // `date -u -d @1709222400` prints 2024-02-29 16:00:00, which is midnight in Beijing.
        assert_eq!(beijing_text(1_709_222_400_000), "2024-03-01 00:00:00");
        assert_eq!(beijing_text(1_709_222_399_000), "2024-02-29 23:59:59");
        assert_eq!(utc_text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(utc_text(-1), "1969-12-31T23:59:59.999Z");
    }
}
