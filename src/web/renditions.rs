//! The renditions that are kept between scrapes: one for each form that somebody asks for.

use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Mutex as Turns, OwnedMutexGuard};
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
/// What is made faster than that is made for each scrape.
const CHEAP: Duration = Duration::from_millis(5);
/// A rendition serves so many times as long as it took to make, however much was published since:
/// making takes a tenth of one core, whoever scrapes how often.
const SERVES: u32 = 9;
/// For so many times as long it serves those who come while the next one is made, if it is packed:
/// then there are two of them, and plain ones are large.
const SERVES_MEANWHILE: u32 = 20;
/// And never for longer than this, and half of it: there is time to make the next one meanwhile.
const SERVES_MAX: Duration = Duration::from_secs(1);

/// The renditions, and what they are made of.
pub(super) struct Renditions {
    source: Arc<Source>,
    shelves: Vec<Arc<Shelf>>,
}

struct Source {
    view: Arc<dyn View>,
    telemetry: Arc<Telemetry>,
}

/// One form.
struct Shelf {
    form: Form,
    /// Never locked for longer than a look takes.
    stock: Mutex<Stock>,
    /// Whoever has it makes the next rendition.
    turn: Arc<Turns<()>>,
}

/// The renditions of one form.
struct Stock {
    newest: Option<Made>,
    /// All that somebody may still hold.
    versions: Vec<Weak<Rendition>>,
    asked: Instant,
}

#[derive(Clone)]
struct Made {
    rendition: Arc<Rendition>,
    at: Instant,
    took: Duration,
}

/// How good what is there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    /// The newest there can be, or as good.
    Fresh,
    /// Good enough while the next one is made.
    Fading,
    Stale,
}

// === impl Renditions ===

impl Renditions {
    pub(super) fn new(view: Arc<dyn View>, telemetry: Arc<Telemetry>) -> Self {
        Self {
            source: Arc::new(Source { view, telemetry }),
            shelves: Vec::new(),
        }
        .with_style(Style::default())
    }

    /// The same with scrapes written as chosen.
    pub(super) fn with_style(mut self, style: Style) -> Self {
        self.shelves = Form::all(style).map(Shelf::of).collect();
        self
    }

    /// A scrape of the newest snapshot, or of one that was the newest moments ago where making takes
    /// long. It is made on a thread that may take its time, and to its end even if the client
    /// leaves: others share it.
    pub(super) async fn scrape(&self, format: Format, encoding: Encoding) -> io::Result<Scrape> {
        let now = Instant::now();
        self.drop_unused(now);
        let is_asked = |of: &Form| of.format == format && of.encoding == encoding;
        let shelf = self.shelves.iter().find(|shelf| is_asked(&shelf.form));
        let shelf = shelf.ok_or(io::ErrorKind::NotFound)?;
        shelf.stock().asked = now;
        let source = &self.source;
        if let Some((rendition, age)) = source.look(shelf) {
            if age == Age::Fading {
                source.make_meanwhile(shelf);
            }
            return source.scrape_of(rendition);
        }
        let turn = shelf.turn.clone().lock_owned().await;
        // Somebody may have made it while this one waited.
        if let Some((rendition, _)) = source.look(shelf) {
            return source.scrape_of(rendition);
        }
        let (owner, shelf) = (source.clone(), shelf.clone());
        let made = spawn_blocking(move || owner.make(&shelf, turn));
        source.scrape_of(made.await.map_err(io::Error::other)??)
    }

    /// Drops what nobody asked for since long.
    fn drop_unused(&self, now: Instant) {
        for shelf in &self.shelves {
            let mut stock = shelf.stock();
            if stock.newest.is_some() && now.duration_since(stock.asked) >= KEPT {
                stock.newest = None;
                self.source.kept(shelf.form, 0);
            }
        }
    }
}

// === impl Shelf ===

impl Shelf {
    fn of(form: Form) -> Arc<Self> {
        let stock = Stock {
            newest: None,
            versions: Vec::new(),
            asked: Instant::now(),
        };
        Arc::new(Self {
            form,
            stock: Mutex::new(stock),
            turn: Arc::default(),
        })
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock()
    }
}

// === impl Made ===

impl Made {
    fn age(&self, generation: u64, now: Instant) -> Age {
        let age = now.duration_since(self.at);
        let is_packed = self.rendition.form().encoding == Encoding::Gzip;
        if self.rendition.generation() == generation {
            Age::Fresh
        } else if self.took < CHEAP {
            Age::Stale
        } else if age < (self.took * SERVES).min(SERVES_MAX / 2) {
            Age::Fresh
        } else if is_packed && age < (self.took * SERVES_MEANWHILE).min(SERVES_MAX) {
            Age::Fading
        } else {
            Age::Stale
        }
    }
}

// === impl Source ===

impl Source {
    /// What is there and how good it is, unless it is stale. Nobody else may hold what is made anew.
    fn look(&self, shelf: &Shelf) -> Option<(Arc<Rendition>, Age)> {
        let generation = self.view.snapshot().generation;
        let stock = shelf.stock();
        let made = stock.newest.as_ref()?;
        let age = made.age(generation, Instant::now());
        (age != Age::Stale).then(|| (made.rendition.clone(), age))
    }

    fn scrape_of(&self, rendition: Arc<Rendition>) -> io::Result<Scrape> {
        Scrape::new(rendition, &self.telemetry.gather())
    }

