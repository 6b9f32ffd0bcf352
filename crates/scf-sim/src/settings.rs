//! Settings of a simulated cloud.

mod api3;

pub use api3::{Api3, ClsWire, Index, Role};

use super::faults::Faults;
use super::rng::mix;

/// Everything that determines a simulated cloud. The same settings give the same world.
#[derive(Clone)]
pub struct Settings {
    /// Seed of the world and of the faults.
    pub seed: u64,
    /// Number of functions, at most 100,000.
    pub functions: usize,
    /// Calls started per second in the whole world, without retries; at most 1,000,000.
    pub rate_per_second: f64,
    /// Faults, and how late rows are.
    pub faults: Faults,
    /// Start of the simulation, in Unix milliseconds.
    pub start_ms: i64,
    /// How long before `start_ms` calls begin, in milliseconds.
    pub history_ms: i64,
    /// No call starts at or after this time, so that a run can end.
    pub stop_ms: Option<i64>,
    /// The only region of this cloud.
    pub region: String,
    /// Id of the permanent key.
    pub secret_id: String,
    /// Secret of the permanent key.
    pub secret_key: String,
    /// Keys that replace the permanent one, in order of their times.
    pub rotations: Vec<Rotation>,
    /// Temporary keys, each with a token and an expiry time.
    pub temporary_keys: Vec<TemporaryKey>,
    /// Maximum number of rows in a response; the vendor documents none.
    pub max_page: usize,
    /// Rows whose call started longer ago are no longer in the API, in milliseconds.
    pub retention_ms: i64,
    /// Requests per second for each key, service and action; `None` for no limit. The vendor's
    /// pages say 20 for API 3.0 (older) or 5 (newer).
    pub requests_per_second: Option<f64>,
    /// Longest call, which is the timeout of every function, in milliseconds.
    pub max_duration_ms: u64,
    /// Rounding of billed time.
    pub billing: Billing,
    /// Minimum and maximum length of `log` in a row, in bytes; at most 64 KiB.
    pub log_bytes: (usize, usize),
    /// Format of the responses.
    pub wire: Wire,
    /// Number of namespaces of the functions; 1 for `default` alone.
    pub namespaces: usize,
    /// Number of log topics of the functions, at most 1,000. With 0 or 1 all functions share one,
    /// like the platform's default topic.
    pub topics: usize,
    /// Set if run times are whole milliseconds, so that APIs of different precision show equal
    /// sums.
    pub whole_ms: bool,
    /// If set, calls start, and write their last log lines, at multiples of this many milliseconds.
    pub burst_ms: Option<i64>,
    /// Format of the responses of CLS.
    pub cls: ClsWire,
    /// Options of API 3.0.
    pub api3: Api3,
    /// Keys issued by the token service and the machine metadata.
    pub role: Role,
    /// Functions that do not exist all the time. All others do.
    pub lives: Vec<Life>,
    /// Set if each of these has a log topic of its own, which is created with it.
    pub own_topics: bool,
}

/// When a function exists. Its rows remain readable as long as those of any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// Its position in the world's order.
    pub function: usize,
    /// Creation time in Unix milliseconds; calls start here.
    pub created_ms: i64,
    /// Time of the last call in Unix milliseconds; retries of earlier calls still follow.
    pub abandoned_ms: i64,
    /// Deletion time in Unix milliseconds; the function is not listed from here on.
    pub deleted_ms: i64,
    /// Time in Unix milliseconds at which a function of the same name is created again and called.
    pub returns_ms: i64,
}

/// A key that expires, as issued by the vendor's token service.
#[derive(Clone)]
pub struct TemporaryKey {
    /// Id of the key.
    pub secret_id: String,
    /// Secret of the key.
    pub secret_key: String,
    /// The token that requests must include.
    pub token: String,
    /// Expiry time, in Unix milliseconds.
    pub expires_ms: i64,
}

/// A permanent key that replaces the one before it, which is then no longer valid.
#[derive(Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Time of the replacement in Unix milliseconds; the new key is not valid earlier.
    pub at_ms: i64,
    /// Id of the new key.
    pub secret_id: String,
    /// Secret of the new key.
    pub secret_key: String,
}

/// How billed time is rounded up. The vendor billed by 100 ms until January 2020, and by 1 ms
/// since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Billing {
    /// Round up to the next millisecond.
    Per1Ms,
    /// Round up to the next 100 milliseconds.
    Per100Ms,
}

/// Order of rows if a request names none; the vendor documents no default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Ascending: oldest or smallest first.
    Ascending,
    /// Descending: newest or largest first.
    Descending,
}

