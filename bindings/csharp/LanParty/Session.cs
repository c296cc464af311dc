using System;
using System.Collections.Generic;

namespace LanParty
{
    /// <summary>
    /// A membership in a room: it connects, stays, comes back by itself when the connection broke, and moves frames
    /// between the room and a <see cref="Port"/>.
    /// </summary>
    /// <remarks>
    /// <para>Events wait in a queue until somebody takes them: <see cref="TryNextEvent"/> hands out one,
    /// <see cref="Pump"/> raises C# events on the caller's thread (call it once per frame in Unity's <c>Update</c>),
    /// and <see cref="StartPump"/> does so on a thread of its own. Each event goes to one of them.</para>
    /// <para>All methods may be called from any thread.</para>
    /// </remarks>
    public sealed unsafe partial class Session : IDisposable, IEndable
    {
        private volatile bool ended;
        private int closeTimeoutMs = 3000;

        internal SessionHandle Handle { get; }

        private Session(SessionHandle handle, Port port)
        {
            Handle = handle;
            Port = port;
            OpenObjects.Add(this);
        }

        /// <summary>Begins to join and returns at once.</summary>
        public static Session Start(SessionOptions options)
        {
            Native.NotNull(options, nameof(options));
            int status = NativeMethods.lanparty_session_start(
                options.Handle, out SessionHandle handle, out IntPtr error);
            LanPartyException.Check(status, error);
            return new Session(handle, options.Port);
        }

        /// <summary>Joins, and waits until that is done. What happened meanwhile is still to be pumped.</summary>
        /// <param name="options">How to join.</param>
        /// <param name="timeoutMs">-1 waits for ever.</param>
        /// <exception cref="LanPartyException">The room or the relay refused, or cannot be reached.</exception>
        /// <exception cref="TimeoutException">It took too long; the session is gone.</exception>
        public static Session Join(SessionOptions options, int timeoutMs = 15000)
        {
            Native.TimeoutOf(timeoutMs);
            Session session = Start(options);
            try
            {
                if (session.WaitJoined(timeoutMs)) return session;
                throw new TimeoutException($"not in the room after {timeoutMs} ms");
            }
            catch
            {
                session.Dispose();
                throw;
            }
        }

        /// <summary>The port given in the options, or bridged last; null if there was none.</summary>
        public Port Port { get; private set; }

        /// <summary>How long <see cref="Dispose"/> waits for a clean end. 3000 ms unless set.</summary>
        public int CloseTimeoutMs
        {
            get => closeTimeoutMs;
            set
            {
                Native.TimeoutOf(value);
                closeTimeoutMs = value;
            }
        }

        /// <summary>
        /// Whether a call has found the queue of events at its end: there will be no more. Tells a timeout from the
        /// end.
        /// </summary>
        public bool EventsEnded => ended;

        /// <summary>
        /// Waits until the session has been in its room once. False if that takes longer. Takes no events.
        /// </summary>
        /// <exception cref="LanPartyException">It ended before, and this is why.</exception>
        public bool WaitJoined(int timeoutMs)
        {
            int status = NativeMethods.lanparty_session_wait_joined(
                Handle, Native.TimeoutOf(timeoutMs), out IntPtr error);
            return LanPartyException.Check(status, error) == LanPartyStatus.Ok;
        }

        /// <summary>
        /// Takes the next event. False if none came in time, or if there will be no more (<see cref="EventsEnded"/>).
        /// </summary>
        /// <param name="timeoutMs">0 does not wait, -1 waits for ever.</param>
        /// <param name="e">The event, or null.</param>
        public bool TryNextEvent(int timeoutMs, out SessionEvent e)
        {
            e = null;
            var native = new lanparty_event { struct_size = (uint)sizeof(lanparty_event) };
            int status = NativeMethods.lanparty_session_next_event(
                Handle, Native.TimeoutOf(timeoutMs), &native, out IntPtr error);
            LanPartyStatus taken = LanPartyException.Check(status, error);
            if (taken == LanPartyStatus.End) ended = true;
            if (taken != LanPartyStatus.Ok) return false;
            e = new SessionEvent(&native);
            Observe(e);
            return true;
        }

        /// <summary>
        /// What the system can wait on until there is an event: a file descriptor on Linux, the handle of an
        /// event object on Windows. It belongs to the session.
        /// </summary>
        public long WaitHandle
        {
            get
            {
                int status = NativeMethods.lanparty_session_wait_handle(Handle, out long handle, out IntPtr error);
                LanPartyException.Check(status, error);
                return handle;
            }
        }

        /// <summary>
        /// The same as an object of .NET, for <c>WaitHandle.WaitAny</c> and the like. Windows only. It is of no use once
        /// the session is disposed of.
        /// </summary>
        /// <exception cref="PlatformNotSupportedException">This system has descriptors instead.</exception>
        public System.Threading.WaitHandle CreateWaitHandle() => Native.EventOf(WaitHandle);

        /// <summary>Where the session is.</summary>
        public Phase Phase
        {
            get
            {
                LanPartyException.Check(
                    NativeMethods.lanparty_session_phase(Handle, out uint phase, out IntPtr error), error);
                return (Phase)phase;
            }
        }

        /// <summary>The room as it is now.</summary>
        public Room Room
        {
            get
            {
                var room = new lanparty_room { struct_size = (uint)sizeof(lanparty_room) };
                LanPartyException.Check(NativeMethods.lanparty_session_room(Handle, &room, out IntPtr error), error);
                return new Room(&room);
            }
        }

