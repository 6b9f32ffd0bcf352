//! Limits repeated log lines.
//!
//! An outage of the cloud is one event to an operator, but thousands of targets log it. Of the lines
//! that come from one place in the code, the first ones of each minute are written. The others are
//! counted, and one line reports their number when the minute is over.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::mem;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Maximum number of lines of one kind that are written in a window.
const LINES_MAX: u32 = 20;
/// Length of a window.
const WINDOW: Duration = Duration::from_secs(60);

/// A layer that counts lines by the place in the code that logs them, so its size is bounded.
#[derive(Debug, Default)]
pub(super) struct Fold(Mutex<Windows<Identifier>>);

/// The current window of each kind.
#[derive(Debug)]
struct Windows<Kind>(HashMap<Kind, Window>);

#[derive(Debug)]
struct Window {
    began: Instant,
    written: u32,
    left_out: u64,
    /// The message of the first line that was left out.
    like: String,
}

/// Lines that were not written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) lines: u64,
    /// The message of one of them.
    pub(super) like: String,
}

/// The message of an event.
#[derive(Default)]
struct Message(String);

// === impl Fold ===

impl Fold {
    /// Takes the counts of the windows that are over at `now`, or of all windows for `None`.
    pub(super) fn left_out(&self, now: Option<Instant>) -> Vec<LeftOut> {
        let mut windows = self.0.lock();
        windows.left_out(now)
    }
}

/// The registry passes an event to no layer if one layer disables it here.
impl<S: Subscriber> Layer<S> for &'static Fold {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        // Debugging needs every line. Errors are limited too: a full disk causes many a second.
        if *metadata.level() > Level::INFO {
            return true;
        }
        let mut windows = self.0.lock();
        windows.admits(metadata.callsite(), Instant::now(), || {
            let mut message = Message::default();
            event.record(&mut message);
            message.0
        })
    }
}

// === impl Windows ===

impl<Kind: Eq + Hash> Windows<Kind> {
    /// Returns whether a line is written. Calls `message` for the first one that is left out.
    fn admits(&mut self, kind: Kind, now: Instant, message: impl FnOnce() -> String) -> bool {
        let window = self.0.entry(kind).or_insert_with(|| Window::at(now));
        // A new window begins only after the lines that were left out have been reported.
        if window.is_over(now) && window.left_out == 0 {
            *window = Window::at(now);
        }
        if window.written < LINES_MAX {
            window.written += 1;
            return true;
        }
        if window.left_out == 0 {
            window.like = message();
        }
        window.left_out += 1;
        false
    }

    fn left_out(&mut self, now: Option<Instant>) -> Vec<LeftOut> {
        let over = self.0.values_mut().filter(|window| {
            let is_over = now.is_none_or(|now| window.is_over(now));
            is_over && window.left_out > 0
        });
        over.map(|window| LeftOut {
            lines: mem::take(&mut window.left_out),
            like: mem::take(&mut window.like),
        })
        .collect()
    }
}

impl<Kind> Default for Windows<Kind> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl Window {
    fn at(began: Instant) -> Self {
        Self {
            began,
            written: 0,
            left_out: 0,
            like: String::new(),
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.began) >= WINDOW
    }
}

// === impl Message ===

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows() -> (Windows<&'static str>, Instant) {
        (Windows::default(), Instant::now())
    }

    fn admitted(windows: &mut Windows<&'static str>, lines: usize, now: Instant) -> usize {
        let admits = |_: &usize| windows.admits("poll", now, || "poll failed".to_owned());
        (0..lines).filter(admits).count()
    }

    #[test]
    fn the_first_lines_of_a_minute_are_written_and_the_others_counted() {
        let (mut windows, start) = windows();
        assert_eq!(admitted(&mut windows, 5_000, start), 20);
        assert!(windows.admits("other", start, String::new));
        // The minute is not over.
        let later = start + Duration::from_secs(59);
        assert_eq!(windows.left_out(Some(later)), []);
        assert_eq!(admitted(&mut windows, 3, later), 0);
        let left_out = LeftOut {
            lines: 4_983,
            like: "poll failed".to_owned(),
        };
        let over = start + Duration::from_secs(60);
        assert_eq!(windows.left_out(Some(over)), [left_out]);
        assert_eq!(windows.left_out(Some(over)), []);
        assert_eq!(admitted(&mut windows, 30, over), 20);
    }

    #[test]
    fn lines_stay_counted_until_they_are_reported() {
        let (mut windows, start) = windows();
        assert_eq!(admitted(&mut windows, 21, start), 20);
        // The count is not reported yet, so no new window begins.
        let late = start + Duration::from_secs(600);
        assert_eq!(admitted(&mut windows, 2, late), 0);
        assert_eq!(windows.left_out(None).first().map(|one| one.lines), Some(3));
        assert_eq!(admitted(&mut windows, 2, late), 2);
    }

    #[test]
    fn few_lines_are_all_written() {
        let (mut windows, start) = windows();
        for minute in 0..100 {
            let now = start + Duration::from_secs(60 * minute);
            assert_eq!(admitted(&mut windows, 20, now), 20);
        }
        assert_eq!(windows.left_out(None), []);
    }
}
