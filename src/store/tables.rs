//! The tables of the file, see [`store`](super): creating, reading and writing them.

use std::sync::Arc;

use redb::{
    Database, Durability, Key, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition,
    Value, WriteTransaction,
};

use super::error::LoadError;
use super::records::encode_series;
use super::{Changes, KeyPack, Stored, StoredFunction};
use crate::ledger::{Checkpoint, ListedAt, Missed, Scope, TargetId};
use crate::metrics::FunctionSeries;
use crate::model::{FunctionId, Timestamp};

/// The layout that this version reads and writes. Layouts 1 to 5 were never released.
pub(super) const LAYOUT: u64 = 6;

pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const FUNCTIONS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("functions");
pub(super) const KEYS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("keys");
const TARGETS: TableDefinition<'_, &str, (i64, Option<u64>)> = TableDefinition::new("targets");
const HELD: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("held");
const LISTS: TableDefinition<'_, &str, (i64, i64)> = TableDefinition::new("lists");
const MISSED: TableDefinition<'_, u32, (i64, u32)> = TableDefinition::new("missed");
const ENDED: TableDefinition<'_, &str, i64> = TableDefinition::new("ended");

/// Creates the tables of a new file. A file of another layout is rejected and not changed.
pub(super) fn make(database: &Database) -> Result<(), LoadError> {
    let transaction = database.begin_write()?;
    {
        let mut meta = transaction.open_table(META)?;
        let found = meta.get("layout")?.map(|layout| layout.value());
        match found {
            Some(LAYOUT) => {}
            Some(found) => {
                return Err(LoadError::Layout {
                    found,
                    known: LAYOUT,
                });
            }
            None => drop(meta.insert("layout", LAYOUT)?),
        }
        transaction.open_table(FUNCTIONS)?;
        transaction.open_table(KEYS)?;
        transaction.open_table(TARGETS)?;
        transaction.open_table(HELD)?;
        transaction.open_table(LISTS)?;
        transaction.open_table(MISSED)?;
        transaction.open_table(ENDED)?;
    }
    Ok(transaction.commit()?)
}

/// Reads everything; a row without a valid meaning is damage.
pub(super) fn load(database: &Database) -> Result<Stored, LoadError> {
    let transaction = database.begin_read()?;
    let at = Timestamp::from_millis;
    let mut slots = 0..;
    let functions = rows(&transaction, &FUNCTIONS, |slot, bytes| {
        let is_next = slots.next() == Some(slot);
        is_next.then(|| function_of_slot(bytes)).flatten()
    })?;
    Ok(Stored {
        keys: rows(&transaction, &KEYS, |number, bytes| {
            let pack = KeyPack::decode(bytes, functions.len())?;
            Some((number, Arc::new(pack)))
        })?,
        targets: rows(&transaction, &TARGETS, |target, (time, next)| {
            let checkpoint = match next {
                None => Checkpoint::Watermark(at(time)),
                Some(next) => Checkpoint::Offset {
                    next,
                    reached: at(time),
                },
            };
            Some((target.parse().ok()?, checkpoint))
        })?,
        held: rows(&transaction, &HELD, |slot, bytes| {
            let shown = shown_of(bytes, functions.get(slot as usize)?.as_ref()?)?;
            Some((slot, shown))
        })?,
        lists: rows(&transaction, &LISTS, |id, (began, from)| {
            let (began, from) = (at(began), at(from));
            Some((id.parse().ok()?, ListedAt { began, from }))
        })?,
        missed: rows(&transaction, &MISSED, |slot, (since, lists)| {
            functions.get(slot as usize)?.as_ref()?;
            let since = at(since);
            Some((slot, Missed { since, lists }))
        })?,
        ended: rows(&transaction, &ENDED, |target, bound| {
            Some((function_of_target(target)?, at(bound)))
        })?,
        functions,
    })
}

