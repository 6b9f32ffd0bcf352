//! What a simulated cloud is made of.

mod api3;

use std::fmt;

pub use api3::{Api3, ChainEnd, ClsWire, Index, Role};

use super::faults::Faults;
use super::rng::mix;

/// Everything that decides a simulated cloud. The same settings give the same world.
#[derive(Clone)]
pub struct Settings {
    /// Seed of the world and of the faults.
    pub seed: u64,
    /// Number of functions, at most 100,000.
    pub functions: usize,
    /// Calls started per second in the whole world, retries not included; at most 1,000,000.
    pub rate_per_second: f64,
    /// What goes wrong, and how late rows are.
    pub faults: Faults,
    /// The first instant of the simulation, Unix milliseconds.
    pub start_ms: i64,
    /// How long before `start_ms` the calls begin, milliseconds.
    pub history_ms: i64,
    /// No call starts at or after this instant, so that a run can drain.
    pub stop_ms: Option<i64>,
    /// The one region of this cloud.
    pub region: String,
    /// Id of the permanent key.
    pub secret_id: String,
    /// Secret of the permanent key.
    pub secret_key: String,
    /// Keys that take the place of the permanent one, each at its instant, in their order.
    pub rotations: Vec<Rotation>,
    /// Temporary keys, each with a token and an end.
    pub temporary_keys: Vec<TemporaryKey>,
    /// How far a v2 request's timestamp may lie from the API's clock, seconds. The vendor's pages
    /// say two hours (older) or five minutes (newer).
    pub timestamp_skew_s: i64,
    /// Most rows that one answer holds; the vendor states no number.
    pub max_page: usize,
    /// Rows whose call started longer ago than this are gone from the API, milliseconds.
    pub retention_ms: i64,
    /// Requests per second for each (key, service, action), or no limit. The vendor's pages say
    /// 20 for API 3.0 (older) or 5 (newer).
    pub requests_per_second: Option<f64>,
    /// Longest call, which is the timeout of every function, milliseconds.
    pub max_duration_ms: u64,
    /// Rounding of billed time.
    pub billing: Billing,
    /// Least and most bytes of `log` in a row, at most 64 KiB.
    pub log_bytes: (usize, usize),
    /// Calls kept in memory (about 130 bytes each); beyond it the world falls silent.
    pub max_calls: usize,
    /// The shape of the answers.
    pub wire: Wire,
    /// Namespaces that the functions are spread over; 1 for `default` alone.
    pub namespaces: usize,
    /// Log topics that the functions are spread over, at most 1,000; 0 and 1 for one that all share,
    /// as the platform's default topic.
    pub topics: usize,
    /// Run times are whole milliseconds, so that APIs of different precision show equal sums.
    pub whole_ms: bool,
    /// Calls start at multiples of so many milliseconds, and write their last log lines at such.
    pub burst_ms: Option<i64>,
    /// The shape of the answers of CLS.
    pub cls: ClsWire,
    /// Switches of API 3.0.
    pub api3: Api3,
    /// Keys handed out by the token service and the machine metadata.
    pub role: Role,
    /// Functions that are not there all the time; those not named are.
    pub lives: Vec<Life>,
    /// Each of these has a log topic of its own, which comes with it.
    pub own_topics: bool,
}

/// When a function of the world is there. Its rows can be read as long as those of any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// Its position in the world's order.
    pub function: usize,
    /// From here on it is listed and called, Unix milliseconds.
    pub created_ms: i64,
    /// From here on it is not called any more; retries of calls before it still come.
    pub abandoned_ms: i64,
    /// From here on it is not listed.
    pub deleted_ms: i64,
    /// From here on there is one of the same name again, listed and called.
    pub returns_ms: i64,
}

/// A key that ends, as the vendor's token service hands out.
#[derive(Clone)]
pub struct TemporaryKey {
    /// Id of the key.
    pub secret_id: String,
    /// Secret of the key.
    pub secret_key: String,
    /// The token that must accompany it.
    pub token: String,
    /// The instant from which it is refused, Unix milliseconds.
    pub expires_ms: i64,
}

/// A permanent key that replaces the one before: from then on that one is not known any more.
#[derive(Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The instant, Unix milliseconds; before it the new key is not known.
    pub at_ms: i64,
    /// Id of the new key.
    pub secret_id: String,
    /// Secret of the new key.
    pub secret_key: String,
}

/// How billed time is rounded up. The vendor billed by 100 ms until January 2020, by 1 ms since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Billing {
    /// Up to the next millisecond.
    Per1Ms,
    /// Up to the next 100 milliseconds.
    Per100Ms,
}

/// Order of rows where a request names none; the vendor documents no default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Oldest, smallest first.
    Ascending,
    /// Newest, largest first.
    Descending,
}

/// Points on which the vendor's pages disagree or are silent, each a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wire {
    /// Row fields as in the vendor's table (`ret_code`) rather than in its examples (`retCode`).
    pub snake_case: bool,
    /// Rows carry `invokeFinished`. Without it running rows could not be told from finished ones,
    /// so none are shown.
    pub invoke_finished: bool,
    /// The envelope's `code` is a JSON string.
    pub code_as_string: bool,
    /// Order of log rows where the request gives none.
    pub default_order: Order,
    /// A `limit` above `max_page` is refused rather than cut in silence.
    pub reject_large_page: bool,
}

/// Slack for start times that the API cuts to whole seconds.
const SECOND_MS: u64 = 1_000;

// === impl Settings ===

