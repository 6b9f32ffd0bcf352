//! The interface of the writers of formats, and the values that they write.

use std::fmt::Debug;
use std::io;

use prometheus::proto::{MetricFamily, MetricType};

use super::number::{push_integer, push_millis, push_nanos, quotient};
use crate::metrics::catalog::{Kind, Metric, Unit};
use crate::metrics::{
    CodeCount, Exemplar, ExemplarSlot, Exemplars, FunctionSeries, Histogram, NativeHistogram,
};
use crate::model::{FunctionId, Timestamp};

const NANOS: u64 = 1_000_000_000;

/// Size of the buffers beside a body. The allocator keeps larger ones, up to 32 MB, for the process
/// after they were freed.
pub(super) const CHUNK: usize = 64 * 1024;

/// May take the bytes from the buffer of a writer.
pub(super) type Drain<'d> = &'d mut dyn FnMut(&mut Vec<u8>) -> io::Result<()>;

/// A writer of one format, which is called family by family.
pub(super) trait Writer: Send + Debug {
    /// Returns the buffer that finished bytes are appended to. It may be emptied between calls.
    fn out(&mut self) -> &mut Vec<u8>;

    /// Starts the family of `metric`.
    fn begin_family(&mut self, metric: &Metric);

    /// Ends the family, and calls `drain` after each chunk that this adds.
    fn end_family(&mut self, drain: Drain<'_>) -> io::Result<()>;

    /// Writes the invocations of one function by return code and outcome.
    fn codes(&mut self, metric: &Metric, of: &FunctionSeries);

    /// Writes one histogram of one function.
    fn histogram(&mut self, metric: &Metric, function: &FunctionId, observed: &Observed<'_>);

    /// Writes one number of one function, with a `further` label where the family has one. `since` is the
    /// start time of a counter where it is known; gauges have none.
    fn value(
        &mut self,
        metric: &Metric,
        function: &FunctionId,
        further: Option<(&str, &str)>,
        value: Number,
        since: Option<Timestamp>,
    );

    /// Writes a whole family of the `prometheus` crate, which is a counter, a gauge or a histogram.
    fn gathered(&mut self, family: &MetricFamily);

    /// Ends the scrape.
    fn end(&mut self);
}

/// The values of a histogram.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observed<'s> {
    /// Classic buckets and the sum.
    pub(super) classic: &'s Histogram,
    /// Native buckets of the same values. Text formats have none.
    pub(super) native: Option<&'s NativeHistogram>,
    /// Exemplars of some of the classic buckets, ascending.
    pub(super) exemplars: &'s [Exemplar],
    /// Start time, where it is known.
    pub(super) since: Option<Timestamp>,
}

/// Returns the type of a gathered family.
pub(super) fn kind_of(family: &MetricFamily) -> Kind {
    match family.get_field_type() {
        MetricType::COUNTER => Kind::Counter,
        MetricType::HISTOGRAM => Kind::Histogram,
        _ => Kind::Gauge,
    }
}

/// Returns the exemplar of a return code.
pub(super) fn exemplar_of<'s>(code: &CodeCount, exemplars: &'s Exemplars) -> Option<&'s Exemplar> {
    let place = ExemplarSlot::Code(code.ret_code, code.outcome);
    let mut of_codes = exemplars.of_codes().iter();
    of_codes.find(|one| one.place == place)
}

/// Label of an exemplar, by which the invocation is found in the log. OpenMetrics allows 128 characters
/// for names and values.
pub(super) const REQUEST_ID: &str = "request_id";

/// Writes a request id as a UUID.
pub(super) fn uuid(bits: u128) -> [u8; 36] {
    let mut text = [b'-'; 36];
    let mut digits = (0..32u32).rev();
    for at in (0..36).filter(|at| ![8, 13, 18, 23].contains(at)) {
        let shift = 4 * digits.next().unwrap_or_default();
        text[at] = b"0123456789abcdef"[(bits >> shift) as usize & 0xf];
    }
    text
}

/// An exact number. Text formats write it as an exact decimal, and protobuf as the float nearest to
/// that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    /// A count, or a size in bytes.
    Whole(u128),
    /// Nanoseconds, shown as seconds; or bytes times nanoseconds, shown as byte-seconds.
    Nanos(u128),
    /// Milliseconds, shown as seconds.
    Millis(i64),
}

impl Number {
    /// Returns a value of a histogram of `metric`.
    pub(super) fn of(metric: &Metric, value: u128) -> Self {
        match metric.unit {
            Some(Unit::Seconds) => Self::Nanos(value),
            _ => Self::Whole(value),
        }
    }

    /// Writes it as a decimal.
    #[inline]
    pub(super) fn push(self, out: &mut Vec<u8>) {
        match self {
            Self::Whole(value) => match u64::try_from(value) {
                Ok(value) => push_integer(out, value),
                Err(_) => push_integer(out, value),
            },
            Self::Nanos(nanos) => push_nanos(out, nanos),
            Self::Millis(millis) => push_millis(out, millis),
        }
    }

    /// Returns the nearest float.
    pub(super) fn float(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Nanos(nanos) => quotient(nanos, NANOS),
            Self::Millis(millis) => {
                let size = quotient(u128::from(millis.unsigned_abs()), 1_000);
                if millis < 0 { -size } else { size }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_number() -> impl Strategy<Value = Number> {
        prop_oneof![
            any::<u64>().prop_map(|value| Number::Whole(value.into())),
            any::<u128>().prop_map(Number::Whole),
            any::<u64>().prop_map(|nanos| Number::Nanos(nanos.into())),
            any::<u128>().prop_map(Number::Nanos),
            (any::<u128>(), 0u32..128).prop_map(|(nanos, by)| Number::Nanos(nanos >> by)),
            any::<i64>().prop_map(Number::Millis),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_float_is_what_the_decimal_reads_as(number in any_number()) {
            let mut out = Vec::new();
            number.push(&mut out);
            let text = String::from_utf8(out).unwrap();
            prop_assert_eq!(text.parse::<f64>().unwrap(), number.float(), "{}", text);
        }
    }
}
