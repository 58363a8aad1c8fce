//! Amounts of resources: `500m`, `1.5Gi`, `2e3`. Knows no resource names.
//!
//! Models Kubernetes 1.36 k8s.io/apimachinery pkg/api/resource (quantity.go, suffix.go).

use std::cmp::Ordering;
use std::fmt;

const NANO: i128 = 1_000_000_000;
/// Where amounts stop growing; far above what upstream can print with a suffix.
const LIMIT: i128 = i128::MAX / 4;
/// Upstream's text for anything that is no quantity.
pub const WRONG_FORMAT: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const WRONG_SUFFIX: &str = "unable to parse quantity's suffix";

/// Which suffixes an amount is printed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `12e6`
    DecimalExponent,
    /// `12Mi`
    BinarySi,
    /// `12M`
    DecimalSi,
}

/// An amount, exact to a billionth. Amounts compare by value: `1000m` equals `1`.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

impl Quantity {
    /// So many whole units.
    pub fn new(value: i64, format: Format) -> Self {
        Self { nanos: i128::from(value) * NANO, format }
    }

    /// So many thousandths.
    pub fn from_milli(value: i64, format: Format) -> Self {
        Self { nanos: i128::from(value) * (NANO / 1000), format }
    }

    /// Nothing.
    pub fn zero() -> Self {
        Self::new(0, Format::DecimalSi)
    }

    /// Reads a quantity. Amounts finer than a billionth are rounded away from zero.
    ///
    /// # Errors
    /// [`WRONG_FORMAT`], or `unable to parse quantity's suffix`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err(WRONG_FORMAT);
        }
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, rest) = split_digits(unsigned);
        let (fraction, suffix) = match rest.strip_prefix('.') {
            Some(rest) => split_digits(rest),
            None => ("", rest),
        };
        check_suffix(suffix)?;
        let (base, exponent, mut format) = interpret(suffix).ok_or(WRONG_SUFFIX)?;
        let magnitude = match base {
            10 => scaled(whole, fraction, exponent),
            _ => binary(whole, fraction, exponent.unsigned_abs()),
        };
        let magnitude = if format == Format::BinarySi { magnitude.min(i128::from(i64::MAX) * NANO) } else { magnitude };
        if format == Format::BinarySi && magnitude > 0 && magnitude < NANO {
            format = Format::DecimalSi;
        }
        Ok(Self { nanos: if negative { -magnitude } else { magnitude }, format })
    }

    /// Whole units, rounded away from zero.
    pub fn value(&self) -> i64 {
        self.scaled_value(NANO)
    }

    /// Thousandths, rounded away from zero.
    pub fn milli_value(&self) -> i64 {
        self.scaled_value(NANO / 1000)
    }

    /// The amount as a float, for ratios.
    pub fn as_f64(&self) -> f64 {
        self.nanos as f64 / NANO as f64
    }

    /// Whether this is nothing.
    pub fn is_zero(&self) -> bool {
        self.nanos == 0
    }

    /// 1, 0 or -1.
    pub fn sign(&self) -> i32 {
        self.nanos.signum() as i32
    }

    /// Which suffixes it prints with.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The sum, in the format of the first unless that is nothing.
    pub fn plus(&self, other: &Quantity) -> Quantity {
        let format = if self.is_zero() { other.format } else { self.format };
        Quantity { nanos: (self.nanos + other.nanos).clamp(-LIMIT, LIMIT), format }
    }

    /// The difference, in the format of the first unless that is nothing.
    pub fn minus(&self, other: &Quantity) -> Quantity {
        self.plus(&Quantity { nanos: -other.nanos, format: other.format })
    }

    fn scaled_value(&self, unit: i128) -> i64 {
        let magnitude = self.nanos.unsigned_abs().div_ceil(unit.unsigned_abs());
        let limited = i64::try_from(magnitude).unwrap_or(i64::MAX);
        if self.nanos < 0 { -limited } else { limited }
    }

    fn decimal(&self, f: &mut fmt::Formatter<'_>, with_exponent: bool) -> fmt::Result {
        let (mut mantissa, mut exponent) = (self.nanos, -9i32);
        while mantissa % 10 == 0 {
            mantissa /= 10;
            exponent += 1;
        }
        while exponent.rem_euclid(3) != 0 {
            mantissa *= 10;
            exponent -= 1;
        }
        let known = DECIMAL_SUFFIXES.iter().find(|(_, known)| *known == exponent);
        match known {
            _ if exponent == 0 => write!(f, "{mantissa}"),
            Some((suffix, _)) if !with_exponent => write!(f, "{mantissa}{suffix}"),
            _ => write!(f, "{mantissa}e{exponent}"),
        }
    }
}

