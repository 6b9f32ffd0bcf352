//! When counters and histograms began.

use scf_exporter::exposition::{ExpositionOptions, Format};
use scf_exporter::metrics::{FunctionSeries, Snapshot};
use scf_exporter::model::{
    Bytes, ColdStart, FunctionId, InvocationKey, Nanos, Outcome, RetCode, Row, Timestamp,
};

use super::{STARTS, of_one, own, rendered, styled};
use crate::support::flat::Flat;

const LABELS: &str = "region=\"r\",function_namespace=\"n\",function_name=\"f\"";

/// A function that was entered, failed for the first time and started cold, each at its own time.
fn snapshot() -> Snapshot {
    let at = Timestamp::from_millis;
    let function = FunctionId::new("r", "n", "f");
    let mut series = FunctionSeries::begun(function, RetCode::ZERO, at(1_700_000_000_250));
    let failed = Row {
        ret_code: RetCode::new(433),
        outcome: Outcome::Timeout,
        retried: true,
        memory_limit: Bytes(1 << 27),
        billed: Nanos(1),
        ..Row::default()
    };
    let cold_start = ColdStart {
        function: 0,
        key: InvocationKey::default(),
        position: Timestamp::default(),
        total: Nanos(1),
        parts: [Nanos(0); 3],
    };
    for later in [0, 60_000] {
        series.count(&failed, at(1_700_000_010_000 + later));
        series.count(&Row::default(), at(1_700_000_015_000 + later));
        series.count_cold_start(&cold_start, at(1_700_000_020_007 + later));
    }
    of_one(series)
}

#[test]
fn each_series_has_a_start_of_its_own_that_later_counts_do_not_move() {
    let open = styled(Format::OpenMetrics, &snapshot(), &own(), STARTS);
    let open = String::from_utf8(open).unwrap();
    let created: Vec<&str> = open
        .lines()
        .filter(|line| line.starts_with("scf_") && !line.starts_with("scf_exporter"))
        .filter(|line| line.contains("_created{"))
        .collect();
    let of =
        |family: &str, more: &str, at: &str| format!("{family}_created{{{LABELS}{more}}} {at}");
    let (entered, cold) = ("1700000000.25", "1700000020.007");
    let expected = [
        of(
            "scf_invocations",
            ",ret_code=\"0\",outcome=\"success\"",
            entered,
        ),
        of(
            "scf_invocations",
            ",ret_code=\"433\",outcome=\"timeout\"",
            "1700000010",
        ),
        of("scf_invocation_duration_seconds", "", entered),
        of("scf_invocation_billed_duration_seconds", "", entered),
        of("scf_invocation_memory_usage_bytes", "", entered),
        of("scf_invocation_retries", "", entered),
        of("scf_billed_memory_byte_seconds", "", entered),
        of("scf_cold_starts", "", entered),
        of("scf_cold_start_duration_seconds", "", cold),
        of("scf_cold_start_part_seconds", ",part=\"pull_code\"", cold),
        of(
            "scf_cold_start_part_seconds",
            ",part=\"init_runtime\"",
            cold,
        ),
        of(
            "scf_cold_start_part_seconds",
            ",part=\"init_function\"",
            cold,
        ),
    ];
    assert_eq!(created, expected);
    // Of the exporter itself they are those of the process.
    let own = "scf_exporter_commit_duration_seconds_created 1700000000.12";
    assert!(open.lines().any(|line| line == own));
}

#[test]
fn protobuf_always_tells_the_start_and_text_never() {
    let options = ExpositionOptions {
        created_series: false,
        ..STARTS
    };
    let own = own();
    let told = Flat::open_metrics(&styled(Format::OpenMetrics, &snapshot(), &own, STARTS));
    let proto = Flat::protobuf(&styled(Format::Protobuf, &snapshot(), &own, options));
    assert_eq!(proto, told);
    for format in [Format::Text, Format::OpenMetrics] {
        let text = String::from_utf8(rendered(format, &snapshot(), &own)).unwrap();
        assert!(!text.contains("_created"));
    }
}
