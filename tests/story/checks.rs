//! What must hold, each with a sentence that a person can read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};

use scf_exporter::config::Api;
use scf_sim::{Cloud, Truth};

use super::support::exposition::Exposition;
use super::support::world::{Exporter, Sums, sums_of};

/// A broken promise, as a sentence.
pub type Broken = String;

/// Remembers what was shown, over all lives of the exporter.
#[derive(Default)]
pub struct StatusView(HashMap<u64, (f64, String)>);

impl StatusView {
    /// A counter that Prometheus has seen never falls and, above zero, never vanishes, whatever
    /// happened in between. (What is known of a function, and with it some zeros, comes back with
    /// the list of functions.) But for the functions whose series `may_end`; returns those of which
    /// they did.
    pub fn check(
        &mut self,
        scrape: &Exposition,
        may_end: impl Fn(&str) -> bool,
    ) -> Result<BTreeSet<String>, Broken> {
        let mut ended = BTreeSet::new();
        let of_calls = scrape.families.iter().filter(|family| {
            let own = family.name.starts_with("scf_exporter_");
            !own && ["counter", "histogram"].contains(&family.kind.as_str())
        });
        let mut now = HashMap::with_capacity(self.0.len());
        for sample in of_calls.flat_map(|family| &family.samples) {
            let series = hash(&(&sample.name, &sample.labels));
            let function = function_of(&sample.labels);
            now.insert(series, (sample.value, function.clone()));
            let (before, _) = self.0.remove(&series).unwrap_or_default();
            if sample.value < before {
                if may_end(&function) {
                    ended.insert(function);
                    continue;
                }
                let (name, labels, value) = (&sample.name, &sample.labels, sample.value);
                return Err(format!("{name}{labels:?} fell from {before} to {value}"));
            }
        }
        let gone = self.0.values().filter(|(before, _)| *before > 0.0);
        let (over, gone): (Vec<_>, Vec<_>) = gone.partition(|(_, function)| may_end(function));
        if let Some((_, function)) = gone.first() {
            let count = gone.len();
            return Err(format!(
                "{count} series above zero, as of {function}, were shown and are gone"
            ));
        }
        ended.extend(over.into_iter().map(|(_, function)| function.clone()));
        self.0 = now;
        Ok(ended)
    }
}

/// As the truth calls the function of a sample.
pub fn function_of(labels: &BTreeMap<String, String>) -> String {
    let label = |name: &str| labels.get(name).map_or("", String::as_str);
    format!("{}/{}", label("function_namespace"), label("function_name"))
}

/// What was counted for series that have ended besides those that are there.
pub fn together(mut counted: Sums, ended: &Sums) -> Sums {
    for (function, (codes, us, ms, bytes)) in ended {
        let sum = counted.entry(function.clone()).or_default();
        for (code, count) in codes {
            *sum.0.entry(code.clone()).or_default() += count;
        }
        sum.1 += us;
        sum.2 += ms;
        sum.3 += bytes;
    }
    counted
}

fn hash(series: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    series.hash(&mut hasher);
    hasher.finish()
}

/// What an exact reader shows. Codes cannot be compared where several APIs told them, as each has
/// its own; functions never called are of no interest.
pub fn expected(truth: &Truth, api: Option<Api>) -> Sums {
    comparable(sums_of(truth, api.unwrap_or(Api::V3)), api)
}

/// What the exporter counted, in the same form.
pub fn counted(exporter: &Exporter, api: Option<Api>) -> Sums {
    comparable(exporter.counted(), api)
}

fn comparable(sums: Sums, api: Option<Api>) -> Sums {
    let called = sums
        .into_iter()
        .filter(|(_, (codes, ..))| !codes.is_empty());
    called
        .map(|(name, (codes, us, ms, bytes))| {
            let codes = match api {
                Some(_) => codes,
                None => BTreeMap::from([("any".to_owned(), codes.values().sum())]),
            };
            (name, (codes, us, ms, bytes))
        })
        .collect()
}

