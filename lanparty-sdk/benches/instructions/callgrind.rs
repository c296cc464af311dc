//! Runs one case under valgrind.

use std::process::Command;

use crate::CASE_OPTION;

const FEW_ROUNDS: u64 = 200;
const MANY_ROUNDS: u64 = 1200;

/// What one round of a case costs.
pub(crate) fn instructions_per_round(case: &str) -> Result<u64, String> {
    let few = instructions(case, FEW_ROUNDS)?;
    let many = instructions(case, MANY_ROUNDS)?;
    Ok(many.saturating_sub(few) / (MANY_ROUNDS - FEW_ROUNDS))
}

fn instructions(case: &str, rounds: u64) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([CASE_OPTION, case, &rounds.to_string()])
        .output()
        .map_err(|error| format!("valgrind, which counts the instructions: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    collected
        .filter(|_| output.status.success())
        .ok_or_else(|| format!("{case} under valgrind: {}\n{text}", output.status))
}
