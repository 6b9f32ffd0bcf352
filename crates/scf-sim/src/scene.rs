//! The world together with the rows that are visible.

use std::sync::Arc;

use parking_lot::Mutex;

use super::function::Function;
use super::page::{Page, Selection};
use super::truth::{RowTruth, Truth};
use super::view::View;
use super::world::World;

/// State that all APIs of the cloud share.
pub(crate) struct Scene {
    world: World,
    view: View,
}

// === impl Scene ===

impl Scene {
    pub(crate) fn new(world: World) -> Self {
        Self {
            world,
            view: View::default(),
        }
    }

    pub(crate) fn functions(&self) -> Arc<[Function]> {
        Arc::clone(self.world.functions())
    }

    /// Returns the page for `selection` at `now_ms`, and the functions.
    pub(crate) fn read(
        scene: &Mutex<Self>,
        now_ms: i64,
        selection: &Selection,
    ) -> (Page, Arc<[Function]>) {
        let mut scene = scene.lock();
        let Self { world, view } = &mut *scene;
        world.advance(now_ms);
        view.advance(world, now_ms);
        (view.select(world, selection), Arc::clone(world.functions()))
    }

    /// Returns the world at `now_ms`.
    pub(crate) fn world(&mut self, now_ms: i64) -> &World {
        self.world.advance(now_ms);
        &self.world
    }

    pub(crate) fn truth(&mut self, region: &str, now_ms: i64, visible_before_ms: i64) -> Truth {
        self.world.advance(now_ms);
        Truth::of(&self.world, region, now_ms, visible_before_ms)
    }

    pub(crate) fn rows(&mut self, now_ms: i64, since_ms: i64) -> Vec<RowTruth> {
        self.world.advance(now_ms);
        RowTruth::all(&self.world, now_ms, since_ms)
    }

    /// Returns the longest time from a start to a finished row among the attempts so far, in
    /// milliseconds.
    pub(crate) fn longest_wait_ms(&self) -> u64 {
        let waits = self
            .world
            .attempts()
            .iter()
            .map(|a| a.visible_ms.abs_diff(a.start_ms));
        waits.max().unwrap_or(0)
    }
}
