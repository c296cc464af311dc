use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;

/// Counts how often it was woken.
#[derive(Default)]
struct CountingWaker(AtomicUsize);

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn waker() -> (Arc<CountingWaker>, Waker) {
    let counter = Arc::new(CountingWaker::default());
    (counter.clone(), counter.into())
}

#[test]
fn frames_keep_their_order_and_the_queue_its_limit() {
    let (left, mut right) = pair(2);
    left.try_send(b"one").unwrap();
    left.try_send(b"two").unwrap();
    assert_eq!(left.try_send(b"three"), Err(SendError::Full));
    assert_eq!(right.try_recv().unwrap(), "one");
    left.try_send(b"three").unwrap();
    assert_eq!(right.try_recv().unwrap(), "two");
    assert_eq!(right.try_recv().unwrap(), "three");
    assert_eq!(right.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn a_full_sink_gives_the_frame_back() {
    let (_program, session) = pair(1);
    let port = session.into_port();
    port.sink.try_send(Bytes::from_static(b"first")).unwrap();
    match port.sink.try_send(Bytes::from_static(b"second")) {
        Err(TrySendError::Full(frame)) => assert_eq!(frame, "second"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_source_reads_a_batch_behind_headroom() {
    let (program, session) = pair(8);
    let mut port = session.into_port();
    let (_, waker) = waker();
    let mut cx = Context::from_waker(&waker);
    for frame in [&b"one"[..], b"two", b"three"] {
        program.try_send(frame).unwrap();
    }
    let mut batch = FrameBatch::new(2);
    assert!(matches!(port.source.poll_recv(&mut cx, &mut batch), Poll::Ready(Ok(()))));
    let frames: Vec<_> = batch.drain().collect();
    assert_eq!(frames.iter().map(PortFrame::bytes).collect::<Vec<_>>(), [&b"one"[..], b"two"]);
    assert!(frames.into_iter().all(|frame| frame.into_buffer().len() >= HEADROOM + 3));
    assert!(port.source.poll_recv(&mut cx, &mut batch).is_ready());
    drop(batch.drain());
    assert!(port.source.poll_recv(&mut cx, &mut batch).is_pending());
}

#[test]
fn a_waiting_source_is_woken_by_a_frame_and_by_the_end() {
    let (program, session) = pair(8);
    let mut port = session.into_port();
    let (count, waker) = waker();
    let mut cx = Context::from_waker(&waker);
    let mut batch = FrameBatch::default();
    assert!(port.source.poll_recv(&mut cx, &mut batch).is_pending());
    program.try_send(b"frame").unwrap();
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
    assert!(port.source.poll_recv(&mut cx, &mut batch).is_ready());
    drop(batch.drain());
    assert!(port.source.poll_recv(&mut cx, &mut batch).is_pending());
    drop(program);
    assert_eq!(count.0.load(Ordering::SeqCst), 2);
}

#[test]
fn the_other_end_ends_after_the_queue_is_drained() {
    let (program, session) = pair(8);
    let mut port = session.into_port();
    program.try_send(b"last words").unwrap();
    drop(program);
    let (_, waker) = waker();
    let mut cx = Context::from_waker(&waker);
    let mut batch = FrameBatch::default();
    assert!(matches!(port.source.poll_recv(&mut cx, &mut batch), Poll::Ready(Ok(()))));
    drop(batch.drain());
    match port.source.poll_recv(&mut cx, &mut batch) {
        Poll::Ready(Err(error)) => assert_eq!(error.kind(), io::ErrorKind::BrokenPipe),
        other => panic!("{other:?}"),
    }
    assert!(matches!(port.sink.try_send(Bytes::from_static(b"x")), Err(TrySendError::Closed(_))));
}

#[test]
fn a_program_sees_the_session_end() {
    let (mut program, session) = pair(8);
    let port = session.into_port();
    let second = port.sink.clone();
    drop(port);
    assert_eq!(program.try_recv(), Err(TryRecvError::Empty), "a clone of the sink still lives");
    assert_eq!(program.try_send(b"x"), Err(SendError::Closed));
    drop(second);
    assert_eq!(program.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn a_waiting_sender_is_woken_by_room_and_by_the_end() {
    let (left, mut right) = pair(1);
    let (count, waker) = waker();
    let mut cx = Context::from_waker(&waker);
    left.try_send(b"one").unwrap();
    {
        let mut sending = pin!(left.send(b"two"));
        assert!(sending.as_mut().poll(&mut cx).is_pending());
        assert!(sending.as_mut().poll(&mut cx).is_pending());
        assert_eq!(right.try_recv().unwrap(), "one");
        assert_eq!(count.0.load(Ordering::SeqCst), 1, "polled twice, woken once");
        assert!(matches!(sending.as_mut().poll(&mut cx), Poll::Ready(Ok(()))));
    }
    let mut sending = pin!(left.send(b"three"));
    assert!(sending.as_mut().poll(&mut cx).is_pending());
    drop(right);
    assert_eq!(count.0.load(Ordering::SeqCst), 2);
    assert!(matches!(sending.as_mut().poll(&mut cx), Poll::Ready(Err(SendError::Closed))));
}

#[test]
fn caps_are_what_was_set() {
    let mac = MacAddr([2, 0, 0, 0, 0, 7]);
    let (left, right) = pair(1);
    let left = left.with_name("bot").with_mac(mac).with_mtu(1400);
    assert_eq!(left.caps(), PortCaps::new(PortKind::Memory, "bot").with_mac(mac).with_mtu(1400));
    let port = left.into_port();
    port.sink.set_mtu(1300).unwrap();
    assert_eq!(port.sink.caps().mtu, 1300);
    assert_eq!(right.caps().name, "memory");
}

#[test]
fn frames_cross_threads() {
    let (left, right) = pair(4);
    let rounds = 1000_u32;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for round in 0..rounds {
                block_on(left.send(&round.to_be_bytes())).unwrap();
            }
        });
        let mut right = right;
        for round in 0..rounds {
            assert_eq!(block_on(right.recv()).unwrap(), &round.to_be_bytes()[..]);
        }
        assert!(block_on(right.recv()).is_none());
    });
}

fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

fn drain(port: &mut MemoryPort, max_bytes: usize) -> (Poll<Result<usize, TryRecvError>>, Vec<Vec<u8>>) {
    let (mut taken, mut left) = (Vec::new(), max_bytes);
    let polled = port.poll_drain(&mut Context::from_waker(Waker::noop()), &mut |frame| {
        let fits = frame.len() <= left;
        if fits {
            left -= frame.len();
            taken.push(frame.to_vec());
        }
        fits
    });
    (polled, taken)
}

#[test]
fn a_frame_that_is_refused_stays_first() {
    let (here, mut there) = pair(8);
    assert_eq!(here.try_send_batch_copy([&b"one"[..], b"two", b"three"]), Ok(3));
    assert_eq!(drain(&mut there, 2), (Poll::Ready(Ok(0)), vec![]));
    assert_eq!(drain(&mut there, 7), (Poll::Ready(Ok(2)), vec![b"one".to_vec(), b"two".to_vec()]));
    assert_eq!(there.try_recv().unwrap(), "three");
    assert_eq!(drain(&mut there, 7).0, Poll::Pending);
    drop(here);
    assert_eq!(drain(&mut there, 7).0, Poll::Ready(Err(TryRecvError::Closed)));
}

#[test]
fn a_batch_is_sent_as_far_as_there_is_room() {
    let (here, mut there) = pair(2);
    assert_eq!(here.try_send_batch_copy([&b"1"[..], b"2", b"3"]), Ok(2));
    assert_eq!(here.try_send_batch_copy([&b"3"[..]]), Ok(0));
    let mut frames = vec![Bytes::from_static(b"3"), Bytes::from_static(b"4")];
    there.try_recv().unwrap();
    let mut refused = Vec::new();
    here.into_port().sink.try_send_batch(&mut frames, &mut |error| refused.push(error));
    assert!(matches!(&refused[..], [TrySendError::Full(frame)] if frame == "4"), "{refused:?}");
    assert_eq!((there.try_recv().unwrap(), there.try_recv().unwrap()), ("2".into(), "3".into()));
}

#[test]
fn a_batch_to_nobody_is_given_back() {
    let (here, there) = pair(2);
    drop(there);
    assert_eq!(here.try_send_batch_copy([&b"1"[..]]), Err(SendError::Closed));
    let mut refused = 0;
    let mut frames = vec![Bytes::from_static(b"1"), Bytes::from_static(b"2")];
    here.into_port().sink.try_send_batch(&mut frames, &mut |error| {
        assert!(matches!(error, TrySendError::Closed(_)));
        refused += 1;
    });
    assert_eq!(refused, 2);
}

#[test]
fn a_batch_wakes_its_receiver_once() {
    let (here, mut there) = pair(8);
    let (count, waker) = waker();
    assert!(there.poll_drain(&mut Context::from_waker(&waker), &mut |_| true).is_pending());
    here.try_send_batch_copy([&b"1"[..], b"2"]).unwrap();
    here.try_send(b"3").unwrap();
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
}
