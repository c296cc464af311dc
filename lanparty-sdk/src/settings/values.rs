//! How sizes, rates and times are written.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::switch::Rate;

/// The suffixes, larger ones of a kind first.
const SUFFIXES: [(&str, u64); 6] =
    [("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10), ("G", 1_000_000_000), ("M", 1_000_000), ("k", 1000)];

/// The text is no size, rate or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseValueError {
    /// No size.
    ByteSize,
    /// No rate.
    Rate,
    /// No time.
    Span,
}

impl fmt::Display for ParseValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ByteSize => {
                "not a size: write a number, with k, M, Ki or Mi behind it if you like, as in 256Ki"
            }
            Self::Rate => {
                "not a rate: write PER_SECOND:BURST as in 200:400 or 2MiB/s:4MiB, or the word unlimited"
            }
            Self::Span => "not a time: write a number with its unit ms, s or m, as in 250ms or 10s",
        })
    }
}

impl std::error::Error for ParseValueError {}

/// A number of bytes, as in `4096`, `256Ki` or `1MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// The number, as far as this machine can count.
    #[must_use]
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_amount(text).map(Self).ok_or(ParseValueError::ByteSize)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_amount(f, self.0)
    }
}

/// A [`Rate`], as in `200:400`, `2Mi/s:4Mi` or `unlimited`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateArg(pub Rate);

impl FromStr for RateArg {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "unlimited" {
            return Ok(Self(Rate::UNLIMITED));
        }
        let (per_second, burst) = text.split_once(':').ok_or(ParseValueError::Rate)?;
        let per_second = per_second.strip_suffix("/s").unwrap_or(per_second);
        match (parse_amount(per_second), parse_amount(burst)) {
            (Some(per_second), Some(burst)) => Ok(Self(Rate::new(per_second, burst))),
            _ => Err(ParseValueError::Rate),
        }
    }
}

impl fmt::Display for RateArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_unlimited() {
            return f.write_str("unlimited");
        }
        write_amount(f, self.0.per_second)?;
        f.write_str(":")?;
        write_amount(f, self.0.burst)
    }
}

/// A time span, as in `250ms`, `10s` or `5m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl Span {
    /// In milliseconds.
    #[must_use]
    pub fn millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl FromStr for Span {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let units = [("ms", 1), ("s", 1000), ("m", 60_000)];
        let found = units.iter().find_map(|(unit, millis)| Some((text.strip_suffix(unit)?, millis)));
        let (number, millis) = found.ok_or(ParseValueError::Span)?;
        // No time here needs to be longer than the 49 days that 32 bits of milliseconds are.
        parse_digits(number)
            .and_then(|number| number.checked_mul(*millis))
            .filter(|millis| u32::try_from(*millis).is_ok())
            .map(|millis| Self(Duration::from_millis(millis)))
            .ok_or(ParseValueError::Span)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.millis() {
            millis if millis % 1000 != 0 => write!(f, "{millis}ms"),
            millis => write!(f, "{}s", millis / 1000),
        }
    }
}

/// Digits only: `u64` itself would also take a sign.
fn parse_digits(text: &str) -> Option<u64> {
    text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok())?
}

fn parse_amount(text: &str) -> Option<u64> {
    let text = text.strip_suffix('B').unwrap_or(text);
    match SUFFIXES.iter().find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, factor))) {
        Some((number, factor)) => parse_digits(number)?.checked_mul(*factor),
        None => parse_digits(text),
    }
}

fn write_amount(f: &mut fmt::Formatter<'_>, amount: u64) -> fmt::Result {
    let fits = |(_, factor): &&(&str, u64)| {
        factor.is_power_of_two() && amount != 0 && amount.is_multiple_of(*factor)
    };
    match SUFFIXES.iter().find(fits) {
        Some((suffix, factor)) => write!(f, "{}{suffix}", amount / factor),
        None => write!(f, "{amount}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_rates_are_read_and_written() {
        for (text, rate, shown) in [
            ("2MiB/s:4MiB", Rate::new(2 << 20, 4 << 20), "2Mi:4Mi"),
            ("200:400", Rate::new(200, 400), "200:400"),
            ("1k/s:2k", Rate::new(1000, 2000), "1000:2000"),
            ("0:1", Rate::new(0, 1), "0:1"),
            ("unlimited", Rate::UNLIMITED, "unlimited"),
        ] {
            let read: RateArg = text.parse().unwrap();
            assert_eq!((read.0, read.to_string().as_str()), (rate, shown), "{text}");
            assert_eq!(shown.parse::<RateArg>().unwrap().0, rate);
        }
        for bad in ["", "5", "5:", ":5", "-1:2", "+1:2", "1:2/s", "1x:2", "Unlimited", "99999999999Gi:1"] {
            assert_eq!(bad.parse::<RateArg>(), Err(ParseValueError::Rate), "{bad:?}");
        }
        assert_eq!("256Ki".parse::<ByteSize>().unwrap().bytes(), 256 * 1024);
    }

    #[test]
    fn times_need_their_unit() {
        for (text, millis, shown) in
            [("250ms", 250, "250ms"), ("1500ms", 1500, "1500ms"), ("2m", 120_000, "120s")]
        {
            let read: Span = text.parse().unwrap();
            assert_eq!((read.millis(), read.to_string().as_str()), (millis, shown));
        }
        for bad in ["", "5", "s", "1.5s", "-1s", "1h", "99999999m"] {
            assert_eq!(bad.parse::<Span>(), Err(ParseValueError::Span), "{bad:?}");
        }
    }
}
