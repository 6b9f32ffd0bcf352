//! The three formats say the same, whatever the functions are called and did: each is read by a
//! reader that knows only the format.
//!
//! `OPENMETRICS_DIR=DIR cargo test --test it formats` keeps the OpenMetrics texts of the generated
//! states there, for another reader to judge; `FORMAT_STATES` says how many states there are.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use prometheus::proto::MetricFamily;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use scf_exporter::exposition::{self, ExpositionOptions, Format};
use scf_exporter::metrics::{FunctionSeries, Snapshot};
use scf_exporter::model::{
    Bytes, ColdStart, FunctionConfig, FunctionId, InvocationKey, Nanos, Outcome, RetCode, Row,
    Timestamp,
};
use scf_exporter::telemetry::{BuildInfo, Telemetry};

mod exemplars;
mod native;
mod starts;

use crate::support::flat::Flat;

const STATES: u32 = 200;
/// Options by which OpenMetrics tells when things began.
const STARTS: ExpositionOptions = ExpositionOptions {
    native_histograms_only: false,
    created_series: true,
    began: Some(Timestamp::from_millis(1_700_000_000_120)),
};

fn amount() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..100_000_000_000, any::<u64>()]
}

/// Configured memory: far above any, and low enough that its product with any time has room.
fn limit() -> impl Strategy<Value = u64> {
    0u64..1 << 48
}

fn row() -> impl Strategy<Value = Row> {
    let amounts = (amount(), amount(), amount(), limit());
    let codes = (-3i64..1_100, 0usize..8);
    let id = (any::<u128>(), any::<bool>());
    (codes, amounts, any::<i64>(), any::<bool>(), id).prop_map(
        |(codes, amounts, at, retried, id)| Row {
            key: InvocationKey {
                id: id.0,
                attempt: 0,
            },
            id_is_uuid: id.1,
            ret_code: RetCode::new(codes.0),
            outcome: Outcome::ALL[codes.1],
            position: Timestamp::from_millis(at),
            duration: Nanos(amounts.0),
            billed: Nanos(amounts.1),
            memory: Bytes(amounts.2),
            memory_limit: Bytes(amounts.3),
            retried,
            ..Row::default()
        },
    )
}

fn cold_start() -> impl Strategy<Value = ColdStart> {
    (amount(), [amount(), amount(), amount()]).prop_map(|(total, parts)| ColdStart {
        function: 0,
        key: InvocationKey::default(),
        position: Timestamp::from_secs(1),
        total: Nanos(total),
        parts: parts.map(Nanos),
    })
}

/// A name as a cloud may bring it: anything, and more of what a format has to take care of.
fn text() -> impl Strategy<Value = String> {
    const AWKWARD: [&str; 20] = [
        "\"",
        "\\",
        "\n",
        "\r",
        "\t",
        "\0",
        "\u{1b}",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{51fd}",
        "\u{1f600}",
        "# EOF",
        " # {request_id=\"1\"} 1 1",
        "{",
        "}",
        ",",
        "=",
        "a",
    ];
    prop_oneof![
        any::<String>(),
        vec(any::<char>(), 0..8).prop_map(String::from_iter),
        vec(proptest::sample::select(&AWKWARD[..]), 0..8).prop_map(|parts| parts.concat()),
    ]
}

fn about() -> impl Strategy<Value = FunctionConfig> {
    (limit(), 0u64..10_000_000, text()).prop_map(|(limit, millis, runtime)| FunctionConfig {
        memory_limit: Bytes(limit),
        timeout: Duration::from_millis(millis),
        runtime,
    })
}

/// When something is counted: from long before 1970 to far beyond 2038.
fn instant() -> impl Strategy<Value = Timestamp> {
    (-1i64 << 42..1i64 << 42).prop_map(Timestamp::from_millis)
}

fn series() -> impl Strategy<Value = FunctionSeries> {
    let name = (text(), text());
    let success = prop_oneof![Just(RetCode::ZERO), Just(RetCode::OK_STATUS)];
    let counted = (
        vec((row(), instant()), 0..12),
        vec((cold_start(), instant()), 0..3),
    );
    (
        name,
        success,
        counted,
        option::of(about()),
        option::of(instant()),
    )
        .prop_map(|((account, name), success, (rows, starts), about, began)| {
            let function = FunctionId::new("r", "", &name).of_account(&account);
            let mut series = match began {
                Some(began) => FunctionSeries::begun(function, success, began),
                None => FunctionSeries::new(function, success),
            };
            series.about = about.map(Arc::new);
            rows.iter().for_each(|(row, at)| series.count(row, *at));
            starts
                .iter()
                .for_each(|(one, at)| series.count_cold_start(one, *at));
            series
        })
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    (vec(series(), 0..5), any::<bool>()).prop_map(|(series, accounts)| {
        let series = (0..).zip(series).map(|(number, mut series)| {
            // The number makes functions of equal names two.
            series.function.namespace = format!("{number}").into();
            Arc::new(series)
        });
        Snapshot::new(1, accounts, series.collect())
    })
}

