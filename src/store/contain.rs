//! Turns panics of the database into errors.
//!
//! The database checks what it reads, but a file can be damaged in ways that it does not expect,
//! and then it panics. That must neither end the process nor fill its log with a backtrace.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

const MAX_CHARS: usize = 200;

thread_local! {
    /// `Some` while panics are caught on this thread, with the message of the last one.
    static CAUGHT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `work`. A panic is returned as an error with the first line of its message, and not
/// printed.
pub(super) fn contained<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    hush_caught_panics();
    let outer = CAUGHT.replace(Some(String::new()));
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    let message = CAUGHT.replace(outer);
    done.map_err(|_| message.unwrap_or_default())
}

/// Installs a panic hook that is silent inside [`contained`] and calls the previous hook otherwise.
fn hush_caught_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let caught = CAUGHT.with_borrow_mut(|caught| {
                let kept = caught.as_mut().map(|kept| *kept = message_of(info));
                kept.is_some()
            });
            if !caught {
                usual(info);
            }
        }));
    });
}

fn message_of(info: &PanicHookInfo<'_>) -> String {
    let said = info.payload_as_str().unwrap_or("no message");
    let line = said.lines().next().unwrap_or_default();
    line.chars()
        .filter(|c| !c.is_control())
        .take(MAX_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_one_line() {
        let caught = contained(|| -> u32 { panic!("left\nright") });
        assert_eq!(caught, Err("left".to_owned()));
        assert_eq!(contained(|| 7), Ok(7));
        let nested = contained(|| contained(|| -> u32 { panic!("inner") }).unwrap_or(1));
        assert_eq!(nested, Ok(1));
    }
}
