//! Notes panics of this thread, also those that a task ended with.

use std::cell::{Cell, RefCell};
use std::sync::Once;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Panics are noted from now on, in the place of being printed.
pub fn note() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            COUNT.set(COUNT.get() + 1);
            LAST.replace(info.to_string());
            if std::thread::current().name() != Some(super::runner::WORKER) {
                usual(info);
            }
        }));
    });
}

/// Panics of this thread so far.
pub fn count() -> usize {
    COUNT.get()
}

/// What the last one said.
pub fn last() -> String {
    LAST.with_borrow(Clone::clone)
}
