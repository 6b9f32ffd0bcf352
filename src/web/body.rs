//! The body of an answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use crate::expose::Scrape;

/// A short text, or a scrape that is made as fast as the client reads it: nobody has to hold the
/// whole of it, and a client that stops reading stops the work.
#[derive(Debug)]
pub struct Body(Kind);

#[derive(Debug)]
enum Kind {
    Text(Option<Bytes>),
    Scrape(Box<Scrape>),
}

impl Body {
    /// A whole text.
    pub(super) fn text(text: impl Into<Bytes>) -> Self {
        Self(Kind::Text(
            Some(text.into()).filter(|text: &Bytes| !text.is_empty()),
        ))
    }

    /// A scrape.
    pub(super) fn scrape(scrape: Scrape) -> Self {
        Self(Kind::Scrape(Box::new(scrape)))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = match &mut self.0 {
            Kind::Text(text) => Ok(text.take()),
            Kind::Scrape(scrape) => scrape.next_piece(),
        };
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)).transpose())
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Kind::Text(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Text(text) => SizeHint::with_exact(text.as_ref().map_or(0, Bytes::len) as u64),
            Kind::Scrape(_) => SizeHint::default(),
        }
    }
}
