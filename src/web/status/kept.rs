//! Pages that were made a moment ago, shared by all who ask: however many do, one is made a second,
//! and few are in memory.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use super::{json, page};
use crate::expose::Encoding;
use crate::runtime::spawn_blocking;
use crate::web::View;

/// How old a page may be when it is given out.
const FRESH: Duration = Duration::from_secs(1);
/// A page that nobody asked for so long is dropped.
const KEPT: Duration = Duration::from_secs(60);
/// Versions of one page that may be in memory at a time. Who reads slowly holds an old one; where
/// there are as many, others get the newest of them instead of one more.
const VERSIONS_MAX: usize = 4;

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Kind {
    /// For people.
    Page,
    /// For programs.
    Json,
}

/// The pages, and what they are made of.
pub(in crate::web) struct Pages {
    source: Arc<Source>,
    shelves: Vec<(Kind, Encoding, Arc<Mutex<Shelf>>)>,
}

struct Source {
    view: Arc<dyn View>,
    telemetry_path: String,
}

/// The versions of one page. Whoever has it makes the next one; the others wait and share it.
#[derive(Default)]
struct Shelf {
    newest: Option<(Bytes, Instant)>,
    /// As many more holders as versions are in memory.
    versions: Arc<()>,
}

/// The bytes of a version, counted while somebody holds them.
struct Version(
    Vec<u8>,
    #[expect(dead_code, reason = "held to be counted")] Arc<()>,
);

impl AsRef<[u8]> for Version {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Pages {
    pub(in crate::web) fn new(view: Arc<dyn View>, telemetry_path: &str) -> Self {
        let all = [Kind::Page, Kind::Json].into_iter().flat_map(|kind| {
            [Encoding::Identity, Encoding::Gzip].map(|encoding| (kind, encoding, Arc::default()))
        });
        let telemetry_path = telemetry_path.to_owned();
        Self {
            shelves: all.collect(),
            source: Arc::new(Source {
                view,
                telemetry_path,
            }),
        }
    }

    /// A page as it is now, or was a moment ago. It is made on a thread that may take its time.
    pub(in crate::web) async fn get(&self, kind: Kind, encoding: Encoding) -> io::Result<Bytes> {
        let mut shelves = self.shelves.iter();
        let shelf = shelves.find(|(of, packed, _)| (*of, *packed) == (kind, encoding));
        let (_, _, shelf) = shelf.ok_or(io::ErrorKind::NotFound)?;
        let shelf = Arc::clone(shelf).lock_owned().await;
        if let Some(newest) = shelf.good_enough(Instant::now()) {
            return Ok(newest);
        }
        let source = self.source.clone();
        let made = spawn_blocking(move || source.make(kind, encoding, shelf));
        made.await.map_err(io::Error::other)?
    }

    /// Drops what nobody asked for since long.
    pub(in crate::web) fn drop_unused(&self) {
        let now = Instant::now();
        for (_, _, shelf) in &self.shelves {
            // One that is in use is not unused.
            if let Ok(mut shelf) = shelf.try_lock() {
                let used = |made: Instant| now.duration_since(made) < KEPT;
                shelf.newest.take_if(|(_, made)| !used(*made));
            }
        }
    }
}

impl Shelf {
    /// The newest version, if it is young or there may be no other.
    fn good_enough(&self, now: Instant) -> Option<Bytes> {
        let (newest, made) = self.newest.as_ref()?;
        let full = Arc::strong_count(&self.versions) > VERSIONS_MAX;
        (full || now.duration_since(*made) < FRESH).then(|| newest.clone())
    }
}

impl Source {
    fn make(
        &self,
        kind: Kind,
        encoding: Encoding,
        mut shelf: OwnedMutexGuard<Shelf>,
    ) -> io::Result<Bytes> {
        let (readiness, status) = (self.view.readiness(), self.view.status());
        let plain = match kind {
            Kind::Page => page::render(&self.telemetry_path, readiness, status)
                .map_err(io::Error::other)?
                .into_bytes(),
            Kind::Json => json::document(readiness, &status)?,
        };
        let body = match encoding {
            Encoding::Identity => plain,
            Encoding::Gzip => packed(&plain)?,
        };
        let version = Version(body, shelf.versions.clone());
        let body = Bytes::from_owner(version);
        shelf.newest = Some((body.clone(), Instant::now()));
        Ok(body)
    }
}

fn packed(plain: &[u8]) -> io::Result<Vec<u8>> {
    let room = Vec::with_capacity(plain.len() / 8);
    let mut encoder = GzEncoder::new(room, Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;
    use crate::series::Snapshot;
    use crate::web::{Readiness, Status};

    struct House;

    impl View for House {
        fn snapshot(&self) -> Arc<Snapshot> {
            Arc::default()
        }

        fn readiness(&self) -> Readiness {
            Readiness::Ready
        }

        fn status(&self) -> Status {
            Status::default()
        }
    }

    fn same(one: &Bytes, other: &Bytes) -> bool {
        std::ptr::eq(one.as_ptr(), other.as_ptr())
    }

    async fn get(pages: &Pages) -> Bytes {
        pages.get(Kind::Page, Encoding::Identity).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn one_page_a_second_is_made_for_all_who_ask() {
        let pages = Pages::new(Arc::new(House), "/metrics");
        let first = get(&pages).await;
        tokio::time::advance(FRESH / 2).await;
        assert!(same(&first, &get(&pages).await));
        tokio::time::advance(FRESH).await;
        assert!(!same(&first, &get(&pages).await));
    }

    #[tokio::test(start_paused = true)]
    async fn readers_that_hold_on_do_not_make_versions_without_end() {
        let pages = Pages::new(Arc::new(House), "/metrics");
        let mut held = Vec::new();
        for _ in 0..3 * VERSIONS_MAX {
            held.push(get(&pages).await);
            tokio::time::advance(FRESH * 2).await;
        }
        let mut distinct: Vec<_> = held.iter().map(|page| page.as_ptr()).collect();
        distinct.dedup();
        assert_eq!(distinct.len(), VERSIONS_MAX);
        let last = held.pop().unwrap();
        drop(held);
        assert!(!same(&last, &get(&pages).await), "there is room again");
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_asks_for_is_dropped() {
        let pages = Pages::new(Arc::new(House), "/metrics");
        drop(get(&pages).await);
        let kept = || {
            let (_, _, shelf) = &pages.shelves[0];
            shelf.try_lock().unwrap().newest.is_some()
        };
        tokio::time::advance(KEPT / 2).await;
        pages.drop_unused();
        assert!(kept());
        tokio::time::advance(KEPT).await;
        pages.drop_unused();
        assert!(!kept());
    }

    #[tokio::test]
    async fn a_packed_page_is_the_page() {
        let pages = Pages::new(Arc::new(House), "/metrics");
        let packed = pages.get(Kind::Json, Encoding::Gzip).await.unwrap();
        let mut plain = String::new();
        GzDecoder::new(&*packed).read_to_string(&mut plain).unwrap();
        let expected = pages.get(Kind::Json, Encoding::Identity).await.unwrap();
        assert_eq!(plain.as_bytes(), &*expected);
    }
}
