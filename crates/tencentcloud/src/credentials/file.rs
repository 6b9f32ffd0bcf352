//! Reads small files with a limit on their size.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::{CredentialError, Credentials};

/// Maximum size of a credentials file, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// Returns the text of a file, or `None` if it does not exist.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<String>>, CredentialError> {
    let unreadable = |reason: String| CredentialError::Unreadable {
        path: path.to_owned(),
        reason,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        // ENOTDIR means that a part of the path is a file, so this file does not exist either.
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(e) => return Err(unreadable(e.to_string())),
    };
    // The buffer is allocated at once, because a growing one would leave copies of the secret
    // behind.
    let mut text = Zeroizing::new(String::with_capacity(MAX_FILE as usize + 1));
    file.take(MAX_FILE + 1)
        .read_to_string(&mut text)
        .map_err(|e| unreadable(e.to_string()))?;
    if text.len() as u64 > MAX_FILE {
        return Err(unreadable(format!("it is larger than {MAX_FILE} bytes")));
    }
    Ok(Some(text))
}

/// Returns the credentials in the file at `path` as `parse` reads them, or `None` if it does not
/// exist.
pub(super) fn credentials(
    path: &Path,
    parse: impl Fn(&str, &Path) -> Result<Credentials, CredentialError>,
) -> Result<Option<Credentials>, CredentialError> {
    let text = read(path)?;
    text.map(|text| parse(&text, path)).transpose()
}
