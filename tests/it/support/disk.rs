//! A disk in memory that outlives the exporters which write to it.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;
use scf_exporter::store::Disk;

/// The bytes of a state, and who may write to them.
#[derive(Debug, Default)]
pub struct Image {
    bytes: Mutex<Vec<u8>>,
    /// Each life of an exporter has one of its own; only the latest has access.
    life: AtomicU64,
    is_full: Mutex<bool>,
    /// Hash of everything that was written, for comparing two runs.
    written: AtomicU64,
    syncs: AtomicU64,
}

/// One exporter's access.
#[derive(Debug)]
struct Handle {
    image: Arc<Image>,
    life: u64,
}

/// Gives the disk to a new life. Whoever had it before finds every access failing from now on, as
/// a killed process can write no more.
pub fn disk_of(image: &Arc<Image>) -> Disk {
    let life = image.end_life();
    let image = image.clone();
    Arc::new(move || {
        let image = image.clone();
        Box::new(Handle { image, life })
    })
}

// === impl Image ===

impl Image {
    /// Takes the disk from whoever has it.
    pub fn end_life(&self) -> u64 {
        self.life.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// From now on there is no room for anything, or there is again.
    pub fn set_full(&self, is_full: bool) {
        *self.is_full.lock().expect("nobody panics with it") = is_full;
    }

    /// How often everything was made durable.
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Hash of all writes so far.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Bytes that the state takes.
    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().expect("nobody panics with it")
    }

    fn note(&self, offset: u64, data: &[u8]) {
        let mut hash = self.written() ^ offset;
        for byte in data {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
        self.written.store(hash, Ordering::Relaxed);
    }
}

// === impl Handle ===

impl Handle {
    fn check(&self) -> io::Result<()> {
        if self.image.life.load(Ordering::Relaxed) == self.life {
            Ok(())
        } else {
            Err(io::Error::other("the process that held this was killed"))
        }
    }

    fn check_room(&self) -> io::Result<()> {
        self.check()?;
        if *self.image.is_full.lock().expect("nobody panics with it") {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl StorageBackend for Handle {
    fn len(&self) -> io::Result<u64> {
        self.check()?;
        Ok(self.image.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.check()?;
        let (bytes, from) = (self.image.bytes(), offset as usize);
        let part = bytes.get(from..from + out.len());
        out.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check_room()?;
        self.image.bytes().resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check_room()?;
        self.image.syncs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check_room()?;
        self.image.note(offset, data);
        let mut bytes = self.image.bytes();
        let to = bytes.get_mut(offset as usize..offset as usize + data.len());
        to.ok_or(io::ErrorKind::UnexpectedEof)?
            .copy_from_slice(data);
        Ok(())
    }
}
