//! How a response writes numbers and booleans outside its list.

use std::fmt::Display;

use super::faults::Faults;
use super::rng::Rng;

/// The spelling of one response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// `5` and `true`.
    Plain,
    /// `"5"` and `"true"`.
    Text,
    /// `5.0` and `1`.
    Fraction,
}

const SPELLING_KEY: u64 = 0x5BE1_1000;

impl Spelling {
    /// Returns the spelling for the request with this number.
    pub(crate) fn of(faults: &Faults, salt: u64) -> Self {
        let mut rng = Rng::keyed(salt, SPELLING_KEY);
        if !rng.chance(faults.odd_scalars) {
            return Self::Plain;
        }
        match rng.below(2) {
            0 => Self::Text,
            _ => Self::Fraction,
        }
    }

    pub(crate) fn number(self, number: impl Display) -> String {
        match self {
            Self::Plain => number.to_string(),
            Self::Text => format!("\"{number}\""),
            Self::Fraction => format!("{number}.0"),
        }
    }

    pub(crate) fn truth(self, yes: bool) -> String {
        match self {
            Self::Plain => yes.to_string(),
            Self::Text => format!("\"{yes}\""),
            Self::Fraction => u8::from(yes).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_drawn_and_means_the_same() {
        let faults = Faults {
            odd_scalars: 0.5,
            ..Faults::none()
        };
        let of = |salt| Spelling::of(&faults, salt);
        for (spelling, number, truth) in [
            (Spelling::Plain, "5", ["true", "false"]),
            (Spelling::Text, "\"5\"", ["\"true\"", "\"false\""]),
            (Spelling::Fraction, "5.0", ["1", "0"]),
        ] {
            assert!((0..100).any(|salt| of(salt) == spelling));
            assert_eq!(spelling.number(5), number);
            assert_eq!([true, false].map(|yes| spelling.truth(yes)), truth);
        }
        assert_eq!(Spelling::of(&Faults::none(), 7), Spelling::Plain);
    }
}
