//! A day of function traffic without the trace: the same shape, from numbers measured on it (one
//! day of Azure Functions, 400 functions, 259,251 calls).

use super::trace::{Day, Function, MINUTES};

/// Calls a day of the function of a rank, the busiest being 1; straight lines between, both scales
/// logarithmic.
const CALLS_BY_RANK: [(f64, f64); 19] = [
    (1.0, 42_994.0),
    (2.0, 26_555.0),
    (3.0, 18_862.0),
    (4.0, 8_645.0),
    (5.0, 7_354.0),
    (7.0, 6_291.0),
    (10.0, 4_195.0),
    (15.0, 2_845.0),
    (20.0, 2_128.0),
    (30.0, 2_016.0),
    (50.0, 1_407.0),
    (70.0, 615.0),
    (100.0, 322.0),
    (150.0, 118.0),
    (200.0, 37.0),
    (250.0, 12.0),
    (300.0, 5.0),
    (350.0, 1.0),
    (400.0, 1.0),
];

/// Calls of all functions by hour of the day.
const CALLS_BY_HOUR: [f64; 24] = [
    13_279.0, 12_444.0, 8_990.0, 8_314.0, 8_896.0, 8_709.0, 8_269.0, 18_488.0, 15_248.0, 9_986.0,
    9_116.0, 8_349.0, 9_335.0, 10_130.0, 9_362.0, 9_418.0, 9_975.0, 15_651.0, 11_821.0, 10_141.0,
    10_113.0, 9_667.0, 11_987.0, 11_563.0,
];

/// Run times in milliseconds of every twentieth function by the number of its samples, from the
/// 11th on: least, 1st, 25th, 50th, 75th and 99th percentile, most.
const RUN_TIMES: [[f64; 7]; 20] = [
    [428.0, 436.0, 1_389.0, 2_099.0, 4_443.0, 15_209.0, 52_376.0],
    [8.0, 8.0, 9.0, 10.0, 11.0, 148.0, 406.0],
    [13.0, 35.0, 105.0, 151.0, 313.0, 1_041.0, 3_710.0],
    [0.0, 0.0, 0.0, 13.0, 15.0, 147.0, 578.0],
    [0.0, 0.0, 0.0, 0.0, 0.0, 15.0, 46.0],
    [234.0, 235.0, 267.0, 296.0, 641.0, 6_517.0, 9_939.0],
    [
        7_290.0, 8_958.0, 10_810.0, 12_184.0, 16_967.0, 45_973.0, 60_279.0,
    ],
    [0.0, 0.0, 15.0, 20.0, 46.0, 18_074.0, 18_097.0],
    [735.0, 735.0, 3_484.0, 5_853.0, 9_094.0, 29_787.0, 29_787.0],
    [99.0, 99.0, 156.0, 234.0, 359.0, 534.0, 534.0],
    [178.0, 178.0, 178.0, 178.0, 245.0, 245.0, 245.0],
    [407.0, 407.0, 674.0, 1_209.0, 2_402.0, 6_329.0, 6_329.0],
    [11.0, 11.0, 11.0, 11.0, 911.0, 911.0, 911.0],
    [437.0, 437.0, 437.0, 844.0, 4_172.0, 4_172.0, 4_172.0],
    [
        14_092.0, 14_092.0, 14_092.0, 14_092.0, 19_073.0, 19_073.0, 19_073.0,
    ],
    [62.0; 7],
    [1_789.0; 7],
    [542.0; 7],
    [51.0; 7],
    [2_403.0; 7],
];

/// The day: fractions of a call a minute are kept, they are drawn later.
pub fn day() -> Day {
    let all: f64 = CALLS_BY_HOUR.iter().sum();
    let function = |rank: usize| {
        let calls = calls_of(rank as f64 + 1.0);
        let minute = |minute: usize| calls * CALLS_BY_HOUR[minute / 60] / all / 60.0;
        Function {
            minutes: (0..MINUTES).map(minute).collect(),
            run_ms: RUN_TIMES[rank / 20],
        }
    };
    Day {
        functions: (0..400).map(function).collect(),
        origin: "synthetic: the trace is not there, its rank-size law, hours and run times are",
    }
}

fn calls_of(rank: f64) -> f64 {
    let at = CALLS_BY_RANK.partition_point(|(known, _)| *known < rank);
    let (right, more) = CALLS_BY_RANK[at.min(CALLS_BY_RANK.len() - 1)];
    let (left, calls) = CALLS_BY_RANK[at.saturating_sub(1)];
    if right <= left {
        return more;
    }
    let part = (rank / left).ln() / (right / left).ln();
    calls * (more / calls).powf(part)
}
