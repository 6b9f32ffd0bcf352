//! Faults of the simulated cloud.

use std::time::Duration;

use super::rng::Rng;

/// Maximum error of a wrong `Date`, in milliseconds. The cloud accepts timestamps that are up to
/// five minutes off, so a client cannot detect such a date.
const WRONG_DATE_MS: u64 = 240_000;

/// Probabilities and sizes of faults. Probabilities are per request or per row, from 0 to 1.
///
/// All faults except `oversized_rows` preserve information: an exact reader still reaches the exact
/// truth.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faults {
    /// A request is answered with 4400 (API 3.0: `RequestLimitExceeded`), sometimes with a related
    /// code.
    pub throttle: f64,
    /// A request is answered with 6000 or 6200 (API 3.0: `InternalError` or a related code).
    pub errors: f64,
    /// A request is answered with a gateway's HTML page and HTTP 502.
    pub html: f64,
    /// A request is answered with HTTP 200 and an empty body.
    pub empty_body: f64,
    /// A request to the token service is answered with `InternalError`. Throttling, other errors
    /// and broken bodies do not affect it.
    pub sts_errors: f64,
    /// A request for machine metadata is answered with HTTP 500. No other fault affects it.
    pub metadata_errors: f64,
    /// The connection breaks inside the body.
    pub cut_body: f64,
    /// The response is delayed by up to `max_delay`.
    pub slow_body: f64,
    /// Longest delay of a slow response.
    pub max_delay: Duration,
    /// Windows in which every request is throttled.
    pub storms: Option<Windows>,
    /// Windows in which no request succeeds.
    pub outages: Option<Windows>,
    /// How far the API's clock is ahead of the caller's, in milliseconds. It affects start times
    /// and the validation of timestamps.
    pub clock_skew_ms: i64,
    /// A response has no `Date`.
    pub missing_dates: f64,
    /// The `Date` of a response is up to four minutes off, as from one server with a wrong clock.
    pub wrong_dates: f64,
    /// A finished call becomes visible within this many milliseconds of its end.
    pub usual_delivery_ms: u64,
    /// A late row, whose delivery takes up to `late_delivery_ms` instead.
    pub late_rows: f64,
    /// Longest delivery of a late row, in milliseconds.
    pub late_delivery_ms: u64,
    /// A call is shown while it runs, and then as finished with the same start time.
    pub running_rows: f64,
    /// A call takes a tenth of the timeout or more, sometimes all of it.
    pub long_calls: f64,
    /// Rows of the same second have another order at each request.
    pub unstable_ties: bool,
    /// A row has numbers as strings, nulls for optional text, or an unknown field.
    pub odd_fields: f64,
    /// A response writes the numbers beside its list, or those of a function's details, as strings
    /// or with a fraction of zero, and booleans as numbers or words.
    pub odd_scalars: f64,
    /// The result of a call mentions a report and ends in half a character, or its log line ends in
    /// the middle. The result appears in CLS lines that are not reports, and in an optional field
    /// of the report.
    pub odd_lines: f64,
    /// A log line of CLS is stored twice, the second time under another `PkgLogId`.
    pub duplicate_lines: f64,
    /// A row has bytes that are not UTF-8 in an optional text.
    pub odd_bytes: f64,
    /// A response with more rows is refused as too large.
    pub most_rows: Option<usize>,
    /// A longer response is refused as too large.
    pub most_bytes: Option<usize>,
    /// A row is so large that no response can hold it. The truth counts such rows as `unreadable`
    /// and not as invocations.
    pub oversized_rows: f64,
    /// A response with an oversized row is not refused, but is invalid JSON.
    pub broken_rows: bool,
    /// Additional delay of a response for each of its rows, as on a slow link.
    pub row_delay: Duration,
    /// A proxy cuts every longer body after this many bytes.
    pub cut_at: Option<usize>,
}

/// Size of a response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ResponseSize {
    /// Number of rows or entries.
    pub(crate) rows: usize,
    /// Set if one of them is too large for any response.
    pub(crate) oversized: bool,
}

/// Why a response is refused for its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooLarge {
    Rows,
    Bytes,
}

/// Repeating windows of time: each period of `every_ms` ends with a fault of `lasting_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Length of a period in milliseconds, counted from the start of the simulation.
    pub every_ms: i64,
    /// Length of the fault at the end of each period, in milliseconds.
    pub lasting_ms: i64,
}

