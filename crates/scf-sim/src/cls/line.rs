//! Which log lines an attempt writes, and when.

use crate::attempt::{Attempt, Failure};
use crate::rng::{Rng, mix};
use crate::settings::Settings;
use crate::text;

/// A log line, ordered by its position in the topic: by time, and within a millisecond in an
/// arbitrary but stable order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    /// Time by the world's own clock.
    pub(super) time_ms: i64,
    pub(super) tie: u32,
    /// Index of the attempt in the world.
    pub(super) attempt: u32,
    pub(super) kind: Kind,
    /// Set for the second copy of a duplicated line.
    pub(super) copy: bool,
}

/// Kinds of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Start,
    Event,
    /// Printed by user code: the line of its log with this index.
    Custom(u8),
    Error,
    Response,
    End,
    Report,
    Init,
    /// An instance was started before it was needed.
    Provisioned,
}

/// A line and the time from which it can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) line: Line,
    pub(super) visible_ms: i64,
}

/// Oddities of the lines that contain the result of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Odd {
    /// The text ends in half a character, escaped as in the record.
    HalfInRecord,
    /// The text ends in half a character, escaped as in the line around the record.
    HalfInLine,
    /// The record ends in the middle of the text.
    Cut,
}

const ODD_KEY: u64 = 0x0DD_11E5;
const TIE_KEY: u64 = 0x71E0_0000;
const SPREAD_KEY: u64 = 0x5B2E_0000;
const COPY_KEY: u64 = 0xC097_0000;
const PROVISIONED_KEY: u64 = 0x9207_0000;
const PROVISIONED_CHANCE: f64 = 0.003;
/// Maximum number of user lines of one call here. The vendor's limit is 5,000.
const MAX_CUSTOM: usize = 200;

/// Returns the platform's lines of `attempt` whose message can contain a word that begins with
/// "report". Counting readers search for these, so they are kept apart from the many others.
///
/// ERROR lines are included because they quote the name of the function. In a replay the request
/// ids are arbitrary, so every line of the platform may contain such a word.
pub(super) fn heads(position: u32, attempt: &Attempt, settings: &Settings) -> Vec<Written> {
    let mut writer = Writer::new(position, attempt, settings);
    if attempt.replay_texts.is_some() {
        writer.platform();
    } else {
        if Odd::of(attempt, settings).is_some() {
            writer.spread(Kind::Response, writer.logged_ms);
        }
        writer.failure();
        writer.reports();
    }
    writer.out
}

/// Returns all lines of `attempt`.
pub(super) fn all(position: u32, attempt: &Attempt, settings: &Settings) -> Vec<Written> {
    let mut writer = Writer::new(position, attempt, settings);
    writer.platform();
    writer.custom();
    writer.out
}

/// Returns the lines that user code prints.
pub(super) fn custom_lines(attempt: &Attempt, settings: &Settings) -> String {
    text::log(attempt, settings.log_bytes)
}

struct Writer<'a> {
    position: u32,
    attempt: &'a Attempt,
    settings: &'a Settings,
    logged_ms: i64,
    delay_ms: u64,
    out: Vec<Written>,
}

// === impl Writer ===

impl<'a> Writer<'a> {
    fn new(position: u32, attempt: &'a Attempt, settings: &'a Settings) -> Self {
        let logged_ms = attempt.logged_ms(settings);
        Self {
            position,
            attempt,
            settings,
            logged_ms,
            delay_ms: attempt.visible_ms.abs_diff(logged_ms),
            out: Vec::new(),
        }
    }

    fn platform(&mut self) {
        if self.attempt.failure != Failure::Throttled {
            self.spread(Kind::Start, self.attempt.start_ms);
            self.spread(Kind::Event, self.attempt.start_ms);
            self.spread(Kind::Response, self.logged_ms);
            self.spread(Kind::End, self.logged_ms);
        }
        self.failure();
        self.reports();
    }

    fn failure(&mut self) {
        if self.attempt.failure != Failure::None {
            self.spread(Kind::Error, self.logged_ms);
        }
    }

