//! Whether files have changed, by what the system says of them.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// Files, and what they looked like when they were read and when they were looked at last.
#[derive(Debug, Default)]
pub(super) struct Files {
    read: Looks,
    seen: Looks,
}

/// What the system says of each file; nothing of one that is not there.
type Looks = BTreeMap<PathBuf, Option<u64>>;

// === impl Files ===

impl Files {
    /// One file that is about to be read.
    pub(super) fn of(path: &Path) -> Self {
        let mut files = Self::default();
        files.reads(path);
        files
    }

    /// A file is about to be read: what is written to it from now on is a change.
    pub(super) fn reads(&mut self, path: &Path) {
        let look = look(path);
        self.read.insert(path.to_owned(), look);
    }

    /// Only these are read any more.
    pub(super) fn keep(&mut self, paths: &[&Path]) {
        self.read.retain(|path, _| paths.contains(&path.as_path()));
    }

    /// Looks at all. True if one is not what was read, and is the same as at the last look: who
    /// writes to it is done.
    pub(super) fn have_changed(&mut self) -> bool {
        let paths = self.read.keys();
        let now: Looks = paths.map(|path| (path.clone(), look(path))).collect();
        let settled = self.seen == now;
        let changed = self.read != now;
        self.seen = now;
        changed && settled
    }
}

fn look(path: &Path) -> Option<u64> {
    let about = fs::metadata(path).ok()?;
    let mut hasher = DefaultHasher::new();
    (about.len(), about.modified().ok()).hash(&mut hasher);
    // A file may be put in place of another of the same length within one tick of the clock.
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        (about.dev(), about.ino(), about.ctime_nsec()).hash(&mut hasher);
    }
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_once_it_is_over() {
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
        files.reads(&path);
        assert!(!files.have_changed());
        fs::remove_file(&path).unwrap();
        assert!(!files.have_changed());
        assert!(files.have_changed());
    }
}
