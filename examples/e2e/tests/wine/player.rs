//! A player on Windows: the client that joins, and the computer that uses its adapter.

use std::time::Duration;

use crate::host::DEADLINE;
use crate::party::{JOINED, Party, ROOM};
use crate::program::Program;
use crate::windows::{Windows, windows_path};

/// A client starts and joins within it.
pub(crate) const JOIN: Duration = Duration::from_secs(30);

/// The client's command line for a party, with its files as Windows sees them.
pub(crate) fn arguments(windows: &Windows<'_>, party: &Party, more: &[&str]) -> Vec<String> {
    let mut arguments = party.client_arguments(windows.host, ROOM, more);
    for argument in arguments.iter_mut().filter(|argument| argument.starts_with('/')) {
        *argument = windows_path(argument);
    }
    arguments
}

/// Starts a client without waiting for anything.
pub(crate) fn start(windows: &Windows<'_>, party: &Party, more: &[&str]) -> Program {
    windows.start("lanparty-client.exe", &arguments(windows, party, more))
}

/// Starts a client, and waits until its adapter is plugged in.
pub(crate) fn join(windows: &Windows<'_>, party: &Party, more: &[&str]) -> Program {
    let client = start(windows, party, more);
    client.line_after(0, JOIN, JOINED);
    windows.wait("media=1 open=1 reads_waiting>=1");
    client
}

/// Asks for a lease on the adapter, and returns the address.
pub(crate) fn lease(stack: &mut Program) -> String {
    let answer = stack.ask("lease", DEADLINE * 2, "lease");
    let address = answer.strip_prefix("lease ").and_then(|rest| rest.split('/').next());
    address.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// Pings from behind the adapter; all must be answered.
pub(crate) fn ping(stack: &mut Program, target: &str) {
    let answer = stack.ask(&format!("ping {target} 3"), DEADLINE, "pinged");
    assert_eq!(answer, format!("pinged {target}: 3 of 3"));
}
