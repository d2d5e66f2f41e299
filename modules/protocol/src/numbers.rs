//! Numbers out of text, as Python's `int()`, `float()`, `Decimal()` and Ansible's sizes read them.

use crate::float::Float;
use crate::pytext;
use crate::value::Value;

/// Python refuses to turn longer digit strings into integers (`sys.int_info`).
const MAX_DIGITS: usize = 4300;

/// The integer with these digits, normalised.
fn integer(negative: bool, digits: &str) -> Value {
    let digits = digits.trim_start_matches('0');
    let text = format!("{}{}", if negative { "-" } else { "" }, if digits.is_empty() { "0" } else { digits });
    text.parse().map_or(Value::BigInt(text), Value::Int)
}

/// The text with every decimal digit of any script as an ASCII one.
fn ascii_digits(text: &str) -> String {
    text.chars().map(|c| decimal_digit(c).unwrap_or(c)).collect()
}

/// Decimal digits stand in runs of ten, `0` first. These are the scripts met in practice.
fn decimal_digit(c: char) -> Option<char> {
    const ZEROS: [u32; 13] =
        [0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xe50, 0xff10, 0x1d7ce];
    let code = u32::from(c);
    let zero = ZEROS.into_iter().find(|zero| (*zero..zero + 10).contains(&code))?;
    char::from_digit(code - zero, 10)
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Whether every underscore stands between two digits, as Python wants it in `int()`.
pub fn grouped(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    bytes.iter().enumerate().all(|(at, b)| *b != b'_' || (digit(at.checked_sub(1)) && digit(Some(at + 1))))
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// Python's `int(text)`.
pub fn int(text: &str) -> Option<Value> {
    let text = ascii_digits(pytext::strip(text));
    let (negative, digits) = split_sign(&text);
    if !grouped(digits) {
        return None;
    }
    let digits = digits.replace('_', "");
    let fine = !digits.is_empty() && all_digits(&digits) && digits.len() <= MAX_DIGITS;
    fine.then(|| integer(negative, &digits))
}

/// The whole number that Python's `Decimal(text)` is equal to; `None` where it is none.
pub fn whole(text: &str) -> Option<Value> {
    let text = ascii_digits(pytext::strip(text)).replace('_', "");
    let (negative, rest) = split_sign(&text);
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent),
        None => (rest, "0"),
    };
    let (down, exponent) = split_sign(exponent);
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fine = all_digits(before) && all_digits(after) && before.len() + after.len() > 0;
    if !fine || exponent.is_empty() || !all_digits(exponent) {
        return None;
    }
    let digits = format!("{before}{after}");
    if digits.bytes().all(|b| b == b'0') {
        return Some(Value::Int(0));
    }
    let exponent: i64 = exponent.parse().ok()?;
    let shift = (if down { -exponent } else { exponent }) - i64::try_from(after.len()).ok()?;
    if shift >= 0 {
        let zeros = usize::try_from(shift).ok().filter(|zeros| *zeros <= MAX_DIGITS)?;
        return Some(integer(negative, &(digits + &"0".repeat(zeros))));
    }
    let cut = usize::try_from(-shift).ok()?.min(digits.len());
    let (head, tail) = digits.split_at(digits.len() - cut);
    tail.bytes().all(|b| b == b'0').then(|| integer(negative, head))
}

/// The integer a float is equal to.
pub fn whole_float(float: &Float) -> Option<Value> {
    let value = whole(float.as_str())?;
    let text = pytext::str(&value);
    let (negative, digits) = split_sign(&text);
    // As many digits a double has in any case.
    Some(if digits.len() <= 15 { value } else { integer(negative, &nearest_double(digits)) })
}

/// The digits of the double that is nearest to a whole number: one of 53 bits, and zeros behind them.
fn nearest_double(digits: &str) -> String {
    let mut number: Vec<u8> = digits.bytes().map(|digit| digit - b'0').collect();
    // The lowest first.
    let mut bits = Vec::new();
    while number.iter().any(|digit| *digit > 0) {
        let mut rest = 0;
        for digit in &mut number {
            let value = rest * 10 + *digit;
            (*digit, rest) = (value / 2, value % 2);
        }
        bits.push(rest == 1);
    }
    let cut = bits.len().saturating_sub(53);
    let (lost, kept) = bits.split_at_mut(cut);
    let half = lost.last() == Some(&true);
    let more = lost.iter().rev().skip(1).any(|bit| *bit);
    let mut carry = half && (more || kept.first() == Some(&true));
    lost.fill(false);
    for bit in kept {
        (*bit, carry) = (*bit != carry, *bit && carry);
    }
    let mut number: Vec<u8> = vec![u8::from(carry)];
    for bit in bits.iter().rev() {
        let mut carry = u8::from(*bit);
        for digit in number.iter_mut().rev() {
            let value = *digit * 2 + carry;
            (*digit, carry) = (value % 10, value / 10);
        }
        if carry > 0 {
            number.insert(0, carry);
        }
    }
    number.into_iter().map(|digit| char::from(b'0' + digit)).collect()
}

