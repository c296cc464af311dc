using System;
using System.Threading;

namespace LanParty
{
    // The same events as C# events.
    public sealed partial class Session
    {
        private const int MaxPerPump = 1024;

        private Thread pump;

        /// <summary>Every event, after the one for its kind.</summary>
        public event EventHandler<SessionEvent> EventReceived;

        /// <summary>A connection is being made.</summary>
        public event EventHandler<SessionEvent> Connecting;

        /// <summary>In the room, for the first time or again.</summary>
        public event EventHandler<SessionEvent> Joined;

        /// <summary>Somebody came.</summary>
        public event EventHandler<SessionEvent> PeerJoined;

        /// <summary>Somebody left.</summary>
        public event EventHandler<SessionEvent> PeerLeft;

        /// <summary>Somebody paused or resumed.</summary>
        public event EventHandler<SessionEvent> PeerPaused;

        /// <summary>This session paused or resumed.</summary>
        public event EventHandler<SessionEvent> Paused;

        /// <summary>The connection broke; the session tries to come back.</summary>
        public event EventHandler<SessionEvent> Disconnected;

        /// <summary>Over.</summary>
        public event EventHandler<SessionEvent> Ended;

        /// <summary>An exception came out of a handler on the pump thread of <see cref="StartPump"/>.</summary>
        public event EventHandler<CallbackFailedEventArgs> CallbackFailed;

        /// <summary>
        /// Raises the C# events for what has happened, on this thread. Waits for the first for <paramref
        /// name="timeoutMs"/>, for the others not at all. Returns how many there were. An exception of a handler comes
        /// out here.
        /// </summary>
        public int Pump(int timeoutMs = 0)
        {
            if (pump != null) throw new InvalidOperationException("a pump thread runs: see StartPump");
            int count = 0;
            // Bounded, so that a flood of events does not hold up a game's frame.
            while (count < MaxPerPump && TryNextEvent(count == 0 ? timeoutMs : 0, out SessionEvent e))
            {
                count++;
                Raise(e);
            }
            return count;
        }

        /// <summary>
        /// Raises the C# events on a background thread of its own, until the session is over. <see cref="Dispose"/>
        /// ends it.
        /// </summary>
        public void StartPump()
        {
            var thread = new Thread(PumpUntilEnd) { IsBackground = true, Name = "lanparty pump" };
            if (Interlocked.CompareExchange(ref pump, thread, null) != null)
                throw new InvalidOperationException("a pump thread runs already");
            thread.Start();
        }

        private void PumpUntilEnd()
        {
            try
            {
                while (!EventsEnded)
                {
                    if (!TryNextEvent(Timeout.Infinite, out SessionEvent e)) continue;
                    try
                    {
                        Raise(e);
                    }
                    catch (Exception failure)
                    {
                        Report(failure);
                    }
                }
            }
            catch (ObjectDisposedException)
            {
                // Disposed of by a handler, or in more haste than the close needs.
            }
            catch (LanPartyException failure)
            {
                Report(failure);
            }
        }

        /// <summary>The session has been closed, so the thread comes to its end by itself.</summary>
        private void StopPump()
        {
            Thread thread = pump;
            if (thread == null || thread == Thread.CurrentThread) return;
            thread.Join(CloseTimeoutMs);
        }

        private void Report(Exception failure)
        {
            try
            {
                CallbackFailed?.Invoke(this, new CallbackFailedEventArgs(failure));
            }
            catch (Exception)
            {
                // Nobody is left to tell; an exception that leaves the thread would end the process.
            }
        }

        private void Raise(SessionEvent e)
        {
            HandlerOf(e.Kind)?.Invoke(this, e);
            EventReceived?.Invoke(this, e);
        }

        private EventHandler<SessionEvent> HandlerOf(EventKind kind)
        {
            switch (kind)
            {
                case EventKind.Connecting: return Connecting;
                case EventKind.Joined: return Joined;
                case EventKind.PeerJoined: return PeerJoined;
                case EventKind.PeerLeft: return PeerLeft;
                case EventKind.PeerPaused: return PeerPaused;
                case EventKind.Paused: return Paused;
                case EventKind.Disconnected: return Disconnected;
                case EventKind.Ended: return Ended;
                default: return null;
            }
        }
    }
}
