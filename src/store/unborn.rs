//! A file whose creation was interrupted, by a kill or a loss of power.
//!
//! Such a file cannot be told from one that a fault of the disk destroyed: both may be all zeros.
//! So a marker file exists while the file is created, and is durably removed before the first
//! commit. A file with a marker holds nothing that could be lost; without a marker only an empty
//! file is begun anew.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use redb::StorageBackend;
use tracing::warn;

/// More than the size of a new database; longer disks are not examined.
const LENGTH_MAX: u64 = 16 << 20;
/// Length of the magic number at the start, which is written last.
const MARK: usize = 9;
/// Maximum length of the header.
const HEADER: usize = 512;

/// Creates the marker of a file that does not exist yet, or is empty.
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

pub(super) fn unmark(file: &Path) -> io::Result<()> {
    match fs::remove_file(marker_of(file)) {
        Ok(()) => sync_directory(file),
        Err(missing) if missing.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Empties a file that has a marker. Returns whether it did.
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

fn sync_directory(file: &Path) -> io::Result<()> {
    match file.parent() {
        // Other systems cannot open a directory.
        Some(directory) if cfg!(unix) => File::open(directory)?.sync_all(),
        _ => Ok(()),
    }
}

/// Empties a disk of a test, which has no room for a marker, if it holds only zeros and a part of
/// the header. Returns whether it did.
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

/// Whether neither the magic number nor anything after the header was written.
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
