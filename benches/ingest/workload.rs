//! The invocations that every contestant reads, as the API would write them, and what they add up
//! to.

use std::collections::BTreeMap;
use std::fmt::Write;

use bytes::Bytes;
use scf_exporter::runtime::Random;
use scf_exporter::series::Snapshot;

pub const FUNCTIONS: usize = 200;
const DAY_SECS: u64 = 24 * 3_600;
/// The API writes start times in UTC+8.
const BEIJING_SECS: u64 = 8 * 3_600;
/// Shortest and longest `log` of a row, in bytes as written.
const LOG_MIN: u64 = 300;
const LOG_MAX: u64 = 2_000;

/// Pieces of `log`, escaped as in JSON.
const LINES: [&str; 8] = [
    r"START RequestId: 7f1d2c, version $LATEST\n",
    r#"{\"level\":\"info\",\"path\":\"\/orders\/17\",\"ms\":12}\n"#,
    r#"loading \"config\\prod.json\" from layer\n"#,
    "\u{8ba2}\u{5355}\u{5df2}\u{521b}\u{5efa}, r\u{e9}f\u{e9}rence 4711\\n",
    r"GET https://api.internal.example/v1/items?page=2 200 OK in 35 ms\n",
    r"\tat handler (index.js:42:17)\n\tat process.next (node:events:11:3)\n",
    r"connection pool: 4 idle, 12 busy, 0 waiting; retries left 3\n",
    r"Report RequestId: 7f1d2c Duration:35ms Memory:128MB MemUsage:41.2MB\n",
];

/// Codes of calls that failed, and what the API says to them.
const FAILURES: [(i64, &str); 4] = [
    (
        1,
        r#"{\"errorCode\":1,\"errorMessage\":\"user code exception\",\"statusCode\":430}"#,
    ),
    (433, "Invoking task timed out after 3 seconds"),
    (434, "Task memory exceeded 128 MB"),
    (500, "InternalError"),
];

/// All rows of one function, newest first, ready to be cut into pages.
pub struct Rows {
    pub name: String,
    /// Rows with a comma between two.
    text: Bytes,
    /// Where each row begins, and one past the end.
    starts: Vec<usize>,
}

/// Sums over the rows of one function.
#[derive(Default)]
struct Sums {
    codes: BTreeMap<String, u64>,
    duration_nanos: u128,
    billed_nanos: u128,
    memory_bytes: u128,
}

/// One function's habits.
struct Habit {
    micros: u64,
    memory: u64,
}

/// `count` rows over all functions, the last of which started at `end_secs`; and the totals.
pub fn make(count: usize, end_secs: u64) -> (Vec<Rows>, String) {
    let random = Random::seeded(1);
    let mut totals = String::new();
    let mut all = Vec::with_capacity(FUNCTIONS);
    for (at, count) in shares(count).into_iter().enumerate() {
        let name = format!("order-service-handler-{at:03}");
        let (rows, sums) = function(name, count, end_secs, &random);
        line(&mut totals, &rows.name, &sums);
        all.push(rows);
    }
    (all, totals)
}

/// The same text as [`make`] gives, from what the exporter shows.
pub fn totals_of(snapshot: &Snapshot) -> String {
    let mut series: Vec<_> = snapshot.series.iter().collect();
    series.sort_by(|a, b| a.function.name.cmp(&b.function.name));
    let mut totals = String::new();
    for series in series {
        let mut sums = Sums {
            duration_nanos: series.duration.sum(),
            billed_nanos: series.billed.sum(),
            memory_bytes: series.memory.sum(),
            ..Sums::default()
        };
        for code in series.codes.iter().filter(|code| code.count > 0) {
            *sums.codes.entry(code.ret_code.to_string()).or_default() += code.count;
        }
        line(&mut totals, &series.function.name, &sums);
    }
    totals
}

fn line(totals: &mut String, name: &str, sums: &Sums) {
    let _ = writeln!(
        totals,
        "{name} {:?} {} {} {}",
        sums.codes, sums.duration_nanos, sums.billed_nanos, sums.memory_bytes
    );
}

