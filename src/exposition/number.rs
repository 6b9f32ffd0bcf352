//! Writes numbers as the exposition formats demand.

use std::io::Write;

/// Decimals of a time in nanoseconds.
const NANO_DIGITS: u32 = 9;
/// Below this every whole number is exact in a float, and short.
const WHOLE_MAX: f64 = 1e15;

/// Writes an integer.
#[inline]
pub(super) fn push_integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Writes nanoseconds as exact seconds: 510000 is `0.00051`.
pub(super) fn push_nanos(out: &mut Vec<u8>, nanos: u128) {
    const SECOND: u128 = 10u128.pow(NANO_DIGITS);
    // Only sums past 584 years need 128 bits, whose division is slow.
    let (whole, rest) = match u64::try_from(nanos) {
        Ok(nanos) => {
            let second = SECOND as u64;
            push_integer(out, nanos / second);
            return push_fraction(out, nanos % second, NANO_DIGITS);
        }
        Err(_) => (nanos / SECOND, nanos % SECOND),
    };
    push_integer(out, whole);
    push_fraction(out, rest as u64, NANO_DIGITS);
}

/// Writes milliseconds as exact seconds.
pub(super) fn push_millis(out: &mut Vec<u8>, millis: i64) {
    if millis < 0 {
        out.push(b'-');
    }
    let millis = millis.unsigned_abs();
    push_integer(out, millis / 1_000);
    push_fraction(out, millis % 1_000, 3);
}

/// Writes a float in the fewest digits that read back as it, with an exponent where it is large or small.
pub(super) fn push_float(out: &mut Vec<u8>, value: f64) {
    let size = value.abs();
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else if size < WHOLE_MAX && value.fract() == 0.0 {
        push_integer(out, value as i64);
    } else if (1e-6..1e21).contains(&size) {
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{value}");
    } else {
        let _ = write!(out, "{value:e}");
    }
}

/// Returns the float nearest to `dividend / divisor`, as which a reader parses the exact decimal.
pub(super) fn quotient(dividend: u128, divisor: u64) -> f64 {
    /// Up to this every whole number is a float, so that one division rounds once.
    const EXACT: u128 = 1 << f64::MANTISSA_DIGITS;
    /// Shifted by this a quotient has more bits than a float.
    const SHIFT: u32 = 40;
    if dividend <= EXACT {
        return dividend as f64 / divisor as f64;
    }
    let shift = if dividend.leading_zeros() >= SHIFT {
        SHIFT
    } else {
        0
    };
    let (dividend, divisor) = (dividend << shift, u128::from(divisor));
    let inexact = u128::from(dividend % divisor != 0);
    // This rounds once: the division by a power of two is exact.
    ((dividend / divisor) | inexact) as f64 / (1u64 << shift) as f64
}

/// Writes `.` and `digits` digits of `rest` without trailing zeros, or nothing where `rest` is zero.
fn push_fraction(out: &mut Vec<u8>, mut rest: u64, digits: u32) {
    if rest == 0 {
        return;
    }
    let mut text = [b'0'; 10];
    text[0] = b'.';
    let mut end = 1;
    for place in (1..=digits as usize).rev() {
        let digit = (rest % 10) as u8;
        rest /= 10;
        text[place] += digit;
        if end == 1 && digit != 0 {
            end = place + 1;
        }
    }
    out.extend_from_slice(&text[..end]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(push: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        push(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn sums_are_exact_decimals() {
        for (nanos, expected) in [
            (0, "0"),
            (510_000, "0.00051"),
            (200_000_000, "0.2"),
            (1, "0.000000001"),
            (1_000_000_000, "1"),
            (90_071_992_547_409_931, "90071992.547409931"),
            (u128::from(u64::MAX), "18446744073.709551615"),
            (u128::from(u64::MAX) + 1, "18446744073.709551616"),
            (u128::MAX, "340282366920938463463374607431.768211455"),
        ] {
            assert_eq!(text(|out| push_nanos(out, nanos)), expected);
        }
    }

    #[test]
    fn instants_are_exact_before_and_after_the_epoch() {
        for (millis, expected) in [
            (0, "0"),
            (1_700_000_000_000, "1700000000"),
            (1_700_000_000_120, "1700000000.12"),
            (-1, "-0.001"),
            (-1_500, "-1.5"),
            (i64::MIN, "-9223372036854775.808"),
        ] {
            assert_eq!(text(|out| push_millis(out, millis)), expected);
        }
    }

    #[test]
    fn floats_are_written_as_go_reads_them() {
        for (value, expected) in [
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (0.0, "0"),
            (-3.0, "-3"),
            (0.25, "0.25"),
            (1e300, "1e300"),
            (1e-9, "1e-9"),
            (1_700_000_000.123, "1700000000.123"),
        ] {
            assert_eq!(text(|out| push_float(out, value)), expected);
        }
    }

    proptest! {
        #[test]
        fn a_float_reads_back_as_itself(value in any::<f64>()) {
            let back: f64 = text(|out| push_float(out, value)).parse().unwrap();
            prop_assert!(back == value || (back.is_nan() && value.is_nan()));
        }

        #[test]
        fn nanoseconds_read_back_as_themselves(nanos in any::<u128>()) {
            let written = text(|out| push_nanos(out, nanos));
            let (whole, rest) = written.split_once('.').unwrap_or((&written, ""));
            prop_assert!(!rest.ends_with('0'));
            let back: u128 = format!("{whole}{rest:0<9}").parse().unwrap();
            prop_assert_eq!(back, nanos);
        }
    }
}