impl Settings {
    /// A small busy region: 30 functions, 20 calls a second, no faults, calls of up to a minute.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            functions: 30,
            rate_per_second: 20.0,
            faults: Faults::none(),
            start_ms: 1_700_000_000_000,
            history_ms: 0,
            stop_ms: None,
            region: "ap-guangzhou".to_owned(),
            secret_id: format!("AKIDsim{:016x}", mix(seed, 1)),
            secret_key: format!("{:016x}{:016x}", mix(seed, 2), mix(seed, 3)),
            rotations: Vec::new(),
            temporary_keys: Vec::new(),
            timestamp_skew_s: 7_200,
            max_page: 1_000,
            retention_ms: 7 * 86_400_000,
            requests_per_second: None,
            max_duration_ms: 60_000,
            billing: Billing::Per1Ms,
            log_bytes: (0, 400),
            max_calls: 20_000_000,
            wire: Wire::default(),
            namespaces: 1,
            topics: 0,
            whole_ms: false,
            burst_ms: None,
            cls: ClsWire::default(),
            api3: Api3::default(),
            role: Role::default(),
            lives: Vec::new(),
            own_topics: false,
        }
    }

    /// The instant at which the log lines of a call that ends at `end_ms` are written.
    pub(crate) fn batched(&self, end_ms: i64) -> i64 {
        let burst_ms = self.burst_ms.unwrap_or(1).max(1);
        end_ms.saturating_add(end_ms.saturating_neg().rem_euclid(burst_ms))
    }

    /// How long after the start time that it shows a finished row of a generated world may still
    /// appear, milliseconds: longest call, longest delivery, the second that start times are cut
    /// to, and what the API's clock is behind. An exact reader must look back at least this far.
    pub fn horizon_ms(&self) -> u64 {
        self.max_duration_ms
            .saturating_add(self.faults.max_delivery_ms())
            .saturating_add(self.burst_ms.map_or(0, |ms| ms.unsigned_abs()))
            .saturating_add(self.lag_ms())
    }

    /// The part of the horizon that does not depend on the call: cut seconds and a slow clock.
    pub(crate) fn lag_ms(&self) -> u64 {
        SECOND_MS + u64::try_from(self.faults.clock_skew_ms.saturating_neg()).unwrap_or(0)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("seed", &self.seed)
            .field("functions", &self.functions)
            .field("rate_per_second", &self.rate_per_second)
            .field("region", &self.region)
            .field("secret_id", &self.secret_id)
            .field("faults", &self.faults)
            .field("wire", &self.wire)
            .finish_non_exhaustive()
    }
}

// === impl Life ===

impl Life {
    /// A life without an end, of no function in particular.
    pub const ALWAYS: Self = Self {
        function: 0,
        created_ms: i64::MIN,
        abandoned_ms: i64::MAX,
        deleted_ms: i64::MAX,
        returns_ms: i64::MAX,
    };

    /// Whether the function is listed.
    pub(crate) fn is_there(&self, now_ms: i64) -> bool {
        (self.created_ms..self.deleted_ms).contains(&now_ms) || now_ms >= self.returns_ms
    }

    /// Whether somebody calls the function.
    pub(crate) fn is_called(&self, now_ms: i64) -> bool {
        (self.created_ms..self.abandoned_ms).contains(&now_ms) || now_ms >= self.returns_ms
    }
}

// === impl TemporaryKey ===

impl fmt::Debug for TemporaryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemporaryKey")
            .field("secret_id", &self.secret_id)
            .field("expires_ms", &self.expires_ms)
            .finish_non_exhaustive()
    }
}

// === impl Rotation ===

impl fmt::Debug for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotation")
            .field("at_ms", &self.at_ms)
            .field("secret_id", &self.secret_id)
            .finish_non_exhaustive()
    }
}

// === impl Billing ===

impl Billing {
    /// Billed milliseconds of a call of this length.
    pub(crate) fn billed_ms(self, duration_us: u64) -> u64 {
        match self {
            Self::Per1Ms => duration_us.div_ceil(1_000),
            Self::Per100Ms => duration_us.div_ceil(100_000) * 100,
        }
    }
}

// === impl Wire ===

impl Default for Wire {
    fn default() -> Self {
        Self {
            snake_case: false,
            invoke_finished: true,
            code_as_string: false,
            // The vendor's one sample without `order` looks ascending.
            default_order: Order::Ascending,
            reject_large_page: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_billed_time_up() {
        assert_eq!(Billing::Per100Ms.billed_ms(241), 100);
        assert_eq!(Billing::Per100Ms.billed_ms(100_000), 100);
        assert_eq!(Billing::Per100Ms.billed_ms(100_001), 200);
        assert_eq!(Billing::Per1Ms.billed_ms(241), 1);
        assert_eq!(Billing::Per1Ms.billed_ms(0), 0);
    }

    #[test]
    fn shows_no_secret() {
        let mut settings = Settings::new(5);
        settings.temporary_keys.push(TemporaryKey {
            secret_id: "tmp-id".to_owned(),
            secret_key: "hush-key".to_owned(),
            token: "hush-token".to_owned(),
            expires_ms: 0,
        });
        let text = format!("{settings:?} {:?}", settings.temporary_keys);
        assert!(
            !text.contains(&settings.secret_key) && !text.contains("hush"),
            "{text}"
        );
    }

    #[test]
    fn horizon_adds_call_delivery_second_and_a_slow_clock() {
        let mut settings = Settings::new(1);
        settings.max_duration_ms = 10_000;
        settings.faults = Faults::harsh();
        assert_eq!(settings.horizon_ms(), 10_000 + 30_000 + 1_000);
        settings.faults.clock_skew_ms = -2_500;
        assert_eq!(settings.horizon_ms(), 10_000 + 30_000 + 1_000 + 2_500);
        settings.faults.clock_skew_ms = 2_500;
        assert_eq!(settings.horizon_ms(), 10_000 + 30_000 + 1_000);
    }
}
