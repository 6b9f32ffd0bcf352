//! What the fuzz target of stored records asks.

use std::sync::Arc;

use super::{KeyPack, SeenKey, StoredFunction};
use crate::ledger::TargetId;
use crate::model::{AttemptKey, Bytes, FunctionId, Nanos, RetCode, Row, Timestamp};
use crate::series::FunctionSeries;

/// Slots that key packs may name.
const SLOTS: usize = 9;
/// Bytes of one made record.
const CHUNK: usize = 32;

/// What is read from any bytes survives being written and read again; a record that was cut is
/// none; and what was made comes back as it was.
pub(crate) fn record(bytes: &[u8]) {
    let mut buffer = Vec::new();
    if let Some(pack) = KeyPack::decode(bytes, SLOTS) {
        pack_returns(&pack, &mut buffer);
    }
    if let Some(function) = StoredFunction::decode(bytes) {
        function_returns(&function, &mut buffer);
    }
    if let Ok(text) = str::from_utf8(bytes) {
        target_returns(text);
    }
    let keys = bytes.as_chunks().0.iter().map(seen).collect();
    pack_returns(&KeyPack(keys), &mut buffer);
    function_returns(&made(bytes), &mut buffer);
}

fn pack_returns(pack: &KeyPack, buffer: &mut Vec<u8>) {
    pack.encode(buffer);
    assert_eq!(KeyPack::decode(buffer, SLOTS).as_ref(), Some(pack));
    let cut = &buffer[..buffer.len() - 1];
    assert_eq!(KeyPack::decode(cut, SLOTS), None);
    buffer.push(0);
    assert_eq!(KeyPack::decode(buffer, SLOTS), None);
}

fn function_returns(function: &StoredFunction, buffer: &mut Vec<u8>) {
    function.encode(buffer);
    assert_eq!(StoredFunction::decode(buffer).as_ref(), Some(function));
    let cut = &buffer[..buffer.len() - 1];
    assert_eq!(StoredFunction::decode(cut), None);
    buffer.push(0);
    assert_eq!(StoredFunction::decode(buffer), None);
}

fn target_returns(text: &str) {
    let Ok(target) = text.parse::<TargetId>() else {
        return;
    };
    // No region holds the sign that stands behind an account.
    if !target.region.contains('@') {
        assert_eq!(target.to_string().parse(), Ok(target));
    }
}

fn seen(bytes: &[u8; CHUNK]) -> SeenKey {
    let wide = |at: usize| u128::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
    let (id, rest) = (wide(0), wide(16));
    SeenKey {
        slot: rest as u32 % SLOTS as u32,
        key: AttemptKey {
            id,
            attempt: (rest >> 32) as u32,
        },
        position: Timestamp::from_millis((rest >> 64) as i64),
    }
}

/// A function that counted a row for each part of the bytes, each value as large as adapters let
/// one be: a month, 1 TiB.
fn made(bytes: &[u8]) -> StoredFunction {
    let name = String::from_utf8_lossy(bytes);
    let id = FunctionId::new("ap-x", &name, &name).of_account(&name);
    let mut series = FunctionSeries::new(id, RetCode::OK_STATUS);
    for part in bytes.chunks(CHUNK) {
        let number = |at: usize| u64::from(part.get(at).copied().unwrap_or_default());
        series.count(
            &Row {
                ret_code: RetCode::new(number(0) as i64 - 2),
                duration: Nanos(number(1) << (number(2) % 44)),
                billed: Nanos(number(3) << (number(4) % 44)),
                memory: Bytes(number(5) << (number(6) % 33)),
                memory_limit: Bytes(number(7) << (number(8) % 33)),
                position: Timestamp::from_millis(number(9) as i64 - 100),
                retried: number(10) > 127,
                ..Row::default()
            },
            Timestamp::from_millis(number(11) as i64 - 100),
        );
    }
    StoredFunction {
        series: Arc::new(series),
        forgotten: Timestamp::from_millis(name.len() as i64 - 50),
    }
}
