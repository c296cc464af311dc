//! The outbox over a transport whose room is handed out by the test.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;

use super::*;

/// Takes datagrams as long as the test has given it room for them.
#[derive(Clone, Default)]
struct Fake(Arc<FakeState>);

#[derive(Default)]
struct FakeState {
    inner: Mutex<FakeInner>,
    changed: Notify,
}

#[derive(Default)]
struct FakeInner {
    room: usize,
    /// How many bytes it wishes for, if there is a limit.
    wish: Option<usize>,
    max: Option<usize>,
    sent: Vec<Bytes>,
    /// How many of them went out right from a producer's context.
    attempts: usize,
    closed: bool,
}

impl Fake {
    fn with<R>(&self, change: impl FnOnce(&mut FakeInner) -> R) -> R {
        let result = change(&mut self.0.inner.lock().unwrap());
        self.0.changed.notify_waiters();
        result
    }

    fn sent(&self) -> Vec<u8> {
        self.with(|inner| inner.sent.iter().map(|datagram| datagram[0]).collect())
    }
}

impl DatagramTransport for Fake {
    fn try_send(&self, datagram: Bytes) -> Result<(), TrySendDatagramError> {
        let mut inner = self.0.inner.lock().unwrap();
        inner.attempts += 1;
        if inner.closed {
            return Err(TrySendDatagramError::Closed);
        }
        if inner.max.is_some_and(|max| datagram.len() > max) {
            return Err(TrySendDatagramError::TooLarge);
        }
        if inner.room == 0 || inner.wish == Some(0) {
            return Err(TrySendDatagramError::Full(datagram));
        }
        inner.room -= 1;
        inner.wish = inner.wish.map(|wish| wish.saturating_sub(datagram.len()));
        inner.sent.push(datagram);
        Ok(())
    }

    async fn send(&self, mut datagram: Bytes) -> Result<(), TrySendDatagramError> {
        loop {
            let mut changed = pin!(self.0.changed.notified());
            changed.as_mut().enable();
            match self.try_send(datagram) {
                Err(TrySendDatagramError::Full(back)) => datagram = back,
                result => return result,
            }
            changed.await;
        }
    }

    fn room(&self) -> usize {
        self.0.inner.lock().unwrap().wish.unwrap_or(usize::MAX)
    }

    async fn room_changed(&mut self) -> bool {
        let mut changed = pin!(self.0.changed.notified());
        changed.as_mut().enable();
        if self.with_quietly(|inner| !inner.closed && inner.wish == Some(0)) {
            changed.await;
        }
        self.with_quietly(|inner| !inner.closed)
    }

    async fn closed(&self) {
        loop {
            let mut changed = pin!(self.0.changed.notified());
            changed.as_mut().enable();
            if self.with_quietly(|inner| inner.closed) {
                return;
            }
            changed.await;
        }
    }
}

impl Fake {
    fn with_quietly<R>(&self, look: impl FnOnce(&FakeInner) -> R) -> R {
        look(&self.0.inner.lock().unwrap())
    }
}

fn datagram(id: u8, len: usize) -> Bytes {
    Bytes::from(vec![id; len])
}

fn outbox(bytes: usize, datagrams: usize) -> Arc<Outbox<Fake>> {
    // The clock is real here, and a test may be held up.
    Arc::new(Outbox::new(OutboxLimits::new(bytes, datagrams).max_age(Duration::MAX)))
}

/// Polls the sender as its task would, without a runtime.
macro_rules! sender {
    ($outbox:ident, $fake:ident) => {
        Box::pin(Arc::clone(&$outbox).run($fake.clone()))
    };
}