/// How many rows each function has: the n-th in proportion to n to the power of -0.8.
fn shares(count: usize) -> Vec<usize> {
    let weights: Vec<f64> = (1..=FUNCTIONS).map(|n| (n as f64).powf(-0.8)).collect();
    let all: f64 = weights.iter().sum();
    let mut shares: Vec<usize> = weights
        .iter()
        .map(|weight| (count as f64 * weight / all) as usize)
        .collect();
    shares[0] += count - shares.iter().sum::<usize>();
    shares
}

fn function(name: String, count: usize, end_secs: u64, random: &Random) -> (Rows, Sums) {
    let habit = Habit {
        micros: 1_000 << (random.next_u64() % 9),
        memory: (10 + random.next_u64() % 400) << 20,
    };
    let mut sums = Sums::default();
    let mut text = String::new();
    let mut starts = vec![0];
    for at in 0..count {
        if at > 0 {
            text.push(',');
        }
        // Evenly spread, with some jitter that keeps the order.
        let share = (at as f64 + random.unit()) / count as f64;
        let start = end_secs - (share * DAY_SECS as f64) as u64;
        row(&mut text, &name, start, &habit, &mut sums, random);
        starts.push(text.len() + 1);
    }
    let rows = Rows {
        name,
        text: text.into(),
        starts,
    };
    (rows, sums)
}

/// Writes one row in the order of the API's own example, and adds it up.
fn row(text: &mut String, name: &str, start: u64, habit: &Habit, sums: &mut Sums, random: &Random) {
    let (code, message) = match random.next_u64() % 100 {
        0..3 => FAILURES[random.next_u64() as usize % FAILURES.len()],
        _ => (0, "Success"),
    };
    // From a thirty-second of the usual time to thirty-two times as long, both ends seldom.
    let spread = (random.unit() + random.unit() + random.unit() - 1.5) / 1.5;
    let micros = (habit.micros as f64 * (spread * 5.0).exp2()) as u64 + 200;
    let billed_millis = micros.div_ceil(100_000) * 100;
    let memory = habit.memory + random.next_u64() % (habit.memory / 4);
    let (high, low) = (random.next_u64(), random.next_u64());
    let _ = write!(
        text,
        r#"{{"functionName":"{name}","retMsg":"{message}","requestId":"{:08x}-{:04x}-{:04x}-{:04x}-{:012x}","startTime":"{}","retCode":{code},"duration":{}.{:03},"billDuration":{billed_millis},"memUsage":{memory},"invokeFinished":1,"log":""#,
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff,
        beijing(start),
        micros / 1_000,
        micros % 1_000,
    );
    log(text, random);
    text.push_str("\"}");
    *sums.codes.entry(code.to_string()).or_default() += 1;
    sums.duration_nanos += u128::from(micros) * 1_000;
    sums.billed_nanos += u128::from(billed_millis) * 1_000_000;
    sums.memory_bytes += u128::from(memory);
}

/// Whole lines up to a length of which the short ones are more frequent.
fn log(text: &mut String, random: &Random) {
    let share = random.unit().powi(3);
    let wanted = LOG_MIN + (share * (LOG_MAX - LOG_MIN) as f64) as u64;
    let end = text.len() + wanted as usize;
    while text.len() < end {
        text.push_str(LINES[random.next_u64() as usize % LINES.len()]);
    }
}

/// `2024-01-01 08:00:00` for an instant, in Beijing.
fn beijing(unix_secs: u64) -> String {
    let secs = unix_secs + BEIJING_SECS;
    let (mut days, secs) = (secs / DAY_SECS, secs % DAY_SECS);
    let mut year = 1970;
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!(
        "{year}-{month:02}-{:02} {:02}:{:02}:{:02}",
        days + 1,
        secs / 3_600,
        secs / 60 % 60,
        secs % 60
    )
}

// === impl Rows ===

impl Rows {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The rows from `offset` on, `limit` at the most; nothing is copied.
    pub fn page(&self, offset: usize, limit: usize) -> Bytes {
        let from = offset.min(self.len());
        let to = offset.saturating_add(limit).min(self.len());
        if from >= to {
            return Bytes::new();
        }
        // Between two rows stands a comma, which the page does not end with.
        self.text.slice(self.starts[from]..self.starts[to] - 1)
    }
}
