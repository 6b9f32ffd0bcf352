//! The renditions that are kept between scrapes: one for each form that somebody asks for.

use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use super::View;
use crate::expose::{Encoding, Form, Format, Rendition, Scrape, Style};
use crate::runtime::spawn_blocking;
use crate::telemetry::Telemetry;

/// A rendition that nobody asked for so long is dropped: longer than scrape intervals are.
const KEPT: Duration = Duration::from_secs(300);
/// Versions of one form that may be in memory at a time. Who reads slowly holds an old one; where
/// there are as many, further scrapes get the newest of them instead of one more.
const VERSIONS_MAX: usize = 4;

/// The renditions, and what they are made of.
pub(super) struct Renditions {
    source: Arc<Source>,
    shelves: Vec<(Form, Arc<Mutex<Shelf>>)>,
}

struct Source {
    view: Arc<dyn View>,
    telemetry: Arc<Telemetry>,
}

/// The renditions of one form. Whoever has it makes the next one; the others wait and share it.
struct Shelf {
    newest: Option<Arc<Rendition>>,
    /// All that somebody may still hold.
    versions: Vec<Weak<Rendition>>,
    asked: Instant,
}

impl Renditions {
    pub(super) fn new(view: Arc<dyn View>, telemetry: Arc<Telemetry>) -> Self {
        let shelf = || Shelf {
            newest: None,
            versions: Vec::new(),
            asked: Instant::now(),
        };
        let shelves = Form::all(Style::default()).map(|form| (form, Arc::new(Mutex::new(shelf()))));
        Self {
            shelves: shelves.collect(),
            source: Arc::new(Source { view, telemetry }),
        }
    }

    /// The same with scrapes written as chosen.
    pub(super) fn with_style(mut self, style: Style) -> Self {
        self.shelves
            .iter_mut()
            .for_each(|(form, _)| form.style = style);
        self
    }

    /// A scrape of the newest snapshot. It is made on a thread that may take its time, and to its
    /// end even if the client leaves: those who wait for it still do.
    pub(super) async fn scrape(&self, format: Format, encoding: Encoding) -> io::Result<Scrape> {
        self.drop_unused(Instant::now());
        let mut shelves = self.shelves.iter();
        let shelf = shelves.find(|(of, _)| of.format == format && of.encoding == encoding);
        let &(form, ref shelf) = shelf.ok_or(io::ErrorKind::NotFound)?;
        let mut shelf = Arc::clone(shelf).lock_owned().await;
        shelf.asked = Instant::now();
        let source = self.source.clone();
        if let Some(newest) = source.current(&shelf) {
            drop(shelf);
            return Scrape::new(newest, &source.telemetry.gather());
        }
        let made = spawn_blocking(move || source.scrape(form, shelf));
        made.await.map_err(io::Error::other)?
    }

    /// Drops what nobody asked for since long.
    fn drop_unused(&self, now: Instant) {
        for (form, shelf) in &self.shelves {
            // One that is in use is not unused.
            let Ok(mut shelf) = shelf.try_lock() else {
                continue;
            };
            if shelf.newest.is_some() && now.duration_since(shelf.asked) >= KEPT {
                shelf.newest = None;
                self.source.kept(*form, 0);
            }
        }
    }
}

impl Source {
    /// What is shown already, if that is the newest there is.
    fn current(&self, shelf: &Shelf) -> Option<Arc<Rendition>> {
        let generation = self.view.snapshot().generation;
        let newest = shelf.newest.as_ref();
        newest
            .filter(|newest| newest.generation() == generation)
            .cloned()
    }

    fn scrape(&self, form: Form, mut shelf: OwnedMutexGuard<Shelf>) -> io::Result<Scrape> {
        let rendition = self.newest(form, &mut shelf)?;
        drop(shelf);
        Scrape::new(rendition, &self.telemetry.gather())
    }

    fn kept(&self, form: Form, bytes: usize) {
        let (format, encoding) = (form.format.as_str(), form.encoding.as_str());
        self.telemetry.set_rendered(format, encoding, bytes);
    }

