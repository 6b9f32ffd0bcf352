//! Detects changes of files by their metadata.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// The watched files with their metadata when they were read and at the last check.
#[derive(Debug, Default)]
pub(super) struct Files {
    read: Fingerprints,
    seen: Fingerprints,
}

/// A fingerprint of the metadata of each file; `None` for a missing file.
type Fingerprints = BTreeMap<PathBuf, Option<u64>>;

// === impl Files ===

impl Files {
    /// Watches one file, which is about to be read.
    pub(super) fn of(path: &Path) -> Self {
        let mut files = Self::default();
        files.add(path);
        files
    }

    /// Adds a file that is about to be read, so that later writes count as changes.
    pub(super) fn add(&mut self, path: &Path) {
        let fingerprint = fingerprint(path);
        self.read.insert(path.to_owned(), fingerprint);
    }

    /// Stops watching all other files.
    pub(super) fn retain_only(&mut self, paths: &[&Path]) {
        self.read.retain(|path, _| paths.contains(&path.as_path()));
    }

    /// Checks all files. Returns whether one of them differs from what was read and has not changed
    /// since the last check, which means that writing has ended.
    pub(super) fn have_changed(&mut self) -> bool {
        let paths = self.read.keys();
        let now: Fingerprints = paths
            .map(|path| (path.clone(), fingerprint(path)))
            .collect();
        let is_stable = self.seen == now;
        let changed = self.read != now;
        self.seen = now;
        changed && is_stable
    }
}

fn fingerprint(path: &Path) -> Option<u64> {
    let metadata = fs::metadata(path).ok()?;
    let mut hasher = DefaultHasher::new();
    (metadata.len(), metadata.modified().ok()).hash(&mut hasher);
    // A file may be replaced by one of the same length within one tick of the clock.
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        (metadata.dev(), metadata.ino(), metadata.ctime_nsec()).hash(&mut hasher);
    }
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_reported_when_writing_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "one").unwrap();
        let mut files = Files::of(&path);
        assert!(!files.have_changed());
        fs::write(&path, "three").unwrap();
        assert!(!files.have_changed());
        fs::write(&path, "eleven").unwrap();
        assert!(!files.have_changed(), "it was still being written");
        assert!(files.have_changed());
        files.add(&path);
        assert!(!files.have_changed());
        fs::remove_file(&path).unwrap();
        assert!(!files.have_changed());
        assert!(files.have_changed());
    }
}
