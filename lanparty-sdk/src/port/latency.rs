//! Threads that should run soon when there is something to do.
#![cfg_attr(
    target_os = "linux",
    allow(unsafe_code, reason = "the C library has no function for these system calls")
)]

/// Asks the system to let the calling thread run soon whenever it wakes, also while others keep all processors busy: a
/// frame should not wait until a game has used up its turn. Such a thread is preferred for shorter turns, and gets no larger
/// share than before.
///
/// For threads that serve ports, sessions and relays: call it where they start
/// (`tokio::runtime::Builder::on_thread_start`, and in the thread that runs a current-thread runtime). The library does so in
/// threads of its own.
///
/// True if the system does it: Linux 6.12 and later, for ordinary threads (`sched_setattr(2)`, a slice of 0.1 ms, the
/// shortest there is). Threads and programs that the thread starts afterwards do not inherit it; with a negative nice value
/// they inherit both, since the kernel keeps both from them or neither. Threads with another scheduling policy stay as they
/// are. Windows needs no asking: it raises the priority of whoever wakes for input or output.
pub fn prefer_latency() -> bool {
    #[cfg(target_os = "linux")]
    return linux::prefer_latency();
    #[cfg(not(target_os = "linux"))]
    false
}

#[cfg(target_os = "linux")]
mod linux {
    /// The shortest slice that the kernel accepts.
    pub(super) const SLICE_NS: u64 = 100_000;
    /// `SCHED_OTHER`.
    const ORDINARY: u32 = 0;
    /// `SCHED_FLAG_RESET_ON_FORK`, the only flag that says something about the thread and not about the call. Whoever has no
    /// privileges cannot take it back.
    const RESET_ON_FORK: u64 = 1;

    /// `struct sched_attr` in its first version, see `sched_setattr(2)`.
    #[derive(Clone, Copy, Debug, Default)]
    #[repr(C)]
    pub(super) struct Attr {
        size: u32,
        pub(super) policy: u32,
        flags: u64,
        pub(super) nice: i32,
        priority: u32,
        pub(super) runtime_ns: u64,
        deadline_ns: u64,
        period_ns: u64,
    }

    pub(super) fn prefer_latency() -> bool {
        if cfg!(miri) {
            return false; // it does not know the call
        }
        let Some(attr) = get().filter(|attr| attr.policy == ORDINARY) else { return false };
        let flags = if attr.nice < 0 { attr.flags & RESET_ON_FORK } else { RESET_ON_FORK };
        set(Attr { flags, runtime_ns: SLICE_NS, ..attr });
        // Older kernels accept it and do nothing.
        get().is_some_and(|attr| attr.runtime_ns == SLICE_NS)
    }

    /// Bytes of an [`Attr`].
    const SIZE: u32 = 48;
    const _: () = assert!(size_of::<Attr>() == SIZE as usize, "the kernel's layout");

    /// The calling thread's.
    pub(super) fn get() -> Option<Attr> {
        let mut attr = Attr::default();
        // SAFETY: the kernel writes at most as many bytes as it is told, and any are a valid `Attr`.
        let result = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attr, SIZE, 0) };
        (result == 0).then_some(attr)
    }

    pub(super) fn set(attr: Attr) -> bool {
        let attr = Attr { size: SIZE, ..attr };
        // SAFETY: the kernel reads as many bytes as `size` says.
        unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attr, 0) == 0 }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::thread;

    use super::linux::{SLICE_NS, get, set};
    use super::*;

    const SCHED_BATCH: u32 = 3;

    #[test]
    fn the_thread_and_no_other_gets_short_turns() {
        let before = get().expect("the kernel knows its threads");
        let asking = || {
            let preferred = prefer_latency();
            (preferred, get().unwrap(), thread::spawn(|| get().unwrap()).join().unwrap())
        };
        let (preferred, attr, child) = thread::spawn(asking).join().unwrap();
        assert_eq!(attr.runtime_ns == SLICE_NS, preferred, "{attr:?}");
        assert_eq!(attr.policy, before.policy);
        assert_eq!(get().unwrap().runtime_ns, before.runtime_ns, "this thread did not ask");
        let inherits = preferred && before.nice < 0;
        let expected = if inherits { SLICE_NS } else { before.runtime_ns };
        assert_eq!(child.runtime_ns, expected, "nor did what it started");
        if !preferred {
            eprintln!("SKIPPED in part: this kernel is older than 6.12, and has one slice for all");
        }
    }

    #[test]
    fn another_policy_is_left_alone() {
        let (preferred, attr) = thread::spawn(|| {
            let mut attr = get().unwrap();
            attr.policy = SCHED_BATCH;
            attr.runtime_ns = 0;
            assert!(set(attr));
            (prefer_latency(), get().unwrap())
        })
        .join()
        .unwrap();
        assert!(!preferred);
        assert_eq!(attr.policy, SCHED_BATCH);
        assert_ne!(attr.runtime_ns, SLICE_NS);
    }
}
