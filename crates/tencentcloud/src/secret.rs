//! A value that is never printed, and the validation of secrets.

use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

/// Maximum size of a file with one secret, in bytes. The longest are session tokens, under 2 KB.
const MAX_FILE: u64 = 16 * 1024;

/// Maximum length of an id, key or token, in bytes. The vendor's tokens have at most 4,096.
const MAX_VALUE: usize = 8_192;

/// A secret text: masked in every format, wiped when dropped, and only readable through
/// [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// Returns the secret itself, for signing only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Reads a file that holds one secret and removes the line end that editors and `echo` add.
    /// Only regular files are accepted: reading a pipe would block until its other end is closed.
    ///
    /// # Errors
    ///
    /// Returns what is wrong and what to do, as a phrase that follows the name of the file.
    pub fn read_file(path: &Path) -> Result<Self, String> {
        let unreadable =
            |error: std::io::Error| format!("cannot be read ({error}): check path and permissions");
        if !fs::metadata(path).map_err(unreadable)?.is_file() {
            return Err("is no ordinary file".to_owned());
        }
        // The buffer is allocated at once, because a growing one would leave copies of the secret
        // behind.
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_FILE as usize + 1));
        let file = File::open(path).map_err(unreadable)?;
        file.take(MAX_FILE + 1)
            .read_to_end(&mut text)
            .map_err(unreadable)?;
        if text.len() as u64 > MAX_FILE {
            return Err("is larger than 16 KiB".to_owned());
        }
        let text = std::str::from_utf8(&text).map_err(|_| "is no text")?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.trim().is_empty() {
            return Err("is empty: put the secret there".to_owned());
        }
        Ok(Self::new(text))
    }

    /// Returns whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Returns what is wrong with an id, a key or a token, as a phrase that follows its name, or `None`
/// if it is valid.
///
/// Surrounding whitespace is rejected and not trimmed, as in the vendor's SDK: it comes from a
/// copying mistake, and would lead to an unexplained signature failure.
pub fn fault_of(value: &str) -> Option<&'static str> {
    if value.is_empty() {
        Some("is empty")
    } else if value.contains(['\r', '\n']) {
        Some("holds a line end")
    } else if value.trim() != value {
        Some("begins or ends with a blank")
    } else if value.chars().any(char::is_control) {
        Some("holds a control character")
    } else if value.len() > MAX_VALUE {
        Some("is longer than any key")
    } else {
        None
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_format_shows_it() {
        let secret = Secret::new("hunter2");
        for shown in [
            format!("{secret}"),
            format!("{secret:?}"),
            format!("{secret:#?}"),
        ] {
            assert_eq!(shown, "<secret>");
        }
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn files_lose_only_their_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let read = || Secret::read_file(&path);
        fs::write(&path, " a b \r\n\n").unwrap();
        assert_eq!(read().unwrap().expose(), " a b ");
        fs::write(&path, "\n").unwrap();
        assert!(read().unwrap_err().contains("is empty"));
        fs::write(&path, vec![b'x'; 16 * 1024]).unwrap();
        assert!(read().is_ok());
        fs::write(&path, vec![b'x'; 16 * 1024 + 1]).unwrap();
        assert!(read().unwrap_err().contains("larger"));
        fs::write(&path, [0xFF, 0xFE]).unwrap();
        assert!(read().unwrap_err().contains("no text"));
        let error = Secret::read_file(dir.path()).unwrap_err();
        assert!(error.contains("no ordinary file"), "{error}");
        assert!(Secret::read_file(&dir.path().join("no")).is_err());
    }

    #[test]
    fn values_that_no_key_has() {
        for (value, fault) in [
            ("", "is empty"),
            ("a\nb", "holds a line end"),
            ("ab\r\n", "holds a line end"),
            (" ab", "begins or ends with a blank"),
            ("a\u{0}b", "holds a control character"),
        ] {
            assert_eq!(fault_of(value), Some(fault), "{value:?}");
        }
        assert_eq!(fault_of("AKIDabc+/="), None);
        assert!(fault_of(&"x".repeat(MAX_VALUE + 1)).is_some());
    }
}