    fn reports(&mut self) {
        self.push(Kind::Report, self.logged_ms, self.attempt.visible_ms);
        if let Some(init) = self.attempt.init(self.settings) {
            self.push(Kind::Init, init.logged_ms, init.visible_ms);
        }
        let mut rng = Rng::keyed(self.attempt.key, PROVISIONED_KEY);
        if rng.chance(PROVISIONED_CHANCE) {
            self.spread(Kind::Provisioned, self.attempt.start_ms);
        }
    }

    fn custom(&mut self) {
        let log = custom_lines(self.attempt, self.settings);
        let count = log.lines().count().min(MAX_CUSTOM);
        let length_ms = self.logged_ms.saturating_sub(self.attempt.start_ms);
        for place in 0..count {
            let into_ms = length_ms / (count as i64 + 1) * (place as i64 + 1);
            let kind = Kind::Custom(place as u8);
            self.spread(kind, self.attempt.start_ms.saturating_add(into_ms));
        }
    }

    /// Adds a line that can be found after at most the attempt's own delay.
    fn spread(&mut self, kind: Kind, time_ms: i64) {
        let mut rng = Rng::keyed(self.attempt.key, SPREAD_KEY | kind.ordinal());
        let delay_ms = rng.between(0, self.delay_ms) as i64;
        self.push(kind, time_ms, time_ms.saturating_add(delay_ms));
    }

    fn push(&mut self, kind: Kind, time_ms: i64, visible_ms: i64) {
        let tie = mix(self.attempt.key, TIE_KEY | kind.ordinal()) as u32;
        let line = Line {
            time_ms,
            tie,
            attempt: self.position,
            kind,
            copy: false,
        };
        self.out.push(Written { line, visible_ms });
        let faults = &self.settings.faults;
        let mut rng = Rng::keyed(self.attempt.key, COPY_KEY | kind.ordinal());
        let is_copied = rng.chance(faults.duplicate_lines);
        if is_copied && !(self.attempt.oversized && kind == Kind::Report) {
            let delay_ms = rng.between(0, faults.max_delivery_ms()) as i64;
            self.out.push(Written {
                line: Line { copy: true, ..line },
                // Never before the first copy, which is the one that the truth counts.
                visible_ms: time_ms.saturating_add(delay_ms).max(visible_ms),
            });
        }
    }
}

// === impl Odd ===

impl Odd {
    /// Returns the oddity of an attempt, if any. Only an attempt that was executed has a result.
    pub(super) fn of(attempt: &Attempt, settings: &Settings) -> Option<Self> {
        let mut rng = Rng::keyed(attempt.key, ODD_KEY);
        let is_odd = rng.chance(settings.faults.odd_lines)
            && attempt.failure == Failure::None
            && attempt.replay_texts.is_none();
        is_odd.then(|| match rng.below(3) {
            0 => Self::HalfInRecord,
            1 => Self::HalfInLine,
            _ => Self::Cut,
        })
    }
}

// === impl Kind ===

impl Kind {
    /// Returns a number that identifies the kind within the attempt.
    pub(super) fn ordinal(self) -> u64 {
        match self {
            Self::Start => 0,
            Self::Event => 1,
            Self::Error => 2,
            Self::Response => 3,
            Self::End => 4,
            Self::Report => 5,
            Self::Init => 6,
            Self::Provisioned => 7,
            Self::Custom(place) => 8 + u64::from(place),
        }
    }

    /// Returns the kind with this number.
    pub(super) fn of_ordinal(ordinal: u64) -> Option<Self> {
        Some(match ordinal {
            0 => Self::Start,
            1 => Self::Event,
            2 => Self::Error,
            3 => Self::Response,
            4 => Self::End,
            5 => Self::Report,
            6 => Self::Init,
            7 => Self::Provisioned,
            _ => Self::Custom(u8::try_from(ordinal - 8).ok()?),
        })
    }

    pub(super) fn is_platform(self) -> bool {
        !matches!(self, Self::Custom(_))
    }

    /// Returns whether the line is written after the call, so that its outcome is known.
    pub(super) fn is_final(self) -> bool {
        matches!(
            self,
            Self::Error | Self::Response | Self::End | Self::Report
        )
    }
}