/// The fault of one accepted request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InjectedFault {
    None,
    Throttled {
        alternative: bool,
    },
    Failed {
        alternative: bool,
    },
    BadGateway,
    Empty,
    /// Position of the break as a fraction of the body, in 1/65536.
    Cut(u16),
}

// === impl Faults ===

impl Faults {
    /// Returns no faults: rows appear within two seconds, and long calls are rare.
    pub fn none() -> Self {
        Self {
            usual_delivery_ms: 2_000,
            long_calls: 0.001,
            ..Self::default()
        }
    }

    /// Returns the faults of a usual day.
    pub fn typical() -> Self {
        Self {
            throttle: 0.01,
            errors: 0.005,
            html: 0.002,
            cut_body: 0.002,
            slow_body: 0.02,
            max_delay: Duration::from_millis(500),
            usual_delivery_ms: 5_000,
            running_rows: 0.3,
            long_calls: 0.003,
            odd_fields: 0.001,
            ..Self::none()
        }
    }

    /// Returns all recoverable faults: a tenth of the requests fails, and rows are up to 30 s late.
    pub fn harsh() -> Self {
        Self {
            throttle: 0.05,
            errors: 0.03,
            html: 0.01,
            empty_body: 0.005,
            cut_body: 0.01,
            slow_body: 0.03,
            max_delay: Duration::from_secs(2),
            storms: Some(Windows {
                every_ms: 120_000,
                lasting_ms: 5_000,
            }),
            outages: Some(Windows {
                every_ms: 230_000,
                lasting_ms: 3_000,
            }),
            missing_dates: 0.05,
            wrong_dates: 0.005,
            usual_delivery_ms: 5_000,
            late_rows: 0.05,
            late_delivery_ms: 30_000,
            running_rows: 0.5,
            long_calls: 0.02,
            unstable_ties: true,
            odd_fields: 0.02,
            odd_scalars: 0.1,
            odd_lines: 0.02,
            duplicate_lines: 0.002,
            odd_bytes: 0.01,
            most_rows: Some(800),
            most_bytes: Some(600_000),
            row_delay: Duration::from_millis(2),
            ..Self::none()
        }
    }

    /// Returns the longest time from the end of a call to its row, in milliseconds.
    pub fn max_delivery_ms(&self) -> u64 {
        if self.late_rows > 0.0 {
            self.usual_delivery_ms.max(self.late_delivery_ms)
        } else {
            self.usual_delivery_ms
        }
    }

    /// Returns `unix_ms` by the API's own clock.
    pub(crate) fn by_skewed_clock(&self, unix_ms: i64) -> i64 {
        unix_ms.saturating_add(self.clock_skew_ms)
    }

    /// Draws how long the row of one call takes to appear.
    pub(crate) fn delivery_ms(&self, rng: &mut Rng) -> u64 {
        let most_ms = if rng.chance(self.late_rows) {
            self.late_delivery_ms
        } else {
            self.usual_delivery_ms
        };
        rng.between(0, most_ms)
    }

    /// Draws the fault of one request.
    pub(crate) fn injected_fault(&self, rng: &mut Rng) -> InjectedFault {
        let alternative = rng.chance(0.25);
        let place = rng.below(1 << 16) as u16;
        let kinds = [
            (self.throttle, InjectedFault::Throttled { alternative }),
            (self.errors, InjectedFault::Failed { alternative }),
            (self.html, InjectedFault::BadGateway),
            (self.empty_body, InjectedFault::Empty),
            (self.cut_body, InjectedFault::Cut(place)),
        ];
        let mut left = rng.unit();
        for (probability, injected_fault) in kinds {
            if left < probability {
                return injected_fault;
            }
            left -= probability;
        }
        InjectedFault::None
    }

    /// Returns whether a response of this size is refused, and why.
    pub(crate) fn too_large(&self, size: ResponseSize, bytes: usize) -> Option<TooLarge> {
        if self.most_rows.is_some_and(|most| size.rows > most) {
            return Some(TooLarge::Rows);
        }
        let is_long = self.most_bytes.is_some_and(|most| bytes > most);
        let is_refused = size.oversized && !self.broken_rows;
        (is_long || is_refused).then_some(TooLarge::Bytes)
    }

