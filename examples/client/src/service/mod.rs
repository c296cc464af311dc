//! The client as a Windows service: `lanparty-client service install|uninstall|run`.

#[cfg(windows)]
mod host;
#[cfg(windows)]
mod manager;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::iter::once;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, Parser};
use lanparty_cli::{Exit, Failure, Program as _, Refusal, parse};

use crate::options::Options;

/// Has the client run as a service, which starts with the computer, before anybody logs on.
///
/// It keeps trying until the relay can be reached. Its log and its identity are in %ProgramData%\lanparty, which
/// administrators may read: client.log, and client-identity.json unless --identity names another file.
#[derive(Debug, Parser)]
#[command(name = "lanparty-client service", bin_name = "lanparty-client service", version)]
enum Command {
    /// Makes the service: it starts with the computer, or now with `net start`
    Install(Arguments),
    /// Stops the service and removes it; its log and its identity stay
    Uninstall {
        #[command(flatten)]
        service: ServiceArgs,
    },
    /// What Windows calls; not for a prompt
    #[command(hide = true)]
    Run(Arguments),
}

#[derive(Args, Debug)]
struct Arguments {
    #[command(flatten)]
    service: ServiceArgs,
    /// The client's options, as `lanparty-client --help` lists them. Files need their whole path
    #[arg(value_name = "CLIENT OPTIONS", trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<OsString>,
}

#[derive(Args, Debug)]
struct ServiceArgs {
    /// The service's name; before the client's options
    #[arg(long, value_name = "NAME", default_value = ServiceName::DEFAULT)]
    service_name: ServiceName,
}

/// What the service manager knows a service by. It is a part of file names, too.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ServiceName(String);

impl ServiceName {
    const DEFAULT: &str = "lanparty-client";
    const MAX_LEN: usize = 80;

    /// How one of the service's files is called: two services have two.
    fn file(&self, suffix: &str) -> String {
        match self.0.as_str() {
            Self::DEFAULT => format!("client{suffix}"),
            other => format!("client-{other}{suffix}"),
        }
    }
}

impl FromStr for ServiceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (1..=Self::MAX_LEN).contains(&text.len()) && text.bytes().all(is_good) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("a service's name has 1 to {} letters, digits, '-' and '_'", Self::MAX_LEN))
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What follows `lanparty-client service` on a command line; `None` if it is none of a service.
pub(crate) fn arguments(mut args: impl Iterator<Item = OsString>) -> Option<Vec<OsString>> {
    (args.nth(1)? == "service").then(|| args.collect())
}

