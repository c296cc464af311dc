//! Configuration files: TOML with the keys of the command line's long options.
//!
//! A file is turned into arguments, so that every value is read and checked in exactly one way. What is wrong is told
//! with the key and the line.

use std::any::TypeId;
use std::error::Error as _;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};
use toml::de::{DeTable, DeValue};

/// Options that say where to look, and have no place in a file.
const NOT_IN_FILES: [&str; 4] = ["check-config", "config", "help", "version"];
/// No configuration file is larger; a path to something else must not fill the memory.
const MAX_FILE_LEN: u64 = 1024 * 1024;

/// A configuration file cannot be used.
#[derive(Debug)]
pub(crate) enum ConfigError {
    /// It cannot be read.
    Read { path: PathBuf, source: io::Error },
    /// Something in it is wrong.
    Line { path: PathBuf, line: usize, problem: String },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, .. } => {
                write!(
                    f,
                    "cannot read configuration file {}: check the path and its permissions",
                    path.display()
                )
            }
            Self::Line { path, line, problem } => write!(f, "{}:{line}: {problem}", path.display()),
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            Self::Line { .. } => None,
        }
    }
}

/// The arguments that the file at `path` stands for, less those that are `given` already.
pub(crate) fn arguments(
    path: &Path,
    command: &Command,
    given: impl Fn(&str) -> bool,
) -> Result<Vec<OsString>, ConfigError> {
    let text = read(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    parse(&text, command, given).map_err(|(line, problem)| ConfigError::Line {
        path: path.to_owned(),
        line,
        problem,
    })
}

fn read(path: &Path) -> io::Result<String> {
    use io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_FILE_LEN + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE_LEN {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too long"));
    }
    Ok(text)
}

fn parse(
    text: &str,
    command: &Command,
    given: impl Fn(&str) -> bool,
) -> Result<Vec<OsString>, (usize, String)> {
    let line_of = |offset: usize| 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
    let table = DeTable::parse(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        (line_of(offset), error.message().trim().replace('\n', ", "))
    })?;
    let probe = command.clone().mut_args(|arg| arg.required(false));
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    // In the order of the file, so that the first mistake is told first.
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut arguments = Vec::new();
    for (key, value) in entries {
        let at_key = line_of(key.span().start);
        let key = key.get_ref().as_ref();
        let arg = find(&probe, key).map_err(|problem| (at_key, problem))?;
        let at_value = line_of(value.span().start);
        let value = written(arg, value.get_ref())
            .map_err(|wanted| (at_value, format!("wrong value for `{key}`: write {wanted}")))?;
        let argument = OsString::from(format!("--{key}={value}"));
        check(&probe, &argument)
            .map_err(|problem| (at_value, format!("wrong value for `{key}`: {problem}")))?;
        if !given(arg.get_id().as_str()) {
            arguments.push(argument);
        }
    }
    Ok(arguments)
}

fn find<'a>(command: &'a Command, key: &str) -> Result<&'a Arg, String> {
    let known = |arg: &&Arg| arg.get_long() == Some(key);
    match command.get_arguments().find(known) {
        _ if NOT_IN_FILES.contains(&key) => {
            Err(format!("`{key}` belongs on the command line, not into a file"))
        }
        Some(arg) => Ok(arg),
        None => {
            let hint = suggestion(command, key).map_or_else(
                || "--help lists the known ones".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            Err(format!("unknown key `{key}`: {hint}"))
        }
    }
}

/// What clap takes an unknown option for.
fn suggestion(command: &Command, key: &str) -> Option<String> {
    let name = command.get_name().to_owned();
    let error = command.clone().try_get_matches_from([name, format!("--{key}=")]).err()?;
    match error.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(near)) => {
            let near = near.trim_start_matches('-');
            Some(near.split([' ', '=']).next().unwrap_or(near).to_owned())
        }
        _ => None,
    }
}

/// The value as it would be written on the command line, or what should be written instead.
fn written(arg: &Arg, value: &DeValue<'_>) -> Result<String, &'static str> {
    match (Kind::of(arg), value) {
        (Kind::Flag, DeValue::Boolean(value)) => Ok(value.to_string()),
        (Kind::Flag, _) => Err("true or false, without quotes"),
        (Kind::Integer | Kind::Amount, DeValue::Integer(value)) if value.radix() == 10 => {
            Ok(value.as_str().to_owned())
        }
        (Kind::Integer, _) => Err("a whole number, without quotes"),
        (Kind::Amount | Kind::Text, DeValue::String(value)) => Ok(value.to_string()),
        (Kind::Amount | Kind::Text, _) => Err("a text in quotes"),
    }
}

/// How a value is written in TOML.
enum Kind {
    Flag,
    Integer,
    /// A number that may have a suffix, and then is a text.
    Amount,
    Text,
}

impl Kind {
    fn of(arg: &Arg) -> Self {
        let of = arg.get_value_parser().type_id();
        if of == TypeId::of::<bool>() {
            Self::Flag
        } else if of == TypeId::of::<u16>() || of == TypeId::of::<u32>() || of == TypeId::of::<u64>() {
            Self::Integer
        } else if of == TypeId::of::<crate::ByteSize>() {
            Self::Amount
        } else {
            Self::Text
        }
    }
}

/// Has clap read one argument alone.
fn check(command: &Command, argument: &OsString) -> Result<(), String> {
    let name = OsString::from(command.get_name());
    let Err(error) = command.clone().try_get_matches_from([&name, argument]) else { return Ok(()) };
    match error.kind() {
        ErrorKind::ValueValidation => {
            Err(error.source().map_or_else(|| error.to_string(), ToString::to_string))
        }
        ErrorKind::InvalidValue => match error.get(ContextKind::ValidValue) {
            Some(ContextValue::Strings(known)) if !known.is_empty() => {
                Err(format!("write one of {}", known.join(", ")))
            }
            _ => Err("it is empty".to_owned()),
        },
        // It needs, or excludes, another option: that is judged when all are together.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
