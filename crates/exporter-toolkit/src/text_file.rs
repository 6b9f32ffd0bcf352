//! Reads small text files.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Maximum size of a file, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Reads a UTF-8 file of at most 1 MiB.
///
/// # Errors
///
/// Returns what is wrong and what to do, as a phrase that follows the name of the file.
pub fn read_file(path: &Path) -> Result<String, String> {
    let unreadable = |error| format!("cannot be read ({error}): check path and permissions");
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err("is larger than 1 MiB: is it the right file?".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 text: is it the right file?".to_owned())
}