    fn kept(&self, form: Form, bytes: usize) {
        let (format, encoding) = (form.format.as_str(), form.encoding.as_str());
        self.telemetry.set_rendered(format, encoding, bytes);
    }

    /// Makes the next one for those who come later, unless somebody does already.
    fn make_meanwhile(self: &Arc<Self>, shelf: &Arc<Shelf>) {
        let Ok(turn) = shelf.turn.clone().try_lock_owned() else {
            return;
        };
        let (source, shelf) = (self.clone(), shelf.clone());
        // What fails here is told by the scrape that then has to make it.
        spawn_blocking(move || source.make(&shelf, turn));
    }

    fn make(&self, shelf: &Shelf, turn: OwnedMutexGuard<()>) -> io::Result<Arc<Rendition>> {
        let snapshot = self.view.snapshot();
        let begun = Instant::now();
        let before = {
            let mut stock = shelf.stock();
            stock.versions.retain(|version| version.strong_count() > 0);
            match &stock.newest {
                Some(newest) if stock.versions.len() >= VERSIONS_MAX => {
                    return Ok(newest.rendition.clone());
                }
                // It serves on.
                Some(newest) if newest.age(snapshot.generation, begun) != Age::Stale => {
                    stock.newest.clone()
                }
                // Only where somebody still reads it does the old one stay whole.
                _ => stock.newest.take(),
            }
        };
        let before = before.map(|made| Arc::unwrap_or_clone(made.rendition));
        let next = Arc::new(Rendition::new(shelf.form, &snapshot, before)?);
        self.kept(shelf.form, next.bytes());
        let mut stock = shelf.stock();
        stock.versions.push(Arc::downgrade(&next));
        let at = Instant::now();
        stock.newest = Some(Made {
            rendition: next.clone(),
            at,
            took: at.duration_since(begun),
        });
        drop(turn);
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
        let stock = shelf(renditions, encoding).stock();
        stock
            .newest
            .as_ref()
            .map(|made| made.rendition.generation())
    }

    /// The shelf of text.
    fn shelf(renditions: &Renditions, encoding: Encoding) -> &Shelf {
        let mut shelves = renditions.shelves.iter();
        let text = |of: &Form| of.format == Format::Text && of.encoding == encoding;
        shelves.find(|shelf| text(&shelf.form)).unwrap()
    }

    #[tokio::test(start_paused = true)]
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

    #[test]
    fn what_took_long_serves_long() {
        let (house, _) = house();
        let made_in = |encoding, took| {
            let form = Form::all(Style::default()).find(|form| form.encoding == encoding);
            let rendition = Rendition::new(form.unwrap(), &house.snapshot(), None);
            Made {
                rendition: Arc::new(rendition.unwrap()),
                at: Instant::now(),
                took: Duration::from_millis(took),
            }
        };
        // Took, and how old it is in milliseconds.
        for (encoding, took, old, expected) in [
            (PACKED, 4, 0, Age::Stale),
            (PACKED, 10, 89, Age::Fresh),
            (PACKED, 10, 90, Age::Fading),
            (PACKED, 10, 199, Age::Fading),
            (PACKED, 10, 200, Age::Stale),
            (PACKED, 400, 499, Age::Fresh),
            (PACKED, 400, 999, Age::Fading),
            (PACKED, 400, 1_000, Age::Stale),
            (PLAIN, 10, 89, Age::Fresh),
            (PLAIN, 10, 90, Age::Stale),
            (PLAIN, 400, 500, Age::Stale),
        ] {
            let made = made_in(encoding, took);
            let now = made.at + Duration::from_millis(old);
            let age = |generation| made.age(generation, now);
            assert_eq!(age(2), expected, "{took} ms, {old} ms old");
            assert_eq!(age(1), Age::Fresh, "nothing was published since");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_storm_is_served_while_the_next_one_is_made() {
        let (house, renditions) = house();
        let scrape = || renditions.scrape(Format::Text, PACKED);
        let advance = |millis| tokio::time::advance(Duration::from_millis(millis));
        let first = scrape().await.unwrap();
        let text = shelf(&renditions, PACKED);
        // As if there were very many functions.
        text.stock().newest.as_mut().unwrap().took = Duration::from_millis(40);
        house.publish();
        advance(359).await;
        assert!(scrape().await.unwrap().shares_with(&first));
        assert!(text.turn.try_lock().is_ok(), "nothing is made");
        advance(2).await;
        assert!(scrape().await.unwrap().shares_with(&first));
        // It is being made: whoever comes meanwhile does not wait for it.
        drop(text.turn.lock().await);
        assert_eq!(kept(&renditions, PACKED), Some(2));
        assert!(!scrape().await.unwrap().shares_with(&first));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_old_is_waited_for() {
        let (house, renditions) = house();
        let first = renditions.scrape(Format::Text, PLAIN).await.unwrap();
        let text = shelf(&renditions, PLAIN);
        text.stock().newest.as_mut().unwrap().took = Duration::from_millis(40);
        house.publish();
        tokio::time::advance(Duration::from_millis(400)).await;
        let second = renditions.scrape(Format::Text, PLAIN).await.unwrap();
        assert!(!second.shares_with(&first));
        assert_eq!(kept(&renditions, PLAIN), Some(2));
    }

    #[tokio::test(start_paused = true)]
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
