use proptest::prelude::*;

use super::*;
use crate::model::{Bytes, ColdStart, Nanos, Row};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn stored(series: FunctionSeries) -> StoredFunction {
    StoredFunction {
        series: Arc::new(series),
        evicted_below: at(-1),
    }
}

#[test]
fn a_function_comes_back_as_it_was_and_damage_is_noticed() {
    let function = FunctionId::new("ap-x", "default", "f/\"\u{4e2d}").of_account("a");
    let mut series = FunctionSeries::begun(function, RetCode::ZERO, at(1_234));
    series.count_cold_start(
        &ColdStart {
            function: 0,
            key: InvocationKey::default(),
            position: Timestamp::default(),
            total: Nanos(5_000_000),
            parts: [Nanos(1), Nanos(0), Nanos(1 << 40)],
        },
        at(1_240),
    );
    for raw in [0, 1, -1, 433, 12_345] {
        series.count(
            &Row {
                function: 0,
                ret_code: RetCode::new(raw),
                outcome: Outcome::FunctionError,
                key: InvocationKey { id: 1, attempt: 0 },
                position: Timestamp::from_secs(1_700_000_000),
                duration: Nanos(u64::MAX),
                billed: Nanos(100_000_000),
                memory: Bytes(1 << 40),
                memory_limit: Bytes(1 << 20),
                retried: true,
                ..Row::default()
            },
            at(1_300 + raw),
        );
    }
    let stored = StoredFunction {
        series: Arc::new(series),
        evicted_below: Timestamp::MIN,
    };
    let mut bytes = stored.encode().unwrap();
    assert_eq!(StoredFunction::decode(&bytes), Some(stored));
    for cut in 0..bytes.len() {
        assert_eq!(StoredFunction::decode(&bytes[..cut]), None, "cut at {cut}");
    }
    bytes.push(0);
    assert_eq!(StoredFunction::decode(&bytes), None, "something behind it");
}

#[test]
fn native_histograms_that_counted_otherwise_are_damage() {
    let function = FunctionId::new("ap-x", "default", "f");
    let mut series = FunctionSeries::new(function, RetCode::ZERO);
    series.count(&Row::default(), Timestamp::default());
    for observe in [
        |series: &mut FunctionSeries| series.duration_native.observe(0),
        |series: &mut FunctionSeries| series.billed_native.observe(0),
        |series: &mut FunctionSeries| series.memory_native.observe(0),
    ] {
        let mut wrong = series.clone();
        observe(&mut wrong);
        let bytes = stored(wrong).encode().unwrap();
        assert_eq!(StoredFunction::decode(&bytes), None);
    }
}

/// Worked out by hand from postcard's specification. A change of these bytes needs another layout.
#[test]
fn the_stored_forms_of_this_layout() {
    let function = FunctionId::new("r", "n", "f").of_account("a");
    let series = FunctionSeries::begun(function, RetCode::OK_STATUS, at(5));
    let empty = |buckets: u8| {
        let mut histogram = vec![buckets];
        histogram.extend(vec![0; buckets.into()]);
        // The sum; zeros, schema 3, first, width 1, no slots.
        histogram.extend([0, 0, 3, 0, 1, 0]);
        histogram
    };
    let expected = [
        b"\x01a\x01r\x01n\x01f".to_vec(),
        // Evicted below -1, entered at 5, never called.
        vec![1, 1, 10, 0],
        // One code: 200, success, none, since 5.
        vec![1, 0x90, 3, 0, 0, 1, 10],
        empty(18),
        empty(18),
        empty(15),
        // No retries, no billed memory, no cold starts.
        vec![0, 0, 0],
    ];
    assert_eq!(stored(series).encode().unwrap(), expected.concat());

    let seen = |slot, id, attempt, millis| SeenKey {
        slot,
        key: InvocationKey { id, attempt },
        position: at(millis),
    };
    let pack = KeyPack(vec![seen(1, 0xfe << 120, 300, 1_000), seen(0, 9, 0, 999)]);
    let expected = [
        b"\x02\x01\xfe\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xac\x02\xd0\x0f".as_slice(),
        b"\x00\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x09\x00\x01",
    ];
    assert_eq!(pack.encode().unwrap(), expected.concat());
}

#[test]
fn a_count_of_more_than_the_bytes_hold_is_damage() {
    // As many elements as a u64 can name: to make room for them would end the process.
    let many = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    assert_eq!(KeyPack::decode(&many, 9), None);
    let no_codes_yet = [0; 7];
    for prefix in [&no_codes_yet[..0], &no_codes_yet] {
        let bytes = [prefix, &many, &[0; 300]].concat();
        assert_eq!(StoredFunction::decode(&bytes), None);
    }
}

fn keys() -> impl Strategy<Value = Vec<SeenKey>> {
    let key = (0..9u32, any::<u128>(), any::<u32>(), any::<i64>()).prop_map(
        |(slot, id, attempt, millis)| SeenKey {
            slot,
            key: InvocationKey { id, attempt },
            position: at(millis),
        },
    );
    proptest::collection::vec(key, 0..50)
}

proptest! {
    #[test]
    fn a_pack_comes_back_as_it_was(keys in keys()) {
        let pack = KeyPack(keys);
        let bytes = pack.encode().unwrap();
        prop_assert_eq!(KeyPack::decode(&bytes, 9), Some(pack));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let _pack = KeyPack::decode(&bytes, 9);
        let _function = StoredFunction::decode(&bytes);
    }
}

#[test]
fn a_slot_that_does_not_exist_is_damage() {
    let key = InvocationKey { id: 7, attempt: 1 };
    let pack = KeyPack(vec![SeenKey {
        slot: 3,
        key,
        position: Timestamp::from_secs(5),
    }]);
    let bytes = pack.encode().unwrap();
    assert_eq!(KeyPack::decode(&bytes, 3), None);
    assert_eq!(KeyPack::decode(&bytes, 4), Some(pack));
}
