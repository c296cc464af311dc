//! A task within a task: run on its own, but ended and failing together with the one that began it.

use std::future::pending;
use std::panic::resume_unwind;

use tokio::task::JoinHandle;

/// A task that ends when this is dropped.
pub(super) struct Subtask<T>(JoinHandle<T>);

impl<T: Send + 'static> Subtask<T> {
    pub(super) fn spawn(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(future))
    }

    /// Waits for its end. Its panic becomes the caller's.
    pub(super) async fn join(mut self) -> T {
        match (&mut self.0).await {
            Ok(value) => value,
            Err(failure) => match failure.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime ends, and with it whoever waits here.
                Err(_) => pending().await,
            },
        }
    }
}

impl<T> Drop for Subtask<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn its_panic_becomes_that_of_whoever_waits() {
        let outer = tokio::spawn(async {
            Subtask::spawn(async { panic!("on purpose") }).join().await;
        });
        let failure = outer.await.expect_err("it panicked");
        assert_eq!(failure.into_panic().downcast_ref::<&str>(), Some(&"on purpose"));
    }

    #[tokio::test]
    async fn it_ends_with_whoever_waits() {
        let (kept, ended) = oneshot::channel::<()>();
        let inner = async move {
            pending::<()>().await;
            drop(kept);
        };
        let outer = tokio::spawn(Subtask::spawn(inner).join());
        tokio::task::yield_now().await;
        outer.abort();
        assert!(ended.await.is_err(), "the inner task was dropped with what it held");
    }

    #[tokio::test]
    async fn its_value_is_given() {
        assert_eq!(Subtask::spawn(async { 7 }).join().await, 7);
    }
}
