//! A disk in memory that outlives the exporters which write to it, can fail, and knows what a power
//! cut would leave of it.
//!
//! What was synced stays. Of what was written since, a power cut leaves any part: each write (a
//! change of the length too) may be there or not, whatever came after it, and one that is there may
//! be torn between two sectors.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;
use scf_exporter::store::Disk;
use tencentcloud::runtime::Random;

/// Bytes that a disk writes as a whole or not at all.
pub const SECTOR: usize = 512;
/// Images share blocks of so many bytes.
const BLOCK: usize = 4096;

/// The bytes of a disk. Clones share the blocks that are equal.
#[derive(Clone, Default)]
pub struct Image {
    blocks: Vec<Arc<[u8; BLOCK]>>,
    len: usize,
}

/// One change of a disk.
#[derive(Clone)]
pub enum Operation {
    Write(usize, Arc<[u8]>),
    SetLen(usize),
    Sync,
    /// The power was cut, and this was left.
    Cut(Image),
}

/// Which operations fail, and how.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The operations concerned, counted from the first one of the disk.
    pub at: Range<usize>,
    pub kind: FailureKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// ENOSPC: what needs room fails; a sync only where room is given as late as then.
    Full { syncs: bool },
    /// EIO: every change fails; what was to be synced may still be by the next sync.
    Broken,
}

/// A disk; the handle for tests.
#[derive(Clone, Default)]
pub struct FaultyDisk(Arc<Mutex<State>>);

/// An operation, and what the witness returned before it.
pub type Recorded = (Operation, usize);
type Witness = Arc<dyn Fn() -> usize + Send + Sync>;

#[derive(Default)]
struct State {
    /// What a power cut leaves for certain.
    synced: Image,
    /// Changes since the last sync.
    unsynced: Vec<Operation>,
    /// What a reader sees.
    seen: Image,
    /// Number of changes since the beginning, failed ones included.
    asked: usize,
    syncs: u64,
    /// Hash of all writes, for comparing two runs.
    written: u64,
    log: Option<Vec<Recorded>>,
    failure: Option<Failure>,
    failed: usize,
    /// Number of kills and power cuts. Handles from before the last one reach nothing.
    powered: usize,
    witness: Option<Witness>,
}

/// What the store holds of a disk.
struct Handle {
    disk: FaultyDisk,
    powered: usize,
}

// === impl Operation ===

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(at, bytes) => write!(f, "write of {} bytes at {at}", bytes.len()),
            Self::SetLen(len) => write!(f, "change of length to {len}"),
            Self::Sync => f.write_str("sync"),
            Self::Cut(_) => f.write_str("power cut"),
        }
    }
}

// === impl Image ===

impl Image {
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes of memory that it takes, about.
    pub fn held(&self) -> usize {
        let blocks: HashSet<_> = self.blocks.iter().map(Arc::as_ptr).collect();
        blocks.len() * BLOCK
    }

    pub fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Write(at, bytes) => self.write(*at, bytes),
            Operation::SetLen(len) => self.set_len(*len),
            Operation::Sync => {}
            Operation::Cut(left) => *self = left.clone(),
        }
    }

    /// A write beyond the end makes the disk longer, as it does with a file.
    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        if at + bytes.len() > self.len {
            self.set_len(at + bytes.len());
        }
        let mut rest = bytes;
        let mut at = at;
        while !rest.is_empty() {
            let (block, from) = (at / BLOCK, at % BLOCK);
            let (part, after) = rest.split_at(rest.len().min(BLOCK - from));
            Arc::make_mut(&mut self.blocks[block])[from..from + part.len()].copy_from_slice(part);
            at += part.len();
            rest = after;
        }
    }

    pub fn set_len(&mut self, len: usize) {
        if len < self.len && !len.is_multiple_of(BLOCK) {
            // What is cut off must not come back when it grows again.
            Arc::make_mut(&mut self.blocks[len / BLOCK])[len % BLOCK..].fill(0);
        }
        let empty = Arc::new([0; BLOCK]);
        self.blocks
            .resize_with(len.div_ceil(BLOCK), || empty.clone());
        self.len = len;
    }

    fn read(&self, at: usize, out: &mut [u8]) -> io::Result<()> {
        if at + out.len() > self.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (mut at, mut out) = (at, out);
        while !out.is_empty() {
            let (block, from) = (at / BLOCK, at % BLOCK);
            let length = out.len().min(BLOCK - from);
            let (part, rest) = out.split_at_mut(length);
            part.copy_from_slice(&self.blocks[block][from..from + length]);
            at += length;
            out = rest;
        }
        Ok(())
    }
}

/// What may be left of `synced` and the operations since, by chance: each one may be there, and may
/// be torn.
pub fn survivors(synced: &Image, unsynced: &[Operation], random: &Random) -> Image {
    let mut image = synced.clone();
    // From nearly nothing to nearly all, so that both ends are met.
    let share = random.unit();
    for operation in unsynced.iter().filter(|_| random.unit() < share) {
        if random.unit() < 0.25 {
            torn(&mut image, operation, random);
        } else {
            image.apply(operation);
        }
    }
    image
}

/// Applies some of the sectors of a write; of another operation nothing.
pub fn torn(image: &mut Image, operation: &Operation, random: &Random) {
    let Operation::Write(at, bytes) = operation else {
        return;
    };
    for (number, sector) in bytes.chunks(SECTOR).enumerate() {
        if random.unit() < 0.5 {
            image.write(at + number * SECTOR, sector);
        }
    }
}