    fn newest(&self, form: Form, shelf: &mut Shelf) -> io::Result<Arc<Rendition>> {
        let snapshot = self.view.snapshot();
        shelf.versions.retain(|version| version.strong_count() > 0);
        if let Some(newest) = &shelf.newest
            && shelf.versions.len() >= VERSIONS_MAX
        {
            return Ok(newest.clone());
        }
        // Only where somebody still reads it does the old one stay whole.
        let before = shelf.newest.take().map(Arc::unwrap_or_clone);
        let next = Arc::new(Rendition::new(form, &snapshot, before)?);
        self.kept(form, next.bytes());
        shelf.versions.push(Arc::downgrade(&next));
        shelf.newest = Some(next.clone());
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as Shared;

    use super::super::{Readiness, Status};
    use super::*;
    use crate::model::{FunctionId, RetCode};
    use crate::series::{FunctionSeries, Snapshot};
    use crate::telemetry::BuildInfo;

    const PACKED: Encoding = Encoding::Gzip;
    const PLAIN: Encoding = Encoding::Identity;

    struct House(Shared<Arc<Snapshot>>);

    impl House {
        fn publish(&self) {
            let mut shown = self.0.lock().unwrap();
            let function = FunctionId::new("r", "n", &shown.generation.to_string());
            let mut series = shown.series.clone();
            series.push(Arc::new(FunctionSeries::new(function, RetCode::ZERO)));
            let next = Snapshot::new(shown.generation + 1, false, series).following(&shown);
            *shown = Arc::new(next);
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

    fn house() -> (Arc<House>, Renditions) {
        let house = Arc::new(House(Shared::default()));
        house.publish();
        let telemetry = Telemetry::new(&BuildInfo::current()).unwrap();
        let renditions = Renditions::new(house.clone(), Arc::new(telemetry));
        (house, renditions)
    }

    /// What is kept of text, by generation.
    fn kept(renditions: &Renditions, encoding: Encoding) -> Option<u64> {
        let mut shelves = renditions.shelves.iter();
        let text = |of: &Form| of.format == Format::Text && of.encoding == encoding;
        let (_, shelf) = shelves.find(|(of, _)| text(of)).unwrap();
        let shelf = shelf.try_lock().unwrap();
        shelf.newest.as_ref().map(|newest| newest.generation())
    }

    #[tokio::test]
    async fn scrapers_of_one_snapshot_share_what_is_rendered() {
        let (house, renditions) = house();
        let first = renditions.scrape(Format::Text, PACKED).await.unwrap();
        let second = renditions.scrape(Format::Text, PACKED).await.unwrap();
        assert!(first.shares_with(&second));
        house.publish();
        let third = renditions.scrape(Format::Text, PACKED).await.unwrap();
        assert!(!third.shares_with(&second));
        assert_eq!(kept(&renditions, PACKED), Some(2));
        assert_eq!(kept(&renditions, PLAIN), None);
    }

    #[tokio::test]
    async fn readers_that_hold_on_do_not_make_versions_without_end() {
        let (house, renditions) = house();
        let mut slow = Vec::new();
        for _ in 0..3 * VERSIONS_MAX {
            slow.push(renditions.scrape(Format::Text, PLAIN).await.unwrap());
            house.publish();
        }
        let sharing = |one: &Scrape| slow.iter().filter(|other| one.shares_with(other)).count();
        let shared: Vec<_> = slow.iter().map(sharing).collect();
        assert_eq!(shared[..VERSIONS_MAX - 1], [1; VERSIONS_MAX - 1]);
        let rest = 2 * VERSIONS_MAX + 1;
        assert_eq!(shared[VERSIONS_MAX - 1..], vec![rest; rest]);
        drop(slow);
        renditions.scrape(Format::Text, PLAIN).await.unwrap();
        let newest = house.snapshot().generation;
        assert_eq!(kept(&renditions, PLAIN), Some(newest));
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_asks_for_is_dropped() {
        let (_, renditions) = house();
        renditions.scrape(Format::Text, PLAIN).await.unwrap();
        for _ in 0..2 {
            tokio::time::advance(KEPT * 2 / 3).await;
            renditions.scrape(Format::Text, PACKED).await.unwrap();
        }
        assert_eq!(kept(&renditions, PLAIN), None);
        assert_eq!(kept(&renditions, PACKED), Some(1));
        let own = renditions.source.telemetry.gather();
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
