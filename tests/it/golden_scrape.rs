//! What a scrape looks like, to the byte. `UPDATE_GOLDEN=1 cargo test --test it golden_scrape` writes
//! the expected texts anew; look at the difference before it is committed.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use prometheus::proto::MetricFamily;
use scf_exporter::exposition::{self, ExpositionOptions, Format};
use scf_exporter::metrics::{FunctionSeries, OVERFLOW, Snapshot};
use scf_exporter::model::{
    Bytes, ColdStart, FunctionConfig, FunctionId, InvocationKey, Nanos, Outcome, RejectReason,
    RetCode, Row, Timestamp,
};
use scf_exporter::telemetry::{BuildInfo, Disposition, Telemetry};

use crate::support::exposition::Exposition;
use crate::support::flat::Flat;

const BUILD: BuildInfo = BuildInfo {
    version: "0.0.0",
    revision: "0123abc",
    rustversion: "1.95.0",
};

fn row(ret_code: i64, outcome: Outcome, nanos: (u64, u64), memory: u64, at: i64) -> Row {
    Row {
        function: 0,
        ret_code: RetCode::new(ret_code),
        outcome,
        key: InvocationKey { id: 0, attempt: 0 },
        position: Timestamp::from_millis(at),
        duration: Nanos(nanos.0),
        billed: Nanos(nanos.1),
        memory: Bytes(memory),
        ..Row::default()
    }
}

fn series(function: FunctionId, rows: &[Row]) -> Arc<FunctionSeries> {
    let mut series = FunctionSeries::new(function, RetCode::ZERO);
    let now = Timestamp::from_secs(1_700_000_060);
    rows.iter().for_each(|row| series.count(row, now));
    Arc::new(series)
}

/// A state as every format shows it, without the figures of the process, which are never twice the
/// same.
struct State {
    snapshot: Snapshot,
    own: Vec<MetricFamily>,
}

impl State {
    /// The functions alone.
    fn of_functions(series: Vec<Arc<FunctionSeries>>) -> Self {
        let accounts = series
            .iter()
            .any(|series| !series.function.account.is_empty());
        let snapshot = Snapshot::new(1, accounts, series);
        let own = Vec::new();
        Self { snapshot, own }
    }

    /// The exporter alone.
    fn of_exporter(telemetry: &Telemetry) -> Self {
        let mut own = telemetry.gather();
        own.retain(|family| !family.name().starts_with("process_"));
        let snapshot = Snapshot::default();
        Self { snapshot, own }
    }

    fn rendered(&self, format: Format) -> Vec<u8> {
        exposition::render(
            format,
            ExpositionOptions::default(),
            &self.snapshot,
            &self.own,
        )
    }

    /// Holds the state in each format against its file; the text of it.
    fn compare(&self, name: &str) -> String {
        let text = self.rendered(Format::Text);
        let open = self.rendered(Format::OpenMetrics);
        let proto = self.rendered(Format::Protobuf);
        let told = Flat::protobuf(&proto).unwrap();
        let told = told.without_created();
        assert_eq!(Flat::open_metrics(&open).unwrap(), told);
        assert_eq!(
            Flat::text(&text).unwrap(),
            told.without_units().without_exemplars()
        );
        let text = String::from_utf8(text).unwrap();
        compare(&format!("{name}.txt"), &text);
        compare(
            &format!("{name}.openmetrics"),
            str::from_utf8(&open).unwrap(),
        );
        compare_bytes(&format!("{name}.pb"), &proto);
        text
    }
}

fn golden(name: &str) -> PathBuf {
    let folder = crate::support::root().join("tests/data/scrape");
    folder.join(name)
}

fn compare_bytes(name: &str, bytes: &[u8]) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(golden(name), bytes).unwrap();
    }
    let expected = std::fs::read(golden(name)).unwrap();
    let mut pairs = bytes.iter().zip(&expected);
    let different = pairs.position(|(byte, expected)| byte != expected);
    assert_eq!(different, None, "{name}: the place of a difference");
    assert_eq!(bytes.len(), expected.len(), "{name}: one is longer");
}