/// Applies the first half of a write, to a sector; of another operation nothing.
pub fn half(image: &mut Image, operation: &Operation) {
    if let Operation::Write(at, bytes) = operation {
        let sectors = bytes.len().div_ceil(SECTOR) / 2;
        image.write(*at, &bytes[..sectors * SECTOR]);
    }
}

// === impl FaultyDisk ===

impl FaultyDisk {
    /// A disk with these bytes, all of them synced.
    pub fn holding(image: Image) -> Self {
        Self(Arc::new(Mutex::new(State {
            synced: image.clone(),
            seen: image,
            ..State::default()
        })))
    }

    /// The disk for a new process. Whoever had it before can do nothing any more.
    pub fn new_process(&self) -> Disk {
        self.kill();
        self.disk()
    }

    /// The disk as the store takes it.
    pub fn disk(&self) -> Disk {
        let disk = self.clone();
        Arc::new(move || {
            let powered = disk.state().powered;
            let disk = disk.clone();
            Box::new(Handle { disk, powered })
        })
    }

    /// From now on keeps every operation, with what `witness` says before each.
    pub fn record(&self, witness: impl Fn() -> usize + Send + Sync + 'static) {
        let mut state = self.state();
        state.log = Some(Vec::new());
        state.witness = Some(Arc::new(witness));
    }

    /// What happened since [`FaultyDisk::record`], without what failed; nothing more is kept.
    pub fn recorded(&self) -> Vec<Recorded> {
        let mut state = self.state();
        state.witness = None;
        state.log.take().unwrap_or_default()
    }

    /// How many operations were asked for so far, failed ones as well.
    pub fn asked(&self) -> usize {
        self.state().asked
    }

    /// How many of them failed.
    pub fn failed(&self) -> usize {
        self.state().failed
    }

    /// How often everything was made durable.
    pub fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// Hash of all writes so far.
    pub fn written(&self) -> u64 {
        self.state().written
    }

    /// From now on there is no room for any change, nor for what is to be synced, or there is again.
    pub fn set_full(&self, is_full: bool) {
        let kind = FailureKind::Full { syncs: true };
        let at = 0..usize::MAX;
        self.state().failure = is_full.then_some(Failure { at, kind });
    }

    /// Lets it fail.
    pub fn fail(&self, failure: Failure) {
        self.state().failure = Some(failure);
    }

    /// Nothing fails any more.
    pub fn repair(&self) {
        self.state().failure = None;
    }

    /// What a reader sees.
    pub fn seen(&self) -> Image {
        self.state().seen.clone()
    }

    /// Cuts the power: of what was not synced, chance decides. Whoever has the disk open can do
    /// nothing any more.
    pub fn cut_power(&self, random: &Random) {
        let witness = self.state().witness.clone();
        let said = witness.map_or(0, |witness| witness());
        let mut state = self.state();
        let left = survivors(&state.synced, &state.unsynced, random);
        state.powered += 1;
        if let Some(log) = &mut state.log {
            log.push((Operation::Cut(left.clone()), said));
        }
        state.unsynced.clear();
        state.synced = left.clone();
        state.seen = left;
    }

    /// What `kill -9` does: the machine goes on, so all that was written is there. Whoever has the
    /// disk open can do nothing any more.
    pub fn kill(&self) {
        self.state().powered += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panics while it holds this has failed already.
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    /// One change: fails where it is to, else happens.
    fn change(&mut self, operation: Operation, said: usize) -> io::Result<()> {
        let number = self.asked;
        self.asked += 1;
        let failure = self.failure.as_ref().filter(|f| f.at.contains(&number));
        if let Some(error) = failure.and_then(|failure| failure.error(&operation)) {
            self.failed += 1;
            return Err(error);
        }
        if let Some(log) = &mut self.log {
            log.push((operation.clone(), said));
        }
        self.seen.apply(&operation);
        if matches!(operation, Operation::Sync) {
            self.syncs += 1;
            self.unsynced.clear();
            self.synced = self.seen.clone();
            return Ok(());
        }
        if let Operation::Write(at, bytes) = &operation {
            let mut hash = self.written ^ *at as u64;
            for byte in bytes.iter() {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
            }
            self.written = hash;
        }
        self.unsynced.push(operation);
        Ok(())
    }
}

// === impl Failure ===

impl Failure {
    /// What becomes of an operation that is concerned.
    fn error(&self, operation: &Operation) -> Option<io::Error> {
        match (self.kind, operation) {
            (FailureKind::Full { syncs: false }, Operation::Sync) => None,
            (FailureKind::Full { .. }, _) => Some(io::ErrorKind::StorageFull.into()),
            (FailureKind::Broken, _) => Some(io::Error::other("the disk is broken")),
        }
    }
}

// === impl Handle ===

impl Handle {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        if state.powered == self.powered {
            Ok(state)
        } else {
            Err(io::Error::other("the power was cut"))
        }
    }

    fn change(&self, operation: Operation) -> io::Result<()> {
        // Called without the lock, since it may read the disk.
        let witness = self.state()?.witness.clone();
        let said = witness.map_or(0, |witness| witness());
        self.state()?.change(operation, said)
    }
}

impl StorageBackend for Handle {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state()?.seen.len as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.state()?.seen.read(offset as usize, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Operation::SetLen(len as usize))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.change(Operation::Sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Operation::Write(offset as usize, data.into()))
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle")
    }
}