/// Does what `arguments` say.
#[cfg(windows)]
pub(crate) fn main(arguments: Vec<OsString>) -> Exit {
    let result = match understand(arguments) {
        Ok(Command::Install(Arguments { service, options })) => match check(&options) {
            Ok(checked) if checked.common().check_config => Ok(()),
            Ok(checked) => manager::install(&service.service_name, &checked, options),
            Err(problem) => return problem.report(),
        },
        Ok(Command::Uninstall { service }) => manager::uninstall(&service.service_name),
        Ok(Command::Run(Arguments { service, options })) => host::run(service.service_name, options),
        Err(error) => {
            let _ = error.print(); // nobody may be listening
            return if error.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    match result {
        Ok(()) => Exit::Ok,
        Err(failure) => failure.report(lanparty_cli::LogFormat::Text),
    }
}

fn understand(arguments: Vec<OsString>) -> Result<Command, clap::Error> {
    Command::try_parse_from(once(OsString::from("lanparty-client service")).chain(arguments))
}

/// Why a service cannot have these options.
#[derive(Debug)]
enum Problem {
    Refused(Refusal),
    Unfit(Failure),
}

#[cfg_attr(not(windows), expect(dead_code, reason = "for the tests alone"))]
impl Problem {
    fn exit(&self) -> Exit {
        match self {
            Self::Refused(refusal) => refusal.exit(),
            Self::Unfit(failure) => failure.exit(),
        }
    }

    fn report(self) -> Exit {
        match self {
            Self::Refused(refusal) => refusal.report(),
            Self::Unfit(failure) => failure.report(lanparty_cli::LogFormat::Text),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Unfit(failure) => failure.fmt(f),
        }
    }
}

/// Reads the client's options, and its configuration file, as a service must have them.
fn check(options: &[OsString]) -> Result<Options, Problem> {
    let args = once(OsString::from("lanparty-client")).chain(options.iter().cloned());
    let options: Options = parse(args.collect()).map_err(Problem::Refused)?;
    for (option, path) in files(&options) {
        if !path.is_absolute() {
            let text = format!(
                "--{option} {} is no whole path, and a service has no current folder: write where the file is, \
                 from its drive on",
                path.display()
            );
            return Err(Problem::Unfit(Failure::new(Exit::Usage, text)));
        }
    }
    Ok(options)
}

/// The files that these options name, also those in the configuration file.
fn files(options: &Options) -> impl Iterator<Item = (&'static str, &Path)> {
    [
        ("config", options.common().config.as_deref()),
        ("identity", options.adapter.identity.as_deref()),
        ("relay-ca-cert", options.member.certificate_file()),
        ("up-script", options.adapter.up_script.as_deref()),
    ]
    .into_iter()
    .filter_map(|(option, path)| Some((option, path?)))
}

/// What names the folders in which only administrators can change programs.
const PROTECTED: [&str; 4] = ["ProgramFiles", "ProgramFiles(x86)", "ProgramW6432", "SystemRoot"];

/// Refuses a service that others could change: it runs with all rights, and starts by itself. And what the service manager
/// would not hand over as it stands.
#[cfg_attr(not(windows), expect(dead_code, reason = "for the tests alone"))]
fn check_safety(program: &Path, checked: &Options, options: &[OsString]) -> Result<(), Failure> {
    let folders: Vec<PathBuf> = PROTECTED.iter().filter_map(std::env::var_os).map(PathBuf::from).collect();
    let run_or_believed = [("up-script", &checked.adapter.up_script), ("config", &checked.common().config)];
    let files = run_or_believed.into_iter().filter_map(|(option, path)| Some((option, path.as_deref()?)));
    for (what, path) in once(("this program", program)).chain(files) {
        if !folders.iter().any(|folder| is_within(path, folder)) {
            let text = format!(
                "{what}: a service has all rights, and {} may be changed by others: put it where only administrators \
                 write, in a folder of Program Files",
                path.display()
            );
            return Err(Failure::new(Exit::Usage, text));
        }
    }
    let program = program.as_os_str();
    if let Some(word) = once(program).chain(options.iter().map(AsRef::as_ref)).find(|word| has_percent(word))
    {
        let text = format!("{}: a service cannot have a percent sign in it", word.display());
        return Err(Failure::new(Exit::Usage, text));
    }
    Ok(())
}

/// The service manager takes it for a variable of the environment.
fn has_percent(word: &OsStr) -> bool {
    word.to_string_lossy().contains('%')
}

/// Windows does not tell upper from lower case.
fn is_within(path: &Path, folder: &Path) -> bool {
    let parts = |path: &Path| -> Vec<String> {
        path.components().map(|part| part.as_os_str().to_string_lossy().to_lowercase()).collect()
    };
    let (path, folder) = (parts(path), parts(folder));
    !folder.is_empty() && path.starts_with(&folder) && !path.iter().any(|part| part == "..")
}

/// What a service does otherwise than a program in a window.
fn for_service(mut options: Options, name: &ServiceName, state: &Path) -> Options {
    options.member.keep_trying();
    options.adapter.identity.get_or_insert_with(|| identity_file(name, state));
    options
}

fn identity_file(name: &ServiceName, state: &Path) -> PathBuf {
    state.join(name.file("-identity.json"))
}

#[cfg(test)]
mod tests;
