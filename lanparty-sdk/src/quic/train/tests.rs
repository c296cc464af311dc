use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::Ipv4Addr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use proptest::prelude::*;

use super::*;

/// One call of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Call {
    port: u16,
    packets: Vec<Vec<u8>>,
}

/// A system that writes down what it is given, and now and then has no room.
#[derive(Debug)]
struct System {
    calls: Mutex<Vec<Call>>,
    /// Whether the next calls find none.
    refusals: Mutex<VecDeque<bool>>,
    full: AtomicBool,
    segments: usize,
}

impl System {
    fn new(segments: usize, refusals: impl IntoIterator<Item = bool>) -> Arc<Self> {
        Arc::new(Self {
            calls: Mutex::default(),
            refusals: Mutex::new(refusals.into_iter().collect()),
            full: AtomicBool::new(false),
            segments,
        })
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

impl AsyncUdpSocket for System {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Room(self))
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        if self.refusals.lock().unwrap().pop_front().unwrap_or(false) {
            self.full.store(true, Ordering::Relaxed);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let size = transmit.segment_size.unwrap_or(transmit.contents.len());
        let packets = transmit.contents.chunks(size).map(<[u8]>::to_vec).collect();
        self.calls.lock().unwrap().push(Call { port: transmit.destination.port(), packets });
        Ok(())
    }

    fn poll_recv(
        &self,
        _: &mut Context<'_>,
        _: &mut [IoSliceMut<'_>],
        _: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 1))
    }

    fn max_transmit_segments(&self) -> usize {
        self.segments
    }
}

/// Has room again as soon as it was waited for.
#[derive(Debug)]
struct Room(Arc<System>);

impl UdpPoller for Room {
    fn poll_writable(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.0.full.swap(false, Ordering::Relaxed) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

/// What quinn gives to its socket at once: so many packets of one size, and perhaps a shorter one.
#[derive(Clone, Debug)]
struct Handful {
    port: u16,
    size: usize,
    packets: usize,
    tail: usize,
    ecn: Option<EcnCodepoint>,
    /// Whether quinn's task pauses afterwards.
    last: bool,
}

impl Handful {
    fn full(packets: usize) -> Self {
        Self { port: 1, size: 1452, packets, tail: 0, ecn: None, last: false }
    }

    fn of(size: usize) -> Self {
        Self { size, ..Self::full(1) }
    }

    /// Packets that are all different.
    fn contents(&self, number: usize) -> Vec<u8> {
        let packet = |packet: usize, len| [number as u8, packet as u8].into_iter().cycle().take(len);
        (0..self.packets).flat_map(|at| packet(at, self.size)).chain(packet(99, self.tail)).collect()
    }

    fn packets(&self, number: usize) -> impl Iterator<Item = (u16, Vec<u8>)> {
        let contents = self.contents(number);
        contents.chunks(self.size).map(|packet| (self.port, packet.to_vec())).collect::<Vec<_>>().into_iter()
    }
}

/// A task that sends as quinn's connections do: what is refused it keeps until there is room.
async fn send(socket: Arc<dyn AsyncUdpSocket>, handfuls: Vec<Handful>) {
    let mut room = Arc::clone(&socket).create_io_poller();
    let mut sent = 0;
    for (number, handful) in handfuls.iter().enumerate() {
        let contents = handful.contents(number);
        let transmit = Transmit {
            destination: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), handful.port),
            ecn: handful.ecn,
            contents: &contents,
            segment_size: (contents.len() > handful.size).then_some(handful.size),
            src_ip: None,
        };
        loop {
            poll_fn(|cx| room.as_mut().poll_writable(cx)).await.unwrap();
            match socket.try_send(&transmit) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => break result.unwrap(),
            }
        }
        sent += contents.len().div_ceil(handful.size);
        if sent >= QUINN_TURN_PACKETS || handful.last {
            sent = 0;
            tokio::task::yield_now().await;
        }
    }
}

/// A task on `system` as an endpoint would run it, to be polled by hand.
fn task(system: &Arc<System>, handfuls: Vec<Handful>) -> Turns {
    let (socket, _) = in_trains(Arc::clone(system) as Arc<dyn AsyncUdpSocket>);
    let system: Weak<System> = Arc::downgrade(system);
    Turns { socket: system, task: Some(Box::pin(send(socket, handfuls))), waiting: None, room: None }
}

fn poll(task: &mut Turns) -> Poll<()> {
    Pin::new(task).poll(&mut Context::from_waker(Waker::noop()))
}

/// Whether somebody woke the task.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Until the task has ended, as a runtime does it: a turn for each time that it was woken. The number of its turns.
fn run(mut task: Turns) -> usize {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    for turns in 1..10_000 {
        if Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_ready() {
            return turns;
        }
        assert!(woken.0.swap(false, Ordering::Relaxed), "nobody wakes the task: {task:?}");
    }
    panic!("the task never ends");
}

fn lens(system: &System) -> Vec<usize> {
    system.calls().iter().map(|call| call.packets.len()).collect()
}

