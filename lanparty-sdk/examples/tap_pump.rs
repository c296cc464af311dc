//! What an adapter of TAP-Windows6 carries with few and with many operations in flight, against the test driver, whose wire
//! this program holds at its other end (`tests/windows`):
//!
//! ```text
//! tap_pump {INSTANCE-ID} [FRAMES] [REPETITIONS]
//! ```
//!
//! Four rows for each number of operations: frames from the computer as fast as the wire gives them; frames to the
//! computer as fast as the adapter takes them; and the same in bursts of 64, with a pause in which everything could be
//! done. What is lost in a burst is what a game would miss.
#![allow(clippy::print_stdout, reason = "a program that prints what it measured")]
#![cfg_attr(windows, allow(clippy::disallowed_methods, reason = "it measures real time"))]

#[cfg(windows)]
mod windows {
    use std::fs::{File, OpenOptions};
    use std::io::{self, Read as _, Write as _};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, Instant};

    use bytes::Bytes;
    use lanparty_sdk::port::tap_windows::{AdapterChoice, TapOptions, TapPort};
    use lanparty_sdk::port::{FrameBatch, FrameSink, FrameSource, Port, TrySendError};
    use lanparty_sdk::route::AdapterPolicy;

    const FRAME_LEN: usize = 1400;
    const BURST: u64 = 64;
    const PAUSE: Duration = Duration::from_millis(20);
    /// Nothing has come for so long: nothing more will.
    const SILENCE: Duration = Duration::from_millis(500);

    pub(super) fn run() -> Result<(), Box<dyn std::error::Error>> {
        let mut arguments = std::env::args().skip(1);
        let id = arguments.next().ok_or("which adapter? give its instance id, in braces")?;
        let frames = arguments.next().map_or(Ok(20_000), |text| text.parse())?;
        let repetitions = arguments.next().map_or(Ok(5), |text| text.parse())?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let wire = Wire::open(&id)?;
        println!("operations  from computer       to computer         bursts from   bursts to");
        let all = [1, 16, 64, 256];
        let mut rows = vec![Vec::new(); all.len()];
        for _ in 0..repetitions {
            for (operations, row) in all.into_iter().zip(&mut rows) {
                row.push(runtime.block_on(measure(&id, &wire, operations, frames))?);
            }
        }
        for (operations, row) in all.into_iter().zip(rows) {
            let median = |pick: fn(&Row) -> f64| {
                let mut all: Vec<f64> = row.iter().map(pick).collect();
                all.sort_by(f64::total_cmp);
                all[all.len() / 2]
            };
            println!(
                "{operations:>10}  {:>7.0}/s {:>5.1} %   {:>7.0}/s {:>5.1} %   {:>8.1} %   {:>8.1} %",
                median(|row| row.from.rate),
                median(|row| row.from.lost),
                median(|row| row.to.rate),
                median(|row| row.to.lost),
                median(|row| row.bursts_from.lost),
                median(|row| row.bursts_to.lost),
            );
        }
        Ok(())
    }

    #[derive(Clone, Copy, Default)]
    struct Flow {
        /// Frames that arrived, per second.
        rate: f64,
        /// Per cent.
        lost: f64,
    }

    #[derive(Clone, Copy, Default)]
    struct Row {
        from: Flow,
        to: Flow,
        bursts_from: Flow,
        bursts_to: Flow,
    }

    async fn measure(
        id: &str,
        wire: &Wire,
        operations: u16,
        frames: u64,
    ) -> Result<Row, Box<dyn std::error::Error>> {
        let mut options = TapOptions::new(AdapterChoice::parse(id));
        options.operations(operations).policy(AdapterPolicy::HANDS_OFF);
        let Port { mut source, sink } = TapPort::open(&options)?;
        sink.set_link(true)?;
        let row = Row {
            from: from_computer(wire, &mut *source, frames, None).await?,
            to: to_computer(wire, &*sink, frames, None).await?,
            bursts_from: from_computer(wire, &mut *source, frames / 10, Some(PAUSE)).await?,
            bursts_to: to_computer(wire, &*sink, frames / 10, Some(PAUSE)).await?,
        };
        Ok(row)
    }

    /// The wire's other end. Reading it goes on for as long as the program runs: a read cannot be given up.
    struct Wire {
        writer: File,
        arrived: Arc<AtomicU64>,
    }

    impl Wire {
        fn open(id: &str) -> io::Result<Self> {
            let open = || OpenOptions::new().read(true).write(true).open(format!(r"\\.\Global\{id}.wire"));
            let mut reader = open()?;
            let writer = open()?;
            let arrived = Arc::new(AtomicU64::new(0));
            let count = Arc::clone(&arrived);
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(len) = reader.read(&mut buffer) {
                    if len == FRAME_LEN {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
            Ok(Self { writer, arrived })
        }
    }

    async fn from_computer(
        wire: &Wire,
        source: &mut dyn FrameSource,
        frames: u64,
        pause: Option<Duration>,
    ) -> Result<Flow, Box<dyn std::error::Error>> {
        let mut writer = wire.writer.try_clone()?;
        let begun = Instant::now();
        let sender = std::thread::spawn(move || -> io::Result<()> {
            let frame = [0x55; FRAME_LEN];
            for number in 1..=frames {
                writer.write_all(&frame)?;
                if let Some(pause) = pause
                    && number % BURST == 0
                {
                    std::thread::sleep(pause);
                }
            }
            Ok(())
        });
        let mut batch = FrameBatch::default();
        let (mut arrived, mut last) = (0, begun);
        while arrived < frames {
            let read = std::future::poll_fn(|cx| source.poll_recv(cx, &mut batch));
            match tokio::time::timeout(SILENCE, read).await {
                Ok(result) => result?,
                Err(_) if sender.is_finished() => break,
                Err(_) => continue,
            }
            arrived += batch.drain().filter(|frame| frame.bytes().len() == FRAME_LEN).count() as u64;
            last = Instant::now();
        }
        sender.join().map_err(|_| "the sender failed")??;
        Ok(flow(frames, arrived, last - begun))
    }

    async fn to_computer(
        wire: &Wire,
        sink: &dyn FrameSink,
        frames: u64,
        pause: Option<Duration>,
    ) -> Result<Flow, Box<dyn std::error::Error>> {
        let before = wire.arrived.load(Ordering::Relaxed);
        let arrived = || wire.arrived.load(Ordering::Relaxed) - before;
        let begun = Instant::now();
        let frame = Bytes::from_static(&[0x66; FRAME_LEN]);
        for number in 1..=frames {
            while let Err(error) = sink.try_send(frame.clone()) {
                match error {
                    TrySendError::Full(_) if pause.is_some() => break,
                    TrySendError::Full(_) => std::thread::yield_now(),
                    error => return Err(error.into()),
                }
            }
            if let Some(pause) = pause
                && number % BURST == 0
            {
                tokio::time::sleep(pause).await;
            }
        }
        let (mut seen, mut last) = (arrived(), Instant::now());
        while seen < frames && last.elapsed() < SILENCE {
            tokio::time::sleep(Duration::from_millis(1)).await;
            if arrived() != seen {
                (seen, last) = (arrived(), Instant::now());
            }
        }
        Ok(flow(frames, seen, last - begun))
    }

    fn flow(sent: u64, arrived: u64, time: Duration) -> Flow {
        Flow {
            rate: arrived as f64 / time.as_secs_f64(),
            lost: 100.0 * (sent - arrived) as f64 / sent as f64,
        }
    }
}

#[cfg(windows)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    windows::run()
}

#[cfg(not(windows))]
fn main() {
    println!("adapters of TAP-Windows6 are on Windows only");
}
