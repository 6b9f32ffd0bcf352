//! What the series of a function weigh, with typical traffic native histograms and exemplars.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Arc;

use peak_alloc::PeakAlloc;
use scf_exporter::metrics::{Exemplars, FunctionSeries, NativeHistogram, SeriesSet, Unit};
use scf_exporter::model::{
    Bytes, FunctionId, InvocationKey, Nanos, Outcome, RetCode, Row, Timestamp,
};

/// Counts the bytes that this process holds; so there is one test in this file.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// A seeded stream (SplitMix64).
struct Stream(u64);

impl Stream {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// In [0, 1).
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// FunctionConfig normal: mean 0, deviation 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}

/// A function whose run times are around a median of its own, 5 ms to 2 s, one in a hundred ten
/// times as long and one in a thousand until a timeout of 60 s; its memory is around a part of
/// what it may use.
fn function(number: u64, calls: u64) -> FunctionSeries {
    let mut stream = Stream(number);
    let name = format!("service-{number}-handler");
    let mut series = FunctionSeries::new(
        FunctionId::new("ap-guangzhou", "default", &name),
        RetCode::ZERO,
    );
    let median = 5.0 * 400f64.powf(stream.share());
    let limit = (128u64 << 20) << (stream.next() % 4);
    let used = limit as f64 * (0.2 + 0.6 * stream.share());
    for _ in 0..calls {
        let factor = match stream.next() % 1_000 {
            0 => 60_000.0 / median,
            1..=10 => 10.0,
            _ => 1.0,
        };
        let millis = (median * factor * (0.5 * stream.normal()).exp()).ceil();
        let time = Nanos(millis.min(60_000.0) as u64 * 1_000_000);
        let id = u128::from(stream.next()) << 64 | u128::from(stream.next());
        series.count(
            &Row {
                key: InvocationKey { id, attempt: 0 },
                id_is_uuid: true,
                outcome: match factor {
                    _ if millis >= 60_000.0 => Outcome::Timeout,
                    10.0 => Outcome::FunctionError,
                    _ => Outcome::Success,
                },
                duration: time,
                billed: time,
                memory: Bytes((used * (1.0 + 0.05 * stream.normal())) as u64),
                memory_limit: Bytes(limit),
                ..Row::default()
            },
            Timestamp::from_secs(2_000_000_000),
        );
    }
    series
}

/// Bytes for each of `functions`: the whole, the native histograms' own, and the exemplars'.
fn weigh(functions: u64, calls: u64) -> (usize, usize, usize) {
    let before = HEAP.current_usage();
    let mut set = SeriesSet::new(functions as usize);
    for number in 0..functions {
        set.put(Arc::new(function(number, calls)));
    }
    let whole = HEAP.current_usage() - before;
    for slot in 0..functions as u32 {
        set.change(slot, |series| {
            series.duration_native = NativeHistogram::new(Unit::Nanos);
            series.billed_native = NativeHistogram::new(Unit::Nanos);
            series.memory_native = NativeHistogram::new(Unit::Bytes);
        });
    }
    let without = HEAP.current_usage() - before;
    for slot in 0..functions as u32 {
        set.change(slot, |series| series.exemplars = Exemplars::default());
    }
    let bare = HEAP.current_usage() - before;
    let share = |bytes: usize| bytes / functions as usize;
    (
        share(whole),
        share(whole - without) + 3 * size_of::<NativeHistogram>(),
        share(without - bare) + size_of::<Exemplars>(),
    )
}

#[test]
fn a_function_weighs_little() {
    println!("struct: {} bytes", size_of::<FunctionSeries>());
    for (functions, calls) in [(10_000, 0), (10_000, 200), (300, 20_000)] {
        let (whole, native, exemplars) = weigh(functions, calls);
        println!(
            "{calls} calls: {whole} bytes a function, {native} of them native, {exemplars} exemplars"
        );
        assert!(native <= 3 * 600, "{native} bytes");
        assert!(exemplars <= 1 << 10, "{exemplars} bytes");
        assert!(whole <= 3 << 10, "{whole} bytes");
        let classic = whole - native - exemplars;
        assert!(classic <= 3 << 9, "{classic} bytes");
    }
}
