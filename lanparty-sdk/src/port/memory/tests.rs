use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use super::*;
use crate::port::{FrameBatch, PortFrame, TrySendError};
use crate::proto::HEADROOM;

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

/// Frames of which each can be told from the others.
fn frames(numbers: std::ops::Range<u8>) -> Vec<Vec<u8>> {
    numbers.map(|number| vec![number; 20]).collect()
}

fn send(sink: &MemorySink, frames: &[Vec<u8>]) -> Result<usize, SendError> {
    sink.try_send_batch_copy(frames.iter().map(Vec::as_slice))
}

#[test]
fn a_batch_is_sent_as_far_as_there_is_room() {
    let (left, mut right) = pair(4);
    let (count, waker) = waker();
    let mut cx = Context::from_waker(&waker);
    let (mut received, sent) = (Vec::new(), frames(0..6));
    assert!(right.poll_recv_batch(&mut cx, &mut received, 8).is_pending());
    assert_eq!(left.try_send_batch_copy(std::iter::empty()), Ok(0));
    assert_eq!(send(&left.sink, &sent[..3]), Ok(3));
    assert_eq!(count.0.load(Ordering::SeqCst), 1, "woken once");
    assert_eq!(send(&left.sink, &sent[3..]), Ok(1));
    assert_eq!(send(&left.sink, &sent[4..]), Err(SendError::Full));
    assert_eq!(left.try_send_batch_copy(std::iter::empty()), Ok(0));
    assert_eq!((left.sink.queued(), right.queued(), left.queued()), (4, 4, 0));
    assert_eq!(right.poll_recv_batch(&mut cx, &mut received, 8), Poll::Ready(Some(4)));
    assert_eq!(received, sent[..4]);
    drop(right);
    assert_eq!(send(&left.sink, &sent), Err(SendError::Closed));
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
}

#[test]
fn a_batch_is_received_in_parts_that_free_room() {
    let (left, mut right) = pair(4);
    let (count, waker) = waker();
    let mut cx = Context::from_waker(&waker);
    let mut received = Vec::new();
    assert_eq!(right.try_recv_batch(&mut received, 2), Err(TryRecvError::Empty));
    assert_eq!(send(&left.sink, &frames(0..4)), Ok(4));
    let mut sending = Box::pin(left.send(&[9; 20]));
    assert!(sending.as_mut().poll(&mut cx).is_pending());
    assert_eq!(right.try_recv_batch(&mut received, 0), Ok(0));
    assert!(sending.as_mut().poll(&mut cx).is_pending(), "none was received");
    assert_eq!(right.try_recv_batch(&mut received, 3), Ok(3));
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
    assert!(sending.as_mut().poll(&mut cx).is_ready());
    assert_eq!((left.sink.queued(), right.queued()), (2, 2));
    assert_eq!(send(&left.sink, &frames(10..20)), Ok(2), "capacity counts what the source has not received");
    assert_eq!(right.try_recv().unwrap(), [3; 20].as_slice());
    drop(sending);
    drop(left);
    assert_eq!(block_on(right.recv_batch(&mut received, usize::MAX)), Some(3));
    assert_eq!(received.iter().map(|frame| frame[0]).collect::<Vec<_>>(), [0, 1, 2, 9, 10, 11]);
    assert_eq!(block_on(right.recv_batch(&mut received, 1)), None);
    assert_eq!(right.try_recv_batch(&mut received, 1), Err(TryRecvError::Closed));
}

