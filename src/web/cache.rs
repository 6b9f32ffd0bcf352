//! Bodies that clients share: the newest one for each key that is asked for.

use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::time::Instant;

use tencentcloud::runtime::spawn_blocking;

/// Maximum number of bodies of one slot in memory. Slow readers hold old ones; at the limit, others get
/// the newest of these instead of one more.
const BODIES_MAX: usize = 4;

/// A cache with a slot for each key.
pub(super) struct Cache<K, B> {
    slots: Vec<(K, CacheSlot<B>)>,
    /// How long a body is kept after it was last asked for.
    kept: Duration,
}

/// Whoever holds the lock may render the next body, for which everyone else waits.
type CacheSlot<B> = Arc<Mutex<Entry<B>>>;

struct Entry<B> {
    newest: Option<Rendered<B>>,
    /// Bodies that may still be read.
    bodies: Vec<Weak<B>>,
}

struct Rendered<B> {
    body: Arc<B>,
    asked: Instant,
}

/// Keeps a body alive as long as its bytes are used.
struct Held<B>(Arc<B>);

// === impl Cache ===

impl<K: Copy + PartialEq, B: Send + Sync + 'static> Cache<K, B> {
    pub(super) fn new(keys: impl Iterator<Item = K>, kept: Duration) -> Self {
        let slots = keys.map(|key| (key, CacheSlot::default())).collect();
        Self { slots, kept }
    }

    /// Returns the newest body of `key` if it is fresh, else the result of `render`, which gets the old
    /// body and may use its memory.
    ///
    /// It renders on a thread that may block, and to the end even if the client leaves, since others
    /// wait for the body.
    pub(super) async fn get(
        &self,
        key: K,
        is_fresh: impl Fn(&B) -> bool,
        render: impl FnOnce(Option<Arc<B>>) -> io::Result<B> + Send + 'static,
    ) -> io::Result<Arc<B>> {
        let slot = self.slots.iter().find(|(of, _)| *of == key);
        let (_, slot) = slot.ok_or(io::ErrorKind::NotFound)?;
        let mut entry = slot.clone().lock_owned().await;
        if let Some(body) = entry.get(is_fresh) {
            return Ok(body);
        }
        let rendering = spawn_blocking(move || entry.render(render));
        rendering.await.map_err(io::Error::other)?
    }

    /// Drops the bodies that were not asked for lately, and calls `dropped` for each.
    pub(super) fn drop_unused(&self, dropped: impl Fn(K)) {
        let now = Instant::now();
        for (key, slot) in &self.slots {
            // A locked slot is in use.
            let Ok(mut entry) = slot.try_lock() else {
                continue;
            };
            let is_unused = |of: &mut Rendered<B>| now.duration_since(of.asked) >= self.kept;
            if entry.newest.take_if(is_unused).is_some() {
                dropped(*key);
            }
        }
    }

    /// Returns what is kept, for tests.
    #[cfg(test)]
    pub(super) fn kept(&self, key: K) -> Option<Arc<B>> {
        let (_, slot) = self.slots.iter().find(|(of, _)| *of == key)?;
        let entry = slot.try_lock().ok()?;
        entry.newest.as_ref().map(|of| of.body.clone())
    }
}

/// Returns the bytes of a shared body.
pub(super) fn bytes_of<B: AsRef<[u8]> + Send + Sync + 'static>(body: Arc<B>) -> Bytes {
    Bytes::from_owner(Held(body))
}

// === impl Entry ===

impl<B> Entry<B> {
    /// Returns the newest body if it is fresh, or if the limit of bodies is reached.
    fn get(&mut self, is_fresh: impl Fn(&B) -> bool) -> Option<Arc<B>> {
        self.bodies.retain(|body| body.strong_count() > 0);
        let newest = self.newest.as_mut()?;
        newest.asked = Instant::now();
        let is_good = self.bodies.len() >= BODIES_MAX || is_fresh(&newest.body);
        is_good.then(|| newest.body.clone())
    }

    fn render(
        &mut self,
        render: impl FnOnce(Option<Arc<B>>) -> io::Result<B>,
    ) -> io::Result<Arc<B>> {
        let before = self.newest.take();
        let body = Arc::new(render(before.map(|of| of.body))?);
        self.bodies.push(Arc::downgrade(&body));
        self.newest = Some(Rendered {
            body: body.clone(),
            asked: Instant::now(),
        });
        Ok(body)
    }
}

impl<B> Default for Entry<B> {
    fn default() -> Self {
        Self {
            newest: None,
            bodies: Vec::new(),
        }
    }
}

// === impl Held ===

impl<B: AsRef<[u8]>> AsRef<[u8]> for Held<B> {
    fn as_ref(&self) -> &[u8] {
        B::as_ref(&self.0)
    }
}

#[cfg(test)]
mod tests;
