//! Measures the TAP-Windows6 port: throughput and loss with 1 to 256 operations in flight.
//!
//! ```text
//! tap_pump.exe {NetCfgInstanceId} [REPETITIONS]
//! ```
//!
//! It needs the test driver of `tests/windows`, whose second device stands for Windows' own network stack; that runs
//! under Wine too. The adapter's IP settings are left alone. All frames have 1514 bytes. The numbers of operations take
//! turns, and what is printed is the median.
#![cfg_attr(
    windows,
    allow(
        clippy::disallowed_methods,
        clippy::print_stdout,
        clippy::unwrap_used,
        reason = "a measurement runs in real time, and speaks to whoever runs it"
    )
)]

#[cfg(windows)]
fn main() {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: tap_pump {NetCfgInstanceId} [REPETITIONS]";
    let id = arguments.next().expect(usage);
    let repetitions = arguments.next().map_or(5, |text| text.parse().expect(usage));
    measure::run(&id, repetitions);
}

#[cfg(not(windows))]
#[allow(clippy::print_stderr, reason = "it can only say that it cannot")]
fn main() {
    eprintln!("tap_pump measures TAP-Windows6 adapters: it needs Windows, or Wine");
}

#[cfg(windows)]
mod measure {
    use std::fs::{File, OpenOptions};
    use std::future::poll_fn;
    use std::io::{Read as _, Write as _};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use bytes::Bytes;
    use lanparty_sdk::port::tap_windows::{AdapterChoice, TapOptions, TapPort};
    use lanparty_sdk::port::{FrameBatch, Port, TrySendError};
    use lanparty_sdk::route::AdapterPolicy;

    const OPERATIONS: [u16; 4] = [1, 16, 64, 256];
    const FRAME_LEN: usize = 1514;
    static FRAME: [u8; FRAME_LEN] = [0xff; FRAME_LEN];
    /// How many frames go flat out.
    const FLOOD: usize = 10_000;
    /// How many come at once otherwise: twice what the driver keeps for a program that does not read.
    const BURST: usize = 128;
    const BURSTS: usize = 20;
    /// Ten Mbit/s.
    const BURST_PAUSE: Duration = Duration::from_micros((BURST * FRAME_LEN * 8 / 10) as u64);
    /// How many frames of a flood may be under way: fewer than the driver keeps for a program, so that none is lost.
    const WINDOW: usize = 48;
    /// A flood does not stop for so long.
    const STALL: Duration = Duration::from_secs(10);
    /// What has not come by then is lost.
    const SILENCE: Duration = Duration::from_millis(300);

    /// What one run with one number of operations said, in the order of the columns.
    type Figures = [f64; 4];

    pub(crate) fn run(id: &str, repetitions: usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let wire = Wire::open(id);
        let mut figures: [Vec<Figures>; OPERATIONS.len()] = Default::default();
        for _ in 0..repetitions {
            for (operations, figures) in OPERATIONS.iter().zip(&mut figures) {
                figures.push(runtime.block_on(once(id, *operations, &wire)));
            }
        }
        println!("| in flight | reads, Mbit/s | lost of bursts | writes, Mbit/s | lost of bursts |");
        println!("|---|---|---|---|---|");
        for (operations, figures) in OPERATIONS.iter().zip(&figures) {
            let median = |column: usize| {
                let mut column: Vec<_> = figures.iter().map(|figures| figures[column]).collect();
                column.sort_by(f64::total_cmp);
                column[column.len() / 2]
            };
            println!(
                "| {operations} | {:.0} | {:.1} % | {:.0} | {:.1} % |",
                median(0),
                median(1),
                median(2),
                median(3)
            );
        }
    }

    async fn once(id: &str, operations: u16, wire: &Wire) -> Figures {
        let mut options = TapOptions::new(AdapterChoice::Instance(id.to_owned()));
        options.policy(AdapterPolicy::HANDS_OFF).operations(operations);
        let mut port = TapPort::open(&options).unwrap();
        port.sink.set_link(true).unwrap();
        let read = flood(&mut port, wire).await;
        let unread = read_bursts(&mut port, wire).await;
        let written = write(&port, wire).await;
        let unwritten = write_bursts(&port, wire).await;
        [read, unread, written, unwritten]
    }

