//! The properties of stored records that a fuzz target checks.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use super::{KeyPack, SeenKey, StoredFunction};
use crate::ledger::TargetId;
use crate::metrics::FunctionSeries;
use crate::model::{Bytes, FunctionId, InvocationKey, Nanos, RetCode, Row, Timestamp};

const SLOTS: usize = 9;
/// Input bytes for one generated record.
const CHUNK: usize = 32;

/// Checks that whatever is decoded from any bytes survives encoding and decoding, that a truncated
/// or extended record is rejected, and that generated records come back as they were.
pub(crate) fn record(bytes: &[u8]) {
    if let Some(pack) = KeyPack::decode(bytes, SLOTS) {
        pack_returns(&pack);
    }
    if let Some(function) = StoredFunction::decode(bytes) {
        function_returns(&function);
    }
    if let Ok(text) = str::from_utf8(bytes) {
        target_returns(text);
    }
    let keys = bytes.as_chunks().0.iter().map(seen).collect();
    pack_returns(&KeyPack(keys));
    function_returns(&made(bytes));
}

fn pack_returns(pack: &KeyPack) {
    returns(pack, pack.encode(), |bytes| KeyPack::decode(bytes, SLOTS));
}

fn function_returns(function: &StoredFunction) {
    returns(function, function.encode(), StoredFunction::decode);
}

fn returns<T: PartialEq + Debug>(
    made: &T,
    encoded: io::Result<Vec<u8>>,
    decode: impl Fn(&[u8]) -> Option<T>,
) {
    let mut bytes = encoded.expect("a vector grows");
    assert_eq!(decode(&bytes).as_ref(), Some(made));
    assert_eq!(decode(&bytes[..bytes.len() - 1]), None);
    bytes.push(0);
    assert_eq!(decode(&bytes), None);
}

fn target_returns(text: &str) {
    let Ok(target) = text.parse::<TargetId>() else {
        return;
    };
    // No region contains the character that ends an account.
    if !target.region.contains('@') {
        assert_eq!(target.to_string().parse(), Ok(target));
    }
}

fn seen(bytes: &[u8; CHUNK]) -> SeenKey {
    let wide = |at: usize| u128::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
    let (id, rest) = (wide(0), wide(16));
    SeenKey {
        slot: rest as u32 % SLOTS as u32,
        key: InvocationKey {
            id,
            attempt: (rest >> 32) as u32,
        },
        position: Timestamp::from_millis((rest >> 64) as i64),
    }
}

/// A function that counted a row for each chunk of the bytes, with values up to the limits of
/// adapters: a month, 1 TiB.
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
        evicted_below: Timestamp::from_millis(name.len() as i64 - 50),
    }
}
