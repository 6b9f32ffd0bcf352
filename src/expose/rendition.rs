//! The families of functions as bytes, kept from scrape to scrape.
//!
//! A few functions make a block, and a block has a piece for each family. From one snapshot to the
//! next only the blocks with a function that changed are rendered again. Their functions are put
//! together anew by when they changed last: those that are busy come to share blocks, and those
//! that rest are left alone.

use std::io;
use std::sync::Arc;

use super::families::FAMILIES;
use super::format::Format;
use super::negotiate::Encoding;
use super::pack::{Packer, Piece, Total};
use super::style::Style;
use super::writer::Writer;
use crate::series::Snapshot;

/// Functions in a block. Fewer make more of the bytes and a longer list, more make more work when
/// one of them changes.
const BLOCK: usize = 8;

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
#[derive(Debug)]
pub struct Rendition {
    form: Form,
    generation: u64,
    accounts: bool,
    /// Functions shown.
    functions: usize,
    blocks: Vec<Arc<Block>>,
    /// What stands before each family.
    heads: Vec<Piece>,
    total: Total,
}

#[derive(Debug)]
struct Block {
    slots: Vec<u32>,
    /// One for each family.
    pieces: Vec<Piece>,
}

/// Renders blocks and heads of one form.
struct Press {
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
    /// in the same form, is taken from it.
    ///
    /// # Errors
    /// When nothing can be packed, which memory alone can bring about.
    pub fn new(form: Form, snapshot: &Snapshot, before: Option<&Self>) -> io::Result<Self> {
        let before = before.filter(|before| {
            before.form == form
                && before.accounts == snapshot.accounts
                && before.functions <= snapshot.series.len()
        });
        let (mut blocks, stale) = kept(snapshot, before);
        let mut press = Press {
            writer: form.format.writer(snapshot.accounts, form.style),
            packer: Packer::new(form.encoding),
        };
        for slots in stale.chunks(BLOCK) {
            blocks.push(Arc::new(press.block(snapshot, slots)?));
        }
        let mut rendition = Self {
            form,
            generation: snapshot.generation,
            accounts: snapshot.accounts,
            functions: snapshot.series.len(),
            heads: press.heads(&blocks)?,
            blocks,
            total: Total::default(),
        };
        rendition.total = rendition.sum_up(&press.packer);
        Ok(rendition)
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

    /// The piece at a place, the head of the body apart; `None` behind the last.
    pub(super) fn piece(&self, at: usize) -> Option<&Piece> {
        let (family, at) = (at / (self.blocks.len() + 1), at % (self.blocks.len() + 1));
        match at.checked_sub(1) {
            None => self.heads.get(family),
            Some(block) => self.blocks[block].pieces.get(family),
        }
    }

    fn sum_up(&self, packer: &Packer) -> Total {
        let mut total = Total::default();
        total.add(&packer.head());
        let mut at = 0;
        while let Some(piece) = self.piece(at) {
            total.add(piece);
            at += 1;
        }
        total
    }
}

/// The blocks that stay as they are, and the slots that have to be rendered, the busiest last.
fn kept(snapshot: &Snapshot, before: Option<&Rendition>) -> (Vec<Arc<Block>>, Vec<u32>) {
    let (shown, generation) = before.map_or((0, 0), |before| (before.functions, before.generation));
    let mut stale: Vec<u32> = (shown as u32..snapshot.series.len() as u32).collect();
    let is_fresh = |block: &Block| {
        let mut slots = block.slots.iter();
        slots.all(|slot| snapshot.changed(*slot) <= generation)
    };
    let blocks = before.map_or(&[][..], |before| &before.blocks);
    let (mut fresh, old): (Vec<_>, Vec<_>) = blocks.iter().partition(|block| is_fresh(block));
    stale.extend(old.into_iter().flat_map(|block| &block.slots));
    if !stale.is_empty() {
        // So that there is never more than one that is not full.
        fresh.retain(|block| {
            let full = block.slots.len() == BLOCK;
            if !full {
                stale.extend(&block.slots);
            }
            full
        });
    }
    stale.sort_unstable_by_key(|slot| (snapshot.changed(*slot), *slot));
    (fresh.into_iter().cloned().collect(), stale)
}

// === impl Press ===

impl Press {
    /// The functions of some slots, family by family.
    fn block(&mut self, snapshot: &Snapshot, slots: &[u32]) -> io::Result<Block> {
        let mut pieces = Vec::with_capacity(FAMILIES.len());
        for family in &FAMILIES {
            self.writer.out().clear();
            for slot in slots {
                let series = &snapshot.series[*slot as usize];
                (family.write)(&mut *self.writer, family.metric, series);
            }
            pieces.push(self.packer.pack(self.writer.out())?);
        }
        Ok(Block {
            slots: slots.to_vec(),
            pieces,
        })
    }

    fn heads(&mut self, blocks: &[Arc<Block>]) -> io::Result<Vec<Piece>> {
        let families = FAMILIES.iter().enumerate();
        let heads = families.map(|(at, family)| {
            let plain = blocks.iter().map(|block| block.pieces[at].plain);
            self.writer.out().clear();
            if !blocks.is_empty() {
                self.writer.family(family.metric, plain.sum());
            }
            self.packer.pack(self.writer.out())
        });
        heads.collect()
    }
}

#[cfg(test)]
mod tests;
