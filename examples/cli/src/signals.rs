//! Being told to end.

use std::future::Future;
use std::io;

use tokio::sync::watch;

/// What told the program to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C; on Windows also Ctrl-Break.
    Interrupt,
    /// SIGTERM, or a service manager. On Windows also: the console window is closed; the user logs off or the system
    /// shuts down, if Windows says so, which it does not always.
    Terminate,
}

impl Signal {
    /// As in the exit code of a shell: 128 and the signal's number.
    const fn exit_code(self) -> i32 {
        match self {
            Self::Interrupt => 128 + 2,
            Self::Terminate => 128 + 15,
        }
    }
}

/// Waits for the first signal to end. The second one ends the process at once.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<Option<Signal>>);

impl Shutdown {
    /// Listens from now on, on the tokio runtime from which this is called.
    ///
    /// # Errors
    /// The system's.
    pub fn listen() -> io::Result<Self> {
        let mut signals = Signals::new()?;
        let (sender, receiver) = watch::channel(None);
        tokio::spawn(async move {
            let first = signals.next().await;
            let _ = sender.send(Some(first));
            let second = signals.next().await;
            std::process::exit(second.exit_code());
        });
        Ok(Self(receiver))
    }

    /// Listens to no signal: [`Stopper::stop`] ends the program.
    #[must_use]
    pub fn by_stopper() -> (Stopper, Self) {
        let (sender, receiver) = watch::channel(None);
        (Stopper(sender), Self(receiver))
    }

    /// Waits until the program is told to end; at once if it has been.
    pub async fn requested(&mut self) -> Signal {
        match self.0.wait_for(Option::is_some).await.map(|signal| *signal) {
            Ok(Some(signal)) => signal,
            // The listening task lives as long as the runtime, and nobody is left to stop the program.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Does `work` unless the program is told to end first.
    ///
    /// # Errors
    /// The signal to end.
    pub async fn unless_requested<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Signal> {
        tokio::select! {
            biased;
            signal = self.requested() => Err(signal),
            done = work => Ok(done),
        }
    }
}

/// Tells a program to end that nobody can send a signal, such as a service.
#[derive(Debug)]
pub struct Stopper(watch::Sender<Option<Signal>>);

impl Stopper {
    /// Tells it. Only the first time counts.
    pub fn stop(&self, signal: Signal) {
        self.0.send_if_modified(|told| told.replace(told.unwrap_or(signal)).is_none());
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

/// For the last three the system ends the process some seconds later, whatever it does.
#[cfg(windows)]
struct Signals {
    ctrl_c: tokio::signal::windows::CtrlC,
    ctrl_break: tokio::signal::windows::CtrlBreak,
    close: tokio::signal::windows::CtrlClose,
    logoff: tokio::signal::windows::CtrlLogoff,
    shutdown: tokio::signal::windows::CtrlShutdown,
}

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};
        Ok(Self {
            ctrl_c: ctrl_c()?,
            ctrl_break: ctrl_break()?,
            close: ctrl_close()?,
            logoff: ctrl_logoff()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.ctrl_c.recv() => Signal::Interrupt,
            _ = self.ctrl_break.recv() => Signal::Interrupt,
            _ = self.close.recv() => Signal::Terminate,
            _ = self.logoff.recv() => Signal::Terminate,
            _ = self.shutdown.recv() => Signal::Terminate,
        }
    }
}

#[cfg(not(any(unix, windows)))]
struct Signals;

#[cfg(not(any(unix, windows)))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_stop_counts() {
        let (stopper, mut shutdown) = Shutdown::by_stopper();
        assert_eq!(shutdown.unless_requested(async { 7 }).await, Ok(7));
        stopper.stop(Signal::Terminate);
        stopper.stop(Signal::Interrupt);
        assert_eq!(shutdown.requested().await, Signal::Terminate);
        assert_eq!(shutdown.unless_requested(async { 7 }).await, Err(Signal::Terminate));
    }
}