        /// <summary>Everybody else in the room.</summary>
        public IReadOnlyList<Peer> GetPeers() => Native.List(
            sizeof(lanparty_peer),
            (IntPtr items, UIntPtr capacity, out UIntPtr count, out IntPtr error) =>
                NativeMethods.lanparty_session_peers(
                    Handle, (lanparty_peer*)items, (UIntPtr)sizeof(lanparty_peer), capacity, out count, out error),
            item => new Peer((lanparty_peer*)item));

        /// <summary>
        /// Lets the room and the port hear each other; a former port is let go. False if it took longer; it goes on
        /// then.
        /// </summary>
        /// <exception cref="LanPartyException">
        /// <see cref="LanPartyStatus.PortInUse"/> if a session uses the port already.
        /// </exception>
        public bool Bridge(Port port, int timeoutMs = 5000)
        {
            Native.NotNull(port, nameof(port));
            int status = NativeMethods.lanparty_session_bridge(
                Handle, Native.Open(port.Handle), Native.TimeoutOf(timeoutMs), out IntPtr error);
            LanPartyStatus bridged = LanPartyException.Check(status, error);
            Port = port;
            return bridged == LanPartyStatus.Ok;
        }

        /// <summary>
        /// Lets the port go, so that it can be bridged again. False if it took longer; it goes on then.
        /// </summary>
        public bool Unbridge(int timeoutMs = 5000)
        {
            int status = NativeMethods.lanparty_session_unbridge(
                Handle, Native.TimeoutOf(timeoutMs), out IntPtr error);
            return LanPartyException.Check(status, error) == LanPartyStatus.Ok;
        }

        /// <summary>
        /// Stops or resumes moving frames while staying in the room. What comes meanwhile is dropped and counted.
        /// </summary>
        public void SetPaused(bool paused)
        {
            int status = NativeMethods.lanparty_session_set_paused(Handle, (byte)(paused ? 1 : 0), out IntPtr error);
            LanPartyException.Check(status, error);
        }

        /// <summary>The counters.</summary>
        public Stats GetStats()
        {
            var stats = new lanparty_stats { struct_size = (uint)sizeof(lanparty_stats) };
            LanPartyException.Check(NativeMethods.lanparty_session_stats(Handle, &stats, out IntPtr error), error);
            return new Stats(stats);
        }

        /// <summary>One counter, also such as this assembly has no name for.</summary>
        public long GetStat(Stat id)
        {
            int status = NativeMethods.lanparty_session_stat(Handle, (uint)id, out ulong value, out IntPtr error);
            LanPartyException.Check(status, error);
            return (long)value;
        }

        /// <summary>How many frames were dropped, by reason; only reasons that happened.</summary>
        public IReadOnlyDictionary<string, long> GetDrops()
        {
            KeyValuePair<string, long>[] list = Native.List(
                sizeof(lanparty_drop),
                (IntPtr items, UIntPtr capacity, out UIntPtr count, out IntPtr error) =>
                    NativeMethods.lanparty_session_drops(
                        Handle, (lanparty_drop*)items, (UIntPtr)sizeof(lanparty_drop), capacity, out count, out error),
                item => new KeyValuePair<string, long>(
                    Native.Text(((lanparty_drop*)item)->reason, 32), (long)((lanparty_drop*)item)->count));
            var drops = new Dictionary<string, long>();
            foreach (KeyValuePair<string, long> drop in list) drops[drop.Key] = drop.Value;
            return drops;
        }

        /// <summary>How well the session is, in figures.</summary>
        public Diagnostics GetDiagnostics()
        {
            var native = new lanparty_diagnostics { struct_size = (uint)sizeof(lanparty_diagnostics) };
            int status = NativeMethods.lanparty_session_diagnostics(Handle, &native, out IntPtr error);
            LanPartyException.Check(status, error);
            return new Diagnostics(&native);
        }

        /// <summary>How well the session is, in sentences for the user.</summary>
        public IReadOnlyList<UserLine> GetUserLines() => Native.List(
            sizeof(lanparty_user_line),
            (IntPtr items, UIntPtr capacity, out UIntPtr count, out IntPtr error) =>
                NativeMethods.lanparty_session_user_lines(
                    Handle, (lanparty_user_line*)items, (UIntPtr)sizeof(lanparty_user_line), capacity, out count,
                    out error),
            item => new UserLine((lanparty_user_line*)item));

        /// <summary>
        /// Leaves the room. Whoever waits in a call is woken; queued events can still be taken. False if it took
        /// longer; it goes on then.
        /// </summary>
        /// <param name="text">Words that the others see; may be null.</param>
        /// <param name="timeoutMs">How long to wait for the end.</param>
        public bool Close(string text = null, int timeoutMs = 3000)
        {
            byte[] bytes = Native.Bytes(text);
            int status = NativeMethods.lanparty_session_close(
                Handle, bytes, Native.Length(bytes), Native.TimeoutOf(timeoutMs), out IntPtr error);
            return LanPartyException.Check(status, error) == LanPartyStatus.Ok;
        }

        void IEndable.End(int timeoutMs) => Close(null, timeoutMs);

        /// <summary>Leaves, stops the pump thread if there is one, and frees the session.</summary>
        public void Dispose()
        {
            if (Handle.IsClosed) return;
            // Disposing does not fail: what close could not do, as from inside a callback, freeing does without
            // waiting.
            NativeMethods.lanparty_session_close(
                Handle, null, UIntPtr.Zero, Native.TimeoutOf(CloseTimeoutMs), out IntPtr error);
            if (error != IntPtr.Zero) new ErrorHandle(error).Dispose();
            StopPump();
            OpenObjects.Remove(this);
            Handle.Dispose();
            Fail(new ObjectDisposedException(nameof(Session)));
        }
    }
}
