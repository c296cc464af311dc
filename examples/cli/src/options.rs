//! From the command line and the configuration file to a program's options.

use std::ffi::OsString;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, Parser};

use crate::config;
use crate::log::LogLevel;
use crate::{Exit, Failure, LogFormat, Shutdown};

/// A program: its options, and what it does with them.
pub trait Program: Parser {
    /// Examples of use, for the end of `--help`.
    const EXAMPLES: &'static str;

    /// The options that all programs have.
    fn common(&self) -> &CommonOptions;

    /// Checks what concerns several options at once, and touches nothing.
    ///
    /// # Errors
    /// What does not fit together.
    fn check(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// Runs until `shutdown` tells it to end.
    fn run(self, shutdown: Shutdown) -> impl Future<Output = Result<(), Failure>>;
}

/// The options that all programs have.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Configuration and logs")]
pub struct CommonOptions {
    /// Read options from a TOML file: the same names without the dashes, as in `room = "ROOM1"`. What the command line
    /// says counts more
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Check the options and the configuration file, and end
    #[arg(long)]
    pub check_config: bool,
    /// What the log on standard error looks like
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// How much is logged: error, warn, info, debug or trace, also per target as in `info,lanparty::session=debug`
    #[arg(long, value_name = "LEVEL", env = "LANPARTY_LOG", default_value = "info")]
    pub(crate) log_level: LogLevel,
}

/// Why there are no options, or what was asked for instead of running.
#[derive(Debug)]
pub struct Refusal(Reason);

#[derive(Debug)]
enum Reason {
    /// What clap has to say: also `--help` and `--version`.
    CommandLine(clap::Error),
    /// The configuration file.
    Config(Failure),
    /// Options that do not fit together.
    Check(Failure, LogFormat),
}

impl Refusal {
    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match &self.0 {
            Reason::CommandLine(error) if error.use_stderr() => Exit::Usage,
            Reason::CommandLine(_) => Exit::Ok,
            Reason::Config(failure) | Reason::Check(failure, _) => failure.exit(),
        }
    }

    /// Says it to whoever called.
    pub fn report(self) -> Exit {
        let exit = self.exit();
        match self.0 {
            Reason::CommandLine(error) => drop(error.print()), // nobody may be listening
            Reason::Config(failure) => drop(failure.report(LogFormat::Text)),
            Reason::Check(failure, format) => drop(failure.report(format)),
        }
        exit
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            // It begins with "error: " and ends with advice about --help, in lines of their own.
            Reason::CommandLine(error) => {
                let text = error.to_string();
                let first = text.lines().next().unwrap_or_default();
                f.write_str(first.strip_prefix("error: ").unwrap_or(first))
            }
            Reason::Config(failure) | Reason::Check(failure, _) => failure.fmt(f),
        }
    }
}

impl From<clap::Error> for Refusal {
    fn from(error: clap::Error) -> Self {
        Self(Reason::CommandLine(error))
    }
}

/// Reads and checks the command line `args`, the program's own name first, and what it leaves open from the configuration
/// file that it names.
///
/// # Errors
/// What is wrong, or the help that was asked for.
pub fn parse<P: Program>(args: Vec<OsString>) -> Result<P, Refusal> {
    let options = load::<P>(args)?;
    match options.check() {
        Ok(()) => Ok(options),
        Err(failure) => Err(Refusal(Reason::Check(failure, options.common().log_format))),
    }
}

fn load<P: Program>(mut args: Vec<OsString>) -> Result<P, Refusal> {
    let command = complete::<P>();
    // What must be given may stand in the file, so that this first look asks for nothing.
    let asked = command.clone().mut_args(|arg| arg.required(false)).try_get_matches_from(&args)?;
    if let Some(path) = asked.get_one::<PathBuf>("config") {
        let given = |id: &str| was_given(&asked, id);
        let more = config::arguments(path, &command, given)
            .map_err(|error| Refusal(Reason::Config(Failure::from_error(Exit::Config, &error))))?;
        args.extend(more);
    }
    let mut matches = command.try_get_matches_from(args)?;
    Ok(P::from_arg_matches_mut(&mut matches)?)
}

/// The command with everything that its help needs.
fn complete<P: Program>() -> Command {
    let after = format!("Examples:\n{}\n\n{}", P::EXAMPLES.trim_matches('\n'), Exit::table());
    // The many limits are for `--help` only: few have ever to be touched.
    let is_limit = |arg: &Arg| arg.get_long().is_some_and(|long| long.starts_with("limit-"));
    P::command()
        .mut_args(|arg| if is_limit(&arg) { arg.hide_short_help(true) } else { arg })
        .after_help(after)
        .max_term_width(100)
}

fn was_given(matches: &ArgMatches, id: &str) -> bool {
    matches!(matches.value_source(id), Some(ValueSource::CommandLine | ValueSource::EnvVariable))
}
