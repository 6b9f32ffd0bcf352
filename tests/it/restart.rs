//! The real program, killed again and again while it reads: what a scrape has shown never goes
//! back, and in the end every invocation is counted once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::support::exposition::Exposition;
use crate::support::process::{Program, Simulator, free_address, get, scrape, until};

const FUNCTIONS: usize = 6;
const ROWS: usize = 3_000;
const KILLS: usize = 6;
/// The last call begins this long after the start of the simulator.
const ARRIVALS_MS: usize = 9_000;

/// Invocations by function and code, and the sums in the units of the metrics.
type Counts = BTreeMap<(String, String), u64>;

/// A world as a file: calls from a minute ago to some seconds from now, some of them long.
fn replay(path: &Path) {
    let mut lines = String::new();
    for row in 0..ROWS {
        let (function, code) = (row * row % FUNCTIONS, [0, 0, 0, 1, -1][row % 5]);
        let start = (row * (60_000 + ARRIVALS_MS) / ROWS) as i64 - 60_000;
        let duration = if row % 97 == 0 { 4_000 } else { row % 211 };
        let billed = duration.next_multiple_of(100);
        writeln!(
            lines,
            r#"{{"function_name":"f{function}","namespace":"default","request_id":"{row:08x}-0000-4000-8000-{row:012x}","retry":0,"start_offset_ms":{start},"duration_ms":{duration}.25,"billed_ms":{billed},"mem_bytes":{},"ret_code":{code},"visible_after_ms":{},"log":"a\n\"b\""}}"#,
            (row % 64 + 1) << 20,
            row % 900,
        )
        .unwrap();
    }
    fs::write(path, lines).unwrap();
}

fn truth(address: &str) -> (Counts, BTreeMap<String, f64>) {
    let body = get(address, "/_sim/truth").expect("the simulator answers");
    let truth: serde_json::Value = serde_json::from_str(&body).unwrap();
    let (mut counts, mut sums) = (Counts::new(), BTreeMap::new());
    for function in truth["functions"].as_array().unwrap() {
        let name = function["function_name"].as_str().unwrap();
        for (code, count) in function["invocations"].as_object().unwrap() {
            counts.insert((name.to_owned(), code.clone()), count.as_u64().unwrap());
        }
        sums.insert(
            name.to_owned(),
            function["duration_ms"].as_f64().unwrap() / 1_000.0,
        );
    }
    counts.retain(|_, count| *count > 0);
    (counts, sums)
}

fn counts(metrics: &Exposition) -> Counts {
    let mut counts = Counts::new();
    for sample in metrics.matching("scf_invocations_total", &[]) {
        let label = |name: &str| sample.labels[name].clone();
        *counts
            .entry((label("function_name"), label("ret_code")))
            .or_default() += sample.value as u64;
    }
    counts.retain(|_, count| *count > 0);
    counts
}

/// An exporter that polls fast, with small pages, so that a kill often hits a read.
fn arguments(cloud: &str, address: &str, state: &str) -> Vec<String> {
    let endpoint = format!("http://{cloud}");
    let flags = [
        ["--api", "v2"],
        ["--region", "ap-guangzhou"],
        ["--endpoint", &endpoint],
        ["--web.listen-address", address],
        ["--state.path", state],
        ["--poll.interval", "100ms"],
        ["--poll.idle-interval", "200ms"],
        ["--poll.sweep-interval", "300ms"],
        ["--poll.max-run-time", "5s"],
        ["--poll.delivery-delay", "5s"],
        ["--poll.page-size", "50"],
        ["--limits.requests-per-second", "200"],
        ["--first-read", "5m"],
        ["--read", "function"],
        ["--web.zero-first", "0s"],
    ];
    let words = ["run"].into_iter().chain(flags.concat());
    words.map(str::to_owned).collect()
}

#[test]
fn kill_9_at_any_time_neither_loses_nor_repeats_an_invocation() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("replay.jsonl");
    replay(&file);
    let file = file.display().to_string();
    let simulator = ["--seed", "5", "--faults", "typical", "--replay", &file];
    let Simulator {
        program: _simulator,
        address: cloud,
        id,
        key,
    } = Simulator::start(&simulator);
    let address = free_address();
    let state = directory.path().join("state").display().to_string();
    let arguments = arguments(&cloud, &address, &state);

    let mut shown = Counts::new();
    let mut rises = 0;
    for _ in 0..KILLS {
        let exporter = Program::start(&arguments, Some((&id, &key)));
        // The last state is served at once, so the first scrape is one to compare.
        let first = until(Duration::from_secs(20), "a scrape", || scrape(&address));
        never_less(&shown, &counts(&first));
        let before: u64 = counts(&first).values().sum();
        until(Duration::from_secs(20), "an invocation counted", || {
            shown = counts(&scrape(&address)?);
            (shown.values().sum::<u64>() > before).then_some(())
        });
        rises += 1;
        exporter.kill();
    }
    assert_eq!(rises, KILLS);

    let exporter = Program::start(&arguments, Some((&id, &key)));
    let last = until(
        Duration::from_secs(60),
        "counters equal to the truth",
        || {
            let metrics = scrape(&address)?;
            never_less(&shown, &counts(&metrics));
            let total: u64 = counts(&metrics).values().sum();
            (total == ROWS as u64 && counts(&metrics) == truth(&cloud).0).then_some(metrics)
        },
    );
    for (function, seconds) in truth(&cloud).1 {
        let labels = [("function_name", function.as_str())];
        let sum = last.sum("scf_invocation_duration_seconds_sum", &labels);
        assert!(
            (sum - seconds).abs() < 1e-6,
            "{function}: {sum} and {seconds}"
        );
    }
    assert_eq!(
        exporter.terminate(),
        Some(0),
        "a graceful stop is a success"
    );
}

fn never_less(before: &Counts, now: &Counts) {
    for (series, count) in before {
        assert!(
            now.get(series) >= Some(count),
            "{series:?} fell from {count}"
        );
    }
}
