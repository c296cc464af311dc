//! What the programs do while nobody plays: next to nothing.

use std::time::{Duration, Instant};

use libtest_mimic::Trial;

use crate::party::{ALICE, LAN_HOST, Party, TAP, ping, trial};
use crate::program::Program;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("calm::an_idle_party_sleeps", an_idle_party_sleeps)]
}

/// How long the party is watched: a count needs a span of time.
const WATCHED: Duration = Duration::from_secs(4);
/// Wake-ups per second that an idle program may have: keep-alives every 1.5 s and their acknowledgements, a look at the
/// adapter each second: about 7. A timer of 100 ms would need 10 more.
const WAKE_UPS_PER_SECOND: u64 = 14;

fn an_idle_party_sleeps() {
    let party = Party::new();
    let (relay, gateway) = party.start_lan();
    let alice = party.start_client(&party.alice, &["--address", &format!("{ALICE}/24")]);
    // From here on every table is filled, and the search for the path's MTU is over.
    ping(&party.alice, LAN_HOST);
    for (host, iface) in [(&party.alice, TAP), (&party.lanhost, "lan0")] {
        // The hosts' neighbour discovery and group membership would otherwise keep the party awake.
        host.sh(&format!("sysctl -qw net.ipv6.conf.{iface}.disable_ipv6=1"));
    }
    let programs = [("relay", &relay), ("gateway", &gateway), ("client", &alice)];
    let count = || programs.map(|(_, program)| wake_ups(program));
    let (begin, before) = (Instant::now(), count());
    std::thread::sleep(WATCHED);
    for ((name, _), (before, after)) in programs.iter().zip(before.into_iter().zip(count())) {
        let rate = after.saturating_sub(before) / begin.elapsed().as_secs();
        println!("the idle {name} woke up {rate} times per second");
        assert!(rate <= WAKE_UPS_PER_SECOND, "the idle {name} wakes up {rate} times per second");
    }
}

/// How often the program's threads have been woken.
fn wake_ups(program: &Program) -> u64 {
    let tasks = format!("/proc/{}/task", program.id());
    std::fs::read_dir(tasks)
        .unwrap()
        // A thread may have ended since, and taken its count with it.
        .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("status")).ok())
        .map(|status| {
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            line.unwrap().trim().parse::<u64>().unwrap()
        })
        .sum()
}
