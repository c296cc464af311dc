//! What a process costs: processor time and memory, as the kernel counts them.

use std::fs;

use crate::load::PACER;

/// What a process has used up to now.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Processor time of all its threads that live but the pacer, in nanoseconds.
    pub(crate) cpu_nanos: u64,
    /// Memory that it occupies.
    pub(crate) rss_bytes: u64,
}

impl Usage {
    /// Of this process.
    pub(crate) fn own() -> Option<Self> {
        Self::of("self")
    }

    /// Of any process, by its number or `self`; `None` where the system does not tell (other than Linux).
    pub(crate) fn of(process: &str) -> Option<Self> {
        let folder = format!("/proc/{process}");
        let mut cpu_nanos = 0;
        for thread in fs::read_dir(format!("{folder}/task")).ok()? {
            let thread = thread.ok()?.path();
            // A thread that ends meanwhile is not counted.
            let Ok(name) = fs::read_to_string(thread.join("comm")) else { continue };
            let Ok(times) = fs::read_to_string(thread.join("schedstat")) else { continue };
            if name.trim_end() != PACER {
                cpu_nanos += times.split(' ').next()?.parse::<u64>().ok()?;
            }
        }
        let status = fs::read_to_string(format!("{folder}/status")).ok()?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let rss_kib = rss.trim().strip_suffix(" kB")?.parse::<u64>().ok()?;
        Some(Self { cpu_nanos, rss_bytes: rss_kib * 1024 })
    }
}

/// What figures depend on.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // Some builds carry a machine's name behind the version.
    let kernel = kernel.trim().split('-').next().unwrap_or_default();
    format!("{cores} cores, {} {kernel}, {}", std::env::consts::OS, std::env::consts::ARCH)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        let before = Usage::own().expect("Linux tells");
        let mut sum = 0_u64;
        while Usage::own().expect("Linux tells").cpu_nanos == before.cpu_nanos {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(before.rss_bytes > 0);
    }
}
