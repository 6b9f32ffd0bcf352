//! What lists of functions have told, in three tables of their own: see [`store`](super).

use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use super::{Changes, Stored};
use crate::ledger::{ListedAt, Missed, Scope, TargetId};
use crate::model::Timestamp;

const LISTS: TableDefinition<'_, &str, (i64, i64)> = TableDefinition::new("lists");
const MISSED: TableDefinition<'_, u32, (i64, u32)> = TableDefinition::new("missed");
const ENDED: TableDefinition<'_, &str, i64> = TableDefinition::new("ended");

/// Makes the tables where they are missing.
pub(super) fn make(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(LISTS)?;
    transaction.open_table(MISSED)?;
    transaction.open_table(ENDED)?;
    Ok(())
}

/// Reads them; the functions are read before. Returns the name of a table that is damaged.
pub(super) fn load(
    transaction: &ReadTransaction,
    stored: &mut Stored,
) -> Result<Result<(), &'static str>, redb::Error> {
    let at = Timestamp::from_millis;
    for entry in transaction.open_table(LISTS)?.iter()? {
        let (id, value) = entry?;
        let (began, from) = value.value();
        let listed = ListedAt {
            began: at(began),
            from: at(from),
        };
        match id.value().parse() {
            Ok(id) => stored.lists.push((id, listed)),
            Err(()) => return Ok(Err("lists")),
        }
    }
    for entry in transaction.open_table(MISSED)?.iter()? {
        let (slot, value) = entry?;
        let (since, lists) = value.value();
        let slot = slot.value();
        if !matches!(stored.functions.get(slot as usize), Some(Some(_))) {
            return Ok(Err("missed"));
        }
        let since = at(since);
        stored.missed.push((slot, Missed { since, lists }));
    }
    for entry in transaction.open_table(ENDED)?.iter()? {
        let (target, bound) = entry?;
        match target.value().parse().map(|target: TargetId| target.scope) {
            Ok(Scope::Function(function)) => stored.ended.push((function, at(bound.value()))),
            _ => return Ok(Err("ended")),
        }
    }
    Ok(Ok(()))
}

/// Writes what a change tells.
pub(super) fn write(transaction: &WriteTransaction, changes: &Changes) -> Result<(), redb::Error> {
    if !changes.lists.is_empty() {
        let mut lists = transaction.open_table(LISTS)?;
        for (id, at) in &changes.lists {
            let value = (at.began.as_millis(), at.from.as_millis());
            lists.insert(id.to_string().as_str(), value)?;
        }
    }
    if !changes.missed.is_empty() {
        let mut table = transaction.open_table(MISSED)?;
        for (slot, missed) in &changes.missed {
            match missed {
                Some(missed) => drop(table.insert(slot, (missed.since.as_millis(), missed.lists))?),
                None => drop(table.remove(slot)?),
            }
        }
    }
    if !changes.ended.is_empty() {
        let mut ended = transaction.open_table(ENDED)?;
        for (function, bound) in &changes.ended {
            let target = TargetId::function(function.clone()).to_string();
            match bound {
                Some(bound) => drop(ended.insert(target.as_str(), bound.as_millis())?),
                None => drop(ended.remove(target.as_str())?),
            }
        }
    }
    Ok(())
}
