//! The families of functions as bytes, kept from scrape to scrape.
//!
//! A few functions make a block, and a block has a piece for each family. From one snapshot to the
//! next only the blocks with a function that changed are rendered again. Their functions are put
//! together anew by when they changed last: those that are busy come to share blocks, and those
//! that rest are left alone.

use std::io;

use bytes::{Bytes, BytesMut};

use super::families::{FAMILIES, Family};
use super::format::Format;
use super::negotiate::Encoding;
use super::pack::{Packer, Piece, Total};
use super::style::Style;
use super::writer::Writer;
use crate::series::Snapshot;

/// Functions in a block. Fewer make more of the bytes and a longer list, more make more work when
/// one of them changes.
const BLOCK: usize = 8;
/// Pieces are put together up to this size.
const FRAME: usize = 128 * 1024;
/// From this size on a piece is a frame of its own.
const LARGE: usize = 16 * 1024;

/// How the bytes of a scrape are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// The format.
    pub format: Format,
    /// How it is packed.
    pub encoding: Encoding,
    /// What else can be chosen.
    pub style: Style,
}

/// All functions of one snapshot in one form.
#[derive(Debug, Clone)]
pub struct Rendition {
    form: Form,
    generation: u64,
    accounts: bool,
    /// The functions, [`BLOCK`] after [`BLOCK`]; only the last block may have fewer.
    slots: Vec<u32>,
    /// For each family what stands before its functions, then a piece for each block.
    families: Vec<Vec<Piece>>,
    /// The same bytes as they are sent, behind what a body begins with.
    frames: Vec<Bytes>,
    total: Total,
}

/// Renders pieces of one form.
struct Press<'s> {
    snapshot: &'s Snapshot,
    writer: Box<dyn Writer>,
    packer: Packer,
}

// === impl Form ===

impl Form {
    /// Every form in one style.
    pub fn all(style: Style) -> impl Iterator<Item = Self> {
        let with = move |format| {
            [Encoding::Identity, Encoding::Gzip].map(|encoding| Self {
                format,
                encoding,
                style,
            })
        };
        Format::ALL.into_iter().flat_map(with)
    }
}

// === impl Rendition ===

impl Rendition {
    /// A rendition of `snapshot`. What has not changed since `before`, one of an earlier snapshot
    /// in the same form, is taken from it; the rest of it is let go first, so that there are never
    /// two whole ones.
    ///
    /// # Errors
    /// When nothing can be packed, which memory alone can bring about.
    pub fn new(form: Form, snapshot: &Snapshot, before: Option<Self>) -> io::Result<Self> {
        let before = before.filter(|before| before.leads_to(form, snapshot));
        let before = before.unwrap_or_else(|| Self::of_nothing(form, snapshot.accounts));
        let (kept, stale) = before.sort_out(snapshot);
        let slots = kept.iter().flat_map(|block| before.block(*block));
        let slots = slots.chain(&stale).copied().collect();
        drop(before.frames);
        let mut families = before.families;
        families.iter_mut().for_each(|pieces| keep(pieces, &kept));
        let mut press = Press {
            snapshot,
            writer: form.format.writer(snapshot.accounts, form.style),
            packer: Packer::new(form.encoding),
        };
        // Block by block, since the data of a function are many and far from those of another.
        for block in stale.chunks(BLOCK) {
            for (family, pieces) in FAMILIES.iter().zip(&mut families) {
                pieces.push(press.functions(family, block)?);
            }
        }
        let head = press.packer.head();
        let mut total = press.packer.start();
        for (family, pieces) in FAMILIES.iter().zip(&mut families) {
            pieces[0] = press.head(family, &pieces[1..])?;
            pieces.iter().for_each(|piece| total.add(piece));
        }
        Ok(Self {
            form,
            generation: snapshot.generation,
            accounts: snapshot.accounts,
            slots,
            frames: frames(head, &mut families),
            families,
            total,
        })
    }

    /// What there is to begin with.
    fn of_nothing(form: Form, accounts: bool) -> Self {
        Self {
            form,
            generation: 0,
            accounts,
            slots: Vec::new(),
            families: vec![vec![Piece::default()]; FAMILIES.len()],
            frames: Vec::new(),
            total: Total::default(),
        }
    }

    /// The generation of the snapshot that it shows.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Its form.
    pub fn form(&self) -> Form {
        self.form
    }

