//! The store as a file: what comes back, and how an unfit file is refused.

use std::sync::Arc;

use super::tables::{KEYS, LAYOUT, META};
use super::*;
use crate::metrics::FunctionSeries;
use crate::model::{FunctionId, InvocationKey, RetCode};

fn series(name: &str, success: RetCode) -> Arc<FunctionSeries> {
    let function = FunctionId::new("ap-x", "default", name);
    Arc::new(FunctionSeries::new(function, success))
}

fn function(name: &str) -> StoredFunction {
    StoredFunction {
        series: series(name, RetCode::ZERO),
        evicted_below: at(5),
    }
}

/// What is shown of a function is not what is stored of it.
fn shown(name: &str) -> Arc<FunctionSeries> {
    series(name, RetCode::OTHER)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(second)
}

fn changes() -> Changes {
    let seen = SeenKey {
        slot: 1,
        key: InvocationKey { id: 1, attempt: 2 },
        position: at(9),
    };
    let offset = Checkpoint::Offset {
        next: 5,
        reached: at(4),
    };
    Changes {
        functions: vec![(0, function("a")), (1, function("b"))],
        keys: vec![(7, Arc::new(KeyPack(vec![seen])))],
        targets: vec![
            (TargetId::region("ap-x"), Checkpoint::Watermark(at(3))),
            (TargetId::partition("ap-y", "s", 4), offset),
        ],
        held: vec![(0, Some(shown("a"))), (1, Some(shown("b")))],
        ..Changes::default()
    }
}

/// A state directory that is opened for each thing that is done with it.
struct State(tempfile::TempDir);

impl State {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// One that holds [`changes`].
    fn filled() -> Self {
        let state = Self::new();
        state.commit(&changes());
        state
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self) -> PathBuf {
        self.path().join(FILE)
    }

    /// Commits changes; what was stored before.
    fn commit(&self, changes: &Changes) -> Stored {
        let (store, stored) = Store::open(self.path()).unwrap();
        store.commit(changes).unwrap();
        stored
    }

    fn stored(&self) -> Stored {
        Store::open(self.path()).unwrap().1
    }

    /// Sees to it that opening fails with an error that says all of `texts`.
    fn is_refused(&self, texts: &[&str]) {
        let refused = Store::open(self.path()).unwrap_err().to_string();
        for text in texts {
            assert!(refused.contains(text), "{text} is not in: {refused}");
        }
    }

    /// Changes the file past the store.
    fn tamper<T>(&self, change: impl FnOnce(&redb::WriteTransaction) -> T) -> T {
        let database = Database::open(self.file()).unwrap();
        let transaction = database.begin_write().unwrap();
        let returned = change(&transaction);
        transaction.commit().unwrap();
        returned
    }

    /// Writes another number of the layout. Returns the one that was there.
    fn relabel(&self, layout: u64) -> u64 {
        self.tamper(|transaction| {
            let mut meta = transaction.open_table(META).unwrap();
            let before = meta.insert("layout", layout).unwrap();
            before.unwrap().value()
        })
    }
}

fn functions(names: [&str; 2]) -> [Option<StoredFunction>; 2] {
    names.map(|name| Some(function(name)))
}

#[test]
fn what_was_committed_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("made").join("anew");
    let (store, stored) = Store::open(&path).unwrap();
    assert_eq!(stored, Stored::default());
    store.commit(&changes()).unwrap();
    drop(store);
    let expected = Stored {
        functions: functions(["a", "b"]).into(),
        keys: changes().keys,
        targets: changes().targets,
        held: vec![(0, shown("a")), (1, shown("b"))],
        ..Stored::default()
    };
    let (store, stored) = Store::open(&path).unwrap();
    assert_eq!(stored, expected);

    let removal = Changes {
        dropped_keys: vec![7],
        held: vec![(0, None)],
        ..Changes::default()
    };
    store.commit(&removal).unwrap();
    drop(store);
    let expected = Stored {
        keys: vec![],
        held: vec![(1, shown("b"))],
        ..expected
    };
    assert_eq!(Store::open(&path).unwrap().1, expected);
}

