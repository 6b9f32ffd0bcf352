use proptest::prelude::*;

use super::*;

const ID: &str = "09c346d3-8417-49c5-8569-c55033b17f51";

fn report(text: &str) -> Result<Report<'_>, RejectReason> {
    match kind(text) {
        Kind::Report(rest) => parse_report(rest),
        other => panic!("{text} is {other:?}"),
    }
}

fn init(text: &str) -> Result<Init<'_>, RejectReason> {
    match kind(text) {
        Kind::Init(rest) => parse_init(rest),
        other => panic!("{text} is {other:?}"),
    }
}

#[test]
fn every_wording_of_a_report_is_read() {
    // Duration in ms, bytes used, configured MB; 2^20 bytes are a megabyte.
    for (pieces, millis, used, limit) in [
        (
            "Duration:2607ms Memory:3072MB MemUsage:29.734375MB",
            2_607,
            31_178_752,
            3_072,
        ),
        (
            "Duration: 220ms Memory: 256MB MemUsage: 25.20MB",
            220,
            26_424_115,
            256,
        ),
        (
            "Duration:0ms Memory:128MB MaxMemoryUsed:0.062500MB",
            0,
            65_536,
            128,
        ),
        (
            "Duration: 5 ms Billed: 9 Memory: 64 MB State:ok MemUsage: 64 MB",
            5,
            67_108_864,
            64,
        ),
        (
            "MemUsage:1MB InitDuration:77ms Memory:128MB Duration:3ms",
            3,
            1_048_576,
            128,
        ),
    ] {
        for blank in ["", " "] {
            let text = format!("Report RequestId:{blank}{ID} {pieces}");
            let read = report(&text).unwrap();
            assert_eq!(read.request_id, Some(ID), "{text}");
            assert_eq!(read.duration, Some(Nanos(millis * 1_000_000)), "{text}");
            assert_eq!(read.memory.unwrap().bytes(), Bytes(used), "{text}");
            assert_eq!(read.memory_limit, Some(Bytes(limit << 20)), "{text}");
        }
    }
}

#[test]
fn another_unit_is_not_guessed_at() {
    for (pieces, reason) in [
        (
            "Duration:3s Memory:128MB MemUsage:1MB",
            RejectReason::Duration,
        ),
        (
            "Duration:3 Memory:128MB MemUsage:1MB",
            RejectReason::Duration,
        ),
        ("Duration:-3ms Memory:128MB", RejectReason::Duration),
        ("Duration:1.2.3ms", RejectReason::Duration),
        ("Duration:99999999999999ms", RejectReason::Duration),
        (
            "Duration:3ms Memory:128GB MemUsage:1MB",
            RejectReason::Memory,
        ),
        (
            "Duration:3ms Memory:128MB MemUsage:1000KB",
            RejectReason::Memory,
        ),
        ("Duration:3ms MemUsage:99999999MB", RejectReason::Memory),
    ] {
        let text = format!("Report RequestId: {ID} {pieces}");
        assert_eq!(report(&text), Err(reason), "{text}");
    }
}

#[test]
fn absent_pieces_are_absent() {
    assert_eq!(report("Report RequestId"), Ok(Report::default()));
    let read = report("Report RequestId: x").unwrap();
    assert_eq!((read.request_id, read.duration), (Some("x"), None));
}

#[test]
fn both_wordings_of_a_cold_start_are_read() {
    let ms = |millis: u64| Nanos(millis * 1_000_000);
    for (pieces, total, parts) in [
        (
            "Coldstart: 236ms (PullCode: 70ms InitRuntime: 8ms InitFunction: 158ms) Memory: 640MB \
             MemUsage: 57.86MB",
            236,
            [70, 8, 158],
        ),
        (
            "Coldstart: 593ms (InitRuntime: 11ms InitFunction: 582ms) Memory: 640MB",
            593,
            [0, 11, 582],
        ),
        (
            "InitDuration: 4598ms Duration: 3924ms Memory: 640MB MemUsage: 57.86MB",
            4_598,
            [0, 0, 0],
        ),
    ] {
        let text = format!("Init Report RequestId: {ID} {pieces}");
        let read = init(&text).unwrap();
        assert_eq!(
            (read.request_id, read.total),
            (Some(ID), ms(total)),
            "{text}"
        );
        assert_eq!(read.parts, parts.map(ms), "{text}");
    }
    for pieces in [
        "",
        "Coldstart: 2s",
        "Duration: 3ms",
        "Coldstart: 2ms (PullCode: 1s)",
    ] {
        let text = format!("Init Report RequestId: {ID} {pieces}");
        assert_eq!(init(&text), Err(RejectReason::Duration), "{text}");
    }
}

