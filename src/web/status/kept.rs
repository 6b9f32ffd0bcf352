//! Renders each page at most once a second and shares it among all clients.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::time::Instant;

use super::{json, page};
use crate::exposition::Encoding;
use crate::web::View;
use crate::web::cache::{Cache, bytes_of};

/// Maximum age of a page that is served.
const FRESH: Duration = Duration::from_secs(1);
/// How long a page is kept after it was last asked for.
const KEPT: Duration = Duration::from_secs(60);

/// A form of the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Kind {
    /// HTML for people.
    Page,
    /// JSON for programs.
    Json,
}

/// Renders pages and caches them.
pub(in crate::web) struct Pages {
    view: Arc<dyn View>,
    telemetry_path: Arc<str>,
    pages: Cache<(Kind, Encoding), RenderedPage>,
}

struct RenderedPage {
    page: Vec<u8>,
    at: Instant,
}

impl Pages {
    pub(in crate::web) fn new(view: Arc<dyn View>, telemetry_path: &str) -> Self {
        let all = [Kind::Page, Kind::Json]
            .into_iter()
            .flat_map(|kind| [Encoding::Identity, Encoding::Gzip].map(|encoding| (kind, encoding)));
        Self {
            view,
            telemetry_path: telemetry_path.into(),
            pages: Cache::new(all, KEPT),
        }
    }

    /// Returns a page that is at most [`FRESH`] old. It is rendered on a thread that may block.
    pub(in crate::web) async fn get(&self, kind: Kind, encoding: Encoding) -> io::Result<Bytes> {
        let (view, telemetry_path) = (self.view.clone(), self.telemetry_path.clone());
        let is_fresh = |of: &RenderedPage| of.at.elapsed() < FRESH;
        let render = move |_| {
            let page = render(&*view, &telemetry_path, kind)?;
            let page = match encoding {
                Encoding::Identity => page,
                Encoding::Gzip => packed(&page)?,
            };
            let at = Instant::now();
            Ok(RenderedPage { page, at })
        };
        let page = self.pages.get((kind, encoding), is_fresh, render).await?;
        Ok(bytes_of(page))
    }

    /// Drops the pages that nobody asked for lately.
    pub(in crate::web) fn drop_unused(&self) {
        self.pages.drop_unused(|_| {});
    }
}

impl AsRef<[u8]> for RenderedPage {
    fn as_ref(&self) -> &[u8] {
        &self.page
    }
}

fn render(view: &dyn View, telemetry_path: &str, kind: Kind) -> io::Result<Vec<u8>> {
    let (readiness, status) = (view.readiness(), view.status());
    match kind {
        Kind::Page => page::render(telemetry_path, readiness, status)
            .map(String::into_bytes)
            .map_err(io::Error::other),
        Kind::Json => Ok(json::document(readiness, &status)?),
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
    use crate::metrics::Snapshot;
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
    async fn what_nobody_asks_for_is_dropped() {
        let pages = Pages::new(Arc::new(House), "/metrics");
        drop(get(&pages).await);
        let key = (Kind::Page, Encoding::Identity);
        let kept = || pages.pages.kept(key).is_some();
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
