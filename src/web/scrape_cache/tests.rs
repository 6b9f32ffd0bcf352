use std::sync::Mutex as Shared;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::task::{JoinHandle, yield_now};

use super::super::{Readiness, Status};
use super::*;
use crate::expose::{Encoding, Format};
use crate::model::{FunctionId, RetCode};
use crate::runtime::spawn;
use crate::series::{FunctionSeries, Snapshot};
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
struct House {
    shown: Shared<Arc<Snapshot>>,
    /// How often the snapshot was looked at: once by each request, and once by each rendering.
    looks: AtomicUsize,
    /// The look that waits until a message comes, counted from 1.
    gate: Shared<Option<(usize, Receiver<()>)>>,
}

impl House {
    fn publish(&self) {
        let mut shown = self.shown.lock().unwrap();
        let function = FunctionId::new("r", "n", &shown.generation.to_string());
        let mut series = shown.series.clone();
        series.push(Arc::new(FunctionSeries::new(function, RetCode::ZERO)));
        *shown = Arc::new(Snapshot::new(shown.generation + 1, false, series));
    }

    fn close_gate(&self, look: usize) -> Sender<()> {
        let (open, gate) = channel();
        *self.gate.lock().unwrap() = Some((look, gate));
        open
    }

    fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
    }

    async fn looked(&self, times: usize) {
        while self.looks() < times {
            yield_now().await;
        }
    }
}

impl View for House {
    fn snapshot(&self) -> Arc<Snapshot> {
        let snapshot = self.shown.lock().unwrap().clone();
        let look = self.looks.fetch_add(1, Ordering::SeqCst) + 1;
        let gate = self.gate.lock().unwrap().take_if(|(at, _)| *at == look);
        if let Some((_, gate)) = gate {
            gate.recv().unwrap();
        }
        snapshot
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }

    fn status(&self) -> Status {
        Status::default()
    }
}

fn house() -> (Arc<House>, Arc<ScrapeCache>) {
    let house = Arc::new(House::default());
    house.publish();
    let telemetry = Telemetry::new(&BuildInfo::current()).unwrap();
    let cache = ScrapeCache::new(house.clone(), Arc::new(telemetry));
    (house, Arc::new(cache))
}

fn spawn_scrape(cache: &Arc<ScrapeCache>) -> JoinHandle<[Bytes; 2]> {
    let cache = cache.clone();
    spawn(async move { cache.scrape(PACKED).await.unwrap() })
}

fn is_shared(one: &[Bytes; 2], other: &[Bytes; 2]) -> bool {
    std::ptr::eq(one[0].as_ptr(), other[0].as_ptr())
}

/// The generation of what is kept.
fn kept(cache: &ScrapeCache, format: ScrapeFormat) -> Option<u64> {
    let (_, slot) = cache.slots.iter().find(|(of, _)| *of == format).unwrap();
    let entry = slot.try_lock().unwrap();
    entry.newest.as_ref().map(|of| of.body.generation())
}

#[tokio::test(start_paused = true)]
async fn scrapes_of_one_generation_share_a_body() {
    let (house, cache) = house();
    let first = cache.scrape(PACKED).await.unwrap();
    let second = cache.scrape(PACKED).await.unwrap();
    assert!(is_shared(&first, &second));
    house.publish();
    let third = cache.scrape(PACKED).await.unwrap();
    assert!(!is_shared(&third, &second));
    assert_eq!(kept(&cache, PACKED), Some(2));
    assert_eq!(kept(&cache, PLAIN), None);
}

#[tokio::test]
async fn a_storm_renders_once() {
    const STORM: usize = 200;
    let (house, cache) = house();
    let storm: Vec<_> = (0..STORM).map(|_| spawn_scrape(&cache)).collect();
    let mut scrapes = Vec::new();
    for scrape in storm {
        scrapes.push(scrape.await.unwrap());
    }
    assert_eq!(house.looks() - STORM, 1, "renderings");
    assert!(scrapes.iter().all(|one| is_shared(one, &scrapes[0])));
}

#[tokio::test]
async fn who_comes_while_a_body_is_rendered_waits_for_it() {
    const STORM: usize = 200;
    let (house, cache) = house();
    let open = house.close_gate(2);
    let first = spawn_scrape(&cache);
    house.looked(2).await;
    let storm: Vec<_> = (1..STORM).map(|_| spawn_scrape(&cache)).collect();
    house.looked(STORM + 1).await;
    open.send(()).unwrap();
    let first = first.await.unwrap();
    for scrape in storm {
        assert!(is_shared(&scrape.await.unwrap(), &first));
    }
    assert_eq!(house.looks() - STORM, 1, "renderings");
}

#[tokio::test]
async fn a_client_that_leaves_does_not_take_the_body_with_it() {
    let (house, cache) = house();
    let open = house.close_gate(2);
    let leaving = spawn_scrape(&cache);
    house.looked(2).await;
    let waiting = spawn_scrape(&cache);
    house.looked(3).await;
    leaving.abort();
    assert!(leaving.await.unwrap_err().is_cancelled());
    open.send(()).unwrap();
    waiting.await.unwrap();
    assert_eq!(house.looks() - 2, 1, "renderings");
}

#[tokio::test]
async fn what_is_published_while_a_body_is_rendered_is_in_the_next_one() {
    let (house, cache) = house();
    let open = house.close_gate(2);
    let first = spawn_scrape(&cache);
    house.looked(2).await;
    house.publish();
    let later: Vec<_> = (0..3).map(|_| spawn_scrape(&cache)).collect();
    house.looked(5).await;
    open.send(()).unwrap();
    let first = first.await.unwrap();
    for scrape in later {
        assert!(!is_shared(&scrape.await.unwrap(), &first));
    }
    assert_eq!(kept(&cache, PACKED), Some(2));
    assert_eq!(house.looks() - 4, 2, "renderings");
}

#[tokio::test(start_paused = true)]
async fn readers_that_hold_on_do_not_make_bodies_without_end() {
    let (house, cache) = house();
    let mut slow = Vec::new();
    for _ in 0..3 * BODIES_MAX {
        slow.push(cache.scrape(PLAIN).await.unwrap());
        house.publish();
    }
    let mut distinct: Vec<_> = slow.iter().map(|scrape| scrape[0].as_ptr()).collect();
    distinct.dedup();
    assert_eq!(distinct.len(), BODIES_MAX);
    drop(slow);
    cache.scrape(PLAIN).await.unwrap();
    let newest = house.snapshot().generation;
    assert_eq!(kept(&cache, PLAIN), Some(newest), "there is room again");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_asks_for_is_dropped() {
    let (_, cache) = house();
    cache.scrape(PLAIN).await.unwrap();
    for _ in 0..2 {
        tokio::time::advance(KEPT * 2 / 3).await;
        cache.scrape(PACKED).await.unwrap();
    }
    assert_eq!(kept(&cache, PLAIN), None);
    assert_eq!(kept(&cache, PACKED), Some(1));
    let own = cache.renderer.telemetry.gather();
    let rendered = own
        .iter()
        .find(|of| of.name() == "scf_exporter_rendered_bytes");
    let metrics = rendered.unwrap().get_metric();
    let zero = metrics
        .iter()
        .filter(|one| one.get_gauge().get_value() == 0.0);
    assert_eq!((metrics.len(), zero.count()), (2, 1));
}
