//! The durable state: series, invocation keys and checkpoints in one redb file.
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | `layout` | number of the layout, 8 bytes |
//! | `functions` | slot | [`StoredFunction`]: names, series, the position below which keys are forgotten; nothing in a slot whose series ended |
//! | `keys` | running number | [`KeyPack`]: the attempts of one page |
//! | `targets` | text of a polled target | watermark, milliseconds |
//! | `offsets` | text of a partition | offset of the next record; up to when it was read, milliseconds |
//! | `held` | slot | what is shown of a function while new series of it are at zero, as in `functions` |
//! | `lists` | text of whose lists they are | when the last complete one began, and from where new targets are read, milliseconds |
//! | `missed` | slot | since when complete lists miss the function, milliseconds, and how many did |
//! | `ended` | text of the function's target | position below which rows of a function whose series ended are closed, milliseconds |
//!
//! Every change is one transaction that is on the disk when [`Store::commit`] returns.

mod codec;
mod contain;
mod error;
mod functions;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod keys;
mod lists;
mod native;
mod unborn;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{
    Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, StorageBackend,
    TableDefinition,
};

use crate::ledger::{Checkpoint, ListId, ListedAt, Missed, TargetId};
use crate::model::{FunctionId, Timestamp};
use crate::series::FunctionSeries;
use contain::contained;
pub use error::{CommitError, OpenError};
pub use functions::StoredFunction;
pub use keys::{KeyPack, SeenKey};

/// The layout that this version writes. A file of an earlier one is taken over, one of a later
/// one is refused.
const LAYOUT: u64 = 5;
/// The name of the file inside the state directory.
pub const FILE: &str = "scf-exporter.redb";

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const FUNCTIONS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("functions");
const KEYS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("keys");
const TARGETS: TableDefinition<'_, &str, i64> = TableDefinition::new("targets");
const OFFSETS: TableDefinition<'_, &str, (u64, i64)> = TableDefinition::new("offsets");
const HELD: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("held");

/// An open store, or none at all: state that lives in memory only.
#[derive(Debug)]
pub struct Store {
    database: Option<Database>,
    place: Place,
}

/// Where the bytes of a state are.
#[derive(Clone)]
enum Place {
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
            place: Place::Memory,
        }
    }

    /// Opens the state directory, or makes it.
    ///
    /// # Errors
    /// Each way in which a directory can be unfit has its own error, which says what to do.
    pub fn open(directory: &Path) -> Result<(Self, Stored), OpenError> {
        fs::create_dir_all(directory).map_err(|cause| OpenError::directory(directory, cause))?;
        Self::open_at(Place::File(directory.join(FILE)))
    }

    /// Opens the state on a given disk.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_on(disk: Disk) -> Result<(Self, Stored), OpenError> {
        Self::open_at(Place::Disk(disk))
    }

    fn open_at(place: Place) -> Result<(Self, Stored), OpenError> {
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
            Err(refused) if refused.is_damage() && self.place.clear_unborn() => self.open_once(),
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
            let database = opened.map_err(|cause| OpenError::database(file, cause))?;
            let stored = start(&database, file)?;
            Ok(Some((database, stored)))
        });
        opened.unwrap_or_else(|panic| Err(OpenError::panicked(file, &panic)))
    }

    /// Applies a change: all of it, durably, or nothing.
    ///
    /// # Errors
    /// When the change did not reach the disk; the state is then as it was before.
    pub fn commit(&self, changes: &Changes) -> Result<(), CommitError> {
        match (&self.database, &self.place) {
            (Some(database), _) => match contained(|| write(database, changes)) {
                Ok(written) => written.map_err(CommitError::new),
                Err(panic) => Err(CommitError::panicked(&panic)),
            },
            (None, Place::Memory) => Ok(()),
            (None, _) => Err(CommitError::closed()),
        }
    }

    /// What its file takes on the disk; `None` where there is no file.
    pub fn bytes(&self) -> Option<u64> {
        match &self.place {
            Place::File(file) => fs::metadata(file).ok().map(|meta| meta.len()),
            Place::Memory | Place::Disk(_) => None,
        }
    }
}

// === impl Place ===

impl Place {
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

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Memory => "Memory",
            Self::File(_) => "File",
            Self::Disk(_) => "Disk",
        })
    }
}

fn start(database: &Database, file: &Path) -> Result<Stored, OpenError> {
    check_layout(database, file)?;
    load(database, file)
}

