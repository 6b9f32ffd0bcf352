//! The health of the store: set by the committer, read by the status page without waiting.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::model::Timestamp;
use crate::telemetry::Issue;

/// Size and limit of the store, and the latest failure.
#[derive(Debug, Default)]
pub struct StoreHealth {
    /// Size of the file in bytes; 0 without a file.
    bytes: AtomicU64,
    functions: AtomicUsize,
    trouble: Mutex<Option<Issue>>,
}

impl StoreHealth {
    /// Returns the size of the file in bytes; `None` for state in memory only.
    pub fn bytes(&self) -> Option<u64> {
        Some(self.bytes.load(Relaxed)).filter(|bytes| *bytes > 0)
    }

    /// Returns how many functions may have series of their own.
    pub fn functions_limit(&self) -> usize {
        self.functions.load(Relaxed)
    }

    /// Returns the latest failure to write or open the store.
    pub fn trouble(&self) -> Option<Issue> {
        self.trouble.lock().clone()
    }

    pub(super) fn measured(&self, bytes: Option<u64>) {
        self.bytes.store(bytes.unwrap_or(0), Relaxed);
    }

    pub(super) fn limited_to(&self, functions: usize) {
        self.functions.store(functions, Relaxed);
    }

    pub(super) fn failed(&self, trouble: Issue, now: Timestamp) {
        let mut before = self.trouble.lock();
        *before = Some(trouble.met(before.as_ref(), now));
    }

    pub(super) fn went_well(&self, now: Timestamp) {
        if let Some(trouble) = &mut *self.trouble.lock() {
            trouble.end(now);
        }
    }
}
