//! A state whose first opening was cut short, by a kill or a loss of power.
//!
//! What the database leaves then cannot be told from a file that was lost to a fault of the disk:
//! both may be nothing but zeros. So a marker stands beside a file while it is made, and is durably
//! gone before anything is counted into it: beside a marker nothing can be lost, without one
//! nothing is ever begun anew but a file of no bytes at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use redb::StorageBackend;
use tracing::warn;

/// More than a new database takes; of what is longer nothing is looked at.
const LENGTH_MAX: u64 = 16 << 20;
/// The first bytes, which are written last.
const MARK: usize = 9;
/// Where the header ends, at the latest.
const HEADER: usize = 512;

/// Puts the marker beside a file that does not exist yet, or has no bytes.
pub(super) fn mark_new(file: &Path) -> io::Result<()> {
    let marker = marker_of(file);
    match fs::metadata(file) {
        Ok(found) if found.len() > 0 => return Ok(()),
        Ok(_) if !marker.exists() => {
            let file = file.display();
            warn!(
                %file,
                "the state file is empty, so it is begun anew and all counters start at zero; if \
                 it was not empty before, stop now and restore a copy"
            );
        }
        Ok(_) => {}
        Err(missing) if missing.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    File::create(&marker)?.sync_all()?;
    sync_directory(file)
}

/// Takes the marker away, where there is one: from now on something may be in the file.
pub(super) fn unmark(file: &Path) -> io::Result<()> {
    match fs::remove_file(marker_of(file)) {
        Ok(()) => sync_directory(file),
        Err(missing) if missing.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Empties a file whose marker says that nothing was ever in it. Returns whether it did.
pub(super) fn clear_file(file: &Path) -> io::Result<bool> {
    if !marker_of(file).exists() {
        return Ok(false);
    }
    OpenOptions::new().write(true).open(file)?.set_len(0)?;
    Ok(true)
}

fn marker_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Makes durable which files there are.
fn sync_directory(file: &Path) -> io::Result<()> {
    match file.parent() {
        // Other systems have no such call, and no way to open a directory.
        Some(directory) if cfg!(unix) => File::open(directory)?.sync_all(),
        _ => Ok(()),
    }
}

/// Empties a disk that was given, where only zeros and half a header are on it: it has no place for
/// a marker. Returns whether it did.
pub(super) fn clear_disk(disk: &dyn StorageBackend) -> io::Result<bool> {
    let length = disk.len()?;
    if length > LENGTH_MAX {
        return Ok(false);
    }
    let mut bytes = vec![0; length as usize];
    disk.read(0, &mut bytes)?;
    if !is_unborn(&bytes) {
        return Ok(false);
    }
    disk.set_len(0)?;
    Ok(true)
}

/// Neither the mark nor anything behind the header was written.
fn is_unborn(bytes: &[u8]) -> bool {
    let (mark, rest) = bytes.split_at(bytes.len().min(MARK));
    let behind = rest.get(HEADER - MARK..).unwrap_or_default();
    mark.iter().chain(behind).all(|&byte| byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_never_held_anything_is_unborn() {
        let mut bytes = vec![0u8; 4 * HEADER];
        assert!(is_unborn(&[]) && is_unborn(&[0; 3]) && is_unborn(&bytes));
        bytes[MARK..HEADER].fill(7);
        assert!(is_unborn(&bytes), "a header without its mark");
        bytes[HEADER] = 1;
        assert!(!is_unborn(&bytes), "something behind it");
        bytes[HEADER] = 0;
        bytes[MARK - 1] = 1;
        assert!(!is_unborn(&bytes), "a mark");
    }
}
