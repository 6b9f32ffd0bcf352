//! Ours in each format and state. Every round scrapes the limits as well, so that a ratio compares
//! what the machine did at one time.

use std::thread;
use std::time::{Duration, Instant};

use super::Failure;
use super::child::Child;
use super::client::{Format, Wish};
use super::rows::Row;

pub const PLAIN_TEXT: Wish = Wish {
    format: Format::Text,
    gzip: false,
};
/// Scrapes before those that count.
const WARM: usize = 2;
/// For so long at most a scrape may show what was the newest before a change.
pub const SERVED: Duration = Duration::from_secs(1);
/// After so long a row has rounds enough, if it has some.
const ENOUGH: Duration = Duration::from_secs(8);
const SOME: usize = 5;

/// What happened since the last scrape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Nothing,
    /// A hundredth of the functions, others each time.
    Random,
    /// The same hundredth each time.
    Same,
    All,
}

/// The servers of the limits.
pub struct Limits {
    pub prepared: Child,
    pub flat: Child,
}

/// Ours in one state, and the limits in the same rounds.
pub struct State {
    pub wish: Wish,
    pub change: Change,
    pub ours: Row,
    pub prepared: Row,
    /// Where everything changed.
    pub flat: Option<Row>,
}

// === impl Change ===

impl Change {
    pub const ALL: [Self; 4] = [Self::Nothing, Self::Random, Self::Same, Self::All];

    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing changed",
            Self::Random => "1 % changed, random",
            Self::Same => "1 % changed, the same",
            Self::All => "everything changed",
        }
    }

    fn make(self, ours: &mut Child, count: usize) -> Result<(), Failure> {
        let hundredth = count.div_ceil(100);
        match self {
            Self::Nothing => return Ok(()),
            Self::Random => ours.obey(&format!("touch random {hundredth}"))?,
            Self::Same => ours.obey(&format!("touch same {hundredth}"))?,
            Self::All => ours.obey("touch all")?,
        };
        thread::sleep(SERVED);
        Ok(())
    }
}

/// All formats, packed and plain, in all states.
pub fn measure(
    rounds: usize,
    count: usize,
    ours: &mut Child,
    limits: &Limits,
) -> Result<Vec<State>, Failure> {
    let mut states = Vec::new();
    for change in Change::ALL {
        for format in Format::ALL {
            for gzip in [false, true] {
                let wish = Wish { format, gzip };
                states.push(state(rounds, count, ours, limits, wish, change)?);
            }
        }
    }
    Ok(states)
}

fn state(
    rounds: usize,
    count: usize,
    ours: &mut Child,
    limits: &Limits,
    wish: Wish,
    change: Change,
) -> Result<State, Failure> {
    let Limits { prepared, flat } = limits;
    let text = Wish {
        format: Format::Text,
        ..wish
    };
    let mut state = State {
        wish,
        change,
        ours: Row::default(),
        prepared: Row::default(),
        flat: (change == Change::All).then(Row::default),
    };
    let mut clients = [ours.client(), prepared.client(), flat.client()];
    let begun = Instant::now();
    for round in 0..WARM + rounds {
        if round >= WARM + SOME && begun.elapsed() > ENOUGH {
            break;
        }
        if round == WARM {
            state.ours = Row::default();
            state.prepared = Row::default();
            state.flat = state.flat.map(|_| Row::default());
        }
        change.make(ours, count)?;
        state.ours.scrape(ours, &mut clients[0], wish)?;
        state.prepared.scrape(prepared, &mut clients[1], text)?;
        if let Some(row) = &mut state.flat {
            row.scrape(flat, &mut clients[2], text)?;
        }
    }
    Ok(state)
}

/// Prints the table; the limits' median times, plain and packed, as measured in all rounds.
pub fn print(count: usize, states: &[State]) -> [f64; 2] {
    Row::print_head(&format!("{count} functions"));
    let mut medians = [0.0; 2];
    for (median, gzip) in medians.iter_mut().zip([false, true]) {
        let (mut prepared, mut flat) = (Row::default(), Row::default());
        for state in states.iter().filter(|state| state.wish.gzip == gzip) {
            prepared.join(&state.prepared);
            if let Some(row) = &state.flat {
                flat.join(row);
            }
        }
        *median = prepared.median();
        let packed = packed(gzip);
        prepared.print(&format!("limit: prepared body{packed}"), None, None);
        let name = format!("reference: flat arrays, text{packed}");
        flat.print(&name, Some(*median), None);
    }
    for state in states {
        let format = state.wish.format.name();
        let packed = packed(state.wish.gzip);
        state.ours.print(
            &format!("ours, {format}{packed}, {}", state.change.name()),
            Some(state.prepared.median()),
            state.flat.as_ref().map(Row::median),
        );
    }
    medians
}

pub fn packed(gzip: bool) -> &'static str {
    if gzip { ", gzip" } else { "" }
}
