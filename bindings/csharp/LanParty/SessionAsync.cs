using System;
using System.Threading;
using System.Threading.Tasks;

namespace LanParty
{
    // Waiting without a thread: whoever takes the events completes the task.
    public sealed partial class Session
    {
        private readonly TaskCompletionSource<bool> joined =
            new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>
        /// Done once the session has been in its room, failed with the reason if it ended before. It completes when the
        /// event is taken, so somebody has to pump. Cancelling only gives up waiting.
        /// </summary>
        public async Task WaitJoinedAsync(CancellationToken cancellation = default)
        {
            var cancelled = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            using (cancellation.Register(() => cancelled.TrySetCanceled(cancellation)))
            {
                Task first = await Task.WhenAny(joined.Task, cancelled.Task).ConfigureAwait(false);
                await first.ConfigureAwait(false);
            }
        }

        /// <summary>What <see cref="WaitJoinedAsync"/> waits for.</summary>
        private void Observe(SessionEvent e)
        {
            if (e.Kind == EventKind.Joined) joined.TrySetResult(true);
            if (e.Kind != EventKind.Ended || joined.Task.IsCompleted) return;
            // The reason as an error object says more than the event: it has a kind.
            try
            {
                int status = NativeMethods.lanparty_session_wait_joined(Handle, 0, out IntPtr error);
                Fail(LanPartyException.From(status, error));
            }
            catch (ObjectDisposedException gone)
            {
                // Somebody disposed of the session meanwhile; the event itself still goes to whoever took it.
                Fail(gone);
            }
        }

        private void Fail(Exception reason)
        {
            // Looked at once, so that nobody is told of an unobserved exception if nobody ever waited.
            if (joined.TrySetException(reason)) _ = joined.Task.Exception;
        }
    }
}