impl fmt::Display for Quantity {
    /// The canonical form: no fraction, the largest suffix that keeps it whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        let small = self.nanos.abs() < 1024 * NANO;
        match self.format {
            Format::DecimalExponent => self.decimal(f, true),
            Format::BinarySi if !small && self.nanos % NANO == 0 => {
                let (mut mantissa, mut power) = (self.nanos / NANO, 0);
                while mantissa % 1024 == 0 && power + 1 < BINARY_SUFFIXES.len() {
                    mantissa /= 1024;
                    power += 1;
                }
                write!(f, "{mantissa}{}", BINARY_SUFFIXES.get(power).unwrap_or(&""))
            }
            _ => self.decimal(f, false),
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl std::str::FromStr for Quantity {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

const DECIMAL_SUFFIXES: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY_SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// `[eEinumkKMGTP]*[-+]?[0-9]*`
fn check_suffix(suffix: &str) -> Result<(), &'static str> {
    let rest = suffix.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    if rest.bytes().all(|b| b.is_ascii_digit()) { Ok(()) } else { Err(WRONG_FORMAT) }
}

/// Base, exponent and format of a suffix.
fn interpret(suffix: &str) -> Option<(u32, i32, Format)> {
    if let Some((_, exponent)) = DECIMAL_SUFFIXES.iter().find(|(known, _)| *known == suffix) {
        return Some((10, *exponent, Format::DecimalSi));
    }
    if let Some(power) = BINARY_SUFFIXES.iter().position(|known| *known == suffix) {
        return Some((2, power as i32 * 10, Format::BinarySi));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?.parse::<i64>().ok()?;
    Some((10, exponent.clamp(-100, 100) as i32, Format::DecimalExponent))
}

/// The billionths of `whole.fraction` times a power of ten, rounded up.
fn scaled(whole: &str, fraction: &str, exponent: i32) -> i128 {
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    // How far the point has to move for the digits to count billionths.
    let shift = i64::from(exponent) + 9 - fraction.len() as i64;
    let kept = digits.len() as i64 + shift;
    if digits.is_empty() {
        return 0;
    }
    if kept > 38 {
        return LIMIT;
    }
    let cut = usize::try_from(kept).unwrap_or(0).min(digits.len());
    let (kept_digits, lost) = digits.split_at(cut);
    let number: i128 = kept_digits.parse().unwrap_or(0);
    let zeros = u32::try_from(shift).unwrap_or(0);
    let rounded = i128::from(lost.bytes().any(|b| b != b'0'));
    number.checked_mul(10i128.pow(zeros.min(38))).map_or(LIMIT, |n| n + rounded).min(LIMIT)
}

/// The billionths of `whole.fraction` times a power of two, rounded up.
fn binary(whole: &str, fraction: &str, exponent: u32) -> i128 {
    let fraction = fraction.get(..fraction.len().min(18)).unwrap_or(fraction);
    let digits = format!("{whole}{fraction}");
    let Ok(number) = digits.parse::<u128>() else { return if digits.is_empty() { 0 } else { LIMIT } };
    let unit = 10u128.pow(fraction.len() as u32);
    let factor = 1u128 << exponent.min(60);
    // Whole and rest apart, so that the product stays in range.
    let (units, rest) = (number / unit, number % unit);
    let units = units.checked_mul(factor).and_then(|n| n.checked_mul(NANO.unsigned_abs()));
    let rest = rest.checked_mul(factor).and_then(|n| n.checked_mul(NANO.unsigned_abs()));
    match (units, rest) {
        (Some(units), Some(rest)) => {
            i128::try_from(units.saturating_add(rest.div_ceil(unit))).unwrap_or(LIMIT).min(LIMIT)
        }
        (Some(units), None) => i128::try_from(units).unwrap_or(LIMIT).min(LIMIT),
        _ => LIMIT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_print_in_canonical_form() {
        for (text, canonical, milli) in [
            ("0", "0", 0),
            ("1", "1", 1000),
            ("500m", "500m", 500),
            ("0.5", "500m", 500),
            ("1000m", "1", 1000),
            ("1.5Gi", "1536Mi", 1_610_612_736_000),
            ("1024Mi", "1Gi", 1_073_741_824_000),
            ("128974848", "128974848", 128_974_848_000),
            ("129M", "129M", 129_000_000_000),
            ("100k", "100k", 100_000_000),
            ("12e6", "12e6", 12_000_000_000),
            ("1e3", "1e3", 1_000_000),
            ("0.0001n", "1n", 1),
            ("-250m", "-250m", -250),
            ("1000000", "1M", 1_000_000_000),
            ("0.5Ki", "512", 512_000),
            (".5", "500m", 500),
        ] {
            let quantity = Quantity::parse(text).unwrap();
            assert_eq!((quantity.to_string().as_str(), quantity.milli_value()), (canonical, milli), "{text}");
        }
    }

    #[test]
    fn wrong_quantities_are_refused() {
        for text in ["", "abc", "1GB", "1 Gi", "1.2.3", "Mi5x", "½"] {
            assert_eq!(Quantity::parse(text), Err(WRONG_FORMAT), "{text}");
        }
        assert_eq!(Quantity::parse("1e"), Err(WRONG_SUFFIX));
        assert_eq!(Quantity::parse("1Mm"), Err(WRONG_SUFFIX));
    }

    #[test]
    fn sums_keep_the_first_format_and_absurd_amounts_do_not_overflow() {
        let parse = |text: &str| Quantity::parse(text).unwrap();
        assert_eq!(parse("1Gi").plus(&parse("512Mi")).to_string(), "1536Mi");
        assert_eq!(parse("1").minus(&parse("250m")).to_string(), "750m");
        assert!(parse("1Gi") > parse("1G"));
        assert_eq!(parse("1000m"), parse("1"));
        let huge = parse(&"9".repeat(500)).plus(&parse("9e99")).plus(&parse(&format!(
            "{}.{}Ei",
            "9".repeat(90),
            "9".repeat(90)
        )));
        assert_eq!(huge.value(), i64::MAX);
        assert_eq!(parse("99Ei").to_string(), "9223372036854775807");
    }
}
