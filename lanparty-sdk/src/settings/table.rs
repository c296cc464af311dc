//! Keys, and what each does with its text.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::{MAX_WORKERS, SettingsError, Span};

/// Takes a text over, or says what is wrong with it.
pub(super) type Set<S> = fn(&mut S, &str) -> Result<(), String>;

/// Keys, and what each does.
pub(super) type Table<S> = [(&'static str, Set<S>)];

/// Settings that are set by keys.
pub(super) trait Keyed: Clone {
    /// All keys.
    fn names() -> Vec<&'static str>;

    /// Sets one key; `None` if there is none of that name.
    fn apply(&mut self, key: &str, value: &str) -> Option<Result<(), String>>;
}

/// What `table` does with `key`.
pub(super) fn find<S>(table: &Table<S>, key: &str) -> Option<Set<S>> {
    table.iter().find(|(name, _)| *name == key).map(|(_, set)| *set)
}

pub(super) fn names<S>(table: &Table<S>) -> impl Iterator<Item = &'static str> {
    table.iter().map(|(name, _)| *name)
}

/// Sets one key, or changes nothing.
pub(super) fn set<S: Keyed>(settings: &mut S, key: &str, value: &str) -> Result<(), SettingsError> {
    let mut changed = settings.clone();
    apply(&mut changed, key, value)?;
    *settings = changed;
    Ok(())
}

/// Sets all keys of a TOML text, or changes nothing.
pub(super) fn load_toml<S: Keyed>(settings: &mut S, text: &str) -> Result<(), SettingsError> {
    let line_of = |offset: usize| 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
    let table = DeTable::parse(text).map_err(|error| SettingsError::Toml {
        line: line_of(error.span().map_or(0, |span| span.start)),
        problem: error.message().trim().replace('\n', ", "),
        unknown_key: false,
    })?;
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    // In the order of the text, so that the first mistake is told first.
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut changed = settings.clone();
    for (key, value) in entries {
        let line = line_of(key.span().start);
        let applied = match written(value.get_ref()) {
            Some(value) => apply(&mut changed, key.get_ref(), &value),
            None => {
                let problem = "write a text in quotes, a whole number, true or false".to_owned();
                Err(SettingsError::BadValue { key: key.get_ref().to_string(), problem })
            }
        };
        applied.map_err(|error| SettingsError::Toml {
            line,
            unknown_key: matches!(error, SettingsError::UnknownKey { .. }),
            problem: error.to_string(),
        })?;
    }
    *settings = changed;
    Ok(())
}

fn apply<S: Keyed>(settings: &mut S, key: &str, value: &str) -> Result<(), SettingsError> {
    let Some(applied) = settings.apply(key, value) else {
        let near = S::names().into_iter().map(|name| (distance(name, key), name)).min();
        let near = near.filter(|(distance, _)| *distance <= 3).map(|(_, name)| name);
        return Err(SettingsError::UnknownKey { key: key.to_owned(), near });
    };
    applied.map_err(|problem| SettingsError::BadValue { key: key.to_owned(), problem })
}

fn written(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Reads a value that knows by itself how it is written.
pub(super) fn parse<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// Reads a whole number within bounds.
pub(super) fn number<T: FromStr + PartialOrd + Display>(text: &str, min: T, max: T) -> Result<T, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits && number >= min && number <= max => Ok(number),
        _ => Err(format!("write a whole number from {min} to {max}")),
    }
}

pub(super) fn flag(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "write true or false".to_owned())
}

pub(super) fn time(text: &str) -> Result<Duration, String> {
    parse::<Span>(text).map(|span| span.0)
}

pub(super) fn workers(text: &str) -> Result<usize, String> {
    number(text, 1, MAX_WORKERS)
}

/// A text that must not be empty.
pub(super) fn words(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// How many letters must be changed, added or taken away to make one word of the other (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, other) in to.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (from, to, expected) in
            [("", "", 0), ("name", "nane", 1), ("room", "rooms", 1), ("mtu", "retry", 4)]
        {
            assert_eq!(distance(from, to), expected, "{from} {to}");
            assert_eq!(distance(to, from), expected, "{to} {from}");
        }
    }

    #[test]
    fn numbers_have_bounds_and_no_signs() {
        assert_eq!(number::<u16>("1500", 576, 1500), Ok(1500));
        for bad in ["", "+600", "-1", "575", "1501", "99999", "6e2", " 600"] {
            assert!(number::<u16>(bad, 576, 1500).is_err(), "{bad:?}");
        }
    }
}