    /// Makes a response with a broken row invalid: adds a text with an escape that JSON does not
    /// have.
    pub(crate) fn corrupt(&self, size: ResponseSize, mut object: String) -> String {
        if size.oversized && self.broken_rows && object.ends_with('}') {
            object.pop();
            object.push_str(r#","odd":"\x"}"#);
        }
        object
    }

    /// Draws the clock in the `Date` of one response; `None` if it has none.
    pub(crate) fn dated(&self, clock_ms: i64, rng: &mut Rng) -> Option<i64> {
        let (missing, wrong) = (rng.chance(self.missing_dates), rng.chance(self.wrong_dates));
        let off_ms = rng.below(2 * WRONG_DATE_MS + 1) as i64 - WRONG_DATE_MS as i64;
        let shown_ms = clock_ms.saturating_add(if wrong { off_ms } else { 0 });
        (!missing).then_some(shown_ms)
    }

    /// Draws the delay of one response.
    pub(crate) fn delay(&self, rng: &mut Rng) -> Duration {
        let (slow, part) = (rng.chance(self.slow_body), rng.unit());
        if slow {
            self.max_delay.mul_f64(part)
        } else {
            Duration::ZERO
        }
    }
}

// === impl ResponseSize ===

impl ResponseSize {
    /// Returns the size of a response with this number of entries, none of which is too large.
    pub(crate) fn of_rows(rows: usize) -> Self {
        let oversized = false;
        Self { rows, oversized }
    }
}

// === impl Windows ===

impl Windows {
    /// Returns whether the fault is active `since_start_ms` after the start of the simulation.
    pub(crate) fn holds(self, since_start_ms: i64) -> bool {
        since_start_ms >= 0
            && since_start_ms
                .checked_rem(self.every_ms)
                .is_some_and(|into| into >= self.every_ms.saturating_sub(self.lasting_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_at_the_end_of_each_period() {
        let windows = Windows {
            every_ms: 100,
            lasting_ms: 10,
        };
        let active: Vec<i64> = (-20..220).filter(|&t| windows.holds(t)).collect();
        assert_eq!(active, (90..100).chain(190..200).collect::<Vec<_>>());
        let empty = Windows {
            every_ms: 0,
            ..windows
        };
        assert!(!empty.holds(5));
    }

    #[test]
    fn injected_faults_are_as_frequent_as_configured() {
        let faults = Faults {
            throttle: 0.1,
            cut_body: 0.2,
            ..Faults::none()
        };
        let mut rng = Rng::keyed(4, 4);
        let drawn: Vec<InjectedFault> = (0..20_000)
            .map(|_| faults.injected_fault(&mut rng))
            .collect();
        let count = |kind: fn(&InjectedFault) -> bool| drawn.iter().filter(|f| kind(f)).count();
        let throttled = count(|fault| matches!(fault, InjectedFault::Throttled { .. }));
        let cut = count(|fault| matches!(fault, InjectedFault::Cut(_)));
        assert!((1_800..2_200).contains(&throttled), "{throttled}");
        assert!((3_700..4_300).contains(&cut), "{cut}");
        let mut none = Rng::keyed(4, 5);
        assert!(
            (0..1_000).all(|_| Faults::none().injected_fault(&mut none) == InjectedFault::None)
        );
    }

    #[test]
    fn dates_are_missing_or_wrong_as_often_as_configured() {
        let faults = Faults {
            missing_dates: 0.2,
            wrong_dates: 0.1,
            ..Faults::none()
        };
        let mut rng = Rng::keyed(4, 6);
        let drawn: Vec<_> = (0..20_000).map(|_| faults.dated(0, &mut rng)).collect();
        let missing = drawn.iter().filter(|date| date.is_none()).count();
        let wrong: Vec<i64> = drawn.into_iter().flatten().filter(|ms| *ms != 0).collect();
        assert!((3_700..4_300).contains(&missing), "{missing}");
        assert!((1_450..1_750).contains(&wrong.len()), "{}", wrong.len());
        assert!(wrong.iter().all(|ms| ms.abs() <= 240_000));
        assert!(wrong.iter().any(|ms| *ms > 200_000) && wrong.iter().any(|ms| *ms < -200_000));
    }

    #[test]
    fn deliveries_stay_within_the_stated_maximum() {
        for faults in [Faults::none(), Faults::typical(), Faults::harsh()] {
            let mut rng = Rng::keyed(6, 6);
            let longest = (0..20_000)
                .map(|_| faults.delivery_ms(&mut rng))
                .max()
                .unwrap();
            assert!(longest <= faults.max_delivery_ms());
            assert!(longest * 10 > faults.max_delivery_ms() * 9);
        }
    }
}
