//! The body of an answer.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use crate::expose::Scrape;

/// A short text, or a scrape, whose frames are put together as fast as the client reads them.
#[derive(Debug)]
pub struct Body {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Text(Option<Bytes>),
    Scrape(Box<Scrape>),
}

impl Body {
    /// A whole text.
    pub(super) fn text(text: impl Into<Bytes>) -> Self {
        let text = Some(text.into()).filter(|text: &Bytes| !text.is_empty());
        Self::of(Kind::Text(text))
    }

    /// A scrape.
    pub(super) fn scrape(scrape: Scrape) -> Self {
        Self::of(Kind::Scrape(Box::new(scrape)))
    }

    fn of(kind: Kind) -> Self {
        Self { kind }
    }

    /// Bytes that are still to come.
    fn left(&self) -> usize {
        match &self.kind {
            Kind::Text(text) => text.as_ref().map_or(0, Bytes::len),
            Kind::Scrape(scrape) => scrape.left(),
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match &mut self.kind {
            Kind::Text(text) => text.take(),
            Kind::Scrape(scrape) => scrape.next_frame(),
        };
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left() as u64)
    }
}