fn poll(sender: &mut std::pin::Pin<Box<impl Future<Output = ()>>>) -> Poll<()> {
    sender.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn what_was_pushed_before_the_connection_is_sent_in_order() {
    let (outbox, fake) = (outbox(1000, 10), Fake::default());
    fake.with(|inner| inner.room = 10);
    for id in 0..4 {
        outbox.push(datagram(id, 100));
    }
    assert_eq!(outbox.stats().queued_bytes, 400);
    let mut sender = sender!(outbox, fake);
    assert!(poll(&mut sender).is_pending());
    assert_eq!(fake.sent(), [0, 1, 2, 3]);
    let stats = outbox.stats();
    assert_eq!((stats.sent_datagrams, stats.sent_bytes, stats.queued_bytes), (4, 400, 0));
}

#[test]
fn an_idle_outbox_sends_without_its_task() {
    let (outbox, fake) = (outbox(1000, 10), Fake::default());
    let mut sender = sender!(outbox, fake);
    assert!(poll(&mut sender).is_pending());
    fake.with(|inner| inner.room = 2);
    outbox.push(datagram(0, 100));
    outbox.push_batch(&mut vec![datagram(1, 100), datagram(2, 100), datagram(3, 100)]);
    assert_eq!(fake.sent(), [0, 1], "two at once, without the sender being polled");
    assert_eq!(outbox.stats().queued_datagrams, 2);

    // Room alone does not let a later one overtake those that wait.
    fake.with(|inner| inner.room = 1);
    outbox.push(datagram(4, 100));
    assert_eq!(fake.sent(), [0, 1]);
    assert!(poll(&mut sender).is_pending());
    assert_eq!(fake.sent(), [0, 1, 2]);
    // Nor while one is under way and the queue behind it is empty.
    fake.with(|inner| inner.room = 1);
    assert!(poll(&mut sender).is_pending());
    assert_eq!(fake.sent(), [0, 1, 2, 3]);
    assert_eq!(outbox.stats().queued_datagrams, 0, "the last one is with the transport");
    outbox.push(datagram(5, 100));
    fake.with(|inner| inner.room = 10);
    outbox.push(datagram(6, 100));
    assert!(poll(&mut sender).is_pending());
    assert_eq!(fake.sent(), [0, 1, 2, 3, 4, 5, 6]);
    outbox.push(datagram(7, 100));
    assert_eq!(fake.sent(), [0, 1, 2, 3, 4, 5, 6, 7], "idle again");
}

#[test]
fn what_the_transport_does_not_wish_for_stays_in_the_queue() {
    let (outbox, fake) = (outbox(1000, 10), Fake::default());
    fake.with(|inner| (inner.room, inner.wish) = (100, Some(150)));
    let mut sender = sender!(outbox, fake);
    outbox.push_batch(&mut (0..5).map(|id| datagram(id, 100)).collect());
    assert!(poll(&mut sender).is_pending());
    assert_eq!(fake.sent(), [0, 1], "the last one may go beyond the wish");
    assert_eq!(outbox.stats().queued_datagrams, 3, "none is on its way between queue and transport");
    outbox.push(datagram(5, 100));
    assert!(poll(&mut sender).is_pending());
    assert_eq!(fake.sent(), [0, 1]);

    fake.with(|inner| inner.wish = Some(1));
    assert!(poll(&mut sender).is_pending());
    assert_eq!(fake.sent(), [0, 1, 2]);
    fake.with(|inner| inner.wish = None);
    assert!(poll(&mut sender).is_pending());
    assert_eq!(fake.sent(), [0, 1, 2, 3, 4, 5]);
    outbox.push(datagram(6, 100));
    assert_eq!(fake.sent(), [0, 1, 2, 3, 4, 5, 6], "idle again");

    fake.with(|inner| inner.wish = Some(0));
    outbox.push(datagram(7, 100));
    assert!(poll(&mut sender).is_pending());
    fake.with(|inner| inner.closed = true);
    assert!(poll(&mut sender).is_ready(), "the end is noticed while something waits");
}

#[test]
fn the_oldest_give_way() {
    let outbox = outbox(1000, 4);
    for id in 0..6 {
        outbox.push(datagram(id, 100));
    }
    assert_eq!(outbox.stats().drops.get(DropReason::OutboxFull), 2, "by number");
    outbox.push(datagram(6, 900));
    let stats = outbox.stats();
    assert_eq!((stats.queued_datagrams, stats.queued_bytes), (2, 1000));
    assert_eq!(stats.drops.get(DropReason::OutboxFull), 5, "by bytes");
    outbox.push(datagram(7, 1001));
    assert_eq!(outbox.stats().drops.get(DropReason::OverBudget), 1, "it never fits, and displaces nobody");
    assert_eq!(outbox.stats().queued_datagrams, 2);

    let fake = Fake::default();
    fake.with(|inner| inner.room = 9);
    let mut sender = sender!(outbox, fake);
    assert!(poll(&mut sender).is_pending());
    assert_eq!(fake.sent(), [5, 6]);
}

#[test]
fn what_exceeds_the_budget_is_counted_and_the_rest_goes_on() {
    let (outbox, fake) = (outbox(10_000, 10), Fake::default());
    fake.with(|inner| (inner.room, inner.max) = (9, Some(1200)));
    outbox.push_batch(&mut vec![datagram(0, 1201), datagram(1, 1200)]);
    let mut sender = sender!(outbox, fake);
    assert!(poll(&mut sender).is_pending());
    outbox.push(datagram(2, 1400));
    outbox.push(datagram(3, 10));
    assert_eq!(fake.sent(), [1, 3]);
    assert_eq!(outbox.stats().drops.get(DropReason::OverBudget), 2);
}

#[test]
fn the_end_of_the_connection_purges_and_the_next_one_starts_over() {
    let (outbox, fake) = (outbox(1000, 10), Fake::default());
    let mut sender = sender!(outbox, fake);
    assert!(poll(&mut sender).is_pending());
    outbox.push_batch(&mut vec![datagram(0, 1), datagram(1, 1), datagram(2, 1)]);
    assert!(poll(&mut sender).is_pending());
    fake.with(|inner| inner.closed = true);
    assert!(poll(&mut sender).is_ready());
    outbox.push(datagram(3, 1));
    let stats = outbox.stats();
    assert_eq!((stats.queued_datagrams, stats.sent_datagrams), (0, 0));
    assert_eq!(stats.drops.get(DropReason::NotJoined), 4);

    let next = Fake::default();
    next.with(|inner| inner.room = 1);
    let mut sender = sender!(outbox, next);
    assert!(poll(&mut sender).is_pending());
    outbox.push(datagram(4, 1));
    assert_eq!(next.sent(), [4]);
    drop(sender);
    outbox.push(datagram(5, 1));
    assert_eq!(outbox.stats().drops.get(DropReason::NotJoined), 5, "an aborted sender ends it too");
}

#[test]
fn an_idle_sender_notices_the_end() {
    let (outbox, fake) = (outbox(1000, 10), Fake::default());
    let mut sender = sender!(outbox, fake);
    assert!(poll(&mut sender).is_pending());
    fake.with(|inner| inner.closed = true);
    assert!(poll(&mut sender).is_ready());
}

#[derive(Clone, Debug)]
enum Op {
    Push(Vec<usize>),
    Room(usize),
    Poll,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        prop::collection::vec(0usize..300, 1..6).prop_map(Op::Push),
        (1usize..5).prop_map(Op::Room),
        Just(Op::Poll),
    ]
}

