//! A state whose first opening was cut short, by a kill or a loss of power.
//!
//! The database writes its header without its first bytes, syncs, and only then writes these: so
//! until the very end of its making it is no database, and would be refused for ever. Nothing was
//! ever in it, so it can be made anew.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use redb::StorageBackend;

/// More than a new database takes; of what is longer nothing is looked at.
const LENGTH_MAX: u64 = 16 << 20;
/// The first bytes, which are written last.
const MARK: usize = 9;
/// Where the header ends, at the latest.
const HEADER: usize = 512;

/// Empties a file that is such a state; whether it is.
pub(super) fn clear_file(file: &Path) -> io::Result<bool> {
    if fs::metadata(file)?.len() > LENGTH_MAX || !is_unborn(&fs::read(file)?) {
        return Ok(false);
    }
    OpenOptions::new().write(true).open(file)?.set_len(0)?;
    Ok(true)
}

/// The same with a disk that was given.
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