/// What lists told, and a slot whose series ended.
#[test]
fn what_lists_told_comes_back_and_an_emptied_slot_stays_empty() {
    let state = State::new();
    let id = ListId {
        account: "a".into(),
        region: "ap-x".into(),
        selection: 7,
    };
    let listed = ListedAt {
        began: at(9),
        from: at(-4),
    };
    let missed = |lists| Missed {
        since: at(8),
        lists,
    };
    let gone = FunctionId::new("ap-x", "default", "a").of_account("a");
    state.commit(&Changes {
        lists: vec![(id.clone(), listed)],
        missed: vec![(0, Some(missed(2))), (1, Some(missed(1)))],
        ..changes()
    });
    state.commit(&Changes {
        held: vec![(0, None)],
        emptied: vec![0],
        missed: vec![(0, None)],
        ended: vec![(gone.clone(), Some(at(5)))],
        ..Changes::default()
    });
    let stored = state.commit(&Changes {
        functions: vec![(0, function("c"))],
        ended: vec![(gone.clone(), None)],
        ..Changes::default()
    });
    assert_eq!(stored.functions, [None, Some(function("b"))]);
    assert_eq!(stored.lists, [(id, listed)]);
    assert_eq!(stored.missed, [(1, missed(1))]);
    assert_eq!(stored.ended, [(gone, at(5))]);
    let stored = state.stored();
    assert_eq!(stored.functions, functions(["c", "b"]));
    assert_eq!(stored.ended, []);
}

#[test]
fn rows_that_make_no_sense_beside_the_others_are_damage() {
    let missed = Missed {
        since: at(8),
        lists: 1,
    };
    let held = |slot, name| Changes {
        held: vec![(slot, Some(shown(name)))],
        ..changes()
    };
    let without_function = Changes {
        missed: vec![(2, Some(missed))],
        ..changes()
    };
    for (wrong, table) in [
        (without_function, "missed"),
        (held(0, "b"), "held"),
        (held(2, "c"), "held"),
    ] {
        let state = State::new();
        state.commit(&wrong);
        state.is_refused(&[&format!("is damaged in its {table} table")]);
    }
}

#[test]
fn a_damaged_record_is_refused() {
    let state = State::new();
    state.commit(&Changes::default());
    state.tamper(|transaction| {
        let mut keys = transaction.open_table(KEYS).unwrap();
        keys.insert(1, [9u8, 9].as_slice()).unwrap();
    });
    state.is_refused(&["is damaged in its keys table"]);
}

#[test]
fn a_file_in_use_is_refused() {
    let state = State::new();
    let _held = Store::open(state.path()).unwrap();
    state.is_refused(&["in use by another process"]);
}

#[test]
fn a_foreign_file_is_refused_and_left_alone() {
    let state = State::new();
    let foreign = "not a database, ".repeat(4_096);
    fs::write(state.file(), &foreign).unwrap();
    state.is_refused(&["was not written by scf-exporter, or is damaged"]);
    assert_eq!(fs::read_to_string(state.file()).unwrap(), foreign);
}

#[test]
fn a_file_whose_making_was_cut_short_is_made_anew() {
    let state = State::new();
    // As long as a new one, and nothing in it yet; the marker says that nothing ever was.
    fs::write(state.file(), vec![0; 1 << 20]).unwrap();
    fs::write(state.path().join("scf-exporter.redb.new"), "").unwrap();
    assert_eq!(state.commit(&changes()), Stored::default());
    assert_eq!(state.stored().functions, functions(["a", "b"]));
}

/// Also that a file which is refused holds what it held before.
#[test]
fn a_file_of_another_layout_is_refused() {
    let anew = "move it away to begin anew";
    let layouts = (1..=5).map(|layout| (layout, anew));
    for (layout, advice) in layouts.chain([(7, "run the version that wrote it")]) {
        let state = State::filled();
        assert_eq!(state.relabel(layout), LAYOUT);
        let found = format!("has layout {layout}, this version knows layout 6");
        state.is_refused(&[&found, advice, "--state.path"]);
        assert_eq!(state.relabel(LAYOUT), layout);
        let stored = state.stored();
        assert_eq!((stored.functions.len(), stored.held.len()), (2, 2));
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_refused() {
    let state = State::new();
    let file = state.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = Store::open(&file.join("state")).unwrap_err().to_string();
    assert!(refused.contains("state directory"), "{refused}");
    assert!(refused.contains("--state.path"), "{refused}");
}

mod damage;
