//! A limit: numbers in flat arrays, which are written into a new text at each scrape.

use scf_exporter::metrics::catalog::{self, Metric};
use scf_exporter::metrics::{Bounds, DURATION_BOUNDS, MEMORY_BOUNDS};

use super::Failure;
use super::workload::{Function, Functions, LAST_MILLIS, NAMESPACE, REGION, Sample, ending};

/// The families with their bounds; sums are in nanoseconds or bytes.
static HISTOGRAMS: [(&Metric, &Bounds); 3] = [
    (&catalog::DURATION, &DURATION_BOUNDS),
    (&catalog::BILLED_DURATION, &DURATION_BOUNDS),
    (&catalog::MEMORY_USAGE, &MEMORY_BOUNDS),
];
const BUCKETS: usize = 18;
const CODES: [(i64, &str); 3] = [(0, "success"), (1, "function_error"), (433, "timeout")];

pub struct Flat(Vec<Numbers>);

struct Numbers {
    /// All labels of the function but the closing brace.
    labels: Box<str>,
    codes: [u64; CODES.len()],
    buckets: [[u64; BUCKETS]; HISTOGRAMS.len()],
    sums: [u64; HISTOGRAMS.len()],
}

impl Numbers {
    fn write_histogram(&self, at: usize, out: &mut Vec<u8>) {
        let (metric, bounds) = HISTOGRAMS[at];
        let mut seen = 0;
        let last = bounds.le.len();
        for (bucket, count) in self.buckets[at][..=last].iter().enumerate() {
            seen += count;
            let le = bounds.le.get(bucket).unwrap_or(&"+Inf");
            put(
                out,
                &[metric.name, "_bucket", &self.labels, ",le=\"", le, "\"} "],
            );
            whole(out, seen);
        }
        put(out, &[metric.name, "_sum", &self.labels, "} "]);
        match at {
            2 => whole(out, self.sums[at]),
            _ => billionths(out, self.sums[at]),
        }
        put(out, &[metric.name, "_count", &self.labels, "} "]);
        whole(out, seen);
    }
}

fn put(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

fn whole(out: &mut Vec<u8>, number: u64) {
    put(out, &[itoa::Buffer::new().format(number), "\n"]);
}

fn billionths(out: &mut Vec<u8>, number: u64) {
    let fraction = number % 1_000_000_000;
    put(out, &[itoa::Buffer::new().format(number / 1_000_000_000)]);
    if fraction > 0 {
        // A leading one keeps the zeros in front.
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(fraction + 1_000_000_000);
        put(out, &[".", digits[1..].trim_end_matches('0')]);
    }
    out.push(b'\n');
}

impl Numbers {
    fn of(Function { name, samples }: &Function) -> Self {
        let labels = format!(
            r#"{{region="{REGION}",function_namespace="{NAMESPACE}",function_name="{name}""#
        );
        let mut numbers = Self {
            labels: labels.into(),
            codes: [0; CODES.len()],
            buckets: [[0; BUCKETS]; HISTOGRAMS.len()],
            sums: [0; HISTOGRAMS.len()],
        };
        for (place, sample) in samples.iter().enumerate() {
            numbers.count(ending(place).0, sample);
        }
        numbers
    }

    fn count(&mut self, ret_code: i64, sample: &Sample) {
        for (count, (code, _)) in self.codes.iter_mut().zip(CODES) {
            *count += u64::from(code == ret_code);
        }
        let values = [
            u64::from(sample.micros) * 1_000,
            u64::from(sample.billed_millis) * 1_000_000,
            u64::from(sample.memory_kib) << 10,
        ];
        for (at, (value, (_, bounds))) in values.into_iter().zip(HISTOGRAMS).enumerate() {
            let bucket = bounds.upper.partition_point(|&upper| upper < value);
            self.buckets[at][bucket] += 1;
            self.sums[at] += value;
        }
    }
}

impl Flat {
    pub fn of(functions: Functions) -> Result<Self, Failure> {
        let numbers = functions.map(|function| Ok(Numbers::of(&function?)));
        Ok(Self(numbers.collect::<Result<_, Failure>>()?))
    }

    /// Returns the text of all functions.
    pub fn body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let head = |out: &mut Vec<u8>, metric: &Metric, kind: &str| {
            put(out, &["# HELP ", metric.name, " ", metric.help, "\n"]);
            put(out, &["# TYPE ", metric.name, " ", kind, "\n"]);
        };
        head(&mut out, &catalog::INVOCATIONS, "counter");
        for numbers in &self.0 {
            for (count, (code, outcome)) in numbers.codes.iter().zip(CODES) {
                let mut digits = itoa::Buffer::new();
                let code = digits.format(code);
                put(&mut out, &[catalog::INVOCATIONS.name, &numbers.labels]);
                put(
                    &mut out,
                    &[",ret_code=\"", code, "\",outcome=\"", outcome, "\"} "],
                );
                whole(&mut out, *count);
            }
        }
        for (at, (metric, _)) in HISTOGRAMS.iter().enumerate() {
            head(&mut out, metric, "histogram");
            for numbers in &self.0 {
                numbers.write_histogram(at, &mut out);
            }
        }
        let last = LAST_MILLIS as u64 * 1_000_000;
        for (metric, value) in [
            (&catalog::LAST_INVOCATION, last),
            (&catalog::FUNCTION_INFO, 1_000_000_000),
        ] {
            head(&mut out, metric, "gauge");
            for numbers in &self.0 {
                put(&mut out, &[metric.name, &numbers.labels, "} "]);
                billionths(&mut out, value);
            }
        }
        out
    }
}
