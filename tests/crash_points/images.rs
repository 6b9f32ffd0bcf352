//! What could be left of the disk at each operation, opened again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::thread;

use scf_exporter::metrics::{CodeCount, Snapshot};
use scf_exporter::store::{Store, Stored};
use scf_sim::Cloud;
use tencentcloud::runtime::Random;

use crate::run::{Moment, Run};
use crate::support::faulty_disk::{FaultyDisk, Image, Operation, Recorded, half, survivors, torn};
use crate::totals::Totals;

/// Images of each operation that chance decides, besides those that are always looked at.
const BY_CHANCE: usize = 2;
/// How many images there are for each one from which the exporter runs on to the end.
const RUN_ON_EVERY: usize = 500;
/// The same where time is no matter.
const RUN_ON_EVERY_OF_ALL: usize = 25;
const THREADS: usize = 2;

/// How much was examined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    pub writes: usize,
    pub lengths: usize,
    pub syncs: usize,
    /// Images opened.
    pub images: usize,
    /// Of these, such as no run of operations in their order leaves.
    pub reordered: usize,
    /// Of these, such from which the exporter ran on to the end.
    pub run_on: usize,
}

/// The operations between two syncs: they may be lost, each for itself.
struct Stretch<'a> {
    /// The number of its first operation.
    first: usize,
    synced: Image,
    operations: &'a [Recorded],
}

/// The limits that hold at one moment.
struct Limits {
    shown: Totals,
    truth: Totals,
}

struct Examiner<'a> {
    run: &'a Run,
    cloud: Cloud,
    random: Random,
    limits: HashMap<usize, Limits>,
    run_on_every: usize,
    found: Found,
}

/// Opens what could be left at each operation of `run`.
pub fn examine(run: &Run, seed: u64) -> Found {
    let stretches = stretches(&run.log);
    thread::scope(|scope| {
        let share = |thread: usize| {
            let mine = stretches.iter().skip(thread).step_by(THREADS);
            let mut examiner = Examiner::new(run, seed + thread as u64);
            move || {
                mine.for_each(|stretch| examiner.stretch(stretch));
                examiner.found
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|at| scope.spawn(share(at))).collect();
        let ended = threads.into_iter().map(|thread| thread.join().unwrap());
        ended.fold(Found::default(), Found::plus)
    })
}

/// Cuts the log behind each sync and each loss of power.
fn stretches(log: &[Recorded]) -> Vec<Stretch<'_>> {
    let is_end =
        |(operation, _): &Recorded| matches!(operation, Operation::Sync | Operation::Cut(_));
    let mut synced = Image::default();
    let mut first = 0;
    let mut stretches = Vec::new();
    for operations in log.split_inclusive(is_end) {
        let mut next = synced.clone();
        for (operation, _) in operations {
            next.apply(operation);
        }
        stretches.push(Stretch {
            first,
            synced: std::mem::replace(&mut synced, next),
            operations,
        });
        first += operations.len();
    }
    stretches
}

// === impl Examiner ===

impl<'a> Examiner<'a> {
    fn new(run: &'a Run, seed: u64) -> Self {
        Self {
            run_on_every: if crate::is_long() {
                RUN_ON_EVERY_OF_ALL
            } else {
                RUN_ON_EVERY
            },
            run,
            cloud: Cloud::new(run.settings.clone()),
            random: Random::seeded(seed),
            limits: HashMap::new(),
            found: Found::default(),
        }
    }