/// Each function is counted exactly.
pub fn exact(counted: &Sums, truth: &Sums) -> Result<(), Broken> {
    for name in counted.keys().chain(truth.keys()).collect::<BTreeSet<_>>() {
        let (is, should) = (
            counted.get(name).cloned().unwrap_or_default(),
            truth.get(name).cloned().unwrap_or_default(),
        );
        same(name, "invocations by code", &is.0, &should.0)?;
        same(name, "microseconds run", &is.1, &should.1)?;
        same(name, "milliseconds billed", &is.2, &should.2)?;
        same(name, "bytes used", &is.3, &should.3)?;
    }
    Ok(())
}

fn same<T: PartialEq + Debug>(name: &str, what: &str, is: &T, should: &T) -> Result<(), Broken> {
    if is == should {
        return Ok(());
    }
    Err(format!(
        "{name}: {what} are counted as {is:?}, but there were {should:?}"
    ))
}

/// No function is counted more often than it was called, at any time.
pub fn never_more(counted: &Sums, truth: &Sums) -> Result<(), Broken> {
    for (name, (codes, ..)) in counted {
        let should: u64 = truth.get(name).map_or(0, |sums| sums.0.values().sum());
        let is: u64 = codes.values().sum();
        if is > should {
            return Err(format!(
                "{name}: {is} invocations are counted, but there were {should}"
            ));
        }
    }
    Ok(())
}

/// Nothing is late or unreadable beyond what the exporter is configured for, but for `lost` rows that
/// no answer can bring; each of `sources` reports each once.
pub fn nothing_left_out(
    dispositions: &BTreeMap<String, u64>,
    lost: impl Fn() -> u64,
    sources: u64,
) -> Result<(), Broken> {
    for left_out in ["late", "invalid"] {
        let rows = dispositions[left_out];
        if rows > 0 && (left_out == "late" || rows > lost().saturating_mul(sources)) {
            return Err(format!(
                "{rows} rows are called {left_out}: {dispositions:?}"
            ));
        }
    }
    Ok(())
}

/// Every row that was handed out stands under its disposition. Of an exporter that was killed, or
/// could not keep what it read, some may stand under none.
pub fn accounted(
    dispositions: &BTreeMap<String, u64>,
    rows: u64,
    to_the_last: bool,
) -> Result<(), Broken> {
    // What is invalid was never handed out.
    let all: u64 = dispositions.values().sum();
    let accounted = all - dispositions["invalid"];
    if accounted > rows || (to_the_last && accounted < rows) {
        return Err(format!(
            "{rows} rows were handed out, but {accounted} are accounted for: {dispositions:?}"
        ));
    }
    Ok(())
}

/// The ledger holds no more keys than those of invocations that can be met again.
///
/// Keys are kept for one allowed lateness below the watermark, so that there can be no more of them
/// than invocations and cold starts that became visible from then on: none is visible before it began.
pub fn ledger_bound(held: u64, cloud: &Cloud, now_ms: i64, from_ms: i64) -> Result<(), Broken> {
    let (all, before) = (cloud.truth(now_ms), cloud.truth_before(now_ms, from_ms));
    let keys = |truth: &Truth| truth.totals.invocations + truth.totals.sums.cold_starts;
    let most = keys(&all) - keys(&before);
    if held > most {
        return Err(format!(
            "the ledger holds {held} keys, but only {most} are young enough to be met again"
        ));
    }
    Ok(())
}

/// No service is asked more at once than is configured.
pub fn in_flight_bound(most: u64, limit: usize) -> Result<(), Broken> {
    if most > limit as u64 {
        return Err(format!(
            "{most} requests were under way at once, {limit} are allowed"
        ));
    }
    Ok(())
}

/// Whether lists have told of every function that is shown.
pub fn is_listed(scrape: &Exposition) -> bool {
    let shown = scrape
        .matching("scf_invocation_duration_seconds_count", &[])
        .len();
    let listed = scrape.matching("scf_function_timeout_seconds", &[]).len();
    shown == listed
}
