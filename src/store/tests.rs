//! The store as a file: what comes back, and how an unfit file is refused.

use std::sync::Arc;

use super::tables::{KEYS, LAYOUT, META};
use super::*;
use crate::metrics::FunctionSeries;
use crate::model::{FunctionId, InvocationKey, RetCode};

fn function(name: &str) -> StoredFunction {
    StoredFunction {
        series: Arc::new(FunctionSeries::new(
            FunctionId::new("ap-x", "default", name),
            RetCode::ZERO,
        )),
        evicted_below: Timestamp::from_secs(5),
    }
}

/// What is shown of a function is not what is stored of it.
fn shown(name: &str) -> Arc<FunctionSeries> {
    let function = FunctionId::new("ap-x", "default", name);
    Arc::new(FunctionSeries::new(function, RetCode::OTHER))
}

fn changes() -> Changes {
    let key = InvocationKey { id: 1, attempt: 2 };
    Changes {
        functions: vec![(0, function("a")), (1, function("b"))],
        keys: vec![(
            7,
            Arc::new(KeyPack(vec![SeenKey {
                slot: 1,
                key,
                position: Timestamp::from_secs(9),
            }])),
        )],
        targets: vec![
            (
                TargetId::region("ap-x"),
                Checkpoint::Watermark(Timestamp::from_secs(3)),
            ),
            (
                TargetId::partition("ap-y", "s", 4),
                Checkpoint::Offset {
                    next: 5,
                    reached: Timestamp::from_secs(4),
                },
            ),
        ],
        held: vec![(0, Some(shown("a"))), (1, Some(shown("b")))],
        ..Changes::default()
    }
}

#[test]
fn what_was_committed_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("made").join("anew");
    let first = {
        let (store, stored) = Store::open(&path).unwrap();
        assert_eq!(stored, Stored::default());
        store.commit(&changes()).unwrap();
        changes()
    };
    let (store, stored) = Store::open(&path).unwrap();
    assert_eq!(
        stored.functions,
        ["a", "b"].map(|name| Some(function(name)))
    );
    assert_eq!(stored.keys, first.keys);
    assert_eq!(stored.targets, first.targets);
    assert_eq!(stored.held, vec![(0, shown("a")), (1, shown("b"))]);

    let removal = Changes {
        dropped_keys: vec![7],
        held: vec![(0, None)],
        ..Changes::default()
    };
    store.commit(&removal).unwrap();
    drop(store);
    let (_, stored) = Store::open(&path).unwrap();
    assert_eq!(stored.keys, vec![]);
    assert_eq!(stored.held, vec![(1, shown("b"))]);
}

/// What lists told, and a slot whose series ended.
#[test]
fn what_lists_told_comes_back_and_an_emptied_slot_stays_empty() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(directory.path()).unwrap();
    let at = Timestamp::from_secs;
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
    let first = Changes {
        lists: vec![(id.clone(), listed)],
        missed: vec![(0, Some(missed(2))), (1, Some(missed(1)))],
        ..changes()
    };
    store.commit(&first).unwrap();
    let ends = Changes {
        held: vec![(0, None)],
        emptied: vec![0],
        missed: vec![(0, None)],
        ended: vec![(gone.clone(), Some(at(5)))],
        ..Changes::default()
    };
    store.commit(&ends).unwrap();
    drop(store);
    let (store, stored) = Store::open(directory.path()).unwrap();
    assert_eq!(stored.functions, [None, Some(function("b"))]);
    assert_eq!(stored.lists, [(id, listed)]);
    assert_eq!(stored.missed, [(1, missed(1))]);
    assert_eq!(stored.ended, [(gone.clone(), at(5))]);
    let over = Changes {
        functions: vec![(0, function("c"))],
        ended: vec![(gone, None)],
        ..Changes::default()
    };
    store.commit(&over).unwrap();
    drop(store);
    let (_, stored) = Store::open(directory.path()).unwrap();
    assert_eq!(
        stored.functions,
        ["c", "b"].map(|name| Some(function(name)))
    );
    assert_eq!(stored.ended, []);
}

#[test]
fn lists_that_miss_a_function_that_is_not_there_are_damage() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(directory.path()).unwrap();
    let missed = Missed {
        since: Timestamp::from_secs(8),
        lists: 1,
    };
    let wrong = Changes {
        missed: vec![(2, Some(missed))],
        ..changes()
    };
    store.commit(&wrong).unwrap();
    drop(store);
    let refused = Store::open(directory.path()).unwrap_err();
    assert!(
        matches!(refused, OpenError::Damaged { what: "missed", .. }),
        "{refused:?}"
    );
}