proptest! {
    #[test]
    fn order_bounds_and_counts_hold(ops in prop::collection::vec(op(), 0..60)) {
        let (outbox, fake) = (outbox(800, 5), Fake::default());
        fake.with(|inner| inner.max = Some(250));
        let mut sender = sender!(outbox, fake);
        let mut pushed = 0u32;
        for op in ops {
            match op {
                Op::Push(lens) => {
                    let mut batch: Vec<_> = lens
                        .iter()
                        .map(|len| {
                            pushed += 1;
                            Bytes::from([&pushed.to_be_bytes()[..], &vec![0; *len]].concat())
                        })
                        .collect();
                    outbox.push_batch(&mut batch);
                    prop_assert!(batch.is_empty());
                }
                Op::Room(room) => fake.with(|inner| inner.room += room),
                Op::Poll => prop_assert!(poll(&mut sender).is_pending()),
            }
            let stats = outbox.stats();
            prop_assert!(stats.queued_bytes <= 800 && stats.queued_datagrams <= 5);
        }
        fake.with(|inner| inner.room = usize::MAX);
        prop_assert!(poll(&mut sender).is_pending());
        let ids = fake.with(|inner| inner.sent.iter().map(|sent| sent[..4].to_vec()).collect::<Vec<_>>());
        prop_assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "in order, each once");
        let stats = outbox.stats();
        prop_assert_eq!(stats.sent_datagrams, ids.len() as u64);
        prop_assert_eq!(stats.sent_datagrams + stats.drops.total(), u64::from(pushed));
    }
}