/// The exporter's own families after a request, a poll and a commit.
fn own() -> Vec<MetricFamily> {
    let telemetry = Telemetry::new(&BuildInfo::current()).unwrap();
    let source = telemetry.source("a \"quoted\" \\ and\nbroken source");
    let source = source.unwrap();
    source.request("v2", "List", "ok", Duration::from_micros(1_234));
    source.counted(Timestamp::from_secs(100), Timestamp::from_millis(112_250));
    telemetry.commit(Duration::from_millis(3));
    telemetry.gather()
}

fn rendered(format: Format, snapshot: &Snapshot, own: &[MetricFamily]) -> Vec<u8> {
    styled(format, snapshot, own, ExpositionOptions::default())
}

fn styled(
    format: Format,
    snapshot: &Snapshot,
    own: &[MetricFamily],
    options: ExpositionOptions,
) -> Vec<u8> {
    exposition::render(format, options, snapshot, own)
}

/// The snapshot of one function.
fn of_one(series: FunctionSeries) -> Snapshot {
    Snapshot::new(1, false, vec![Arc::new(series)])
}

fn states() -> u32 {
    let wanted = std::env::var("FORMAT_STATES").ok();
    wanted.map_or(STATES, |states| states.parse().unwrap())
}

/// Leaves a text for another reader, where one is wanted.
fn keep(text: &[u8]) {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    if let Some(folder) = std::env::var_os("OPENMETRICS_DIR") {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = PathBuf::from(folder).join(format!("state-{number:04}.openmetrics"));
        std::fs::write(path, text).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(states()))]

    #[test]
    fn all_formats_say_the_same(snapshot in snapshot()) {
        let own = own();
        let of = |format| styled(format, &snapshot, &own, STARTS);
        let usual = rendered(Format::OpenMetrics, &snapshot, &own);
        let open = of(Format::OpenMetrics);
        keep(&open);
        let text = Flat::text(&of(Format::Text)).map_err(TestCaseError::fail)?;
        let proto = Flat::protobuf(&of(Format::Protobuf)).map_err(TestCaseError::fail)?;
        let open = Flat::open_metrics(&open).map_err(TestCaseError::fail)?;
        prop_assert_eq!(&open, &proto);
        let usual = Flat::open_metrics(&usual).map_err(TestCaseError::fail)?;
        let open = open.without_created();
        prop_assert_eq!(&usual, &open);
        prop_assert_eq!(open.without_units().without_exemplars(), text);
    }
}

#[test]
fn nothing_at_all_is_a_scrape_too() {
    let of = |format| rendered(format, &Snapshot::default(), &[]);
    assert_eq!(of(Format::Text), b"");
    assert_eq!(of(Format::OpenMetrics), b"# EOF\n");
    assert_eq!(of(Format::Protobuf), b"");
}

/// What only some formats tell, on one function and from the catalog's own words.
#[test]
fn names_units_and_bounds_are_as_each_format_wants_them() {
    let series = FunctionSeries::new(FunctionId::new("r", "n", "f"), RetCode::OK_STATUS);
    let snapshot = of_one(series);
    let open = rendered(Format::OpenMetrics, &snapshot, &own());
    let open = String::from_utf8(open).unwrap();
    for line in [
        "# TYPE scf_invocations counter",
        "scf_invocations_total{region=\"r\",function_namespace=\"n\",function_name=\"f\",ret_code=\"200\",outcome=\"success\"} 0",
        "# TYPE scf_billed_memory_byte_seconds counter",
        "# UNIT scf_billed_memory_byte_seconds byte_seconds",
        "# UNIT scf_invocation_memory_usage_bytes bytes",
        "# UNIT process_cpu_seconds seconds",
        "scf_invocation_duration_seconds_bucket{region=\"r\",function_namespace=\"n\",function_name=\"f\",le=\"0.0025\"} 0",
        "scf_invocation_duration_seconds_bucket{region=\"r\",function_namespace=\"n\",function_name=\"f\",le=\"10.0\"} 0",
        "scf_invocation_memory_usage_bytes_bucket{region=\"r\",function_namespace=\"n\",function_name=\"f\",le=\"4194304.0\"} 0",
        "# HELP scf_exporter_overflow_invocations Invocations counted under function_name=\\\"_overflow\\\", because the limit of functions was reached.",
    ] {
        assert!(open.lines().any(|found| found == line), "no line {line}");
    }
    let families =
        crate::support::protobuf::parse(&rendered(Format::Protobuf, &snapshot, &own())).unwrap();
    let unit_of = |name: &str| {
        let family = families.iter().find(|family| family.name() == name);
        family.map(|family| family.unit.as_deref())
    };
    assert_eq!(unit_of("scf_invocations_total"), Some(None));
    assert_eq!(
        unit_of("scf_billed_memory_byte_seconds_total"),
        Some(Some("byte_seconds"))
    );
    assert_eq!(
        unit_of("scf_invocation_duration_seconds"),
        Some(Some("seconds"))
    );
    // No function ever started cold: there is nothing to tell of it.
    assert_eq!(unit_of("scf_cold_start_duration_seconds"), None);
}
