//! A floating point number as Python prints it.
//!
//! Arguments pass through a module as text: Ansible writes them as the shortest digits that give the
//! number back, and a decimal number of at most 15 digits is its own shortest form. So the text is
//! put in Python's form without ever being a binary number, whose reading and printing would be 30 KB
//! of every module. Only what calculates with floats ([`Float::from_f64`]) brings that in.

/// The largest and smallest powers of ten that a double has.
const EXPONENTS: std::ops::RangeInclusive<i64> = -324..=308;

/// Python's `repr` of a float: `1.5`, `1e+16`, `nan`, `-inf`.
#[derive(Debug, Clone, PartialEq)]
pub struct Float(String);

impl Float {
    /// Not a number.
    pub fn nan() -> Float {
        Float("nan".to_string())
    }

    /// One of the infinities.
    pub fn infinity(negative: bool) -> Float {
        Float(if negative { "-inf" } else { "inf" }.to_string())
    }

    /// A decimal number (`1.50`, `.5`, `1e3`, `-2`); `None` where the text is none.
    pub fn from_decimal(text: &str) -> Option<Float> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
        let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{before}{after}");
        if all.is_empty() || !all.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let bare = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if bare.is_empty() || !bare.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        // What does not fit into 64 bits is beyond every double too.
        let shift = exponent.parse().unwrap_or(if exponent.starts_with('-') { i64::MIN } else { i64::MAX });
        let digits = all.trim_start_matches('0');
        // The exponent of the first digit that counts.
        let point = i64::try_from(before.len()).unwrap_or(i64::MAX);
        let zeros = i64::try_from(all.len() - digits.len()).unwrap_or(i64::MAX);
        let exponent = shift.saturating_add(point).saturating_sub(zeros).saturating_sub(1);
        Some(Float::printed(negative, digits.trim_end_matches('0'), exponent))
    }

    /// The number `0.5` for `digits` 5 and `exponent` -1.
    fn printed(negative: bool, digits: &str, exponent: i64) -> Float {
        let sign = if negative { "-" } else { "" };
        if digits.is_empty() || exponent < *EXPONENTS.start() {
            return Float(format!("{sign}0.0"));
        }
        if exponent > *EXPONENTS.end() {
            return Float::infinity(negative);
        }
        let width = usize::try_from(exponent.unsigned_abs()).unwrap_or(0);
        Float(match exponent {
            -4..=-1 => format!("{sign}0.{}{digits}", "0".repeat(width - 1)),
            0..=15 if digits.len() <= width + 1 => {
                format!("{sign}{digits}{}.0", "0".repeat(width + 1 - digits.len()))
            }
            0..=15 => {
                let (whole, part) = digits.split_at(width + 1);
                format!("{sign}{whole}.{part}")
            }
            _ => {
                let (first, rest) = digits.split_at(1);
                let dot = if rest.is_empty() { "" } else { "." };
                let pad = if width < 10 { "0" } else { "" };
                let direction = if exponent < 0 { '-' } else { '+' };
                format!("{sign}{first}{dot}{rest}e{direction}{pad}{width}")
            }
        })
    }

    /// The float itself, by its shortest digits.
    pub fn from_f64(value: f64) -> Float {
        match value {
            value if value.is_nan() => Float::nan(),
            value if value.is_infinite() => Float::infinity(value < 0.0),
            value => Float::from_decimal(&format!("{value:e}")).unwrap_or_else(Float::nan),
        }
    }

    /// The number to calculate with.
    pub fn to_f64(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }

    /// As Python's `repr` and `str`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is no number and no infinity, which JSON has no words for.
    pub fn is_finite(&self) -> bool {
        !self.0.ends_with(['n', 'f'])
    }

    /// Whether it is 0.0 or -0.0.
    pub fn is_zero(&self) -> bool {
        self.0.trim_start_matches('-') == "0.0"
    }

    /// Python's `==`.
    pub fn equals(&self, other: &Float) -> bool {
        (self.is_zero() && other.is_zero()) || (self == other && self.0 != "nan")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_numbers_in_pythons_form() {
        for (text, want) in [
            ("1.50", "1.5"),
            ("-0", "-0.0"),
            ("0.0001", "0.0001"),
            ("1e-5", "1e-05"),
            ("00012.5", "12.5"),
            (".5", "0.5"),
            ("5.", "5.0"),
            ("1e15", "1000000000000000.0"),
            ("1E16", "1e+16"),
            ("123456789012345680.0", "1.2345678901234568e+17"),
            ("12345678901234.5e2", "1234567890123450.0"),
            ("1e400", "inf"),
            ("-1e99999999999999999999", "-inf"),
            ("1e-400", "0.0"),
            ("5e-324", "5e-324"),
        ] {
            assert_eq!(Float::from_decimal(text).unwrap().as_str(), want, "{text}");
        }
        for text in ["", ".", "e3", "1e", "1e+", "0x1", "inf", "1_0", "--1", "1.2.3"] {
            assert_eq!(Float::from_decimal(text), None, "{text}");
        }
    }

    #[test]
    fn agrees_with_the_binary_number_up_to_15_digits() {
        let mut state = 1_u64;
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let digits = (state >> 11) % 10_u64.pow(1 + u32::try_from(state % 15).unwrap_or(0));
            let text = format!("{digits}e{}", (state >> 3) % 300);
            let text = text.replace("e", if state & 4 == 0 { "e-" } else { "e" });
            let binary: f64 = text.parse().unwrap();
            if binary.is_normal() {
                assert_eq!(Float::from_decimal(&text), Some(Float::from_f64(binary)), "{text}");
            }
        }
    }
}
