//! A label whose values come from outside, held to a fixed number of plain words.

use std::collections::HashSet;

use parking_lot::RwLock;

/// What every value past the limit becomes.
const OTHER: &str = "other";
/// The longest value that is kept.
const LENGTH_MAX: usize = 128;

/// The values met so far, at most a fixed number of them.
#[derive(Debug)]
pub(super) struct Bounded {
    met: RwLock<HashSet<Box<str>>>,
    limit: usize,
}

impl Bounded {
    /// Room for `limit` values.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            met: RwLock::new(HashSet::new()),
            limit,
        }
    }

    /// The value itself while there is room for it, else `other`. Control characters, nothing at
    /// all and endless texts are `other` from the start.
    pub(super) fn fold<'v>(&self, value: &'v str) -> &'v str {
        if value.is_empty() || value.len() > LENGTH_MAX || value.contains(char::is_control) {
            return OTHER;
        }
        let met = self.met.read();
        if met.contains(value) {
            return value;
        }
        drop(met);
        let mut met = self.met.write();
        if met.len() < self.limit || met.contains(value) {
            met.insert(value.into());
            value
        } else {
            OTHER
        }
    }

    /// Gives the room of a value back; whether it had one.
    pub(super) fn release(&self, value: &str) -> bool {
        let mut met = self.met.write();
        met.remove(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_first_values_and_folds_the_rest() {
        let codes = Bounded::new(2);
        assert_eq!(codes.fold("ok"), "ok");
        assert_eq!(codes.fold("4400"), "4400");
        assert_eq!(codes.fold("4401"), "other");
        assert_eq!(codes.fold("ok"), "ok", "met before: keeps its name");
    }

    #[test]
    fn room_that_is_given_back_is_taken_by_others() {
        let names = Bounded::new(1);
        assert_eq!(names.fold("a"), "a");
        assert!(!names.release("b"), "it had none");
        assert_eq!(names.fold("b"), "other");
        assert!(names.release("a"));
        assert_eq!(names.fold("b"), "b");
    }

    #[test]
    fn what_is_no_plain_word_is_other_and_takes_no_room() {
        let codes = Bounded::new(1);
        for value in ["", "a\nb", "x".repeat(129).as_str()] {
            assert_eq!(codes.fold(value), "other");
        }
        assert_eq!(codes.fold("ok"), "ok");
    }
}