    /// The computer sends as fast as the program reads. Returns Mbit/s.
    async fn flood(port: &mut Port, wire: &Wire) -> f64 {
        let mut writer = wire.writer.try_clone().unwrap();
        let arrived = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&arrived);
        let begun = Instant::now();
        let sender = thread::spawn(move || {
            for number in 0..FLOOD {
                while seen.load(Ordering::Relaxed) + WINDOW <= number {
                    thread::yield_now();
                }
                writer.write_all(&FRAME).unwrap();
            }
        });
        let mut batch = FrameBatch::default();
        while arrived.load(Ordering::Relaxed) < FLOOD {
            let received = poll_fn(|cx| port.source.poll_recv(cx, &mut batch));
            tokio::time::timeout(STALL, received).await.expect("nothing is lost").unwrap();
            arrived.fetch_add(batch.drain().count(), Ordering::Relaxed);
        }
        let time = begun.elapsed();
        sender.join().unwrap();
        rate(FLOOD, time)
    }

    /// The computer sends bursts. Returns how many percent did not arrive.
    async fn read_bursts(port: &mut Port, wire: &Wire) -> f64 {
        let mut writer = wire.writer.try_clone().unwrap();
        let begun = Instant::now();
        let sender = thread::spawn(move || {
            for number in 0..BURSTS {
                let due = begun + BURST_PAUSE * number as u32;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                for _ in 0..BURST {
                    writer.write_all(&FRAME).unwrap();
                }
            }
        });
        let mut arrived = 0;
        let mut batch = FrameBatch::default();
        loop {
            let received = poll_fn(|cx| port.source.poll_recv(cx, &mut batch));
            match tokio::time::timeout(SILENCE, received).await {
                Ok(result) => {
                    result.unwrap();
                    arrived += batch.drain().count();
                }
                Err(_) if sender.is_finished() => break,
                Err(_) => {}
            }
        }
        sender.join().unwrap();
        lost(arrived, BURSTS * BURST)
    }

    /// The room sends as fast as the port takes it.
    async fn write(port: &Port, wire: &Wire) -> f64 {
        let frame = Bytes::from_static(&FRAME);
        let first = wire.arrived();
        let begun = Instant::now();
        for number in 0..FLOOD {
            while wire.arrived() - first + WINDOW < number || !take(port, &frame) {
                tokio::task::yield_now().await;
                thread::yield_now();
            }
        }
        wire.settle();
        rate(wire.arrived() - first, wire.last(begun))
    }

    /// The room sends bursts, and what the port has no place for is lost. Returns how many percent that was.
    async fn write_bursts(port: &Port, wire: &Wire) -> f64 {
        let frame = Bytes::from_static(&FRAME);
        let first = wire.arrived();
        let mut pause = tokio::time::interval(BURST_PAUSE);
        for _ in 0..BURSTS {
            pause.tick().await;
            for _ in 0..BURST {
                take(port, &frame);
            }
        }
        wire.settle();
        lost(wire.arrived() - first, BURSTS * BURST)
    }

    fn take(port: &Port, frame: &Bytes) -> bool {
        match port.sink.try_send(frame.clone()) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => false,
            Err(error) => panic!("{error}"),
        }
    }

    fn rate(frames: usize, time: Duration) -> f64 {
        (frames * FRAME_LEN * 8) as f64 / time.as_secs_f64() / 1e6
    }

    fn lost(arrived: usize, sent: usize) -> f64 {
        100.0 * (1.0 - arrived as f64 / sent as f64)
    }

    /// The wire's other end.
    struct Wire {
        writer: File,
        arrived: Arc<AtomicUsize>,
        /// When the last one arrived, in microseconds since the beginning.
        last_us: Arc<AtomicUsize>,
        begun: Instant,
    }

    impl Wire {
        fn open(id: &str) -> Self {
            let path = format!(r"\\.\Global\{id}.wire");
            let open =
                || OpenOptions::new().read(true).write(true).open(&path).expect("the test driver's adapter");
            let (mut reader, writer) = (open(), open());
            let begun = Instant::now();
            let (arrived, last_us) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let (count, time) = (Arc::clone(&arrived), Arc::clone(&last_us));
            thread::spawn(move || {
                let mut buffer = [0; 2048];
                while reader.read(&mut buffer).is_ok() {
                    count.fetch_add(1, Ordering::Relaxed);
                    time.store(begun.elapsed().as_micros() as usize, Ordering::Relaxed);
                }
            });
            Self { writer, arrived, last_us, begun }
        }

        fn arrived(&self) -> usize {
            self.arrived.load(Ordering::Relaxed)
        }

        /// Waits until nothing comes any more.
        fn settle(&self) {
            loop {
                let before = self.arrived();
                thread::sleep(SILENCE);
                if self.arrived() == before {
                    return;
                }
            }
        }

        /// How long after `since` the last one arrived.
        fn last(&self, since: Instant) -> Duration {
            let last = self.begun + Duration::from_micros(self.last_us.load(Ordering::Relaxed) as u64);
            last.saturating_duration_since(since)
        }
    }
}