    /// How many bytes it keeps.
    pub fn bytes(&self) -> usize {
        self.total.sent
    }

    /// Whether functions carry the label of their account.
    pub(super) fn accounts(&self) -> bool {
        self.accounts
    }

    /// What is known of all its pieces.
    pub(super) fn total(&self) -> Total {
        self.total
    }

    /// What is sent, but for what the body ends with.
    pub(super) fn frames(&self) -> &[Bytes] {
        &self.frames
    }

    /// Whether a rendition of `snapshot` can go on from this one.
    fn leads_to(&self, form: Form, snapshot: &Snapshot) -> bool {
        self.form == form
            && self.accounts == snapshot.accounts
            && self.slots.len() <= snapshot.series.len()
    }

    /// The functions of a block.
    fn block(&self, block: usize) -> &[u32] {
        let from = block * BLOCK;
        &self.slots[from..self.slots.len().min(from + BLOCK)]
    }

    /// The blocks that stay as they are, and the functions that have to be rendered, the ones that
    /// changed last at the end.
    fn sort_out(&self, snapshot: &Snapshot) -> (Vec<usize>, Vec<u32>) {
        let mut stale: Vec<u32> = (self.slots.len() as u32..snapshot.series.len() as u32).collect();
        let is_fresh = |slot: &u32| snapshot.changed(*slot) <= self.generation;
        let mut kept = Vec::new();
        for block in 0..self.slots.len().div_ceil(BLOCK) {
            let slots = self.block(block);
            // Behind the last block, where it is not full, there can be no other.
            let full = slots.len() == BLOCK || stale.is_empty();
            if full && slots.iter().all(is_fresh) {
                kept.push(block);
            } else {
                stale.extend(slots);
            }
        }
        stale.sort_unstable_by_key(|slot| (snapshot.changed(*slot), *slot));
        (kept, stale)
    }
}

/// Leaves the head of a family and the pieces of some blocks, which are ascending.
fn keep(pieces: &mut Vec<Piece>, blocks: &[usize]) {
    let mut kept = blocks.iter().map(|block| block + 1).peekable();
    let mut at = 0;
    pieces.retain(|_| {
        let keep = at == 0 || kept.next_if_eq(&at).is_some();
        at += 1;
        keep
    });
}

/// Puts small pieces together, as each frame costs a call of the system. The pieces become parts of
/// their frames, so that nothing is there twice.
fn frames(head: Bytes, families: &mut [Vec<Piece>]) -> Vec<Bytes> {
    let mut frames = vec![head];
    let (mut together, mut size) = (Vec::new(), 0);
    for piece in families.iter_mut().flatten() {
        let len = piece.bytes.len();
        if len >= LARGE || size + len > FRAME {
            frames.push(frame(&mut together, size));
            size = 0;
        }
        if len >= LARGE {
            frames.push(piece.bytes.clone());
        } else {
            size += len;
            together.push(piece);
        }
    }
    frames.push(frame(&mut together, size));
    frames.retain(|frame| !frame.is_empty());
    frames
}

/// One frame of some pieces, which come to `size` bytes.
fn frame(together: &mut Vec<&mut Piece>, size: usize) -> Bytes {
    let mut room = BytesMut::with_capacity(size);
    together
        .iter()
        .for_each(|piece| room.extend_from_slice(&piece.bytes));
    let frame = room.freeze();
    let mut rest = frame.clone();
    for piece in together.drain(..) {
        piece.bytes = rest.split_to(piece.bytes.len());
    }
    frame
}

// === impl Press ===

impl Press<'_> {
    /// What a family shows of some functions.
    fn functions(&mut self, family: &Family, slots: &[u32]) -> io::Result<Piece> {
        self.writer.out().clear();
        for slot in slots {
            let series = &self.snapshot.series[*slot as usize];
            (family.write)(&mut *self.writer, family.metric, series);
        }
        self.packer.pack(self.writer.out())
    }

    /// What stands before these pieces of a family; nothing where no function is known.
    fn head(&mut self, family: &Family, pieces: &[Piece]) -> io::Result<Piece> {
        let len = pieces.iter().map(Piece::plain).sum();
        self.writer.out().clear();
        if !pieces.is_empty() {
            self.writer.family(family.metric, len);
        }
        self.packer.pack(self.writer.out())
    }
}

#[cfg(test)]
mod tests;