#[test]
fn other_lines_are_no_reports() {
    for text in [
        "",
        "START RequestId: x",
        "END RequestId:x",
        " Report RequestId: x",
        "REPORT RequestId: x Duration: 0 ms Billed Duration: 100 ms",
        "Report of the day",
        "Previsioned Report RequestId:x InitDuration: 2235ms Duration: 1235ms",
        "Provisioned Report RequestId:x InitDuration: 2235ms Duration: 1235ms",
        "Response RequestId:x RetMsg:\"Report RequestId\"",
    ] {
        assert_eq!(kind(text), Kind::Other, "{text}");
    }
}

#[test]
fn bytes_agree_with_what_was_printed_of_them() {
    let printed = |text| report(text).unwrap().memory.unwrap();
    let two = printed("Report RequestId: x MemUsage: 25.20MB");
    // 25.20 MB are 26,424,115.2 bytes, a hundredth of a megabyte is 10,485.76.
    for (bytes, agrees) in [
        (26_424_115.0, true),
        (26_424_115.0 - 10_485.0, true),
        (26_424_115.0 + 10_485.0, true),
        (26_424_115.0 - 10_500.0, false),
        (26_424_115.0 + 10_500.0, false),
        (25.2, false),
        (0.0, false),
    ] {
        assert_eq!(two.agrees(bytes), agrees, "{bytes}");
    }
    assert!(printed("Report RequestId: x MemUsage:29.734375MB").agrees(31_178_752.0));
}

proptest! {
    #[test]
    fn any_text_is_read_without_harm(text in "(Report RequestId|Init Report RequestId)[ :a-zM0-9.()\u{e9}\u{4e00}-]{0,80}") {
        match kind(&text) {
            Kind::Report(rest) => drop(parse_report(rest)),
            Kind::Init(rest) => drop(parse_init(rest)),
            Kind::Other => {}
        }
    }

    /// Up to a day a float is exact to the millionth of a millisecond.
    #[test]
    fn printed_numbers_come_back(
        (millis, time_decimals) in (0u64..86_400_000, 0u32..7),
        (bytes, decimals) in (0u64..3 << 30, prop::sample::select(vec![2usize, 4, 6])),
        fraction in 0u64..1_000_000,
        key in prop::sample::select(vec!["MemUsage", "MaxMemoryUsed"]),
        blank in "[ ]{0,1}",
    ) {
        let unit = 10u64.pow(6 - time_decimals);
        let fraction = fraction / unit;
        let time = match time_decimals {
            0 => millis.to_string(),
            width => format!("{millis}.{fraction:0width$}", width = width as usize),
        };
        let megabytes = bytes as f64 / 1_048_576.0;
        let text = format!(
            "Report RequestId:{blank}{ID} Duration:{blank}{time}{blank}ms Memory:{blank}128MB \
             {key}:{blank}{megabytes:.decimals$}{blank}MB"
        );
        let read = report(&text).unwrap();
        prop_assert_eq!(read.duration, Some(Nanos(millis * 1_000_000 + fraction * unit)));
        let memory = read.memory.unwrap();
        prop_assert!(memory.agrees(bytes as f64));
        // Half of the last decimal is the most that printing cuts off, and a byte that rounding does.
        let step = 1_048_576.0 / 10f64.powi(decimals as i32);
        prop_assert!((memory.bytes().0 as f64 - bytes as f64).abs() <= step / 2.0 + 1.0);
    }
}