/// Reads the rows of `table` in the order of their keys.
fn rows<K: Key + 'static, V: Value + 'static, T>(
    transaction: &ReadTransaction,
    table: &'static TableDefinition<'static, K, V>,
    mut row: impl for<'a> FnMut(K::SelfType<'a>, V::SelfType<'a>) -> Option<T>,
) -> Result<Vec<T>, LoadError> {
    let mut rows = Vec::new();
    for entry in transaction.open_table(*table)?.iter()? {
        let (key, value) = entry?;
        let read = row(key.value(), value.value());
        rows.push(read.ok_or(LoadError::Damaged(redb::TableHandle::name(table)))?);
    }
    Ok(rows)
}

/// The value of a slot whose series ended has no bytes.
fn function_of_slot(bytes: &[u8]) -> Option<Option<StoredFunction>> {
    match bytes {
        [] => Some(None),
        bytes => StoredFunction::decode(bytes).map(Some),
    }
}

/// Reads the held series of `whole`; `None` where they are damaged or of another function.
fn shown_of(bytes: &[u8], whole: &StoredFunction) -> Option<Arc<FunctionSeries>> {
    let shown = StoredFunction::decode(bytes)?.series;
    (shown.function == whole.series.function).then_some(shown)
}

fn function_of_target(target: &str) -> Option<FunctionId> {
    match target.parse::<TargetId>().ok()?.scope {
        Scope::Function(function) => Some(function),
        _ => None,
    }
}

/// Writes a change; it is durable when this returns.
pub(super) fn write(database: &Database, changes: &Changes) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    write_functions(&transaction, changes)?;
    write_positions(&transaction, changes)?;
    Ok(transaction.commit()?)
}

fn write_functions(transaction: &WriteTransaction, changes: &Changes) -> Result<(), redb::Error> {
    let mut functions = transaction.open_table(FUNCTIONS)?;
    for (slot, function) in &changes.functions {
        functions.insert(slot, &*function.encode()?)?;
    }
    for slot in &changes.emptied {
        functions.insert(slot, [].as_slice())?;
    }
    let mut keys = transaction.open_table(KEYS)?;
    for (number, pack) in &changes.keys {
        keys.insert(number, &*pack.encode()?)?;
    }
    for number in &changes.dropped_keys {
        keys.remove(number)?;
    }
    let mut held = transaction.open_table(HELD)?;
    for (slot, shown) in &changes.held {
        match shown {
            Some(shown) => {
                let bytes = encode_series(shown, Timestamp::default())?;
                held.insert(slot, &*bytes)?;
            }
            None => drop(held.remove(slot)?),
        }
    }
    Ok(())
}

fn write_positions(transaction: &WriteTransaction, changes: &Changes) -> Result<(), redb::Error> {
    let mut targets = transaction.open_table(TARGETS)?;
    for (target, checkpoint) in &changes.targets {
        let next = match checkpoint {
            Checkpoint::Watermark(_) => None,
            Checkpoint::Offset { next, .. } => Some(*next),
        };
        let value = (checkpoint.time().as_millis(), next);
        targets.insert(&*target.to_string(), value)?;
    }
    let mut lists = transaction.open_table(LISTS)?;
    for (id, at) in &changes.lists {
        let value = (at.began.as_millis(), at.from.as_millis());
        lists.insert(&*id.to_string(), value)?;
    }
    let mut table = transaction.open_table(MISSED)?;
    for (slot, missed) in &changes.missed {
        match missed {
            Some(missed) => drop(table.insert(slot, (missed.since.as_millis(), missed.lists))?),
            None => drop(table.remove(slot)?),
        }
    }
    let mut ended = transaction.open_table(ENDED)?;
    for (function, bound) in &changes.ended {
        let target = TargetId::function(function.clone()).to_string();
        match bound {
            Some(bound) => drop(ended.insert(&*target, bound.as_millis())?),
            None => drop(ended.remove(&*target)?),
        }
    }
    Ok(())
}