#[test]
fn a_frame_that_is_refused_stays_the_next() {
    let (left, mut right) = pair(8);
    let (count, waker) = waker();
    let mut cx = Context::from_waker(&waker);
    assert!(right.poll_drain(&mut cx, |_| true).is_pending());
    assert_eq!(right.try_drain(|_| true), Err(TryRecvError::Empty));
    send(&left.sink, &frames(0..5)).unwrap();
    assert_eq!(count.0.load(Ordering::SeqCst), 1);

    let mut buffer = Vec::new();
    let mut fill = |frame: &[u8]| {
        let fits = buffer.len() + frame.len() <= 50;
        if fits {
            buffer.extend_from_slice(frame);
        }
        fits
    };
    assert_eq!(right.poll_drain(&mut cx, &mut fill), Poll::Ready(Some(2)));
    assert_eq!(right.try_drain(&mut fill), Ok(0), "it still does not fit");
    assert_eq!(buffer, [[0; 20], [1; 20]].concat());
    assert_eq!(right.queued(), 3);
    assert_eq!(right.try_recv().unwrap(), [2; 20].as_slice());
    send(&left.sink, &frames(5..6)).unwrap();
    let mut seen = Vec::new();
    let mut see = |frame: &[u8]| {
        left.try_send(frame).unwrap(); // the cable may be used meanwhile
        seen.push(frame[0]);
        true
    };
    assert_eq!(right.try_drain(&mut see), Ok(2), "what was there when it began");
    assert_eq!(seen, [3, 4]);
    drop(left);
    let mut last = Vec::new();
    let mut keep = |frame: &[u8]| {
        last.push(frame[0]);
        true
    };
    assert_eq!(right.poll_drain(&mut cx, &mut keep), Poll::Ready(Some(3)));
    assert_eq!(right.poll_drain(&mut cx, |_| true), Poll::Ready(None));
    assert_eq!(right.try_drain(|_| true), Err(TryRecvError::Closed));
    assert_eq!(last, [5, 3, 4]);
}

#[test]
fn a_panic_while_draining_loses_no_frame() {
    let (left, mut right) = pair(4);
    send(&left.sink, &frames(0..3)).unwrap();
    let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        right.try_drain(|frame| if frame[0] == 1 { panic!("on purpose") } else { true })
    }));
    assert!(shown.is_err());
    let mut received = Vec::new();
    assert_eq!(right.try_recv_batch(&mut received, 4), Ok(2));
    assert_eq!(received, frames(1..3));
    assert_eq!(send(&left.sink, &frames(0..9)), Ok(4));
}

#[test]
fn a_session_s_batch_wakes_once_and_gives_back_what_does_not_fit() {
    let (mut program, session) = pair(2);
    let port = session.into_port();
    let (count, waker) = waker();
    let mut cx = Context::from_waker(&waker);
    let mut received = Vec::new();
    assert!(program.poll_recv_batch(&mut cx, &mut received, 8).is_pending());
    let batch = || frames(0..3).into_iter().map(Bytes::from).collect::<Vec<_>>();
    let (mut sending, mut refused) = (batch(), Vec::new());
    port.sink.try_send_batch(&mut sending, &mut |error| refused.push(error));
    assert!(sending.is_empty());
    assert!(matches!(refused.as_slice(), [TrySendError::Full(frame)] if frame[0] == 2), "{refused:?}");
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
    assert_eq!(program.try_recv_batch(&mut received, 8), Ok(2));
    assert_eq!(received, frames(0..2));
    drop(program);
    let mut sending = batch();
    refused.clear();
    port.sink.try_send_batch(&mut sending, &mut |error| refused.push(error));
    assert_eq!(refused.len(), 3);
    assert!(refused.iter().all(|error| matches!(error, TrySendError::Closed(_))));
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

#[test]
fn batches_cross_threads() {
    let (left, mut right) = pair(7);
    let total = 5000_u32;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let numbers: Vec<_> = (0..total).map(u32::to_be_bytes).collect();
            let mut rest = numbers.as_slice();
            while let Some(first) = rest.first() {
                match left.try_send_batch_copy(rest.iter().take(5).map(|number| &number[..])) {
                    Ok(count) => rest = &rest[count..],
                    Err(SendError::Full) => {
                        block_on(left.send(first)).unwrap();
                        rest = &rest[1..];
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        });
        let (mut received, mut batch) = (0..total, Vec::new());
        while block_on(right.recv_batch(&mut batch, 3)).is_some() {
            for frame in batch.drain(..) {
                assert_eq!(frame, received.next().unwrap().to_be_bytes().as_slice());
            }
        }
        assert_eq!(received.next(), None);
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