/// Writes the number of the layout into a new file, and refuses a file of another one.
fn check_layout(database: &Database, file: &Path) -> Result<(), OpenError> {
    let layout = (|| {
        let transaction = database.begin_write()?;
        let found = {
            let mut meta = transaction.open_table(META)?;
            let found = meta.get("layout")?.map(|value| value.value());
            // What an earlier version would not understand, it must not open again.
            if found.is_none_or(|found| (1..LAYOUT).contains(&found)) {
                meta.insert("layout", LAYOUT)?;
            }
            transaction.open_table(FUNCTIONS)?;
            transaction.open_table(KEYS)?;
            transaction.open_table(TARGETS)?;
            transaction.open_table(OFFSETS)?;
            transaction.open_table(HELD)?;
            lists::make(&transaction)?;
            found.unwrap_or(LAYOUT)
        };
        transaction.commit()?;
        Ok(found)
    })()
    .map_err(|cause: redb::Error| OpenError::read(file, cause))?;
    if (1..=LAYOUT).contains(&layout) {
        Ok(())
    } else {
        Err(OpenError::Layout {
            file: file.into(),
            found: layout,
            known: LAYOUT,
        })
    }
}

fn load(database: &Database, file: &Path) -> Result<Stored, OpenError> {
    let damaged = |what: &'static str| OpenError::Damaged {
        file: file.into(),
        what,
    };
    let mut stored = Stored::default();
    (|| {
        let transaction = database.begin_read()?;
        for entry in transaction.open_table(FUNCTIONS)?.iter()? {
            let (slot, value) = entry?;
            if slot.value() as usize != stored.functions.len() {
                return Ok(Err(damaged("functions")));
            }
            stored.functions.push(match value.value() {
                [] => None,
                bytes => match StoredFunction::decode(bytes) {
                    Some(function) => Some(function),
                    None => return Ok(Err(damaged("functions"))),
                },
            });
        }
        for entry in transaction.open_table(KEYS)?.iter()? {
            let (number, value) = entry?;
            match KeyPack::decode(value.value(), stored.functions.len()) {
                Some(pack) => stored.keys.push((number.value(), Arc::new(pack))),
                None => return Ok(Err(damaged("keys"))),
            }
        }
        for entry in transaction.open_table(TARGETS)?.iter()? {
            let (target, settled) = entry?;
            let watermark = Checkpoint::Watermark(Timestamp::from_millis(settled.value()));
            match target.value().parse() {
                Ok(id) => stored.targets.push((id, watermark)),
                Err(()) => return Ok(Err(damaged("targets"))),
            }
        }
        for entry in transaction.open_table(OFFSETS)?.iter()? {
            let (target, value) = entry?;
            let (next, reached) = value.value();
            let reached = Timestamp::from_millis(reached);
            match target.value().parse() {
                Ok(id) => stored
                    .targets
                    .push((id, Checkpoint::Offset { next, reached })),
                Err(()) => return Ok(Err(damaged("offsets"))),
            }
        }
        for entry in transaction.open_table(HELD)?.iter()? {
            let (slot, value) = entry?;
            match StoredFunction::decode_shown(value.value(), slot.value(), &stored.functions) {
                Some(shown) => stored.held.push((slot.value(), shown)),
                None => return Ok(Err(damaged("held"))),
            }
        }
        Ok(lists::load(&transaction, &mut stored)?.map_err(damaged))
    })()
    .map_err(|cause: redb::Error| OpenError::read(file, cause))??;
    Ok(stored)
}

fn write(database: &Database, changes: &Changes) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    let mut buffer = Vec::new();
    {
        let mut functions = transaction.open_table(FUNCTIONS)?;
        for (slot, function) in &changes.functions {
            function.encode(&mut buffer);
            functions.insert(slot, buffer.as_slice())?;
        }
        for slot in &changes.emptied {
            functions.insert(slot, [].as_slice())?;
        }
    }
    if !changes.keys.is_empty() || !changes.dropped_keys.is_empty() {
        let mut keys = transaction.open_table(KEYS)?;
        for (number, pack) in &changes.keys {
            pack.encode(&mut buffer);
            keys.insert(number, buffer.as_slice())?;
        }
        for number in &changes.dropped_keys {
            keys.remove(number)?;
        }
    }
    if !changes.targets.is_empty() {
        let mut targets = transaction.open_table(TARGETS)?;
        let mut offsets = transaction.open_table(OFFSETS)?;
        for (target, checkpoint) in &changes.targets {
            let target = target.to_string();
            match checkpoint {
                Checkpoint::Watermark(at) => drop(targets.insert(target.as_str(), at.as_millis())?),
                Checkpoint::Offset { next, reached } => {
                    drop(offsets.insert(target.as_str(), (*next, reached.as_millis()))?);
                }
            }
        }
    }
    if !changes.held.is_empty() {
        let mut held = transaction.open_table(HELD)?;
        for (slot, shown) in &changes.held {
            match shown {
                Some(shown) => {
                    StoredFunction::encode_shown(shown, &mut buffer);
                    held.insert(slot, buffer.as_slice())?;
                }
                None => drop(held.remove(slot)?),
            }
        }
    }
    lists::write(&transaction, changes)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests;
