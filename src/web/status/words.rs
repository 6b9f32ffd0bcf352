//! Times, spans, counts and sizes as people read them.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use crate::model::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A span by its largest unit, and the next one where it tells something: `42 s`, `3 min`,
/// `2 h 5 min`, `3 d 4 h`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span(pub(super) Duration);

/// A count with its thousands apart: `12,345`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count(pub(super) u64);

/// A size in the largest unit of which there is one: `1.5 MiB`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size(pub(super) u64);

/// An instant by the second, in UTC: `2026-11-23 05:41:07`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(pub(super) Timestamp);

/// An instant by the second, in UTC, without the day where that is the one of `now`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Near {
    pub(super) at: Timestamp,
    pub(super) now: Timestamp,
}

/// `1 target`, `2 targets`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of(pub(super) u64, pub(super) &'static str);

// The template hands its values over by reference.

/// A count of the template.
pub(super) fn count(count: &u64) -> Count {
    Count(*count)
}

/// So many things of the template.
pub(super) fn of(count: &u64, thing: &'static str) -> Of {
    Of(*count, thing)
}

/// A size of the template.
pub(super) fn size(bytes: &u64) -> Size {
    Size(*bytes)
}

impl Display for Span {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (hours, minutes) = (seconds / HOUR, seconds % HOUR / MINUTE);
        match seconds {
            0..MINUTE => write!(f, "{seconds} s"),
            MINUTE..HOUR => write!(f, "{minutes} min"),
            HOUR..DAY if minutes == 0 => write!(f, "{hours} h"),
            HOUR..DAY => write!(f, "{hours} h {minutes} min"),
            _ => match (seconds / DAY, seconds % DAY / HOUR) {
                (days, 0) => write!(f, "{days} d"),
                (days, hours) => write!(f, "{days} d {hours} h"),
            },
        }
    }
}

impl Display for Count {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

impl Display for Size {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let units = ["KiB", "MiB", "GiB", "TiB"];
        let mut size = self.0 as f64;
        if size < 1024.0 {
            return write!(f, "{size} B");
        }
        let mut unit = "";
        for next in units {
            // Rounded first: nothing is 1024.0 of one unit.
            if size < 1023.95 {
                break;
            }
            size /= 1024.0;
            unit = next;
        }
        write!(f, "{size:.1} {unit}")
    }
}

impl Display for Clock {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let utc = self.0.utc();
        let (year, month, day) = (utc.year(), u8::from(utc.month()), utc.day());
        let (hour, minute, second) = utc.as_hms();
        write!(
            f,
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
        )
    }
}

impl Display for Near {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (at, now) = (Clock(self.at).to_string(), Clock(self.now).to_string());
        match (at.split_once(' '), now.split_once(' ')) {
            (Some((day, time)), Some((today, _))) if day == today => f.write_str(time),
            _ => f.write_str(&at),
        }
    }
}

impl Display for Of {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let plural = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} {}{plural}", Count(self.0), self.1)
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
            assert_eq!(Span(Duration::from_secs(seconds)).to_string(), words);
        }
    }

    #[test]
    fn counts_and_sizes_are_short() {
        for (count, words) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(Count(count).to_string(), words);
        }
        for (bytes, words) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (1_572_864, "1.5 MiB"),
            ((1 << 30) - 1, "1.0 GiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), words);
        }
        assert_eq!(Of(1, "target").to_string(), "1 target");
        assert_eq!(Of(5_000, "target").to_string(), "5,000 targets");
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
            let clock = Clock(Timestamp::from_secs(seconds));
            assert_eq!(clock.to_string(), words);
        }
        let near = |at| {
            let (at, now) = (Timestamp::from_secs(at), Timestamp::from_secs(86_400));
            Near { at, now }.to_string()
        };
        assert_eq!(near(86_399), "1970-01-01 23:59:59");
        assert_eq!(near(90_061), "01:01:01");
    }
}
