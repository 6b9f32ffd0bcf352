//! Writes times, spans, counts and sizes as people read them. The template passes its values by
//! reference.

use std::time::Duration;

use crate::model::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Writes a span by its largest unit and the next one: `42 s`, `3 min`, `2 h 5 min`, `3 d 4 h`.
pub(super) fn span(span: &Duration) -> String {
    let seconds = span.as_secs();
    let (hours, minutes) = (seconds / HOUR, seconds % HOUR / MINUTE);
    match seconds {
        0..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{minutes} min"),
        HOUR..DAY if minutes == 0 => format!("{hours} h"),
        HOUR..DAY => format!("{hours} h {minutes} min"),
        _ => match (seconds / DAY, seconds % DAY / HOUR) {
            (days, 0) => format!("{days} d"),
            (days, hours) => format!("{days} d {hours} h"),
        },
    }
}

/// Writes a count with its thousands apart: `12,345`.
pub(super) fn count(count: &u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes `1 target`, `2 targets`.
pub(super) fn of(number: &u64, thing: &str) -> String {
    let plural = if *number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", count(number))
}

/// Writes a size in the largest unit of which there is at least one: `1.5 MiB`.
pub(super) fn size(bytes: &u64) -> String {
    let mut size = *bytes as f64;
    if size < 1024.0 {
        return format!("{size} B");
    }
    let mut unit = "";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        // It is rounded to one digit, so that 1023.95 of a unit are 1.0 of the next.
        if size < 1023.95 {
            break;
        }
        size /= 1024.0;
        unit = next;
    }
    format!("{size:.1} {unit}")
}

/// Writes an instant by the second, in UTC: `2026-11-23 05:41:07`.
pub(super) fn clock(at: &Timestamp) -> String {
    let utc = at.utc();
    let (year, month, day) = (utc.year(), u8::from(utc.month()), utc.day());
    let (hour, minute, second) = utc.as_hms();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Writes an instant as [`clock`] does, without the day where that is the day of `now`.
pub(super) fn near(at: &Timestamp, now: &Timestamp) -> String {
    let (at, now) = (clock(at), clock(now));
    match (at.split_once(' '), now.split_once(' ')) {
        (Some((day, time)), Some((today, _))) if day == today => time.to_owned(),
        _ => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_at_most_two_units() {
        for (seconds, words) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (7_500, "2 h 5 min"),
            (86_399, "23 h 59 min"),
            (86_400, "1 d"),
            (273_600, "3 d 4 h"),
        ] {
            assert_eq!(span(&Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn counts_and_sizes_are_short() {
        for (number, words) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(count(&number), words);
        }
        for (bytes, words) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (1_572_864, "1.5 MiB"),
            ((1 << 30) - 1, "1.0 GiB"),
        ] {
            assert_eq!(size(&bytes), words);
        }
        assert_eq!(of(&1, "target"), "1 target");
        assert_eq!(of(&5_000, "target"), "5,000 targets");
    }

    #[test]
    fn instants_are_read_by_the_calendar() {
        // By `date -u -d @N '+%F %T'`.
        for (seconds, words) in [
            (0, "1970-01-01 00:00:00"),
            (-1, "1969-12-31 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_582_934_399, "2020-02-28 23:59:59"),
            (1_795_412_467, "2026-11-23 05:41:07"),
            (4_107_542_400, "2100-03-01 00:00:00"),
        ] {
            assert_eq!(clock(&Timestamp::from_secs(seconds)), words);
        }
        let near = |at| near(&Timestamp::from_secs(at), &Timestamp::from_secs(86_400));
        assert_eq!(near(86_399), "1970-01-01 23:59:59");
        assert_eq!(near(90_061), "01:01:01");
    }
}
