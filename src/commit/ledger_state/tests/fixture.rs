//! A ledger whose every change is also written to a store, from which a restart reads it again.

use super::*;

pub(super) const START: i64 = 10_000;

/// Rows may be 100 s late, and a first read goes back 1,000 s.
pub(super) const RULES: Rules = Rules {
    functions: 100,
    several_accounts: false,
    allowed_lateness: AllowedLateness::of_lines(Duration::from_secs(100)),
    first_read: Duration::from_secs(1_000),
    retention: Retention {
        span: Duration::ZERO,
        is_written: false,
    },
};

/// Counted, duplicate, late.
pub(super) type Counts = (u64, u64, u64);

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(second)
}

pub(super) fn name(function: u8) -> FunctionId {
    FunctionId::new("r", "default", &format!("f{function}"))
}

pub(super) fn region() -> TargetId {
    TargetId::region("r")
}

pub(super) fn topic(name: &str) -> TargetId {
    TargetId::topic("r", name)
}

pub(super) fn listed(function: u8, target: &TargetId) -> ListedFunction {
    ListedFunction {
        function: name(function),
        target: target.clone(),
        about: None,
    }
}

/// A complete list of these functions that began at a second and took ten.
pub(super) fn list(began: i64, listed: Vec<ListedFunction>) -> ListedFunctions {
    let look = ListScan {
        named: listed.iter().map(|one| one.function.clone()).collect(),
        would_name: Functions::all(),
        is_certain: true,
    };
    let by = ListId {
        account: "".into(),
        region: "r".into(),
        selection: 0,
    };
    ListedFunctions {
        listed,
        gone: Vec::new(),
        asked: Some(ListRequest {
            by,
            began: at(began),
            now: at(began + 10),
            look: Some(look),
        }),
    }
}

/// A page of one row: request `id` of a function, first attempt, logged and started at these
/// seconds.
pub(super) fn logged(function: u8, id: u128, log: i64, started: i64) -> Page {
    let row = Row {
        ret_code: RetCode::OK_STATUS,
        key: InvocationKey { id, attempt: 0 },
        position: at(log),
        started: at(started),
        ..Row::default()
    };
    Page {
        functions: vec![name(function)],
        rows: vec![row],
        ..Page::default()
    }
}

/// What the store holds after all changes so far.
#[derive(Default)]
pub(super) struct FakeStore {
    pub(super) functions: BTreeMap<u32, Option<StoredFunction>>,
    pub(super) keys: BTreeMap<u64, Arc<KeyPack>>,
    targets: BTreeMap<TargetId, Checkpoint>,
    lists: BTreeMap<ListId, ListedAt>,
    missed: BTreeMap<u32, Missed>,
    ended: BTreeMap<FunctionId, Timestamp>,
}

impl FakeStore {
    fn write(&mut self, changes: &Changes) {
        for (slot, function) in &changes.functions {
            self.functions.insert(*slot, Some(function.clone()));
        }
        for slot in &changes.emptied {
            self.functions.insert(*slot, None);
        }
        self.keys.extend(changes.keys.iter().cloned());
        self.keys
            .retain(|number, _| !changes.dropped_keys.contains(number));
        self.targets.extend(changes.targets.iter().cloned());
        self.lists.extend(changes.lists.iter().cloned());
        put(&mut self.missed, &changes.missed);
        put(&mut self.ended, &changes.ended);
    }

    fn stored(&self) -> Stored {
        let slots = self.functions.keys().copied();
        assert!(slots.eq(0..self.functions.len() as u32), "no gap");
        Stored {
            functions: self.functions.values().cloned().collect(),
            keys: self.keys.clone().into_iter().collect(),
            targets: self.targets.clone().into_iter().collect(),
            held: Vec::new(),
            lists: self.lists.clone().into_iter().collect(),
            missed: self.missed.clone().into_iter().collect(),
            ended: self.ended.clone().into_iter().collect(),
        }
    }
}

fn put<K: Ord + Clone, V: Clone>(table: &mut BTreeMap<K, V>, changes: &[(K, Option<V>)]) {
    for (key, value) in changes {
        match value {
            Some(value) => table.insert(key.clone(), value.clone()),
            None => table.remove(key),
        };
    }
}

pub(super) struct Fixture {
    pub(super) ledger: LedgerState,
    pub(super) store: FakeStore,
}

impl Fixture {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            ledger: LedgerState::new(rules),
            store: FakeStore::default(),
        }
    }

    /// With room for so many functions, and the region's target opened at [`START`].
    pub(super) fn opened(functions: usize) -> Self {
        let mut fixture = Self::new(Rules { functions, ..RULES });
        fixture.advance(&region(), START);
        fixture
    }

    /// Makes a change; what preparing it returned, and what was written.
    pub(super) fn written<T>(
        &mut self,
        prepare: impl FnOnce(&LedgerState, &mut Delta) -> T,
    ) -> (T, Changes) {
        let mut change = Delta::default();
        let returned = prepare(&self.ledger, &mut change);
        let changes = self.ledger.to_store(&mut change);
        self.store.write(&changes);
        self.ledger.apply(change);
        (returned, changes)
    }

    pub(super) fn change<T>(&mut self, prepare: impl FnOnce(&LedgerState, &mut Delta) -> T) -> T {
        self.written(prepare).0
    }

    pub(super) fn page(&mut self, target: &TargetId, page: &Page) -> PageOutcome {
        self.change(|ledger, change| ledger.prepare_page(change, target, page))
    }

    /// Commits the pages as one change.
    pub(super) fn read(&mut self, target: &TargetId, pages: &[Page]) -> Counts {
        self.change(|ledger, change| {
            let outcomes = pages
                .iter()
                .map(|page| ledger.prepare_page(change, target, page));
            outcomes.fold((0, 0, 0), |sum, one| {
                (sum.0 + one.counted, sum.1 + one.duplicate, sum.2 + one.late)
            })
        })
    }

    /// Moves a watermark.
    pub(super) fn advance(&mut self, target: &TargetId, second: i64) {
        let to = Checkpoint::Watermark(at(second));
        self.change(|ledger, change| ledger.prepare_checkpoint(change, target, to));
    }

    pub(super) fn register(&mut self, known: &ListedFunctions) {
        self.change(|ledger, change| ledger.prepare_functions(change, known));
    }

    /// A new process that reads what was written.
    pub(super) fn restart(&mut self) {
        self.restart_by(self.ledger.rules());
    }

    pub(super) fn restart_by(&mut self, rules: Rules) {
        self.ledger = LedgerState::restore(rules, self.store.stored());
    }

    pub(super) fn late_below(&self, target: &TargetId) -> Timestamp {
        self.ledger.checkpoints.late_below(target)
    }

    /// Names and invocations in the snapshot, in the order of the slots.
    pub(super) fn shown(&self) -> String {
        let series = self.ledger.snapshot(1).series;
        let shown = series
            .iter()
            .map(|one| format!("{} {}", one.function.name, one.invocations()));
        shown.collect::<Vec<_>>().join(", ")
    }
}
