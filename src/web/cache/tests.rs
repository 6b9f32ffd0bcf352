use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::task::{JoinHandle, yield_now};

use super::*;
use tencentcloud::runtime::spawn;

const STORM: usize = 200;
const KEPT: Duration = Duration::from_secs(60);

/// A cache of numbers, each the generation that was there when it was rendered.
struct House {
    cache: Cache<(), u64>,
    generation: AtomicU64,
    asked: AtomicUsize,
    rendered: AtomicUsize,
}

impl House {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            cache: Cache::new([()].into_iter(), KEPT),
            generation: AtomicU64::new(1),
            asked: AtomicUsize::new(0),
            rendered: AtomicUsize::new(0),
        })
    }

    fn publish(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    fn rendered(&self) -> usize {
        self.rendered.load(Ordering::SeqCst)
    }

    /// Asks as a request does; what it renders waits until the gate opens.
    async fn get_behind(self: &Arc<Self>, gate: Option<Receiver<()>>) -> Arc<u64> {
        let wanted = self.generation.load(Ordering::SeqCst);
        self.asked.fetch_add(1, Ordering::SeqCst);
        let house = self.clone();
        let render = move |_| {
            let generation = house.generation.load(Ordering::SeqCst);
            house.rendered.fetch_add(1, Ordering::SeqCst);
            if let Some(gate) = gate {
                gate.recv().map_err(io::Error::other)?;
            }
            Ok(generation)
        };
        let body = self.cache.get((), |body| *body >= wanted, render).await;
        body.unwrap()
    }

    async fn get(self: &Arc<Self>) -> Arc<u64> {
        self.get_behind(None).await
    }

    fn spawn_get(self: &Arc<Self>) -> JoinHandle<Arc<u64>> {
        let house = self.clone();
        spawn(async move { house.get().await })
    }

    /// A request whose rendering is under way until the gate opens.
    async fn spawn_slow(self: &Arc<Self>) -> (JoinHandle<Arc<u64>>, Sender<()>) {
        let (open, gate) = channel();
        let house = self.clone();
        let slow = spawn(async move { house.get_behind(Some(gate)).await });
        while self.rendered() == 0 {
            yield_now().await;
        }
        (slow, open)
    }

    async fn asked(&self, times: usize) {
        while self.asked.load(Ordering::SeqCst) < times {
            yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_storm_renders_once() {
    let house = House::new();
    let storm: Vec<_> = (0..STORM).map(|_| house.spawn_get()).collect();
    for one in storm {
        assert_eq!(*one.await.unwrap(), 1);
    }
    assert_eq!(house.rendered(), 1);
}

#[tokio::test]
async fn who_comes_while_a_body_is_rendered_waits_for_it() {
    let house = House::new();
    let (first, open) = house.spawn_slow().await;
    let storm: Vec<_> = (1..STORM).map(|_| house.spawn_get()).collect();
    house.asked(STORM).await;
    open.send(()).unwrap();
    let first = first.await.unwrap();
    for one in storm {
        assert!(Arc::ptr_eq(&one.await.unwrap(), &first));
    }
    assert_eq!(house.rendered(), 1);
}

#[tokio::test]
async fn a_client_that_leaves_does_not_take_the_body_with_it() {
    let house = House::new();
    let (leaving, open) = house.spawn_slow().await;
    let waiting = house.spawn_get();
    house.asked(2).await;
    leaving.abort();
    assert!(leaving.await.unwrap_err().is_cancelled());
    open.send(()).unwrap();
    assert_eq!(*waiting.await.unwrap(), 1);
    assert_eq!(house.rendered(), 1);
}

#[tokio::test]
async fn what_is_published_while_a_body_is_rendered_is_in_the_next_one() {
    let house = House::new();
    let (first, open) = house.spawn_slow().await;
    house.publish();
    let later: Vec<_> = (0..STORM).map(|_| house.spawn_get()).collect();
    house.asked(STORM + 1).await;
    open.send(()).unwrap();
    assert_eq!(*first.await.unwrap(), 1);
    for one in later {
        assert_eq!(*one.await.unwrap(), 2);
    }
    assert_eq!(house.rendered(), 2);
}

#[tokio::test]
async fn what_cannot_be_rendered_is_tried_again() {
    let house = House::new();
    let fail = |_| Err(io::ErrorKind::OutOfMemory.into());
    let failed = house.cache.get((), |_| true, fail).await;
    assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::OutOfMemory);
    assert_eq!(*house.get().await, 1);
}

#[tokio::test]
async fn readers_that_hold_on_do_not_make_bodies_without_end() {
    let house = House::new();
    let mut slow = Vec::new();
    for _ in 0..3 * BODIES_MAX {
        slow.push(house.get().await);
        house.publish();
    }
    assert_eq!(house.rendered(), BODIES_MAX);
    assert_eq!(**slow.last().unwrap(), BODIES_MAX as u64, "the newest");
    drop(slow);
    assert_eq!(*house.get().await, 3 * BODIES_MAX as u64 + 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_is_kept_as_long_as_it_is_asked_for() {
    let house = House::new();
    let dropped = AtomicUsize::new(0);
    let drop_unused = || {
        house.cache.drop_unused(|()| {
            dropped.fetch_add(1, Ordering::SeqCst);
        });
        dropped.load(Ordering::SeqCst)
    };
    for _ in 0..3 {
        house.get().await;
        tokio::time::advance(KEPT / 2).await;
        assert_eq!(drop_unused(), 0);
    }
    tokio::time::advance(KEPT / 2).await;
    assert_eq!(drop_unused(), 1);
    assert_eq!(house.cache.kept(()), None);
}
