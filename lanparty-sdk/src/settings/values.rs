//! How values are written, on the command line, in configuration files and by embedders.

use std::fmt::{self, Display};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::ctrl::MAX_NAME_CHARS;
use crate::switch::Rate;

/// The suffixes, larger ones of a kind first.
const SUFFIXES: [(&str, u64); 6] =
    [("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10), ("G", 1_000_000_000), ("M", 1_000_000), ("k", 1000)];

/// The text is no value of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseValueError {
    /// No size.
    #[error("not a size: write a number, with k, M, Ki or Mi behind it if you like, as in 256Ki")]
    ByteSize,
    /// No name that a member may have.
    #[error("a name has 1 to {MAX_NAME_CHARS} characters, and no control characters")]
    Name,
    /// No rate.
    #[error("not a rate: write PER_SECOND:BURST as in 200:400 or 2MiB/s:4MiB, or the word unlimited")]
    Rate,
    /// No time.
    #[error("not a time: write a number with its unit ms, s or m, as in 250ms or 10s")]
    Span,
}

/// Reads what the others may call a member: 1 to 32 characters, none of them a control character.
///
/// # Errors
/// [`ParseValueError::Name`]
pub fn parse_member_name(text: &str) -> Result<String, ParseValueError> {
    let fits = (1..=MAX_NAME_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(ParseValueError::Name) }
}

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

impl Display for ByteSize {
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

impl Display for RateArg {
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

impl Display for Span {
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

/// Has a type read the text by itself, and keeps what it says about a mistake.
pub(super) fn parse<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

pub(super) fn number<T>(text: &str, range: RangeInclusive<T>) -> Result<T, String>
where
    T: TryFrom<u64> + PartialOrd + Display,
{
    parse_digits(text)
        .and_then(|number| T::try_from(number).ok())
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("write a whole number from {} to {}", range.start(), range.end()))
}

pub(super) fn bytes(text: &str) -> Result<usize, String> {
    parse::<ByteSize>(text).map(ByteSize::bytes)
}

pub(super) fn rate(text: &str) -> Result<Rate, String> {
    parse::<RateArg>(text).map(|rate| rate.0)
}

pub(super) fn time(text: &str) -> Result<Duration, String> {
    parse::<Span>(text).map(|span| span.0)
}

/// A time that passes: something happens every so often, or is waited for.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    match time(text)? {
        Duration::ZERO => Err("it must be more than zero".to_owned()),
        interval => Ok(interval),
    }
}

pub(super) fn millis(text: &str) -> Result<u64, String> {
    parse::<Span>(text).map(Span::millis)
}

pub(super) fn flag(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "write true or false".to_owned())
}

pub(super) fn words(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    words(text).map(PathBuf::from)
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

    #[test]
    fn names_have_their_bounds() {
        assert!(parse_member_name("Änn ☺").is_ok() && parse_member_name(&"x".repeat(32)).is_ok());
        assert!(
            parse_member_name("").is_err()
                && parse_member_name(&"x".repeat(33)).is_err()
                && parse_member_name("a\nb").is_err()
        );
    }
}
