//! How the state is doing, for people: told by the committer, read without waiting for it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use parking_lot::{Mutex, MutexGuard};

use crate::model::Timestamp;
use crate::telemetry::Issue;

/// Size, limit and trouble of the state.
#[derive(Debug, Default)]
pub struct StoreHealth {
    /// Bytes on the disk; 0 where there are none.
    bytes: AtomicU64,
    functions: AtomicUsize,
    trouble: Mutex<Option<Issue>>,
}

impl StoreHealth {
    /// What the state takes on the disk; `None` where it is in memory only.
    pub fn bytes(&self) -> Option<u64> {
        Some(self.bytes.load(Relaxed)).filter(|bytes| *bytes > 0)
    }

    /// How many functions may have series of their own.
    pub fn functions_limit(&self) -> usize {
        self.functions.load(Relaxed)
    }

    /// The latest trouble in writing it.
    pub fn trouble(&self) -> Option<Issue> {
        self.lock().clone()
    }

    pub(super) fn measured(&self, bytes: Option<u64>) {
        self.bytes.store(bytes.unwrap_or(0), Relaxed);
    }

    pub(super) fn limited_to(&self, functions: usize) {
        self.functions.store(functions, Relaxed);
    }

    pub(super) fn failed(&self, trouble: Issue, now: Timestamp) {
        let mut before = self.lock();
        *before = Some(trouble.met(before.as_ref(), now));
    }

    pub(super) fn went_well(&self, now: Timestamp) {
        if let Some(trouble) = &mut *self.lock() {
            trouble.end(now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Issue>> {
        self.trouble.lock()
    }
}
