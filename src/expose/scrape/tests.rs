use std::io::Read;

use flate2::read::GzDecoder;
use proptest::prelude::*;

use super::*;
use crate::model::{
    AttemptKey, Bytes as Size, FunctionId, Nanos, Outcome, RetCode, Row, Timestamp,
};
use crate::series::FunctionSeries;
use crate::telemetry::BuildInfo;

fn telemetry() -> Telemetry {
    Telemetry::new(&BuildInfo::current()).unwrap()
}

fn snapshot(functions: usize, calls: usize) -> Arc<Snapshot> {
    let series = (0..functions).map(|number| {
        let function = FunctionId::new("ap-test", "default", &format!("function-{number}"));
        let mut series = FunctionSeries::new(function, RetCode::ZERO);
        for call in 0..calls as u64 {
            series.count(
                &Row {
                    function: 0,
                    ret_code: RetCode::ZERO,
                    outcome: Outcome::Success,
                    key: AttemptKey { id: 0, attempt: 0 },
                    position: Timestamp::from_secs(1),
                    duration: Nanos(call * 1_234_567),
                    billed: Nanos(100_000_000),
                    memory: Size(call << 20),
                    ..Row::default()
                },
                Timestamp::from_secs(2),
            );
        }
        Arc::new(series)
    });
    Arc::new(Snapshot {
        generation: 1,
        accounts: false,
        series: series.collect(),
    })
}

fn pieces(mut scrape: Scrape) -> Vec<Bytes> {
    std::iter::from_fn(|| scrape.next_piece().unwrap()).collect()
}

/// The part about functions: the figures of the process change from one gathering to the next.
fn workload(body: &[u8]) -> &[u8] {
    let end = body
        .windows(16)
        .position(|window| window == b"# HELP process_c")
        .unwrap();
    &body[..end]
}

#[test]
fn the_pieces_are_the_whole_and_bounded() {
    let (snapshot, telemetry) = (snapshot(300, 5), telemetry());
    let mut whole = Vec::new();
    render(&snapshot, &telemetry, &mut whole);
    assert!(whole.len() > 8 * PIECE);

    let plain = pieces(Scrape::new(
        Arc::clone(&snapshot),
        &telemetry,
        Format::Text,
        Encoding::Identity,
        Style::default(),
    ));
    assert!(plain.len() > 8);
    assert!(plain.iter().all(|piece| !piece.is_empty()));
    assert!(
        plain
            .iter()
            .all(|piece| piece.len() <= PIECE + 2 * PIECE_SLACK)
    );
    assert_eq!(workload(&plain.concat()), workload(&whole));

    let packed = pieces(Scrape::new(
        snapshot,
        &telemetry,
        Format::Text,
        Encoding::Gzip,
        Style::default(),
    ))
    .concat();
    assert!(packed.len() < whole.len() / 5);
    let mut unpacked = Vec::new();
    GzDecoder::new(packed.as_slice())
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(workload(&unpacked), workload(&whole));
}

#[test]
fn nothing_known_yet_shows_the_exporter_alone() {
    let body = pieces(Scrape::new(
        Arc::default(),
        &telemetry(),
        Format::Text,
        Encoding::Identity,
        Style::default(),
    ))
    .concat();
    let text = String::from_utf8(body).unwrap();
    assert!(text.contains("\nscf_exporter_build_info{"));
    assert!(!text.contains("scf_invocations_total"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn where_a_walk_stops_makes_no_difference(size in 1usize..20_000, functions in 0usize..8) {
        let snapshot = snapshot(functions, 3);
        for format in Format::ALL {
            let mut whole = format.writer(false, Style::default());
            Walk::new(Vec::new()).fill(&snapshot, &mut *whole, usize::MAX);
            let mut joined = Vec::new();
            let mut walk = Walk::new(Vec::new());
            let mut writer = format.writer(false, Style::default());
            loop {
                let more = walk.fill(&snapshot, &mut *writer, size);
                joined.append(writer.out());
                if !more {
                    break;
                }
            }
            prop_assert_eq!(&joined, whole.out(), "{:?}", format);
        }
    }
}
