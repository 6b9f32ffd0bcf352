//! Scrapes: a shared body of all functions, and the exporter's own metrics.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::View;
use super::cache::{Cache, bytes_of};
use crate::exposition::{ExpositionOptions, RenderedBody, ScrapeFormat};
use crate::telemetry::Telemetry;

/// How long a body is kept after it was last asked for, which is longer than scrape intervals.
const KEPT: Duration = Duration::from_secs(300);

/// Renders scrapes and caches their bodies.
pub(super) struct Scrapes {
    view: Arc<dyn View>,
    telemetry: Arc<Telemetry>,
    options: ExpositionOptions,
    bodies: Cache<ScrapeFormat, RenderedBody>,
}

impl Scrapes {
    pub(super) fn new(view: Arc<dyn View>, telemetry: Arc<Telemetry>) -> Self {
        Self {
            view,
            telemetry,
            options: ExpositionOptions::default(),
            bodies: Cache::new(ScrapeFormat::all(), KEPT),
        }
    }

    /// Sets the options. It must be called before the first scrape.
    pub(super) fn with_options(self, options: ExpositionOptions) -> Self {
        Self { options, ..self }
    }

    /// Returns a scrape that shows the snapshot of this moment, or a newer one.
    pub(super) async fn get(&self, format: ScrapeFormat) -> io::Result<[Bytes; 2]> {
        self.bodies
            .drop_unused(|of| set_rendered(&self.telemetry, of, 0));
        let generation = self.view.snapshot().generation;
        let is_fresh = |body: &RenderedBody| body.generation() >= generation;
        let (view, telemetry, options) = (self.view.clone(), self.telemetry.clone(), self.options);
        let render = move |before: Option<Arc<RenderedBody>>| {
            let buffer = before.map_or_else(Vec::new, RenderedBody::into_buffer);
            let body = RenderedBody::render(format, options, &view.snapshot(), buffer)?;
            set_rendered(&telemetry, format, body.as_ref().len());
            Ok(body)
        };
        let body = self.bodies.get(format, is_fresh, render).await?;
        let own = body.rest(&self.telemetry.gather())?;
        Ok([bytes_of(body), own.into()])
    }
}

fn set_rendered(telemetry: &Telemetry, of: ScrapeFormat, bytes: usize) {
    telemetry.set_rendered(of.format.as_str(), of.encoding.as_str(), bytes);
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::{Readiness, Status};
    use super::*;
    use crate::exposition::{Encoding, Format};
    use crate::metrics::{FunctionSeries, Snapshot};
    use crate::model::{FunctionId, RetCode};
    use crate::telemetry::BuildInfo;

    const PLAIN: ScrapeFormat = ScrapeFormat {
        format: Format::Text,
        encoding: Encoding::Identity,
    };
    const PACKED: ScrapeFormat = ScrapeFormat {
        encoding: Encoding::Gzip,
        ..PLAIN
    };

    #[derive(Default)]
    struct House(Mutex<Arc<Snapshot>>);

    impl House {
        fn publish(&self) {
            let mut shown = self.0.lock().unwrap();
            let function = FunctionId::new("r", "n", &shown.generation.to_string());
            let mut series = shown.series.clone();
            series.push(Arc::new(FunctionSeries::new(function, RetCode::ZERO)));
            *shown = Arc::new(Snapshot::new(shown.generation + 1, false, series));
        }
    }

    impl View for House {
        fn snapshot(&self) -> Arc<Snapshot> {
            self.0.lock().unwrap().clone()
        }

        fn readiness(&self) -> Readiness {
            Readiness::Ready
        }

        fn status(&self) -> Status {
            Status::default()
        }
    }

    fn house() -> (Arc<House>, Scrapes) {
        let house = Arc::new(House::default());
        house.publish();
        let telemetry = Telemetry::new(&BuildInfo::current()).unwrap();
        let scrapes = Scrapes::new(house.clone(), Arc::new(telemetry));
        (house, scrapes)
    }

    fn kept(scrapes: &Scrapes, format: ScrapeFormat) -> Option<u64> {
        scrapes.bodies.kept(format).map(|body| body.generation())
    }

    #[tokio::test(start_paused = true)]
    async fn scrapes_of_one_generation_share_a_body() {
        let (house, scrapes) = house();
        let is_shared = |one: &[Bytes; 2], other: &[Bytes; 2]| one[0].as_ptr() == other[0].as_ptr();
        let first = scrapes.get(PACKED).await.unwrap();
        let second = scrapes.get(PACKED).await.unwrap();
        assert!(is_shared(&first, &second));
        house.publish();
        let third = scrapes.get(PACKED).await.unwrap();
        assert!(!is_shared(&third, &second));
        assert_eq!(kept(&scrapes, PACKED), Some(2));
        assert_eq!(kept(&scrapes, PLAIN), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_exporters_own_metrics_are_those_of_the_moment() {
        let (_, scrapes) = house();
        let gauge = "\nscf_exporter_ledger_entries 7\n";
        let [body, own] = scrapes.get(PLAIN).await.unwrap();
        assert!(!str::from_utf8(&own).unwrap().contains(gauge));
        scrapes.telemetry.set_ledger_entries(7);
        let [same, own] = scrapes.get(PLAIN).await.unwrap();
        assert_eq!(same.as_ptr(), body.as_ptr());
        assert!(str::from_utf8(&own).unwrap().contains(gauge));
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_asks_for_is_dropped() {
        let (_, scrapes) = house();
        scrapes.get(PLAIN).await.unwrap();
        for _ in 0..2 {
            tokio::time::advance(KEPT * 2 / 3).await;
            scrapes.get(PACKED).await.unwrap();
        }
        assert_eq!(kept(&scrapes, PLAIN), None);
        assert_eq!(kept(&scrapes, PACKED), Some(1));
        let own = scrapes.telemetry.gather();
        let rendered = own
            .iter()
            .find(|of| of.name() == "scf_exporter_rendered_bytes");
        let metrics = rendered.unwrap().get_metric();
        let zero = metrics
            .iter()
            .filter(|one| one.get_gauge().get_value() == 0.0);
        assert_eq!((metrics.len(), zero.count()), (2, 1));
    }
}
