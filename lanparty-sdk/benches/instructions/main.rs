//! How many instructions a frame costs, counted by valgrind: the same on a busy machine as on an idle one.
//!
//!     cargo bench -p lanparty-sdk --bench instructions              compares with baseline.txt
//!     cargo bench -p lanparty-sdk --bench instructions -- --bless   writes it
//!
//! Each case runs twice in a process of its own, with few rounds and with many. What the second run needs more, divided by
//! the rounds that it makes more, is the figure: what comes before the first round and after the last one cancels out.
#![allow(missing_docs, reason = "a program")]

mod baseline;
mod callgrind;
mod cases;
#[path = "../gate/mod.rs"]
mod gate;
mod party;

use std::process::ExitCode;

use baseline::{Baseline, Verdict};
use cases::CASES;

/// What a child of this program is asked to do: `--case NAME ROUNDS`.
const CASE_OPTION: &str = "--case";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [CASE_OPTION, name, rounds] => {
            let case = CASES.iter().find(|case| case.name == name).expect("a case of this program");
            (case.run)(rounds.parse().expect("a number of rounds"));
            ExitCode::SUCCESS
        }
        _ => match report(arguments.contains(&"--bless")) {
            Ok(code) => code,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        },
    }
}

fn report(bless: bool) -> Result<ExitCode, String> {
    let counts = CASES
        .iter()
        .map(|case| Ok((case.name, callgrind::instructions_per_round(case.name)?)))
        .collect::<Result<Vec<_>, String>>()?;
    if bless {
        return baseline::write(&counts).map(|()| ExitCode::SUCCESS);
    }
    let baseline = Baseline::read()?;
    let mut failed = false;
    println!("{:<32} {:>12} {:>12} {:>8}", "instructions per round", "baseline", "now", "");
    for (name, count) in counts {
        let (known, verdict) = baseline.judge(name, count);
        let known = known.map_or_else(|| "-".to_owned(), |known| known.to_string());
        println!("{name:<32} {known:>12} {count:>12} {verdict:>8}");
        failed |= matches!(verdict, Verdict::More(_) | Verdict::Unknown);
    }
    if failed {
        eprintln!("error: more than the baseline, or not in it; if that is meant, run it with `-- --bless`");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
