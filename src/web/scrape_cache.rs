//! The bodies that scrapers share: the newest one of each format and encoding that somebody asks for.

use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use super::View;
use crate::expose::{ExpositionOptions, RenderedBody, ScrapeFormat};
use crate::runtime::spawn_blocking;
use crate::telemetry::Telemetry;

/// A body that nobody asked for so long is dropped: longer than scrape intervals are.
const KEPT: Duration = Duration::from_secs(300);
/// Bodies of one slot that may be in memory at a time. A slow reader holds an old one; where there
/// are as many, further scrapes get the newest of them instead of one more.
const BODIES_MAX: usize = 4;

/// A slot for each format and encoding, and what bodies are made of.
pub(super) struct ScrapeCache {
    renderer: Arc<BodyRenderer>,
    slots: Vec<(ScrapeFormat, CacheSlot)>,
}

struct BodyRenderer {
    view: Arc<dyn View>,
    telemetry: Arc<Telemetry>,
    options: ExpositionOptions,
}

/// Whoever holds it may render the next body; everyone else waits and shares that.
type CacheSlot = Arc<Mutex<Entry>>;

#[derive(Default)]
struct Entry {
    newest: Option<Rendered>,
    /// The bodies that somebody may still read.
    bodies: Vec<Weak<RenderedBody>>,
}

struct Rendered {
    body: Arc<RenderedBody>,
    asked: Instant,
}

// === impl ScrapeCache ===

impl ScrapeCache {
    pub(super) fn new(view: Arc<dyn View>, telemetry: Arc<Telemetry>) -> Self {
        let slots = ScrapeFormat::all().map(|format| (format, CacheSlot::default()));
        Self {
            renderer: Arc::new(BodyRenderer {
                view,
                telemetry,
                options: ExpositionOptions::default(),
            }),
            slots: slots.collect(),
        }
    }

    /// Writes bodies with these options. Called before the first scrape.
    pub(super) fn with_options(self, options: ExpositionOptions) -> Self {
        let renderer = BodyRenderer {
            view: self.renderer.view.clone(),
            telemetry: self.renderer.telemetry.clone(),
            options,
        };
        Self {
            renderer: Arc::new(renderer),
            ..self
        }
    }

    /// Returns a scrape that shows the snapshot of this moment, or a newer one.
    ///
    /// A body is rendered on a thread that may take its time, and to its end even if the client
    /// leaves, as others wait for it.
    pub(super) async fn scrape(&self, format: ScrapeFormat) -> io::Result<[Bytes; 2]> {
        let now = Instant::now();
        self.drop_unused(now);
        let slot = self.slots.iter().find(|(of, _)| *of == format);
        let (_, slot) = slot.ok_or(io::ErrorKind::NotFound)?;
        let generation = self.renderer.view.snapshot().generation;
        let mut entry = slot.clone().lock_owned().await;
        let body = match entry.get(generation, now) {
            Some(body) => {
                drop(entry);
                body
            }
            None => {
                let renderer = self.renderer.clone();
                let rendering = spawn_blocking(move || renderer.render(format, entry, now));
                rendering.await.map_err(io::Error::other)??
            }
        };
        body.scrape(&self.renderer.telemetry.gather())
    }

    /// Drops the bodies that were not asked for lately.
    fn drop_unused(&self, now: Instant) {
        for (format, slot) in &self.slots {
            // One that is locked is being asked for.
            let Ok(mut entry) = slot.try_lock() else {
                continue;
            };
            let is_unused = |of: &mut Rendered| now.duration_since(of.asked) >= KEPT;
            if entry.newest.take_if(is_unused).is_some() {
                self.renderer.set_rendered(*format, 0);
            }
        }
    }
}

// === impl Entry ===

impl Entry {
    /// Returns the newest body if it shows at least this generation, or if there may be no further.
    fn get(&mut self, generation: u64, now: Instant) -> Option<Arc<RenderedBody>> {
        self.bodies.retain(|body| body.strong_count() > 0);
        let is_full = self.bodies.len() >= BODIES_MAX;
        let newest = self.newest.as_mut()?;
        newest.asked = now;
        (is_full || newest.body.generation() >= generation).then(|| newest.body.clone())
    }
}

// === impl BodyRenderer ===

impl BodyRenderer {
    fn render(
        &self,
        format: ScrapeFormat,
        mut entry: OwnedMutexGuard<Entry>,
        asked: Instant,
    ) -> io::Result<Arc<RenderedBody>> {
        // Unless somebody still reads the old one, there are never two.
        let before = entry.newest.take();
        let buffer = before.map_or_else(Vec::new, |of| of.body.into_buffer());
        let snapshot = self.view.snapshot();
        let body = RenderedBody::render(format, self.options, &snapshot, buffer)?;
        let body = Arc::new(body);
        entry.bodies.push(Arc::downgrade(&body));
        entry.newest = Some(Rendered {
            body: body.clone(),
            asked,
        });
        self.set_rendered(format, body.size());
        Ok(body)
    }

    fn set_rendered(&self, of: ScrapeFormat, bytes: usize) {
        let (format, encoding) = (of.format.as_str(), of.encoding.as_str());
        self.telemetry.set_rendered(format, encoding, bytes);
    }
}

#[cfg(test)]
mod tests;
