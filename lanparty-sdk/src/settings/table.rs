//! Tables of keys, and how a text or a TOML document is applied by them.

use toml::de::{DeTable, DeValue};

use super::SettingsError;
use crate::ctrl::clean_text;

/// No document is longer: it is read by hand before anything is known about it.
const MAX_DOCUMENT_LEN: usize = 1024 * 1024;
/// No key is nearly as long. What is longer is like none of them, and is cut in messages.
const MAX_KEY_CHARS: usize = 64;

/// How a value is written in TOML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Flag,
    Integer,
    /// A number that may have a suffix, and then is a text.
    Amount,
    Text,
}

/// A key of the settings `S`.
#[derive(Debug)]
pub(super) struct Key<S> {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Reads the value and keeps it, or says what is wrong with it.
    pub(super) apply: fn(&mut S, &str) -> Result<(), String>,
}

impl<S> Clone for Key<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Key<S> {}

/// `key!("name", Kind, place.in.the.settings, text => how the text is read)`.
macro_rules! key {
    ($name:literal, $kind:ident, $($place:ident $(($($of:tt)*))?).+, $text:ident => $read:expr) => {
        $crate::settings::table::Key {
            name: $name,
            kind: $crate::settings::table::Kind::$kind,
            apply: |settings, $text| {
                settings.$($place $(($($of)*))?).+ = $read?;
                Ok(())
            },
        }
    };
}
pub(super) use key;

/// Both tables in one. `C` is the sum of their lengths.
pub(super) const fn join<S, const A: usize, const B: usize, const C: usize>(
    first: [Key<S>; A],
    second: [Key<S>; B],
) -> [Key<S>; C] {
    assert!(A + B == C);
    let mut all = [first[0]; C];
    let mut at = 0;
    while at < C {
        all[at] = if at < A { first[at] } else { second[at - A] };
        at += 1;
    }
    all
}

/// The keys' names.
pub(super) const fn names<S, const N: usize>(table: &[Key<S>; N]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut at = 0;
    while at < N {
        names[at] = table[at].name;
        at += 1;
    }
    names
}

/// Sets `key` to what `text` says.
pub(super) fn set<S>(settings: &mut S, table: &[Key<S>], key: &str, text: &str) -> Result<(), SettingsError> {
    apply(settings, find(table, key)?, text)
}

/// Applies a TOML document: everything in it, or nothing.
pub(super) fn load_toml<S: Clone>(
    settings: &mut S,
    table: &[Key<S>],
    text: &str,
) -> Result<(), SettingsError> {
    if text.len() > MAX_DOCUMENT_LEN {
        return Err(SettingsError::Toml { line: 1, problem: "the document is too long".to_owned() });
    }
    let line_of = |offset: usize| 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
    let document = DeTable::parse(text).map_err(|error| SettingsError::Toml {
        line: line_of(error.span().map_or(0, |span| span.start)),
        problem: error.message().trim().replace('\n', ", "),
    })?;
    let mut entries: Vec<_> = document.get_ref().iter().collect();
    // In the order of the document, so that the first mistake is told first.
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut changed = settings.clone();
    for (key, value) in entries {
        let at = |span: std::ops::Range<usize>| {
            let line = line_of(span.start);
            move |problem| SettingsError::Line { line, problem: Box::new(problem) }
        };
        let known = find(table, key.get_ref()).map_err(at(key.span()))?;
        written(known, value.get_ref())
            .and_then(|text| apply(&mut changed, known, text))
            .map_err(at(value.span()))?;
    }
    *settings = changed;
    Ok(())
}

fn apply<S>(settings: &mut S, key: &Key<S>, text: &str) -> Result<(), SettingsError> {
    (key.apply)(settings, text).map_err(|problem| SettingsError::BadValue { key: key.name, problem })
}

fn find<'a, S>(table: &'a [Key<S>], key: &str) -> Result<&'a Key<S>, SettingsError> {
    table.iter().find(|known| known.name == key).ok_or_else(|| SettingsError::UnknownKey {
        key: clean_text(key, MAX_KEY_CHARS),
        near: nearest(table, key),
    })
}

/// The value as it would be written on a command line.
fn written<'a, S>(key: &Key<S>, value: &'a DeValue<'_>) -> Result<&'a str, SettingsError> {
    let wanted = match (key.kind, value) {
        (Kind::Flag, DeValue::Boolean(true)) => return Ok("true"),
        (Kind::Flag, DeValue::Boolean(false)) => return Ok("false"),
        (Kind::Integer | Kind::Amount, DeValue::Integer(value)) if value.radix() == 10 => {
            return Ok(value.as_str());
        }
        (Kind::Amount | Kind::Text, DeValue::String(value)) => return Ok(value),
        (Kind::Flag, _) => "true or false, without quotes",
        (Kind::Integer, _) => "a whole number, without quotes",
        (Kind::Amount | Kind::Text, _) => "a text in quotes",
    };
    Err(SettingsError::BadValue { key: key.name, problem: format!("write {wanted}") })
}

/// The key that somebody may have meant: few changes away, or one that continues or ends what was written.
fn nearest<S>(table: &[Key<S>], key: &str) -> Option<&'static str> {
    let key = key.to_ascii_lowercase().replace('_', "-");
    if key.len() > MAX_KEY_CHARS {
        return None;
    }
    let near = table.iter().map(|known| (distance(&key, known.name), known.name));
    let (changes, name) = near.min_by_key(|(changes, _)| *changes)?;
    if changes <= name.len().div_ceil(3) {
        return Some(name);
    }
    let part = |name: &str| key.len() >= 4 && (name.starts_with(&key) || name.ends_with(&key));
    table.iter().map(|known| known.name).find(|name| part(name))
}

/// How many letters must be put in, taken out or replaced (Levenshtein's distance).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_letters() {
        for (a, b, changes) in
            [("", "", 0), ("", "abc", 3), ("room", "room", 0), ("rom", "room", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!((distance(a, b), distance(b, a)), (changes, changes), "{a} {b}");
        }
    }
}
