use std::io::Read;

use flate2::read::GzDecoder;

use super::super::families::FAMILIES;
use super::super::rendition::Form;
use super::super::style::Style;
use super::*;
use crate::model::{FunctionId, Nanos, RetCode, Row, Timestamp};
use crate::series::{FunctionSeries, Snapshot};
use crate::telemetry::{BuildInfo, Telemetry};

fn snapshot(functions: usize) -> Snapshot {
    let series = (0..functions).map(|number| {
        let function = FunctionId::new("ap-test", "default", &format!("function-{number}"));
        let mut series = FunctionSeries::new(function, RetCode::ZERO);
        let row = Row {
            duration: Nanos(number as u64 * 1_234_567),
            ..Row::default()
        };
        series.count(&row, Timestamp::from_secs(2));
        Arc::new(series)
    });
    Snapshot::new(1, false, series.collect())
}

fn own() -> Vec<MetricFamily> {
    Telemetry::new(&BuildInfo::current()).unwrap().gather()
}

fn frames(form: Form, snapshot: &Snapshot, own: &[MetricFamily]) -> Vec<Bytes> {
    let rendition = Rendition::new(form, snapshot, None).unwrap();
    let mut scrape = Scrape::new(Arc::new(rendition), own).unwrap();
    let mut told = scrape.left();
    let frames = std::iter::from_fn(|| {
        let frame = scrape.next_frame()?;
        assert!(!frame.is_empty());
        told -= frame.len();
        assert_eq!(scrape.left(), told);
        Some(frame)
    });
    let frames = frames.collect();
    assert_eq!(told, 0, "the length that was told is that of all frames");
    frames
}

#[test]
fn few_frames_are_small_and_packed_ones_unpack_to_the_plain_ones() {
    let (snapshot, own) = (snapshot(300), own());
    for forms in Form::all(Style::default()).collect::<Vec<_>>().chunks(2) {
        let [plain, packed] = [forms[0], forms[1]].map(|form| frames(form, &snapshot, &own));
        for frames in [&plain, &packed] {
            let small = frames
                .iter()
                .filter(|frame| frame.len() < 16 * 1024)
                .count();
            assert!(small <= FAMILIES.len() + 2, "{forms:?}: {small} small ones");
        }
        let (plain, packed) = (plain.concat(), packed.concat());
        assert!(packed.len() < plain.len() / 4, "{forms:?}");
        let mut unpacked = Vec::new();
        // One member: this reader leaves what follows the first alone.
        let mut decoder = GzDecoder::new(packed.as_slice());
        decoder.read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == plain, "{forms:?}");
        assert!(decoder.into_inner().is_empty(), "{forms:?}");
    }
}

#[test]
fn nothing_known_yet_shows_the_exporter_alone() {
    let form = Form::all(Style::default()).next().unwrap();
    let body = frames(form, &Snapshot::default(), &own()).concat();
    let text = String::from_utf8(body).unwrap();
    assert!(text.contains("\nscf_exporter_build_info{"));
    assert!(!text.contains("scf_invocations_total"));
}