    /// All operations of a stretch. In their order they lead from state to state; whatever is left
    /// of them must be one of these states.
    fn stretch(&mut self, stretch: &Stretch<'_>) {
        let mut states = vec![self.open(&stretch.synced, stretch.first)];
        let mut all = stretch.synced.clone();
        let mut unsynced: Vec<Operation> = Vec::new();
        for (at, (operation, moment)) in stretch.operations.iter().enumerate() {
            let number = stretch.first + at;
            self.found.count(operation);
            let mut left = Vec::new();
            match operation {
                Operation::Cut(_) => continue,
                // What was done before it is in the images of the last write.
                Operation::Sync => {}
                Operation::Write(..) | Operation::SetLen(_) => {
                    left.extend(self.with_a_part(&all, operation));
                    let mut alone = stretch.synced.clone();
                    alone.apply(operation);
                    left.push(alone);
                    all.apply(operation);
                    unsynced.push(operation.clone());
                    let state = self.open(&all, number);
                    if !states.contains(&state) {
                        states.push(state);
                    }
                    let fault = self.check(&states[states.len() - 1], *moment).err();
                    assert_eq!(fault, None, "operation {number}: {operation:?}");
                }
            }
            let chance =
                (0..BY_CHANCE).map(|_| survivors(&stretch.synced, &unsynced, &self.random));
            left.extend(chance);
            self.found.reordered += left.len();
            for image in left {
                let state = self.open(&image, number);
                assert!(
                    states.contains(&state),
                    "operation {number}: a state that never was"
                );
                let fault = self.check(&state, *moment).err();
                assert_eq!(fault, None, "operation {number}: {operation:?}");
                if self.found.images.is_multiple_of(self.run_on_every) {
                    self.found.run_on += 1;
                    self.run
                        .goes_on(image, *moment, &format!("operation {number}"));
                }
            }
        }
    }

    /// What is there when the power goes in the middle of `operation`.
    fn with_a_part(&self, before: &Image, operation: &Operation) -> Vec<Image> {
        if !matches!(operation, Operation::Write(..)) {
            return Vec::new();
        }
        let (mut halved, mut mixed) = (before.clone(), before.clone());
        half(&mut halved, operation);
        torn(&mut mixed, operation, &self.random);
        vec![halved, mixed]
    }

    fn open(&mut self, image: &Image, number: usize) -> Stored {
        self.found.images += 1;
        let disk = FaultyDisk::holding(image.clone()).disk();
        match Store::open_on(disk) {
            Ok((_store, stored)) => stored,
            Err(fault) => panic!("operation {number}: not to be opened: {fault}"),
        }
    }

    /// That a state is no less than what was shown at a moment, and no more than the truth; and that
    /// of what the next life shows of it the same holds, with nothing above zero that was not shown
    /// before.
    fn check(&mut self, state: &Stored, moment: usize) -> Result<(), String> {
        let series = state
            .functions
            .iter()
            .flatten()
            .map(|function| function.series.clone());
        let counted = Snapshot::new(1, false, series.collect());
        let mut next = counted.clone();
        for (slot, held) in &state.held {
            next.series[*slot as usize] = held.clone();
        }
        no_value_comes_first(&next, &self.run.moments[moment].shown)?;
        let (counted, next) = (Totals::shown(&counted)?, Totals::shown(&next)?);
        let limits = self.limits(moment)?;
        limits.shown.within(&next)?;
        next.within(&counted)?;
        counted.within(&limits.truth)
    }

    fn limits(&mut self, moment: usize) -> Result<&Limits, String> {
        let Moment { shown, now_ms } = &self.run.moments[moment];
        Ok(match self.limits.entry(moment) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(Limits {
                shown: Totals::shown(shown)?,
                truth: Totals::of(&self.cloud.truth(*now_ms)),
            }),
        })
    }
}

/// That what `next` shows above zero is a series that was `shown` before.
fn no_value_comes_first(next: &Snapshot, shown: &Snapshot) -> Result<(), String> {
    for (slot, series) in next.series.iter().enumerate() {
        for code in series.codes.iter().filter(|code| code.count > 0) {
            let same = |other: &CodeCount| {
                (other.ret_code, other.outcome) == (code.ret_code, code.outcome)
            };
            let before = shown.series.get(slot);
            if !before.is_some_and(|before| before.codes.iter().any(same)) {
                return Err(format!("{}: no zero before {code:?}", series.function));
            }
        }
    }
    Ok(())
}

// === impl Found ===

impl Found {
    fn count(&mut self, operation: &Operation) {
        match operation {
            Operation::Write(..) => self.writes += 1,
            Operation::SetLen(_) => self.lengths += 1,
            Operation::Sync => self.syncs += 1,
            Operation::Cut(_) => {}
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            writes: self.writes + other.writes,
            lengths: self.lengths + other.lengths,
            syncs: self.syncs + other.syncs,
            images: self.images + other.images,
            reordered: self.reordered + other.reordered,
            run_on: self.run_on + other.run_on,
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} writes, {} changes of length and {} syncs; {} images opened, {} of them with \
             writes torn or out of order; {} runs went on to the end",
            self.writes, self.lengths, self.syncs, self.images, self.reordered, self.run_on
        )
    }
}