/// Python's `float(text)`.
pub fn float(text: &str) -> Option<f64> {
    let text = ascii_digits(pytext::strip(text));
    if !grouped(&text) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// A size such as `10K`, `1.5 GB`: the number and what the unit says, in bytes or, with `bits`, bits.
///
/// Before ansible-core 2.19 (`legacy`) anything could follow the unit and white space precede it.
pub fn size(text: &str, bits: bool, legacy: bool) -> Option<Value> {
    let text = if legacy { ascii_digits(pytext::strip(text)) } else { text.trim_end().to_string() };
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let mut end = digits(0);
    if text[end..].starts_with('.') {
        let fraction = digits(end + 1);
        if !legacy && fraction == 0 {
            return None;
        }
        end += 1 + fraction;
    }
    let (number, rest) = text.split_at(end);
    let number: f64 = number.parse().ok()?;
    let rest = rest.trim_start();
    let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    if !legacy && letters < rest.len() {
        return None;
    }
    let unit = &rest[..letters];
    let factor = if unit.is_empty() { 1.0 } else { factor(unit, bits, legacy)? };
    let rounded = (number * factor).round_ties_even();
    rounded.is_finite().then(|| whole(&format!("{rounded:.0}"))).flatten()
}

/// What a unit multiplies by; `None` for one that is not valid.
fn factor(unit: &str, bits: bool, legacy: bool) -> Option<f64> {
    const PREFIXES: [(char, &str); 9] = [
        ('B', ""),
        ('K', "kilo"),
        ('M', "mega"),
        ('G', "giga"),
        ('T', "tera"),
        ('P', "peta"),
        ('E', "exa"),
        ('Z', "zetta"),
        ('Y', "yotta"),
    ];
    let mut letters = unit.chars();
    let first = letters.next()?.to_ascii_uppercase();
    let power = PREFIXES.iter().position(|(letter, _)| *letter == first)?;
    let (letter, word) = if bits { ('b', "bit") } else { ('B', "byte") };
    let valid = match letters.next() {
        None => true,
        Some(second) if legacy => unit.to_ascii_lowercase().contains(word) || second == letter,
        Some(_) => {
            let short = if power == 0 { letter.to_string() } else { format!("{first}{letter}") };
            let long = format!("{}{word}", PREFIXES[power].1);
            unit == short || unit.to_ascii_lowercase() == long
        }
    };
    valid.then(|| 1024_f64.powi(i32::try_from(power).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_as_doubles() {
        let mut state = 7_u64;
        for length in 1..=308 {
            let mut digits = String::new();
            for _ in 0..length {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                digits.push(char::from_digit(u32::try_from(state >> 60).unwrap() % 10, 10).unwrap());
            }
            let double: f64 = digits.parse().unwrap();
            assert_eq!(
                nearest_double(&digits).trim_start_matches('0'),
                format!("{double:.0}").trim_start_matches('0'),
                "{digits}"
            );
        }
        for digits in ["9007199254740993", "9007199254740995", "18014398509481983", "36028797018963967"] {
            assert_eq!(nearest_double(digits), format!("{:.0}", digits.parse::<f64>().unwrap()));
        }
    }

    #[test]
    fn whole_numbers() {
        for (text, want) in [
            ("1.0", Some(1)),
            ("1e3", Some(1000)),
            (" 7 ", Some(7)),
            ("1_000", Some(1000)),
            ("-1.50e1", Some(-15)),
            ("100e-2", Some(1)),
            ("1.5", None),
            ("1e-1", None),
            ("", None),
            (".", None),
            ("e3", None),
            ("inf", None),
            ("0x10", None),
            ("0e999999999", Some(0)),
        ] {
            assert_eq!(whole(text), want.map(Value::Int), "{text}");
        }
        assert_eq!(whole("1e30"), Some(Value::BigInt(format!("1{}", "0".repeat(30)))));
        assert_eq!(whole("1e99999999999"), None, "no such memory");
        assert_eq!(int("1__0"), None);
        assert_eq!(int("1.0"), None);
        assert_eq!(int("\u{661}\u{662}"), Some(Value::Int(12)));
    }
}
