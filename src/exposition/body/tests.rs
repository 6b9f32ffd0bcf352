use std::io::Read;

use flate2::read::GzDecoder;
use prometheus::{IntGauge, Registry};

use super::*;
use crate::metrics::FunctionSeries;
use crate::metrics::catalog;
use crate::model::{FunctionId, Nanos, RetCode, Row, Timestamp};

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
    let registry = Registry::new();
    let gauge = IntGauge::new(catalog::SERIES.name, catalog::SERIES.help).unwrap();
    registry.register(Box::new(gauge)).unwrap();
    registry.gather()
}

fn scrape(of: ScrapeFormat, snapshot: &Snapshot, own: &[MetricFamily]) -> Vec<u8> {
    let options = ExpositionOptions::default();
    let body = RenderedBody::render(of, options, snapshot, b"old".to_vec()).unwrap();
    [body.as_ref(), &body.rest(own).unwrap()].concat()
}

/// Enough functions that a packed body is compressed in several chunks.
#[test]
fn a_packed_scrape_is_one_gzip_member_with_the_plain_one_in_it() {
    let (snapshot, own) = (snapshot(300), own());
    for of in ScrapeFormat::all().collect::<Vec<_>>().chunks(2) {
        let [plain, packed] = [of[0], of[1]].map(|of| scrape(of, &snapshot, &own));
        assert!(packed.len() < plain.len() / 4, "{of:?}");
        let mut unpacked = Vec::new();
        // This reader leaves what follows the first member alone.
        let mut decoder = GzDecoder::new(packed.as_slice());
        decoder.read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == plain, "{of:?}");
        assert!(decoder.into_inner().is_empty(), "{of:?}");
    }
}

#[test]
fn nothing_known_yet_shows_the_exporter_alone() {
    let text = ScrapeFormat::all().next().unwrap();
    let body = scrape(text, &Snapshot::default(), &own());
    let text = String::from_utf8(body).unwrap();
    assert!(text.ends_with(&format!("\n{} 0\n", catalog::SERIES.name)));
    assert!(!text.contains(catalog::INVOCATIONS.name));
}