#[test]
fn handfuls_leave_as_one_train() {
    let system = System::new(64, []);
    let mut handfuls = vec![Handful::full(10); 4];
    handfuls.push(Handful { tail: 300, ..Handful::full(3) });
    assert_eq!(run(task(&system, handfuls)), 1);
    assert_eq!(lens(&system), [44]);
}

#[test]
fn trains_are_as_long_as_the_system_takes_them() {
    let system = System::new(64, []);
    run(task(&system, vec![Handful::full(10); 6]));
    assert_eq!(lens(&system), [40, 20], "45 packets of 1452 bytes fit into one");
    let system = System::new(16, []);
    run(task(&system, vec![Handful::full(8); 3]));
    assert_eq!(lens(&system), [16, 8]);
    let system = System::new(1, []);
    run(task(&system, vec![Handful::of(900); 3]));
    assert_eq!(lens(&system), [1, 1, 1], "the system cuts nothing");
}

#[test]
fn nothing_waits_for_more() {
    let system = System::new(64, []);
    let handfuls = vec![Handful { last: true, ..Handful::of(120) }; 2];
    let mut task = task(&system, handfuls);
    assert!(poll(&mut task).is_pending());
    assert_eq!(lens(&system), [1]);
    assert!(poll(&mut task).is_pending());
    assert_eq!(lens(&system), [1, 1]);
}

#[test]
fn a_probe_for_the_mtu_travels_alone() {
    let system = System::new(64, []);
    run(task(&system, vec![Handful::full(10), Handful::of(1472), Handful::of(60), Handful::full(2)]));
    assert_eq!(lens(&system), [10, 1, 1, 2]);
}

#[test]
fn what_quinn_does_not_segment_nobody_does() {
    let system = System::new(64, []);
    run(task(&system, vec![Handful::of(900); 3]));
    assert_eq!(lens(&system), [1, 1, 1], "segmentation is switched off");
}

#[test]
fn a_panic_takes_nothing_along() {
    let (here, there) = (System::new(64, []), System::new(64, []));
    let mut doomed = task(&here, vec![Handful::full(5)]);
    let sends = doomed.task.take().unwrap();
    doomed.task = Some(Box::pin(async {
        sends.await;
        panic!("on purpose");
    }));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut doomed))).is_err());
    run(task(&there, vec![Handful::full(3)]));
    assert_eq!((lens(&here), lens(&there)), (vec![], vec![3]));
}

#[test]
fn marks_keep_their_packets_apart() {
    let system = System::new(64, []);
    let marked = Handful { ecn: Some(EcnCodepoint::Ect0), ..Handful::full(2) };
    run(task(&system, vec![Handful::full(2), marked.clone(), marked]));
    assert_eq!(lens(&system), [2, 4]);
}

#[test]
fn other_places_get_trains_of_their_own() {
    let system = System::new(64, []);
    let elsewhere = Handful { port: 2, ..Handful::full(5) };
    run(task(&system, vec![Handful::full(5), elsewhere, Handful::full(5)]));
    let ports: Vec<_> = system.calls().iter().map(|call| call.port).collect();
    assert_eq!((lens(&system), ports), (vec![5, 5, 5], vec![1, 2, 1]));
}

#[test]
fn a_train_without_room_departs_later() {
    let system = System::new(64, [true, true, false]);
    let mut task = task(&system, vec![Handful { last: true, ..Handful::full(10) }]);
    assert!(poll(&mut task).is_pending());
    assert_eq!(lens(&system), [0; 0]);
    // The task has ended, its train has not.
    assert!(poll(&mut task).is_pending());
    assert!(poll(&mut task).is_ready());
    assert_eq!(lens(&system), [10]);
}

fn handful() -> impl Strategy<Value = Handful> {
    let size = prop_oneof![Just(1452_usize), Just(1200), 40..1452_usize];
    (1..3_u16, size, 1..=10_usize, 0..3_usize, any::<bool>()).prop_map(|(port, size, packets, tail, last)| {
        // A third of them end with a shorter one.
        Handful { port, size, packets, tail: if tail == 0 { size / 2 } else { 0 }, ecn: None, last }
    })
}

proptest! {
    /// All of it, once, in its order, whatever the system has room for.
    #[test]
    fn what_arrives_is_what_was_sent(
        handfuls in prop::collection::vec(handful(), 1..60),
        refusals in prop::collection::vec(any::<bool>(), 0..40),
        segments in prop_oneof![Just(64_usize), 10..64_usize],
    ) {
        let system = System::new(segments, refusals);
        run(task(&system, handfuls.clone()));
        let sent: Vec<_> =
            handfuls.iter().enumerate().flat_map(|(number, handful)| handful.packets(number)).collect();
        let calls = system.calls();
        prop_assert!(calls.len() <= handfuls.len());
        for call in &calls {
            prop_assert!(call.packets.len() <= segments.max(11));
            prop_assert!(call.packets.iter().map(Vec::len).sum::<usize>() <= MAX_TRAIN_BYTES);
        }
        let arrived: Vec<_> = calls
            .into_iter()
            .flat_map(|call| call.packets.into_iter().map(move |packet| (call.port, packet)))
            .collect();
        prop_assert_eq!(arrived, sent);
    }
}