/// Options for points on which the vendor's pages disagree or say nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wire {
    /// Row fields are named as in the vendor's table (`ret_code`) rather than as in its examples
    /// (`retCode`).
    pub snake_case: bool,
    /// Rows have `invokeFinished`. Without it running rows would look like finished ones, so they
    /// are not shown.
    pub invoke_finished: bool,
    /// The envelope's `code` is a JSON string.
    pub code_as_string: bool,
    /// Order of log rows if the request names none.
    pub default_order: Order,
    /// A `limit` above `max_page` is an error rather than silently reduced.
    pub reject_large_page: bool,
}

/// Tolerance for start times that the API truncates to seconds.
const SECOND_MS: u64 = 1_000;

// === impl Settings ===

impl Settings {
    /// Returns a small busy region: 30 functions, 20 calls a second, no faults, and calls of up to
    /// a minute.
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
            max_page: 1_000,
            retention_ms: 7 * 86_400_000,
            requests_per_second: None,
            max_duration_ms: 60_000,
            billing: Billing::Per1Ms,
            log_bytes: (0, 400),
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

    /// Returns the time at which the log lines of a call that ends at `end_ms` are written.
    pub(crate) fn batched(&self, end_ms: i64) -> i64 {
        let burst_ms = self.burst_ms.unwrap_or(1).max(1);
        end_ms.saturating_add(end_ms.saturating_neg().rem_euclid(burst_ms))
    }

    /// Returns how long after its shown start time a finished row of a generated world may still
    /// appear, in milliseconds: the longest call, the longest delivery, the second to which start
    /// times are truncated, and the lag of the API's clock. An exact reader must look back at least
    /// this far.
    pub fn longest_delay_ms(&self) -> u64 {
        self.max_duration_ms
            .saturating_add(self.faults.max_delivery_ms())
            .saturating_add(self.burst_ms.map_or(0, |ms| ms.unsigned_abs()))
            .saturating_add(self.lag_ms())
    }

    /// Returns the largest page for a request with this limit; `None` if the limit is refused.
    pub(crate) fn page_limit(&self, limit: usize) -> Option<usize> {
        let refused = limit > self.max_page && self.wire.reject_large_page;
        (!refused).then(|| limit.min(self.max_page))
    }

    /// Returns the part of the longest delay that does not depend on the call: truncated seconds
    /// and a slow clock.
    pub(crate) fn lag_ms(&self) -> u64 {
        SECOND_MS + u64::try_from(self.faults.clock_skew_ms.saturating_neg()).unwrap_or(0)
    }
}

// === impl Life ===

impl Life {
    /// The life of a function that always exists; the caller sets the function.
    pub const ALWAYS: Self = Self {
        function: 0,
        created_ms: i64::MIN,
        abandoned_ms: i64::MAX,
        deleted_ms: i64::MAX,
        returns_ms: i64::MAX,
    };

    /// Returns whether the function is listed.
    pub(crate) fn is_there(&self, now_ms: i64) -> bool {
        (self.created_ms..self.deleted_ms).contains(&now_ms) || now_ms >= self.returns_ms
    }

    /// Returns whether the function is invoked.
    pub(crate) fn is_called(&self, now_ms: i64) -> bool {
        (self.created_ms..self.abandoned_ms).contains(&now_ms) || now_ms >= self.returns_ms
    }
}

// === impl Order ===

impl Order {
    /// Parses the word of a request. `acs` appears on some of the vendor's pages.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word {
            "asc" | "acs" | "ASC" => Some(Self::Ascending),
            "desc" | "DESC" => Some(Self::Descending),
            _ => None,
        }
    }
}

// === impl Billing ===

impl Billing {
    /// Returns the billed milliseconds of a call of this length.
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
            // The vendor's one sample without `order` appears to be ascending.
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
        let billed = [241, 100_000, 100_001].map(|us| Billing::Per100Ms.billed_ms(us));
        assert_eq!(billed, [100, 100, 200]);
        assert_eq!([241, 0].map(|us| Billing::Per1Ms.billed_ms(us)), [1, 0]);
    }

    #[test]
    fn the_longest_delay_adds_call_delivery_second_and_a_slow_clock() {
        let mut settings = Settings::new(1);
        settings.max_duration_ms = 10_000;
        settings.faults = Faults::harsh();
        for (skew_ms, lag_ms) in [(0, 0), (-2_500, 2_500), (2_500, 0)] {
            settings.faults.clock_skew_ms = skew_ms;
            let delay_ms = 10_000 + 30_000 + 1_000 + lag_ms;
            assert_eq!(settings.longest_delay_ms(), delay_ms);
        }
    }
}
