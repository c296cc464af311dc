use super::*;

/// Loses the connection again and again, and gives the waits that follow.
fn waits(seed: u64, count: usize) -> Vec<Duration> {
    let start = Desk::new(config(PeerRole::Client));
    let mut desk = Desk { member: Member::new(config(PeerRole::Client), seed, start.now), ..start };
    desk.join();
    desk.lose(None);
    (0..count)
        .map(|_| {
            let wait = desk.member.poll_timeout().unwrap() - desk.now;
            desk.wake();
            assert!(desk.outputs().contains(&MemberOutput::Connect));
            desk.lose(None);
            wait
        })
        .collect()
}

#[test]
fn waits_double_within_their_bounds() {
    for seed in 0..50 {
        for (attempt, wait) in (0_u32..).zip(waits(seed, 12)) {
            let ceiling = Duration::from_millis(500 << attempt.min(10)).min(Duration::from_secs(10));
            assert!(wait >= ceiling / 2 && wait <= ceiling, "attempt {attempt}: {wait:?}");
        }
    }
}

#[test]
fn the_same_seed_waits_alike_and_another_does_not() {
    assert_eq!(waits(7, 10), waits(7, 10));
    assert_ne!(waits(7, 10), waits(8, 10));
}

#[test]
fn a_success_starts_over() {
    let mut desk = Desk::client();
    for _ in 0..10 {
        desk.lose(None);
        desk.wake();
    }
    desk.join();
    desk.lose(None);
    let wait = desk.member.poll_timeout().unwrap() - desk.now;
    assert!(wait <= Duration::from_millis(500), "{wait:?}");
}

#[test]
fn an_answer_that_comes_too_late_is_not_heard() {
    let mut desk = Desk::client();
    desk.lose(None);
    desk.outputs();
    desk.hear(&RelayMessage::Welcome(welcome()));
    desk.connect();
    desk.lose(Some(CloseCode::Kicked));
    assert!(desk.outputs().is_empty(), "that connection is over");
    assert_eq!(desk.member.phase(), Phase::Waiting);
}
