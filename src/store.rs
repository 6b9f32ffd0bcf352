//! The durable state: series, invocation keys and checkpoints in one redb file.
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | `layout` | number of the layout, 8 bytes |
//! | `functions` | slot | [`StoredFunction`]: names, series, the position below which keys are forgotten; nothing in a slot whose series ended |
//! | `keys` | running number | [`KeyPack`]: the attempts of one page |
//! | `targets` | text of the target | watermark, milliseconds; of a partition up to when it was read, and the offset of the next record |
//! | `held` | slot | what is shown of a function while new series of it are at zero, as in `functions` |
//! | `lists` | text of whose lists they are | when the last complete one began, and from where new targets are read, milliseconds |
//! | `missed` | slot | since when complete lists miss the function, milliseconds, and how many did |
//! | `ended` | text of the function's target | position below which rows of a function whose series ended are closed, milliseconds |
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

/// The name of the file inside the state directory.
pub const FILE: &str = "scf-exporter.redb";

/// An open store, or none at all: state that lives in memory only.
#[derive(Debug)]
pub struct Store {
    database: Option<Database>,
    place: StoreLocation,
}

/// Where the bytes of a state are.
#[derive(Clone)]
enum StoreLocation {
    /// Nowhere.
    Memory,
    File(PathBuf),
    Disk(Disk),
}

/// Gives access to the bytes of a state, anew each time it is opened. For tests that bring a disk
/// of their own, such as one that fails.
pub type Disk = Arc<dyn Fn() -> Box<dyn StorageBackend> + Send + Sync>;

/// Everything that was stored.
#[derive(Debug, Default, PartialEq)]
pub struct Stored {
    /// The functions in the order of their slots; nothing in a slot whose series ended.
    pub functions: Vec<Option<StoredFunction>>,
    /// The packs of attempt keys with their running numbers.
    pub keys: Vec<(u64, Arc<KeyPack>)>,
    /// How far each target was read.
    pub targets: Vec<(TargetId, Checkpoint)>,
    /// What is shown of functions with new series, by slot; these are at zero there.
    pub held: Vec<(u32, Arc<FunctionSeries>)>,
    /// When each source listed its functions.
    pub lists: Vec<(ListId, ListedAt)>,
    /// Functions that complete lists miss, by slot.
    pub missed: Vec<(u32, Missed)>,
    /// The position below which rows of functions are closed whose series ended.
    pub ended: Vec<(FunctionId, Timestamp)>,
}

/// One atomic change.
#[derive(Debug, Default)]
pub struct Changes {
    /// New versions of functions, by slot.
    pub functions: Vec<(u32, StoredFunction)>,
    /// New packs, by running number; shared with the ledger, which takes them over afterwards.
    pub keys: Vec<(u64, Arc<KeyPack>)>,
    /// Packs that are no longer needed.
    pub dropped_keys: Vec<u64>,
    /// How far targets were read, absolute.
    pub targets: Vec<(TargetId, Checkpoint)>,
    /// What is shown of functions with new series, by slot; none where all is shown from now on.
    pub held: Vec<(u32, Option<Arc<FunctionSeries>>)>,
    /// Slots whose series end.
    pub emptied: Vec<u32>,
    /// When sources listed their functions.
    pub lists: Vec<(ListId, ListedAt)>,
    /// Functions that complete lists miss, by slot; none where one names it again.
    pub missed: Vec<(u32, Option<Missed>)>,
    /// The position below which rows of a function whose series ended are closed; none once there
    /// can be no such row.
    pub ended: Vec<(FunctionId, Option<Timestamp>)>,
}

impl Store {
    /// State that lives in memory only.
    pub fn memory() -> Self {
        Self {
            database: None,
            place: StoreLocation::Memory,
        }
    }

    /// Opens the state directory, or makes it.
    ///
    /// # Errors
    /// Each way in which a directory can be unfit has its own error, which says what to do.
    pub fn open(directory: &Path) -> Result<(Self, Stored), OpenError> {
        fs::create_dir_all(directory).map_err(|cause| OpenError::directory(directory, cause))?;
        Self::open_at(StoreLocation::File(directory.join(FILE)))
    }

    /// Opens the state on a given disk.
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

    /// Opens the file again after a commit failed: only what is in the file is known to be so.
    /// `None` where there is no file to read.
    ///
    /// # Errors
    /// As [`Store::open`]; it may be tried again.
    pub fn reopen(&mut self) -> Result<Option<Stored>, OpenError> {
        let closing = self.database.take();
        // What broke down in a commit may break down once more.
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

    /// Applies a change: all of it, durably, or nothing.
    ///
    /// # Errors
    /// When the change did not reach the disk; the state is then as it was before.
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

    /// What its file takes on the disk; `None` where there is no file.
    pub fn bytes(&self) -> Option<u64> {
        match &self.place {
            StoreLocation::File(file) => fs::metadata(file).ok().map(|meta| meta.len()),
            StoreLocation::Memory | StoreLocation::Disk(_) => None,
        }
    }
}

// === impl StoreLocation ===

impl StoreLocation {
    /// The database of this place; none where the state is nowhere.
    ///
    /// Every page is compared with its checksum, also after a clean end: without that the database
    /// trusts what it finds, and shows or panics over whatever is there.
    fn open(&self) -> Option<Result<Database, DatabaseError>> {
        let mut builder = Database::builder();
        builder.set_check_integrity_on_open(true);
        match self {
            Self::Memory => None,
            Self::File(file) => Some(builder.create(file)),
            Self::Disk(disk) => Some(builder.create_with_backend(Given(disk()))),
        }
    }

    /// The file, for messages.
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

    /// Empties what holds nothing because its making was cut short. Returns whether it did.
    fn clear_unborn(&self) -> bool {
        let cleared = match self {
            Self::Memory => Ok(false),
            Self::File(file) => unborn::clear_file(file),
            Self::Disk(disk) => unborn::clear_disk(&*disk()),
        };
        // Where it cannot be told, the refusal says enough.
        cleared.unwrap_or_default()
    }

    /// From now on what is in it counts.
    fn keep_from_now_on(&self) -> Result<(), OpenError> {
        match self {
            Self::File(file) => unborn::unmark(file).map_err(|cause| cannot_change(file, cause)),
            Self::Memory | Self::Disk(_) => Ok(()),
        }
    }
}

/// The state directory does not let files be made or removed.
fn cannot_change(file: &Path, cause: io::Error) -> OpenError {
    OpenError::directory(file.parent().unwrap_or(file), cause)
}

/// A disk that was given. Nobody else can have it, so its locks are not asked for.
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