fn compare(name: &str, text: &str) {
    let path = golden(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    for (number, (line, expected)) in text.lines().zip(expected.lines()).enumerate() {
        assert_eq!(line, expected, "{name}, line {}", number + 1);
    }
    assert_eq!(text, expected, "{name}: one is longer");
}

#[test]
fn the_example_of_the_api_documentation() {
    // Its two rows: 0.241 and 0.269 ms, billed 100 ms and 128 KiB each, at 22:16:00 UTC+8.
    let state = State::of_functions(vec![series(
        FunctionId::new("ap-guangzhou", "default", "helljin89"),
        &[
            row(
                1,
                Outcome::FunctionError,
                (241_000, 100_000_000),
                131_072,
                1_492_611_360_000,
            ),
            row(
                1,
                Outcome::FunctionError,
                (269_000, 100_000_000),
                131_072,
                1_492_611_360_000,
            ),
        ],
    )]);
    let text = state.compare("documented_example");

    let scrape = Exposition::parse(&text).unwrap();
    let function = [
        ("region", "ap-guangzhou"),
        ("function_namespace", "default"),
        ("function_name", "helljin89"),
    ];
    let text_of = |name| scrape.sample(name, &function).unwrap().text.as_str();
    assert_eq!(text_of("scf_invocation_duration_seconds_sum"), "0.00051");
    assert_eq!(text_of("scf_invocation_billed_duration_seconds_sum"), "0.2");
    assert_eq!(text_of("scf_invocation_memory_usage_bytes_sum"), "262144");
    let last = "scf_function_last_invocation_timestamp_seconds";
    assert_eq!(text_of(last), "1492611360");
    let code = [
        &function[..],
        &[("ret_code", "1"), ("outcome", "function_error")],
    ]
    .concat();
    assert_eq!(scrape.metric("scf_invocations_total", &code), Some(2.0));
}

/// A function read from a log topic in one of two accounts: a retry, a cold start, and what the
/// list tells. Another one of the same name that was never called.
#[test]
fn a_function_of_a_log_topic_in_one_of_two_accounts() {
    let function = |account| FunctionId::new("ap-x", "shop", "checkout").of_account(account);
    let at = Timestamp::from_millis;
    let mut called = FunctionSeries::begun(function("one"), RetCode::OK_STATUS, at(61_500));
    let retried = Row {
        retried: true,
        memory_limit: Bytes(128 << 20),
        ..row(
            433,
            Outcome::Timeout,
            (3_000_000_000, 3_000_000_000),
            1 << 20,
            1_000,
        )
    };
    called.count(&retried, at(62_000));
    // This one does not say its memory: it counts with what the list says.
    called.count(
        &row(
            200,
            Outcome::Success,
            (1_500_000_000, 2_000_000_000),
            1 << 20,
            2_000,
        ),
        at(63_000),
    );
    called.about = Some(Arc::new(FunctionConfig {
        memory_limit: Bytes(256 << 20),
        timeout: Duration::from_millis(3_500),
        runtime: "Go1".to_owned(),
    }));
    called.count(
        &row(
            200,
            Outcome::Success,
            (1_500_000_000, 2_000_000_000),
            1 << 20,
            2_000,
        ),
        at(64_000),
    );
    called.count_cold_start(
        &ColdStart {
            function: 0,
            key: InvocationKey::default(),
            position: Timestamp::from_secs(1),
            total: Nanos(236_000_000),
            parts: [Nanos(70_000_000), Nanos(8_000_000), Nanos(158_000_000)],
        },
        at(65_001),
    );
    let idle = FunctionSeries::new(function("two"), RetCode::OK_STATUS);
    let state = State::of_functions(vec![Arc::new(called), Arc::new(idle)]);
    let text = state.compare("two_accounts");

    let scrape = Exposition::parse(&text).unwrap();
    let one = [("account", "one"), ("function_name", "checkout")];
    let text_of = |name| scrape.matching(name, &one)[0].text.as_str();
    assert_eq!(text_of("scf_invocation_retries_total"), "1");
    // 0.125 GiB for 3 s, then 0.25 GiB for 2 s; of the one between the memory was not known.
    assert_eq!(text_of("scf_billed_memory_byte_seconds_total"), "939524096");
    assert_eq!(text_of("scf_cold_starts_total"), "1");
    assert_eq!(text_of("scf_cold_start_duration_seconds_sum"), "0.236");
    assert_eq!(text_of("scf_function_memory_limit_bytes"), "268435456");
    assert_eq!(text_of("scf_function_timeout_seconds"), "3.5");
    let part = [("account", "one"), ("part", "init_function")];
    let parts = scrape.matching("scf_cold_start_part_seconds_total", &part);
    assert_eq!(parts[0].text, "0.158");
    let two = [("account", "two"), ("ret_code", "200")];
    assert_eq!(scrape.sum("scf_invocations_total", &two), 0.0);
    assert_eq!(scrape.matching("scf_invocations_total", &two).len(), 1);
}

#[test]
fn awkward_names_and_numbers() {
    let huge = u64::MAX;
    let names = [
        r#"say "hi""#,
        r"back\slash\n",
        "two\nlines",
        "\u{51fd}\u{6570}-\u{fc}",
        "tab\tbell\u{7}return\r",
        "",
        OVERFLOW,
    ];
    let all: Vec<_> = names
        .iter()
        .map(|name| {
            let rows = match *name {
                "two\nlines" => vec![
                    row(0, Outcome::Success, (huge, huge), huge, 1_700_000_000_123),
                    row(0, Outcome::Success, (huge, huge), huge, 1_700_000_000_120),
                    row(-1, Outcome::Unknown, (0, 0), 0, 0),
                    row(433, Outcome::Timeout, (1, 1), 1, 0),
                    row(12_345, Outcome::Unknown, (900_000_000_000, 1), 1, 0),
                ],
                _ => Vec::new(),
            };
            series(FunctionId::new("ap-test", "default", name), &rows)
        })
        .collect();
    let text = State::of_functions(all).compare("awkward_names");

    let scrape = Exposition::parse(&text).unwrap();
    let info = scrape.family("scf_function_info").unwrap();
    let read: Vec<&str> = info
        .samples
        .iter()
        .map(|sample| sample.labels["function_name"].as_str())
        .collect();
    assert_eq!(read, names);
    let two_lines = [("function_name", "two\nlines")];
    let sum = scrape.matching("scf_invocation_duration_seconds_sum", &two_lines)[0];
    // 2 x 18446744073.709551615 s + 900 s + 1 ns
    assert_eq!(sum.text, "36893489047.419103231");
    assert_eq!(scrape.sum("scf_invocations_total", &two_lines), 5.0);
}

#[test]
fn the_exporter_about_itself() {
    let telemetry = Telemetry::new(&BUILD).unwrap();
    let source = telemetry.source("a \"quoted\" \\ source").unwrap();
    source.records(Disposition::Counted, 189);
    source.records(Disposition::Invalid, 1);
    source.rejected(RejectReason::StartTime, 1);
    for (code, millis) in [("ok", 20), ("4400", 2_000)] {
        source.request("v2", "GetFunctionLogs", code, Duration::from_millis(millis));
    }
    source.overflowed(3);
    source.set_targets(2);
    source.poll_succeeded(Timestamp::from_millis(1_700_000_000_500));
    source.poll_failed();
    source.incomplete_read();
    source.truncated_read();
    source.counted(Timestamp::from_secs(100), Timestamp::from_millis(112_250));
    source.set_watermark(Timestamp::from_secs(1_699_999_000));
    telemetry.set_series(1);
    telemetry.set_ledger_entries(188);
    telemetry.commit(Duration::from_micros(2_300));
    telemetry.commit_failed();
    telemetry.config_loaded(Timestamp::from_secs(1_699_990_000));
    State::of_exporter(&telemetry).compare("exporter");
}
