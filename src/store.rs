//! The durable state: series, invocation keys and checkpoints in one redb file.
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | `layout` | number of the layout, 8 bytes |
//! | `functions` | slot | [`StoredFunction`]: names, series, the position below which keys are evicted; empty for a slot whose series ended |
//! | `keys` | running number | [`KeyPack`]: the invocation keys of one page |
//! | `targets` | text of the target | watermark, milliseconds; for a partition the time up to which it was read, and the offset of the next record |
//! | `held` | slot | the series that are shown while new ones of the function are at zero, as in `functions` |
//! | `lists` | text of the list's id | when the last complete list began, and from where new targets are read, milliseconds |
//! | `missed` | slot | when the function was listed last, milliseconds, and the number of complete lists without it |
//! | `ended` | text of the function's target | position below which rows of a function whose series ended are duplicates, milliseconds |
//!
//! Every change is one transaction that is on the disk when [`Store::commit`] returns.

mod contain;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod records;
mod tables;
mod unborn;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Database, DatabaseError, StorageBackend};

use crate::ledger::{Checkpoint, ListId, ListedAt, Missed, TargetId};
use crate::metrics::FunctionSeries;
use crate::model::{FunctionId, Timestamp};
use contain::contained;
pub use error::{CommitError, OpenError};
pub use records::{KeyPack, SeenKey, StoredFunction};

/// Name of the file in the state directory.
pub const FILE: &str = "scf-exporter.redb";

/// The store. Without a file, state lives in memory only and commits do nothing.
#[derive(Debug)]
pub struct Store {
    database: Option<Database>,
    place: StoreLocation,
}

#[derive(Clone)]
enum StoreLocation {
    Memory,
    File(PathBuf),
    Disk(Disk),
}

/// Opens a disk; called each time the store is opened. For tests with a disk of their own, such as
/// one that fails.
pub type Disk = Arc<dyn Fn() -> Box<dyn StorageBackend> + Send + Sync>;

/// The content of the store.
#[derive(Debug, Default, PartialEq)]
pub struct Stored {
    /// The functions in the order of their slots; `None` for a slot whose series ended.
    pub functions: Vec<Option<StoredFunction>>,
    /// The packs of invocation keys with their running numbers.
    pub keys: Vec<(u64, Arc<KeyPack>)>,
    /// How far each target was read.
    pub targets: Vec<(TargetId, Checkpoint)>,
    /// The series that are shown of functions with new series at zero, by slot.
    pub held: Vec<(u32, Arc<FunctionSeries>)>,
    /// When each source last listed its functions.
    pub lists: Vec<(ListId, ListedAt)>,
    /// Functions that are missing from complete lists, by slot.
    pub missed: Vec<(u32, Missed)>,
    /// For functions whose series ended: the position below which their rows are duplicates.
    pub ended: Vec<(FunctionId, Timestamp)>,
}

/// One atomic change. In the lists of options, `None` removes a row.
#[derive(Debug, Default)]
pub struct Changes {
    /// New versions of functions, by slot.
    pub functions: Vec<(u32, StoredFunction)>,
    /// New packs, by running number.
    pub keys: Vec<(u64, Arc<KeyPack>)>,
    /// Packs that are no longer needed.
    pub dropped_keys: Vec<u64>,
    /// New checkpoints.
    pub targets: Vec<(TargetId, Checkpoint)>,
    /// The series that are shown of functions with new series at zero, by slot.
    pub held: Vec<(u32, Option<Arc<FunctionSeries>>)>,
    /// Slots whose series end.
    pub emptied: Vec<u32>,
    /// When sources listed their functions.
    pub lists: Vec<(ListId, ListedAt)>,
    /// Functions that are missing from complete lists, by slot.
    pub missed: Vec<(u32, Option<Missed>)>,
    /// For functions whose series ended: the position below which their rows are duplicates.
    pub ended: Vec<(FunctionId, Option<Timestamp>)>,
}

impl Store {
    /// A store without a file.
    pub fn memory() -> Self {
        Self {
            database: None,
            place: StoreLocation::Memory,
        }
    }

    /// Opens the state directory and creates it if it does not exist.
    ///
    /// # Errors
    /// When the directory or its file cannot be used; the message says what to do.
    pub fn open(directory: &Path) -> Result<(Self, Stored), OpenError> {
        fs::create_dir_all(directory).map_err(|cause| OpenError::directory(directory, cause))?;
        Self::open_at(StoreLocation::File(directory.join(FILE)))
    }

