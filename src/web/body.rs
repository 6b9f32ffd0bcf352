//! The body of a response.

use std::array;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

/// A text, or the two parts of a scrape. Its length is known before it is sent.
#[derive(Debug)]
pub struct Body {
    parts: array::IntoIter<Bytes, 2>,
}

impl Body {
    /// Returns a body of one text.
    pub(super) fn text(text: impl Into<Bytes>) -> Self {
        Self::of([text.into(), Bytes::new()])
    }

    /// Returns a body of two parts, one after the other.
    pub(super) fn of(parts: [Bytes; 2]) -> Self {
        Self {
            parts: parts.into_iter(),
        }
    }

    /// Returns the number of bytes that are still to come.
    fn left(&self) -> usize {
        self.parts.as_slice().iter().map(Bytes::len).sum()
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let part = self.parts.find(|part| !part.is_empty());
        Poll::Ready(part.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left() as u64)
    }
}