#[test]
fn a_file_in_use_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let _held = Store::open(directory.path()).unwrap();
    let refused = Store::open(directory.path()).unwrap_err();
    assert!(matches!(refused, OpenError::Locked { .. }), "{refused:?}");
    assert!(refused.to_string().contains("in use by another process"));
}

#[test]
fn a_foreign_file_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE);
    let foreign = "not a database, ".repeat(4_096);
    fs::write(&file, &foreign).unwrap();
    let refused = Store::open(directory.path()).unwrap_err();
    assert!(matches!(refused, OpenError::Foreign { .. }), "{refused:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), foreign);
}

#[test]
fn a_file_whose_making_was_cut_short_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE);
    // As long as a new one, and nothing in it yet; the marker says that nothing ever was.
    fs::write(&file, vec![0; 1 << 20]).unwrap();
    fs::write(directory.path().join("scf-exporter.redb.new"), "").unwrap();
    let (store, stored) = Store::open(directory.path()).unwrap();
    assert_eq!(stored, Stored::default());
    store.commit(&changes()).unwrap();
    drop(store);
    let (_, stored) = Store::open(directory.path()).unwrap();
    assert_eq!(
        stored.functions,
        ["a", "b"].map(|name| Some(function(name)))
    );
}

/// Opens a sound state whose file says that it has this layout. Returns why it is refused, and sees
/// to it that it holds what it held before.
fn refused_of_layout(layout: u64) -> OpenError {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(directory.path()).unwrap();
    store.commit(&changes()).unwrap();
    drop(store);
    relabel(directory.path(), layout);
    let refused = Store::open(directory.path()).unwrap_err();
    assert_eq!(relabel(directory.path(), LAYOUT), layout);
    let (_, stored) = Store::open(directory.path()).unwrap();
    assert_eq!((stored.functions.len(), stored.held.len()), (2, 2));
    refused
}

/// Writes another number of the layout. Returns the one that was there.
fn relabel(directory: &Path, layout: u64) -> u64 {
    let database = Database::open(directory.join(FILE)).unwrap();
    let transaction = database.begin_write().unwrap();
    let mut meta = transaction.open_table(META).unwrap();
    let before = meta.insert("layout", layout).unwrap().unwrap().value();
    drop(meta);
    transaction.commit().unwrap();
    before
}

#[test]
fn a_newer_layout_is_refused() {
    let refused = refused_of_layout(7);
    assert!(
        matches!(
            refused,
            OpenError::Layout {
                found: 7,
                known: 6,
                ..
            }
        ),
        "{refused:?}"
    );
    let told = refused.to_string();
    assert!(told.contains("run the version that wrote it"), "{told}");
}

#[test]
fn a_layout_of_before_the_first_release_is_refused() {
    for layout in 1..=5 {
        let refused = refused_of_layout(layout);
        assert!(
            matches!(refused, OpenError::Layout { found, known: 6, .. } if found == layout),
            "{refused:?}"
        );
        let told = refused.to_string();
        assert!(
            told.contains(&format!("has layout {layout}, this version knows layout 6")),
            "{told}"
        );
        assert!(told.contains("move it away to begin anew"), "{told}");
        assert!(told.contains("--state.path"), "{told}");
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = Store::open(&file.join("state")).unwrap_err();
    assert!(
        matches!(refused, OpenError::Directory { .. }),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("--state.path"));
}

#[test]
fn a_damaged_record_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(Store::open(directory.path()).unwrap());
    let database = Database::open(directory.path().join(FILE)).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction
        .open_table(KEYS)
        .unwrap()
        .insert(1, [9u8, 9].as_slice())
        .unwrap();
    transaction.commit().unwrap();
    drop(database);
    let refused = Store::open(directory.path()).unwrap_err();
    assert!(
        matches!(refused, OpenError::Damaged { what: "keys", .. }),
        "{refused:?}"
    );
}

#[test]
fn what_is_shown_of_another_function_or_of_none_is_damage() {
    for (slot, name) in [(0, "b"), (2, "c")] {
        let directory = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(directory.path()).unwrap();
        let wrong = Changes {
            held: vec![(slot, Some(shown(name)))],
            ..changes()
        };
        store.commit(&wrong).unwrap();
        drop(store);
        let refused = Store::open(directory.path()).unwrap_err();
        assert!(
            matches!(refused, OpenError::Damaged { what: "held", .. }),
            "{refused:?}"
        );
    }
}

mod damage;