    /// Opens the store on `disk` instead of a file; for tests.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_on(disk: Disk) -> Result<(Self, Stored), OpenError> {
        Self::open_at(StoreLocation::Disk(disk))
    }

    fn open_at(place: StoreLocation) -> Result<(Self, Stored), OpenError> {
        let mut store = Self {
            database: None,
            place,
        };
        let stored = store.reopen()?.unwrap_or_default();
        Ok((store, stored))
    }

    /// Opens the file again and returns its content; `None` without a file. After a failed commit
    /// only the file shows whether the change was written.
    ///
    /// # Errors
    /// As [`Store::open`]; it may be tried again.
    pub fn reopen(&mut self) -> Result<Option<Stored>, OpenError> {
        let closing = self.database.take();
        // A database that panicked in a commit may panic once more.
        let _closed = contained(|| drop(closing));
        let opened = match self.open_once() {
            Err(failed) if failed.is_damage && self.place.clear_unborn() => self.open_once(),
            opened => opened,
        };
        let Some((database, stored)) = opened? else {
            return Ok(None);
        };
        self.place.keep_from_now_on()?;
        self.database = Some(database);
        Ok(Some(stored))
    }

    fn open_once(&self) -> Result<Option<(Database, Stored)>, OpenError> {
        self.place.mark_new()?;
        let file = self.place.shown();
        let opened = contained(|| {
            let Some(opened) = self.place.open() else {
                return Ok(None);
            };
            let database = opened.map_err(|cause| OpenError::database(file, cause.into()))?;
            let stored = tables::make(&database).and_then(|()| tables::load(&database));
            match stored {
                Ok(stored) => Ok(Some((database, stored))),
                Err(cause) => Err(OpenError::load(file, cause)),
            }
        });
        opened.unwrap_or_else(|panic| Err(OpenError::panicked(file, &panic)))
    }

    /// Writes a change as a whole; it is durable when this returns.
    ///
    /// # Errors
    /// When the change was not written; it must be assumed that none or all of it is in the file.
    pub fn commit(&self, changes: &Changes) -> Result<(), CommitError> {
        match (&self.database, &self.place) {
            (Some(database), _) => match contained(|| tables::write(database, changes)) {
                Ok(written) => written.map_err(CommitError::new),
                Err(panic) => Err(CommitError::panicked(&panic)),
            },
            (None, StoreLocation::Memory) => Ok(()),
            (None, _) => Err(CommitError::closed()),
        }
    }

    /// Returns the size of the file; `None` without a file.
    pub fn bytes(&self) -> Option<u64> {
        match &self.place {
            StoreLocation::File(file) => fs::metadata(file).ok().map(|meta| meta.len()),
            StoreLocation::Memory | StoreLocation::Disk(_) => None,
        }
    }
}

// === impl StoreLocation ===

impl StoreLocation {
    /// Opens the database; `None` without a file.
    ///
    /// Every page is verified by its checksum, even after a clean shutdown: otherwise the database
    /// trusts damaged pages, and returns or panics over whatever they contain.
    fn open(&self) -> Option<Result<Database, DatabaseError>> {
        let mut builder = Database::builder();
        builder.set_check_integrity_on_open(true);
        match self {
            Self::Memory => None,
            Self::File(file) => Some(builder.create(file)),
            Self::Disk(disk) => Some(builder.create_with_backend(Given(disk()))),
        }
    }

    /// Returns the path for messages.
    fn shown(&self) -> &Path {
        match self {
            Self::Memory => Path::new("(none)"),
            Self::File(file) => file,
            Self::Disk(_) => Path::new("(given)"),
        }
    }

    fn mark_new(&self) -> Result<(), OpenError> {
        match self {
            Self::File(file) => unborn::mark_new(file).map_err(|cause| cannot_change(file, cause)),
            Self::Memory | Self::Disk(_) => Ok(()),
        }
    }

    /// Empties a file whose creation was interrupted. Returns whether it did.
    fn clear_unborn(&self) -> bool {
        let cleared = match self {
            Self::Memory => Ok(false),
            Self::File(file) => unborn::clear_file(file),
            Self::Disk(disk) => unborn::clear_disk(&*disk()),
        };
        // Where this fails, the error of opening the file says enough.
        cleared.unwrap_or_default()
    }

    /// Notes durably that the creation of the file is complete.
    fn keep_from_now_on(&self) -> Result<(), OpenError> {
        match self {
            Self::File(file) => unborn::unmark(file).map_err(|cause| cannot_change(file, cause)),
            Self::Memory | Self::Disk(_) => Ok(()),
        }
    }
}

/// Error of a state directory in which files cannot be created or removed.
fn cannot_change(file: &Path, cause: io::Error) -> OpenError {
    OpenError::directory(file.parent().unwrap_or(file), cause)
}

/// A disk of a test. No other process can use it, so it needs no locks.
#[derive(Debug)]
struct Given(Box<dyn StorageBackend>);

impl StorageBackend for Given {
    fn len(&self) -> Result<u64, io::Error> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.0.write(offset, data)
    }

    fn close(&self) -> Result<(), io::Error> {
        self.0.close()
    }
}

impl std::fmt::Debug for StoreLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Memory => "Memory",
            Self::File(_) => "File",
            Self::Disk(_) => "Disk",
        })
    }
}

#[cfg(test)]
mod tests;
